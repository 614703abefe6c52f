"""Which boxes of two tables overlap, as columns; and the best or the mean over each box's partners.

All pictures at once: a table of pairs instead of a loop over pictures and boxes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline import boxes as geometry
from pipeline.dataset import Bools, Boxes, Floats, Ints

_AT_ONCE = 500_000  # pairs that are looked at together, to bound the memory


@dataclass(frozen=True, eq=False)
class Pairs:
    """One row for every box of `a` and box of `b` in the same picture that overlap.

    Attributes:
        a: (K,) row of the box in the first table, non-decreasing.
        b: (K,) row in the second, increasing within one `a`.
        iou: (K,) their intersection over union, above 0.
        rows: How many boxes the first table has.
    """

    a: Ints
    b: Ints
    iou: Floats
    rows: int

    def keep(self, mask: Bools) -> Pairs:
        """Only the pairs where `mask` (K,) is true."""
        return Pairs(self.a[mask], self.b[mask], self.iou[mask], self.rows)

    def best(self, value: Floats) -> Ints:
        """(rows,) for each box of `a` the pair of the highest `value` (K,); -1 without a partner.

        Of equal values the first counts.
        """
        out = np.full(self.rows, -1, dtype=np.int64)
        if not len(self.a):
            return out
        first = np.flatnonzero(np.diff(self.a, prepend=-1))
        counts = np.diff(np.append(first, len(self.a)))
        top = np.repeat(np.maximum.reduceat(value, first), counts)
        at = np.flatnonzero(value == top)[::-1]
        out[self.a[at]] = at  # backwards: the first of equal values is written last
        return out

    def total(self, value: Floats) -> Floats:
        """(rows,) the sum of `value` (K,) over the partners of each box of `a`."""
        return np.bincount(self.a, weights=value, minlength=self.rows).astype(np.float64)

    def most(self, value: Floats) -> Floats:
        """(rows,) the highest `value` (K,) of each box of `a`; 0 without a partner."""
        at = self.best(value)
        return taken(value, at)


def taken(values: Floats, at: Ints, none: float = 0.0) -> Floats:
    """``values[at]``, and `none` where `at` is -1."""
    if not len(values):
        return np.full((len(at), *values.shape[1:]), none)
    there = (at >= 0).reshape(-1, *[1] * (values.ndim - 1))
    out: Floats = np.where(there, values[at], none)
    return out


def overlapping(a: Boxes, b: Boxes) -> Pairs:
    """Every box of `a` with every box of `b` in the same picture that it overlaps.

    Args:
        a: Boxes in the order of the pictures.
        b: Boxes of the same pictures, in their order; may be `a` itself.
    """
    parts = list(_chunks(a, b))
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return Pairs(none, none, np.zeros(0), len(a))
    row, other, iou = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Pairs(row, other, iou, len(a))


def _chunks(a: Boxes, b: Boxes) -> Iterator[tuple[Ints, Ints, Floats]]:
    start = np.searchsorted(b.image, a.image, side="left")
    counts = np.searchsorted(b.image, a.image, side="right") - start
    left, _, right, _ = a.xyxy.T.copy()
    others_left, _, others_right, _ = b.xyxy.T.copy()
    for low, high in _ranges(np.cumsum(counts)):
        part = counts[low:high]
        row = np.repeat(np.arange(low, high), part)
        within = np.arange(len(row)) - np.repeat(np.cumsum(part) - part, part)
        other = np.repeat(start[low:high], part) + within
        level = (left[row] < others_right[other]) & (others_left[other] < right[row])
        row, other = row[level], other[level]  # few of all: what is left costs more
        iou = paired_iou(a.xyxy[row], b.xyxy[other])
        met = iou > 0
        yield row[met], other[met], iou[met]


def _ranges(ends: Ints) -> Iterator[tuple[int, int]]:
    """Ranges of rows with about `_AT_ONCE` pairs; `ends` is the running number of pairs."""
    low = 0
    while low < len(ends):
        before = ends[low - 1] if low else 0
        high = max(int(np.searchsorted(ends, before + _AT_ONCE, side="right")), low + 1)
        yield low, high
        low = high


def paired_iou(a: Floats, b: Floats) -> Floats:
    """(K,) intersection over union of each box of `a` (K, 4) with the box of `b` in its row."""
    low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    side = np.clip(high - low, 0, None)
    inter = side[:, 0] * side[:, 1]
    union = geometry.area(a) + geometry.area(b) - inter
    share: Floats = np.divide(inter, union, out=np.zeros(len(a)), where=union > 0)
    return share
