"""One change of an annotation file, and what the formats' editors share.

An editor is a function ``edit(data, edits, about) -> (new data, [(before, after), ...])``: the file
with the edits made, and for each of them the entry as it was and as it is; None where there is
none. Whatever an edit does not speak of stays as it is.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pipeline.dataset import Floats
from pipeline.errors import DataError

Box = tuple[float, float, float, float]
Record = tuple[Any, Any]
DECIMALS = 3  # of a pixel
_INDENT = re.compile(r"[\[{]\r?\n([ \t]+)")


@dataclass(frozen=True)
class Edit:
    """One change of one file.

    Attributes:
        action: "remove" a label, "change" its box or class, or "add" one.
        picture: Name of its picture, below the source's images.
        size: Width and height of the picture as shown.
        orientation: The picture's EXIF orientation.
        place: Where the label is in its file, as the format's reader counts; -1 for a new one.
        old: Its box as read, in pixels as shown; None where the reader could not read it.
        old_label: Its class as written.
        xyxy: The new box in pixels as shown; None where it stays.
        label: The new class, as the source writes it; None where it stays.
    """

    action: Literal["remove", "change", "add"]
    picture: str
    size: tuple[int, int]
    orientation: int = 1
    place: int = -1
    old: Box | None = None
    old_label: str = ""
    xyxy: Box | None = None
    label: str | None = None


@dataclass(frozen=True)
class About:
    """What an editor must know of the source.

    Attributes:
        path: The file, for messages.
        classes: Its class names.
        fields: Paths of fields by name, where a vendor's differ (corner JSON).
        scale: How many times larger coordinates are than the picture, where none is told.
    """

    path: str
    classes: Sequence[str] = ()
    fields: dict[str, str] | None = None
    scale: float | None = None


def follow(points: Floats, old: Floats, new: Floats) -> Floats | None:
    """Points (K, 2) moved and stretched as their box `old` (4,) was to `new` (4,).

    None where the old box has no width or no height, so that nothing can follow it.
    """
    side = old[2:] - old[:2]
    if (side <= 0).any():
        return None
    moved: Floats = new[:2] + (points - old[:2]) / side * (new[2:] - new[:2])
    return moved


def corners(xyxy: Floats) -> Floats:
    """(4, 2) the corners of a box (4,), clockwise from the top left."""
    return xyxy[[0, 1, 2, 1, 2, 3, 0, 3]].reshape(4, 2)


def plain(values: Floats) -> Any:
    """Numbers as a file holds them: rounded to a thousandth of a pixel."""
    return np.round(values, DECIMALS).tolist()


def gone(about: About, edit: Edit) -> DataError:
    return DataError(
        about.path,
        f"place {edit.place}",
        "the label is not there as it was checked",
        "check the data again, and decide anew",
    )


@dataclass(frozen=True)
class Text:
    """A JSON file's content and how it was written, so that it is written so again."""

    root: Any
    encoding: str
    mark: bytes
    indent: str | None
    ascii: bool

    def encode(self, root: Any) -> bytes:
        gap = None if self.indent else (", ", ": ")
        text = json.dumps(root, ensure_ascii=self.ascii, indent=self.indent, separators=gap)
        return self.mark + (text + "\n").encode(self.encoding)


def decode(data: bytes, path: str) -> Text:
    """Read JSON in UTF-8, with or without a byte-order mark, UTF-16 with one, or cp949.

    Raises:
        DataError: It is no JSON.
    """
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            return _parsed(data.removeprefix(mark).decode(encoding), encoding, mark, path)
    try:
        return _parsed(data.decode("utf-8"), "utf-8", b"", path)
    except UnicodeDecodeError:
        return _parsed(data.decode("cp949", errors="strict"), "cp949", b"", path)


def _parsed(text: str, encoding: str, mark: bytes, path: str) -> Text:
    try:
        root = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(path, f"line {error.lineno}", f"is no JSON ({error.msg})") from error
    indent = _INDENT.match(text.lstrip())
    return Text(root, encoding, mark, indent[1] if indent else None, text.isascii())
