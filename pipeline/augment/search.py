"""The best quadrilateral in a box, for each angle, by its pixels.

A quadrilateral whose box is known has a corner on each side of the box: it is the box without a
triangle at each of its corners. What speaks for a triangle depends on two of the four places only
(`evidence`), so that the best quadrilateral of all is found exactly, by dynamic programming
(max-plus products), whatever hides a part of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pipeline.augment.evidence import FLIPS, PLACES, Evidence, weigh
from pipeline.augment.pixels import Work, patches, work
from pipeline.augment.shape_cut import touches
from pipeline.dataset import Bools, Dataset, Floats, Ints
from pipeline.engine import Map, in_process
from pipeline.errors import DataError

ANGLES = np.deg2rad(np.arange(0, 91, 5.0))
SPREAD = np.deg2rad(8)  # of the sides' directions about those of a rectangle (perspective)
WHOLE_CORNER = 0.2  # evidence for cutting nothing off where that may be: chance gives it to a cut

Pair = tuple[int, int]


class Seen(NamedTuple):
    """What the pixels of boxes tell.

    Attributes:
        score: (K, A) how well they agree with the best quadrilateral whose upper left side rises
            by each of `ANGLES`; NaN where the picture cannot be read.
        ends: (K, A, 8) where its cuts end, in shares of the box's width and height: on the top and
            on the left side; then top and right; bottom and right; bottom and left.
        round: (K,) how well they agree with an ellipse; on the scale of `score`.
    """

    score: Floats
    ends: Floats
    round: Floats


def look(dataset: Dataset, rows: Ints, mapped: Map = in_process) -> Seen:
    """Look at boxes, each picture read once.

    Args:
        dataset: Pictures and boxes.
        rows: (K,) increasing rows of the boxes.
        mapped: Maps over pictures (`engine.shards`).
    """
    parts = mapped(_look, work(dataset, rows), "looking at pixels")
    return Seen(*(np.concatenate(column) for column in zip(_nothing(0), *parts, strict=True)))


def polygon(ends: Floats, xyxy: Floats) -> Floats:
    """Corners of outlines, clockwise from the leftmost on the top side; some may be twice.

    Args:
        ends: (K, 8), as in `Seen`.
        xyxy: (K, 4) the boxes, or (4,) the box of all.

    Returns:
        (K, 8, 2) in pixels.
    """
    low, high = xyxy[..., None, :2], xyxy[..., None, 2:]
    tl, tr, br, bl = np.moveaxis(ends.reshape(-1, 4, 2), 1, 0)
    zero, one = np.zeros(len(ends)), np.ones(len(ends))
    share = [(tl[:, 0], zero), (tr[:, 0], zero), (one, tr[:, 1]), (one, br[:, 1])]
    share += [(br[:, 0], one), (bl[:, 0], one), (zero, bl[:, 1]), (zero, tl[:, 1])]
    at = np.stack([np.stack(point, axis=-1) for point in share], axis=1)
    return np.asarray(low * (1 - at) + high * at)  # exact at both ends


def _look(jobs: Sequence[Work]) -> Seen:
    parts = [_nothing(0), *map(_look_at, jobs)]
    return Seen(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _look_at(job: Work) -> Seen:
    cut_out = patches(job)
    if isinstance(cut_out, DataError):
        return _nothing(len(job.xyxy))
    weighed = [weigh(patch) for patch in cut_out]
    open_ = touches(job.xyxy, np.array(job.size))
    sizes = job.xyxy[:, 2:] - job.xyxy[:, :2]
    found = [search(*one) for one in zip(weighed, sizes, open_, strict=True)]
    score, ends = (np.stack(column) for column in zip(*found, strict=True))
    return Seen(score, ends, np.array([one.round.sum() for one in weighed]))


def _nothing(rows: int) -> Seen:
    angles = len(ANGLES)
    return Seen(np.full((rows, angles), np.nan), np.zeros((rows, angles, 8)), np.full(rows, np.nan))


def search(evidence: Evidence, size: Floats, cut: Bools) -> tuple[Floats, Floats]:
    """Find the best quadrilateral in a box for each angle.

    Args:
        evidence: What speaks for each cut.
        size: (2,) width and height of the box in pixels.
        cut: (4,) from `touches`: on these sides the two cuts need not meet.

    Returns:
        (A,) and (A, 8): score and ends, as in `Seen`.
    """
    left, top, right, bottom = (bool(side) for side in cut)
    corners = _corners(evidence, size, cut)
    opened = ((False, False), (top, False), (bottom, right), (False, left))
    tl, tr, br, bl = (_later(c, o) for c, o in zip(corners, opened, strict=True))
    total = (_joined(tl, tr) + _joined(bl, br)).reshape(len(ANGLES), -1)
    ends = []
    for a, best in enumerate(total.argmax(axis=1).tolist()):
        y1, y2 = divmod(best, PLACES)  # on the left and on the right side
        x1 = int(np.argmax(tl[a, :, y1] + tr[a, :, y2]))
        x2 = int(np.argmax(bl[a, :, y1] + br[a, :, y2]))
        met = ((x1, y1), (x1, y2), (x2, y2), (x2, y1))
        ends.append([_ends(c[a], at, o) for c, at, o in zip(corners, met, opened, strict=True)])
    return total.max(axis=1), np.array(ends).reshape(-1, 8) / (PLACES - 1)


def _corners(evidence: Evidence, size: Floats, cut: Bools) -> list[Floats]:
    """(A, PLACES, PLACES) of each corner, its places counted from the left and from the top.

    A cut whose direction is not the angle's loses by it.
    """
    at = np.linspace(0, 1, PLACES)
    slope = np.arctan2(at[None] * size[1], at[:, None] * size[0])
    angle = ANGLES[:, None, None]
    off = [(slope - wanted) ** 2 / (2 * SPREAD**2) for wanted in (angle, np.pi / 2 - angle)]
    corners = []
    for k, (sides, (y, x)) in enumerate(zip(((0, 1), (2, 1), (2, 3), (0, 3)), FLIPS, strict=True)):
        table = evidence.straight[k] - off[k % 2]
        table[:, 0, 0] = WHOLE_CORNER if cut[list(sides)].all() else -np.inf
        corners.append(table[:, ::x, ::y])
    return corners


def _later(table: Floats, opened: tuple[bool, bool]) -> Floats:
    """The best entry at or after each place, along the axes that are `opened`."""
    for axis in (1, 2):
        if opened[axis - 1]:
            table = np.flip(np.maximum.accumulate(np.flip(table, axis), axis=axis), axis)
    return table


def _joined(left: Floats, right: Floats) -> Floats:
    """Max-plus product: (A, k, i) and (A, k, j) to (A, i, j), the best k for each."""
    return np.asarray((left[:, :, :, None] + right[:, :, None, :]).max(axis=1))


def _ends(table: Floats, met: Pair, opened: tuple[bool, bool]) -> Pair:
    """Where the best cut ends: where it was met, or after it on the sides that are `opened`."""
    i, j = (slice(at, None if free else at + 1) for at, free in zip(met, opened, strict=True))
    more = np.unravel_index(int(np.argmax(table[i, j])), table[i, j].shape)
    return met[0] + int(more[0]), met[1] + int(more[1])
