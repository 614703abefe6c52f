"""One file of corner JSON to plain records: a fast way for labelme, a tolerant one for the rest.

The fast way is a typed decoder that takes only what is labelme to the letter and refuses
everything else; what it refuses goes the tolerant way, which knows what vendors really ship and
says exactly what is wrong where it cannot be read. No NumPy here: this runs in workers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pipeline.errors import DataError
from pipeline.formats.batch import NO_SIZE, Batch, Point, hull
from pipeline.formats.corner_fields import FIELDS, Rules, at, find, kind, number
from pipeline.formats.corner_shapes import RECTANGLE, read_box
from pipeline.formats.values import load, text
from pipeline.images import SUFFIXES

__all__ = ["FIELDS", "Rules", "parse"]
_LINES = (".jsonl", ".ndjson")
_Source = tuple[int, str]  # a file's index in the shard, and its path
_Group = tuple[str, str]  # a label and a group_id


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
        if path.lower().endswith(_LINES):
            _add_lines(batch, (file, path), data, rules)
        else:
            _add_root(batch, (file, path), _loaded(batch, path, data), rules)
    except _LinesError:
        _add_lines(batch, (file, path), data, rules)
    except DataError as problem:
        batch.problems.append(problem)


class _LinesError(Exception):
    """A file of one JSON document is a file of several."""


def _loaded(batch: Batch, path: str, data: bytes) -> Any:
    try:
        return load(path, data, batch.note)
    except DataError as error:
        if "Extra data" in error.problem and error.place.endswith("column 1"):
            raise _LinesError from error
        raise


def _add_lines(batch: Batch, source: _Source, data: bytes, rules: Rules) -> None:
    """Add the records of a file of JSON lines."""
    path = source[1]
    for at_, line in enumerate(text(path, data, batch.note).split("\n"), 1):
        if not line.strip():
            continue
        try:
            values = load(path, line.encode(), batch.note)
        except DataError as error:
            batch.problems.append(DataError(path, f"line {at_}", error.problem, error.fix))
        else:
            _add_record(batch, source, values, f"line {at_} ", rules)


def _add_root(batch: Batch, source: _Source, root: Any, rules: Rules) -> None:
    """Add a file's records: a picture's list of boxes, a flat box, or many of either."""
    records, place = _records(root, rules)
    if isinstance(records, list) and not records:
        fix = 'a background picture has {"shapes": []}'
        problem = DataError(source[1], place, "is an empty list where an object is due", fix)
        batch.problems.append(problem)
    elif isinstance(records, list):
        for index, item in enumerate(records):
            _add_record(batch, source, item, f"{place}[{index}]", rules)
    elif place or _by_picture(records):
        for name, item in records.items():
            _add_record(batch, source, item, f"{place}[{name!r}]", rules, name)
    else:
        _add_record(batch, source, records, "", rules)


def _records(root: Any, rules: Rules) -> tuple[Any, str]:
    """A file's records and where they stand: a list, an object by pictures, or one record."""
    if "records" in rules.fields:
        wanted = rules.fields["records"]
        found = at(root, wanted)
        return (found, wanted) if isinstance(found, dict | list) else (root, "")
    if not isinstance(root, dict) or _has_boxes(root, rules):
        return root, ""
    for name in FIELDS["records"]:
        if isinstance(root.get(name), list):
            return root[name], name
    return root, ""


def _by_picture(values: Any) -> bool:
    """Whether an object's keys are the names of pictures."""
    return (
        isinstance(values, dict)
        and bool(values)
        and all(
            isinstance(item, dict | list) and name.lower().endswith(tuple(SUFFIXES))
            for name, item in values.items()
        )
    )


def _add_record(
    batch: Batch, source: _Source, values: Any, place: str, rules: Rules, said: str = ""
) -> None:
    """Add a record; `said` is the name of its picture, where that stands outside it."""
    path = source[1]
    boxes: Sequence[Any]
    try:
        if said and isinstance(values, list):
            boxes, flat = values, False
            batch.record(source[0], said)
        else:
            boxes, flat = _begin(batch, source, values, (place, said), rules)
    except DataError as problem:
        batch.problems.append(problem)
        return
    batch.flat[-1] = flat
    shared = _shared(boxes, rules)
    parts: dict[_Group, list[tuple[int, Sequence[Point]]]] = {}
    for index, box in enumerate(boxes):
        at_ = place if flat else f"{place}shapes[{index}]"
        points = _add_box(batch, path, (index, at_), box, rules, part=_group(box, rules) in shared)
        if points:
            parts.setdefault(_group(box, rules), []).append((index, points))
    for (label, _), pieces in parts.items():
        batch.box(pieces[0][0], label, hull([p for _, points in pieces for p in points]))
        batch.note("objects of several outlines (one group_id); the box around all is taken")


