"""How likely boxes are: their places in the picture, and their sizes and aspects by class.

With it two readings of the same written numbers can be weighed against each other: the density of
the numbers as written under each reading (so with the reading's Jacobian), their likelihood ratio.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.dataset import Floats, Ints

_CELLS = 8  # of the histogram of centres, each way
_FEW = 10  # boxes of a class; below that all classes together tell its size
_TIGHTEST = 0.1  # of the spread of a logarithm: no class is as regular as a few boxes may look
_TAIL = 3.0  # degrees of freedom of Student's t: a box far from its class is rare, not impossible
_OUTSIDE = 0.01  # share of the picture's side that a box may stick out without surprise
NEVER = -50.0


@dataclass(frozen=True)
class Model:
    """What boxes are like.

    Attributes:
        cells: (64,) log density of centres, row by row of the picture.
        middle: (C, 2) median by class of the logarithms of size and aspect.
        spread: (C, 2) their spread.
    """

    cells: Floats
    middle: Floats
    spread: Floats


def fit(xyxy: Floats, size: Ints, label: Ints, classes: int) -> Model:
    """Fit the model to boxes that most are right; robust against a minority that is not.

    Args:
        xyxy: (M, 4) boxes with sides, in their pictures.
        size: (M, 2) of their pictures.
        label: (M,) classes; -1 for unknown, which are told by all boxes.
        classes: How many there are.
    """
    features = _features(xyxy, size)
    middle = np.tile(np.median(features, axis=0), (classes + 1, 1))
    spread = np.tile(_spread(features), (classes + 1, 1))
    order = np.argsort(label, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(label[order])) + 1):
        if len(rows) >= _FEW and label[rows[0]] >= 0:
            middle[label[rows[0]]] = np.median(features[rows], axis=0)
            spread[label[rows[0]]] = _spread(features[rows])
    counts = np.bincount(_cell(xyxy, size), minlength=_CELLS**2) + len(xyxy) / _CELLS**2 * 0.2 + 1
    return Model(np.log(counts / counts.sum() * _CELLS**2), middle, spread)


def log_density(
    model: Model, xyxy: Floats, size: Ints, label: Ints, stretch: float = 1.0
) -> Floats:
    """(M,) log density of the numbers as written, if they are meant as these boxes.

    Args:
        model: From `fit`.
        xyxy: (M, 4) the boxes meant.
        size: (M, 2) of their pictures.
        label: (M,) classes; -1 for unknown.
        stretch: By how much the reading magnifies each number.
    """
    with np.errstate(all="ignore"):
        fraction = xyxy / np.tile(size, 2)
        side = fraction[:, 2:] - fraction[:, :2]
        z = (_features(xyxy, size) - model.middle[label]) / model.spread[label]
        tail = -(_TAIL + 1) / 2 * np.log1p(z**2 / _TAIL) - np.log(model.spread[label])
        out = np.maximum(-fraction[:, :2], fraction[:, 2:] - 1).clip(0)
        place = model.cells[_cell(xyxy, size)] - 2 * np.log1p(out / _OUTSIDE).sum(axis=1)
        told = place + tail.sum(axis=1) - np.log(side).sum(axis=1) + 4 * np.log(stretch)
        sound = np.isfinite(told) & (side > 0).all(axis=1)
    return np.where(sound, told, NEVER)


def _features(xyxy: Floats, size: Ints) -> Floats:
    """(M, 2) logarithms of a box's size, as a share of its picture's, and of its aspect."""
    width, height = (xyxy[:, 2:] - xyxy[:, :2]).T
    area = size[:, 0] * size[:, 1].astype(np.float64)
    return np.stack([np.log(width * height / area) / 2, np.log(width / height)], axis=1)


def _spread(features: Floats) -> Floats:
    away = np.median(np.abs(features - np.median(features, axis=0)), axis=0)
    return np.maximum(1.4826 * away, _TIGHTEST)


def _cell(xyxy: Floats, size: Ints) -> Ints:
    centre = (xyxy[:, :2] + xyxy[:, 2:]) / 2 / size
    at = np.nan_to_num(centre * _CELLS, posinf=0, neginf=0).clip(0, _CELLS - 1).astype(np.int64)
    return np.asarray(at[:, 1] * _CELLS + at[:, 0])
