"""Labels beside what was predicted at their places: vectorised over all pictures.

The reference of a label is the mean of the predictions that overlap it, each weighted by its score
and its IoU; several views of a picture, pooled in one table, sharpen it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.check.consensus.pairs import Pairs, overlapping
from pipeline.check.predictions import Predictions
from pipeline.dataset import Boxes, Floats

_TINY = 1e-9


@dataclass(frozen=True, eq=False)
class Views:
    """Labels (M) beside the predictions that overlap them.

    Attributes:
        pairs: Which label with which prediction (K).
        own: (K,) the probability of the label's class.
        score: (K,) the highest probability of all classes.
        other: (K,) the highest probability of the other classes.
        reference: (M, 4) where the predictions have the item, in pixels; NaN where none overlaps.
        spread: (M, 4) how unsure they are of each side, in pixels: what the model says itself and
            what they differ by.
        mass: (M,) the sum of the weights.
    """

    pairs: Pairs
    own: Floats
    score: Floats
    other: Floats
    reference: Floats
    spread: Floats
    mass: Floats


def look(labels: Boxes, predictions: Predictions) -> Views:
    """Put labels beside the predictions of the same pictures."""
    found, details = predictions.found.boxes, predictions.details
    pairs = overlapping(labels, found)
    label = labels.label[pairs.a]
    top, second = details.highest[pairs.b].T
    own = details.probability[pairs.b, label]
    other = np.where(own == top, second, top)
    weight = top * pairs.iou**2 + _TINY
    mass = pairs.total(weight)
    reference, spread = _reference(pairs, found.xyxy, details.spread, weight / mass[pairs.a])
    return Views(pairs, own, top, other, reference, spread, mass)


def _reference(pairs: Pairs, xyxy: Floats, spread: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Weighted mean (M, 4) and its uncertainty (M, 4); weights (K,) have the sum 1 for a label."""
    mean, unsure = np.empty((2, pairs.rows, 4))
    for side, (place, told) in enumerate(zip(xyxy.T, np.nan_to_num(spread.T), strict=True)):
        there = place[pairs.b]
        mean[:, side] = pairs.total(there * weight)
        apart = told[pairs.b] ** 2 + (there - mean[pairs.a, side]) ** 2
        unsure[:, side] = np.sqrt(pairs.total(apart * weight))
    alone = np.bincount(pairs.a, minlength=pairs.rows) == 0
    mean[alone] = unsure[alone] = np.nan
    return mean, unsure
