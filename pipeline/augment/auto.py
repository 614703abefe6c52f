"""Which shape a class has, told by the pixels of some of its boxes.

Each box is asked whether its pixels agree better with an ellipse or with a quadrilateral in it,
both with the same freedom to lie a little off. Where they agree with neither, better than with a
place where there is nothing, the box tells nothing.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from pipeline.augment.search import Seen, look, polygon
from pipeline.augment.shape_cut import touches
from pipeline.dataset import Dataset, Floats, Ints
from pipeline.engine import Map, in_process

COUNT = 200  # boxes of a class that are looked at
SMALL = 12.0  # pixels of a side: in a smaller box nothing is to be seen
CLEAR = 0.7  # evidence that nine in ten boxes drawn at random do not reach
TELLING = 1 / 3  # of the boxes, which must tell something
UPRIGHT = 0.9  # of a box's area, that a quadrilateral covers which is no other than the box
SELDOM = 0.05  # share of tilted things in a class of upright ones

Shape = Literal["box", "ellipse", "quad"]


class Choice(NamedTuple):
    """What the pixels tell of a class.

    Attributes:
        shape: "box" also where they do not tell.
        share: Of the boxes that tell, those that are like an ellipse.
        low: Of the interval (Wilson, 95 %) about `share`.
        high: The same.
        telling: Boxes that tell something.
        looked: Boxes that were looked at.
        tilted: Of the boxes like a quadrilateral, the share of those that stand at an angle.
    """

    shape: Shape
    share: float
    low: float
    high: float
    telling: int
    looked: int
    tilted: float

    @property
    def why(self) -> str:
        """In words."""
        if self.telling < TELLING * self.looked or not self.telling:
            return f"{self.telling} of {self.looked} boxes tell their shape: too few"
        sides = (self.share, self.low, self.high)
        like, low, high = (
            sides if self.share >= 0.5 else (1 - self.share, 1 - self.high, 1 - self.low)
        )
        kind = "are round" if self.share >= 0.5 else "have four straight sides"
        words = (
            f"{like:.0%} {kind} ({low:.0%} to {high:.0%}), of {self.telling} boxes that tell"
            f" their shape; {self.looked} looked at"
        )
        if low <= 0.5:
            return f"{words}: not clear"
        return words if self.share >= 0.5 else f"{words}; {self.tilted:.0%} of them tilted"


def choose(dataset: Dataset, mapped: Map = in_process, *, count: int = COUNT) -> list[Choice]:
    """Tell each class's shape from the pixels of some of its boxes.

    Boxes on the border of their picture, crowds and very small ones are not looked at. What a
    split must not part (`images.group`) counts as one thing seen several times.

    Args:
        dataset: Pictures and boxes.
        mapped: Maps over pictures (`engine.shards`).
        count: Boxes of a class to look at, at most.

    Returns:
        A choice for each of the classes.
    """
    rows = _sample(dataset, count)
    seen = look(dataset, rows, mapped)
    label, group = dataset.boxes.label[rows], _groups(dataset)[rows]
    return [
        _choice(Seen(*(column[label == one] for column in seen)), group[label == one])
        for one in range(len(dataset.classes))
    ]


def _sample(dataset: Dataset, count: int) -> Ints:
    """Rows of whole boxes, increasing: of each class `count`, of as many groups as there are."""
    boxes = dataset.boxes
    side = (boxes.xyxy[:, 2:] - boxes.xyxy[:, :2]).min(axis=1)
    cut = touches(boxes.xyxy, dataset.images.size[boxes.image]).any(axis=1)
    good = np.flatnonzero(~cut & ~boxes.crowd & (side >= SMALL))
    mixed = np.random.default_rng(0).permutation(good)
    of_class = [mixed[boxes.label[mixed] == one] for one in range(len(dataset.classes))]
    group = _groups(dataset)
    taken = [rows[np.argsort(_nth(group[rows]), kind="stable")][:count] for rows in of_class]
    return np.sort(np.concatenate(taken)) if taken else good


def _groups(dataset: Dataset) -> Ints:
    """(M,) a number for the group of each box: its picture's, or the picture alone."""
    names = [
        f"group {group}" if group else f"picture {row}"
        for row, group in enumerate(dataset.images.group)
    ]
    numbers = np.unique(np.array(names, dtype=object).astype(str), return_inverse=True)[1]
    return np.asarray(numbers.reshape(-1)[dataset.boxes.image])


def _nth(group: Ints) -> Ints:
    """(K,) how many of the same group stand before each."""
    order = np.argsort(group, kind="stable")
    first = np.searchsorted(group[order], group[order])
    nth = np.empty(len(group), dtype=np.int64)
    nth[order] = np.arange(len(group)) - first
    return nth


def _choice(seen: Seen, group: Ints) -> Choice:
    read = ~np.isnan(seen.round)
    seen, group = Seen(*(column[read] for column in seen)), group[read]
    best = seen.score.argmax(axis=1) if len(group) else np.zeros(0, dtype=np.int64)
    row = np.arange(len(group))
    quad = seen.score[row, best]
    tells = np.maximum(quad, seen.round) >= CLEAR
    is_round = seen.round > quad
    square = tells & ~is_round
    tilted = float((_areas(seen.ends[row, best])[square] < UPRIGHT).mean()) if square.any() else 0.0
    share = float(is_round[tells].mean()) if tells.any() else 0.5
    low, high = _wilson(share, len(np.unique(group[tells])))
    enough = tells.sum() >= TELLING * len(group)
    shape = _shape(low, high, tilted) if enough else "box"
    return Choice(shape, share, low, high, int(tells.sum()), len(group), tilted)


def _shape(low: float, high: float, tilted: float) -> Shape:
    if low > 0.5:
        return "ellipse"
    return "quad" if high < 0.5 and tilted > SELDOM else "box"


def _areas(ends: Floats) -> Floats:
    """(K,) the share of its box that each quadrilateral covers (the shoelace formula)."""
    x, y = np.moveaxis(polygon(ends, np.array([0.0, 0.0, 1.0, 1.0])), -1, 0)
    return np.asarray((x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1)).sum(axis=1) / 2)


def _wilson(share: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share of `count` independent things (Wilson, 1927)."""
    if not count:
        return 0.0, 1.0
    z = 1.96
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * (share * (1 - share) / count + z**2 / (4 * count**2)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)
