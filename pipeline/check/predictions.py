"""What models say of the pictures whose labels are checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.dataset import Bools, Boxes, Dataset
from pipeline.errors import BoxwrightError
from pipeline.models.details import Details


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions of every picture, best by a model that never saw the picture's group.

    Attributes:
        found: The pictures of the labels, in the same rows, and their classes; the boxes are the
            models', with scores, best first within a picture, cut at the borders.
        details: A row a box of `found`: probabilities of all classes, spread of each side.
        unseen: (N,) whether what is said of a picture comes of a model that was not trained on its
            group. What a model says of pictures that it was trained on repeats their labels.
        made: How they were made, as plain data.
    """

    found: Dataset
    details: Details
    unseen: Bools
    made: Mapping[str, Any] = field(default_factory=dict)


def pooled(views: Sequence[Predictions]) -> Predictions:
    """What several views of the same pictures say, as one table.

    Args:
        views: At least one, all of the same pictures and classes.
    """
    parts = [view.found.boxes for view in views]
    image, label, xyxy, score = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("image", "label", "xyxy", "score")
    )
    order = np.lexsort((-score, image))
    details = Details.joined([view.details for view in views], len(views[0].found.classes))
    boxes = Boxes.of(image[order], label[order], xyxy[order], score=score[order])
    unseen = np.logical_and.reduce([view.unseen for view in views])
    found = replace(views[0].found, boxes=boxes)
    return replace(views[0], found=found, details=details.take(order), unseen=unseen)


def in_classes(
    found: Dataset, details: Details, classes: Sequence[str], where: Path
) -> tuple[Dataset, Details]:
    """Predictions in the classes of the labels, matched by name.

    Args:
        found: Predictions, in classes of their own.
        details: Theirs.
        classes: Those of the labels.
        where: What the predictions are from.

    Raises:
        BoxwrightError: They are not the same classes.
    """
    if sorted(found.classes) != sorted(classes):
        raise BoxwrightError(
            "the predictions and the labels do not have the same classes:"
            f"\n    {where}: {', '.join(found.classes)}"
            f"\n    labels: {', '.join(classes)}"
            "\n    -> a model of these very classes is needed; `folds` trains some."
        )
    place = np.array([list(classes).index(name) for name in found.classes], dtype=np.int64)
    boxes = replace(found.boxes, label=place[found.boxes.label])
    probability = details.probability[:, np.argsort(place)]
    return (
        replace(found, classes=tuple(classes), boxes=boxes),
        replace(details, probability=probability),
    )
