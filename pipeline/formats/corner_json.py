"""One file of corner JSON to plain records: a fast way for labelme, a tolerant one for the rest.

The fast way is a typed decoder that takes only what is labelme to the letter and refuses
everything else; what it refuses goes the tolerant way, which knows what vendors really ship and
says exactly what is wrong where it cannot be read. No NumPy here: this runs in workers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from pipeline.errors import DataError
from pipeline.formats.batch import NO_SIZE, Batch, hull
from pipeline.formats.values import load

RECTANGLE, POLYGON, CIRCLE = 0, 1, 2
_CIRCLE_POINTS = 64

# The names that a field goes by when the config's `fields` says nothing.
FIELDS: dict[str, tuple[str, ...]] = {
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


class _Shape(msgspec.Struct, gc=False):
    label: str
    points: list[tuple[float, float]]
    shape_type: str | None = None
    flags: Any = None


class _Labelme(msgspec.Struct, gc=False):
    shapes: list[_Shape]
    imagePath: str | None = None  # noqa: N815 - labelme's own names
    imageWidth: float | None = None  # noqa: N815
    imageHeight: float | None = None  # noqa: N815


_decode = msgspec.json.Decoder(_Labelme).decode


def parse(files: Sequence[str], rules: Rules) -> Batch:
    """Read the files of a shard; what cannot be read is in the batch's problems."""
    batch = Batch()
    plain = not (rules.fields or rules.group or rules.origin)
    for index, path in enumerate(files):
        try:
            with open(path, "rb", buffering=0) as stream:
                data = stream.read()
        except OSError as error:
            problem = DataError(path, "", f"cannot be read: {error.strerror}")
            batch.problems.append(problem)
            continue
        if not (plain and _fast(batch, index, data)):
            _tolerant(batch, index, path, data, rules)
    return batch


def _fast(batch: Batch, file: int, data: bytes) -> bool:
    """Add a file that is labelme to the letter; False, and nothing added, for any other."""
    try:
        read = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    if _twice(data, len(read.shapes)):
        return False
    for shape in read.shapes:
        if len(shape.points) != 2 or shape.shape_type not in {"rectangle", None}:
            return False
    if not (read.imageWidth and read.imageHeight) or min(read.imageWidth, read.imageHeight) < 0:
        return False
    batch.record(file, read.imagePath or "", (read.imageWidth, read.imageHeight))
    labels = batch.labels
    for shape in read.shapes:
        batch.label.append(labels.setdefault(shape.label, len(labels)))
        batch.corners.extend(shape.points[0])
        batch.corners.extend(shape.points[1])
    count = len(read.shapes)
    batch.place.extend(range(count))
    batch.outline_counts.frombytes(bytes(8 * count))
    batch.crowd.extend(_is_crowd(shape.flags) for shape in read.shapes)
    batch.counts[-1] = count
    return True


def _twice(data: bytes, shapes: int) -> bool:
    """Whether a key may stand twice in one object: the decoder would take the last, untold."""
    keys = ((b'"shapes"', 1), (b'"points"', shapes), (b'"label"', shapes))
    return any(data.count(key) > count for key, count in keys)


def _tolerant(batch: Batch, file: int, path: str, data: bytes, rules: Rules) -> None:
    if not data.strip():
        batch.note("empty JSON files, taken as background pictures")
        batch.record(file, "", NO_SIZE)
        return
    try:
        root = load(path, data, batch.note)
    except DataError as problem:
        batch.problems.append(problem)
    else:
        _add_root(batch, file, path, root, rules)


def _add_root(batch: Batch, file: int, path: str, root: Any, rules: Rules) -> None:
    """Add a file's records: a picture's list of boxes, a flat box, or a list of either."""
    if isinstance(root, list) and root:
        for index, item in enumerate(root):
            _add_record(batch, file, path, item, f"[{index}]", rules)
    elif isinstance(root, list):
        fix = 'a background picture has {"shapes": []}'
        problem = DataError(path, "", "is an empty list where an object is due", fix)
        batch.problems.append(problem)
    else:
        _add_record(batch, file, path, root, "", rules)


def _add_record(batch: Batch, file: int, path: str, values: Any, place: str, rules: Rules) -> None:
    try:
        boxes, flat = _begin(batch, file, path, values, place, rules)
    except DataError as problem:
        batch.problems.append(problem)
        return
    batch.flat[-1] = flat
    for index, box in enumerate(boxes):
        at = place if flat else f"{place}shapes[{index}]"
        _add_box(batch, path, (index, at), box, rules)


def _begin(
    batch: Batch, file: int, path: str, values: Any, place: str, rules: Rules
) -> tuple[Sequence[Any], bool]:
    """Begin a record; give its boxes, and whether it is itself its only box."""
    if not isinstance(values, dict):
        raise DataError(path, place, f"is {_kind(values)} where an object is due")
    boxes, flat = _boxes(values, path, place, rules)
    image = _find(values, "image", rules)
    if image is not None and not isinstance(image, str):
        raise DataError(path, place or "imagePath", f"names a picture by {_kind(image)}")
    size = _size(values, path, place, rules)
    kin = [
        _kin(values, path, place, field_, what)
        for field_, what in ((rules.group, "group"), (rules.origin, "origin"))
    ]
    batch.record(file, image or "", size, (kin[0], kin[1]))
    return boxes, flat


