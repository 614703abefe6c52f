"""Shapes of corner JSON: two corners, or an outline. No NumPy here: this runs in workers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.errors import DataError
from pipeline.formats.batch import Point
from pipeline.formats.corner_fields import Rules, find, kind, number

RECTANGLE, POLYGON, CIRCLE = 0, 1, 2
_CIRCLE_POINTS = 64


def read_box(box: Any, path: str, place: str, rules: Rules) -> tuple[int, Sequence[Point]]:
    """The kind of a box's shape, and its points: two corners, or an outline."""
    if not isinstance(box, dict):
        raise DataError(path, place, f"is {kind(box)} where an object is due")
    points = find(box, "points", rules)
    if points is None:
        return RECTANGLE, _corners(box, path, place, rules)
    if not isinstance(points, list):
        raise DataError(path, f"{place}.points", f"is {kind(points)} where a list is due")
    points = _paired(points)
    shape = _shape_kind(box, len(points), path, place)
    numbers = _points(points, path, place)
    return shape, _circle(numbers) if shape == CIRCLE else numbers


def _corners(box: Mapping[str, Any], path: str, place: str, rules: Rules) -> list[Point]:
    """Two corners, each named; or one, and the width and the height that the config names."""
    sized = "w" in rules.fields and "h" in rules.fields
    names = ("x1", "y1", "w", "h") if sized else ("x1", "y1", "x2", "y2")
    found = [find(box, name, rules) for name in names]
    if found == [None] * 4:
        keys = ", ".join(map(str, box))[:200] or "none"
        told = f"has no corners that are known here (its keys: {keys})"
        raise DataError(path, place, told, "name them in the config's `fields`")
    a, b, c, d = (
        number(value, path, f"{place}.{name}") for name, value in zip(names, found, strict=True)
    )
    return [(a, b), (a + c, b + d) if sized else (c, d)]


def _paired(points: list[Any]) -> list[Any]:
    """Points as [x, y] each, where they are written in one row, or as {"x": 1, "y": 2}."""
    if len(points) >= 4 and len(points) % 2 == 0 and all(map(_is_number, points)):
        return [points[i : i + 2] for i in range(0, len(points), 2)]
    return [
        [p["x"], p["y"]] if isinstance(p, dict) and {"x", "y"} <= p.keys() else p for p in points
    ]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shape_kind(box: Mapping[str, Any], points: int, path: str, where: str) -> int:
    """The kind of a labelme shape, after checking that it has the points that the kind needs."""
    named = box.get("shape_type")
    name = named or ("rectangle" if points == 2 else "polygon")
    needs = {
        "rectangle": (RECTANGLE, points in {2, 4}, "2 (or 4)"),
        "mask": (RECTANGLE, points == 2, "2"),
        "circle": (CIRCLE, points == 2, "2"),
        "polygon": (POLYGON, points >= 3, "3 or more"),
        "rotation": (POLYGON, points >= 3, "3 or more"),
    }
    if not isinstance(name, str) or name not in needs:
        raise DataError(
            path, where, f"is a {name!r}, which has no box", "draw it as a rectangle or a polygon"
        )
    shape, enough, due = needs[name]
    if not enough:
        raise DataError(path, where, f"is a {name} of {points} points where {due} are due")
    return shape


def _points(points: Any, path: str, where: str) -> list[Point]:
    numbers = []
    for index, point in enumerate(points):
        if not isinstance(point, list) or len(point) != 2:
            raise DataError(path, f"{where}.points[{index}]", f"is {point!r}, not [x, y]")
        x, y = (number(value, path, f"{where}.points[{index}]") for value in point)
        numbers.append((x, y))
    return numbers


def _circle(points: Sequence[Point]) -> list[Point]:
    """A polygon that touches the box of a labelme circle (its centre, then a point on it)."""
    (x, y), edge = points
    radius = math.dist((x, y), edge)
    turns = [math.tau * i / _CIRCLE_POINTS for i in range(_CIRCLE_POINTS)]
    return [(x + radius * math.cos(t), y + radius * math.sin(t)) for t in turns]
