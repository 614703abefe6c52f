"""COCO files, decoded however wrong their rows are."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from pipeline.check import trees
from pipeline.check.findings import Finding
from pipeline.errors import BoxwrightError, DataError
from pipeline.formats import coco


class Box(NamedTuple):
    """A row of `annotations` that holds a box.

    Attributes:
        place: Index in the file.
        image: Its image_id.
        category: Its category_id.
        xywh: Its bbox.
        area: As written; NaN where there is none.
        hull: x1, y1, x2, y2 of its outline; NaN where it has none.
    """

    place: int
    image: Any
    category: Any
    xywh: tuple[float, float, float, float]
    area: float
    hull: tuple[float, float, float, float]


@dataclass
class File:
    """One COCO file.

    Attributes:
        path: The file.
        split: What its name says.
        images: Rows with an id and a file name, with their places.
        boxes: Rows with a box.
        categories: Names by id.
        found: What is wrong with the others.
    """

    path: Path
    split: str
    images: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    categories: dict[Any, str] = field(default_factory=dict)
    found: list[Finding] = field(default_factory=list)

    def tell(self, kind: str, place: str, message: str, advice: str = "") -> None:
        """Note something wrong with a row."""
        self.found.append(
            Finding(
                kind,
                "error",
                message,
                split=self.split,
                file=str(self.path),
                place=place,
                advice=advice,
            )
        )


NOWHERE = (math.nan, math.nan, math.nan, math.nan)
_KEYS = ("images", "annotations", "categories")


def files(root: Path) -> list[Path]:
    """The COCO files of a source: itself, or those in it, in `annotations` or a folder a split.

    Raises:
        BoxwrightError: There is none.
    """
    if root.is_file():
        return [root]
    found = sorted({*root.glob("*.json"), *root.glob("*/*.json")})
    boxes = [file for file in found if file.name.startswith("instances")]
    wanted = boxes or [file for file in found if file.name != "manifest.json"]
    if not wanted:
        raise BoxwrightError(f"{root}: no COCO files here.")
    return wanted


def decode(path: Path) -> File:
    """Read one file; its rows are checked one by one.

    Raises:
        DataError: The file is no COCO file at all.
    """
    content = _content(path)
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise DataError(path, "", "is no COCO file: it has no list of `images`")
    file = File(path, trees.split_of(path.stem) or trees.split_of(path.parent.name))
    rows = {key: _list(file, content, key) for key in _KEYS}
    _each(file, rows["categories"], "categories", _category)
    _each(file, rows["images"], "images", _image)
    _each(file, rows["annotations"], "annotations", _box)
    return file


def _content(path: Path) -> Any:
    try:
        data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise DataError(path, "", f"cannot be read: {error.strerror}") from error
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass  # Python's own decoder takes the NaN that Python's own encoder writes
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DataError(path, "", f"is no JSON: {error}", "export it again") from error


def _list(file: File, content: dict[str, Any], key: str) -> list[Any]:
    rows = content.get(key)
    if isinstance(rows, list):
        return rows
    file.tell("unreadable file", key, "is missing or no list", "export the file again")
    return []


def _each(
    file: File, rows: Sequence[Any], key: str, add: Callable[[File, int, dict[str, Any]], None]
) -> None:
    for place, row in enumerate(rows):
        if isinstance(row, dict):
            add(file, place, row)
        else:
            file.tell("unreadable line", f"{key}[{place}]", f"is {row!r} where an object is due")


def _category(file: File, place: int, row: dict[str, Any]) -> None:
    number, name = row.get("id"), row.get("name")
    if not isinstance(number, int) or not isinstance(name, str):
        file.tell("class names", f"categories[{place}]", "has no id, or no name")
    elif number in file.categories:
        what = f"id {number} stands there twice: {file.categories[number]!r} and {name!r}"
        file.tell("class names", f"categories[{place}]", what, "give each class an id of its own")
    else:
        file.categories[number] = name


def _image(file: File, place: int, row: dict[str, Any]) -> None:
    if isinstance(row.get("id"), int | str) and isinstance(row.get("file_name"), str):
        file.images.append((place, row))
    else:
        file.tell("unreadable line", f"images[{place}]", "has no id, or no file_name")


def _box(file: File, place: int, row: dict[str, Any]) -> None:
    bbox = row.get("bbox")
    numbers = isinstance(bbox, list) and len(bbox) == 4 and all(map(_is_number, bbox))
    if not numbers:
        file.tell("wrong columns", f"annotations[{place}]", f"bbox is {bbox!r}, not [x, y, w, h]")
        return
    x, y, w, h = map(float, bbox)  # type: ignore[arg-type]
    if not all(map(math.isfinite, (x, y, w, h))):
        file.tell("not a number", f"annotations[{place}]", f"bbox is {bbox!r}")
        return
    area = float(row["area"]) if _is_number(row.get("area")) else math.nan
    image, category = row.get("image_id"), row.get("category_id")
    hull = _hull(row.get("segmentation"))
    file.boxes.append(Box(place, image, category, (x, y, w, h), area, hull))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _hull(segmentation: Any) -> tuple[float, float, float, float]:
    if not segmentation:
        return NOWHERE
    points = coco.polygon(segmentation)
    if not len(points):
        return NOWHERE
    xs, ys = points[0::2], points[1::2]
    return min(xs), min(ys), max(xs), max(ys)
