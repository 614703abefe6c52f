"""COCO's JSON, decoded: its rows with their places, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from pipeline.errors import DataError
from pipeline.formats.batch import NO_SIZE, Point

Row = TypeVar("Row")


class Image(msgspec.Struct, gc=False):
    """A row of `images`."""

    id: int | str
    file_name: str
    width: float | None = None
    height: float | None = None

    def size(self) -> Point:
        """What it claims; NaN where it claims none."""
        width, height = self.width or 0, self.height or 0
        return (width, height) if min(width, height) > 0 else NO_SIZE


class Annotation(msgspec.Struct, gc=False):
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
        annotations: Rows of `annotations`.
        places: Theirs.
        names: Class names, each once, in the file's order.
        label_of: Index in `names` by the category's id.
        unread: Pictures' ids in rows of `annotations` that could not be read.
        problems: What could not be read.
        notes: What was met and is worth telling, counted.
    """

    file: Path
    images: list[tuple[int, Image]]
    annotations: list[Annotation]
    places: Sequence[int]
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
        fitting = _checked(read.annotations, Annotation, file, "annotations", problems)
        places: Sequence[int] = [place for place, _ in fitting]
        annotations = [row for _, row in fitting]
        categories = read.categories
        unread = _ids(read.annotations) - {row.image_id for row in annotations}
    else:
        images, annotations = list(enumerate(rows.images)), rows.annotations
        places = range(len(annotations))
        categories = rows.categories
    kept = _without_root({row.category_id for row in annotations}, categories)
    names = list(dict.fromkeys(category.name for category in kept))
    label_of = {category.id: names.index(category.name) for category in kept}
    content = Content(file, images, annotations, places, names, label_of, unread, problems)
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
