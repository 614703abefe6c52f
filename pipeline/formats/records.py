"""What annotation files say of pictures, gathered into a data set.

A reader has a function that parses a shard of files into a `Batch` of records. A record is what
a file says of one picture: its name, the size that the file claims for it, its boxes. A file may
hold one record or many; a record without boxes is a background picture. `read` does the rest, for
every format alike: finds the files, pairs records with pictures, reads the pictures' headers,
brings the coordinates to the pictures' scale and turn, and tells what is wrong::

    KIND = Kind(suffix=".xml", files="XML", place="object[{}]", size="size", image="filename")

    def read(root, options=None, mapped=in_process):
        return records.read(root, KIND, parse, options or ReadOptions(), mapped)

    def parse(files):
        batch = Batch()
        for number, path in enumerate(files):
            batch.record(number, "a.jpg", (640.0, 480.0))
            batch.box(0, "cat", (10, 20, 110, 220))
        return batch
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import NamedTuple

import numpy as np

from pipeline.dataset import Bools, Boxes, Dataset, Images, Ints, Outlines, Strings
from pipeline.engine import Map
from pipeline.errors import BoxwrightError, DataError, DataErrors
from pipeline.formats import scaling
from pipeline.formats.batch import Batch
from pipeline.formats.pairing import Pairing
from pipeline.formats.reading import (
    Reading,
    ReadOptions,
    Tree,
    background_pictures,
    read_pictures,
    scan,
)
from pipeline.formats.record_columns import Kind, Records, join
from pipeline.formats.scaling import Fit, fit, place
from pipeline.images import Header

__all__ = ["Found", "Kind", "find", "gather", "read"]
_IMAGES = ("images", "JPEGImages")  # beside a folder of annotations


class Found(NamedTuple):
    """The files of a source.

    Attributes:
        tree: Its annotation files and pictures.
        images: The folder that the pictures are named below.
        backgrounds: Path by name of the pictures that need no annotation.
        strict: Whether every picture must be spoken of: not where one file is the source.
    """

    tree: Tree
    images: Path
    backgrounds: dict[str, str]
    strict: bool


def read(
    root: Path,
    kind: Kind,
    parse: Callable[[Sequence[str]], Batch],
    options: ReadOptions,
    mapped: Map,
) -> Reading:
    """Read a source of annotation files and pictures.

    Args:
        root: The folder that holds both, sub-folders included; or one annotation file.
        kind: What the format calls its things.
        parse: Reads a shard of files; runs in workers, so its module should import little.
        options: How to read it.
        mapped: Maps over files (`engine.shards`).

    Returns:
        Pictures in the order of their names; boxes with their corners in order, at the picture's
        scale, not yet clipped. What could not be read is in `problems`.

    Raises:
        BoxwrightError: No such folder, no pictures or no annotation files in it.
        DataErrors: Not one picture can be read.
    """
    found = find(root, kind, options)
    files = list(found.tree.annotations.values())
    batches = mapped(parse, files, f"reading {kind.files}")
    return gather(found, kind, batches, options, mapped)


def _none(_: Tree) -> dict[str, str]:
    return {}


def find(
    root: Path,
    kind: Kind,
    options: ReadOptions,
    more: Callable[[Tree], dict[str, str]] = _none,
) -> Found:
    """The annotation files and the pictures of a source, before anything is parsed.

    A reader that knows better which files are annotations takes its own from
    ``found.tree.annotations`` (names in their order) before it parses them and calls `gather`.

    Args:
        root: The folder, or one file.
        kind: What the format calls its things.
        options: How to read it.
        more: Gives pictures that are no files of the source, by name.

    Raises:
        BoxwrightError: No such folder, no pictures or no annotation files in it.
    """
    tree, images = _around(root, options) if root.is_file() else _below(root, kind, options)
    tree = replace(tree, pictures=tree.pictures | more(tree))
    if not tree.pictures:
        raise BoxwrightError(
            f"{images}: no pictures here.\n    -> give the folder of the pictures as --images."
        )
    if not tree.annotations:
        raise BoxwrightError(
            f"{root}: pictures, but no {kind.files}."
            "\n    -> give the folder that holds both, or `images`."
        )
    backgrounds = background_pictures(options.backgrounds, tree)
    return Found(tree, images, backgrounds, strict=not root.is_file())


def _below(root: Path, kind: Kind, options: ReadOptions) -> tuple[Tree, Path]:
    """A folder's annotation files and pictures, and the folder that pictures are named below."""
    tree = scan(root, kind.suffix, options.exclude)
    if not options.images:
        return tree, root
    pictures = scan(options.images, "", options.exclude).pictures
    return replace(tree, pictures=pictures), options.images


def _around(file: Path, options: ReadOptions) -> tuple[Tree, Path]:
    """One file and the pictures around it: below its folder, else in a folder of images beside."""
    here = file.absolute().parent
    places = [here, *(here.parent / name for name in _IMAGES)]
    pictures: dict[str, str] = {}
    images = here
    for images in [options.images] if options.images else filter(Path.is_dir, places):
        pictures = scan(images, "", options.exclude).pictures
        if pictures:
            break
    return Tree(here, pictures, {file.name: str(file)}), images


