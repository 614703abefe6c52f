"""Predictions out of fold: each picture judged by a model that never saw its group.

A model is trained on all folds but one and looks at that one (Stone, "Cross-Validatory Choice and
Assessment of Statistical Predictions", 1974; to find wrong labels: Northcutt et al., "Confident
Learning", JAIR 2021). Its last weights look, not its best: which ones are best is told by the very
labels that are to be judged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np

from pipeline import arrange, manifest
from pipeline.augment.shapes import Shapes
from pipeline.check import fold_trees, predictions_file
from pipeline.check.looking import LookOptions, look
from pipeline.check.predictions import Predictions
from pipeline.dataset import Boxes, Dataset, Ints, strings
from pipeline.evaluation.mismatch import MismatchOptions
from pipeline.evaluation.run import EvaluateOptions
from pipeline.models.details import Details
from pipeline.progress import Track, silent
from pipeline.steps.split import SplitOptions, split
from pipeline.training.options import TrainOptions
from pipeline.training.places import Again
from pipeline.training.run import Audience, train

log = logging.getLogger(__name__)

KIND = "folds"
EPOCHS = 30  # of a short training
_LITTLE = 0.3  # mAP50: a model that finds less than that disagrees with most labels
_TREES = "data"
_SURROUNDINGS = ("batch", "device")  # change nothing in what is found
Watched = Callable[[], AbstractContextManager[Audience]]


def short(training: TrainOptions, epochs: int = EPOCHS) -> TrainOptions:
    """A training of so many epochs, which the labels to be judged do not cut short."""
    return replace(training, epochs=epochs, patience=0)


@dataclass(frozen=True)
class FoldOptions:
    """How to make predictions out of fold.

    Attributes:
        folds: How many models; each is trained on all folds but one.
        seed: Of the order in which groups are dealt.
        training: How to train each; see `short`.
        looking: How each looks at its fold; on the device of the training.
        shapes: What turns with the boxes when pictures are turned (`augment.shapes`). Boxes that
            grow when they are turned teach models to find things too large.
    """

    folds: Annotated[int, msgspec.Meta(ge=2, le=100)] = 5
    seed: int = 0
    training: TrainOptions = field(default_factory=lambda: short(TrainOptions()))
    looking: LookOptions = field(default_factory=LookOptions)
    shapes: Shapes = None


def out_of_fold(
    dataset: Dataset,
    options: FoldOptions,
    folder: Path,
    *,
    again: Again = "resume",
    track: Track = silent,
    watched: Watched | None = None,
) -> Predictions:
    """Train a model for each fold and have it look at the pictures that it never saw.

    Interrupted, the same call goes on where it was; what is done is taken as it is.

    Args:
        dataset: Labels of all splits. Those that are no boxes are not trained on.
        options: How.
        folder: Where to: predictions.npz; the runs fold-1, fold-2, ...; in `data` the trees that
            they were trained on; the manifest, last.
        again: "resume"; or "force", which trains all anew.
        track: Shows progress.
        watched: Gives who is told of one training; None: nobody.

    Returns:
        Predictions of every picture, in the rows of the data set; all of them unseen.

    Raises:
        BoxwrightError: Too few groups for the folds, a folder that is something else, other labels
            than those that an interrupted training began with, or what ended a training.
        DataErrors: Pictures that cannot be read.
    """
    fold = deal(dataset, options)
    trees = fold_trees.write(dataset, fold, folder / _TREES, track, options.shapes)
    watched = watched or (lambda: nullcontext(Audience(track)))
    parts, runs = [], []
    for number, tree in enumerate(trees, 1):
        log.info("Fold %d of %d", number, len(trees))
        with watched() as audience:
            run = _train(tree, options.training, folder / tree.name, again, audience)
        looking = _Looking(folder / f"{tree.name}.npz", run, options)
        parts.append(looking.at(dataset.keep_images(fold == number), track))
        runs.append({"run": Path(run["run"]).name, **run["metrics"]})
    made = {"folds": options.folds, "seed": options.seed, "runs": runs}
    path = folder / predictions_file.FILE
    predictions_file.write(path, _together(dataset, fold, parts, made))
    manifest.write(folder, KIND, made)
    _tell([run["mAP50"] for run in runs])
    return predictions_file.read(path, dataset)


def deal(dataset: Dataset, options: FoldOptions) -> Ints:
    """(N,) the fold of each picture, from 1; a group is in one fold.

    A picture without a group is its own. Every class, size and background is in its share (see
    `steps.split`).

    Raises:
        BoxwrightError: Fewer groups than folds.
    """
    images = dataset.images
    ungrouped = sum(not name for name in images.group)
    if ungrouped:
        log.warning(
            "%d of %d pictures have no group: of two that show the same thing, a model may have "
            "seen the one when it judges the other. `boxwright groups` finds such pictures.",
            ungrouped,
            len(images),
        )
    own = (f"\0{side}/{name}" for side, name in zip(images.split, images.name, strict=True))
    group = strings(name or alone for name, alone in zip(images.group, own, strict=True))
    whole = replace(dataset, images=replace(images, group=group))
    dealt = split(whole, SplitOptions(folds=options.folds, seed=options.seed)).dataset
    number_of = {arrange.FOLD.format(n): n for n in range(1, options.folds + 1)}
    fold = np.array([number_of[name] for name in dealt.images.split], dtype=np.int64)
    for number, classes in unlearnt(dataset, fold).items():
        log.warning(
            "Fold %d holds all labels of %s, so that its model has never seen one: nothing that is "
            "said of these labels means anything.",
            number,
            ", ".join(classes),
        )
    return fold


def unlearnt(dataset: Dataset, fold: Ints) -> dict[int, list[str]]:
    """By fold, the classes that stand in no other: its model does not know them."""
    of_box = fold[dataset.boxes.image]
    found: dict[int, list[str]] = {}
    for label in np.unique(dataset.boxes.label).tolist():
        homes = np.unique(of_box[dataset.boxes.label == label]).tolist()
        if len(homes) == 1:
            found.setdefault(homes[0], []).append(dataset.classes[label])
    return found


def _tell(scores: Sequence[float]) -> None:
    """Say how much the judges know."""
    worst, best = min(scores), max(scores)
    log.info("The models reach mAP50 %.2f to %.2f on the pictures that they judge.", worst, best)
    if worst < _LITTLE:
        log.warning(
            "A model that reaches mAP50 %.2f has learnt too little to judge labels: train longer, "
            "from pretrained weights, or in fewer folds.",
            worst,
        )


def _train(
    tree: Path, training: TrainOptions, out: Path, again: Again, audience: Audience
) -> dict[str, Any]:
    """The run of one fold: its manifest, with its folder as `run`."""
    return train(
        tree,
        training,
        out,
        again=again,
        evaluation=EvaluateOptions(device=training.device, samples=0),
        mismatch=MismatchOptions(after_training=False),
        audience=audience,
    )


@dataclass(frozen=True)
class _Looking:
    """How the model of a fold looks at its pictures, and the file that keeps what it says."""

    file: Path
    run: Mapping[str, Any]
    options: FoldOptions

    def at(self, part: Dataset, track: Track) -> Predictions:
        """What the model says; taken from the file where it said it before."""
        looking = replace(self.options.looking, device=self.options.training.device)
        plain = {k: v for k, v in asdict(looking).items() if k not in _SURROUNDINGS}
        made = {"fingerprint": self.run["fingerprint"], "looking": plain}
        if predictions_file.made(self.file) != made:
            last = Path(self.run["run"]) / "weights" / "last.pt"
            found, details = look(last, part, looking, track)
            unseen = np.ones(len(part.images), dtype=bool)
            predictions_file.write(self.file, Predictions(found, details, unseen, made))
        return predictions_file.read(self.file, part)


def _together(
    dataset: Dataset, fold: Ints, parts: Sequence[Predictions], made: Mapping[str, Any]
) -> Predictions:
    """The predictions of all folds, in the order of the pictures."""
    rows = [np.flatnonzero(fold == number) for number in range(1, len(parts) + 1)]
    found = [part.found.boxes for part in parts]
    image = np.concatenate([own[boxes.image] for own, boxes in zip(rows, found, strict=True)])
    order = np.argsort(image, kind="stable")
    label, xyxy, score = (
        np.concatenate([getattr(boxes, name) for boxes in found])[order]
        for name in ("label", "xyxy", "score")
    )
    boxes = Boxes.of(image[order], label, xyxy, score=score)
    details = Details.joined([part.details for part in parts], len(dataset.classes)).take(order)
    unseen = np.ones(len(dataset.images), dtype=bool)
    return Predictions(replace(dataset, boxes=boxes), details, unseen, made)
