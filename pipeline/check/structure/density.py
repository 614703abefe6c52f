"""How likely boxes are: their places in the picture, and their sizes and aspects by class.

With it two readings of the same written numbers can be weighed against each other: the density of
the numbers as written under each reading (so with the reading's Jacobian), their likelihood ratio.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.dataset import Bools, Floats, Ints

_CELLS = 8  # of the histogram of centres, each way
_FEW = 10  # boxes of a class; below that all classes together tell its size
_TIGHTEST = 0.1  # of the spread of a logarithm: no class is as regular as a few boxes may look
_TAIL = 3.0  # degrees of freedom of Student's t: a box far from its class is rare, not impossible
_OUTSIDE = 0.01  # share of the picture's side that a box may stick out without surprise
_OFF_GRID = 9.0  # nats: how seldom four sides lie on whole pixels by chance
_ON_GRID = 0.02  # pixels from a whole one
_GRID = 0.95  # share of the boxes that lie on the grid, where the set is drawn on it
NEVER = -50.0


@dataclass(frozen=True)
class Model:
    """What boxes are like.

    Attributes:
        cells: (64,) log density of centres, row by row of the picture.
        middle: (C, 2) median by class of the logarithms of size and aspect.
        spread: (C, 2) their spread.
        grid: Whether they lie on whole pixels.
    """

    cells: Floats
    middle: Floats
    spread: Floats
    grid: bool


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
    cells = np.log(counts / counts.sum() * _CELLS**2)
    return Model(cells, middle, spread, on_grid(xyxy, size).mean() >= _GRID)


def on_grid(xyxy: Floats, size: Ints) -> Bools:
    """(M,) whether boxes lie on whole pixels, as far as six decimals of a fraction tell it."""
    slack = _ON_GRID + 1.1e-6 * np.maximum(size[:, 0], size[:, 1])
    away = np.abs(xyxy - np.round(xyxy)).T
    return np.asarray(np.maximum.reduce(list(away)) <= slack)


def log_density(
    model: Model,
    xyxy: Floats,
    size: Ints,
    label: Ints,
    stretch: float = 1.0,
    *,
    lying: bool = False,
) -> Floats:
    """(M,) log density of the numbers as written, if they are meant as these boxes.

    Args:
        model: From `fit`.
        xyxy: (M, 4) the boxes meant.
        size: (M, 2) of their pictures.
        label: (M,) classes; -1 for unknown.
        stretch: By how much the reading magnifies each number.
        lying: The things lie on their side: a scene, or a camera, that was turned.
    """
    x1, y1, x2, y2 = np.ascontiguousarray(xyxy.T)
    with np.errstate(all="ignore"):
        across, down = size[:, 0].astype(np.float64), size[:, 1].astype(np.float64)
        place = _surprise(x1 / across, x2 / across) + _surprise(y1 / down, y2 / down)
        features = _features(xyxy, size) * ([1, -1] if lying else [1, 1])
        z = ((features - model.middle[label]) / model.spread[label]).T
        tail = (_TAIL + 1) / 2 * (np.log1p(z[0] ** 2 / _TAIL) + np.log1p(z[1] ** 2 / _TAIL))
        tail += np.log(model.spread).sum(axis=1)[label]
        side = np.log((x2 - x1) / across) + np.log((y2 - y1) / down)
        told = model.cells[_cell(xyxy, size)] - place - tail - side + 4 * np.log(stretch)
    if model.grid:
        told = told - _OFF_GRID * ~on_grid(xyxy, size)
    sound = np.isfinite(told) & (x2 > x1) & (y2 > y1)
    return np.where(sound, told, NEVER)


def _surprise(low: Floats, high: Floats) -> Floats:
    """(M,) nats that it costs a box to stick out on one axis, its sides as shares of the picture's.

    It is the logarithm of a share, so that a box far away is not impossible either.
    """
    out = np.maximum(np.maximum(-low, high - 1), 0)
    both = np.minimum(np.maximum(-low, 0), np.maximum(high - 1, 0))
    return np.asarray(2 * np.log1p(out / _OUTSIDE) + 2 * np.log1p(both / _OUTSIDE))


def _features(xyxy: Floats, size: Ints) -> Floats:
    """(M, 2) logarithms of a box's size, as a share of its picture's, and of its aspect."""
    width, height = np.log(xyxy[:, 2] - xyxy[:, 0]), np.log(xyxy[:, 3] - xyxy[:, 1])
    area = np.log(size[:, 0] * size[:, 1].astype(np.float64))
    return np.stack([(width + height - area) / 2, width - height], axis=1)


def _spread(features: Floats) -> Floats:
    away = np.median(np.abs(features - np.median(features, axis=0)), axis=0)
    return np.maximum(1.4826 * away, _TIGHTEST)


def _cell(xyxy: Floats, size: Ints) -> Ints:
    across = (xyxy[:, 0] + xyxy[:, 2]) * (_CELLS / 2) / size[:, 0]
    down = (xyxy[:, 1] + xyxy[:, 3]) * (_CELLS / 2) / size[:, 1]
    x, y = (np.nan_to_num(v, posinf=0, neginf=0).clip(0, _CELLS - 1) for v in (across, down))
    return np.asarray(y.astype(np.int64) * _CELLS + x.astype(np.int64))
