"""Pairs of boxes of one picture that are too much alike: duplicates, two classes, nested.

Boxes are sorted by their left side within each picture, and each is compared with the next one,
the one after that, and so on, as long as any two of such a distance still overlap: whole columns
at a time, without a loop over pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pipeline import boxes as geometry
from pipeline.check.findings import Finding, Fix
from pipeline.check.structure.options import Options
from pipeline.check.structure.sheet import Sheet
from pipeline.dataset import Bools, Floats, Ints

_EQUAL = 0.01  # pixels between two sides that are the same
_USUAL = 0.02  # share of the boxes from which boxes within boxes are how the set is


class Pairs(NamedTuple):
    """Pairs of boxes.

    Attributes:
        first: (P,) rows of the boxes that stand first in their files.
        second: (P,) rows of the others.
        iou: (P,) their overlap.
        within: (P,) share of the smaller one that lies in the larger.
        equal: (P,) whether all four sides are the same.
    """

    first: Ints
    second: Ints
    iou: Floats
    within: Floats
    equal: Bools


def find(sheet: Sheet, plain: Bools, options: Options) -> list[Finding]:
    """Boxes that stand there twice, with one class or two, and boxes within boxes.

    Args:
        sheet: The annotations.
        plain: (M,) boxes that are read rightly; the others are compared for duplicates only.
        options: Thresholds.
    """
    pairs = overlapping(sheet.image, sheet.xyxy, min(options.near, options.same, options.inside))
    same = sheet.label[pairs.first] == sheet.label[pairs.second]
    near = ~pairs.equal & (pairs.iou >= options.near)
    two = ~same & (pairs.equal | (pairs.iou >= options.same))
    inside = same & ~pairs.equal & ~near & (pairs.within >= options.inside)
    usual = plain & (geometry.area(sheet.xyxy) < options.whole * np.prod(sheet.size, axis=1))
    inside &= usual[pairs.first] & usual[pairs.second]
    return [
        *_twice(sheet, pairs, np.flatnonzero(same & pairs.equal), "duplicate"),
        *_twice(sheet, pairs, np.flatnonzero(same & near), "near duplicate"),
        *_two_classes(sheet, pairs, np.flatnonzero(two)),
        *_nested(sheet, pairs, np.flatnonzero(inside)),
    ]


def overlapping(image: Ints, xyxy: Floats, least: float) -> Pairs:
    """Pairs of boxes of a picture of which the one lies in the other by `least`, or that are equal.

    Args:
        image: (M,) pictures.
        xyxy: (M, 4) boxes.
        least: Share of the smaller box.
    """
    order = np.lexsort((-xyxy[:, 2], xyxy[:, 0], image))
    parts = [_measured(order, one, xyxy, least) for one in _near(image[order], xyxy[order])]
    if not parts:
        none = np.zeros(0)
        return Pairs(none.astype(np.int64), none.astype(np.int64), none, none, none.astype(bool))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    first, second = np.minimum(columns[0], columns[1]), np.maximum(columns[0], columns[1])
    rank = np.lexsort((second, first))
    return Pairs(first[rank], second[rank], *(column[rank] for column in columns[2:]))


def _near(image: Ints, xyxy: Floats) -> Iterator[tuple[Ints, Ints]]:
    """Pairs of sorted rows whose boxes overlap from left to right and from top to bottom."""
    active, step = np.arange(len(image)), 0
    while len(active):
        step += 1
        active = active[active + step < len(image)]
        other = active + step
        touch = (image[active] == image[other]) & (xyxy[other, 0] <= xyxy[active, 2] + _EQUAL)
        active, other = active[touch], other[touch]
        high = np.minimum(xyxy[active, 3], xyxy[other, 3])
        meet = np.maximum(xyxy[active, 1], xyxy[other, 1]) <= high + _EQUAL
        yield active[meet], other[meet]


def _measured(
    order: Ints, pair: tuple[Ints, Ints], xyxy: Floats, least: float
) -> tuple[Ints, Ints, Floats, Floats, Bools]:
    first, second = order[pair[0]], order[pair[1]]
    a, b = xyxy[first], xyxy[second]
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    shared = np.prod(sides.clip(0), axis=1)
    area_a, area_b = geometry.area(a), geometry.area(b)
    smaller = np.minimum(area_a, area_b)
    within = np.divide(shared, smaller, out=np.zeros_like(shared), where=smaller > 0)
    union = area_a + area_b - shared
    iou = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    equal = np.asarray((np.abs(a - b) <= _EQUAL).all(axis=1))
    kept = equal | (within >= least)
    return first[kept], second[kept], iou[kept], within[kept], equal[kept]


def _twice(sheet: Sheet, pairs: Pairs, at: Ints, kind: str) -> list[Finding]:
    """The later one of two; once for each, however many it repeats."""
    _, once = np.unique(pairs.second[at], return_index=True)
    return [
        sheet.finding(
            int(pairs.second[one]),
            kind,
            "error" if kind == "duplicate" else "warning",
            f"the same as {_place(sheet, int(pairs.first[one]))} (IoU {pairs.iou[one]:.2f})",
            fix=Fix("remove"),
        )
        for one in at[once].tolist()
    ]


def _place(sheet: Sheet, row: int) -> str:
    label = sheet.classes[sheet.label[row]] if sheet.label[row] >= 0 else "unknown"
    return f"{sheet.place_name.format(sheet.place[row])}, {label!r}"


def _two_classes(sheet: Sheet, pairs: Pairs, at: Ints) -> list[Finding]:
    return [
        sheet.finding(
            int(pairs.second[one]),
            "two classes",
            "error" if pairs.equal[one] else "warning",
            f"the box of {_place(sheet, int(pairs.first[one]))} (IoU {pairs.iou[one]:.2f})",
            advice="keep the one that is right",
        )
        for one in at.tolist()
    ]


def _nested(sheet: Sheet, pairs: Pairs, at: Ints) -> list[Finding]:
    """Boxes in larger ones of their class; not where the set has many, such as a heap."""
    area = geometry.area(sheet.xyxy)
    first, second = pairs.first[at], pairs.second[at]
    swap = area[first] < area[second]
    small, large = np.where(swap, first, second), np.where(swap, second, first)
    inner, once = np.unique(small, return_index=True)
    if len(inner) > max(_USUAL * len(sheet), 1):
        return []
    return [
        sheet.finding(
            row,
            "nested",
            "hint",
            f"lies in {_place(sheet, outer)}, {area[outer] / area[row]:.3g} times as large",
            advice="a part labelled beside the whole, or one box drawn around several?",
        )
        for row, outer in zip(inner.tolist(), large[once].tolist(), strict=True)
    ]
