"""How far a mean over several trainings may be off by chance, and which means differ.

Two things are chance: how a training went (its seed), and which pictures it is measured on. The
first is a randomised block design, a seed being a block: what a seed does to all presets alike is
taken out (Fisher 1935; in the field's words: the runs are paired by seed). The second comes from
resampled pictures, the same ones for every preset (the paired bootstrap). The half-widths of two
independent parts add like the sides of a right angle (MOVER; Zou and Donner 2008).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from pipeline.dataset import Floats

LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class Measured:
    """One metric of K presets, S trainings each, on the same pictures.

    Attributes:
        values: (K, S) by preset and seed; the same seeds for every preset.
        draws: (K, B) means over the seeds on B resamples of the pictures, the same for every
            preset; no column where too few pictures are independent.
    """

    values: Floats
    draws: Floats


def summary(values: Floats) -> dict[str, Any]:
    """Mean, standard deviation and 95 % interval of a metric over trainings.

    The interval (Student's t) is of the mean over all seeds that could be, on these pictures.

    Args:
        values: (S,) a training each; NaN where there was nothing to measure.
    """
    if np.isnan(values).any():
        return {"mean": None, "sd": None, "interval": None, "values": []}
    mean, sd, interval = float(values.mean()), None, None
    if len(values) > 1:
        sd = float(values.std(ddof=1))
        half = student(LEVEL, len(values) - 1) * sd / math.sqrt(len(values))
        interval = [round(max(mean - half, 0.0), 4), round(min(mean + half, 1.0), 4)]
        sd = round(sd, 4)
    shown = [round(float(v), 4) for v in values]
    return {"mean": round(mean, 4), "sd": sd, "interval": interval, "values": shown}


def half_widths(found: Measured, comparisons: int) -> Floats:
    """(K, K) half-widths of the intervals of all differences between presets.

    All intervals of all `comparisons` hold at once with 95 % confidence (Bonferroni). NaN where
    there is one seed only: then nothing is known about chance.
    """
    presets, seeds = found.values.shape
    level = 1 - (1 - LEVEL) / max(comparisons, 1)
    if seeds < 2 or presets < 2:
        return np.full((presets, presets), np.nan)
    training = student(level, (presets - 1) * (seeds - 1)) * _block_error(found.values)
    pictures = NormalDist().inv_cdf((1 + level) / 2) * _picture_error(found.draws)
    return np.hypot(training, pictures)


def _block_error(values: Floats) -> float:
    """Standard error of the difference of two means: what neither preset nor seed explains."""
    presets, seeds = values.shape
    rest = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
    variance = float((rest**2).sum()) / ((presets - 1) * (seeds - 1))
    return math.sqrt(2 * variance / seeds)


def _picture_error(draws: Floats) -> Floats:
    """(K, K) standard deviations of the differences over resampled pictures; 0 where unknown."""
    if draws.shape[1] < 2:
        return np.zeros((len(draws), len(draws)))
    error: Floats = (draws[:, None] - draws[None]).std(axis=2, ddof=1)
    return error


def student(level: float, freedom: int) -> float:
    """The t that Student's distribution stays within, either way, with probability `level`."""
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < level else (low, middle)
    return math.sqrt(freedom) * math.tan((low + high) / 2)


def _within(angle: float, freedom: int) -> float:
    """P(|T| <= sqrt(freedom) * tan(angle)); Abramowitz and Stegun, 26.7.3 and 26.7.4."""
    odd = freedom % 2
    total, term = 0.0, math.cos(angle) if odd else 1.0
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= k / (k + 1) * math.cos(angle) ** 2
    even = math.sin(angle) * total
    return 2 / math.pi * (angle + even) if odd else even
