"""What the gaps between the splits' scores say: bias, variance, data mismatch, over-tuning.

After Ng, "Machine Learning Yearning" (2018), chapters 40 to 43. Each split is one step further
from what the model has learnt from, and each step has one reason of its own:

- train: what is missing there is (avoidable) bias;
- train_dev, of train's kind but never trained on: what is lost on new pictures is variance;
- val, of the kind that the model is wanted for: data mismatch;
- test, by which nothing was chosen: over-tuning to val.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from pipeline.evaluation.resampling import Score, interval

STEPS = {
    "train": "bias",
    "train_dev": "variance",
    "val": "data mismatch",
    "test": "over-tuning",
}
WANTED = "wanted"


@dataclass(frozen=True, eq=False)
class Gap:
    """What is lost from one split to the next.

    Attributes:
        reasons: Why; several where a split between them is missing.
        start: The split before, or `WANTED`.
        end: The split after.
        score: The loss; below 0 where `end` scores better.
    """

    reasons: tuple[str, ...]
    start: str
    end: str
    score: Score

    @property
    def name(self) -> str:
        return " or ".join(self.reasons)

    @property
    def seen(self) -> bool:
        """Whether it is a loss that chance alone does not make."""
        found = interval(self.score.draws)
        return found is not None and found[0] > 0

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "gap": self.name,
            "from": self.start,
            "to": self.end,
            "value": round(self.score.value, 4),
            "interval": interval(self.score.draws),
        }


def gaps(scores: Mapping[str, Score], wanted: float) -> list[Gap]:
    """The gaps from the wanted score down to the last split that was measured.

    Args:
        scores: By split, of one metric, all over the same classes.
        wanted: What could be reached: 1, or what people reach.
    """
    rounds = max((len(score.draws) for score in scores.values()), default=0)
    known = {WANTED: Score(wanted, np.full(rounds, wanted)), **_there(scores)}
    names = list(STEPS)
    place = {WANTED: 0, **{split: number for number, split in enumerate(names, 1)}}
    return [
        Gap(
            tuple(STEPS[split] for split in names[place[start] : place[end]]),
            start,
            end,
            Score(known[start].value - known[end].value, known[start].draws - known[end].draws),
        )
        for start, end in pairwise(known)
    ]


def _there(scores: Mapping[str, Score]) -> dict[str, Score]:
    return {
        split: scores[split]
        for split in STEPS
        if split in scores and not np.isnan(scores[split].value)
    }


@dataclass(frozen=True)
class Verdict:
    """Which gap is the largest.

    Attributes:
        largest: It; None where no gap is a loss that chance alone does not make.
        rivals: Others that it cannot be told apart from: the interval of their difference holds 0.
    """

    largest: Gap | None
    rivals: tuple[Gap, ...] = ()


def judge(found: Sequence[Gap]) -> Verdict:
    """Which of the gaps is the largest, as far as that can be told."""
    seen = [gap for gap in found if gap.seen]
    if not seen:
        return Verdict(None)
    largest = max(seen, key=lambda gap: gap.score.value)
    others = [gap for gap in found if gap is not largest]
    return Verdict(largest, tuple(gap for gap in others if not _larger(largest, gap)))


def _larger(one: Gap, other: Gap) -> bool:
    """Whether the difference of two gaps is more than chance."""
    difference = interval(one.score.draws - other.score.draws)
    return difference is not None and difference[0] > 0
