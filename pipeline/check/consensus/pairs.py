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
_PIECES = 1024  # pictures that are looked at together, at most


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

    def back(self, rows: int) -> Pairs:
        """The same pairs seen from the second table, which has `rows` rows."""
        order = np.argsort(self.b, kind="stable")
        return Pairs(self.b[order], self.a[order], self.iou[order], rows)

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

    def partner(self, at: Ints) -> Ints:
        """(rows,) the box of `b` in the pair `at` (rows,) of each box of `a`; -1 where that is."""
        if not len(self.b):
            return np.full(self.rows, -1, dtype=np.int64)
        out: Ints = np.where(at >= 0, self.b[at], -1)
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
    """Block by block of pictures, each table with as many columns as its fullest picture."""
    first, second = _pieces(a, b)
    for low, high in _blocks(np.diff(first, axis=1)[:, 0], np.diff(second, axis=1)[:, 0]):
        one, two = _filled(a.xyxy, first[low:high]), _filled(b.xyxy, second[low:high])
        one, two = one[:, :, :, None], two[:, :, None, :]
        met = (one[0] < two[2]) & (two[0] < one[2]) & (one[1] < two[3]) & (two[1] < one[3])
        piece, i, j = np.nonzero(met)
        row, other = first[low + piece, 0] + i, second[low + piece, 0] + j
        iou = paired_iou(a.xyxy[row], b.xyxy[other])
        real = iou > 0
        yield row[real], other[real], iou[real]


def _pieces(a: Boxes, b: Boxes) -> tuple[Ints, Ints]:
    """(P, 2) from which row to which, in both tables: a picture each, or a part of a full one."""
    pictures = np.unique(a.image)
    low, high = (np.searchsorted(a.image, pictures, side=side) for side in ("left", "right"))
    start, stop = (np.searchsorted(b.image, pictures, side=side) for side in ("left", "right"))
    step = np.maximum(_AT_ONCE // np.maximum(stop - start, 1), 1)
    parts = -(-(high - low) // step)
    number = np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts)
    begin = np.repeat(low, parts) + number * np.repeat(step, parts)
    end = np.minimum(begin + np.repeat(step, parts), np.repeat(high, parts))
    return np.column_stack([begin, end]), np.repeat(np.column_stack([start, stop]), parts, axis=0)


def _blocks(a: Ints, b: Ints) -> Iterator[tuple[int, int]]:
    """Ranges of pieces with about `_AT_ONCE` pairs, from how many boxes each has."""
    low = 0
    while low < len(a):
        high = min(low + _PIECES, len(a))
        while high > low + 1 and (high - low) * a[low:high].max() * b[low:high].max() > _AT_ONCE:
            high = (low + high) // 2
        yield low, high
        low = high


def _filled(xyxy: Floats, rows: Ints) -> Floats:
    """(4, P, most) the boxes of each range of rows; where there is none, one that meets nothing."""
    counts = rows[:, 1] - rows[:, 0]
    out = np.full((4, len(rows), int(counts.max(initial=0))), np.nan)
    column = np.arange(out.shape[2])
    there = column < counts[:, None]
    out[:, there] = xyxy[(rows[:, :1] + column)[there]].T
    return out


def paired_iou(a: Floats, b: Floats) -> Floats:
    """(K,) intersection over union of each box of `a` (K, 4) with the box of `b` in its row."""
    low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    side = np.clip(high - low, 0, None)
    inter = side[:, 0] * side[:, 1]
    union = geometry.area(a) + geometry.area(b) - inter
    share: Floats = np.divide(inter, union, out=np.zeros(len(a)), where=union > 0)
    return share
