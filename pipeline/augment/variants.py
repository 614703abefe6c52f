"""Variants of pictures: pixels, outlines and boxes by the same transforms, each by its own seed."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from pipeline import boxes as geometry
from pipeline import draw, manifest, polygons
from pipeline.augment import moving, transforms
from pipeline.dataset import Bools, Dataset, Floats, Ints, Outlines
from pipeline.errors import DataError, DataErrors
from pipeline.images import decode
from pipeline.progress import Track, silent

_LOSSY = {".jpg", ".jpeg", ".webp"}
_LOOSE = 1.1  # a label so many times as large as the box that was turned
_WHOLE = 0.999  # of an object's area: points are moved in 32 bits


@dataclass(frozen=True)
class Recipe:
    """How variants are made.

    Attributes:
        entries: The transforms, as `transforms.load` gives them.
        variants: New pictures for each picture.
        min_visible: An object of which less than this share is left has no label.
        seed: Of all that is left to chance.
    """

    entries: Sequence[transforms.Entry]
    variants: int = 1
    min_visible: float = moving.LEAST_VISIBLE
    seed: int = 0


class _Job(NamedTuple):
    """One variant to make.

    Attributes:
        row: Of its picture in train.
        name: Below images/train.
        seed: Of its chances: the same whoever makes it, and when.
        turning: What turns with each box, (K, 2).
        bare: (M,) which boxes have nothing but their corners to turn.
        drawn: Outlines that were drawn, (K, 2), empty for none.
    """

    row: int
    name: str
    seed: int
    turning: list[Floats]
    bare: Bools
    drawn: list[Floats]


@dataclass(frozen=True, eq=False)
class Variant:
    """A new picture.

    Attributes:
        name: Below images/train.
        path: Where it was written.
        row: Of its picture in train.
        size: Width, height.
        boxes: Which of the picture's boxes it shows (M,), from 0.
        lost: Which it does not show any more.
        cut: How many it shows only in part.
        loose: How many labels are larger than the turned box, for want of an outline.
        xyxy: (M, 4).
        turning: What turns with each box from now on.
        drawn: The outlines that were drawn.
    """

    name: str
    path: Path
    row: int
    size: tuple[int, int]
    boxes: Ints
    lost: Ints
    cut: int
    loose: int
    xyxy: Floats
    turning: list[Floats]
    drawn: list[Floats]


def make(
    dataset: Dataset, labels: Outlines, recipe: Recipe, folder: Path, track: Track = silent
) -> list[Variant]:
    """Make and write variants of the pictures of train, in the order of their pictures.

    Args:
        dataset: Its outlines are drawn ones.
        labels: (M) the outlines in the labels of its boxes; empty where a label is a box.
        recipe: How.
        folder: Where to write the pictures, under their names.
        track: Shows progress.

    Raises:
        DataErrors: Pictures that cannot be decoded, or that a transform fails on.
        BoxwrightError: The disk refuses.
    """
    jobs = list(_jobs(dataset, labels, recipe))
    try:
        for below in {(folder / job.name).parent for job in jobs}:
            below.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise manifest.cannot_write(folder, error) from error
    maker = _Maker(dataset, recipe, folder)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # OpenCV lets go of the interpreter
        done = list(track(pool.map(maker, jobs), "augmenting", len(jobs)))
    problems = [one for one in done if isinstance(one, DataError)]
    if problems:
        raise DataErrors(problems)
    return [one for one in done if isinstance(one, Variant)]


def _jobs(dataset: Dataset, labels: Outlines, recipe: Recipe) -> Iterator[_Job]:
    boxes, names = dataset.boxes, dataset.images.name
    shapes = _first_of(labels, boxes.outline)
    turning, bare = polygons.or_corners(shapes, boxes.xyxy), ~polygons.has(shapes)
    train = np.flatnonzero(dataset.images.split == "train").tolist()
    taken = {PurePosixPath(names[row]).with_suffix("").as_posix() for row in train}
    slices = dataset.per_image()
    for row in train:
        own = range(slices[row].start, slices[row].stop)
        columns = ([turning[box] for box in own], bare[own], [boxes.outline[box] for box in own])
        for number in range(1, recipe.variants + 1):
            seed = _seed(f"{recipe.seed}/{number}/{names[row]}")
            yield _Job(row, _free(names[row], number, taken), seed, *columns)


def _first_of(labels: Outlines, drawn: Outlines) -> Outlines:
    """The outline in the label of each box; where it has none, the one that was drawn."""
    own = np.flatnonzero(polygons.has(labels))
    others = np.flatnonzero(~polygons.has(labels) & polygons.has(drawn))
    parts = [(own, labels.take(own)), (others, drawn.take(others))]
    return polygons.gathered(len(labels), parts)


def _free(source: str, number: int, taken: set[str]) -> str:
    """A free name beside the source's."""
    place = PurePosixPath(source)
    stem = f"{place.with_suffix('').as_posix()}-variant-{number}"
    while stem in taken:
        stem += "-"
    taken.add(stem)
    return stem + (".jpg" if place.suffix.lower() in _LOSSY else ".png")


