"""What reading a source gives: a data set, and what the user must hear of it."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from pipeline import manifest
from pipeline.dataset import Bools, Dataset, Images, Ints, Strings
from pipeline.engine import Map
from pipeline.errors import BoxwrightError, DataError
from pipeline.images import SUFFIXES, Header, read_headers


@dataclass(frozen=True)
class ReadOptions:
    """How to read a source; each format takes what it has a use for.

    Attributes:
        images: Folder of the pictures, where it is not the annotations'.
        backgrounds: Folders of pictures that need no annotation.
        fields: Paths of fields by name, where a vendor's differ: {"x1": "box.left"}.
        scale: How many times larger the coordinates are than the picture, where the file does
            not tell its own size.
        pair: "auto": a picture is the one that the JSON names, else the one of the JSON's own
            name; "name": always the latter.
        group: Path of a JSON field that holds the picture's group; "" for none.
        origin: The same for the picture's origin.
        exclude: Patterns of file names to leave out.
        corners_from: What Pascal VOC's corners are counted from, 0 or 1; None to tell by them.
    """

    images: Path | None = None
    backgrounds: Sequence[Path] = ()
    fields: dict[str, str] = field(default_factory=dict)
    scale: float | None = None
    pair: Literal["auto", "name"] = "auto"
    group: str = ""
    origin: str = ""
    exclude: Sequence[str] = ()
    corners_from: Literal[0, 1] | None = None


@dataclass(frozen=True)
class Reading:
    """A source as read, before any step.

    Attributes:
        dataset: Its classes are the labels as written.
        source: (N,) the annotation file of each picture; "" where there is none.
        place: (M,) index of each box in its file.
        place_name: How a place is written in messages: "shapes[{}]".
        place_names: (N,) the same for each picture, where sources of several formats were joined.
        headers: What the header of each picture says, by its path.
        problems: Everything that could not be read.
        notes: What was met on the way and is worth telling, counted.
    """

    dataset: Dataset
    source: Strings
    place: Ints
    place_name: str
    headers: dict[str, Header] = field(default_factory=dict)
    problems: list[DataError] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)
    place_names: Strings | None = None

    def where(self, box: int) -> tuple[str, str]:
        """The file and the place in it of one box, for messages."""
        image = self.dataset.boxes.image[box]
        name = self.place_name if self.place_names is None else self.place_names[image]
        return self.source[image], name.format(self.place[box])

    def keep_images(self, mask: Bools) -> Reading:
        """Only the pictures where `mask` (N,) is true, with their boxes."""
        return replace(
            self,
            dataset=self.dataset.keep_images(mask),
            source=self.source[mask],
            place_names=None if self.place_names is None else self.place_names[mask],
            place=self.place[mask[self.dataset.boxes.image]],
        )

    def keep_boxes(self, mask: Bools) -> Reading:
        """Only the boxes where `mask` (M,) is true."""
        return replace(self, dataset=self.dataset.keep_boxes(mask), place=self.place[mask])

    def without(self, bad: Bools) -> Reading:
        """Without the boxes where `bad` (M,) is true, and the pictures that lose their last one.

        Such a picture would pass for background with the object still in it.
        """
        image = self.dataset.boxes.image
        before = np.bincount(image, minlength=len(self.source))
        after = np.bincount(image[~bad], minlength=len(self.source))
        return self.keep_boxes(~bad).keep_images((before == 0) | (after > 0))


@dataclass(frozen=True)
class Tree:
    """The files below a folder that matter: pictures, and annotation files.

    Attributes:
        root: The folder.
        pictures: Path of each picture by its name (path below root, "/" between folders).
        annotations: The same for annotation files.
    """

    root: Path
    pictures: dict[str, str]
    annotations: dict[str, str]


def read_pictures(
    paths: dict[str, str], mapped: Map
) -> tuple[Images, dict[str, Header], list[DataError]]:
    """Read the headers of pictures, in the order of their names.

    Args:
        paths: Path of each picture by its name.
        mapped: Maps a function over shards (`engine.shards`).

    Returns:
        The pictures that could be read, their headers by path, and what is wrong with the others.
    """
    names = sorted(paths)
    parts = mapped(read_headers, [paths[name] for name in names], "reading pictures")
    headers: dict[str, Header] = {}
    damaged = []
    for name, header in zip(names, (h for part in parts for h in part), strict=True):
        if isinstance(header, DataError):
            damaged.append(header)
        else:
            headers[paths[name]] = header
    good = [name for name in names if paths[name] in headers]
    images = Images.of(
        good,
        [paths[name] for name in good],
        [headers[paths[name]][:2] for name in good],
    )
    return images, headers, damaged


def background_pictures(folders: Sequence[Path], tree: Tree) -> dict[str, str]:
    """Pictures that need no annotation, by name: those below `folders`.

    A folder below the tree's root gives the names that its pictures have there; another one's
    pictures are named below its own name.

    Raises:
        BoxwrightError: No such folder, or no pictures in it.
    """
    if not folders:
        return {}
    known = {os.path.abspath(path): name for name, path in tree.pictures.items()}
    found = {}
    for folder in folders:
        pictures = scan(folder, "").pictures
        if not pictures:
            raise BoxwrightError(f"{folder}: no background pictures here.")
        for name, path in pictures.items():
            inside = known.get(os.path.abspath(path))
            found[inside or f"{folder.name}/{name}"] = tree.pictures[inside] if inside else path
    return found


def scan(root: Path, suffix: str | tuple[str, ...], exclude: Sequence[str] = ()) -> Tree:
    """Find pictures and annotation files below a folder, in the order of their names.

    Hidden files are passed over (macOS leaves a `._a.jpg` beside each `a.jpg` in a zip), and so is
    what a folder that boxwright made names as lying beside its data.

    Args:
        root: The folder.
        suffix: Of the annotation files, lower case: ".json"; or several.
        exclude: Patterns of names (with * and ?) to leave out.

    Raises:
        BoxwrightError: No such folder.
        DataError: A folder below it cannot be listed.
    """
    if not root.is_dir():
        raise BoxwrightError(f"{root}: no such folder.")
    leave = [*exclude, *aside(root)]
    pictures: dict[str, str] = {}
    annotations: dict[str, str] = {}
    suffixes = (suffix,) if isinstance(suffix, str) else suffix
    for name, path in sorted(walk(str(root), "", set())):
        ending = name[name.rfind(".") :].lower()
        into = pictures if ending in SUFFIXES else annotations if ending in suffixes else None
        if into is None or (leave and any(fnmatch.fnmatchcase(name, one) for one in leave)):
            continue
        into[name] = path
    return Tree(root, pictures, annotations)


def aside(root: Path) -> list[str]:
    """What a folder that boxwright made names as beside its data (truth files, the video)."""
    made = manifest.read(root)
    if made is None:
        return []
    aside = [str(name) for name in made.get("aside", [])]
    return [manifest.FILE, *aside, *(f"{name}/*" for name in aside)]


def walk(folder: str, below: str, seen: set[str]) -> Iterator[tuple[str, str]]:
    """Names and paths of all files; links to folders are followed, each folder once."""
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    try:
        with os.scandir(folder) as listed:
            entries = list(listed)
    except OSError as error:
        raise DataError(folder, "", f"cannot be listed: {error.strerror}") from error
    for entry in entries:
        if entry.name.startswith(".") or entry.name == "__MACOSX":
            continue
        if _is_folder(entry):
            yield from walk(entry.path, f"{below}{entry.name}/", seen)
        else:
            yield below + entry.name, entry.path


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder; what else cannot be opened is told when it is opened.

    Raises:
        DataError: A pipe or a device: to read one may never end.
    """
    try:
        if entry.is_file() or entry.is_dir():
            return entry.is_dir()
    except OSError:  # a link to itself
        return False
    if os.path.exists(entry.path):
        raise DataError(entry.path, "", "is neither a file nor a folder", "remove it")
    return False
