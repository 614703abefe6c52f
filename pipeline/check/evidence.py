"""What the pixels say of a sample of boxes: measured once, judged by any part of the set after."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from itertools import repeat
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline import images
from pipeline.boxes import Array
from pipeline.check import profile
from pipeline.check.readings import READINGS
from pipeline.dataset import Bools, Dataset, Ints
from pipeline.errors import DataError
from pipeline.evaluation.resampling import units
from pipeline.progress import Track, silent
from pipeline.stats.pixels import sample

SIDE = 1024  # pixels of the longer side at which pictures are looked at, at least
PER_PICTURE = 12  # boxes; what is in one picture is alike, and many pictures tell more
ANYWHERE = len(READINGS)  # the column of boxes that were moved anywhere in their picture


@dataclass(frozen=True, eq=False)
class Evidence:
    """What was measured, a row a box.

    Attributes:
        box: (K,) rows of the boxes in the data set, in order.
        unit: (K,) the number of each box's independent unit: its picture's group.
        scale: (K,) pixels of the picture for each pixel that was looked at.
        orientation: (K,) EXIF's, of the box's picture.
        contrast: (K, 1 + len(READINGS), 5) `profile.contrasts` by reading; `ANYWHERE` is the last.
        profile: (K, 4, P) `profile.profiles` of the boxes as they are read.
    """

    box: Ints
    unit: Ints
    scale: Array
    orientation: Ints
    contrast: NDArray[np.float32]
    profile: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.box)

    def take(self, rows: Ints | Bools) -> Evidence:
        return Evidence(*(getattr(self, one.name)[rows] for one in fields(self)))


class _Task(NamedTuple):
    """A picture to look at: its file, its size as shown (2,), and boxes in it (n, 4)."""

    path: str
    size: Ints
    rows: Ints
    xyxy: Array


class _Seen(NamedTuple):
    scale: float
    orientation: int
    contrast: NDArray[np.float32]
    profile: NDArray[np.float32]


def measure(
    dataset: Dataset, pictures: int, seed: int = 0, track: Track = silent
) -> tuple[Evidence, list[DataError]]:
    """Look at the boxes of a sample of the pictures, the same for the same seed.

    Args:
        dataset: The boxes as they are read.
        pictures: How many with boxes to look at, at most.
        seed: Another seed, another sample.
        track: Shows progress.

    Returns:
        What was measured, and the pictures of the sample that cannot be decoded.
    """
    tasks = list(_tasks(dataset, pictures, seed))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(track(pool.map(_look, tasks, repeat(seed)), "looking at boxes", len(tasks)))
    seen = [(t, r) for t, r in zip(tasks, results, strict=True) if not isinstance(r, DataError)]
    return _columns(dataset, seen), [r for r in results if isinstance(r, DataError)]


def _tasks(dataset: Dataset, pictures: int, seed: int) -> Iterator[_Task]:
    boxes, looked_at = dataset.boxes, dataset.images
    usable = np.flatnonzero(np.isfinite(boxes.xyxy).all(axis=1) & ~boxes.crowd)
    with_boxes = np.unique(boxes.image[usable])
    rng = np.random.default_rng(seed)
    for row in with_boxes[sample(len(with_boxes), pictures, seed)].tolist():
        here = usable[slice(*np.searchsorted(boxes.image[usable], [row, row + 1]))]
        few = np.sort(rng.permutation(here)[:PER_PICTURE])
        yield _Task(looked_at.path[row], looked_at.size[row], few, boxes.xyxy[few])


def _look(task: _Task, seed: int) -> _Seen | DataError:
    data = images.load(task.path)
    if isinstance(data, DataError):
        return data
    side = int(task.size.max())
    picture = images.decode_reduced(task.path, data, (side, SIDE), grey=True)
    if isinstance(picture, DataError):
        return picture
    scale = side / max(picture.shape)
    size = np.array(picture.shape[::-1], dtype=np.int64)
    tables, xyxy = profile.gradients(picture), task.xyxy / scale
    return _Seen(
        scale,
        _orientation(task.path),
        _contrasts(tables, xyxy, size, seed + int(task.rows[0])),
        profile.profiles(tables, xyxy).astype(np.float32),
    )


def _orientation(path: str) -> int:
    try:
        return images.read_header(path).orientation
    except DataError:  # it is whole enough to be decoded: whoever reads it for itself says so
        return 1


def _contrasts(
    tables: profile.Gradients, xyxy: Array, size: Ints, seed: int
) -> NDArray[np.float32]:
    """(n, 1 + len(READINGS), 5), all readings of all boxes at once."""
    sizes = np.tile(size, (len(xyxy), 1))
    read = [reading.undo(xyxy, sizes) for reading in READINGS]
    side = xyxy[:, 2:] - xyxy[:, :2]
    corner = np.random.default_rng(seed).random((len(xyxy), 2)) * np.maximum(sizes - side, 0)
    read.append(np.concatenate([corner, corner + side], axis=1))
    found = profile.contrasts(tables, np.stack(read, axis=1).reshape(-1, 4))
    return found.reshape(len(xyxy), len(read), -1).astype(np.float32)


def _columns(dataset: Dataset, seen: list[tuple[_Task, _Seen]]) -> Evidence:
    counts = [len(task.rows) for task, _ in seen]
    box = np.concatenate([np.zeros(0, np.int64), *(task.rows for task, _ in seen)])
    bands, cells = len(profile.BANDS) - 1, 2 * profile.REACH + 1
    none = np.zeros((0, 1 + len(READINGS), bands), np.float32), np.zeros((0, 4, cells), np.float32)
    return Evidence(
        box=box,
        unit=units(dataset.images.group)[dataset.boxes.image[box]],
        scale=np.repeat([one.scale for _, one in seen], counts),
        orientation=np.repeat([one.orientation for _, one in seen], counts).astype(np.int64),
        contrast=np.concatenate([none[0], *(one.contrast for _, one in seen)]),
        profile=np.concatenate([none[1], *(one.profile for _, one in seen)]),
    )
