"""Where a box of a source picture comes to lie in a training picture, and what is seen of it.

Augmentation shifts, turns and warps a picture (a matrix), and cuts it at the border of a mosaic
and of the training picture (windows). A `Way` keeps both, so that an outline's tight box in the
training picture is known exactly, whatever the loader made of its label.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pipeline.dataset import Bools, Floats, Ints, Outlines, Strings

_EDGE = 1e-6  # pixels: what lies on a border is seen


@dataclass(frozen=True, eq=False)
class Way:
    """How a source picture came into a training picture.

    Attributes:
        matrix: (3, 3) from its pixels as shown to the training picture's, homogeneous.
        sides: (K, 3) what of it is seen, as lines over its own pixels: of a point (x, y) where
            ``sides @ (x, y, 1) >= 0`` for all of them. Being lines in the source they stay exact
            under perspective, also for what lies behind the horizon.
    """

    matrix: Floats = field(default_factory=lambda: np.eye(3))
    sides: Floats = field(default_factory=lambda: np.zeros((0, 3)))

    def then(self, matrix: Any) -> Way:
        """The same, and then moved by a (3, 3) matrix."""
        return replace(self, matrix=np.asarray(matrix, dtype=np.float64) @ self.matrix)

    def shifted(self, x: float, y: float) -> Way:
        """The same, and then moved by some pixels."""
        return self.then([[1, 0, x], [0, 1, y], [0, 0, 1]])

    def scaled(self, x: float, y: float) -> Way:
        """The same, and then made larger by these factors."""
        return self.then([[x, 0, 0], [0, y, 0], [0, 0, 1]])

    def mirrored(self, width: float = 0, height: float = 0) -> Way:
        """The same, and then mirrored in a picture that wide, or that tall."""
        across = [-1, 0, width] if width else [1, 0, 0]
        down = [0, -1, height] if height else [0, 1, 0]
        return self.then([across, down, [0, 0, 1]])

    def turned(self, quarters: int, width: float, height: float) -> Way:
        """The same, and then turned counter-clockwise from a picture that wide and tall."""
        way, size = self, (width, height)
        for _ in range(quarters):  # x, y of the old picture are y, width - x of the new one
            way = way.then([[0, 1, 0], [-1, 0, size[0]], [0, 0, 1]])
            size = size[::-1]
        return way

    def within(self, x1: float, y1: float, x2: float, y2: float) -> Way:
        """The same, and then cut to a window of where it is now."""
        window = np.array([[1.0, 0, -x1], [-1, 0, x2], [0, 1, -y1], [0, -1, y2]])
        return replace(self, sides=np.concatenate([self.sides, window @ self.matrix]))


@dataclass(frozen=True, eq=False)
class Shown:
    """A training picture as the loader gives it, and what became of each box that went into it.

    Attributes:
        picture: (H, W, 3) BGR; None where pixels were not asked for.
        names: The source pictures in it; the one that it was drawn for first.
        row: (E,) the row in the data set's boxes of each box that came in.
        way: (E,) how its picture came in, a row of `ways`.
        extra: (E,) whether it was added by pasting: it cannot be lost.
        xyxy: (E, 4) its label in pixels of the training picture; nan where it has none.
        ways: How the source pictures came in.
        sources: How many pictures went in, those only pasted from not among them.
        exact: Whether the ways tell it all; not where transforms of Albumentations moved objects.
    """

    picture: Any
    names: Strings
    row: Ints
    way: Ints
    extra: Bools
    xyxy: Floats
    ways: tuple[Way, ...]
    sources: int
    exact: bool = True


def seen(polygon: Floats, way: Way) -> Floats:
    """What can be seen of an outline, still in pixels of its own picture.

    Sutherland and Hodgman's clipping ("Reentrant Polygon Clipping", CACM 1974), by each side of
    the windows in turn.

    Args:
        polygon: (K, 2) x, y.
        way: How its picture came into the training picture.

    Returns:
        (V, 2) points; none where nothing is seen.
    """
    for side in way.sides[(_inside(polygon, way.sides) < 0).any(axis=0)]:
        polygon = _cut(polygon, side)
    return polygon


def placed(points: Floats, way: Way) -> Floats:
    """(K, 2) where points that are seen come to lie in the training picture, in its pixels."""
    moved = np.column_stack([points, np.ones(len(points))]) @ way.matrix.T
    return np.asarray(moved[:, :2] / moved[:, 2:])


def tight(outlines: Outlines, way: Way) -> tuple[Floats, Floats]:
    """How much is seen of the outlines of one picture, and the tight boxes around that.

    Args:
        outlines: (M) of no less than three points.
        way: How the picture came into the training picture.

    Returns:
        (M,) the share of each outline's area that is seen, and (M, 4) the xyxy of what is seen in
        pixels of the training picture; 0 and nan where nothing is.
    """
    share, boxes = np.zeros(len(outlines)), np.full((len(outlines), 4), np.nan)
    if not len(outlines):
        return share, boxes
    first = outlines.start[:-1]
    inside = _inside(outlines.points, way.sides).min(axis=1, initial=np.inf)
    whole = np.minimum.reduceat(inside, first) >= 0
    for row in np.flatnonzero(~whole).tolist():
        part = seen(outlines[row], way)
        if len(part):
            share[row] = area(part) / max(area(outlines[row]), 1e-12)
            boxes[row] = _hull(placed(part, way))
    share[whole] = 1
    points = outlines.take(whole)
    if len(points):
        moved, first = placed(points.points, way), points.start[:-1]
        boxes[whole, :2] = np.minimum.reduceat(moved, first)
        boxes[whole, 2:] = np.maximum.reduceat(moved, first)
    return share, boxes


def area(polygon: Floats) -> float:
    """Of a polygon (K, 2), in square pixels (the shoelace formula)."""
    x, y = (polygon - polygon[0]).T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def _hull(points: Floats) -> Floats:
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def _inside(points: Floats, sides: Floats) -> Floats:
    """(K, S) how far points are inside of each side, in pixels; never quite outside on the line."""
    scale = np.linalg.norm(sides[:, :2], axis=1)
    return (points @ sides[:, :2].T + sides[:, 2]) / np.maximum(scale, 1e-12) + _EDGE


def _cut(polygon: Floats, side: Floats) -> Floats:
    if not len(polygon):
        return polygon
    depth = _inside(polygon, side[None])[:, 0]
    after, deep = np.roll(polygon, -1, axis=0), np.roll(depth, -1)
    crosses = (depth >= 0) != (deep >= 0)
    share = np.divide(depth, depth - deep, out=np.zeros_like(depth), where=crosses)
    points = np.stack([polygon, polygon + share[:, None] * (after - polygon)], axis=1)
    return points[np.column_stack([depth >= 0, crosses])]