def gather(
    found: Found, kind: Kind, batches: Sequence[Batch], options: ReadOptions, mapped: Map
) -> Reading:
    """Pair the records of parsed files with pictures, and make columns of them.

    Args:
        found: The files of the source, from `find`.
        kind: What the format calls its things.
        batches: A batch for each shard of ``found.tree.annotations``, in order.
        options: How to read it.
        mapped: Maps over files (`engine.shards`).

    Raises:
        BoxwrightError: No files.
        DataErrors: Not one picture can be read.
    """
    tree = found.tree
    if not batches:
        raise BoxwrightError(f"{tree.root}: no {kind.files} of this format here.")
    records = join(batches, list(tree.annotations.values()), kind)
    records.named = _pair(records, found, by_name=options.pair == "name")
    named = {name: tree.pictures[name] for name in records.named if name}
    wanted = named | found.backgrounds
    if found.strict:
        records.problems += _alone(records, tree, wanted)
    else:
        records.note("pictures that the file does not speak of; left out", tree, wanted)
    images, headers, damaged = read_pictures(wanted, mapped)
    records.problems += damaged
    if not len(images):
        raise DataErrors(records.problems)
    return _assemble(tree.root, records, images, headers, options.scale)


def _pair(records: Records, files: Found, *, by_name: bool) -> list[str]:
    """The name of each record's picture; "" where there is none, and a problem says why."""
    pairing = Pairing(files.tree, str(files.images), by_name=by_name, field=records.kind.image)
    name_of = {path: name for name, path in files.tree.annotations.items()}
    several = _of_several(records)
    taken: dict[str, str] = {}
    found = []
    columns = zip(records.file, records.image, records.flat, strict=True)
    for record, (path, said, flat) in enumerate(columns):
        try:
            picture = pairing.find(name_of[path], path, said, alone=path not in several)
            first = taken.setdefault(picture, path)
            if first != path and not flat:
                raise DataError(  # noqa: TRY301
                    path,
                    "",
                    f"speaks of the same picture as {first}",
                    "remove one of them, or --pair name to go by the files' own names",
                )
        except DataError as problem:
            records.fail(record, problem)
            picture = ""
        found.append(picture)
    if pairing.stale:
        what = f"{records.kind.files} files naming a picture that is gone; paired by file name"
        records.notes[what] = pairing.stale
    return found


def _of_several(records: Records) -> set[str]:
    """Files that speak of more than one picture: their own name is then no picture's."""
    said: dict[str, str] = {}
    return {
        path
        for path, image in zip(records.file, records.image, strict=True)
        if said.setdefault(path, image) != image
    }


def _alone(records: Records, tree: Tree, wanted: dict[str, str]) -> list[DataError]:
    """Pictures that no file speaks of; not those whose file could not be read."""
    unread = {PurePath(path).stem for path in records.unread}
    fix = "annotate it, remove it, or give its folder as --background"
    return [
        DataError(path, "", f"is a picture without {records.kind.files}", fix)
        for name, path in tree.pictures.items()
        if name not in wanted and PurePath(name).stem not in unread
    ]


def _assemble(
    root: Path,
    records: Records,
    images: Images,
    headers: dict[str, Header],
    scale: float | None,
) -> Reading:
    """Columns from the records whose picture is there, at their pictures' scale."""
    row_of = {name: row for row, name in enumerate(images.name)}
    row = np.array([row_of.get(name, -1) for name in records.named], dtype=np.int64)
    images, source = _facts(records, row, images)
    orientation = np.array([headers[path].orientation for path in images.path], dtype=np.int64)
    how = fit(records.size, images.size[row], orientation[row], scale)
    _tell(records, how, row, images)
    of_box = np.repeat(np.arange(len(row)), records.counts)
    boxes = _boxes(records, how, row, of_box)
    order = np.argsort(boxes.image, kind="stable")
    order = order[((row >= 0) & how.agrees)[of_box[order]]]
    reading = Reading(
        dataset=Dataset(root, tuple(records.labels), images, boxes.take(order)),
        source=source,
        place=records.place[order],
        place_name=records.kind.place,
        headers=headers,
        problems=records.problems,
        notes=dict(records.notes),
    )
    return reading.keep_images(~_without_their_boxes(records, row, reading))


def _facts(records: Records, row: Ints, images: Images) -> tuple[Images, Strings]:
    """The pictures with their groups and origins; and the file that speaks of each."""
    source, group, origin = (images.group.copy() for _ in range(3))
    for record in np.flatnonzero(row >= 0).tolist():
        source[row[record]] = records.file[record]
        group[row[record]] = records.group[record]
        origin[row[record]] = records.origin[record]
    return replace(images, group=group, origin=origin), source


def _boxes(records: Records, how: Fit, row: Ints, of_box: Ints) -> Boxes:
    """All boxes, those without a picture too, in the order of their records `of_box` (M,)."""
    ends = place(records.corners.reshape(-1, 2), np.repeat(of_box, 2), how).reshape(-1, 2, 2)
    of_point = np.repeat(of_box, np.diff(records.outline.start))
    return Boxes.of(
        row[of_box],
        records.label,
        np.concatenate([ends.min(axis=1), ends.max(axis=1)], axis=1),
        crowd=records.crowd,
        outline=Outlines(place(records.outline.points, of_point, how), records.outline.start),
    )


def _tell(records: Records, how: Fit, row: Ints, images: Images) -> None:
    """Count what was rescaled and turned; a problem for each size that disagrees."""
    known, files, size = row >= 0, records.kind.files, records.size
    records.notes.update(scaling.told(how.take(known), size[known], files))
    for record in np.flatnonzero(known & ~how.agrees).tolist():
        file, where, shown = records.file[record], records.kind.size, images.size[row[record]]
        records.fail(record, scaling.disagrees(file, where, size[record], shown, files))


def _without_their_boxes(records: Records, row: Ints, reading: Reading) -> Bools:
    """Pictures that would pass for background because none of their boxes could be read."""
    pictures = len(reading.source)
    count = np.bincount(reading.dataset.boxes.image, minlength=pictures)
    failed = np.bincount(row[records.failed & (row >= 0)], minlength=pictures)
    lost: Bools = (failed > 0) & (count == 0)
    return lost
