"""Single boxes that cannot be right, whatever they are boxes of."""

from __future__ import annotations

import numpy as np

from pipeline import boxes as geometry
from pipeline.check.findings import Finding, Fix
from pipeline.check.structure.density import on_grid
from pipeline.check.structure.options import Options
from pipeline.check.structure.sheet import Sheet, change
from pipeline.dataset import Bools, Floats, Ints

_NONE = 0.01  # pixels: what six decimals of a fraction cannot tell from nothing
_OFF = 0.02  # share of the boxes between the pixels up to which the set is drawn on the grid
_USUAL = 0.02  # share of the boxes from which it is how the set is


def find(sheet: Sheet, plain: Bools, options: Options) -> list[Finding]:
    """Boxes without sides or with a hair's breadth, out of their pictures, as large as them.

    Args:
        sheet: The annotations.
        plain: (M,) boxes that are read rightly.
        options: Thresholds.
    """
    side = sheet.xyxy[:, 2:] - sheet.xyxy[:, :2]
    known = (sheet.size > 0).all(axis=1)
    negative = (side < -_NONE).any(axis=1)
    zero = ~negative & (side < _NONE).any(axis=1)
    sound = ~negative & ~zero & plain & known
    return [
        *_negative(sheet, np.flatnonzero(negative)),
        *_zero(sheet, np.flatnonzero(zero)),
        *_slivers(sheet, np.flatnonzero(sound & (side < options.sliver).any(axis=1)), side),
        *_outside(sheet, sound, options.outside),
        *_whole(sheet, sound, options.whole),
        *_off_grid(sheet, sound),
    ]


def _negative(sheet: Sheet, rows: Ints) -> list[Finding]:
    low = np.minimum(sheet.xyxy[:, :2], sheet.xyxy[:, 2:])
    high = np.maximum(sheet.xyxy[:, :2], sheet.xyxy[:, 2:])
    right = np.concatenate([low, high], axis=1)
    return [
        sheet.finding(
            row,
            "mirrored",
            "error",
            f"{_size(sheet, row)}: a side less than 0",
            fix=change(right[row]),
        )
        for row in rows.tolist()
    ]


def _zero(sheet: Sheet, rows: Ints) -> list[Finding]:
    return [
        sheet.finding(
            row,
            "zero size",
            "error",
            f"{_size(sheet, row)}: a click without a drag?",
            fix=Fix("remove"),
            advice="remove it, or draw it again",
        )
        for row in rows.tolist()
    ]


def _size(sheet: Sheet, row: int) -> str:
    x1, y1, x2, y2 = sheet.xyxy[row]
    return f"{x2 - x1:.4g} x {y2 - y1:.4g} pixels"


def _slivers(sheet: Sheet, rows: Ints, side: Floats) -> list[Finding]:
    """Boxes with a side of hardly a pixel; not of small things, which are small both ways."""
    long = rows[side[rows].max(axis=1) >= 4 * side[rows].min(axis=1)]
    return [
        sheet.finding(
            row, "sliver", "warning", _size(sheet, row), advice="draw it again or remove it"
        )
        for row in long.tolist()
    ]


def _outside(sheet: Sheet, sound: Bools, most: float) -> list[Finding]:
    limit = np.tile(sheet.size, 2)
    over = np.concatenate([-sheet.xyxy[:, :2], sheet.xyxy[:, 2:] - sheet.size], axis=1)
    gone = ((sheet.xyxy[:, :2] >= sheet.size) | (sheet.xyxy[:, 2:] <= 0)).any(axis=1) & sound
    rows = np.flatnonzero(sound & ~gone & (over > most).any(axis=1))
    inside = geometry.clip(sheet.xyxy, sheet.size)
    return [
        sheet.finding(
            row,
            "out of picture",
            "warning",
            f"sticks out of the picture by {_sides(over[row], most)}",
            fix=change(inside[row]),
        )
        for row in rows.tolist()
    ] + [
        sheet.finding(
            row,
            "out of picture",
            "error",
            f"lies wholly outside the picture of {limit[row, 0]}x{limit[row, 1]} pixels",
            advice="is it the label of another picture, or of a larger copy?",
        )
        for row in np.flatnonzero(gone).tolist()
    ]


def _sides(over: Floats, most: float) -> str:
    names = ("left", "top", "right", "bottom")
    told = [f"{by:.3g} pixels {name}" for name, by in zip(names, over, strict=True) if by > most]
    return ", ".join(told)


def _whole(sheet: Sheet, sound: Bools, share: float) -> list[Finding]:
    """Boxes as large as the picture; not where the set has many, such as close-ups."""
    inside = geometry.area(geometry.clip(sheet.xyxy, sheet.size))
    rows = np.flatnonzero(sound & (inside >= share * np.prod(sheet.size, axis=1)))
    if len(rows) > max(_USUAL * len(sheet), 1):
        return []
    return [
        sheet.finding(
            row,
            "whole picture",
            "warning",
            "covers the whole picture",
            advice="is it a label of the picture, not of a thing in it?",
        )
        for row in rows.tolist()
    ]


def _off_grid(sheet: Sheet, sound: Bools) -> list[Finding]:
    """Boxes that lie between the pixels, where nearly all others lie on them."""
    off = sound & ~on_grid(sheet.xyxy, sheet.size)
    if off.sum() > _OFF * sound.sum():
        return []
    away = np.abs(sheet.xyxy - np.round(sheet.xyxy)).max(axis=1, initial=0)
    return [
        sheet.finding(
            row,
            "off grid",
            "hint",
            f"lies {away[row]:.2f} pixels off the whole ones that all others lie on",
            advice="was it drawn on a resized copy, or rounded to few decimals?",
        )
        for row in np.flatnonzero(off).tolist()
    ]
