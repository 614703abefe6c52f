"""Corner JSON: a labelme-like file beside each picture, or flat records, or lists of either.

What vendors really ship, all of it handled, told and counted: corners in any order, coordinates
at another scale than the picture, polygons and circles, files in cp949 or with a byte-order mark,
annotations in another folder than the pictures, stale `imagePath`s. See docs/formats.md.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePath

import numpy as np

from pipeline.dataset import Bools, Boxes, Dataset, Floats, Images, Ints, Outlines
from pipeline.engine import SHARD, Map, in_process
from pipeline.errors import BoxwrightError, DataError, DataErrors
from pipeline.formats import corner_json
from pipeline.formats.corner_json import FIELDS, Batch, Rules
from pipeline.formats.pairing import Pairing
from pipeline.formats.reading import (
    Reading,
    ReadOptions,
    Tree,
    background_pictures,
    read_pictures,
    scan,
)
from pipeline.formats.scaling import Fit, fit, place
from pipeline.images import Header


def read(root: Path, options: ReadOptions | None = None, mapped: Map = in_process) -> Reading:
    """Read a folder of pictures and corner JSON, with all its sub-folders.

    Args:
        root: The folder.
        options: How to read it.
        mapped: Maps over files (`engine.shards`).

    Returns:
        Pictures in the order of their names; boxes with their corners in order, at the picture's
        scale, not yet clipped. What could not be read is in `problems`.

    Raises:
        BoxwrightError: No such folder, no pictures or no JSON in it, unknown field names.
        DataErrors: Not one picture can be read.
    """
    options = options or ReadOptions()
    _check(options)
    tree, backgrounds = _scan(root, options)
    files = list(tree.annotations.values())
    parse = partial(corner_json.parse, rules=Rules(options.fields, options.group, options.origin))
    records = _join(mapped(parse, files, "reading JSON"), files)
    records.named = _pair(records, tree, options)
    wanted = {name: tree.pictures[name] for name in records.named if name} | backgrounds
    records.problems += _alone(tree, wanted, records.failed)
    images, headers, damaged = read_pictures(wanted, mapped)
    records.problems += damaged
    if not len(images):
        raise DataErrors(records.problems)
    reading = _assemble(root, records, images, headers, options.scale)
    lost = _without_their_boxes(records, reading)
    return reading.keep_images(~lost)


def _check(options: ReadOptions) -> None:
    for name in options.fields:
        if name not in FIELDS:
            raise BoxwrightError(f"fields: no field {name!r}; known: {', '.join(FIELDS)}")


def _scan(root: Path, options: ReadOptions) -> tuple[Tree, dict[str, str]]:
    """The files below the root, and the pictures among them that need no JSON."""
    tree = scan(root, ".json", options.exclude)
    pictures = scan(options.images, "", options.exclude).pictures if options.images else None
    if pictures is not None:
        tree = replace(tree, pictures=pictures)
    backgrounds = background_pictures(options.backgrounds, tree)
    if not tree.pictures:
        raise BoxwrightError(f"{options.images or root}: no pictures here.")
    if not tree.annotations:
        raise BoxwrightError(
            f"{root}: pictures, but no JSON.\n    -> give the folder that holds both, or `images`."
        )
    return tree, backgrounds


@dataclass
class _Records:
    """The batches as one: see `corner_json.Batch` for the columns.

    Attributes:
        file: (R,) path of each record's file.
        named: (R,) name of each record's picture; "" where there is none.
        failed: Files with something that could not be read.
    """

    file: list[str]
    image: list[str]
    flat: bytes
    size: Floats
    group: list[str]
    origin: list[str]
    counts: Ints
    place: Ints
    label: Ints
    labels: list[str]
    corners: Floats
    outline: Outlines
    failed: set[str]
    problems: list[DataError]
    notes: Counter[str]
    named: list[str] = field(default_factory=list)


def _join(batches: list[Batch], files: list[str]) -> _Records:
    labels: dict[str, int] = {}
    label, paths, problems = [], [], []
    for number, batch in enumerate(batches):
        shard = files[number * SHARD : (number + 1) * SHARD]
        names = [labels.setdefault(name, len(labels)) for name in batch.labels]
        label.append(np.array(names, dtype=np.int64)[_ints(batch.label)])
        paths += [shard[file] for file in batch.file]
        problems += batch.problems
    points = np.concatenate([_floats(b.outline) for b in batches]).reshape(-1, 2)
    counts = np.concatenate([_ints(b.outline_counts) for b in batches])
    return _Records(
        file=paths,
        image=[image for b in batches for image in b.image],
        flat=b"".join(bytes(b.flat) for b in batches),
        size=np.concatenate([_floats(b.size) for b in batches]).reshape(-1, 2),
        group=[group for b in batches for group in b.group],
        origin=[origin for b in batches for origin in b.origin],
        counts=np.concatenate([_ints(b.counts) for b in batches]),
        place=np.concatenate([_ints(b.place) for b in batches]),
        label=np.concatenate(label),
        labels=list(labels),
        corners=np.concatenate([_floats(b.corners) for b in batches]).reshape(-1, 4),
        outline=Outlines.of_counts(points, counts),
        failed={problem.path for problem in problems},
        problems=problems,
        notes=sum((Counter(b.notes) for b in batches), Counter[str]()),
    )


def _ints(column: array[int]) -> Ints:
    return np.frombuffer(column, dtype=np.int64)


def _floats(column: array[float]) -> Floats:
    return np.frombuffer(column, dtype=np.float64)


def _pair(records: _Records, tree: Tree, options: ReadOptions) -> list[str]:
    """The name of each record's picture; "" where there is none, and a problem says why."""
    pairing = Pairing(tree, str(options.images or tree.root), by_name=options.pair == "name")
    name_of = {path: name for name, path in tree.annotations.items()}
    taken: dict[str, str] = {}
    found = []
    for path, said, flat in zip(records.file, records.image, records.flat, strict=True):
        try:
            picture = pairing.find(name_of[path], path, said)
            first = taken.setdefault(picture, path)
            if first != path and not flat:
                raise DataError(  # noqa: TRY301
                    path,
                    "",
                    f"speaks of the same picture as {first}",
                    "remove one of them, or --pair name to go by the files' own names",
                )
        except DataError as problem:
            records.problems.append(problem)
            records.failed.add(path)
            picture = ""
        found.append(picture)
    if pairing.stale:
        records.notes["JSON files naming a picture that is gone; paired by file name"] = (
            pairing.stale
        )
    return found


