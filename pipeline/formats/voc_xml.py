"""Pascal VOC's XML to plain records. No NumPy here: this runs in workers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from pipeline.errors import DataError
from pipeline.formats import markup
from pipeline.formats.batch import NO_SIZE, Batch, Corners, Point, hull
from pipeline.formats.values import cell_number, each

OURS = "boxwright"  # stands in source/annotation of the files that boxwright writes
OTHER_BASE = "files whose corners are counted from 0"
_DEPTH = 6  # elements deeper than that are no part of the format
_SIDES = ("xmin", "ymin", "xmax", "ymax")


def parse(files: Sequence[str]) -> Batch:
    """Read the files of a shard, corners as they are written.

    Files that cannot count from 1 are counted in the notes, under `OTHER_BASE`.
    """
    batch = Batch()

    def read(number: int, path: str, data: bytes) -> None:
        page = _Page(path)
        markup.parse(path, data, page, batch.note)
        _add(batch, number, path, page)

    each(batch, files, read)
    return batch


class _Page:
    """What a file says: its plain fields, and those of its objects, by their paths."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.fields: dict[str, str] = {}
        self.objects: list[dict[str, str]] = []
        self.lines: list[int] = []
        self._stack: list[str] = []
        self._deeper = 0

    def start(self, tag: str, attributes: dict[str, str], line: int) -> None:
        del attributes
        if not self._stack and tag != "annotation":
            raise DataError(self.path, "", f"begins with <{tag[:40]}>, not <annotation>")
        if len(self._stack) >= _DEPTH:
            self._deeper += 1
            return
        self._stack.append(tag)
        if self._stack[1:] == ["object"]:
            self.objects.append({})
            self.lines.append(line)

    def end(self, tag: str, text: str) -> None:
        del tag
        if self._deeper:
            self._deeper -= 1
            return
        below = self._stack[1:]
        self._stack.pop()
        if below[:1] == ["object"]:
            self.objects[-1].setdefault("/".join(below[1:]), text.strip())
        else:
            self.fields.setdefault("/".join(below), text.strip())


def _add(batch: Batch, number: int, path: str, page: _Page) -> None:
    fields = page.fields
    batch.record(number, fields.get("filename", ""), _size(fields, path))
    whole = True
    for index, (values, line) in enumerate(zip(page.objects, page.lines, strict=True)):
        try:
            corners, outline = _shape(values, path, f"line {line}")
        except DataError as problem:
            batch.fail(problem)
            continue
        batch.box(index, values.get("name", ""), corners, outline, crowd=_crowd(values))
        whole &= min(corners) >= 1 and all(side.is_integer() for side in corners)
        if values.get("difficult", "0") not in {"0", ""}:
            batch.note("boxes marked as difficult; taken as any other")
    if not whole and fields.get("source/annotation") != OURS:
        batch.note(OTHER_BASE)


def _size(fields: Mapping[str, str], path: str) -> Point:
    """The size that the file claims; some tools write 0 where they did not look."""
    texts = fields.get("size/width", ""), fields.get("size/height", "")
    if not all(texts):
        return NO_SIZE
    width, height = (cell_number(text, path, "size") for text in texts)
    return (width, height) if min(width, height) > 0 else NO_SIZE


def _shape(values: Mapping[str, str], path: str, place: str) -> tuple[Corners, Sequence[Point]]:
    """Corners in order, and the outline where there is one."""
    outline = _polygon(values, path, place) or _turned(values, path, place)
    if "bndbox/xmin" not in values and outline:
        return hull(outline), outline
    x1, y1, x2, y2 = (
        cell_number(values.get(f"bndbox/{side}"), path, f"{place}, {side}") for side in _SIDES
    )
    (x1, x2), (y1, y2) = _ordered(x1, x2), _ordered(y1, y2)
    return (x1, y1, x2, y2), outline


def _ordered(low: float, high: float) -> tuple[float, float]:
    """Two sides in order. Of a box thinner than a pixel, xmin counted from 1 is above xmax."""
    return (high, low) if high < low - 1 else (low, high)


def _crowd(values: Mapping[str, str]) -> bool:
    """Whether the first of the attributes, which CVAT and Datumaro write too, says so."""
    named = values.get("attributes/attribute/name") == "is_crowd"
    return named and values.get("attributes/attribute/value", "").lower() in {"1", "true"}


def _polygon(values: Mapping[str, str], path: str, place: str) -> list[Point]:
    """The points x1, y1, x2, y2, … of `polygon`, as Roboflow and supervision write them."""
    points = []
    number = 1
    while f"polygon/x{number}" in values:
        x, y = (values.get(f"polygon/{axis}{number}") for axis in "xy")
        points.append((cell_number(x, path, place), cell_number(y, path, place)))
        number += 1
    return points if len(points) >= 3 else []


def _turned(values: Mapping[str, str], path: str, place: str) -> list[Point]:
    """The corners of roLabelImg's `robndbox`: centre, size, and an angle in radians, clockwise."""
    if "robndbox/cx" not in values:
        return []
    cx, cy, w, h, angle = (
        cell_number(values.get(f"robndbox/{key}"), path, f"{place}, {key}")
        for key in ("cx", "cy", "w", "h", "angle")
    )
    cos, sin = math.cos(angle), math.sin(angle)
    halves = ((-w / 2, -h / 2), (w / 2, -h / 2), (w / 2, h / 2), (-w / 2, h / 2))
    return [(cx + dx * cos - dy * sin, cy + dx * sin + dy * cos) for dx, dy in halves]