def _boxes(
    values: Mapping[str, Any], path: str, place: str, rules: Rules
) -> tuple[Sequence[Any], bool]:
    """A record's boxes, and whether it is itself its only box."""
    boxes = _find(values, "boxes", rules)
    if isinstance(boxes, list):
        return boxes, False
    if boxes is not None:
        raise DataError(path, f"{place}shapes", f"is {_kind(boxes)} where a list is due")
    if any(_find(values, name, rules) is not None for name in ("points", "x1", "y1", "x2", "y2")):
        return [values], True
    keys = ", ".join(map(str, values)) or "none"
    raise DataError(
        path,
        place,
        f"has no boxes that are known here (its keys: {keys})",
        "name them in the config's `fields`",
    )


def _size(values: Mapping[str, Any], path: str, place: str, rules: Rules) -> tuple[float, float]:
    width, height = _find(values, "width", rules), _find(values, "height", rules)
    if width is None or height is None:
        return NO_SIZE
    numbers = (
        _number(width, path, f"{place}imageWidth"),
        _number(height, path, f"{place}imageHeight"),
    )
    if min(numbers) <= 0:
        raise DataError(path, f"{place}imageWidth, imageHeight", f"are {width} and {height}")
    return numbers


def _kin(values: Mapping[str, Any], path: str, place: str, wanted: str, what: str) -> str:
    """What a field says of where the picture belongs; "" where no field is wanted."""
    found = _at(values, wanted) if wanted else ""
    if found is None:
        problem = f"is missing; it should hold the picture's {what}"
        raise DataError(path, f"{place}{wanted}", problem)
    return str(found)


def _add_box(batch: Batch, path: str, at: tuple[int, str], box: Any, rules: Rules) -> None:
    index, place = at
    try:
        shape, points = _read_box(box, path, place, rules)
    except DataError as problem:
        batch.fail(problem)
        return
    found = _find(box, "label", rules)
    label = "" if found is None else str(found)
    outline = points if shape != RECTANGLE else ()
    batch.box(index, label, hull(points), outline, crowd=_is_crowd(box.get("flags")))


def _is_crowd(flags: Any) -> bool:
    """Whether a shape has the flag that `convert --to labelme` marks crowds with."""
    return isinstance(flags, dict) and flags.get("crowd") is True


def _read_box(
    box: Any, path: str, place: str, rules: Rules
) -> tuple[int, Sequence[tuple[float, float]]]:
    """The kind of a box's shape, and its points: two corners, or an outline."""
    if not isinstance(box, dict):
        raise DataError(path, place, f"is {_kind(box)} where an object is due")
    points = _find(box, "points", rules)
    if points is None:
        x1, y1, x2, y2 = (
            _number(_find(box, name, rules), path, f"{place}.{name}")
            for name in ("x1", "y1", "x2", "y2")
        )
        return RECTANGLE, [(x1, y1), (x2, y2)]
    if not isinstance(points, list):
        raise DataError(path, f"{place}.points", f"is {_kind(points)} where a list is due")
    shape = _shape_kind(box, len(points), path, place)
    numbers = _points(points, path, place)
    return shape, _circle(numbers) if shape == CIRCLE else numbers


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
    if name not in needs:
        raise DataError(
            path, where, f"is a {name!r}, which has no box", "draw it as a rectangle or a polygon"
        )
    kind, enough, due = needs[name]
    if not enough:
        raise DataError(path, where, f"is a {name} of {points} points where {due} are due")
    return kind


def _points(points: Any, path: str, where: str) -> list[tuple[float, float]]:
    numbers = []
    for index, point in enumerate(points):
        if not isinstance(point, list) or len(point) != 2:
            raise DataError(path, f"{where}.points[{index}]", f"is {point!r}, not [x, y]")
        x, y = (_number(value, path, f"{where}.points[{index}]") for value in point)
        numbers.append((x, y))
    return numbers


def _circle(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """A polygon that touches the box of a labelme circle (its centre, then a point on it)."""
    (x, y), edge = points
    radius = math.dist((x, y), edge)
    turns = [math.tau * i / _CIRCLE_POINTS for i in range(_CIRCLE_POINTS)]
    return [(x + radius * math.cos(t), y + radius * math.sin(t)) for t in turns]


def _find(values: Mapping[str, Any], name: str, rules: Rules) -> Any:
    """The value of a field by the config's path for it, or by the names that it goes by."""
    if name in rules.fields:
        return _at(values, rules.fields[name])
    for known in FIELDS[name]:
        if values.get(known) is not None:
            return values[known]
    return None


def _at(values: Any, path: str) -> Any:
    """The value at a path like "meta.size.0"; None where it leads nowhere."""
    for key in path.split("."):
        if isinstance(values, dict):
            values = values.get(key)
        elif isinstance(values, list) and key.isdigit() and int(key) < len(values):
            values = values[int(key)]
        else:
            return None
    return values


def _number(value: Any, path: str, place: str) -> float:
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


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", type(None): "null"}
    return names.get(type(value), f"{value!r}")
