"""The ways in which a box can be misread: what it would be if it had been written otherwise.

A reading is a function of boxes as read (M, 4), in pixels as shown, and the size of their pictures
(M, 2) as shown; it gives the boxes that were meant. Where it makes no sense it gives NaN or a box
without sides.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from pipeline.boxes import xyxy_to_xywhn
from pipeline.check.structure.sheet import Format
from pipeline.dataset import Floats, Ints

Places = Callable[[Floats, Ints], Floats]
SCALES = (2.0, 3.0, 4.0, 5.0, 8.0, 10.0)


class Reading(NamedTuple):
    """How boxes may have been written.

    Attributes:
        kind: The defect's name.
        cause: What happened, for messages.
        boxes: Gives the boxes that were meant.
        stretch: By how much the reading magnifies each side of the values.
    """

    kind: str
    cause: str
    boxes: Places
    stretch: float = 1.0


def _normalised(xyxy: Floats, size: Ints) -> tuple[Floats, Floats]:
    """YOLO's four values, (M, 4), and the factors that make pixels of them."""
    return xyxy_to_xywhn(xyxy, np.maximum(size, 1)), np.tile(size, 2).astype(np.float64)


def _corners_as_centre(xyxy: Floats, size: Ints) -> Floats:
    values, pixels = _normalised(xyxy, size)
    return values * pixels


def _top_left_as_centre(xyxy: Floats, size: Ints) -> Floats:
    values, pixels = _normalised(xyxy, size)
    return np.concatenate([values[:, :2], values[:, :2] + values[:, 2:]], axis=1) * pixels


def _swapped_fractions(xyxy: Floats, size: Ints) -> Floats:
    pixels = np.tile(size, 2).astype(np.float64)
    return (xyxy / pixels)[:, [1, 0, 3, 2]] * pixels


def _pixels_as_fractions(xyxy: Floats, size: Ints) -> Floats:
    values, _ = _normalised(xyxy, size)
    half = values[:, 2:] / 2
    return np.concatenate([values[:, :2] - half, values[:, :2] + half], axis=1)


def _pixel_corners_as_fractions(xyxy: Floats, size: Ints) -> Floats:
    return _normalised(xyxy, size)[0]


def _pixel_top_left_as_fractions(xyxy: Floats, size: Ints) -> Floats:
    values, _ = _normalised(xyxy, size)
    return np.concatenate([values[:, :2], values[:, :2] + values[:, 2:]], axis=1)


def _percent(xyxy: Floats, size: Ints) -> Floats:
    del size
    return xyxy / 100


def _fractions_as_pixels(xyxy: Floats, size: Ints) -> Floats:
    return xyxy * np.tile(size, 2)


def _corners_as_size(xyxy: Floats, size: Ints) -> Floats:
    del size
    return np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1)


def _centre_as_top_left(xyxy: Floats, size: Ints) -> Floats:
    del size
    half = np.tile((xyxy[:, 2:] - xyxy[:, :2]) / 2, 2)
    return xyxy - half


def _swapped(xyxy: Floats, size: Ints) -> Floats:
    del size
    return xyxy[:, [1, 0, 3, 2]]


def _mirrored(xyxy: Floats, size: Ints, axis: int) -> Floats:
    out, side = xyxy.copy(), size[:, axis]
    out[:, axis], out[:, axis + 2] = side - xyxy[:, axis + 2], side - xyxy[:, axis]
    return out


def _scaled(xyxy: Floats, size: Ints, by: float) -> Floats:
    del size
    return xyxy * by


