"""Edits of corner JSON: labelme and what vendors make of it, in its own fields, scale and turn."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.check.fixing.corner_fields import find, get, number, own_path, put
from pipeline.check.fixing.edits import About, Edit, Record, decode, follow, gone, plain
from pipeline.dataset import Floats
from pipeline.errors import DataError
from pipeline.formats.scaling import Fit, fit

_SIDES = ("x1", "y1", "x2", "y2")
_FAR = 1.0  # pixels: a label in a list of records is known by its box
_RESHAPED = frozenset({"circle", "mask"})  # have no points that could follow a box


def edit(data: bytes, edits: Sequence[Edit], about: About) -> tuple[bytes, list[Record]]:
    """A file of corner JSON with the edits made.

    Corners keep their order, polygons follow their box, circles and masks become rectangles.

    Raises:
        DataError: No such label, or no JSON.
    """
    text = decode(data if data.strip() else _empty(edits[0]), about.path)
    root = text.root
    labels = [None if one.action == "add" else _find(root, one, about) for one in edits]
    befores = [label and deepcopy(label.box) for label in labels]
    afters: list[Any] = []
    for one, label in zip(edits, labels, strict=True):
        if label is None:
            root, added = _add(root, one, about)
            afters.append(added)
        elif one.action == "change":
            _change(label, one, about)
            afters.append(deepcopy(label.box))
        else:
            afters.append(None)
    for one, label in zip(edits, labels, strict=True):
        if label is not None and one.action == "remove":
            _remove(root, label, about)
    return text.encode(root), list(zip(befores, afters, strict=True))


def _empty(one: Edit) -> bytes:
    """The file of a picture without labels, as labelme writes it."""
    width, height = one.size
    record: dict[str, Any] = {
        "version": "5.0.1",
        "flags": {},
        "shapes": [],
        "imagePath": posixpath.basename(one.picture),
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
    }
    return json.dumps(record, indent=2, ensure_ascii=False).encode()


@dataclass(frozen=True)
class _Label:
    """A label in a file.

    Attributes:
        box: What holds its corners.
        record: What holds its picture's name and size; the box itself, where that is flat.
        among: The list that holds the box; None for a flat one.
    """

    box: dict[str, Any]
    record: dict[str, Any]
    among: list[Any] | None


def _find(root: Any, one: Edit, about: About) -> _Label:
    """The label that an edit is of.

    Raises:
        DataError: It is not there.
    """
    if isinstance(root, dict):
        every = list(_labels(root, about))
        at = 0 if every and every[0].among is None else one.place
        if 0 <= at < len(every) and isinstance(every[at].box, dict):
            return every[at]
        raise gone(about, one)
    every = [label for record in _records(root, one, about) for label in _labels(record, about)]
    near = [(_apart(label, one, about), k) for k, label in enumerate(every)]
    distance, k = min(near, default=(np.inf, -1))
    if distance > _FAR:
        raise gone(about, one)
    return every[k]


def _labels(record: dict[str, Any], about: About) -> Iterator[_Label]:
    boxes = get(record, find(record, "boxes", about))
    if isinstance(boxes, list):
        yield from (_Label(box, record, boxes) for box in boxes)
    else:
        yield _Label(record, record, None)


def _records(root: Sequence[Any], one: Edit, about: About) -> list[dict[str, Any]]:
    """The records of a list that speak of the edit's picture."""
    return [record for record in root if isinstance(record, dict) and _speaks(record, one, about)]


def _speaks(record: dict[str, Any], one: Edit, about: About) -> bool:
    said = get(record, find(record, "image", about))
    name = posixpath.basename(str(said or "").replace("\\", "/")).casefold()
    own = posixpath.basename(one.picture).casefold()
    stem = posixpath.splitext(posixpath.basename(about.path.replace("\\", "/")))[0].casefold()
    return name == own or (not said and stem == posixpath.splitext(own)[0])


def _apart(label: _Label, one: Edit, about: About) -> float:
    """Pixels between a label's box and the one that an edit is of; inf for another class."""
    if one.old is None or not isinstance(label.box, dict):
        return np.inf
    name = get(label.box, find(label.box, "label", about))
    if str(name if name is not None else "") != one.old_label:
        return np.inf
    points = _points(label.box, about)
    if points is None:
        return np.inf
    there = _to_file(np.array(one.old).reshape(2, 2), label.record, one, about)
    hull = np.sort(there, axis=0).ravel()
    return float(np.abs(_hull(points) - hull).max())


# --- changes


def _change(label: _Label, one: Edit, about: About) -> None:
    box = label.box
    if one.label is not None:
        put(box, find(box, "label", about) or ["label"], one.label)
    if one.xyxy is not None:
        new = _to_file(np.array(one.xyxy).reshape(2, 2), label.record, one, about)
        _move(box, np.sort(new, axis=0).ravel(), about)


