"""Who judges the labels: models of folds, a model that is there, or a file of what models said."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import msgspec

from pipeline import manifest
from pipeline.augment.shapes import Shapes
from pipeline.check import folds, looking, predictions_file
from pipeline.check.folds import EPOCHS
from pipeline.check.looking import LookOptions
from pipeline.check.padded import VIEWS
from pipeline.check.predictions import Predictions
from pipeline.dataset import Dataset, strings
from pipeline.errors import BoxwrightError
from pipeline.formats import pictures_csv
from pipeline.progress import Track, silent
from pipeline.training.options import TrainOptions
from pipeline.training.places import Again

JUDGES = ("folds", "predictions", "weights")
"""The options that name one."""


@dataclass(frozen=True)
class JudgeOptions:
    """Who judges; nobody unless one of `folds`, `predictions` and `weights` is given.

    Attributes:
        folds: Train so many models, each on all folds but the one that it judges.
        epochs: Of each of these trainings.
        seed: Of the order in which groups are dealt to folds.
        predictions: The file predictions.npz that folds left.
        weights: A model that is there. It must not have been trained on these pictures.
        views: How many times a model looks at each picture, see `LookOptions`.
    """

    folds: Annotated[int, msgspec.Meta(ge=2, le=100)] | None = None
    epochs: Annotated[int, msgspec.Meta(ge=1)] = EPOCHS
    seed: int = 0
    predictions: Path | None = None
    weights: Path | None = None
    views: Annotated[int, msgspec.Meta(ge=1, le=len(VIEWS))] = len(VIEWS)


@dataclass(frozen=True)
class Judges:
    """Who judges the labels of one folder.

    Attributes:
        options: Who.
        source: The folder that the labels were read from.
        folder: Where the folds go, see `folds.out_of_fold`.
        training: How the models of folds are trained, but for the epochs; the device of all models.
        looking: How models look at the pictures, but for the views.
    """

    options: JudgeOptions
    source: Path
    folder: Path
    training: TrainOptions = field(default_factory=TrainOptions)
    looking: LookOptions = field(default_factory=LookOptions)


def ask(
    dataset: Dataset,
    judges: Judges,
    *,
    again: Again = "resume",
    track: Track = silent,
    watched: folds.Watched | None = None,
) -> Predictions | None:
    """What the judges say of the pictures; None where there is none.

    Args:
        dataset: The labels.
        judges: Who.
        again: "resume" or, to train all folds anew, "force".
        track: Shows progress.
        watched: Gives who is told of one training; None: nobody.

    Raises:
        BoxwrightError: More than one judge is named, or what `folds.out_of_fold`,
            `looking.by_weights` or `predictions_file.read` say.
    """
    options, dataset = judges.options, grouped(dataset, judges.source)
    named = [name for name in JUDGES if getattr(options, name)]
    if len(named) > 1:
        raise BoxwrightError(f"{' and '.join(named)}: one at a time can judge; give one of them.")
    if options.predictions:
        return predictions_file.read(options.predictions, dataset)
    eyes = replace(judges.looking, device=judges.training.device, views=options.views)
    if options.weights:
        return looking.by_weights(options.weights, dataset, judges.source, eyes, track)
    if not options.folds:
        return None
    training = folds.short(judges.training, options.epochs)
    shapes = _shapes(judges.source)
    how = folds.FoldOptions(options.folds, options.seed, training, eyes, shapes)
    return folds.out_of_fold(dataset, how, judges.folder, again=again, track=track, watched=watched)


def _shapes(source: Path) -> Shapes:
    """What turns with the boxes of a prepared tree; the pixels tell what drawn outlines did."""
    made = manifest.read(source) or {}
    asked: Shapes = made.get("options", {}).get("shapes")
    return asked or ("auto" if made.get("shapes") else None)


def grouped(dataset: Dataset, source: Path) -> Dataset:
    """With the groups of the folder's pictures.csv, where the labels were read without them."""
    images = dataset.images
    if any(images.group):
        return dataset
    known = pictures_csv.read(source if source.is_dir() else source.parent)
    keys = (f"{split}/{name}" for split, name in zip(images.split, images.name, strict=True))
    group = strings(known.get(key, ("", ""))[0] for key in keys)
    return replace(dataset, images=replace(images, group=group))
