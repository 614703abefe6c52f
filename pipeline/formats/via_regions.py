"""VIA's JSON and CSV to plain records. No NumPy here: this runs in workers."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from pipeline.errors import DataError
from pipeline.formats import figures, values, via3
from pipeline.formats.batch import NO_SIZE, Batch, Corners, Point, hull
from pipeline.formats.values import Object, Place

# What the attribute that is the class is called, where there are several; the first that is there.
CLASS_NAMES = ("class", "label", "class_name", "category", "object", "objects", "type", "name")
_COLUMNS = ("filename", "region_shape_attributes", "region_attributes")
_LONGEST = 100_000_000  # characters of a field: polygons may be long


class Rules(NamedTuple):
    """How to read a source's files.

    Attributes:
        label: Attribute of a region that is its class; "" to tell by their names.
        group: Path in a picture's entry of the field that holds its group; "" for none.
        origin: The same for the origin.
    """

    label: str
    group: str = ""
    origin: str = ""


class _Entry(NamedTuple):
    """What a file says of one picture.

    Attributes:
        name: Of the picture.
        number: Of the entry, for messages: its place, or its line.
        about: All that is said of it, for group and origin.
        regions: Number and content of each.
    """

    name: str
    number: int
    about: Object
    regions: list[tuple[int, Any]]


def parse(files: Sequence[str], rules: Rules) -> Batch:
    """Read a shard of JSON files; what is wrong in them is in the batch's `problems`."""
    batch = Batch()

    def one(number: int, path: str, data: bytes) -> None:
        content = values.mapping(values.load(path, data, batch.note), Place(path))
        if via3.is_project(content):
            project, declared = via3.entries(content, path)
        else:
            project = values.mapping(content.get("_via_img_metadata", content), Place(path))
            declared = values.at(content, "_via_attributes.region")
        entries = _entries(batch, project, path, _folder(content))
        _add(batch, number, path, entries, _class_of(entries, declared, rules, path), rules)

    values.each(batch, files, one)
    return batch


def _folder(content: Object) -> str:
    """The folder that a project says its pictures are in."""
    found = values.at(content, "_via_settings.core.default_filepath")
    return found if isinstance(found, str) else ""


def _entries(batch: Batch, project: Object, path: str, folder: str) -> list[_Entry]:
    entries = []
    for number, (key, about) in enumerate(project.items(), 1):
        place = Place(path, f"{key[:80]!r}")
        try:
            entry = values.mapping(about, place)
            name = values.string(entry.get("filename"), place.below("filename"))
            regions = entry.get("regions", [])
            if isinstance(regions, dict):  # as version 1 has them
                regions = list(regions.values())
            listed = values.sequence(regions, place.below("regions"))
            named = [(number, region) for region in listed]
            entries.append(_Entry(_said(name, folder), number, entry, named))
        except DataError as problem:
            batch.problems.append(problem)
    return entries


def _said(name: str, folder: str) -> str:
    """The picture's path: VIA takes addresses of the web too."""
    if "://" in name:
        return unquote(urlsplit(name).path).lstrip("/")
    folder = folder.replace("\\", "/")
    elsewhere = folder.startswith(("/", "..")) or ":" in folder
    return name if elsewhere else folder + name


def parse_csv(files: Sequence[str], rules: Rules) -> Batch:
    """Read a shard of CSV files; what is wrong in them is in the batch's `problems`."""
    batch = Batch()

    def one(number: int, path: str, data: bytes) -> None:
        entries = _table(batch, path, values.text(path, data, batch.note))
        _add(batch, number, path, entries, _class_of(entries, None, rules, path), rules)

    values.each(batch, files, one)
    return batch


def _table(batch: Batch, path: str, text: str) -> list[_Entry]:
    """The rows of a file, those of one picture together."""
    csv.field_size_limit(_LONGEST)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    entries: dict[tuple[str, str], _Entry] = {}
    try:
        columns = _columns(next(reader, []), path)
        for cells in reader:
            place = Place(path, f"line {reader.line_num}")
            if cells:
                _row(
                    batch, entries, dict(zip(columns, cells, strict=False)), reader.line_num, place
                )
    except csv.Error as error:
        what = f"is no table ({error})"
        raise DataError(path, f"line {reader.line_num}", what, "export it again") from error
    return list(entries.values())


def _columns(head: Sequence[str], path: str) -> list[str]:
    columns = [name.strip().lstrip("#") for name in head]
    missing = [name for name in _COLUMNS if name not in columns]
    if missing:
        raise DataError(path, "line 1", f"is no VIA CSV: it has no column {', '.join(missing)}")
    return columns


