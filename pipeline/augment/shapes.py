"""Shapes: what turns with a box, so that it stays tight when its picture is turned.

A box that is turned by its four corners grows: the hull of a coin's box turned by 45 degrees is
twice its area. Of an ellipse drawn into the box it stays as it was: exact for whatever is round,
and for most things nearer to the truth than the corners (Kalra et al., "Towards Rotation
Invariance in Object Detection", ICCV 2021). A drawn outline is better still.

The box stays the truth: the hull of every shape is its box.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from pipeline.dataset import Dataset, Floats, Ints, Outlines, Strings, strings
from pipeline.engine import Map, in_process
from pipeline.errors import BoxwrightError

Shape = Literal["box", "ellipse", "polygon", "quad", "auto"]
Shapes = Shape | Mapping[str, Shape] | None
POINTS = 32  # of an ellipse: turned by any angle, its sides are 0.5 % short at most


def ellipse(xyxy: Floats, points: int = POINTS) -> Floats:
    """The ellipses inscribed in boxes; the four points that touch the sides are among theirs.

    Args:
        xyxy: (M, 4) boxes, in pixels or any other unit.
        points: Of each ellipse; a multiple of 4.

    Returns:
        (M, points, 2) x, y in the unit of the boxes, clockwise as seen, from the right on.
    """
    angle = 2 * np.pi * np.arange(points) / points
    unit = np.column_stack([np.cos(angle), np.sin(angle)])
    unit[:: points // 4] = np.rint(unit[:: points // 4])  # cos(pi / 2) is 6e-17
    centre, half = (xyxy[:, :2] + xyxy[:, 2:]) / 2, (xyxy[:, 2:] - xyxy[:, :2]) / 2
    return np.asarray(centre[:, None] + half[:, None] * unit)


def shaped(
    dataset: Dataset, shapes: Shapes, mapped: Map = in_process
) -> tuple[Dataset, dict[str, Any]]:
    """The same boxes with the outlines that their labels are to have.

    Args:
        dataset: Its outlines are drawn ones.
        shapes: One for all, or by class; None, and for classes that are not named: the drawn
            outline where there is one, else the box.
        mapped: Maps over pictures, where their pixels are looked at (`engine.shards`).

    Returns:
        The data set, whose `boxes.outline` is what turns with each box (empty: its four corners);
        and what was chosen, by class: ``shape``, and how many boxes have which.

    Raises:
        BoxwrightError: `shapes` names a class that there is not.
    """
    asked = _asked(dataset.classes, shapes)
    of_box = asked[dataset.boxes.label]
    drawn = (np.diff(dataset.boxes.outline.start) > 0) & (of_box != "box")
    round_ = ~drawn & (of_box == "ellipse")
    parts = [
        (np.flatnonzero(drawn), dataset.boxes.outline.take(drawn)),
        (np.flatnonzero(round_), _even(ellipse(dataset.boxes.xyxy[round_]))),
    ]
    outline = gathered(len(dataset.boxes), parts)
    return replace(dataset, boxes=replace(dataset.boxes, outline=outline)), {}


def gathered(rows: int, parts: Sequence[tuple[Ints, Outlines]]) -> Outlines:
    """One column of outlines from some of its rows (K,) and theirs, part by part; else none."""
    counts = np.zeros(rows, dtype=np.int64)
    for own, outlines in parts:
        counts[own] = np.diff(outlines.start)
    whole = Outlines.of_counts(np.zeros((int(counts.sum()), 2)), counts)
    for own, outlines in parts:
        shift = np.repeat(whole.start[own] - outlines.start[:-1], np.diff(outlines.start))
        whole.points[shift + np.arange(len(shift))] = outlines.points
    return whole


def _even(points: Floats) -> Outlines:
    """Outlines of one number of points each, (K, points, 2)."""
    return Outlines.of_counts(points.reshape(-1, 2), [points.shape[1]] * len(points))


def _asked(classes: Sequence[str], shapes: Shapes) -> Strings:
    """(C,) the shape that each class is to have; "" where nothing was said.

    Raises:
        BoxwrightError: A class that there is not.
    """
    if not isinstance(shapes, Mapping):
        return strings([shapes or ""] * len(classes))
    unknown = [name for name in shapes if name not in classes]
    if unknown:
        near = difflib.get_close_matches(unknown[0], classes, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(classes)}."
        raise BoxwrightError(f"shapes: {', '.join(unknown)}: no such class; {hint}")
    return strings(shapes.get(name, "") for name in classes)
