"""Ways in which all boxes of a set may have been written, other than they are read.

A reading gives the boxes that were meant if they were written so: a function of boxes as read
(N, 4), in pixels as shown, half-open, and the size of their pictures (N, 2), width and height.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.boxes import Array

Sizes = NDArray[np.int64]
Undo = Callable[[Array, Sizes], Array]

STEP = 1.03  # between two scales: a box's side is off by half of it where it is farthest off
STEPS = 78  # in either direction: to a tenth and to ten times
RIGHT = "as read"
SCALE = "other scale"
SHIFTED = "shifted"
_NEAR = (-16.0, -8.0, -4.0, 0.0, 4.0, 8.0, 16.0)  # pixels, along both axes at once
_FAR = (-32.0, -24.0, -12.0, 12.0, 24.0, 32.0)  # pixels, along one axis


class Reading(NamedTuple):
    """How boxes may have been written.

    Attributes:
        kind: The defect's name.
        cause: What happened, in words.
        undo: Gives the boxes that were meant.
        scale: What `undo` multiplies by; 1 for all but the scales.
        shift: What `undo` adds to x and y; 0 for all but the shifts.
    """

    kind: str
    cause: str
    undo: Undo
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)


def _as_read(xyxy: Array, size: Sizes) -> Array:
    del size
    return xyxy


def _swapped(xyxy: Array, size: Sizes) -> Array:
    del size
    return xyxy[:, [1, 0, 3, 2]]


def _swapped_shares(xyxy: Array, size: Sizes) -> Array:
    return _swapped(xyxy / np.tile(size, 2), size) * np.tile(size, 2)


def _left_right(xyxy: Array, size: Sizes) -> Array:
    x1, y1, x2, y2 = xyxy.T
    return np.stack([size[:, 0] - x2, y1, size[:, 0] - x1, y2], axis=1)


def _upside_down(xyxy: Array, size: Sizes) -> Array:
    x1, y1, x2, y2 = xyxy.T
    return np.stack([x1, size[:, 1] - y2, x2, size[:, 1] - y1], axis=1)


def _one_after_another(xyxy: Array, size: Sizes, steps: tuple[Undo, ...]) -> Array:
    for step in steps:
        xyxy = step(xyxy, size)
    return xyxy


def _half(xyxy: Array) -> Array:
    return np.tile((xyxy[:, 2:] - xyxy[:, :2]) / 2, 2)


def _top_left_as_centre(xyxy: Array, size: Sizes) -> Array:
    del size
    return xyxy + _half(xyxy)


def _centre_as_top_left(xyxy: Array, size: Sizes) -> Array:
    del size
    return xyxy - _half(xyxy)


def _corners_as_size(xyxy: Array, size: Sizes) -> Array:
    del size
    return np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1)


def _corners_as_centre(xyxy: Array, size: Sizes) -> Array:
    del size
    return np.concatenate([xyxy[:, :2] + _half(xyxy)[:, :2], 2 * _half(xyxy)[:, 2:]], axis=1)


def _sides_swapped(xyxy: Array, size: Sizes) -> Array:
    del size
    centre, half = (xyxy[:, :2] + xyxy[:, 2:]) / 2, _half(xyxy)[:, 1::-1]
    return np.concatenate([centre - half, centre + half], axis=1)


def _divided_by_the_other(xyxy: Array, size: Sizes) -> Array:
    return xyxy / np.tile(size, 2) * np.tile(size[:, ::-1], 2)


def _letterboxed(xyxy: Array, size: Sizes) -> Array:
    border = (size.max(axis=1, keepdims=True) - size) / 2
    return _padded(xyxy, size) - np.tile(border, 2)


def _padded(xyxy: Array, size: Sizes) -> Array:
    return xyxy / np.tile(size, 2) * size.max(axis=1, keepdims=True)


def _scaled(xyxy: Array, size: Sizes, by: float) -> Array:
    del size
    return xyxy * by


def _steps(*steps: Undo) -> Undo:
    return partial(_one_after_another, steps=steps)


def _turns(swap: Undo, unit: str) -> tuple[Reading, ...]:
    """EXIF's orientations 5 to 8 (EXIF 2.32, 4.6.5), undone in pixels or in shares of the sides."""
    return (
        Reading("x and y swapped", f"y stands where x is due ({unit})", swap),
        Reading(
            "turned",
            f"drawn before a quarter turn to the right ({unit})",
            _steps(swap, _left_right),
        ),
        Reading(
            "turned",
            f"drawn before a quarter turn to the left ({unit})",
            _steps(swap, _upside_down),
        ),
        Reading(
            "turned",
            f"drawn before a quarter turn and a mirror ({unit})",
            _steps(swap, _left_right, _upside_down),
        ),
    )


def _scales() -> tuple[Reading, ...]:
    factors = [STEP**step for step in range(-STEPS, STEPS + 1) if step]
    return tuple(
        Reading(SCALE, "drawn on a copy of another size", partial(_scaled, by=by), by)
        for by in factors
    )


def _moved(xyxy: Array, size: Sizes, by: tuple[float, float]) -> Array:
    del size
    return xyxy + np.tile(by, 2)


def _shifts() -> tuple[Reading, ...]:
    places = [(x, y) for x in _NEAR for y in _NEAR if x or y]
    places += [(far, 0.0) for far in _FAR] + [(0.0, far) for far in _FAR]
    return tuple(
        Reading(SHIFTED, "beside the things", partial(_moved, by=by), shift=by) for by in places
    )


READINGS = (
    Reading(RIGHT, "as they are read", _as_read),
    Reading("mirrored", "x is counted from the right", _left_right),
    Reading("mirrored", "y is counted from the bottom", _upside_down),
    Reading("turned", "drawn before half a turn", _steps(_left_right, _upside_down)),
    *_turns(_swapped_shares, "in fractions"),
    *_turns(_swapped, "in pixels"),
    Reading(
        "top left as centre", "the upper left corner stands for the centre", _top_left_as_centre
    ),
    Reading(
        "centre as top left", "the centre stands for the upper left corner", _centre_as_top_left
    ),
    Reading("corners as size", "the far corner stands for the size", _corners_as_size),
    Reading("corners as centre", "x1 y1 x2 y2 where centre and size are due", _corners_as_centre),
    Reading("sides swapped", "a box's width and height are swapped", _sides_swapped),
    Reading(
        "picture's sides swapped",
        "x is divided by the picture's height and y by its width",
        _divided_by_the_other,
    ),
    Reading("letterboxed", "drawn on the picture padded to a square on both sides", _letterboxed),
    Reading("letterboxed", "drawn on the picture padded to a square at its end", _padded),
    *_shifts(),
    *_scales(),
)
"""Every reading that is tried, the way the boxes are read first."""
