"""Lists of pictures: a split of data.yaml that is a text file with a path on each line.

A line that begins with "./" counts from the list's own folder, as ultralytics has it. So a list
can name the pictures of a tree beside it ("./../tree/images/train/a.jpg"), it works from any
folder, and the two can be moved together. A picture that stands there several times is shown so
often in training; everywhere else it is one picture.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from itertools import takewhile
from pathlib import Path

import numpy as np

from pipeline.dataset import Dataset, Ints
from pipeline.errors import BoxwrightError

_FIRST = 100  # pictures of a list that are looked for at once


def read(file: Path, base: Path, split: str) -> list[tuple[str, str]]:
    """Name and path of the picture on each line, also of those that stand there again.

    Args:
        file: The list.
        base: What other relative lines count from.
        split: Whose list it is.

    Raises:
        BoxwrightError: None of its first pictures is there.
    """
    lines = [line for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    here, there = str(file.parent.resolve()), str(base)

    @cache  # a folder holds many pictures
    def folder(name: str) -> str:
        return os.path.normpath(os.path.join(here if name.startswith("./") else there, name))

    cut = (line.rpartition("/") for line in lines)
    paths = [os.path.join(folder(f"{name}{slash}"), last) for name, slash, last in cut]
    if paths and not any(map(os.path.exists, paths[:_FIRST])):
        raise BoxwrightError(
            f"{file}: names {paths[0]} and other pictures that are not there."
            "\n    -> put it and the tree that it lists side by side again, or make the list anew."
        )
    return list(zip(_names(lines, split), paths, strict=True))


def _names(lines: Sequence[str], split: str) -> list[str]:
    """What follows the folder images/<split>, or images, where all lines share one."""
    parts = [line.removeprefix("./").split("/") for line in lines]
    shared = _shared([part[:-1] for part in parts])
    if "images" not in shared:
        return ["/".join(part) for part in parts]
    at = len(shared) - shared[::-1].index("images")
    at += shared[at : at + 1] == [split]
    return ["/".join(part[at:]) for part in parts]


def _shared(folders: Sequence[list[str]]) -> list[str]:
    """The folders that all paths begin with."""
    first, last = min(folders, default=[]), max(folders, default=[])
    return [
        one for one, _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    ]


def write(file: Path, pictures: Iterable[str], folder: Path) -> None:
    """Write a list.

    Args:
        file: Where to; it will stand in `folder`, to which this may not have been moved yet.
        pictures: Absolute paths.
        folder: The folder that the paths are told from.

    Raises:
        OSError: The disk refuses.
    """
    here = os.path.realpath(folder)

    @cache
    def seen(name: str) -> str:
        return _way(here, name)

    cut = (os.path.split(path) for path in pictures)
    file.write_text("".join(f"{seen(name)}/{last}\n" for name, last in cut), encoding="utf-8")


def _way(here: str, there: str) -> str:
    """How a list in one folder names another."""
    try:
        way = os.path.relpath(there, here).replace(os.sep, "/")
    except ValueError:  # another drive of Windows: there is no way from here to there
        return Path(there).as_posix()
    return "." if way == "." else f"./{way}"


def repeated(dataset: Dataset, times: Ints) -> Dataset:
    """Each picture with its boxes `times` (N,) in a row; the names are then no longer unique."""
    row = np.repeat(np.arange(len(times)), times)
    edges = np.searchsorted(dataset.boxes.image, np.arange(len(times) + 1))
    counts = np.diff(edges)[row]
    first = np.cumsum(counts) - counts
    within = np.arange(counts.sum()) - np.repeat(first, counts)
    boxes = dataset.boxes.take(np.repeat(edges[row], counts) + within)
    image = np.repeat(np.arange(len(row)), counts)
    return replace(dataset, images=dataset.images.take(row), boxes=replace(boxes, image=image))
