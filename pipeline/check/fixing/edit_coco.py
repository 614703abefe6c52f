"""Edits of a COCO file."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np

from pipeline.check.fixing.edits import (
    About,
    Edit,
    Record,
    Text,
    corners,
    decode,
    follow,
    gone,
    plain,
)
from pipeline.dataset import Floats
from pipeline.errors import DataError
from pipeline.formats.tree import polygon_area


def edit(data: bytes, edits: Sequence[Edit], about: About) -> tuple[bytes, list[Record]]:
    """A COCO file with the edits made; outlines follow their boxes, ids stay.

    Raises:
        DataError: No such annotation, picture or category; or no JSON.
    """
    text = decode(data, about.path)
    root, rows = text.root, text.root["annotations"]
    new_id = max((row["id"] for row in rows if isinstance(row.get("id"), int)), default=0) + 1
    removed: set[int] = set()
    records: list[Record] = []
    for one in edits:
        if one.action == "add":
            rows.append(_added(one, root, new_id, about))
            records.append((None, deepcopy(rows[-1])))
            new_id += 1
            continue
        row = _at(rows, one, about)
        before = deepcopy(row)
        if one.action == "remove":
            removed.add(one.place)
        else:
            _change(row, one, root, about)
        records.append((before, None if one.action == "remove" else deepcopy(row)))
    root["annotations"] = [row for place, row in enumerate(rows) if place not in removed]
    return _encoded(text, root), records


def _encoded(text: Text, root: Any) -> bytes:
    return text.encode(root)


def _at(rows: Sequence[Any], one: Edit, about: About) -> dict[str, Any]:
    row = rows[one.place] if 0 <= one.place < len(rows) else None
    if not isinstance(row, dict):
        raise gone(about, one)
    return row


def _change(row: dict[str, Any], one: Edit, root: Any, about: About) -> None:
    if one.label is not None:
        row["category_id"] = _category(one.label, root, about)
    if one.xyxy is not None:
        old, new = _corners_of(row.get("bbox")), np.array(one.xyxy)
        row["bbox"] = _bbox(new)
        if "segmentation" in row:
            row["segmentation"] = _outlines(row["segmentation"], old, new)
        row["area"] = _area(row)


def _added(one: Edit, root: Any, new_id: int, about: About) -> dict[str, Any]:
    if one.xyxy is None or one.label is None:
        raise DataError(about.path, "", "a new label needs a box and a class")
    box = np.array(one.xyxy)
    row = {
        "id": new_id,
        "image_id": _image(one.picture, root, about),
        "category_id": _category(one.label, root, about),
        "bbox": _bbox(box),
        "iscrowd": 0,
        "segmentation": [plain(corners(box).ravel())],
    }
    return row | {"area": _area(row)}


def _category(label: str, root: Any, about: About) -> int:
    found = (row["id"] for row in root["categories"] if row.get("name") == label)
    number = next(found, None)
    if number is None:
        raise DataError(about.path, "categories", f"{label!r} is not there", "add it there")
    return int(number)


def _image(name: str, root: Any, about: About) -> int:
    for row in root["images"]:
        said = posixpath.normpath(str(row.get("file_name")).replace("\\", "/"))
        if said == name or said.endswith(f"/{name}"):
            return int(row["id"])
    raise DataError(about.path, "images", f"{name!r} is not there")


def _bbox(xyxy: Floats) -> Any:
    return plain(np.concatenate([xyxy[:2], xyxy[2:] - xyxy[:2]]))


def _corners_of(bbox: Any) -> Floats:
    """(4,) xyxy of a bbox as written; zeros where it cannot be read."""
    try:
        x, y, width, height = map(float, bbox)
    except (TypeError, ValueError):
        return np.zeros(4)
    return np.array([x, y, x + width, y + height])


def _outlines(segmentation: Any, old: Floats, new: Floats) -> Any:
    """The outline after its box; what is no polygon (RLE) becomes the box."""
    if not isinstance(segmentation, list) or not segmentation:
        return [plain(corners(new).ravel())]
    parts = [np.array(part, dtype=np.float64).reshape(-1, 2) for part in segmentation]
    moved = [follow(part, old, new) for part in parts]
    known = [plain(part.ravel()) for part in moved if part is not None]
    return known if len(known) == len(parts) else [plain(corners(new).ravel())]


def _area(row: dict[str, Any]) -> float:
    if isinstance(row.get("segmentation"), list):
        return round(sum(polygon_area(part) for part in row["segmentation"]), 3)
    return round(row["bbox"][2] * row["bbox"][3], 3)
