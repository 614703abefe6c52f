"""The measures of all trainings put together: what ablation.json and ablation.csv hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from pipeline.ablate import spread
from pipeline.ablate.measure import VIEWS
from pipeline.ablate.options import METRICS
from pipeline.dataset import Floats

SUMMED = (*METRICS, "recall", "precision")
OF_CLASS = ("AP50", "AP50-95", "recall", "precision")
HEADER = ("hyp", "seed", "view", "class", "boxes", *OF_CLASS)

Measures = dict[str, list[dict[str, Any]]]  # by preset, one a seed, as `Measurer.measure` gives


def table(found: Measures) -> dict[str, Any]:
    """Means and spreads by view, preset and class, and the differences between presets.

    Args:
        found: By preset the measures of its trainings, the same seeds in the same order.

    Returns:
        Plain data: ``scores`` (a row a view and preset: each metric's mean, sd, interval and
        values), ``classes`` (the same of each class), ``differences`` (a row a view, metric and
        pair of presets: ``of`` minus ``to``, its interval, whether it is ``clear`` of 0). The
        intervals of one metric's differences, over both views, hold all at once.
    """
    return {
        "scores": [
            {"view": view, "hyp": hyp, **_summaries(found[hyp], view)}
            for view in VIEWS
            for hyp in found
        ],
        "classes": list(_classes(found)),
        "differences": [
            row for view in VIEWS for metric in METRICS for row in _differences(found, view, metric)
        ],
    }


def rows(found: Measures, seeds: Sequence[int]) -> Iterator[list[Any]]:
    """Every number of every training under `HEADER`; the class "" is the mean over all."""
    for hyp, measures in found.items():
        for seed, measure in zip(seeds, measures, strict=True):
            for view in VIEWS:
                own = measure[view]
                boxes = sum(row["boxes"] for row in own["classes"])
                yield [hyp, seed, view, "", boxes, *(own[name] for name in SUMMED)]
                for row in own["classes"]:
                    numbers = (row[name] for name in OF_CLASS)
                    yield [hyp, seed, view, row["class"], row["boxes"], *numbers]


def _summaries(measures: Sequence[dict[str, Any]], view: str) -> dict[str, Any]:
    return {name: spread.summary(_column(measures, view, name)) for name in SUMMED}


def _column(measures: Sequence[dict[str, Any]], view: str, name: str) -> Floats:
    return np.array([measure[view][name] for measure in measures], dtype=np.float64)


def _classes(found: Measures) -> Iterator[dict[str, Any]]:
    for view in VIEWS:
        for hyp, measures in found.items():
            for parts in zip(*(measure[view]["classes"] for measure in measures), strict=True):
                columns = {n: np.array([p[n] for p in parts], dtype=np.float64) for n in OF_CLASS}
                yield {
                    "view": view,
                    "hyp": hyp,
                    "class": parts[0]["class"],
                    "boxes": parts[0]["boxes"],
                    **{name: spread.summary(column) for name, column in columns.items()},
                }


def _differences(found: Measures, view: str, metric: str) -> Iterator[dict[str, Any]]:
    """Every preset compared with every one before it."""
    hyps = list(found)
    measured = spread.Measured(
        values=np.array([_column(measures, view, metric) for measures in found.values()]),
        draws=_mean_draws(found, view, metric),
    )
    pairs = list(combinations(range(len(hyps)), 2))
    half = spread.half_widths(measured, len(VIEWS) * len(pairs))
    mean = measured.values.mean(axis=1)
    for to, of in pairs:
        value, width = float(mean[of] - mean[to]), float(half[of, to])
        known = not np.isnan(width)
        low, high = max(value - width, -1.0), min(value + width, 1.0)
        yield {
            "view": view,
            "metric": metric,
            "of": hyps[of],
            "to": hyps[to],
            "value": round(value, 4),
            "interval": [round(low, 4), round(high, 4)] if known else None,
            "clear": bool(known and abs(value) > width),
        }


def _mean_draws(found: Measures, view: str, metric: str) -> Floats:
    """(K, B) means over the seeds; no column where a draw is missing anywhere."""
    draws = [[one[view]["draws"][metric] for one in measures] for measures in found.values()]
    counts = {len(own) for measures in draws for own in measures}
    if len(counts) > 1:
        return np.zeros((len(draws), 0))
    return np.array(draws, dtype=np.float64).mean(axis=1)
