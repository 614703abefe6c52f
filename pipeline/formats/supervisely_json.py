"""Supervisely's annotation files to plain records. No NumPy here: this runs in workers."""

from __future__ import annotations

import base64
import binascii
import math
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from pipeline.errors import DataError
from pipeline.formats import figures, masks, values
from pipeline.formats.batch import NO_SIZE, Batch, Corners, Point, hull
from pipeline.formats.values import Object, Place
from pipeline.images import SUFFIXES

_PICTURES = "../img/"
_SHAPES = ("rectangle", "oriented_bbox", "polygon", "bitmap", "alpha_mask", "cuboid")


class Rules(NamedTuple):
    """How to read a source's files.

    Attributes:
        group: Path of the field that holds a picture's group; "" for none.
        origin: The same for the origin.
    """

    group: str = ""
    origin: str = ""


def parse(files: Sequence[str], rules: Rules) -> Batch:
    """Read a shard of files; what is wrong in them is in the batch's `problems`."""
    batch = Batch()

    def one(number: int, path: str, data: bytes) -> None:
        place = Place(path)
        content = values.mapping(values.load(path, data, batch.note), place)
        objects = values.sequence(content.get("objects"), place.below("objects"))
        kin = values.kin(content, (rules.group, rules.origin), place)
        batch.record(number, _picture(path), _size(content.get("size"), place), kin)
        if content.get("tags"):
            batch.note("pictures with tags; those are left out")
        for index, drawn in enumerate(objects):
            at = place.below(f"objects[{index}]")
            try:
                told = values.mapping(drawn, at)
                corners, outline = _shape(batch, told, at)
                label = values.string(told.get("classTitle", ""), at.below("classTitle"))
                batch.box(index, label, corners, outline)
            except DataError as problem:
                batch.fail(problem)

    values.each(batch, files, one)
    return batch


def _picture(path: str) -> str:
    """What the file's name says of its picture; "" where it has only the name without ending."""
    name = os.path.basename(path)[: -len(".json")]
    return _PICTURES + name if os.path.splitext(name)[1].lower() in SUFFIXES else ""


def _size(told: Any, place: Place) -> Point:
    if told is None:
        return NO_SIZE
    size = values.mapping(told, place.below("size"))
    return values.size(size.get("width"), size.get("height"), place.below("size"))


def _shape(batch: Batch, drawn: Object, place: Place) -> tuple[Corners, Sequence[Point]]:
    """The box of an object, and its outline where it has one."""
    kind = drawn.get("geometryType")
    if kind not in _SHAPES:
        what = f"is a {values.kind(kind)}, which has no box"
        raise DataError(*place, what, "draw it as a rectangle or a polygon")
    if kind in {"bitmap", "alpha_mask"}:
        batch.note("masks; the box around each is kept")
        return _mask(drawn.get("bitmap"), place.below("bitmap")), ()
    held = drawn.get("points")
    points = held.get("exterior") if isinstance(held, dict) else held
    corners = values.points(points, place.below("points"))
    if kind == "polygon":
        return _polygon(batch, held, corners, place)
    if kind == "cuboid":
        batch.note("cuboids; the box around their corners is taken")
        return _ends(corners, place, 4), ()
    box = _ends(corners, place, 2)
    turn = math.degrees(values.number(drawn.get("angle", 0), place.below("angle")))
    if kind == "rectangle" or not turn % 360:
        return box, ()
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    outline = figures.turned(figures.rectangle(box), turn, middle)
    return hull(outline), outline


def _ends(points: Sequence[Point], place: Place, due: int) -> Corners:
    """The box around points; around their pixels, where they are whole numbers."""
    if len(points) < due or (due == 2 and len(points) > due):
        raise DataError(*place, f"has {len(points)} points where {due} are due")
    x1, y1, x2, y2 = hull(points)
    inside = float(_whole(points))
    return x1, y1, x2 + inside, y2 + inside


def _polygon(
    batch: Batch, held: Any, points: Sequence[Point], place: Place
) -> tuple[Corners, Sequence[Point]]:
    if len(points) < 3:
        raise DataError(*place, f"is a polygon of {len(points)} points where 3 or more are due")
    if isinstance(held, dict) and held.get("interior"):
        batch.note("polygons with holes; the holes are filled")
    middle = 0.5 if _whole(points) else 0.0
    outline = [(x + middle, y + middle) for x, y in points]
    return hull(outline), outline


def _whole(points: Sequence[Point]) -> bool:
    return all(x.is_integer() and y.is_integer() for x, y in points)


def _mask(held: Any, place: Place) -> Corners:
    bitmap = values.mapping(held, place)
    packed = values.string(bitmap.get("data"), place.below("data"))
    left, top = values.points([bitmap.get("origin")], place.below("origin"))[0]
    try:
        data = base64.b64decode(packed)
    except (binascii.Error, ValueError) as error:
        raise DataError(*place, f"is a mask that cannot be unpacked ({error})") from error
    (x1, y1, x2, y2), _ = masks.png(masks.unpacked(data, place), place)
    return left + x1, top + y1, left + x2, top + y2
