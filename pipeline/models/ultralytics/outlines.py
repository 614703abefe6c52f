"""Outlines as the loader wants them: few points, as many in each, all boxes of a picture at once.

Every point is moved and clipped for every picture that is shown. A thousand a box, which
ultralytics makes of any outline, and a call for every box are what makes a loader slow.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.dataset import Boxes

MOST = 48  # points: an outline of more is drawn with fewer
_CLOSE = 0.001  # of an outline's longer side: how far it may move at first when points are left out
Floats = NDArray[np.float32]


def few(boxes: Boxes) -> Floats | None:
    """Each box's outline, or its four corners where nobody drew one.

    Args:
        boxes: (M) boxes with outlines of any numbers of points.

    Returns:
        (M, K, 2) x, y in pixels; rows of fewer than K points repeat their last. None where there is
        no outline at all: the boxes themselves say it.
    """
    counts = np.diff(boxes.outline.start)
    if not counts.any():
        return None
    corners = boxes.xyxy[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
    shapes = [
        thinned(boxes.outline[row]) if count else corners[row] for row, count in enumerate(counts)
    ]
    points = np.arange(max(map(len, shapes)))
    rows = [shape[np.minimum(points, len(shape) - 1)] for shape in shapes]
    return np.stack(rows).astype(np.float32)


def thinned(outline: NDArray[np.float64], most: int = MOST) -> NDArray[np.float64]:
    """An outline with at most `most` of its (K, 2) points, whose box stays the same.

    Points are left out by Douglas and Peucker (1973), those that touch the box never.
    """
    if len(outline) <= most:
        return outline
    contour, first = np.unique(outline.astype(np.float32), axis=0, return_index=True)
    outline, contour = outline[np.sort(first)], contour[np.argsort(first)]
    touching = np.zeros(len(outline), dtype=bool)
    touching[[*outline.argmin(axis=0), *outline.argmax(axis=0)]] = True
    close = _CLOSE * float(np.ptp(outline, axis=0).max())
    stays = np.ones(len(outline), dtype=bool)
    while stays.sum() > most:
        kept = cv2.approxPolyDP(contour, close, closed=True)[:, 0]
        stays = touching | (contour[:, None] == kept).all(axis=2).any(axis=1)
        close *= 2
    return outline[stays]


def turned(polygons: Floats, matrix: Floats, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Outlines moved as a picture is, and the boxes of what of them is in it then.

    What `RandomPerspective.apply_segments` of ultralytics gives, which does it box by box.

    Args:
        polygons: (N, K, 2) x, y in pixels.
        matrix: (3, 3) homography from the old picture to the new one.
        size: Width and height of the new picture.

    Returns:
        (N, 4) xyxy, zeros for what is outside; and (N, K, 2) the outlines, kept within their boxes.
    """
    moved = polygons @ matrix[:, :2].T.astype(polygons.dtype) + matrix[:, 2].astype(polygons.dtype)
    moved = moved[..., :2] / moved[..., 2:]
    boxes = visible(moved, *size)
    return boxes, moved.clip(boxes[:, None, :2], boxes[:, None, 2:])


def visible(polygons: Floats, width: float, height: float) -> Floats:
    """The box of what of each polygon is in the picture; ultralytics' `segment2box`.

    Args:
        polygons: (N, K, 2) x, y in pixels.
        width: Of the picture.
        height: Of the picture.

    Returns:
        (N, 4) xyxy; zeros for a polygon outside.
    """
    if not polygons.size:
        return np.zeros((len(polygons), 4), dtype=polygons.dtype)
    size = np.array([width, height], dtype=polygons.dtype)
    boxes = np.concatenate([polygons.min(axis=1), polygons.max(axis=1)], axis=1)
    boxes[((boxes[:, 2:] < 0) | (boxes[:, :2] > size)).any(axis=1)] = 0
    cut = np.flatnonzero(((boxes[:, :2] < 0) | (boxes[:, 2:] > size)).any(axis=1))
    if len(cut):
        boxes[cut] = _cut(polygons[cut], size)
    return boxes


def _cut(polygons: Floats, size: Floats) -> Floats:
    """The same of polygons across the border: hull of their sides' parts within, and of corners."""
    start, end = _sides_within(polygons, size)
    points = np.concatenate([start, end, _corners_covered(polygons, size)], axis=1)
    boxes = np.concatenate([np.fmin.reduce(points, axis=1), np.fmax.reduce(points, axis=1)], axis=1)
    boxes[np.isnan(boxes)] = 0
    return boxes


def _sides_within(polygons: Floats, size: Floats) -> tuple[Floats, Floats]:
    """Both ends (N, K, 2) of each side's part in the picture (Liang and Barsky, 1984), or NaN."""
    way = np.roll(polygons, -1, axis=1) - polygons
    with np.errstate(divide="ignore", invalid="ignore"):
        at = np.stack([-polygons / way, (size - polygons) / way])
    still = (way == 0) & (polygons >= 0) & (polygons <= size)
    enter = np.maximum(np.where(still, 0, at.min(axis=0)).max(axis=2), 0)
    leave = np.minimum(np.where(still, 1, at.max(axis=0)).min(axis=2), 1)
    ends = (np.where(enter <= leave, t, np.nan)[..., None] for t in (enter, leave))
    start, end = ((polygons + t * way).clip(0, size) for t in ends)
    return start, end


def _corners_covered(polygons: Floats, size: Floats) -> Floats:
    """(N, 4, 2) the corners of the picture that lie in each polygon, or NaN."""
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], dtype=polygons.dtype) * size
    low, high = polygons.min(axis=1, keepdims=True), polygons.max(axis=1, keepdims=True)
    near = ((low <= corners) & (corners <= high)).all(axis=2)
    covered = np.full((len(polygons), 4, 2), np.nan, dtype=polygons.dtype)
    for row, place in np.argwhere(near).tolist():
        polygon, corner = polygons[row].astype(np.float32), corners[place]
        if cv2.pointPolygonTest(polygon, corner.tolist(), measureDist=False) >= 0:
            covered[row, place] = corner
    return covered
