"""What is taken for what: predictions matched with the truth whatever their class.

Greedy, as COCO and ultralytics do: the surest prediction of a picture chooses first, and takes
the box that it overlaps most among those nobody has taken. Here a class may differ; that is the
point. Predictions that lie in a crowd are neither right nor wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline import boxes as geometry
from pipeline.dataset import Bools, Boxes, Dataset, Floats, Ints

CONF = 0.25
IOU = 0.5
NOBODY = -1
IN_CROWD = -2


@dataclass(frozen=True, eq=False)
class Matching:
    """Who found whom.

    Attributes:
        predictions: Those at or above the confidence.
        found_by: (M,) for every true box the row of its prediction; `NOBODY` where it was missed,
            `IN_CROWD` for a crowd, which need not be found.
        found: (P,) for every prediction the row of its true box; `NOBODY` where there is none,
            `IN_CROWD` where it lies in a crowd.
    """

    predictions: Dataset
    found_by: Ints
    found: Ints


def match(truth: Dataset, predictions: Dataset, conf: float = CONF, iou: float = IOU) -> Matching:
    """Pair predictions with true boxes, one to one in each picture, whatever their classes.

    Args:
        truth: Pictures with their boxes.
        predictions: The same pictures, with scores.
        conf: Predictions below this confidence are left out.
        iou: The least overlap of a pair.
    """
    kept = predictions.keep_boxes(predictions.boxes.score >= conf)
    found_by = np.where(truth.boxes.crowd, IN_CROWD, NOBODY)
    found = np.full(len(kept.boxes), NOBODY)
    for boxes, guesses in zip(truth.per_image(), kept.per_image(), strict=True):
        if boxes.stop == boxes.start or guesses.stop == guesses.start:
            continue
        pairs = _pair(truth.boxes, kept.boxes, boxes, guesses, iou)
        found[guesses] = np.where(pairs >= 0, pairs + boxes.start, pairs)
        hit = np.flatnonzero(pairs >= 0)
        found_by[pairs[hit] + boxes.start] = hit + guesses.start
    return Matching(kept, found_by, found)


def _pair(truth: Boxes, kept: Boxes, boxes: slice, guesses: slice, iou: float) -> Ints:
    """For each prediction of one picture its true box, counted from the picture's first."""
    overlap = geometry.iou(kept.xyxy[guesses], truth.xyxy[boxes])
    crowd = truth.crowd[boxes]
    overlap[:, crowd] = 0
    pairs = np.full(len(overlap), NOBODY)
    for guess in np.argsort(-kept.score[guesses], kind="stable"):
        best = int(overlap[guess].argmax())
        if overlap[guess, best] >= iou:
            pairs[guess] = best
            overlap[:, best] = 0
    inside = _inside(kept.xyxy[guesses], truth.xyxy[boxes][crowd], iou)
    pairs[(pairs == NOBODY) & inside] = IN_CROWD
    return pairs


def _inside(xyxy: Floats, crowds: Floats, share: float) -> Bools:
    """(N,) whether at least `share` of each box lies in one of the crowds (COCO's crowd IoU)."""
    low = np.maximum(xyxy[:, None, :2], crowds[None, :, :2])
    high = np.minimum(xyxy[:, None, 2:], crowds[None, :, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=2)
    least = share * geometry.area(xyxy)[:, None]
    return np.asarray(((common > 0) & (common >= least)).any(axis=1), dtype=np.bool_)


def matrix(truth: Dataset, matching: Matching) -> Ints:
    """The confusion matrix (K + 1, K + 1): rows are the truth, columns what the model said.

    The last row is background that was taken for something, the last column what was missed.
    """
    background = len(truth.classes)
    counts = np.zeros((background + 1, background + 1), dtype=np.int64)
    guesses = matching.predictions.boxes
    hit, false = matching.found >= 0, matching.found == NOBODY
    np.add.at(counts, (truth.boxes.label[matching.found[hit]], guesses.label[hit]), 1)
    np.add.at(counts, (background, guesses.label[false]), 1)
    np.add.at(counts, (truth.boxes.label[matching.found_by == NOBODY], background), 1)
    return counts


def most_confused(
    counts: Ints, classes: Sequence[str], most: int = 10
) -> list[tuple[str, str, int]]:
    """The classes that are taken for one another, as (what is there, what was said, how often).

    The most frequent first; background is left out.
    """
    wrong = counts[:-1, :-1].copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    places = zip(*np.unravel_index(order, wrong.shape), strict=True)
    return [(classes[t], classes[s], int(wrong[t, s])) for t, s in places if wrong[t, s]]


@dataclass(frozen=True, eq=False)
class Mistakes:
    """What went wrong, a value a picture.

    Attributes:
        missed: (N,) boxes that nothing found.
        false: (N,) predictions where nothing is.
        confused: (N,) boxes that were found and called something else.
        weight: (N,) how bad it is: a miss counts 1, a false or confused prediction its confidence.
    """

    missed: Ints
    false: Ints
    confused: Ints
    weight: Floats


def mistakes(truth: Dataset, matching: Matching) -> Mistakes:
    """Count the mistakes picture by picture."""
    guesses, count = matching.predictions.boxes, len(truth.images)
    false = matching.found == NOBODY
    confused = wrong_class(truth, matching)
    lost = truth.boxes.image[matching.found_by == NOBODY]
    wrong = false | confused
    missed = np.bincount(lost, minlength=count)
    surety = np.bincount(guesses.image[wrong], guesses.score[wrong], minlength=count)
    return Mistakes(
        missed=missed,
        false=np.bincount(guesses.image[false], minlength=count),
        confused=np.bincount(guesses.image[confused], minlength=count),
        weight=np.asarray(missed + surety, dtype=np.float64),
    )


def wrong_class(truth: Dataset, matching: Matching) -> Bools:
    """(P,) which predictions found a box and called it something else."""
    wrong = np.zeros(len(matching.found), dtype=bool)
    hit = np.flatnonzero(matching.found >= 0)
    said = matching.predictions.boxes.label[hit]
    wrong[hit] = said != truth.boxes.label[matching.found[hit]]
    return wrong