def _row(
    batch: Batch,
    entries: dict[tuple[str, str], _Entry],
    row: Mapping[str, str],
    line: int,
    place: Place,
) -> None:
    try:
        missing = [name for name in _COLUMNS if name not in row]
        if missing:
            raise DataError(*place, f"is cut short: it has no {', '.join(missing)}")  # noqa: TRY301
        of_file, shape, attributes = (
            values.mapping(values.load(place.path, row.get(name, "{}").encode(), batch.note), place)
            for name in ("file_attributes", *_COLUMNS[1:])
        )
    except DataError as problem:
        batch.problems.append(DataError(*place, problem.problem, problem.fix))
        return
    about: Object = {**row, "file_attributes": of_file}
    key = (row["filename"], row.get("file_size", ""))
    entry = entries.setdefault(key, _Entry(_said(row["filename"], ""), line, about, []))
    if shape:
        region = {"shape_attributes": shape, "region_attributes": attributes}
        entry.regions.append((line, region))


def _class_of(entries: Iterable[_Entry], declared: Any, rules: Rules, path: str) -> str:
    """The attribute that is the class; "" where regions have none."""
    if rules.label:
        return rules.label
    if isinstance(declared, dict) and declared:
        names = list(declared)
    else:
        regions = (region for entry in entries for _, region in entry.regions)
        held = (values.at(region, "region_attributes") for region in regions)
        names = list(dict.fromkeys(name for one in held if isinstance(one, dict) for name in one))
    if len(names) < 2:
        return names[0] if names else ""
    lower = {name.lower().strip(): name for name in names}
    known = [lower[name] for name in CLASS_NAMES if name in lower]
    if not known:
        told = ", ".join(map(repr, names))
        fix = "say in the config which one it is: fields: {label: NAME}"
        raise DataError(path, "", f"has regions of several attributes ({told[:200]})", fix)
    return known[0]


def _add(
    batch: Batch, number: int, path: str, entries: Iterable[_Entry], attribute: str, rules: Rules
) -> None:
    seen: set[str] = set()
    for entry in entries:
        place = Place(path, repr(entry.name[:80]))
        try:
            if entry.name in seen:
                raise DataError(*place, "stands there twice")  # noqa: TRY301
            seen.add(entry.name)
            kin = values.kin(entry.about, (rules.group, rules.origin), place)
        except DataError as problem:
            batch.problems.append(problem)
            continue
        batch.record(number, entry.name, NO_SIZE, kin)
        for index, (of, region) in enumerate(entry.regions):
            at = place.below(f"regions[{index}]")
            try:
                corners, outline = _shape(region, at)
                batch.box(of, _label(region, attribute, at), corners, outline)
            except DataError as problem:
                batch.fail(problem)


def _shape(region: Any, place: Place) -> tuple[Corners, Sequence[Point]]:
    """The box of a region, and its outline but of a rectangle."""
    shape = values.mapping(values.mapping(region, place).get("shape_attributes"), place)
    name = shape.get("name")
    if name == "rect":
        x, y, width, height = values.numbers(shape, ("x", "y", "width", "height"), place)
        return (x, y, x + width, y + height), ()
    if name == "circle":
        x, y, radius = values.numbers(shape, ("cx", "cy", "r"), place)
        outline = figures.ellipse((x, y), (radius, radius))
    elif name == "ellipse":
        x, y, rx, ry = values.numbers(shape, ("cx", "cy", "rx", "ry"), place)
        turn = values.number(shape.get("theta", 0), place.below("theta"))
        outline = figures.ellipse((x, y), (rx, ry), math.degrees(turn))
    elif name == "polygon":
        outline = _polygon(shape, place)
    else:
        what = f"is a {values.kind(name)}, which has no box"
        raise DataError(*place, what, "draw it as a rectangle or a polygon")
    return hull(outline), outline


def _polygon(shape: Object, place: Place) -> list[Point]:
    xs, ys = (
        [
            values.number(one, place.below(key))
            for one in values.sequence(shape.get(key), place.below(key))
        ]
        for key in ("all_points_x", "all_points_y")
    )
    if len(xs) != len(ys) or len(xs) < 3:
        what = f"is a polygon of {len(xs)} x and {len(ys)} y, where 3 or more of both are due"
        raise DataError(*place, what)
    return list(zip(xs, ys, strict=True))


def _label(region: Object, attribute: str, place: Place) -> str:
    """The class: a text, or the one option that is ticked; "" where there is none."""
    held = region.get("region_attributes")
    value = held.get(attribute) if isinstance(held, dict) else None
    if isinstance(value, dict):
        ticked = [option for option, on in value.items() if on is True]
        if len(ticked) > 1:
            told = ", ".join(map(repr, ticked))
            raise DataError(*place, f"is ticked as {told[:200]}, where one is due")
        return ticked[0] if ticked else ""
    if value is None or isinstance(value, str):
        return (value or "").strip()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise DataError(*place, f"has the {attribute} {values.kind(value)}, which is no class")
