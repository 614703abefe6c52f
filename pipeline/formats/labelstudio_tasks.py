"""Label Studio's JSON to plain records. No NumPy here: this runs in workers."""

from __future__ import annotations

import base64
import binascii
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from pipeline.errors import DataError
from pipeline.formats import figures, masks, values
from pipeline.formats.batch import FRACTIONS, Batch, Corners, Point, hull
from pipeline.formats.values import Object, Place
from pipeline.images import SUFFIXES

_SIDES = ("x", "y", "width", "height")
_UPLOADED = re.compile(r"[0-9a-f]{8}-(?=.)")  # what Label Studio puts before an uploaded name
_MINIMAL = ("annotation_id", "annotator")  # what tells a task of the minimal export
_PICTURE_KEYS = ("image", "img", "picture", "photo", "ocr", "image_url", "url")


class Rules(NamedTuple):
    """How to read a source's files.

    Attributes:
        names: Of the pictures there are, without their folders, case folded.
        group: Path of a task's field that holds the picture's group; "" for none.
        origin: The same for the origin.
    """

    names: frozenset[str]
    group: str = ""
    origin: str = ""


class _Region(NamedTuple):
    """What is drawn, in the unit of `scale`: pixels, or fractions of the picture's sides."""

    corners: Corners
    outline: Sequence[Point] = ()


def parse(files: Sequence[str], rules: Rules) -> Batch:
    """Read a shard of files; what is wrong in them is in the batch's `problems`."""
    batch = Batch()

    def one(number: int, path: str, data: bytes) -> None:
        content = values.load(path, data, batch.note)
        tasks = content if isinstance(content, list) else [content]
        annotated = any(_annotations(task) for task in tasks if isinstance(task, dict))
        seen: dict[str, str] = {}
        for index, task in enumerate(tasks):
            place = Place(path, f"[{index}]")
            try:
                place = Place(path, f"task {_id(values.mapping(task, place), index)}")
                said = _picture(task, rules.names, place)
                if said in seen:
                    raise DataError(*place, f"shows {said!r}, as {seen[said]} does")  # noqa: TRY301
                seen[said] = place.text
                drawn = _drawn(batch, task, place, annotated=annotated)
                kin = values.kin(task, (rules.group, rules.origin), place)
                scale = _scale(drawn, place)
            except DataError as problem:
                batch.problems.append(problem)
            else:
                batch.record(number, said, scale or FRACTIONS, kin)
                _regions(batch, _id(task, index), drawn, scale, place)

    values.each(batch, files, one)
    return batch


def _id(task: Object, index: int) -> int:
    """What a task is called in messages: its id, else its place in the file."""
    found = task.get("id")
    if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 2**63:
        return found
    return index


def _annotations(task: Object) -> Any:
    """What people drew: in the minimal export, the task itself."""
    if "data" not in task and not task.keys().isdisjoint(_MINIMAL):
        return [{"result": _minimal(task)}]
    return task.get("annotations") or task.get("completions")


def _minimal(task: Object) -> list[Object]:
    """The regions of a task of the minimal export, as the full one has them."""
    regions = []
    for value in task.values():
        for region in value if isinstance(value, list) else ():
            if isinstance(region, dict) and "original_width" in region:
                place = repr([region.get(key) for key in (*_SIDES, "points", "rotation")])
                regions.append({"id": place, "value": region} | region)
    return regions


def _drawn(batch: Batch, task: Object, place: Place, *, annotated: bool) -> list[Object]:
    """The results that count: of one annotation, or of one prediction.

    Raises:
        DataError: There is none.
    """
    found = _annotations(task) if annotated else task.get("predictions")
    if not found:
        fix = "annotate it, or --skip-bad leaves it out"
        raise DataError(*place, "is not annotated yet", fix)
    listed = [values.mapping(one, place) for one in values.sequence(found, place)]
    kept = [one for one in listed if not (one.get("was_cancelled") or one.get("skipped"))]
    if not kept:
        fix = "annotate it, or --skip-bad leaves it out"
        raise DataError(*place, "was skipped by whoever was to annotate it", fix)
    if len(kept) > 1:
        batch.note("tasks annotated several times; the ground truth is taken, else the latest")
    if not annotated:
        batch.note("tasks that nobody annotated yet; their predictions are taken")
    chosen = max(kept, key=_rank)
    return [values.mapping(one, place) for one in values.sequence(chosen.get("result", []), place)]


def _rank(annotation: Object) -> tuple[bool, str]:
    latest = annotation.get("updated_at") or annotation.get("created_at") or ""
    return annotation.get("ground_truth") is True, str(latest)