def _seed(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "big")


class _Maker:
    """Makes variants, in any thread: each has transforms of its own."""

    def __init__(self, dataset: Dataset, recipe: Recipe, folder: Path) -> None:
        self._dataset = dataset
        self._recipe = recipe
        self._folder = folder
        self._own = threading.local()
        self._lock = threading.Lock()

    def __call__(self, job: _Job) -> Variant | DataError:
        """Make a variant and write it; or what is wrong with its picture."""
        path = str(self._dataset.images.path[job.row])
        try:
            picture = decode(path)
        except DataError as error:
            return error
        pipeline = self._pipeline()
        pipeline.seed(job.seed)
        try:
            changed = pipeline(picture, [*job.turning, *_filled(job.drawn)])
        except Exception as error:  # noqa: BLE001 - a library's own, of any kind, is the user's to see
            told = " ".join(str(error).split())[:300]
            return DataError(path, "", f"a transform fails on it: {told}")
        draw.save(self._folder / job.name, changed.picture)
        return self._variant(job, changed)

    def _pipeline(self) -> moving.Pipeline:
        if not hasattr(self._own, "pipeline"):
            with self._lock:  # the warnings of Python, silenced meanwhile, are of all threads
                self._own.pipeline = transforms.build(self._recipe.entries)
        pipeline: moving.Pipeline = self._own.pipeline
        return pipeline

    def _variant(self, job: _Job, changed: moving.Changed) -> Variant:
        count = len(job.turning)
        height, width = changed.picture.shape[:2]
        xyxy, seen, parts = moving.visible(_some(changed, 0, count), self._recipe.min_visible)
        drawn = _unfilled(job.drawn, moving.visible(_some(changed, count, None))[2])
        kept = np.flatnonzero(seen)
        whole, left = (_areas(shapes)[kept] for shapes in (changed.outlines[:count], parts))
        return Variant(
            name=job.name,
            path=self._folder / job.name,
            row=job.row,
            size=(width, height),
            boxes=kept,
            lost=np.flatnonzero(~seen),
            cut=int((left < _WHOLE * whole).sum()),
            loose=int((job.bare[kept] & (geometry.area(xyxy[kept]) > _LOOSE * left)).sum()),
            xyxy=xyxy[kept],
            turning=[parts[box] for box in kept],
            drawn=[drawn[box] for box in kept],
        )


def _areas(shapes: Sequence[Floats]) -> Floats:
    return np.array([moving.area(shape) for shape in shapes], dtype=np.float64)


def _filled(outlines: Sequence[Floats]) -> list[Floats]:
    return [outline for outline in outlines if len(outline)]


def _unfilled(before: Sequence[Floats], after: Sequence[Floats]) -> list[Floats]:
    """Outlines in the places of those that there were; none where there was none."""
    rest = iter(after)
    return [next(rest) if len(outline) else outline for outline in before]


def _some(changed: moving.Changed, start: int, stop: int | None) -> moving.Changed:
    rows = slice(start, stop)
    return changed._replace(outlines=changed.outlines[rows], covered=changed.covered[rows])
