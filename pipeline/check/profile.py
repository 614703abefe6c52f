"""How strongly a picture changes across the sides of boxes: what tells whether boxes lie on things.

A thing differs from what is around it: its border is an edge, or its inside is rougher than its
surroundings, or smoother. In one photo that is drowned in other edges; in the mean over many boxes
it is a clear profile with its step or ridge at the boxes' sides, where the boxes are right.

The mean of a gradient over a strip is four look-ups in a summed-area table (Crow, "Summed-area
tables for texture mapping", SIGGRAPH 1984), so that hundreds of places a box cost microseconds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.boxes import Array

REACH = 16  # pixels to either side of a box's side that a profile covers
BANDS = np.array([-5.0, -2.5, -1.0, 1.0, 2.5, 5.0])  # edges of the bands, outwards, in units
UNIT = 0.04  # of the box's width or height, and at least one pixel
MIDDLE = 0.5  # share of a side that is looked at: round things touch their box only there
_SMOOTH = 1.0  # pixels, sigma: less noise, and no edge is moved
_LEAST = 3.0  # pixels; a shorter side has no inside


class Gradients(NamedTuple):
    """Summed-area tables of the absolute differences of neighbouring pixels.

    Attributes:
        across: (H + 1, W + 1) differences from column to column; the one between the columns
            j - 1 and j lies at x = j, so that it fills j - 0.5 to j + 0.5.
        down: (W + 1, H + 1) the same from row to row, its axes swapped.
    """

    across: Array
    down: Array


def gradients(grey: NDArray[np.uint8]) -> Gradients:
    """The tables of a grey picture (H, W)."""
    import cv2

    smooth = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), _SMOOTH)
    return Gradients(_summed(smooth), _summed(smooth.T))


def _summed(values: NDArray[np.float32]) -> Array:
    change = np.zeros(values.shape)
    np.abs(np.diff(values, axis=1), out=change[:, 1:])
    table = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    table[1:, 1:] = change.cumsum(axis=0).cumsum(axis=1)
    return table


def profiles(tables: Gradients, xyxy: Array) -> Array:
    """The gradient along each side of each box, pixel by pixel from `REACH` before to after it.

    Args:
        tables: Of the boxes' picture.
        xyxy: (N, 4) boxes in its pixels, half-open.

    Returns:
        (N, 4, 2 * REACH + 1) for the left, right, upper and lower sides, rightwards or downwards;
        each side's mean is 1, so that no picture outweighs the others. NaN for a side that has no
        such surroundings in the picture.
    """
    sides = [_profile(table, box, end) for table, box in _turned(tables, xyxy) for end in (0, 2)]
    found = np.stack(sides, axis=1)
    return found / _levels(found)


def _levels(found: Array) -> Array:
    """(N, 4, 1) the mean of each side and the one across from it, which share what is inside."""
    mean = found.mean(axis=2).reshape(-1, 2, 2)
    mean = np.where(np.isnan(mean), mean[:, :, ::-1], mean).mean(axis=2)
    level = np.where(mean > 0, mean, np.nan)
    return np.repeat(level, 2, axis=1)[:, :, None]


def _turned(tables: Gradients, xyxy: Array) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Each table with the boxes as it sees them: looked through along its first axis."""
    return (tables.across, xyxy), (tables.down, xyxy[:, [1, 0, 3, 2]])


def _profile(table: Array, box: Array, end: int) -> Array:
    """(N, 2 * REACH + 1) of the sides at x = box[:, end]."""
    width = table.shape[1] - 1
    at = box[:, end, None] + np.arange(-REACH, REACH + 1)
    low, high = _stretch(box, table.shape[0] - 1)
    whole = np.arange(width + 1)
    summed = table[high] - table[low]  # (N, W + 1)
    edges = np.concatenate([at, at[:, -1:] + 1], axis=1)  # of the cells, by half a pixel moved
    cumulated = np.array([np.interp(e, whole, s) for e, s in zip(edges, summed, strict=True)])
    found = np.diff(cumulated.reshape(-1, edges.shape[1]), axis=1)
    inside = (at[:, 0] >= 1) & (at[:, -1] <= width - 1) & (high > low)
    return np.where(inside[:, None], found, np.nan)


def _stretch(box: Array, height: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last row of the middle of each box's sides, cut at the picture's border."""
    middle, half = (box[:, 1] + box[:, 3]) / 2, (box[:, 3] - box[:, 1]) / 2 * MIDDLE
    low, high = (np.clip(np.rint(at), 0, height) for at in (middle - half, middle + half))
    return low.astype(np.int64), high.astype(np.int64)


def contrasts(tables: Gradients, xyxy: Array) -> Array:
    """How the gradient differs from band to band across the sides of each box.

    Args:
        tables: Of the boxes' picture.
        xyxy: (N, 4) boxes in its pixels, half-open; they may lie anywhere.

    Returns:
        (N, 5) logarithms of the mean gradient in the bands between `BANDS`, from the inside
        outwards, less their mean; the mean over the four sides. A side that is not in the picture
        counts as one without contrast: all 0.
    """
    total = np.zeros((len(xyxy), len(BANDS) - 1))
    for table, box in _turned(tables, xyxy):
        for end, outwards in ((0, -1), (2, 1)):
            total += _contrast(table, box, end, outwards)
    return total / 4


def _contrast(table: Array, box: Array, end: int, outwards: int) -> Array:
    side = box[:, 2] - box[:, 0]
    unit = np.maximum(UNIT * side, 1)[:, None]
    low, high = _stretch(box, table.shape[0] - 1)
    at = np.rint(box[:, end, None] + outwards * unit * BANDS + 0.5)
    at = np.clip(at, 0, table.shape[1] - 1).astype(np.int64)
    change = np.abs(np.diff(table[high[:, None], at] - table[low[:, None], at], axis=1))
    area = np.abs(np.diff(at, axis=1)) * (high - low)[:, None]
    level = np.log(change / np.maximum(area, 1) + 1)
    known = (area > 0).all(axis=1) & (side >= _LEAST)
    return np.where(known[:, None], level - level.mean(axis=1, keepdims=True), 0)
