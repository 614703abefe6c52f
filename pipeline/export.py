"""`boxwright convert --to`: a set as another program's files, to be opened and mended there.

Pictures are linked into their places, annotations are in the format asked for, ``pictures.csv``
holds groups and origins, and ``manifest.json`` what the format had no place for.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline import manifest, prepared
from pipeline.arrange import Earlier, arrange, named
from pipeline.dataset import Dataset, strings
from pipeline.engine import Map
from pipeline.errors import BoxwrightError
from pipeline.formats import beside, pictures_csv, writers
from pipeline.formats.reading import Reading
from pipeline.formats.writers.pictures import Link, link, of_dataset
from pipeline.grouping import ways
from pipeline.images import SUFFIXES
from pipeline.progress import Track

if TYPE_CHECKING:
    from pipeline.convert import ConvertOptions

log = logging.getLogger(__name__)
KIND = beside.KIND
_SPLIT_BY = ("val", "test", "train_dev")


class Work(NamedTuple):
    """How work is done: mapped over files, with progress shown."""

    mapped: Map
    track: Track


def check(options: ConvertOptions) -> None:
    """What can be known to be wrong before anything is read.

    Raises:
        BoxwrightError: An unknown format, or options that it has no use for.
    """
    if options.to not in {"yolo", *writers.WRITERS}:
        known = ", ".join(["yolo", *writers.WRITERS])
        raise BoxwrightError(f"to: {options.to!r} is unknown; known: {known}.")
    if options.to != "yolo" and (options.folds or options.shapes):
        what = "folds" if options.folds else "shapes"
        raise BoxwrightError(f"{what}: only for the tree to train on, not --to {options.to}.")


def export(
    reading: Reading,
    out: Path,
    options: ConvertOptions,
    told: Mapping[str, Any],
    work: Work,
    *,
    force: bool = False,
) -> dict[str, Any]:
    """Write a source that has been read, checked and cleaned.

    Pictures keep the splits and groups that they have, if any, where no others are asked for.

    Args:
        reading: The source, after the steps on boxes.
        out: The folder to make or replace.
        options: How; `options.to` is one of `writers.WRITERS`.
        told: For the manifest.
        work: Maps over files, and shows progress.
        force: Replace `out`, whatever it is, and even if nothing has changed.

    Returns:
        The manifest, with "unchanged": whether `out` was already so.

    Raises:
        BoxwrightError: A name that cannot be written, labels in `out` that were mended since, or an
            `out` that is not ours.
    """
    dataset, arranged = _arranged(reading, options, *work)
    check_names(dataset)
    writer = writers.WRITERS[options.to]
    lost = writers.lost(dataset, writer.carries)
    made = {
        **told,
        "format": options.to,
        "aside": [pictures_csv.FILE, *writer.aside],
        "classes": list(dataset.classes),
        "splits": _summaries(dataset),
        "lost": lost,
        "content": prepared.content_hash(dataset, reading.headers),
        **arranged,
    }
    places = [
        writers.place(options.to, split, name)
        for split, name in zip(dataset.images.split, dataset.images.name, strict=True)
    ]
    before = manifest.read(out) or {}
    if not force and made.items() <= before.items() and all((out / p).is_file() for p in places):
        return {**before, "unchanged": True}
    if not force:
        _check_mended(out, before)
    with manifest.new_folder(out, KIND, force=force) as folder:
        links = [
            Link(path, f"{folder}/{place}", options.copy or reading.headers[path].rewritable)
            for path, place in zip(dataset.images.path, places, strict=True)
        ]
        made["copied"] = sum(work.mapped(link, links, "linking"))
        writers.write(options.to, folder, of_dataset(dataset), dataset.classes)
        pictures_csv.write(folder, dataset.images)
        made["labels"] = _annotations_hash(folder)
        manifest.write(folder, KIND, made)
    return {**made, "unchanged": False}


def _summaries(dataset: Dataset) -> dict[str, Any]:
    """How much there is in each split; a picture without a group is one of its own."""
    images = dataset.images
    groups = (group or name for group, name in zip(images.group, images.name, strict=True))
    grouped = replace(dataset, images=replace(images, group=strings(groups)))
    found = prepared.splits(grouped)
    return {name: prepared.summary(grouped, name) for name in found}


def _arranged(
    reading: Reading, options: ConvertOptions, mapped: Map, track: Track
) -> tuple[Dataset, dict[str, Any]]:
    """The pictures named, and grouped and split as far as that is asked for; and what is told."""
    reading = replace(reading, dataset=_apart(reading.dataset))
    if any(getattr(options, name) is not None for name in _SPLIT_BY):
        return arrange(reading, options, Earlier(), mapped, track)
    dataset = named(reading, options, mapped)
    if options.group is None:
        return dataset, {}
    by = [options.group] if isinstance(options.group, str) else options.group
    found = ways.group(reading, by, mapped, track)
    images = replace(dataset.images, group=found.key)
    return replace(dataset, images=images), {"grouped": list(found.notes)}


def _apart(dataset: Dataset) -> Dataset:
    """The pictures with names that no file of ours has; no splits where only some have one."""
    images = dataset.images
    without = [not split for split in images.split]
    if any(without) and not all(without):
        told = "%d of %d pictures have no split: splits are left out"
        log.warning(told, sum(without), len(without))
        images = replace(images, split=strings([""] * len(without)))
    ours = PurePosixPath(manifest.FILE).stem  # manifest.jpg would have its JSON there
    columns = zip(images.name, images.split, strict=True)
    names = (
        f"_{name}" if PurePosixPath(name).stem.casefold() == ours and not split else name
        for name, split in columns
    )
    return replace(dataset, images=replace(images, name=strings(names)))


def check_names(dataset: Dataset) -> None:
    """Refuse names that no file can hold, or that lead out of a folder.

    Raises:
        BoxwrightError: There is such a name.
    """
    images = dataset.images
    for name in images.name:
        parts = name.split("/")
        if not {"", ".", ".."}.isdisjoint(parts) or Path(name).is_absolute():
            raise BoxwrightError(f"{name!r} is no name of a picture: it leads out of the folder.")
    texts = {"picture": images.name, "group": images.group, "origin": images.origin}
    for what, values in {"class": dataset.classes, **texts}.items():
        _check_text(what, values)


def _check_text(what: str, values: Iterable[str]) -> None:
    for value in values:
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise BoxwrightError(
                f"the {what} {value!r} is no text that UTF-8 can hold.\n    -> rename it."
            ) from error


def _check_mended(out: Path, before: Mapping[str, Any]) -> None:
    """Refuse to replace labels that were changed since they were written.

    Raises:
        BoxwrightError: They were.
    """
    if before.get("kind") == KIND and before.get("labels") != _annotations_hash(out):
        raise BoxwrightError(
            f"{out}: its labels were changed since boxwright wrote them, and left as they are."
            "\n    -> choose another output folder, or --force to lose those changes."
        )


def _annotations_hash(folder: Path) -> str:
    """A hash of the files below a folder that are no pictures, but for the manifest."""
    told = hashlib.blake2b(digest_size=16)
    for name, path in sorted(_files(str(folder), "")):
        told.update(f"{name}\0".encode("utf-8", "surrogateescape"))
        told.update(hashlib.blake2b(Path(path).read_bytes(), digest_size=16).digest())
    return told.hexdigest()


def _files(folder: str, below: str) -> Iterable[tuple[str, str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _files(entry.path, f"{below}{entry.name}/")
            elif below + entry.name != manifest.FILE and not _is_picture(entry.name):
                yield below + entry.name, entry.path


def _is_picture(name: str) -> bool:
    return name[name.rfind(".") :].lower() in SUFFIXES