def _picture(task: Object, names: frozenset[str], place: Place) -> str:
    """The picture's path as the task has it, without what its address holds besides.

    Raises:
        DataError: It names none.
    """
    if "data" not in task and task.keys().isdisjoint(_MINIMAL):
        told = ", ".join(map(str, task)) or "none"
        raise DataError(*place, f"is no task of Label Studio (its keys: {told[:200]})")
    data = values.mapping(task.get("data", task), place.below("data"))
    said = {key: _path(value) for key, value in data.items() if isinstance(value, str)}
    pictures = {key: path for key, path in said.items() if _ending(path) in SUFFIXES}
    known = [key for key in _PICTURE_KEYS if key in pictures] or list(pictures)
    known += [key for key in _PICTURE_KEYS if key in said]
    if not known:
        told = ", ".join(map(str, data)) or "none"
        raise DataError(*place.below("data"), f"names no picture (its keys: {told[:200]})")
    path = said[known[0]]
    folder, base = posixpath.split(path)
    if base.casefold() not in names and _UPLOADED.match(base):
        return posixpath.join(folder, _UPLOADED.sub("", base, count=1))
    return path


def _ending(path: str) -> str:
    return posixpath.splitext(path)[1].lower()


def _path(address: str) -> str:
    """The path in an address: of an upload, of local files, of a store or of the web."""
    if "://" not in address and not address.startswith(("/data/", "/tasks/")):
        return address.replace("\\", "/").lstrip("/")
    try:
        parts = urlsplit(address)
        query = parse_qs(parts.query.replace("+", "%2B"))
    except ValueError:  # no address after all, or of thousands of fields
        return address
    if "d" in query:
        return query["d"][0].replace("\\", "/").lstrip("/")
    if "fileuri" in query:
        return _path(_unpacked(query["fileuri"][0]))
    return unquote(parts.path).removeprefix("/data/upload").lstrip("/")


