"""Fields of corner JSON, by the names that they go by or the config's paths for them.

No NumPy here: this runs in workers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pipeline.errors import DataError

# The names that a field goes by when the config's `fields` says nothing.
FIELDS: dict[str, tuple[str, ...]] = {
    "records": ("images", "items", "data", "records", "frames", "results"),
    "boxes": ("shapes", "boxes", "objects", "annotations"),
    "image": ("imagePath", "image", "file_name", "filename", "image_name", "file"),
    "width": ("imageWidth", "image_width", "width"),
    "height": ("imageHeight", "image_height", "height"),
    "label": ("label", "class", "class_name", "category", "name"),
    "points": ("points",),
    "x1": ("x1", "xmin", "left"),
    "y1": ("y1", "ymin", "top"),
    "x2": ("x2", "xmax", "right"),
    "y2": ("y2", "ymax", "bottom"),
    "w": (),
    "h": (),
}


class Rules(NamedTuple):
    """How to read a source's files.

    Attributes:
        fields: Paths of fields by name, as in `FIELDS`, where the vendor's differ ("meta.w").
        group: Path of the field that holds the group; "" for none.
        origin: The same for the origin.
    """

    fields: dict[str, str]
    group: str = ""
    origin: str = ""


def find(values: Mapping[str, Any], name: str, rules: Rules) -> Any:
    """The value of a field by the config's path for it, or by the names that it goes by."""
    if name in rules.fields:
        return at(values, rules.fields[name])
    for known in FIELDS[name]:
        if values.get(known) is not None:
            return values[known]
    return None


def at(values: Any, path: str) -> Any:
    """The value at a path like "meta.size.0"; None where it leads nowhere.

    A key may hold dots itself ("Learning data info."). "*" stands for every item of a list, or
    every value of an object: what they lead to is then one list, lists in it joined.
    """
    return _walked(values, path.split("."))


def _walked(values: Any, keys: list[str]) -> Any:
    if not keys or values is None:
        return values
    if keys[0] == "*":
        return _joined(_walked(item, keys[1:]) for item in _items(values))
    if isinstance(values, list):
        inside = keys[0].isdecimal() and len(keys[0]) < 9 and int(keys[0]) < len(values)
        return _walked(values[int(keys[0])], keys[1:]) if inside else None
    if not isinstance(values, dict):
        return None
    for length in range(len(keys), 0, -1):
        key = ".".join(keys[:length])
        if key in values:
            return _walked(values[key], keys[length:])
    return None


def _items(values: Any) -> list[Any]:
    if isinstance(values, dict):
        return list(values.values())
    return values if isinstance(values, list) else []


def _joined(found: Iterator[Any]) -> list[Any]:
    joined: list[Any] = []
    for one in found:
        if isinstance(one, list):
            joined += one
        elif one is not None:
            joined.append(one)
    return joined


def number(value: Any, path: str, place: str) -> float:
    """The value, which must be a finite number."""
    if value is None:
        raise DataError(path, place, "is missing")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(path, place, f"is {value!r}, not a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise DataError(path, place, f"is {value}, not a finite number")
    return number


def kind(value: Any) -> str:
    """What a value is, for messages."""
    names = {dict: "an object", list: "a list", str: "text", type(None): "null"}
    return names.get(type(value), f"{value!r}")