def _begin(
    batch: Batch, source: _Source, values: Any, where: tuple[str, str], rules: Rules
) -> tuple[Sequence[Any], bool]:
    """Begin a record; give its boxes, and whether it is itself its only box."""
    (file, path), (place, said) = source, where
    if not isinstance(values, dict):
        raise DataError(path, place, f"is {kind(values)} where an object is due")
    boxes, flat = _boxes(values, path, place, rules)
    image = find(values, "image", rules)
    if image is not None and not isinstance(image, str):
        raise DataError(path, place or "imagePath", f"names a picture by {kind(image)}")
    size = _size(values, path, place, rules)
    kin = [
        _kin(values, path, place, field_, what)
        for field_, what in ((rules.group, "group"), (rules.origin, "origin"))
    ]
    batch.record(file, image or said, size, (kin[0], kin[1]))
    return boxes, flat


def _boxes(
    values: Mapping[str, Any], path: str, place: str, rules: Rules
) -> tuple[Sequence[Any], bool]:
    """A record's boxes, and whether it is itself its only box."""
    boxes = find(values, "boxes", rules)
    if isinstance(boxes, list):
        return boxes, False
    if boxes is not None:
        raise DataError(path, f"{place}shapes", f"is {kind(boxes)} where a list is due")
    if _has_boxes(values, rules):
        return [values], True
    keys = ", ".join(map(str, values)) or "none"
    raise DataError(
        path,
        place,
        f"has no boxes that are known here (its keys: {keys[:200]})",
        "name them in the config's `fields`",
    )


def _has_boxes(values: Mapping[str, Any], rules: Rules) -> bool:
    names = ("boxes", "points", "x1", "y1", "x2", "y2")
    return any(find(values, name, rules) is not None for name in names)


def _size(values: Mapping[str, Any], path: str, place: str, rules: Rules) -> tuple[float, float]:
    width, height = find(values, "width", rules), find(values, "height", rules)
    if width is None or height is None:
        return NO_SIZE
    numbers = (
        number(width, path, f"{place}imageWidth"),
        number(height, path, f"{place}imageHeight"),
    )
    if min(numbers) <= 0:
        raise DataError(path, f"{place}imageWidth, imageHeight", f"are {width} and {height}")
    return numbers


def _kin(values: Mapping[str, Any], path: str, place: str, wanted: str, what: str) -> str:
    """What a field says of where the picture belongs; "" where no field is wanted."""
    found = at(values, wanted) if wanted else ""
    if found is None:
        problem = f"is missing; it should hold the picture's {what}"
        raise DataError(path, f"{place}{wanted}", problem)
    return str(found)


def _add_box(
    batch: Batch, path: str, at_: tuple[int, str], box: Any, rules: Rules, *, part: bool
) -> Sequence[Point]:
    """Add a box; but of one that is a part of an object only give the points."""
    index, place = at_
    try:
        shape, points = read_box(box, path, place, rules)
    except DataError as problem:
        batch.fail(problem)
        return ()
    if part:
        return points
    outline = points if shape != RECTANGLE else ()
    batch.box(index, _label(box, rules), hull(points), outline, crowd=_is_crowd(box.get("flags")))
    return ()


def _shared(boxes: Sequence[Any], rules: Rules) -> set[_Group]:
    """Label and group_id of objects that were drawn as several outlines, as in labelme."""
    drawn = [box for box in boxes if isinstance(box, dict) and box.get("group_id") is not None]
    count = Counter(_group(box, rules) for box in drawn if box.get("shape_type") == "polygon")
    return {group for group, parts in count.items() if parts > 1}


def _group(box: Any, rules: Rules) -> _Group:
    if not isinstance(box, dict) or box.get("shape_type") != "polygon":
        return "", ""
    return _label(box, rules), repr(box.get("group_id"))


def _label(box: Mapping[str, Any], rules: Rules) -> str:
    found = find(box, "label", rules)
    return "" if found is None else str(found)


def _is_crowd(flags: Any) -> bool:
    """Whether a shape has the flag that `convert --to labelme` marks crowds with."""
    return isinstance(flags, dict) and flags.get("crowd") is True