def _unpacked(written: str) -> str:
    try:
        return base64.urlsafe_b64decode(written + "=" * (-len(written) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""


def _scale(drawn: Sequence[Object], place: Place) -> Point | None:
    """The picture's size, where the regions tell it.

    Raises:
        DataError: They tell several.
    """
    told: list[tuple[Any, Any]] = []
    for one in drawn:
        sides = (one.get("original_width"), one.get("original_height"))
        if None not in sides and sides not in told:
            told.append(sides)
    sizes = {values.size(*sides, place.below("original_width")) for sides in told}
    if len(sizes) > 1:
        raise DataError(*place, f"has regions of pictures of {len(sizes)} sizes")
    return sizes.pop() if sizes else None


def _regions(
    batch: Batch, number: int, drawn: Sequence[Object], scale: Point | None, place: Place
) -> None:
    """Add the boxes of a task to the last record."""
    together: defaultdict[str, list[Object]] = defaultdict(list)
    for index, result in enumerate(drawn):
        together[str(result.get("id") or f"result[{index}]")].append(result)
    for name, results in together.items():
        at = Place(place.path, f"{place.text} region {name[:60]!r}")
        try:
            region = next(filter(None, _shapes(batch, results, scale, at)), None)
            if region is None:
                _other(batch, results, at)
                continue
            label, crowd = _label(results, at), any(map(_crowd, results))
            batch.box(number, label, region.corners, region.outline, crowd=crowd)
        except DataError as problem:
            batch.fail(problem)


def _other(batch: Batch, results: Sequence[Object], place: Place) -> None:
    """Count what is said of the whole picture.

    Raises:
        DataError: It has labels, and so is drawn, in a way that is not known here.
    """
    for result in results:
        value = result.get("value")
        if isinstance(value, dict) and any(key.endswith("labels") for key in value):
            raise DataError(
                *place, f"is drawn in a way that is not read (keys: {', '.join(value)})"
            )
    what = "results that are no regions (choices, text and the like); left out"
    batch.note(what, len(results))


def _shapes(
    batch: Batch, results: Sequence[Object], scale: Point | None, place: Place
) -> Iterator[_Region | None]:
    for result in results:
        value = result.get("value")
        if isinstance(value, dict):
            turned = values.number(result.get("image_rotation") or 0, place)
            if turned % 360:
                batch.note("regions drawn on a turned view; taken as they lie on the picture")
            yield _region(batch, value, scale, place)


def _region(batch: Batch, value: Object, scale: Point | None, place: Place) -> _Region | None:
    """What a result draws; None where it draws nothing.

    Raises:
        DataError: What has no box.
    """
    unit = scale or (1.0, 1.0)
    if "points" in value:
        return _polygon(value["points"], unit, place)
    if "radiusX" in value:
        return _ellipse(value, scale, place)
    if "rle" in value:
        batch.note("masks; the box around each is kept")
        return _mask(value["rle"], scale, place)
    if "imageDataURL" in value:
        batch.note("masks; the box around each is kept")
        return _bitmask(value["imageDataURL"], scale, place)
    if "sequence" in value or "vertices" in value:
        what = "is of a video, or a line of vertices, which has no box"
        raise DataError(*place, what, "draw it as a rectangle or a polygon")
    if "x" in value and "height" not in value:
        what = "is a point, which has no box"
        raise DataError(*place, what, "draw it as a rectangle or a polygon")
    return _rectangle(value, scale, place) if "x" in value else None


def _rectangle(value: Object, scale: Point | None, place: Place) -> _Region:
    x, y, width, height = values.numbers(value, _SIDES, place)
    corners = _scaled([(x, y), (x + width, y + height)], scale)
    box = (*corners[0], *corners[1])
    turn = _turn(value, scale, place)
    if not turn:
        return _Region(box)
    outline = figures.turned(figures.rectangle(box), turn, corners[0])
    return _Region(hull(outline), outline)


def _ellipse(value: Object, scale: Point | None, place: Place) -> _Region:
    x, y, rx, ry = values.numbers(value, ("x", "y", "radiusX", "radiusY"), place)
    centre, radii = _scaled([(x, y), (rx, ry)], scale)
    outline = figures.ellipse(centre, radii, _turn(value, scale, place))
    return _Region(hull(outline), outline)


def _polygon(points: Any, unit: Point, place: Place) -> _Region:
    outline = _scaled(values.points(points, place), unit)
    if len(outline) < 3:
        raise DataError(*place, f"is a polygon of {len(outline)} points where 3 or more are due")
    return _Region(hull(outline), outline)


def _turn(value: Object, scale: Point | None, place: Place) -> float:
    turn = values.number(value.get("rotation") or 0, place.below("rotation")) % 360
    if turn and scale is None:
        what = "is turned, and original_width and original_height do not tell in what picture"
        raise DataError(*place, what, "export it again with them")
    return turn


def _scaled(percent: Sequence[Point], scale: Point | None) -> list[Point]:
    """Points in percent of the sides as pixels, or as fractions where the size is unknown."""
    width, height = scale or (1.0, 1.0)
    return [(x * width / 100, y * height / 100) for x, y in percent]


def _label(results: Sequence[Object], place: Place) -> str:
    """What the results of one region say that it is; "" where they do not."""
    found = {
        key.endswith("labels"): values.sequence(names, place.below(key))
        for result in reversed(results)
        if isinstance(result.get("value"), dict)
        for key, names in result["value"].items()
        if key.endswith("labels") or key == "choices"
    }
    names = found.get(True) or found.get(False) or []
    if len(names) > 1:
        raise DataError(*place, f"has {len(names)} labels where one is due: {names!r:.200}")
    return values.string(names[0], place) if names else ""


def _bitmask(written: Any, scale: Point | None, place: Place) -> _Region:
    """The box around a mask that is a PNG in an address of its own, as large as the picture."""
    address = values.string(written, place.below("imageDataURL"))
    try:
        data = base64.b64decode(address.rpartition(",")[2])
    except (binascii.Error, ValueError) as error:
        raise DataError(*place, f"is a mask that cannot be unpacked ({error})") from error
    corners, size = masks.png(data, place)
    if scale is None or size != (int(scale[0]), int(scale[1])):
        raise DataError(*place, "is a mask of another size than its picture is said to be")
    return _Region(corners)


def _crowd(result: Object) -> bool:
    """Whether its note says so, as boxwright writes it."""
    told = values.at(result, "meta.text")
    return isinstance(told, list) and "crowd" in told


def _mask(packed: Any, scale: Point | None, place: Place) -> _Region:
    """The box around a mask."""
    if scale is None:
        what = "is a mask, and original_width and original_height do not tell in what picture"
        raise DataError(*place, what, "export it again with them")
    listed = values.sequence(packed, place.below("rle"))
    try:
        data = bytes(listed)
    except (TypeError, ValueError) as error:
        raise DataError(*place, "is a mask of what are no bytes") from error
    return _Region(masks.packed(data, (int(scale[0]), int(scale[1])), place))
