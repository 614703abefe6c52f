"""Fields of corner JSON, by the names that they go by or the config's paths for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.check.fixing.edits import About
from pipeline.formats.corner_json import FIELDS


def number(value: Any) -> float:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if known else float("nan")


def find(values: Any, name: str, about: About) -> list[str] | None:
    """The keys that lead to a field, by the names that it goes by; None where it is not there."""
    wanted = (about.fields or {}).get(name)
    if wanted is not None:
        return wanted.split(".") if get(values, wanted.split(".")) is not None else None
    if not isinstance(values, dict):
        return None
    return next(([known] for known in FIELDS[name] if values.get(known) is not None), None)


def own_path(name: str, about: About) -> list[str]:
    return (about.fields or {}).get(name, name).split(".")


def get(values: Any, path: Sequence[str] | None) -> Any:
    for key in path or ():
        if isinstance(values, dict):
            values = values.get(key)
        elif isinstance(values, list) and key.isdigit() and int(key) < len(values):
            values = values[int(key)]
        else:
            return None
    return values if path else None


def put(values: Any, path: Sequence[str], value: Any) -> None:
    for key in path[:-1]:
        values = values[int(key)] if isinstance(values, list) else values.setdefault(key, {})
    if isinstance(values, list):
        values[int(path[-1])] = value
    else:
        values[path[-1]] = value
