"""Polygon geometry: free functions on one polygon (K, 2), or on a column of them (`Outlines`).

Points are x, y in pixels of the picture as shown; a polygon is closed, in either direction.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.dataset import Bools, Floats, Ints, Outlines

MOST = 200  # points that an outline in a label has without being thinned
_THIN = 1e-3
_BLOCK = 2000  # outlines at a time: what is computed on the way stays in the cache


def corners(xyxy: Floats) -> Floats:
    """(N, 4) boxes to the (N, 4, 2) corners of each, clockwise as seen, from the top left on."""
    return np.asarray(xyxy[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2))


def has(outlines: Outlines) -> Bools:
    """(M,) which rows have an outline."""
    drawn: Bools = np.diff(outlines.start) > 0
    return drawn


def hulls(outlines: Outlines) -> Floats:
    """(M, 4) the tight xyxy box of each outline; NaN where there is none."""
    found = np.full((len(outlines), 4), np.nan)
    there = has(outlines)
    if there.any():
        first = outlines.start[:-1][there]
        found[there, :2] = np.minimum.reduceat(outlines.points, first)
        found[there, 2:] = np.maximum.reduceat(outlines.points, first)
    return found


def area(outlines: Outlines) -> Floats:
    """(M,) the area of each outline (the shoelace formula); 0 where there is none."""
    found = np.zeros(len(outlines))
    there = has(outlines)
    if there.any():
        first = outlines.start[:-1][there]
        corner = np.repeat(outlines.points[first], np.diff(outlines.start)[there], axis=0)
        near = outlines.points - corner
        after = np.roll(near, -1, axis=0)  # of a last point it is 0, 0: the next outline's first
        found[there] = np.add.reduceat(near[:, 0] * after[:, 1] - after[:, 0] * near[:, 1], first)
    areas: Floats = np.abs(found) / 2
    return areas


def fitted(outlines: Outlines, xyxy: Floats) -> Outlines:
    """The outlines moved and scaled along x and y so that their hulls are boxes (M, 4)."""
    hull = hulls(outlines)
    side = np.maximum(hull[:, 2:] - hull[:, :2], 1e-9)
    columns = (hull[:, :2], side, xyxy[:, :2], xyxy[:, 2:])
    moved = np.empty_like(outlines.points)
    for first in range(0, len(outlines), _BLOCK):
        start = outlines.start[first : first + _BLOCK + 1]
        of_box = (column[first : first + _BLOCK] for column in columns)
        origin, width, low, high = (np.repeat(one, np.diff(start), axis=0) for one in of_box)
        share = np.clip((outlines.points[start[0] : start[-1]] - origin) / width, 0, 1)
        moved[start[0] : start[-1]] = low * (1 - share) + high * share  # exact at both ends
    return Outlines(moved, outlines.start)


def thinned(outlines: Outlines, most: int = MOST) -> Outlines:
    """The outlines with fewer points where they have more than `most`.

    What is left out lies within a thousandth of the outline's size (Ramer, 1972; Douglas and
    Peucker, 1973); their hulls may change by as much.
    """
    counts = np.diff(outlines.start)
    rows = np.flatnonzero(counts > most)
    if not len(rows):
        return outlines
    others = np.flatnonzero(counts <= most)
    fewer = Outlines.of([_thin(outlines[row]) for row in rows.tolist()])
    return gathered(len(outlines), [(others, outlines.take(others)), (rows, fewer)])


def _thin(polygon: Floats) -> Floats:
    import cv2

    low = polygon.min(axis=0)
    near = float(np.ptp(polygon, axis=0).max()) * _THIN
    kept = cv2.approxPolyDP((polygon - low).astype(np.float32)[:, None], near, closed=True)
    return np.asarray(kept[:, 0] + low, dtype=np.float64) if len(kept) >= 3 else polygon


def even(points: Floats) -> Outlines:
    """A column of outlines that all have the same number of points, (M, points, 2)."""
    return Outlines.of_counts(points.reshape(-1, 2), [points.shape[1]] * len(points))


def gathered(rows: int, parts: Sequence[tuple[Ints, Outlines]]) -> Outlines:
    """A column of outlines put together from parts.

    Args:
        rows: Of the column.
        parts: Rows (K,) and their outlines; a row that no part holds has none.
    """
    held = [(own, outlines) for own, outlines in parts if len(own)]
    if len(held) == 1 and np.array_equal(held[0][0], np.arange(rows)):
        return held[0][1]
    counts = np.zeros(rows, dtype=np.int64)
    for own, outlines in parts:
        counts[own] = np.diff(outlines.start)
    whole = Outlines.of_counts(np.zeros((int(counts.sum()), 2)), counts)
    for own, outlines in parts:
        shift = np.repeat(whole.start[own] - outlines.start[:-1], np.diff(outlines.start))
        whole.points[shift + np.arange(len(shift))] = outlines.points
    return whole


def or_corners(outlines: Outlines, xyxy: Floats) -> Outlines:
    """The outlines; the corners of its box (M, 4) for a row that has none."""
    there = has(outlines)
    plain = np.flatnonzero(~there)
    own = np.flatnonzero(there)
    parts = [(own, outlines.take(own)), (plain, even(corners(xyxy[plain])))]
    return gathered(len(outlines), parts)


def part_in(polygon: Floats, box: Floats) -> Floats:
    """The part (L, 2) of a polygon (K, 2) within a box (4,); no points where there is none.

    The parts of a polygon with dents come out joined by lines along the border (Sutherland and
    Hodgman, "Reentrant polygon clipping", 1974). A corner of the box that nothing but such a line
    leads to is left out, so that the hull is right.
    """
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    if (low >= box[:2]).all() and (high <= box[2:]).all():
        return polygon
    part = polygon
    for axis in (0, 1):
        part = _half(part, axis, float(box[axis]), 1.0)
        part = _half(part, axis, float(box[axis + 2]), -1.0)
    corner = ((part == box[:2]) | (part == box[2:])).all(axis=1)
    joined = [row for row in np.flatnonzero(corner).tolist() if not _holds(polygon, part[row])]
    return np.delete(part, joined, axis=0)


def _holds(polygon: Floats, point: Floats) -> bool:
    """Whether a point lies in a polygon or on its line."""
    import cv2

    line = polygon.astype(np.float32).reshape(-1, 1, 2)
    return cv2.pointPolygonTest(line, (float(point[0]), float(point[1])), measureDist=False) >= 0


def _half(polygon: Floats, axis: int, limit: float, side: float) -> Floats:
    """The part of a polygon on one side of a line across an axis."""
    depth = side * (polygon[:, axis] - limit)
    after, deep = np.roll(polygon, -1, axis=0), np.roll(depth, -1)
    crosses = depth * deep < 0
    share = np.divide(depth, depth - deep, out=np.zeros_like(depth), where=crosses)
    crossing = polygon + (after - polygon) * share[:, None]
    crossing[:, axis] = limit
    pairs = np.stack([polygon, crossing], axis=1).reshape(-1, 2)
    return np.asarray(pairs[np.stack([depth >= 0, crosses], axis=1).reshape(-1)])
