"""Small changes to an input, as a fuzzer makes them: of bytes, of numbers, of parsed JSON."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
_NUMBERS = [b"0", b"-1", b"1e308", b"-1e309", b"NaN", b"1e-320", b"9" * 30, b"9" * 5000, b"1_0"]
_TOKENS = [
    *(b'"', b"'", b"[", b"{", b"]", b"}", b"<", b">", b",", b":", b"\n", b"\r", b"\0", b"&", b";"),
    *(b"null", b"true", b"../", b"/", b"\\", b"%00", b"\\ud800", b"\xff\xfe", b"\xef\xbb\xbf"),
    *(b"<!DOCTYPE x>", b"<!--", b"]]>", b"<?xml encoding='utf-16'?>", b"&lt;", b"\xea\xb0\x80"),
    b"[" * 3000,
]
_VALUES: list[Any] = [
    *(None, True, 0, -1, 1.5, 1e308, 10**30, "", "x", "../x", "a1.jpg", "\ud800", "\0"),
    *([], {}, [[]], [1, 2], [1, 2, 3, 4], [[1, 2], [3, 4]], {"x": 1}, [None], "9" * 20),
]


def mutated(data: bytes, pool: Sequence[bytes], chance: random.Random) -> bytes:
    """A changed copy; `pool` lends parts of other inputs."""
    if chance.random() < 0.4:
        changed = _in_json(data, chance)
        if changed is not None:
            return changed
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        data = chance.choice(_WAYS)(data, pool, chance)
    return data


def _at(data: bytes, chance: random.Random) -> int:
    return chance.randint(0, len(data))


def _span(data: bytes, chance: random.Random) -> tuple[int, int]:
    start = _at(data, chance)
    return start, min(len(data), start + chance.choice((1, 4, 16, 64, 256)))


def _flip(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    at = _at(data, chance)
    return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]


def _delete(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    start, end = _span(data, chance)
    return data[:start] + data[end:]


def _repeat(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    start, end = _span(data, chance)
    return data[:end] + data[start:end] * chance.choice((1, 2, 50)) + data[end:]


def _cut(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    return data[: _at(data, chance)]


def _insert(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    at = _at(data, chance)
    return data[:at] + chance.choice(_TOKENS) + data[at:]


def _splice(data: bytes, pool: Sequence[bytes], chance: random.Random) -> bytes:
    other = chance.choice(pool)
    return data[: _at(data, chance)] + other[_at(other, chance) :]


def _renumber(data: bytes, _: Sequence[bytes], chance: random.Random) -> bytes:
    found = list(_NUMBER.finditer(data))
    if not found:
        return data
    one = chance.choice(found)
    return data[: one.start()] + chance.choice(_NUMBERS) + data[one.end() :]


_WAYS: list[Callable[[bytes, Sequence[bytes], random.Random], bytes]] = [
    *(_flip, _delete, _repeat, _cut, _insert, _splice, _renumber, _renumber)
]


def _in_json(data: bytes, chance: random.Random) -> bytes | None:
    """One value of a JSON file replaced, or one key gone; None where it is no JSON."""
    try:
        root = json.loads(data)
    except (ValueError, RecursionError):
        return None
    places = list(_places(root))
    if not places:
        return None
    holder, key = chance.choice(places)
    if isinstance(holder, dict) and chance.random() < 0.2:
        del holder[key]
    else:
        holder[key] = chance.choice([*_VALUES, root])
    try:
        return json.dumps(root).encode()
    except (ValueError, RecursionError):  # it holds itself now
        return None


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every holder and key in parsed JSON."""
    found: list[tuple[Any, Any]] = []
    waiting = [value] if isinstance(value, dict | list) else []
    while waiting:
        holder = waiting.pop()
        keys = holder if isinstance(holder, dict) else range(len(holder))
        found += [(holder, key) for key in keys]
        waiting += [holder[key] for key in keys if isinstance(holder[key], dict | list)]
    return found
