"""What a judge looks at, a row a label: agreement, sides, company, shape and border.

No column depends on the class's number or on the picture's, so that what is learned of planted
errors holds for real ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline import boxes as geometry
from pipeline.check.consensus.pairs import overlapping, paired_iou, taken
from pipeline.check.consensus.views import Views
from pipeline.check.predictions import Predictions
from pipeline.dataset import Boxes, Dataset, Floats, Ints

_OUTWARD = np.array([-1.0, -1.0, 1.0, 1.0])
_TOUCH = 0.01  # of the picture's side: as near to the border as this is at it
_CLAIMED = 0.4  # IoU at which a label takes up a prediction
RISING = {
    **dict.fromkeys(("off_most", "off_second", "off_best", "off_best_second", "off_ratio"), 1.0),
    **dict.fromkeys(("twin_same", "twin_other", "against"), 1.0),
    **dict.fromkeys(("evidence", "own", "own_iou", "own_at_best", "odds", "trusted"), -1.0),
    **dict.fromkeys(("any", "any_iou", "good_iou", "own_share", "reference_iou"), -1.0),
}
"""Columns that make an error likelier the higher they are (1), or less likely (-1)."""

_LEAST_FLOOR = 0.01  # of the item's side: nobody is surer of a side than this


@dataclass(frozen=True, eq=False)
class Habits:
    """What is usual in a data set, by its labels as given.

    Attributes:
        middle: (C, 3) medians by class of log width and log height as shares of the picture, and
            of the log aspect.
        usual: (C, 3) median distances from them.
        trust: (C,) the median probability that the detector gives the class where a label has it.
        confusion: (C, C) how likely it takes class i (row) for class j; rows sum to 1.
    """

    middle: Floats
    usual: Floats
    trust: Floats
    confusion: Floats


def habits(dataset: Dataset, predictions: Predictions, views: Views) -> Habits:
    """What is usual among the labels of `dataset`; `views` are of them."""
    labels = dataset.boxes
    classes = len(dataset.classes)
    shape = _shape(labels, dataset.images.size)
    best = views.pairs.best(views.score * views.pairs.iou)
    own = taken(views.own, best)
    rows = [np.flatnonzero(labels.label == label) for label in range(classes)]
    middle = _of_each(rows, shape)
    usual = _of_each(rows, np.abs(shape - middle[labels.label])) + 0.05
    trust = _of_each(rows, own[:, None])[:, 0] + 0.01
    told = taken(predictions.details.probability, views.pairs.partner(best))
    confusion = np.stack([told[row].sum(axis=0) + 1e-6 for row in rows])
    return Habits(middle, usual, trust, confusion / confusion.sum(axis=1, keepdims=True))


def _of_each(rows: list[Ints], values: Floats) -> Floats:
    """Medians of the columns over each class; over all where a class has no label."""
    every = np.median(values, axis=0) if len(values) else np.zeros(values.shape[1])
    return np.stack([np.median(values[row], axis=0) if len(row) else every for row in rows])


def _shape(labels: Boxes, size: Ints) -> Floats:
    side = np.maximum(labels.xyxy[:, 2:] - labels.xyxy[:, :2], 1e-3)
    log = np.log(side / size[labels.image])
    return np.column_stack([log, np.log(side[:, 0] / side[:, 1])])


def of_labels(
    labels: Boxes, size: Ints, predictions: Predictions, usual: Habits, views: Views
) -> dict[str, Floats]:
    """The columns, by name.

    Args:
        labels: (M) to be judged, in the order of the pictures.
        size: (N, 2) of the pictures.
        predictions: Of the same pictures.
        usual: From `habits`.
        views: Of the labels.
    """
    columns = alone(labels, size, predictions, usual, views)
    return {**columns, **_company(labels, views, predictions)}


def alone(
    labels: Boxes, size: Ints, predictions: Predictions, usual: Habits, views: Views
) -> dict[str, Floats]:
    """As `of_labels`, without what stands beside a label: quick for many boxes."""
    return {
        **_agreement(labels, views, usual),
        **_sides(labels, views, predictions),
        **_looks(labels, size, views, usual),
    }


def _agreement(labels: Boxes, views: Views, usual: Habits) -> dict[str, Floats]:
    pairs, own, score, other = views.pairs, views.own, views.score, views.other
    same, best = pairs.best(own * pairs.iou), pairs.best(score * pairs.iou)
    evidence = taken(own * pairs.iou, same)
    against = pairs.most(other * pairs.iou)
    return {
        "evidence": evidence,
        "own": taken(own, same),
        "own_iou": taken(pairs.iou, same),
        "any": taken(score * pairs.iou, best),
        "any_score": taken(score, best),
        "any_iou": taken(pairs.iou, best),
        "own_at_best": taken(own, best),
        "other_at_best": taken(other, best),
        "against": against,
        "odds": np.log((evidence + 1e-3) / (against + 1e-3)),
        "trusted": taken(own, best) / usual.trust[labels.label],
        "own_share": pairs.total(own * pairs.iou**2) / (pairs.total(score * pairs.iou**2) + 1e-9),
        "good_iou": pairs.most(pairs.iou * (score > 0.1)),
        "mass": views.mass,
    }


def residuals(labels: Boxes, reference: Floats) -> Floats:
    """(M, 4) how far each side of a label lies outside of the reference, as a share of its side."""
    out: Floats = (labels.xyxy - reference) * _OUTWARD / extent(reference)
    return out


def place(reference: Floats, off: Floats) -> Floats:
    """(M, 4) the boxes whose residuals are `off` (M, 4): the inverse of `residuals`.

    For the usual residuals, where right labels would lie: models of turned boxes, or of few
    pictures, find things too large or too small, side by side.
    """
    out: Floats = reference + _OUTWARD * off * extent(reference)
    return out


def extent(xyxy: Floats) -> Floats:
    """(M, 4) width, height, width and height of boxes in pixels, never quite 0."""
    out: Floats = np.maximum(np.tile(xyxy[:, 2:] - xyxy[:, :2], 2), 1e-3)
    return out


def _sides(labels: Boxes, views: Views, predictions: Predictions) -> dict[str, Floats]:
    pairs = views.pairs
    best = pairs.best(views.score * pairs.iou)
    sharp = taken(predictions.found.boxes.xyxy, pairs.partner(best), np.nan)
    off, off_best = residuals(labels, views.reference), residuals(labels, sharp)
    unsure = views.spread / extent(views.reference)
    ratio = np.abs(off) / np.hypot(unsure, _LEAST_FLOOR)
    ranked, ranked_best = np.sort(np.abs(off), axis=1), np.sort(np.abs(off_best), axis=1)
    named = {f"off_{name}": off[:, k] for k, name in enumerate(("left", "top", "right", "bottom"))}
    return {
        **named,
        "off_most": ranked[:, -1],
        "off_second": ranked[:, -2],
        "off_least": ranked[:, 0],
        "off_mean": off.mean(axis=1),
        "off_best": ranked_best[:, -1],
        "off_best_second": ranked_best[:, -2],
        "off_ratio": ratio.max(axis=1),
        "unsure": unsure.mean(axis=1),
        "unsure_most": unsure.max(axis=1),
        "reference_iou": np.nan_to_num(paired_iou(labels.xyxy, views.reference)),
    }


def _company(labels: Boxes, views: Views, predictions: Predictions) -> dict[str, Floats]:
    pairs, found = overlapping(labels, labels), predictions.found.boxes
    pairs = pairs.keep(pairs.a != pairs.b)
    alike = labels.label[pairs.a] == labels.label[pairs.b]
    fit = views.pairs.most(views.score * views.pairs.iou)
    own = views.pairs.most(views.own * views.pairs.iou)
    twin = pairs.partner(pairs.best(pairs.iou))
    claims = overlapping(found, labels)
    free = predictions.found.boxes.score * (claims.most(claims.iou) < _CLAIMED)
    return {
        "twin_same": pairs.most(pairs.iou * alike),
        "twin_other": pairs.most(pairs.iou * ~alike),
        "twin_fit": np.where(twin >= 0, fit - fit[twin], 0),
        "twin_own": np.where(twin >= 0, own - own[twin], 0),
        "labels": np.bincount(labels.image)[labels.image].astype(np.float64),
        "free": _most_from(free, found.image, labels.image),
    }


def _most_from(value: Floats, image: Ints, wanted: Ints) -> Floats:
    """(M,) the highest `value` (P,) among the predictions of each label's picture; 0 for none."""
    if not len(value):
        return np.zeros(len(wanted))
    starts = np.flatnonzero(np.diff(image, prepend=-1))
    most = np.zeros(max(image.max(), wanted.max(initial=0)) + 1)
    most[image[starts]] = np.maximum.reduceat(value, starts)
    return most[wanted]


def _looks(labels: Boxes, size: Ints, views: Views, usual: Habits) -> dict[str, Floats]:
    shape = (_shape(labels, size) - usual.middle[labels.label]) / usual.usual[labels.label]
    return {
        "wide": shape[:, 0],
        "high": shape[:, 1],
        "aspect": shape[:, 2],
        "odd": np.abs(shape).max(axis=1),
        "area": np.log(np.maximum(geometry.area(labels.xyxy), 1e-3)),
        "at_border": _at_border(labels.xyxy, size[labels.image]),
        "reference_at_border": _at_border(views.reference, size[labels.image]),
    }


def _at_border(xyxy: Floats, size: Ints) -> Floats:
    near = np.concatenate([xyxy[:, :2] < _TOUCH * size, xyxy[:, 2:] > (1 - _TOUCH) * size], axis=1)
    return near.sum(axis=1).astype(np.float64)
