"""The nearest vectors of each vector, without comparing all with all."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.dataset import Ints
from pipeline.progress import Track, silent

Vectors = NDArray[np.int8]

_PER_CELL = 200
_CELLS_EACH = 4
_LARGEST = 4096  # members of a cell that are compared with one another
_ROWS = 4096  # compared with all centres at once


class Near(NamedTuple):
    """Pairs of near vectors, ordered so that pairs of one neighbourhood follow each other.

    Attributes:
        a: (P,) row of the first.
        b: (P,) row of the second; larger than `a`.
    """

    a: Ints
    b: Ints


class _Hits(NamedTuple):
    """(H,) rows, their neighbours, the squared distances."""

    row: NDArray[np.int32]
    other: NDArray[np.int32]
    away: NDArray[np.float32]

    def take(self, which: Ints) -> _Hits:
        return _Hits(self.row[which], self.other[which], self.away[which])


def neighbours(vectors: Vectors, count: int, limit: float, track: Track = silent) -> Near:
    """Pairs of vectors of which at least one is among the `count` nearest of the other.

    An inverted file (Sivic and Zisserman, 2003): each vector is put into the cells of its four
    nearest centres, which are vectors drawn by lot, and compared with the others there. All sums
    are of small integers, exact in float32, so that the result is the same on every machine and
    for any number of threads.

    Args:
        vectors: (N, D) int8; D below 1024.
        count: Neighbours of each that are kept.
        limit: The largest squared distance.
        track: Shows progress.
    """
    if len(vectors) < 2:
        return Near(np.zeros(0, np.int64), np.zeros(0, np.int64))
    cells = _cells(vectors, track)
    blocks = _blocks(cells)
    parts = [
        _nearest(vectors, rows, count, limit) for rows in track(blocks, "comparing", len(blocks))
    ]
    hits = _Hits(
        np.concatenate([part.row for part in parts]),
        np.concatenate([part.other for part in parts]),
        np.concatenate([part.away for part in parts]),
    )
    return _pairs(_best(hits, count), cells[:, 0])


def _cells(vectors: Vectors, track: Track) -> NDArray[np.int32]:
    """(N, up to 4) the nearest centres of each vector, nearest first."""
    drawn = np.random.default_rng(0).permutation(len(vectors))[: -(-len(vectors) // _PER_CELL)]
    centres = vectors[np.sort(drawn)].astype(np.float32)
    each = min(_CELLS_EACH, len(centres))
    out = np.empty((len(vectors), each), dtype=np.int32)
    starts = range(0, len(vectors), _ROWS)
    for start in track(starts, "sorting", len(starts)):
        away = _distances(vectors[start : start + _ROWS].astype(np.float32), centres)
        first = np.argpartition(away, each - 1, axis=1)[:, :each]
        order = np.argsort(np.take_along_axis(away, first, axis=1), axis=1, kind="stable")
        out[start : start + _ROWS] = np.take_along_axis(first, order, axis=1)
    return out


def _blocks(cells: NDArray[np.int32]) -> list[NDArray[np.int32]]:
    """The rows of each cell; those of a crowded one in parts, so that no cell costs N squared."""
    each = cells.shape[1]
    order = np.argsort(cells.ravel(), kind="stable")
    edges = np.flatnonzero(np.diff(cells.ravel()[order])) + 1
    members = np.split((order // each).astype(np.int32), edges)
    return [rows[at : at + _LARGEST] for rows in members for at in range(0, len(rows), _LARGEST)]


def _nearest(vectors: Vectors, rows: NDArray[np.int32], count: int, limit: float) -> _Hits:
    """The nearest of each of `rows` among them."""
    members = vectors[rows].astype(np.float32)
    away = _distances(members, members)
    np.fill_diagonal(away, np.inf)
    some = np.flatnonzero(away.min(axis=1, initial=np.inf) <= limit)
    away = away[some]
    if away.shape[1] > count:
        nearest = np.argpartition(away, count - 1, axis=1)[:, :count]
        away = np.take_along_axis(away, nearest, axis=1)
    else:
        nearest = np.broadcast_to(np.arange(away.shape[1]), away.shape)
    row, place = np.nonzero(away <= limit)
    return _Hits(rows[some[row]], rows[nearest[row, place]], away[row, place])


def _distances(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, M) squared distances."""
    away = a @ b.T
    away *= -2
    away += (a * a).sum(axis=1)[:, None]
    away += (b * b).sum(axis=1)
    return away


def _best(hits: _Hits, count: int) -> _Hits:
    """The `count` nearest of each row over all cells; each neighbour once."""
    hits = hits.take(np.lexsort((hits.other, hits.away, hits.row)))
    again = np.zeros(len(hits.row), dtype=bool)
    again[1:] = (hits.row[1:] == hits.row[:-1]) & (hits.other[1:] == hits.other[:-1])
    hits = hits.take(np.flatnonzero(~again))
    rank = np.arange(len(hits.row)) - np.searchsorted(hits.row, hits.row)
    return hits.take(np.flatnonzero(rank < count))


def _pairs(hits: _Hits, cell: NDArray[np.int32]) -> Near:
    """Each pair once, smaller row first; in the order of the cells."""
    a, b = np.minimum(hits.row, hits.other), np.maximum(hits.row, hits.other)
    a, b = np.unique(np.stack([a, b], axis=1), axis=0).astype(np.int64).T
    order = np.lexsort((b, a, cell[a]))
    return Near(a[order], b[order])
