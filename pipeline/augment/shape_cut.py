"""Ellipses in boxes, also of things that the picture's border cuts.

The box of a thing that is cut is the box of the part in the picture, and an ellipse drawn into it
would be too small and too round. How large the whole thing is, its class tells: as wide for its
height as the class's whole boxes are. The shape is the part of that ellipse within the box.
"""

from __future__ import annotations

import numpy as np

from pipeline import polygons
from pipeline.dataset import Bools, Boxes, Dataset, Floats, Ints, Outlines

POINTS = 48  # of an ellipse: turned by any angle, its sides are 0.15 % off at most
_NEAR = 1.0  # pixels between a box and the border that it touches: some tools count to width - 1
_ENOUGH, _MANY = 5, 201  # whole boxes that tell a class's proportions


def ellipse(xyxy: Floats, points: int = POINTS) -> Floats:
    """The ellipses inscribed in boxes; the four points that touch the sides are among theirs.

    The other points lie outside by so little that the polygon, turned by any angle, is as wide as
    the ellipse on average.

    Args:
        xyxy: (M, 4) boxes, in pixels or any other unit.
        points: Of each ellipse; a multiple of 4.

    Returns:
        (M, points, 2) x, y in the unit of the boxes, clockwise as seen, from the right on.
    """
    step = np.pi / points
    angle = 2 * step * np.arange(points)
    unit = np.column_stack([np.cos(angle), np.sin(angle)])
    touching = np.rint(unit[:: points // 4])  # cos(pi / 2) is 6e-17
    unit *= step / np.sin(step)  # the mean of cos within one step of 0 is sin(step) / step
    unit[:: points // 4] = touching
    centre, half = (xyxy[:, :2] + xyxy[:, 2:]) / 2, (xyxy[:, 2:] - xyxy[:, :2]) / 2
    return np.asarray(centre[:, None] + half[:, None] * unit)


def ellipses(dataset: Dataset, rows: Ints) -> Outlines:
    """The ellipses in the boxes `rows` (K,); of a thing that the border cuts, the part in its box.

    Returns:
        (K) outlines, whose hulls are the boxes.
    """
    boxes = dataset.boxes
    cut = touches(boxes.xyxy, dataset.images.size[boxes.image])
    aspects = _aspects(boxes, ~cut.any(axis=1) & ~boxes.crowd, len(dataset.classes))
    at_border = cut[rows].any(axis=1)
    places = np.flatnonzero(at_border)
    parts = [
        _part(boxes.xyxy[row], cut[row], aspects[boxes.label[row]]) for row in rows[places].tolist()
    ]
    seen = polygons.fitted(Outlines.of(parts), boxes.xyxy[rows[places]])
    whole = polygons.even(ellipse(boxes.xyxy[rows[~at_border]]))
    return polygons.gathered(len(rows), [(np.flatnonzero(~at_border), whole), (places, seen)])


def touches(xyxy: Floats, size: Ints) -> Bools:
    """(M, 4) which sides (left, top, right, bottom) of boxes lie on the border of their pictures.

    Args:
        xyxy: (M, 4) boxes in pixels.
        size: (M, 2) width and height of their pictures.
    """
    on: Bools = np.concatenate([xyxy[:, :2] <= _NEAR, xyxy[:, 2:] >= size - _NEAR], axis=1)
    return on


def _aspects(boxes: Boxes, whole: Bools, classes: int) -> list[Floats]:
    """By class the width over height of its whole boxes, where they are enough to go by."""
    sides = boxes.xyxy[whole, 2:] - boxes.xyxy[whole, :2]
    aspect, label = sides[:, 0] / sides[:, 1], boxes.label[whole]
    return [_fewer(aspect[label == one]) for one in range(classes)]


def _fewer(aspects: Floats) -> Floats:
    """As spread as they are, but no more than are quick to look through for every box."""
    if len(aspects) > _MANY:
        return np.quantile(aspects, np.linspace(0, 1, _MANY))
    return aspects if len(aspects) >= _ENOUGH else aspects[:0]


def _part(xyxy: Floats, cut: Bools, aspects: Floats) -> Floats:
    """The part in its box of an ellipse that the border cuts, before it is fitted to the box.

    What is cut on three sides or four fills the box, as far as anybody can tell.
    """
    if cut.sum() > 2:
        return polygons.corners(xyxy[None])[0]
    half = _half(xyxy[2:] - xyxy[:2], cut, aspects)
    low, high = cut[:2], cut[2:]
    middle = (xyxy[:2] + xyxy[2:]) / 2
    centre = np.where(low & ~high, xyxy[2:] - half, np.where(high & ~low, xyxy[:2] + half, middle))
    whole = np.concatenate([centre - half, centre + half])
    part = polygons.part_in(ellipse(whole[None], 2 * POINTS)[0], xyxy)
    return part if len(part) >= 3 else polygons.corners(xyxy[None])[0]


def _half(size: Floats, cut: Bools, aspects: Floats) -> Floats:
    """(2,) half the width and height of the whole thing, of which a box of `size` (2,) is seen."""
    across, down = (cut[:2].astype(int) + cut[2:]).tolist()
    if not len(aspects):
        return size / 2
    if down > across:
        return np.asarray(_half(size[::-1], cut[[1, 0, 3, 2]], 1 / aspects)[::-1])
    width, height = size.tolist()
    if across == 1 and down == 0:
        return _cut_once(width, height, aspects)
    aspect = float(np.median(aspects))
    if across == 2:
        return np.array([max(width, aspect * height) / 2, height / 2])
    least, most = max(height, width / aspect) / 2, min(height, width / aspect)
    tall = max(least, (least + most) / 2)  # anything between is possible: the middle
    return np.array([aspect * tall, tall])


def _cut_once(width: float, height: float, aspects: Floats) -> Floats:
    """Half sizes of a thing of which one side, left or right, is cut.

    Seen by more than a half, it is as high as the box, and wider: of the proportions that its class
    has, those that make it at least as wide are possible. Seen by less than a half, the box is as
    high as the chord along which the border cuts it.
    """
    possible = aspects[aspects * height >= width]
    if not len(possible):
        return np.array([width, height]) / 2
    aspect = float(np.median(possible))
    if 2 * width >= aspect * height:
        return np.array([aspect * height, height]) / 2
    tall = aspect * height**2 / (8 * width) + width / (2 * aspect)
    return np.array([aspect * tall, tall])