def _alone(tree: Tree, wanted: dict[str, str], failed: set[str]) -> list[DataError]:
    """Pictures that no JSON speaks of; not those whose JSON could not be read."""
    unread = {PurePath(path).stem for path in failed}
    fix = "annotate it, remove it, or give its folder as --background"
    return [
        DataError(path, "", "is a picture without JSON", fix)
        for name, path in tree.pictures.items()
        if name not in wanted and PurePath(name).stem not in unread
    ]


def _assemble(
    root: Path,
    records: _Records,
    images: Images,
    headers: dict[str, Header],
    scale: float | None,
) -> Reading:
    """Columns from the records whose picture is there, at their pictures' scale."""
    row_of = {name: row for row, name in enumerate(images.name)}
    row = np.array([row_of.get(name, -1) for name in records.named], dtype=np.int64)
    source, group, origin = (images.group.copy() for _ in range(3))
    for record in np.flatnonzero(row >= 0).tolist():
        source[row[record]] = records.file[record]
        group[row[record]] = records.group[record]
        origin[row[record]] = records.origin[record]
    orientation = np.array([headers[path].orientation for path in images.path], dtype=np.int64)
    how = fit(records.size, images.size[row], orientation[row], scale)
    _tell(records, how, row, images)

    of_box = np.repeat(np.arange(len(row)), records.counts)
    ends = place(records.corners.reshape(-1, 2), np.repeat(of_box, 2), how).reshape(-1, 2, 2)
    of_point = np.repeat(of_box, np.diff(records.outline.start))
    boxes = Boxes.of(
        row[of_box],
        records.label,
        np.concatenate([ends.min(axis=1), ends.max(axis=1)], axis=1),
        outline=Outlines(place(records.outline.points, of_point, how), records.outline.start),
    )
    order = np.argsort(boxes.image, kind="stable")
    order = order[((row >= 0) & how.agrees)[of_box[order]]]
    return Reading(
        dataset=Dataset(
            root,
            tuple(records.labels),
            replace(images, group=group, origin=origin),
            boxes.take(order),
        ),
        source=source,
        place=records.place[order],
        place_name="shapes[{}]",
        headers=headers,
        problems=records.problems,
        notes=dict(records.notes),
    )


def _tell(records: _Records, how: Fit, row: Ints, images: Images) -> None:
    """Count what was rescaled and turned; a problem for each size that disagrees."""
    known = row >= 0
    scaled = known & how.agrees & (np.abs(how.factor - 1) > 1e-9).any(axis=1)
    told = {
        "pictures whose JSON was at another scale; boxes rescaled": scaled & (how.turn == 1),
        "pictures whose JSON was drawn before the EXIF turn; boxes turned": known & (how.turn > 1),
    }
    records.notes.update({what: int(rows.sum()) for what, rows in told.items() if rows.any()})
    for record in np.flatnonzero(known & ~how.agrees).tolist():
        claimed, shown = records.size[record], images.size[row[record]]
        records.failed.add(records.file[record])
        records.problems.append(
            DataError(
                records.file[record],
                "imageWidth, imageHeight",
                f"say {claimed[0]:g}x{claimed[1]:g}, but the picture is {shown[0]}x{shown[1]}: "
                "another aspect",
                "is it the JSON of another picture, or was the picture cropped?",
            )
        )


def _without_their_boxes(records: _Records, reading: Reading) -> Bools:
    """Pictures that would pass for background because none of their boxes could be read."""
    count = np.bincount(reading.dataset.boxes.image, minlength=len(reading.source))
    failed = np.array([path in records.failed for path in reading.source], dtype=bool)
    lost: Bools = failed & (count == 0)
    return lost
