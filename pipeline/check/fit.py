"""Whether boxes lie on things, and by which reading they would: a verdict on a part of a set.

The measure is how clear the mean contrast across the boxes' sides is, class by class. Boxes that
lie on things have a clear one, whichever way it goes; those that lie anywhere have none, since what
they cross is different each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.boxes import Array
from pipeline.check import registration
from pipeline.check.evidence import ANYWHERE, Evidence
from pipeline.check.readings import READINGS, STEP, Reading
from pipeline.check.registration import Shift
from pipeline.dataset import Ints

ROUNDS = 200
SURE = 4.0  # standard errors: many readings and parts are tried, and none may win by chance
MARGIN = 1.25  # times as clear as the boxes as they are read
FAINT = 0.02  # a mean contrast that is less clear than this says nothing
FEW = 20  # boxes
FEWEST = 10  # independent units: of fewer the bootstrap does not know how they vary
ROUGH = 2.0  # pixels: the error of a shift that is only as fine as the shifts that are tried

Decision = Literal["right", "wrong", "unknown"]


@dataclass(frozen=True, eq=False)
class Verdict:
    """What the pixels say of some boxes.

    Attributes:
        decision: "right": they lie on things as they are read. "wrong": they would by `reading`.
            "unknown": too few, or they lie on nothing by any reading.
        reading: The best one.
        clear: The contrast's clearness by the best reading, 0 and more.
        as_read: By the boxes as they are read.
        by: The same by each of `READINGS`.
        errors: Standard errors that lie between the two; infinite where they do not vary.
        boxes: How many were looked at.
        units: Of how many independent groups.
        scale: What the best reading multiplies by, between the scales that were tried.
        shift: How far boxes as they are read have to move, in pixels of the picture.
    """

    decision: Decision
    reading: Reading
    clear: float
    as_read: float
    by: Array
    errors: float
    boxes: int
    units: int
    scale: float
    shift: Shift


def judge(evidence: Evidence, label: Ints, seed: int = 0) -> Verdict:
    """Judge some boxes.

    Args:
        evidence: Of these boxes only.
        label: (K,) their classes.
        seed: Of the resampling.
    """
    known, unit = np.unique(evidence.unit, return_inverse=True)
    if len(evidence) < FEW or len(known) < FEWEST:
        nan = np.full(2, np.nan)
        return _verdict(evidence, "unknown", 0, np.zeros(len(READINGS)), np.nan, Shift(nan, nan))
    draws = _draws(len(known), seed)
    clear = clearness(evidence.contrast, label, unit, np.ones((1, len(known))))[0]
    best = int(np.argmax(clear[:ANYWHERE]))
    some = clearness(evidence.contrast[:, [0, best, ANYWHERE]], label, unit, draws).T
    better = _errors(some[1] - some[0], clear[best] - clear[0])
    decision = _decide(clear, best, better, some)
    moved = shift_of(evidence, unit, _alike(label), draws)
    if decision == "wrong":
        moved = _farther(moved, READINGS[best], float(np.median(evidence.scale)))
    return _verdict(evidence, decision, best, clear, better, moved)


def _alike(label: Ints) -> Array:
    """(K,) weights by which each class counts alike, however many boxes it has.

    Light from one side moves what is seen of one kind of thing; an error of convention moves all.
    """
    return np.asarray(1 / np.maximum(np.bincount(label), FEW)[label])


def _decide(clear: Array, best: int, better: float, some: Array) -> Decision:
    by_chance = _errors(some[1] - some[2], clear[best] - clear[ANYWHERE])
    if clear[best] < FAINT or by_chance < SURE:
        return "unknown"
    if better >= SURE and clear[best] >= MARGIN * clear[0]:
        return "wrong"
    as_read = _errors(some[0] - some[2], clear[0] - clear[ANYWHERE])
    return "right" if as_read >= SURE else "unknown"


def _draws(units: int, seed: int) -> Array:
    """(ROUNDS, units) how often each unit counts in each resample (the cluster bootstrap)."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(units, np.full(units, 1 / units), ROUNDS).astype(np.float64)


def _errors(draws: Array, value: float) -> float:
    """How many standard errors a value is from 0."""
    error = float(draws.std(ddof=1))
    return float(value / error) if error else float(np.sign(value)) * np.inf if value else 0.0


def _verdict(
    evidence: Evidence, decision: Decision, best: int, clear: Array, errors: float, moved: Shift
) -> Verdict:
    return Verdict(
        decision=decision,
        reading=READINGS[best],
        clear=float(clear[best]),
        as_read=float(clear[0]),
        by=clear[:ANYWHERE],
        errors=errors,
        boxes=len(evidence),
        units=len(np.unique(evidence.unit)),
        scale=_scale(best, clear),
        shift=moved,
    )


def _farther(moved: Shift, reading: Reading, scale: float) -> Shift:
    """The shift read off the profiles; the best of those that were tried where it is far from it.

    Profiles reach a few pixels only.
    """
    tried = np.array(reading.shift) * scale
    if not tried.any() or (np.abs(moved.value - tried) <= 2 * ROUGH * scale).all():
        return moved
    return Shift(tried, np.full(2, scale * ROUGH))


def _scale(best: int, clear: Array) -> float:
    """The scale of the best reading; the parabola through it and its neighbours tells it finer."""
    around = [row for row in (best - 1, best, best + 1) if 0 <= row < len(READINGS)]
    scales = [READINGS[row].scale for row in around]
    if len(around) < 3 or 1 in scales or scales[0] < 1 < scales[2]:
        return READINGS[best].scale
    before, top, after = clear[around]
    bend = before - 2 * top + after
    return float(READINGS[best].scale * STEP ** (0.5 * (before - after) / bend if bend else 0))


def clearness(contrast: NDArray[np.float32], label: Ints, unit: Ints, draws: Array) -> Array:
    """How clear the mean contrast is: its squared length, in the mean over the boxes.

    Each class has its own mean: coins are rough inside, and sheets of paper smooth.

    Args:
        contrast: (N, T, 5) of N boxes by T readings.
        label: (N,) the boxes' classes.
        unit: (N,) the number of each box's independent unit.
        draws: (B, U) how often each unit counts.

    Returns:
        (B, T).
    """
    total = np.zeros((len(draws), contrast.shape[1]))
    for one in np.unique(label):
        here = label == one
        summed = np.zeros((draws.shape[1], *contrast.shape[1:]))
        np.add.at(summed, unit[here], contrast[here])
        count = draws @ np.bincount(unit[here], minlength=draws.shape[1])
        squared = (np.tensordot(draws, summed, axes=1) ** 2).sum(axis=2)
        total += squared / np.maximum(count, 1)[:, None]
    return total / (draws @ np.bincount(unit, minlength=draws.shape[1]))[:, None]


def shift_of(evidence: Evidence, unit: Ints, weight: Array, draws: Array) -> Shift:
    """The shift of some boxes in pixels of their pictures."""
    found = registration.shift(evidence.profile, unit, weight, draws)
    scale = float(np.median(evidence.scale))
    return Shift(found.value * scale, found.error * scale)


def shift_beside(evidence: Evidence, weight: Array, seed: int = 0) -> Shift:
    """The shift of boxes that count as `weight` (K,) says."""
    known, unit = np.unique(evidence.unit, return_inverse=True)
    return shift_of(evidence, unit, weight, _draws(len(known), seed))
