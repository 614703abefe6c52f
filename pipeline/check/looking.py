"""What a model says of the pictures whose labels are checked."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from pipeline import manifest, models
from pipeline.check.padded import VIEWS, Margin, Padded
from pipeline.check.predictions import Predictions, in_classes, pooled
from pipeline.dataset import Bools, Dataset
from pipeline.errors import BoxwrightError
from pipeline.evaluation.resampling import units
from pipeline.formats import yolo
from pipeline.models.details import Details
from pipeline.progress import Track, silent
from pipeline.training import checks

log = logging.getLogger(__name__)

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=1)]


@dataclass(frozen=True)
class LookOptions:
    """How a model looks at pictures.

    Attributes:
        conf: The least confidence; low, for a label may be right where the model is unsure.
        iou: Of two predictions of a class that overlap more, only the surer one stays.
        max_det: At most this many predictions a picture.
        imgsz: Side in pixels that pictures are resized to; None: what the model was trained at.
        batch: Pictures at a time.
        device: "auto", "cpu", "0", "mps".
        views: How many times each picture is looked at, with other margins (`padded.VIEWS`); what
            is said is put together.
    """

    conf: Share = 0.01
    iou: Share = 0.7
    max_det: Count = 100
    imgsz: Annotated[int, msgspec.Meta(ge=32)] | None = None
    batch: Count = 16
    device: str = "auto"
    views: Annotated[int, msgspec.Meta(ge=1, le=len(VIEWS))] = 1


def look(
    weights: Path, dataset: Dataset, options: LookOptions, track: Track = silent
) -> tuple[Dataset, Details]:
    """What a model says of every picture of a data set, in the classes of the data set.

    Raises:
        BoxwrightError: No weights file, no such device, or other classes.
        DataError: A picture that cannot be read.
    """
    detector = models.load(weights, imgsz=options.imgsz, device=options.device)
    views = [_view(detector, margin, dataset, options, track) for margin in VIEWS[: options.views]]
    said = views[0] if len(views) == 1 else pooled(views)
    return in_classes(said.found, said.details, dataset.classes, weights)


def _view(
    detector: models.Detector, margin: Margin, dataset: Dataset, options: LookOptions, track: Track
) -> Predictions:
    found, details = models.predict_fully(
        Padded(detector, margin) if any(margin) else detector,
        dataset,
        conf=options.conf,
        iou=options.iou,
        max_det=options.max_det,
        batch=options.batch,
        track=track,
    )
    return Predictions(found, details, np.ones(len(dataset.images), dtype=bool))


def by_weights(
    weights: Path, dataset: Dataset, source: Path, options: LookOptions, track: Track = silent
) -> Predictions:
    """Predictions of a model that is there already, with a warning of what it may have learnt.

    Args:
        weights: The model's file.
        dataset: The labels.
        source: The folder that they were read from.
        options: How to look.
        track: Shows progress.

    Returns:
        Predictions; `unseen` is false for the pictures that the run's manifest says the model was
        trained on, and for the others of their groups. Where nobody can tell it is true.

    Raises:
        BoxwrightError: No weights file, no such device, or other classes.
        DataError: A picture that cannot be read.
    """
    seen = seen_by(weights, dataset, source)
    _warn(weights, seen)
    unseen = np.ones(len(dataset.images), dtype=bool) if seen is None else ~seen
    found, details = look(weights, dataset, options, track)
    made = {"weights": str(weights), "looking": asdict(options), "trained_here": seen is not None}
    return Predictions(found, details, unseen, made)


def seen_by(weights: Path, dataset: Dataset, source: Path) -> Bools | None:
    """Which pictures a model was trained on, by the manifest of its run.

    Args:
        weights: A weights file; where it lies in a run folder, that has the manifest.
        dataset: The pictures.
        source: The prepared folder that they were read from.

    Returns:
        (N,) whether the picture, or one of its group, was trained on; None where nobody can tell,
        since there is no manifest or it is of other data or of labels that have changed since.
    """
    run = manifest.read(weights.absolute().parent.parent) or {}
    trained_on = run.get("data", {}).get("content")
    if trained_on is None or trained_on != _content(source):
        return None
    unit = units(dataset.images.group)
    return np.isin(unit, unit[dataset.images.split == "train"])


def _content(source: Path) -> str | None:
    """What a training on a prepared folder calls its data; None where none could be trained on."""
    try:
        return checks.content(source, yolo.as_listed(yolo.read(source), source))
    except BoxwrightError:  # no prepared folder, or its labels have defects: told elsewhere
        return None


def _warn(weights: Path, seen: Bools | None) -> None:
    if seen is None:
        log.warning(
            "%s: nothing says which pictures it was trained on. Were some of these among them, it "
            "repeats their labels, wrong ones too, and finds little. `folds` trains models that "
            "never saw what they judge.",
            weights,
        )
    elif seen.any():
        log.warning(
            "%s WAS TRAINED ON %d OF THESE %d PICTURES: it repeats their labels, wrong ones too, "
            "so that what is found in them means little; only the other %d are judged by a "
            "stranger. `folds` trains models that never saw what they judge.",
            weights,
            seen.sum(),
            len(seen),
            (~seen).sum(),
        )
