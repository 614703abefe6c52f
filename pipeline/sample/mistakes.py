"""Label errors as people and tools make them, planted on purpose, with the truth kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.boxes import clip, iou
from pipeline.sample.draw import Floats
from pipeline.sample.money import FACES, WON
from pipeline.sample.write import Shape, Shot, class_of

Rng = np.random.Generator
Ints = NDArray[np.int64]

_CLEAR = 0.75  # a planted box overlaps the true one less than this (IoU), or it is no error
_TRIES = 20


class Planted(NamedTuple):
    """One wrong label.

    Attributes:
        kind: One of `KINDS`.
        written: What stands in the JSON; None where a label was left out.
        correct: What should stand there; None where nothing should.
    """

    kind: str
    written: Shape | None
    correct: Shape | None


def plant(
    shots: Sequence[Shot], rate: float, rng: Rng
) -> tuple[list[list[Shape]], list[dict[str, Any]]]:
    """Plant errors in a share of all labels, every kind equally often.

    Args:
        shots: The pictures with their correct labels.
        rate: Share of the labels, 0 to 1.
        rng: Where the chance comes from.

    Returns:
        The labels to write, a list for each picture; and the records of truth.json.
    """
    places = [(row, k) for row, shot in enumerate(shots) for k in range(len(shot.shapes()))]
    chosen = rng.permutation(len(places))[: round(rate * len(places))]
    errors = {places[k]: KINDS[n % len(KINDS)] for n, k in enumerate(chosen)}
    written, truth = [], []
    for row, shot in enumerate(shots):
        here = {k: kind for (at, k), kind in errors.items() if at == row}
        shapes, records = _plant_in(shot, here, rng)
        written.append(shapes)
        truth += records
    return written, truth


def _plant_in(
    shot: Shot, errors: dict[int, str], rng: Rng
) -> tuple[list[Shape], list[dict[str, Any]]]:
    shapes: list[Shape] = []
    records = []
    for k, shape in enumerate(shot.shapes()):
        if k not in errors:
            shapes.append(shape)
            continue
        planted = _planted(errors[k], shape, np.array(shot.size, dtype=np.int64), rng)
        if planted.kind == "duplicate":
            shapes.append(shape)
        records.append(_record(shot, planted, len(shapes)))
        if planted.written:
            shapes.append(planted.written)
    return shapes, records


def _planted(kind: str, shape: Shape, size: Ints, rng: Rng) -> Planted:
    box = np.array(shape.xyxy)
    if kind == "missing":
        return Planted(kind, None, shape)
    if kind == "duplicate":
        return Planted(kind, _with_box(shape, _jittered(box, size, rng)), None)
    if kind == "wrong_class":
        return Planted(kind, shape._replace(label=_other_label(shape.label, rng)), shape)
    wrong = _clearly(kind, box, size, rng)
    if wrong is None:  # a box as large as the picture cannot be loose, but it can be shifted
        kind, wrong = "shifted", _shifted(box, size, rng)
    return Planted(kind, _with_box(shape, wrong, swapped=kind == "swapped_axes"), shape)


def _clearly(kind: str, box: Floats, size: Ints, rng: Rng) -> Floats | None:
    """A box that is wrong beyond doubt, if one is found."""
    tried = (_BOXES[kind](box, size, rng) for _ in range(_TRIES))
    return next((one for one in tried if iou(box[None], one[None])[0, 0] < _CLEAR), None)


def _with_box(shape: Shape, box: Floats, *, swapped: bool = False) -> Shape:
    """The label with another box; its outline goes along, where `swapped` with y for x."""
    x1, y1, x2, y2 = (round(float(v), 4) for v in box)
    outline = tuple((v, u) for u, v in shape.outline) if swapped else shape.outline
    return shape._replace(xyxy=(x1, y1, x2, y2), outline=outline)


def _record(shot: Shot, planted: Planted, place: int) -> dict[str, Any]:
    return {
        "file": shot.file.removesuffix(".jpg") + ".json",
        "shape": None if planted.written is None else place,
        "kind": planted.kind,
        "written": planted.written and _told(planted.written),
        "correct": planted.correct and _told(planted.correct),
    }


def _told(shape: Shape) -> dict[str, Any]:
    return {"label": shape.label, "xyxy": shape.xyxy}


def _other_label(label: str, rng: Rng) -> str:
    """A label of another class; notes are taken for notes and coins for coins."""
    won = next(one for one in WON if one.name == class_of(label))
    alike = [one for one in WON if one.is_coin == won.is_coin and one != won]
    return alike[rng.integers(len(alike))].label(str(rng.choice(list(FACES))))


def _within(box: Floats, size: Ints) -> Floats:
    inside: Floats = clip(box[None], size)[0]
    return inside


def _jittered(box: Floats, size: Ints, rng: Rng) -> Floats:
    side = np.tile(box[2:] - box[:2], 2)
    return _within(box + rng.normal(0, 0.02, 4) * side, size)


def _loose(box: Floats, size: Ints, rng: Rng) -> Floats:
    """Drawn in haste, with room around the item."""
    side = np.tile(box[2:] - box[:2], 2)
    return _within(box + side * rng.uniform(0.12, 0.4, 4) * (-1, -1, 1, 1), size)


def _cut(box: Floats, _size: Ints, rng: Rng) -> Floats:
    """Leaves a part of the item out."""
    side = np.tile(box[2:] - box[:2], 2)
    return box + side * rng.uniform(0.03, 0.3, 4) * (1, 1, -1, -1)


def _shifted(box: Floats, size: Ints, rng: Rng) -> Floats:
    """Of the right size at the wrong place; what stays in common is at most 0.72."""
    move = (box[2:] - box[:2]) * rng.uniform(0.15, 0.6, 2) * rng.choice([-1, 1], 2)
    return _within(box + np.tile(move, 2), size)


def _degenerate(box: Floats, _size: Ints, rng: Rng) -> Floats:
    """A click without a drag: no width, or no height."""
    flat, side = box.copy(), rng.integers(2)
    flat[2 + side] = flat[side]
    return flat


def _swapped_axes(box: Floats, _size: Ints, _rng: Rng) -> Floats:
    """Y written for x and x for y."""
    return box[[1, 0, 3, 2]]


def _outside(box: Floats, size: Ints, rng: Rng) -> Floats:
    """Wholly outside the picture."""
    axis, away = rng.integers(2), np.zeros(2)
    away[axis] = size[axis] * rng.uniform(1.02, 1.3) - box[axis]
    return box + np.tile(away, 2)


def _overhanging(box: Floats, size: Ints, rng: Rng) -> Floats:
    """Drawn beyond the border of the picture."""
    axis, over = rng.integers(2), box.copy()
    over[2 + axis] = size[axis] + max(0.4 * (box[2 + axis] - box[axis]), 0.1 * size[axis])
    return over


def _wrong_scale(box: Floats, _size: Ints, _rng: Rng) -> Floats:
    """Drawn on another copy of the picture, a fifth as large."""
    return box / 5


_BOXES: dict[str, Callable[[Floats, Ints, Rng], Floats]] = {
    "loose": _loose,
    "cut": _cut,
    "shifted": _shifted,
    "degenerate": _degenerate,
    "swapped_axes": _swapped_axes,
    "outside": _outside,
    "overhanging": _overhanging,
    "wrong_scale": _wrong_scale,
}
KINDS = (*_BOXES, "wrong_class", "missing", "duplicate")
"""Every kind of error that is planted."""