def turned(xyxy: Floats, stored: Ints, orientation: int) -> Floats:
    """Boxes on the stored pixels (M, 4) where EXIF orientation 2 to 8 shows them.

    Args:
        xyxy: In pixels of the stored picture.
        stored: (M, 2) its width and height.
        orientation: EXIF's (EXIF 2.32, 4.6.5).
    """
    left, top, right, bottom = xyxy.T
    far_x, near_x = stored[:, 0] - left, stored[:, 0] - right
    far_y, near_y = stored[:, 1] - top, stored[:, 1] - bottom
    columns = {
        2: (near_x, top, far_x, bottom),
        3: (near_x, near_y, far_x, far_y),
        4: (left, near_y, right, far_y),
        5: (top, left, bottom, right),
        6: (near_y, left, far_y, right),
        7: (near_y, near_x, far_y, far_x),
        8: (top, near_x, bottom, far_x),
    }[orientation]
    return np.stack(columns, axis=1)


def unturned(form: Format, xyxy: Floats, size: Ints, orientation: Ints) -> Floats:
    """The boxes that were meant, if they were drawn on the pixels before the EXIF turn.

    Args:
        form: YOLO's fractions are of the stored picture then; other formats hold its pixels.
        xyxy: (M, 4) as read.
        size: (M, 2) of the pictures as shown.
        orientation: (M,) EXIF's; a box of a picture without a turn stays as it is.
    """
    out = xyxy.astype(np.float64)
    for turn in range(2, 9):
        rows = np.flatnonzero(orientation == turn)
        if not len(rows):
            continue
        shown = size[rows]
        stored = shown[:, ::-1] if turn >= 5 else shown
        raw = xyxy[rows]
        if form == "yolo":
            raw = raw / np.tile(np.maximum(shown, 1), 2) * np.tile(stored, 2)
        out[rows] = turned(raw, stored, turn)
    return out


TURNED = Reading(
    "EXIF turn", "drawn on the pixels before the EXIF turn", lambda xyxy, _: xyxy
)  # by `unturned`, which needs the turn of each picture
_MIRRORED = (
    Reading("mirrored", "x is counted from the right", partial(_mirrored, axis=0)),
    Reading("mirrored", "y is counted from the bottom", partial(_mirrored, axis=1)),
)
_SCALED = tuple(
    Reading(
        "other scale",
        f"drawn on a picture {by:g} times as small",
        partial(_scaled, by=by),
        stretch=by,
    )
    for by in SCALES
)
_OF: dict[Format, tuple[Reading, ...]] = {
    "yolo": (
        Reading("corners as centre", "x1 y1 x2 y2 where xc yc w h are due", _corners_as_centre),
        Reading("top left as centre", "x1 y1 w h where xc yc w h are due", _top_left_as_centre),
        Reading("x and y swapped", "yc xc h w where xc yc w h are due", _swapped_fractions),
        *_SCALED,
    ),
    "coco": (
        Reading("corners as size", "x1 y1 x2 y2 where x y w h are due", _corners_as_size),
        Reading("centre as top left", "xc yc w h where x y w h are due", _centre_as_top_left),
        Reading("x and y swapped", "y x h w where x y w h are due", _swapped),
        *_SCALED,
    ),
    "corners": (Reading("x and y swapped", "y where x is due", _swapped), *_SCALED),
}
_UNITS: dict[Format, tuple[Reading, ...]] = {
    "yolo": (
        Reading("percent", "percent where fractions are due", _percent),
        Reading("pixels", "xc yc w h in pixels where fractions are due", _pixels_as_fractions),
        Reading("pixels", "x1 y1 x2 y2 in pixels, fractions due", _pixel_corners_as_fractions),
        Reading("pixels", "x1 y1 w h in pixels, fractions due", _pixel_top_left_as_fractions),
    ),
    "coco": (Reading("fractions", "fractions where pixels are due", _fractions_as_pixels),),
    "corners": (Reading("fractions", "fractions where pixels are due", _fractions_as_pixels),),
}


def of(form: Format) -> tuple[Reading, ...]:
    """Readings of values of the right unit that the sizes and places of boxes can tell."""
    return _OF[form]


def units(form: Format) -> tuple[Reading, ...]:
    """Readings of values of a wrong unit."""
    return _UNITS[form]


def witnessed(form: Format) -> tuple[Reading, ...]:
    """All readings: what a second witness can tell."""
    return (*_OF[form], *_UNITS[form], *_MIRRORED)
