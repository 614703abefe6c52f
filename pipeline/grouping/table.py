"""Groups (and origins) in a CSV file that people edit: columns ``picture`` and ``group``.

Spreadsheets save it in the encoding and with the separator of their country; all of that is read.
"""

from __future__ import annotations

import csv
import io
import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline import manifest
from pipeline.dataset import Images
from pipeline.errors import BoxwrightError, DataError, DataErrors
from pipeline.grouping.names import stem, unique

PICTURE, GROUP = "picture", "group"
_SEPARATORS = ",;\t"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Row(NamedTuple):
    """One line: where it stands, and what it says."""

    line: int
    picture: str
    value: str


def read(file: Path, column: str, images: Images, root: Path) -> list[str]:
    """What a CSV says of each picture.

    A picture is named as below the source, with or without its ending, or with its split before
    it. A row of a picture that is on the disk but not in `images` (left out on the way) is passed
    over.

    Args:
        file: The CSV; UTF-8, UTF-16 or cp949, separated by commas, semicolons or tabs.
        column: The column that is wanted, beside "picture".
        images: The pictures.
        root: The folder that their names are below.

    Returns:
        One a picture; "" where the file says nothing of it.

    Raises:
        DataError: The file cannot be read, or lacks a column.
        DataErrors: Rows of unknown pictures, of two pictures, or that contradict each other.
    """
    find = _finder(images)
    values = [""] * len(images)
    said: dict[int, Row] = {}
    problems: list[DataError] = []
    for row in _rows(file, column):
        picture = find(_plain(row.picture))
        if picture is None:
            if not _on_disk(root, row.picture):
                problems.append(_unknown(file, row, images))
        elif picture < 0:
            problems.append(_ambiguous(file, row))
        elif said.setdefault(picture, row).value != row.value:
            problems.append(_twice(file, row, said[picture], column))
        else:
            values[picture] = row.value
    if problems:
        raise DataErrors(problems, f"{file}: names are as `boxwright groups` writes them.")
    return values


def write(file: Path, images: Images, groups: Sequence[str]) -> None:
    """Write which group each picture is in, group by group, for people and for `read`.

    With a byte order mark, by which spreadsheets know UTF-8.

    Raises:
        BoxwrightError: The disk refuses.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow((PICTURE, GROUP))
    pairs = zip(groups, unique(images), strict=True)
    rows.writerows((picture, group) for group, picture in sorted(pairs))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise manifest.cannot_write(file, error) from error
    manifest.write_text(file, "\ufeff" + text.getvalue())


def _rows(file: Path, column: str) -> Iterator[Row]:
    text = _text(file)
    if text.lower().startswith("sep="):  # how Excel is told the separator
        text = text.partition("\n")[2]
    header, separator = _header(text)
    missing = [name for name in (PICTURE, column) if name not in header]
    if missing:
        held = ", ".join(repr(name) for name in header) or "nothing"
        raise DataError(
            file, "line 1", f"has no column {' and '.join(map(repr, missing))}; it holds {held}",
            f"the first line must name the columns: {PICTURE},{column}",
        )  # fmt: skip
    at, of = header.index(PICTURE), header.index(column)
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        next(lines)
        for cells in lines:
            if any(cell.strip() for cell in cells):
                yield _row(file, lines.line_num, cells, (at, of))
    except csv.Error as error:
        raise DataError(file, f"line {lines.line_num}", f"is no CSV: {error}") from error


def _row(file: Path, line: int, cells: list[str], places: tuple[int, int]) -> Row:
    if len(cells) <= max(places):
        raise DataError(
            file, f"line {line}", f"has only {len(cells)} of the columns: {cells!r}",
            "give it all of them; a name that holds the separator stands in quotes",
        )  # fmt: skip
    return Row(line, cells[places[0]].strip(), cells[places[1]].strip())


def _text(file: Path) -> str:
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise BoxwrightError(f"{file}: cannot be read: {error.strerror}.") from error
    encodings = ["utf-16"] if raw[:2] in _UTF16 else ["utf-8-sig", "cp949"]
    for encoding in encodings:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise DataError(file, "", "is no text in UTF-8 or cp949", "save it as CSV UTF-8")


def _header(text: str) -> tuple[list[str], str]:
    """The names of the columns, and the separator: the one that gives the most of them."""
    first = text.partition("\n")[0].strip("\r")
    cut = [
        ([cell.strip().lower() for cell in next(csv.reader([first], delimiter=one), [])], one)
        for one in _SEPARATORS
    ]
    return max(cut, key=lambda found: len(found[0]))


def _finder(images: Images) -> Callable[[str], int | None]:
    """Finds the row of a picture by what it may be called; -1 where two are called so.

    By its name, with its split before it, and both without the ending, in this order; what nobody
    asks for is not built.
    """
    names: list[str] = images.name.tolist()
    with_split = [f"{split}/{name}" for split, name in zip(images.split, names, strict=True)]
    called = (names, with_split, map(stem, names), map(stem, with_split))
    tables: list[dict[str, int]] = []

    def find(picture: str) -> int | None:
        for place, one in enumerate(called):
            if place == len(tables):
                tables.append(_rows_by_name(one))
            if picture in tables[place]:
                return tables[place][picture]
        return None

    return find


def _rows_by_name(names: Iterable[str]) -> dict[str, int]:
    rows: dict[str, int] = {}
    for row, name in enumerate(map(_plain, names)):
        rows[name] = -1 if name in rows else row
    return rows


def _plain(name: str) -> str:
    r"""A name as it is compared: "/" for "\", no "./" before it, composed (macOS takes é apart)."""
    name = name.replace("\\", "/").removeprefix("./").removeprefix("/")
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def _on_disk(root: Path, name: str) -> bool:
    return bool(name) and os.path.isfile(root / _plain(name))  # noqa: PTH113 - no error for odd names


def _unknown(file: Path, row: Row, images: Images) -> DataError:
    if not row.picture:
        return DataError(file, f"line {row.line}", "names no picture", "remove the line")
    return DataError(
        file, f"line {row.line}", f"there is no picture {row.picture!r}",
        f"pictures are named like {images.name[0]!r}; correct the name or remove the line",
    )  # fmt: skip


def _ambiguous(file: Path, row: Row) -> DataError:
    return DataError(
        file, f"line {row.line}", f"{row.picture!r} may be more than one picture",
        "write its whole name, with its ending (and its split before it, where two share a name)",
    )  # fmt: skip


def _twice(file: Path, row: Row, before: Row, column: str) -> DataError:
    return DataError(
        file, f"line {row.line}",
        f"{row.picture!r} has the {column} {row.value!r} here and {before.value!r} in line "
        f"{before.line}",
        "a picture has one; remove a line",
    )  # fmt: skip
