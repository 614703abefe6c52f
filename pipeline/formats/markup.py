"""XML by events, from files that nobody vouches for.

A document type is refused outright: without one there are no entities to blow up ("billion
laughs") and no files or addresses for a parser to fetch. Depth costs memory only, since expat
keeps its stack on the heap. No NumPy here: this runs in workers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol
from xml.parsers import expat

from pipeline.errors import DataError

_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
# Of alphabets; Python knows others besides (punycode, unicode_escape), which cost and surprise.
_ENCODINGS = re.compile(
    r"(iso-?8859|latin|windows-?\d|cp\d|euc|ks|johab|shift|sjis|gb|big5|koi8|mac|utf-?(16|32))"
)
_HEAD = 200  # bytes that hold the XML declaration


class Handler(Protocol):
    """What is called as a file is read."""

    def start(self, tag: str, attributes: dict[str, str], line: int) -> None:
        """An element begins on a line."""

    def end(self, tag: str, text: str) -> None:
        """An element ends; `text` stands before its end, after the tag before that."""


def parse(path: str, data: bytes, handler: Handler, note: Callable[[str], None]) -> None:
    """Read a file.

    Args:
        path: Of the file, for messages.
        data: Its bytes: UTF-8, UTF-16, the encoding that it declares, or cp949.
        handler: Called for each element; may raise.
        note: Told of what was met.

    Raises:
        DataError: No XML, cut short, of an unknown encoding, or with a document type.
    """
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    text: list[str] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        text.clear()
        handler.start(tag, attributes, parser.CurrentLineNumber)

    def end(tag: str) -> None:
        handler.end(tag, "".join(text))
        text.clear()

    def doctype(*_: object) -> None:
        what = "has a document type (<!DOCTYPE …>), which annotations have no use for"
        raise DataError(path, f"line {parser.CurrentLineNumber}", what, "remove it")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text.append
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(_utf8(path, data, note), True)
    except expat.ExpatError as error:
        place = f"line {error.lineno} column {error.offset}"
        what = f"is cut short or no XML ({expat.ErrorString(error.code)})"
        raise DataError(path, place, what, "export it again or remove it") from error


def _utf8(path: str, data: bytes, note: Callable[[str], None]) -> bytes:
    """The bytes as UTF-8."""
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return data.decode("utf-16", errors="replace").encode()
    declared = _DECLARED.match(data[:_HEAD].removeprefix(b"\xef\xbb\xbf"))
    name = declared[1].decode().lower() if declared else "utf-8"
    if name not in {"utf-8", "utf8", "us-ascii", "ascii"}:
        return _decoded(path, data, name).encode()
    try:
        data.decode()
    except UnicodeDecodeError:
        text = _decoded(path, data, "cp949")
        note("XML files in cp949 (Korean Windows)")
        return text.encode()
    return data


def _decoded(path: str, data: bytes, name: str) -> str:
    if not _ENCODINGS.match(name):
        raise DataError(path, "", f"is in an unknown encoding, {name!r}", "save it as UTF-8")
    try:
        return data.decode(name)
    except LookupError as error:
        raise DataError(path, "", f"is in an unknown encoding, {name!r}") from error
    except UnicodeDecodeError as error:
        what = f"is neither UTF-8 nor {name} text"
        raise DataError(path, f"byte {error.start}", what, "save it as UTF-8") from error
