"""What a model says of each box that it finds, besides place, class and score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.dataset import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class Details:
    """One row a box, in the order of the `Boxes` that they belong to.

    Attributes:
        probability: (P, C) of each class, as the model gives them: each 0 to 1, not of sum 1. The
            box's score is that of its class. 0 for the other classes of a model that tells one.
        spread: (P, 4) how unsure the model is of x1, y1, x2, y2: the standard deviation of its
            distribution over each side's place, in pixels of the picture as shown (Li et al.,
            "Generalized Focal Loss", NeurIPS 2020). NaN where the model has no such distribution.
    """

    probability: Floats
    spread: Floats

    def __len__(self) -> int:
        return len(self.probability)

    def take(self, rows: Ints | Bools) -> Details:
        return Details(self.probability[rows], self.spread[rows])

    @cached_property
    def highest(self) -> Floats:
        """(P, 2) the highest probability and the second highest; 0 where there is no such class."""
        padded = np.pad(self.probability, ((0, 0), (2, 0)))
        two: Floats = np.partition(padded, -2, axis=1)[:, -2:][:, ::-1]
        return two

    @staticmethod
    def of(score: Floats, label: Ints, classes: int) -> Details:
        """Of boxes (P) that came with a score and a class and nothing more."""
        probability = np.zeros((len(score), classes))
        probability[np.arange(len(score)), label] = score
        return Details(probability, np.full((len(score), 4), np.nan))

    @staticmethod
    def joined(parts: Sequence[Details], classes: int) -> Details:
        """All parts' rows, one part after another."""
        none = Details(np.zeros((0, classes)), np.zeros((0, 4)))
        return Details(
            np.concatenate([none.probability, *(part.probability for part in parts)]),
            np.concatenate([none.spread, *(part.spread for part in parts)]),
        )
