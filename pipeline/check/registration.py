"""How far boxes lie beside the things that they are of, from the mean profiles across their sides.

What a profile looks like nobody knows: a step, a ridge, a step that lies inside the box because it
is drawn with some room. But a box's right side sees things as its left side does, mirrored. So the
two profiles are laid over each other: the shift at which they agree best is the shift of the
boxes, and room to either side, edges' width and roughness inside cancel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.boxes import Array
from pipeline.check.profile import REACH
from pipeline.dataset import Ints

FARTHEST = 8.0  # pixels; the shifts that are looked for
STEP = 0.1
_COMPARED = np.arange(-(REACH - FARTHEST), REACH - FARTHEST + 1)
_SHIFTS = np.round(np.arange(-FARTHEST, FARTHEST + STEP / 2, STEP), 1)


class Shift(NamedTuple):
    """Where things lie seen from their boxes.

    Attributes:
        value: (2,) x and y in pixels: boxes have to move by it. NaN where nothing is known.
        error: (2,) its standard error; NaN from a single independent unit.
    """

    value: Array
    error: Array

    def surely_beyond(self, limit: float, errors: float) -> bool:
        """Whether it is farther than `limit` pixels, by that many standard errors.

        Not where it is known to no better than half of that: profiles without a clear form, as
        those of carelessly drawn boxes are, fit each other at any shift now and then.
        """
        far = np.abs(self.value) - errors * self.error > limit
        return bool((far & (self.error <= limit / 2)).any())

    def surely_within(self, limit: float, errors: float) -> bool:
        """Whether it is nearer than `limit` pixels, by that many standard errors."""
        return bool((np.abs(self.value) + errors * self.error < limit).all())

    def less(self, other: Shift) -> Shift:
        """How much farther it is than another one, both measured on other pictures."""
        return Shift(self.value - other.value, np.hypot(self.error, other.error))


def shift(profile: NDArray[np.float32], unit: Ints, weight: Array, draws: Array) -> Shift:
    """The shift of some boxes, with its bootstrap error.

    Args:
        profile: (N, 4, P) of `profile.profiles`.
        unit: (N,) the number of each box's independent unit.
        weight: (N,) how much each box counts.
        draws: (B, U) how often each unit counts in each resample.
    """
    summed, count = _by_unit(profile, unit, weight, draws.shape[1])
    all_units = np.ones((1, draws.shape[1]))
    mean = _means(np.concatenate([all_units, draws]), summed, count)
    each = np.stack([_registered(mean[:, 0], mean[:, 1]), _registered(mean[:, 2], mean[:, 3])], 1)
    return Shift(each[0], each[1:].std(axis=0, ddof=1))


def _by_unit(
    profile: NDArray[np.float32], unit: Ints, weight: Array, units: int
) -> tuple[Array, Array]:
    """Sums of each unit's profiles (U, 4, P), and how much stands behind them (U, 4)."""
    known = ~np.isnan(profile[:, :, 0])
    own = known * weight[:, None]
    summed = np.zeros((units, *profile.shape[1:]))
    np.add.at(summed, unit, np.nan_to_num(profile) * own[:, :, None])
    count = np.zeros((units, profile.shape[1]))
    np.add.at(count, unit, own)
    return summed, count


def _means(draws: Array, summed: Array, count: Array) -> Array:
    """(B, 4, P); NaN for a draw without such a side."""
    total = (draws @ count)[:, :, None]
    sums = np.tensordot(draws, summed, axes=1)
    return np.divide(sums, total, out=np.full_like(sums, np.nan), where=total > 0)


def _registered(near: Array, far: Array) -> Array:
    """(B,) shifts of pairs of profiles (B, P): of left and right sides, or upper and lower ones.

    With the shift s the far profile at s + u is the near one at s - u, for every u.
    """
    apart = [_apart(_at(far, s + _COMPARED), _at(near, s - _COMPARED)) for s in _SHIFTS]
    best = _SHIFTS[np.argmin(apart, axis=0)]
    return np.where(np.isnan(near).any(axis=1) | np.isnan(far).any(axis=1), np.nan, best)


def _apart(one: Array, other: Array) -> Array:
    """(B,) how much two profiles differ."""
    return ((one - other) ** 2).mean(axis=1)


def _at(profile: Array, places: Array) -> Array:
    """(B, U) profiles at places in pixels, between two of them in proportion."""
    place = places + REACH
    low = np.clip(np.floor(place), 0, profile.shape[1] - 2).astype(np.int64)
    share = place - low
    return profile[:, low] * (1 - share) + profile[:, low + 1] * share
