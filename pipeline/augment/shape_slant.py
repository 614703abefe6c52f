"""How much the ellipse in a box leans: a coin seen at a slant, whose box does not tell.

The ellipses that touch all four sides of a box differ in one number, the correlation of x and y of
their points. Where an ellipse leans, two corners of its box hold more of what is around the box,
and two hold less. Most lean hardly at all, and pixels are misleading at times (shadows): what is
taken is the mean of what is possible, by its probability.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from pipeline import polygons
from pipeline.augment.pixels import SIDE, Work, background, patches, work
from pipeline.augment.shape_cut import POINTS, touches
from pipeline.dataset import Bools, Dataset, Floats, Ints, Outlines
from pipeline.engine import Map, in_process
from pipeline.errors import DataError

_LEANS = np.linspace(-0.3, 0.3, 25)
_USUAL = 0.02  # spread of what is usual
_WEIGHT = 100.0  # of the pixels: of the mean log ratio of two likelihoods, over a box


def leaning(dataset: Dataset, rows: Ints, mapped: Map = in_process) -> tuple[Ints, Outlines]:
    """The ellipses in boxes that the border does not cut, leaning as their pixels say.

    Args:
        dataset: Pictures and boxes.
        rows: (K,) increasing rows of boxes.
        mapped: Maps over pictures (`engine.shards`).

    Returns:
        Those of the rows that are not cut, and an outline for each, whose hull is its box; one
        that does not lean where the picture cannot be read.
    """
    boxes = dataset.boxes
    cut: Bools = np.asarray(touches(boxes.xyxy, dataset.images.size[boxes.image]).any(axis=1))
    whole = rows[~cut[rows]]
    parts = mapped(_lean, work(dataset, whole), "looking how ellipses lean")
    lean = np.array([one for part in parts for one in part])
    return whole, leaned(boxes.xyxy[whole], lean)


def leaned(xyxy: Floats, lean: Floats) -> Outlines:
    """The ellipses in boxes (M, 4) whose points' x and y have correlations (M,), -1 to 1."""
    angle = 2 * np.pi * np.arange(POINTS) / POINTS
    x, y = np.cos(angle), np.sin(angle + np.arcsin(lean)[:, None])
    points = np.stack([np.broadcast_to(x, y.shape), y], axis=-1)
    return polygons.fitted(polygons.even(points), xyxy)


def _lean(jobs: Sequence[Work]) -> list[float]:
    found: list[float] = []
    for job in jobs:
        cut = patches(job)
        if isinstance(cut, DataError):
            found += [0.0] * len(job.xyxy)
        else:
            found += [_mean_lean(background(patch)) for patch in cut]
    return found


def _mean_lean(ratio: Floats) -> float:
    """The mean of the leans by their probabilities, from `pixels.background` of a box."""
    pixels = _outside() @ ratio.ravel() / SIDE**2
    log = _WEIGHT * pixels - (_LEANS / _USUAL) ** 2 / 2
    weight = np.exp(log - log.max())
    return float(weight @ _LEANS / weight.sum())


@cache
def _outside() -> Floats:
    """(25, SIDE * SIDE) 1 where a pixel of a box lies outside an ellipse that leans so, else -1."""
    place = (np.arange(SIDE) + 0.5) / SIDE * 2 - 1
    x, y = np.meshgrid(place, place)
    lean = _LEANS[:, None, None]
    inside = x**2 + y**2 - 2 * lean * x * y <= 1 - lean**2
    return np.where(inside, -1.0, 1.0).reshape(len(_LEANS), -1)
