"""Parsed JSON that nobody vouches for: taken apart with an error for whatever is not as it should.

No NumPy here: this runs in workers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from pipeline.errors import DataError
from pipeline.formats.batch import Batch, Point

Object = dict[str, Any]
_FARTHEST = 1e12  # pixels


class Place(NamedTuple):
    """Where something stands, for messages: ``raise DataError(*place, "is wrong")``.

    Attributes:
        path: The file.
        text: The place in it; "" for all of it.
    """

    path: str
    text: str = ""

    def below(self, key: str) -> Place:
        """What stands here by a key."""
        return Place(self.path, f"{self.text} {key}".lstrip())


def each(batch: Batch, files: Sequence[str], read: Callable[[int, str, bytes], None]) -> None:
    """Call `read` with the number, the path and the bytes of each file.

    What it raises, and files that cannot be read, become problems of the batch.
    """
    for number, path in enumerate(files):
        try:
            with open(path, "rb") as stream:
                data = stream.read()
            read(number, path, data)
        except OSError as error:
            batch.problems.append(DataError(path, "", f"cannot be read: {error.strerror}"))
        except DataError as problem:
            batch.problems.append(problem)


def load(path: str, data: bytes, note: Callable[[str], None]) -> Any:
    """The content of a JSON file: UTF-8, UTF-16 with a byte-order mark, or cp949.

    Raises:
        DataError: No JSON, cut short, nested too deep, with a key twice, or of another encoding.
    """
    try:
        return json.loads(text(path, data, note), object_pairs_hook=_once)
    except _TwiceError as twice:
        raise DataError(path, "", f"has the key {twice.args[0]!r} twice in one object") from twice
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        what = f"is cut short or no JSON ({error.msg})"
        raise DataError(path, place, what, "export it again or remove it") from error
    except ValueError as error:  # Python reads no whole number of more than 4,300 digits
        raise DataError(path, "", f"holds a number that cannot be one ({error})") from error
    except RecursionError as error:
        raise DataError(path, "", "is nested too deep to be annotations") from error


class _TwiceError(Exception):
    """A key that stands twice in one object: all but the last would be lost."""


def _once(pairs: list[tuple[str, Any]]) -> Object:
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _TwiceError(key)
            seen.add(key)
    return values


def text(path: str, data: bytes, note: Callable[[str], None]) -> str:
    """Decode a text file.

    Raises:
        DataError: Neither UTF-8, nor UTF-16 with a byte-order mark, nor cp949.
    """
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        decoded = data.decode("cp949")
    except UnicodeDecodeError as error:
        what = "is neither UTF-8 nor cp949 text"
        raise DataError(path, f"byte {error.start}", what, "save it as UTF-8") from error
    note("files in cp949 (Korean Windows)")
    return decoded


def mapping(value: Any, place: Place) -> Object:
    """The value, which must be an object."""
    if not isinstance(value, dict):
        raise DataError(*place, f"is {kind(value)} where an object is due")
    return value


def sequence(value: Any, place: Place) -> list[Any]:
    """The value, which must be a list."""
    if not isinstance(value, list):
        raise DataError(*place, f"is {kind(value)} where a list is due")
    return value


def string(value: Any, place: Place) -> str:
    """The value, which must be text."""
    if not isinstance(value, str):
        raise DataError(*place, f"is {kind(value)} where text is due")
    return value


def number(value: Any, place: Place) -> float:
    """The value, which must be a finite number."""
    if type(value) is float and abs(value) <= _FARTHEST:  # nearly always
        return value
    if value is None:
        raise DataError(*place, "is missing")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(*place, f"is {kind(value)}, not a number")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    _check_reach(found, value, place)
    return found


def numbers(values: Object, names: Sequence[str], place: Place) -> tuple[float, ...]:
    """The numbers of an object that go by these names."""
    found = map(values.get, names)
    plain = tuple(one for one in found if type(one) is float and abs(one) <= _FARTHEST)
    if len(plain) == len(names):  # nearly always
        return plain
    return tuple(number(values.get(name), place.below(name)) for name in names)


def written(value: str, place: Place) -> float:
    """The finite number that a text says."""
    try:
        found = float(value)
    except ValueError:
        found = math.nan
    if "_" in value:  # Python reads 1_000 too
        found = math.nan
    _check_reach(found, value, place)
    return found


def cell_number(cell: str | None, path: str, place: str) -> float:
    """The finite number that a cell of a table or an element says, which must not be empty."""
    if not cell:
        raise DataError(path, place, "is missing")
    return written(cell, Place(path, place))


def _check_reach(found: float, value: Any, place: Place) -> None:
    """Refuse what is no number, and what would overflow where it is turned and scaled."""
    if not math.isfinite(found):
        raise DataError(*place, f"is {kind(value)}, not a finite number")
    if abs(found) > _FARTHEST:
        raise DataError(*place, f"is {kind(value)}, farther than any picture reaches")


def points(value: Any, place: Place) -> list[Point]:
    """The value, which must be a list of [x, y]."""
    found = []
    for index, one in enumerate(sequence(value, place)):
        at = place.below(f"[{index}]")
        if not isinstance(one, list) or len(one) != 2:
            raise DataError(*at, f"is {kind(one)}, not [x, y]")
        found.append((number(one[0], at), number(one[1], at)))
    return found


def size(width: Any, height: Any, place: Place) -> Point:
    """The size of a picture, which must be above 0."""
    found = number(width, place), number(height, place)
    if min(found) <= 0:
        raise DataError(*place, f"say {width}x{height}, which is no size")
    return found


def at(values: Any, field: str) -> Any:
    """The value at a path like "meta.size.0"; None where it leads nowhere."""
    for key in field.split("."):
        if isinstance(values, dict):
            values = values.get(key)
        elif isinstance(values, list) and key.isdecimal() and int(key) < len(values):
            values = values[int(key)]
        else:
            return None
    return values


def kin(values: Any, wanted: Iterable[str], place: Place) -> tuple[str, str]:
    """Group and origin of a picture, at the paths that are wanted of each; "" for none.

    Raises:
        DataError: A field that is wanted is not there.
    """
    found = []
    for field, what in zip(wanted, ("group", "origin"), strict=True):
        value = at(values, field) if field else ""
        if value is None:
            told = f"has no {field!r}, which should hold the picture's {what}"
            raise DataError(*place, told)
        found.append(str(value))
    return found[0], found[1]


def kind(value: Any) -> str:
    """What a value is, for messages; short, whatever it holds."""
    names = {dict: "an object", list: "a list", type(None): "null"}
    if type(value) in names:
        return names[type(value)]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**40:
        return "a number of very many digits"
    told = repr(value)
    return told if len(told) <= 60 else f"{told[:57]}…"
