"""What models say of the pictures whose labels are checked."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.dataset import Bools, Dataset
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
    """

    found: Dataset
    details: Details
    unseen: Bools
