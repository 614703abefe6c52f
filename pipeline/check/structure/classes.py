"""Classes that are odd, and boxes that are odd for their class."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from pipeline.check.findings import Finding
from pipeline.check.structure.options import Options
from pipeline.check.structure.sheet import Sheet
from pipeline.dataset import Bools, Floats, Ints

_PICTURES = 20  # from which a class that lives in one of them is odd
_BOXES = 30  # of a class, from which its sizes are known
_LEAST = (0.25, 0.2)  # the spread that size and aspect (logarithms) have at least
_BORDER = 2.0  # pixels: a box that touches the border may be cut there
_TWENTIETH = (0.025, 0.5, 0.975)


def find(sheet: Sheet, plain: Bools, options: Options) -> list[Finding]:
    """Classes of one picture and of like names; sizes and aspects far from their class.

    Args:
        sheet: The annotations.
        plain: (M,) boxes that are read rightly.
        options: Thresholds.
    """
    return [*_rare(sheet), *_alike(sheet), *_outliers(sheet, plain, options.far)]


def _rare(sheet: Sheet) -> list[Finding]:
    """Classes that live in one picture: a slip of the pen, or nothing to learn from."""
    rows = np.flatnonzero(sheet.label >= 0)
    if len(np.unique(sheet.image[rows])) < _PICTURES:
        return []
    pairs = np.unique(sheet.label[rows] * len(sheet.images) + sheet.image[rows])
    pictures = np.bincount(pairs // len(sheet.images), minlength=len(sheet.classes))
    return [
        sheet.finding(
            int(np.argmax(sheet.label == label)),
            "class in one picture",
            "warning",
            f"{sheet.classes[label]!r} is in this picture only",
            advice="a misspelt class? Else label more of it: one picture teaches nothing",
        )
        for label in np.flatnonzero(pictures == 1).tolist()
    ]


def _alike(sheet: Sheet) -> list[Finding]:
    """Names that differ by case, spaces and dashes only, or not at all."""
    same: defaultdict[str, list[str]] = defaultdict(list)
    for name in sheet.classes:
        same["".join(one for one in name.casefold() if one.isalnum())].append(name)
    return [
        Finding(
            "class names",
            "warning",
            f"{', '.join(map(repr, names))} differ by little: are they one class?",
            advice="`classes` in a config merges them",
        )
        for key, names in same.items()
        if key and len(names) > 1
    ]


def _outliers(sheet: Sheet, plain: Bools, far: float) -> list[Finding]:
    width, height = (sheet.xyxy[:, 2:] - sheet.xyxy[:, :2]).T
    sound = plain & sheet.known & (width > 0) & (height > 0)
    rows = np.flatnonzero(sound)
    area = np.prod(sheet.size[rows], axis=1).astype(np.float64)
    w, h = width[rows], height[rows]
    size, aspect = np.log(w * h / area.clip(1)) / 2, np.log(w / h)
    label = sheet.label[rows]
    free = ~_touches(sheet)[rows]  # what the border cuts is smaller and of another aspect
    odd_size, middle = _far(size, label, far, _LEAST[0])
    odd_aspect, usual = _far(aspect, label, far, _LEAST[1])
    return [
        *_told(sheet, rows, np.flatnonzero(odd_size & free), np.exp(size - middle), "size"),
        *_told(
            sheet,
            rows,
            np.flatnonzero(odd_aspect & ~odd_size & free),
            np.exp(aspect - usual),
            "aspect",
        ),
    ]


def _touches(sheet: Sheet) -> Bools:
    low = (sheet.xyxy[:, :2] <= _BORDER).any(axis=1)
    return np.asarray(low | (sheet.xyxy[:, 2:] >= sheet.size - _BORDER).any(axis=1))


def _far(values: Floats, label: Ints, far: float, least: float) -> tuple[Bools, Floats]:
    """(M,) whether a value is far from those of its class, and the class's middle."""
    odd, middle = np.zeros(len(values), dtype=bool), values.copy()
    order = np.argsort(label, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(label[order])) + 1):
        if len(rows) >= _BOXES:
            low, middle[rows], high = np.quantile(values[rows], _TWENTIETH)
            fence = np.where(values[rows] < middle[rows], middle[rows] - low, high - middle[rows])
            odd[rows] = np.abs(values[rows] - middle[rows]) > far * fence.clip(2 * least)
    return odd, middle


def _told(sheet: Sheet, rows: Ints, at: Ints, times: Floats, what: str) -> list[Finding]:
    words = {
        "size": "{:.3g} times as large, side by side, as is usual for {!r}",
        "aspect": "width by height is {:.3g} times what is usual for {!r}",
    }
    return [
        sheet.finding(
            int(rows[one]),
            f"odd {what}",
            "hint",
            words[what].format(times[one], sheet.classes[sheet.label[rows[one]]]),
            advice="is it the right class, and the whole thing?",
        )
        for one in at.tolist()
    ]
