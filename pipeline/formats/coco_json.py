"""COCO's JSON, decoded: its rows with their places, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from pipeline.errors import DataError
from pipeline.formats import rle
from pipeline.formats.batch import NO_SIZE, Corners, Point, hull

Row = TypeVar("Row")


class Image(msgspec.Struct):
    """A row of `images`."""

    id: int | str
    file_name: str
    width: float | None = None
    height: float | None = None

    def size(self) -> Point:
        """What it claims; NaN where it claims none."""
        width, height = self.width or 0, self.height or 0
        return (width, height) if min(width, height) > 0 else NO_SIZE


class Annotation(msgspec.Struct):
    """A row of `annotations`."""

    image_id: int | str
    category_id: int | str
    bbox: tuple[float, float, float, float] | None = None
    iscrowd: int | bool | None = 0
    segmentation: Any = None
    score: Any = None


class _Category(msgspec.Struct):
    id: int | str
    name: str
    supercategory: str | None = None


class _File(msgspec.Struct):
    images: list[Any]
    annotations: list[Any]
    categories: list[_Category]


class _Exact(msgspec.Struct):
    """The same where every row is as it should be: nearly always, and much faster to read."""

    images: list[Image]
    annotations: list[Annotation]
    categories: list[_Category]


@dataclass
class Content:
    """What a file holds.

    Attributes:
        file: The file.
        images: Rows of `images` with their places.
        annotations: Rows of `annotations` with theirs.
        names: Class names, each once, in the file's order.
        label_of: Index in `names` by the category's id.
        unread: Pictures' ids in rows of `annotations` that could not be read.
        problems: What could not be read.
        notes: What was met and is worth telling, counted.
    """

    file: Path
    images: list[tuple[int, Image]]
    annotations: list[tuple[int, Annotation]]
    names: list[str]
    label_of: dict[int | str, int]
    unread: set[int | str] = field(default_factory=set)
    problems: list[DataError] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)

    def tell(self, place: str, problem: str) -> None:
        self.problems.append(DataError(self.file, place, problem))

    def note(self, what: str) -> None:
        self.notes[what] = self.notes.get(what, 0) + 1


def decode(file: Path) -> Content:
    """Read a file.

    Raises:
        DataError: Cannot be read, or is no COCO file at all.
    """
    try:
        data = file.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise DataError(file, "", f"cannot be read: {error.strerror}") from error
    problems: list[DataError] = []
    unread: set[int | str] = set()
    try:
        rows = msgspec.json.decode(data, type=_Exact)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        read = _tolerant(file, data)
        images = _checked(read.images, Image, file, "images", problems)
        annotations = _checked(read.annotations, Annotation, file, "annotations", problems)
        categories = read.categories
        unread = _ids(read.annotations) - {row.image_id for _, row in annotations}
    else:
        images, annotations = list(enumerate(rows.images)), list(enumerate(rows.annotations))
        categories = rows.categories
    kept = _without_root({row.category_id for _, row in annotations}, categories)
    names = list(dict.fromkeys(category.name for category in kept))
    label_of = {category.id: names.index(category.name) for category in kept}
    content = Content(file, images, annotations, names, label_of, unread, problems)
    if len(kept) < len(categories):
        content.note("categories above all others, without a box (Roboflow's); no classes")
    return content


def _tolerant(file: Path, data: bytes) -> _File:
    try:
        return msgspec.json.decode(data, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(file, "", f"is no COCO file: {error}", "export it again") from error
    except RecursionError as error:
        raise DataError(file, "", "is nested too deep to be annotations") from error


def _ids(rows: list[Any]) -> set[int | str]:
    """The pictures that rows speak of, as far as they do."""
    said = (row.get("image_id") for row in rows if isinstance(row, dict))
    return {one for one in said if isinstance(one, int | str)}


def _checked(
    rows: list[Any], kind: type[Row], file: Path, name: str, problems: list[DataError]
) -> list[tuple[int, Row]]:
    """The rows that fit `kind`, with their places; a problem for each of the others."""
    fitting = []
    for place, row in enumerate(rows):
        try:
            fitting.append((place, msgspec.convert(row, kind)))
        except msgspec.ValidationError as error:
            problems.append(DataError(file, f"{name}[{place}]", str(error)))
    return fitting


def _without_root(used: set[int | str], categories: list[_Category]) -> list[_Category]:
    """Without the one that Roboflow puts above all others: it has no boxes and is no class."""
    above = {category.supercategory for category in categories[1:]}
    first = categories[:1]
    if first and above == {first[0].name} and first[0].id not in used:
        return categories[1:]
    return categories


def shape(content: Content, place: int, row: Annotation) -> tuple[Corners, Sequence[float]]:
    """The x, y, width and height of a row, and the x, y, x, y, ... of its outline, if it is one.

    Raises:
        DataError: Neither a box nor a shape that has one.
    """
    outline: Sequence[float] = ()
    around: Corners | None = None
    if isinstance(row.segmentation, dict):
        around, outline = _of_mask(content, place, row.segmentation)
    elif row.segmentation:
        outline = polygon(row.segmentation)
        around = None if row.bbox else _around(row.segmentation)
        if not outline:
            content.note("outlines of several parts; their boxes are kept")
    if row.bbox:
        if min(row.bbox[2:]) < 0:
            told = f"is {row.bbox[2]:g} x {row.bbox[3]:g} pixels: a size below zero"
            raise DataError(content.file, f"annotations[{place}].bbox", told)
        return row.bbox, outline
    if around is None:
        raise DataError(content.file, f"annotations[{place}]", "has no bbox")
    x1, y1, x2, y2 = around
    return (x1, y1, x2 - x1, y2 - y1), outline


def _of_mask(
    content: Content, place: int, mask: dict[str, Any]
) -> tuple[Corners | None, Sequence[float]]:
    try:
        (x1, y1, x2, y2), points = rle.outline(mask.get("counts"), mask.get("size"))
    except rle.RleError as error:
        content.note("RLE masks that cannot be read; their boxes are kept")
        content.notes.setdefault(f"the first of them: annotations[{place}]: {error}", 1)
        return None, ()
    if len(points):
        content.note("RLE masks of one piece; taken as outlines")
    else:
        content.note("RLE masks of several pieces or with holes; their boxes are kept")
    return (x1, y1, x2, y2), points.reshape(-1).tolist()


def polygon(segmentation: Any) -> Sequence[float]:
    """The x, y, x, y, ... of the outline, if it is one polygon; several parts and RLE have none."""
    if isinstance(segmentation, list) and len(segmentation) == 1:
        return _ring(segmentation[0])
    return ()


def _ring(part: Any) -> Sequence[float]:
    numbers = isinstance(part, list) and {int, float}.issuperset(map(type, part))
    return part if numbers and len(part) >= 6 and len(part) % 2 == 0 else ()


def _around(segmentation: Any) -> Corners | None:
    """The box around all parts of an outline."""
    parts = segmentation if isinstance(segmentation, list) else []
    rings = [_ring(part) for part in parts]
    points = [point for ring in rings for point in zip(ring[0::2], ring[1::2], strict=True)]
    return hull(points) if points else None
