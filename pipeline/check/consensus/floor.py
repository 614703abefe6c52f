"""The floor: how far right labels lie from the predictions at their places, side by side.

A detector is surer of some sides than of others. What is usual for a side like this one is learned
from the labels as given, most of which are right: medians and absolute distances are robust against
the others. Cross-fitted over groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.check.consensus.features import extent, residuals
from pipeline.check.consensus.pairs import taken
from pipeline.check.consensus.views import Views
from pipeline.check.predictions import Predictions
from pipeline.dataset import Boxes, Floats, Ints

_LEAST = 0.01  # of the item's side: nobody is surer of a side than this
_FARTHEST = 0.5  # errors beyond this teach no more than errors of this size
RISING = dict.fromkeys((f"surprise_{k}" for k in range(4)), 1.0)
"""Columns that make an error likelier the higher they are."""

_ROWS = 12_000  # sides to learn from: more bring little


@dataclass(frozen=True, eq=False)
class Floor:
    """What is usual, by fold: a model of the median and one of the distance from it.

    Attributes:
        middle: By fold, learned without it.
        far: The same, of the logarithm of the distance.
    """

    middle: Mapping[int, Any]
    far: Mapping[int, Any]

    def expected(self, columns: Floats, fold: Ints) -> tuple[Floats, Floats]:
        """(M, 4) usual residual and (M, 4) usual distance from it, as shares of the item's side.

        Args:
            columns: (M, 4, F) from `columns`.
            fold: (M,) of each label's picture.
        """
        middle, far = np.zeros(columns.shape[:2]), np.full(columns.shape[:2], _FARTHEST)
        for number in self.middle:
            rows = fold == number
            if rows.any():
                flat = columns[rows].reshape(-1, columns.shape[2])
                middle[rows] = self.middle[number].predict(flat).reshape(-1, 4)
                far[rows] = np.exp(self.far[number].predict(flat).reshape(-1, 4))
        return middle, far


def columns(labels: Boxes, views: Views, predictions: Predictions, size: Ints) -> Floats:
    """(M, 4, F) what tells how well each side is known; the label's own place is no part of it."""
    pairs, found, reference = views.pairs, predictions.found.boxes, views.reference
    best = pairs.best(views.score * pairs.iou)
    side = extent(reference)
    shown = np.tile(size[labels.image], 2)
    unsure = views.spread / side
    partner = pairs.partner(best)
    sharp = np.abs(taken(found.xyxy, partner, np.nan) - reference) / side
    told = np.nan_to_num(taken(predictions.details.spread, partner)) / side
    border = np.minimum(reference, shown - reference) / shown
    opposite = unsure[:, [2, 3, 0, 1]]
    of_label = [taken(views.score, best), taken(views.own, best), views.mass]
    of_label += [np.log(side[:, 0] / side[:, 1]), unsure.mean(axis=1)]
    repeated = [np.repeat(column[:, None], 4, axis=1) for column in of_label]
    which = np.tile([0.0, 1.0, 2.0, 3.0], (len(labels), 1))
    each = [unsure, sharp, told, border, opposite, side / shown, side, *repeated, which]
    return np.stack(each, axis=2)


def learn(columns: Floats, off: Floats, fold: Ints, seed: int) -> Floor:
    """Learn what is usual.

    Args:
        columns: (M, 4, F) from `columns`.
        off: (M, 4) the labels' residuals; NaN where nothing was predicted.
        fold: (M,) of each label's picture.
        seed: For the trees, and for the choice of rows where there are many.
    """
    rng = np.random.default_rng(seed)
    middle, far = {}, {}
    for number in np.unique(fold):
        use = np.isfinite(off) & (fold[:, None] != number)
        rows = rng.permutation(int(use.sum()))[:_ROWS]
        if len(rows):
            x, y = columns[use][rows], np.clip(off[use][rows], -_FARTHEST, _FARTHEST)
            middle[int(number)] = _trees(seed).fit(x, y)
            distance = np.abs(y - middle[int(number)].predict(x))
            far[int(number)] = _trees(seed).fit(x, np.log(distance + _LEAST))
    return Floor(middle, far)


def _trees(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        loss="absolute_error",
        max_iter=40,
        learning_rate=0.15,
        max_leaf_nodes=8,
        min_samples_leaf=30,
        early_stopping=False,
        random_state=seed,
    )


def by_class(off: Floats, label: Ints, classes: int) -> Floats:
    """(C, 4) the median residual of each class's sides, from those of labels (M, 4) in `off`."""
    seen = np.isfinite(off).all(axis=1)
    off, label = off[seen], label[seen]
    out = np.zeros((classes, 4))
    for number in np.unique(label):
        out[number] = np.median(off[label == number], axis=0)
    return out


def surprise(
    labels: Boxes, views: Views, usual: tuple[Floats, Floats]
) -> tuple[dict[str, Floats], Floats]:
    """How unusual each side is: columns for the judge, and (M, 4) in units of the usual distance.

    Args:
        labels: (M).
        views: Of them.
        usual: From `Floor.expected`.
    """
    middle, far = usual
    times = (residuals(labels, views.reference) - middle) / far
    ranked = np.sort(np.abs(times), axis=1)
    told = {f"surprise_{k}": ranked[:, k] for k in range(4)}
    signed = {f"surprise_side_{k}": times[:, k] for k in range(4)}
    known = {"floor": far.mean(axis=1), "floor_most": far.max(axis=1)}
    return {**told, **signed, **known, "surprise_sum": times.sum(axis=1)}, times
