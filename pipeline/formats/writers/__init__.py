"""Annotation formats that are written: one file each, found by name.

A writer has ``write(folder, pictures, classes)``, where pictures are `pictures.Picture`; the
picture files are put in their places by whoever calls it (`export`, `check.fixing.export`).
Writers go picture by picture: what they hold in memory does not grow with the data set, but for
Parquet, which is written in columns.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline import polygons
from pipeline.dataset import Dataset
from pipeline.formats.writers.pictures import FITS, Picture

CROWD, SCORE = "crowd", "score"
OUTLINE = "outline"  # where its hull is the box
LOOSE = "loose outline"  # beside a box that it does not fit
SPACE = "space"  # around the name of a class
_ALL = frozenset({CROWD, SCORE, OUTLINE, LOOSE, SPACE})
_SHAPES = _ALL - {LOOSE}


class Writer(NamedTuple):
    """What is known of a format that is written.

    Attributes:
        module: Where its `write` is.
        place: Where a picture lies; ``{split}`` is "" or "<split>/".
        carries: What it can say of a box beside its corners and class.
        aside: Files of it that are no annotations.
    """

    module: str
    place: str
    carries: frozenset[str]
    aside: tuple[str, ...] = ()


WRITERS = {
    "coco": Writer("coco", "images/{split}{name}", _ALL),
    "fiftyone": Writer("fiftyone", "{split}data/{name}", _ALL),
    "voc": Writer("voc", "JPEGImages/{split}{name}", _ALL - {SPACE}, ("labelmap.txt",)),
    "labelme": Writer("labelme", "{split}{name}", _SHAPES, ("labels.txt",)),
    "csv": Writer("csv_boxes", "images/{split}{name}", frozenset({CROWD, SCORE})),
    "cvat": Writer("cvat", "images/{split}{name}", _SHAPES, ("labels.json",)),
    "labelstudio": Writer("labelstudio", "images/{split}{name}", _SHAPES, ("config.xml",)),
    "parquet": Writer("parquet", "{split}{name}", _ALL),
}


def write(name: str, folder: Path, pictures: Iterable[Picture], classes: Sequence[str]) -> None:
    """Write the annotation files of the format `name` into a folder that is there.

    Raises:
        BoxwrightError: A class or a picture is called what the format cannot hold.
        OSError: The disk refuses.
    """
    module = importlib.import_module(f"pipeline.formats.writers.{WRITERS[name].module}")
    module.write(folder, pictures, classes)


def place(name: str, split: str, picture: str) -> str:
    """Where a picture's file lies below the folder, "/" between folders."""
    return WRITERS[name].place.format(split=f"{split}/" if split else "", name=picture)


def lost(dataset: Dataset, carries: frozenset[str]) -> dict[str, int]:
    """What of a data set a format has no place for, counted; only what there is."""
    boxes = dataset.boxes
    drawn = polygons.has(boxes.outline)
    fits = drawn & (np.abs(polygons.hulls(boxes.outline) - boxes.xyxy) <= FITS).all(axis=1)
    spaced = np.array([name != name.strip() for name in dataset.classes], dtype=bool)
    there = {
        SPACE: ("boxes of a class with space around its name", spaced[boxes.label]),
        CROWD: ("crowds, written as plain boxes", boxes.crowd),
        SCORE: ("scores", boxes.score != 1),
        OUTLINE: ("outlines", fits),
        LOOSE: ("outlines that do not fit their boxes", drawn & ~fits),
    }
    counts = {what: int(rows.sum()) for key, (what, rows) in there.items() if key not in carries}
    return {what: count for what, count in counts.items() if count}
