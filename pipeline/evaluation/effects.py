"""How much two samples differ, against what chance makes; free functions on arrays.

Chance is what a permutation test (Fisher 1935) leaves: the sources' labels are dealt out anew, to
whole units (groups), as pictures of one group are not independent. With a unit's sums made once,
all permutations of all measures are matrix products.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np

from pipeline.dataset import Bools, Floats, Ints

ENOUGH = 200  # ways to deal the units out; with fewer, chance alone reaches any figure too often


@dataclass(frozen=True, eq=False)
class Deal:
    """Two sources' pictures and the units that are dealt out.

    Attributes:
        unit: (N,) the unit of each picture.
        second: (U,) whether a unit is of the second source.
        dealt: (P, U) the same, dealt out anew; the first row is `second`.
    """

    unit: Ints
    second: Bools
    dealt: Bools

    @property
    def tells(self) -> bool:
        """Whether there are enough units that chance can be known."""
        return comb(len(self.second), int(self.second.sum())) >= ENOUGH


def deal(unit: Ints, second: Bools, permutations: int, seed: int) -> Deal:
    """Deal the units out at random.

    Args:
        unit: (N,) numbers from 0; the units of the two sources are different ones.
        second: (N,) whether a picture is of the second source.
        permutations: How often.
        seed: Of the draws.
    """
    own = np.zeros(int(unit.max(initial=-1)) + 1, dtype=bool)
    own[unit] = second
    draw = np.random.default_rng(seed)
    others = draw.permuted(np.tile(own, (permutations, 1)), axis=1)
    return Deal(unit, own, np.vstack([own, others]))


def cliffs_delta(values: Floats, way: Deal) -> Floats:
    """Cliff's delta (1993) of the second source against the first, for each permutation.

    The chance that a picture of the second has more than one of the first, minus the chance that
    it has less: -1 to 1. 0.147 is small, 0.33 medium, 0.474 large (Romano et al. 2006).

    Args:
        values: (N, M) measures; NaN where there is nothing to compare.
        way: Who is whose.

    Returns:
        (P, M); the first row is the truth. NaN where a source has no value.
    """
    there = ~np.isnan(values)
    rank = np.column_stack([ranks(column) for column in values.T])
    dealt = way.dealt.astype(np.float64)
    sums = dealt @ _sums(rank, way.unit, len(way.second))
    count = dealt @ _sums(there.astype(np.float64), way.unit, len(way.second))
    pairs = count * (there.sum(axis=0) - count)
    above = sums - count * (count + 1) / 2
    return np.where(pairs > 0, 2 * above / np.maximum(pairs, 1) - 1, np.nan)


def ranks(values: Floats) -> Floats:
    """(N,) ranks from 1, ties sharing their mean; 0 for NaN."""
    there = ~np.isnan(values)
    _, place, counts = np.unique(values[there], return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    out = np.zeros(len(values))
    out[there] = (last - (counts - 1) / 2)[place.reshape(-1)]
    return out


def total_variation(counts: Floats, way: Deal) -> Floats:
    """(P,) half the sum of the differences of two mixes: 0 the same, 1 nothing in common.

    Args:
        counts: (N, K) how many of each kind a picture has.
        way: Who is whose.
    """
    second = way.dealt.astype(np.float64) @ _sums(counts, way.unit, len(way.second))
    first = counts.sum(axis=0) - second
    return np.asarray(np.abs(shares(first) - shares(second)).sum(axis=1) / 2)


def shares(counts: Floats) -> Floats:
    """(..., K) counts as shares of their sum."""
    return np.asarray(counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1))


def _sums(values: Floats, unit: Ints, count: int) -> Floats:
    """(U, M) the sums of each unit."""
    out = np.zeros((count, values.shape[1]))
    np.add.at(out, unit, values)
    return out


def energy(points: Floats, way: Deal) -> Floats:
    """(P,) the energy coefficient of two samples: 0 the same, 1 nothing in common.

    ``(2 E|X-Y| - E|X-X'| - E|Y-Y'|) / 2 E|X-Y|`` (Szekely and Rizzo 2013), with the mean over
    different pictures only, so that equal sources have 0 in the mean and may fall below it.

    Args:
        points: (N, D).
        way: Who is whose.
    """
    points = points - points.mean(axis=0)  # nothing is lost in the squares' difference
    square = (points**2).sum(axis=1)
    apart = np.sqrt(np.maximum(square[:, None] + square - 2 * points @ points.T, 0))
    np.fill_diagonal(apart, 0)
    count = len(way.second)
    between = _sums(_sums(apart, way.unit, count).T, way.unit, count)  # (U, U)
    second = way.dealt.astype(np.float64)
    first = 1 - second
    sizes = _sums(np.ones((len(points), 1)), way.unit, count)[:, 0]
    n, m = first @ sizes, second @ sizes
    across = ((first @ between) * second).sum(axis=1) / np.maximum(n * m, 1)
    inside = _within(between, first, n) + _within(between, second, m)
    return np.asarray(np.where(across > 0, 1 - inside / (2 * np.maximum(across, 1e-12)), 0.0))


def _within(between: Floats, chosen: Floats, size: Floats) -> Floats:
    """(P,) the mean distance between two different pictures of one source."""
    total = ((chosen @ between) * chosen).sum(axis=1)
    return np.asarray(total / np.maximum(size * (size - 1), 1))


def chances(effects: Floats) -> Floats:
    """(M,) how often chance makes any effect as strange as this one: p-values of the family.

    Each effect is measured in standard deviations of its permutations; the strangest of all
    measures is what chance is asked for (Westfall and Young 1993), so that many measures make no
    false alarm.

    Args:
        effects: (P, M); the first row is the truth. Columns with NaN have p 1.
    """
    usable = ~np.isnan(effects).any(axis=0)
    found = np.ones(effects.shape[1])
    if not usable.any():
        return found
    own = effects[:, usable]
    spread = np.maximum(own.std(axis=0), 1e-12)
    strange = (own - own.mean(axis=0)) / spread
    most = strange.max(axis=1)
    found[usable] = (most[:, None] >= strange[0] - 1e-9).mean(axis=0)
    return found
