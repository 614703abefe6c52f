"""XML as it is written here: UTF-8, an element a line, everything escaped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.sax.saxutils import escape

from pipeline.errors import BoxwrightError

HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
_NEVER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2
_KEPT = {"\r": "&#13;"}  # parsers make a line feed of it
_QUOTED = {'"': "&quot;", "\n": "&#10;", "\t": "&#9;", **_KEPT}  # and spaces of these


def text(value: str) -> str:
    """What stands between tags.

    Raises:
        BoxwrightError: It holds a character that no XML can.
    """
    return escape(_possible(value), _KEPT)


def attributes(values: Mapping[str, object]) -> str:
    """What stands in a tag: ' a="1" b="2"'.

    Raises:
        BoxwrightError: A value holds a character that no XML can.
    """
    return "".join(
        f' {name}="{escape(_possible(str(value)), _QUOTED)}"' for name, value in values.items()
    )


def element(tag: str, value: object) -> str:
    """An element that holds a text alone: <tag>value</tag>."""
    return f"<{tag}>{text(str(value))}</{tag}>"


def _possible(value: str) -> str:
    found = _NEVER.search(value)
    if found:
        raise BoxwrightError(
            f"{value!r}: XML cannot hold the character {found[0]!r}."
            "\n    -> rename it, or choose a format of JSON, such as --to coco."
        )
    return value
