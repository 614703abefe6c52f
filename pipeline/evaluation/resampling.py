"""How far a score may be off by chance: COCO's average precision over resampled pictures.

The bootstrap (Efron 1979) draws pictures with replacement and scores each draw. What is not
independent is drawn as one: shots of one thing, of one group (the cluster bootstrap; Field and
Welsh 2007). Matching does not depend on what else is drawn, so it is done once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.dataset import Bools, Dataset, Floats, Ints
from pipeline.evaluation import coco

RECALLS = np.linspace(0, 1, 101)
FEWEST = 5  # independent units; from fewer nothing can be said about chance
METRICS = ("mAP50", "mAP50-95")
Seed = int | tuple[int, int]


@dataclass(frozen=True, eq=False)
class Matches:
    """One class's predictions, best score first, at the ten IoU thresholds.

    Attributes:
        picture: (D,) row of each prediction's picture.
        at: (E,) those predictions that anything but a false one is at any threshold.
        hit: (10, E) which of them find a box.
        ignored: (10, E) which of them lie in a crowd.
        total: (N,) boxes to find in each picture.
    """

    picture: Ints
    at: Ints
    hit: Bools
    ignored: Bools
    total: Ints


def match(truth: Dataset, predictions: Dataset, label: int) -> Matches:
    """Match the predictions of one class, as `coco.score` does."""
    pictures = coco.pictures(truth.boxes, predictions.boxes, label)
    total = np.zeros(len(truth.images), dtype=np.int64)
    for one in pictures:
        total[one["image_id"] - 1] = np.count_nonzero(np.asarray(one["gtIgnore"]) == 0)
    row = [np.full(len(one["dtScores"]), one["image_id"] - 1) for one in pictures]
    score = [np.asarray(one["dtScores"], dtype=np.float64) for one in pictures]
    order = np.argsort(-np.concatenate([*score, []]), kind="stable")
    ignored = _columns([one["dtIgnore"] for one in pictures])[:, order] > 0
    hit = (_columns([one["dtMatches"] for one in pictures])[:, order] > 0) & ~ignored
    at = np.flatnonzero((hit | ignored).any(axis=0))
    picture = np.concatenate([*row, []]).astype(np.int64)[order]
    return Matches(picture, at, hit[:, at], ignored[:, at], total)


def _columns(parts: Sequence[Any]) -> Floats:
    """(10, D) from one (10, d) array a picture."""
    wide = [np.asarray(part, dtype=np.float64).reshape(10, -1) for part in parts]
    return np.concatenate([*wide, np.zeros((10, 0))], axis=1)


def average_precision(found: Matches, weight: Floats) -> Floats:
    """(10,) AP at the ten IoU thresholds; NaN where there is no box.

    Args:
        found: One class.
        weight: (N,) how often each picture counts; 1 for all gives pycocotools' own numbers.
    """
    total = found.total @ weight
    if not total:
        return np.full(10, np.nan)
    own = weight[found.picture[found.at]]
    counted = np.cumsum(weight[found.picture])[found.at] - np.cumsum(own * found.ignored, axis=1)
    hits = np.cumsum(own * found.hit, axis=1)
    precision = hits / np.maximum(counted, np.spacing(1))
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    best = np.concatenate([best, np.zeros((10, 1))], axis=1)  # recalls that are never reached
    places = [np.searchsorted(recall, RECALLS) for recall in hits / total]
    return np.array([row[at].mean() for row, at in zip(best, places, strict=True)])


def units(group: Iterable[str]) -> Ints:
    """(N,) the number of each picture's independent unit: its group, or itself where unknown."""
    names = [name or place for place, name in enumerate(group)]
    number = {name: place for place, name in enumerate(dict.fromkeys(names))}
    return np.array([number[name] for name in names], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Score:
    """A score and how it varies.

    Attributes:
        value: The score; NaN where there was nothing to measure.
        draws: (B,) scores of resampled pictures, moved so that their median is `value`; NaN where
            fewer than `FEWEST` units are there to draw from.
    """

    value: float
    draws: Floats


def scores(
    truth: Dataset, predictions: Dataset, labels: Sequence[int], rounds: int, seed: Seed
) -> dict[str, Score]:
    """mAP50 and mAP50-95 over some classes, each with its bootstrap.

    Args:
        truth: Pictures with their boxes and groups.
        predictions: The same pictures, with scores.
        labels: The classes to average over.
        rounds: How many resamples.
        seed: Of the draws; another one for each split, so that their draws are independent.
    """
    found = [match(truth, predictions, label) for label in labels]
    unit = units(truth.images.group)
    weights = [np.ones(len(unit)), *_draws(unit, rounds, seed)]
    each = np.array([_means(found, weight) for weight in weights])  # (1 + B, 2)
    return {name: _score(column) for name, column in zip(METRICS, each.T, strict=True)}


def _draws(unit: Ints, rounds: int, seed: Seed) -> list[Floats]:
    """How often each picture is in each resample; none where there is too little to draw from."""
    count = int(unit.max(initial=-1)) + 1
    if count < FEWEST:
        return [np.full(len(unit), np.nan)] * rounds
    times = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), rounds)
    return [row[unit].astype(np.float64) for row in times]


def _means(found: Sequence[Matches], weight: Floats) -> tuple[float, float]:
    if np.isnan(weight).any() or not found:
        return np.nan, np.nan
    each = np.array([average_precision(one, weight) for one in found])
    each = each[~np.isnan(each[:, 0])]
    return (float(each[:, 0].mean()), float(each.mean())) if len(each) else (np.nan, np.nan)


def _score(column: Floats) -> Score:
    value, draws = float(column[0]), column[1:]
    there = draws[~np.isnan(draws)]
    middle = np.median(there) if len(there) else np.nan
    return Score(value, np.asarray(draws - middle + value))


def interval(draws: Floats, low: float = -np.inf, high: float = np.inf) -> list[float] | None:
    """The middle 95 % of the draws, cut at `low` and `high`; None where chance is unknown."""
    there = draws[~np.isnan(draws)]
    if not len(there):
        return None
    return [round(float(v), 4) for v in np.clip(np.percentile(there, (2.5, 97.5)), low, high)]
