"""What boxes mean, as far as it was found out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.check.structure import density
from pipeline.check.structure.density import Model
from pipeline.check.structure.readings import Reading
from pipeline.check.structure.sheet import Sheet
from pipeline.dataset import Bools, Floats, Ints

_ENOUGH = 100_000  # boxes that tell what boxes are like


@dataclass(frozen=True)
class Meant:
    """What boxes mean, as far as it was found out.

    Attributes:
        reading: (M,) index in `ways`; -1 for a box that is read rightly.
        xyxy: (M, 4) the boxes meant.
        ways: The readings.
    """

    reading: Ints
    xyxy: Floats
    ways: list[Reading]

    @property
    def plain(self) -> Bools:
        """(M,) boxes that are read rightly."""
        return self.reading < 0

    def take(self, rows: Ints, way: Reading, xyxy: Floats) -> None:
        """Boxes that mean something else, and what."""
        if way not in self.ways:
            self.ways.append(way)
        self.reading[rows] = self.ways.index(way)
        self.xyxy[rows] = xyxy


def by_group(score: Floats, group: Ints) -> Floats:
    """(R, M) scores summed over the boxes of each group."""
    sums: Floats = np.stack([np.bincount(group, weights=row) for row in score])
    return sums[:, group]


def model_of(sheet: Sheet, rows: Ints) -> Model | None:
    """What boxes are like, told by some of them; None where none has sides."""
    side = sheet.xyxy[rows, 2:] - sheet.xyxy[rows, :2]
    good = rows[(side > 0).all(axis=1) & (sheet.size[rows] > 0).all(axis=1)]
    if not len(good):
        return None
    good = some(good, _ENOUGH)
    return density.fit(sheet.xyxy[good], sheet.size[good], sheet.label[good], len(sheet.classes))


def some(rows: Ints, most: int) -> Ints:
    """At most so many rows, drawn at random and always the same ones, in order.

    Not every so-manieth: where all pictures have as many boxes, those would be each one's first.
    """
    if len(rows) <= most:
        return rows
    drawn: Ints = np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
    return drawn