def _move(box: dict[str, Any], new: Floats, about: About) -> None:
    """Put a box at (4,) xyxy in the file's pixels."""
    path = find(box, "points", about)
    if path is None:
        for values in (_SIDES[0::2], _SIDES[1::2]):
            first, last = (find(box, name, about) or own_path(name, about) for name in values)
            low, high = new[0::2] if values[0] == "x1" else new[1::2]
            swapped = number(get(box, first)) > number(get(box, last))
            put(box, first, plain(high if swapped else low))
            put(box, last, plain(low if swapped else high))
        return
    points = _points(box, about)
    moved = None
    if points is not None and box.get("shape_type") not in _RESHAPED:
        moved = _ordered(points, new) if len(points) == 2 else follow(points, _hull(points), new)
    if moved is None:
        moved = new.reshape(2, 2)
        box.pop("mask", None)
        box["shape_type"] = "rectangle"
    put(box, path, plain(moved))


def _ordered(points: Floats, new: Floats) -> Floats:
    """The two corners of a box, the same one first as before."""
    low, high = new[:2], new[2:]
    swapped = points[0] > points[1]
    return np.array([np.where(swapped, high, low), np.where(swapped, low, high)])


def _hull(points: Floats) -> Floats:
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def _points(box: dict[str, Any], about: About) -> Floats | None:
    """(K, 2) a box's points as written, or its two corners; None where they are no numbers."""
    path = find(box, "points", about)
    sides = [get(box, find(box, name, about)) for name in _SIDES]
    values = get(box, path) if path else [sides[:2], sides[2:]]
    try:
        points = np.array(values, dtype=np.float64).reshape(-1, 2)
    except (TypeError, ValueError):
        return None
    if box.get("shape_type") == "circle" and len(points) == 2:
        radius = np.hypot(*(points[1] - points[0]))
        points = np.array([points[0] - radius, points[0] + radius])
    return points if len(points) > 1 and np.isfinite(points).all() else None


def _remove(root: Any, label: _Label, about: About) -> None:
    if label.among is not None:
        label.among[:] = [box for box in label.among if box is not label.box]
        return
    if isinstance(root, list) and sum(map(_same_picture(label.record, about), root)) > 1:
        root[:] = [record for record in root if record is not label.record]
        return
    for name in (*_SIDES, "points", "label"):  # an empty list, or its picture would have no JSON
        path = find(label.record, name, about)
        if path is not None:
            label.record.pop(str(path[0]), None)
    label.record["shapes"] = []


def _same_picture(record: dict[str, Any], about: About) -> Callable[[Any], bool]:
    path = find(record, "image", about)
    own = get(record, path)

    def same(other: Any) -> bool:
        return isinstance(other, dict) and get(other, path) == own

    return same


# --- new labels


def _add(root: Any, one: Edit, about: About) -> tuple[Any, dict[str, Any]]:
    """The file's content with a label more, and that label."""
    if one.xyxy is None or one.label is None:
        raise DataError(about.path, "", "a new label needs a box and a class")
    records = _records(root, one, about) if isinstance(root, list) else [root]
    if not records:
        raise gone(about, one)
    label = next(_labels(records[-1], about), None)
    boxes = label.among if label else get(records[-1], find(records[-1], "boxes", about))
    box = _like(label.box if label else None, about)
    new = _to_file(np.array(one.xyxy).reshape(2, 2), records[-1], one, about)
    put(box, find(box, "label", about) or own_path("label", about), one.label)
    _move(box, np.sort(new, axis=0).ravel(), about)
    if boxes is not None:
        boxes.append(box)
        return root, box
    return [*(root if isinstance(root, list) else [root]), box], box


def _like(other: dict[str, Any] | None, about: About) -> dict[str, Any]:
    """A new label that is written as its neighbour is; as labelme does where there is none."""
    if other is not None and find(other, "points", about) is None:
        return deepcopy(other)
    fields = about.fields or {}
    if other is None and fields.keys() & {"x1", "points"}:
        box: dict[str, Any] = {}
        if "points" in fields:
            put(box, own_path("points", about), [])
        return box
    return {"label": "", "points": [], "group_id": None, "shape_type": "rectangle", "flags": {}}


# --- coordinates


def _to_file(points: Floats, record: dict[str, Any], one: Edit, about: About) -> Floats:
    """(P, 2) pixels as shown to the pixels that a record is written in."""
    how = _fit(record, one, about)
    turn, (width, height) = int(how.turn[0]), how.stored[0]
    u, v = points[:, 0], points[:, 1]
    back = {5: (v, u), 6: (v, height - u), 7: (width - v, height - u), 8: (width - v, u)}
    stored = np.stack(back.get(turn, (u, v)), axis=1)
    in_file: Floats = stored / how.factor[0]
    return in_file


def _fit(record: dict[str, Any], one: Edit, about: About) -> Fit:
    sides = [number(get(record, find(record, name, about))) for name in ("width", "height")]
    claimed = np.array([sides if min(sides) > 0 else [np.nan, np.nan]])
    return fit(claimed, np.array([one.size]), np.array([one.orientation]), about.scale)
