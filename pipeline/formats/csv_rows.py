"""Tables of boxes to plain records. No NumPy here: this runs in workers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from pipeline.errors import DataError
from pipeline.formats.batch import FRACTIONS, NO_SIZE, Batch, Corners, Point
from pipeline.formats.values import cell_number, text

# The names that a column goes by, as they are or in lower case.
COLUMNS: dict[str, tuple[str, ...]] = {
    "image": (
        *("filename", "file_name", "image", "image_path", "path", "image_name", "file"),
        *("imageid", "image_id", "external id", "img"),
    ),
    "width": ("width", "image_width", "img_width"),
    "height": ("height", "image_height", "img_height"),
    "label": ("class", "label", "labelname", "class_name", "category", "name", "label_name"),
    "x1": ("xmin", "x1", "x_min", "left", "bbox_xmin"),
    "y1": ("ymin", "y1", "y_min", "top", "bbox_ymin"),
    "x2": ("xmax", "x2", "x_max", "right", "bbox_xmax"),
    "y2": ("ymax", "y2", "y_max", "bottom", "bbox_ymax"),
    "crowd": ("isgroupof", "iscrowd", "crowd"),
    "group": (),
    "origin": (),
}
_SIDES = ("x1", "y1", "x2", "y2")
_RETINANET = {"image": 0, "x1": 1, "y1": 2, "x2": 3, "y2": 4, "label": 5}
_LONGEST = 10_000_000  # characters of a field: pictures in base64 stand in some tables
_HEAD = 1 << 16  # bytes that tell whether a file is a table of boxes


class _Table(NamedTuple):
    """How to read a table.

    Attributes:
        path: Of the file.
        columns: Index of each column that is there.
        fractions: Whether corners are fractions of the picture.
        named: Class names by the codes that stand for them.
    """

    path: str
    columns: Mapping[str, int]
    fractions: bool
    named: Mapping[str, str]

    def at(self, row: Sequence[str], name: str) -> str:
        return row[self.columns[name]].strip() if name in self.columns else ""


def refused(path: str, fields: Mapping[str, str]) -> DataError | None:
    """Why a file is no table of boxes, by its head; None where it is, or cannot be read."""
    try:
        with open(path, "rb") as stream:
            data = stream.read(_HEAD)
        head = text(path, data.rpartition(b"\n")[0] or data, _ignore)
        first = next(csv.reader(io.StringIO(head, newline=""), delimiter=_delimiter(head)), [])
        _columns(path, first, fields)
    except OSError:
        return None
    except csv.Error as error:
        return DataError(path, "", f"is no table ({error})")
    except DataError as problem:
        return problem
    return None


def rows(path: str) -> Iterator[tuple[int, list[str]]]:
    """Line numbers, from 1, and cells of a file's rows, without empty ones.

    Raises:
        DataError: Of an unknown encoding, or no table.
        OSError: Cannot be read.
    """
    with open(path, "rb") as stream:
        content = text(path, stream.read(), _ignore)
    csv.field_size_limit(_LONGEST)
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=_delimiter(content))
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise DataError(path, f"line {line}", f"is no table ({error})") from error
        if row is None:
            return
        if any(row):
            yield line, row


def parse(files: Sequence[str], fields: Mapping[str, str], named: Mapping[str, str]) -> Batch:
    """Read the tables of a shard."""
    batch = Batch()
    for number, path in enumerate(files):
        try:
            _add_table(batch, number, path, fields, named)
        except OSError as error:
            batch.problems.append(DataError(path, "", f"cannot be read: {error.strerror}"))
        except DataError as problem:
            batch.problems.append(problem)
    return batch


def _add_table(
    batch: Batch, number: int, path: str, fields: Mapping[str, str], named: Mapping[str, str]
) -> None:
    lines = rows(path)
    first = next(lines, None)
    if first is None:
        raise DataError(path, "", "is empty")
    columns, header = _columns(path, first[1], fields)
    fractions = header and "XMin" in first[1]
    table = _Table(path, columns, fractions, named)
    of_picture: dict[str, list[tuple[int, list[str]]]] = {}
    for line, row in lines if header else [first, *lines]:
        if len(row) <= max(columns.values()):
            told = f"has {len(row)} columns where {max(columns.values()) + 1} are due"
            batch.problems.append(DataError(path, f"line {line}", told))
            continue
        of_picture.setdefault(table.at(row, "image"), []).append((line, row))
    for picture, boxes in of_picture.items():
        _add_picture(batch, number, table, picture, boxes)


def _add_picture(
    batch: Batch, number: int, table: _Table, picture: str, boxes: Sequence[tuple[int, list[str]]]
) -> None:
    line, row = boxes[0]
    if not picture:
        told = "names no picture"
        batch.problems.append(DataError(table.path, f"line {line}", told))
        return
    kin = table.at(row, "group"), table.at(row, "origin")
    try:
        size = FRACTIONS if table.fractions else _size(table, row, line)
    except DataError as problem:
        batch.problems.append(problem)
        return
    batch.record(number, picture, size, kin, flat=True)
    for line, row in boxes:
        try:
            corners = _corners(table, row, line)
        except DataError as problem:
            batch.fail(problem)
            continue
        if corners:
            label = table.at(row, "label")
            crowd = table.at(row, "crowd").lower() in {"1", "true"}
            batch.box(line, table.named.get(label, label), corners, crowd=crowd)


def _columns(
    path: str, first: Sequence[str], fields: Mapping[str, str]
) -> tuple[dict[str, int], bool]:
    """The index of each column, and whether the first row is a header.

    Raises:
        DataError: No columns of boxes.
    """
    names = [cell.strip() for cell in first]
    lower = [name.lower() for name in names]
    found = {}
    for name, known in COLUMNS.items():
        wanted = (fields[name],) if name in fields else known
        places = [places.index(one) for one in wanted for places in (names, lower) if one in places]
        if places:
            found[name] = places[0]
        elif name in fields:
            raise DataError(path, "line 1", f"has no column {fields[name]!r}")
    if {"image", *_SIDES} <= found.keys():
        return found, True
    if not fields and _is_retinanet(names):
        return dict(_RETINANET), False
    missing = ", ".join(name for name in ("image", *_SIDES) if name not in found)
    raise DataError(
        path,
        "line 1",
        f"has no columns that are known here for {missing} (its columns: {', '.join(names[:12])})",
        "name them in the config's `fields`",
    )


def _is_retinanet(cells: Sequence[str]) -> bool:
    """Whether a row is `path,x1,y1,x2,y2,class`, or `path,,,,,`."""
    if len(cells) != 6 or not cells[0]:
        return False
    return not any(cells[1:]) or all(map(_is_number, cells[1:5]))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _size(table: _Table, row: Sequence[str], line: int) -> Point:
    texts = table.at(row, "width"), table.at(row, "height")
    if not all(texts):
        return NO_SIZE
    width, height = (cell_number(one, table.path, f"line {line}, size") for one in texts)
    if min(width, height) <= 0:
        raise DataError(table.path, f"line {line}", f"says {width:g}x{height:g}, which is no size")
    return width, height


def _corners(table: _Table, row: Sequence[str], line: int) -> Corners | None:
    """The corners of a row; None where it holds none."""
    texts = [table.at(row, side) for side in _SIDES]
    if not any(texts):
        return None
    x1, y1, x2, y2 = (
        cell_number(one, table.path, f"line {line}, {side}")
        for one, side in zip(texts, _SIDES, strict=True)
    )
    return x1, y1, x2, y2


def _delimiter(content: str) -> str:
    """Comma, semicolon or tab, whichever the first line has most of."""
    first = next(islice(content.splitlines(), 1), "")
    return max(",;\t", key=first.count)


def _ignore(_: str) -> None:
    """The encoding of a table is told once, when it is read for good."""
