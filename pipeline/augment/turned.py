"""Pictures turned by random angles, with boxes that stay tight: what a detector is tested on.

Each picture is turned about its centre on a square as wide as its longer side. So nothing changes
in size (a detector resizes a picture by its longer side, and a canvas that grew with the angle
would shrink the objects too), and hardly more than the corners is cut off. What of an object is
cut off is taken off its box; an object that loses more than half of itself is marked as a crowd,
so that a metric counts it neither way, and one that is gone is left out.

A turned box is the hull of the turned outline. Where there is only a box, its four corners are
turned, and the hull of these is larger than the object: see `inflated`.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline import boxes as geometry
from pipeline import manifest, polygons
from pipeline.dataset import Bools, Boxes, Dataset, Floats, Images, Ints, Outlines, strings
from pipeline.engine import Map, in_process
from pipeline.errors import DataError, DataErrors
from pipeline.images import decode

log = logging.getLogger(__name__)

GREY = (114, 114, 114)  # what ultralytics fills with
QUALITY = 95  # of the JPEGs
LEAST = 0.5  # of an object that must be left for it to count


def turned(
    dataset: Dataset, degrees: float, seed: int, folder: Path, mapped: Map = in_process
) -> Dataset:
    """Turn each picture by an angle of its own, drawn evenly from -`degrees` to `degrees`.

    A picture's angle depends on `seed`, its split and its name alone, not on what else is there.

    Args:
        dataset: Pictures with their boxes; outlines are used where there are any.
        degrees: The most that a picture is turned, either way.
        seed: Of the angles.
        folder: Where the pictures are written, as `split`/`name`; JPEG, whatever they were.
        mapped: Maps over pictures (`engine.shards`).

    Returns:
        The turned pictures with their boxes and outlines, in the order of `dataset`, but for those
        that are cut off. `crowd` marks those of which less than half is left.

    Raises:
        DataErrors: Pictures that cannot be decoded; every one of them.
        BoxwrightError: `folder` cannot be written.
    """
    angle = angles(dataset.images, degrees, seed)
    matrix = _matrices(dataset.images.size, angle)
    side = dataset.images.size.max(axis=1)
    boxes = _turn_boxes(dataset.boxes, matrix, side)
    names = [_jpeg(name) for name in dataset.images.name]
    there = [folder / split / n for split, n in zip(dataset.images.split, names, strict=True)]
    _write(dataset.images.path.tolist(), there, matrix, side, mapped)
    images = replace(
        dataset.images,
        name=strings(names),
        path=strings(map(str, there)),
        size=np.stack([side, side], axis=1),
    )
    _tell(dataset.boxes)
    return replace(dataset, root=folder, images=images, boxes=boxes)


def angles(images: Images, degrees: float, seed: int) -> Floats:
    """(N,) by how many degrees `turned` turns each picture, anticlockwise as shown."""
    keys = zip(images.split, images.name, strict=True)
    hashes = [hashlib.sha256(f"{seed}/{split}/{name}".encode()) for split, name in keys]
    draws = [int.from_bytes(told.digest()[:6], "big") / 2**48 for told in hashes]
    return degrees * (2 * np.array(draws, dtype=np.float64) - 1)


def inflated(boxes: Boxes) -> Bools:
    """(M,) boxes without an outline: turned by anything but a right angle, they are too large."""
    return ~polygons.has(boxes.outline)


def _tell(boxes: Boxes) -> None:
    count = int(inflated(boxes).sum())
    if count:
        log.warning(
            "%d of %d boxes have no outline: turned, they are the hulls of their turned corners, "
            "larger than the objects.",
            count,
            len(boxes),
        )


def _matrices(size: Ints, degrees: Floats) -> Floats:
    """(N, 2, 3) from a picture of `size` (N, 2) to its square; in boxes' pixels, not OpenCV's."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.array([[cos, sin], [-sin, cos]]).transpose(2, 0, 1)  # y is down
    shift = size.max(axis=1, keepdims=True) / 2 - np.einsum("nij,nj->ni", turn, size / 2)
    return np.concatenate([turn, shift[:, :, None]], axis=2)


def _turn_boxes(boxes: Boxes, matrix: Floats, side: Ints) -> Boxes:
    outline = polygons.or_corners(boxes.outline, boxes.xyxy)
    each = matrix[np.repeat(boxes.image, np.diff(outline.start))]
    points = np.einsum("nij,nj->ni", each[:, :, :2], outline.points) + each[:, :, 2]
    whole = Outlines(points, outline.start)
    squares = side[boxes.image, None] * np.array([0.0, 0.0, 1.0, 1.0])
    parts = [polygons.part_in(whole[row], square) for row, square in enumerate(squares)]
    left = np.array([_area(part) / max(_area(whole[row]), 1e-9) for row, part in enumerate(parts)])
    seen = Outlines.of(parts)
    cut = replace(
        boxes, xyxy=polygons.hulls(seen), outline=seen, crowd=boxes.crowd | (left < LEAST)
    )
    return cut.take(np.asarray(geometry.area(cut.xyxy) > 0))  # NaN: nothing is left


def _area(points: Floats) -> float:
    """Of a polygon (K, 2), in square pixels: the shoelace formula."""
    x, y = points.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def _jpeg(name: str) -> str:
    """A name for the JPEG of a picture: another suffix is kept before it, so that names differ."""
    return name if name.lower().endswith((".jpg", ".jpeg")) else f"{name}.jpg"


class _Turn(NamedTuple):
    """One picture to turn."""

    source: str
    target: str
    matrix: list[list[float]]
    side: int


def _write(
    sources: Sequence[str], targets: Sequence[Path], matrix: Floats, side: Ints, mapped: Map
) -> None:
    columns = zip(sources, map(str, targets), matrix.tolist(), side.tolist(), strict=True)
    turns = [_Turn(*row) for row in columns]
    try:
        for folder in {target.parent for target in targets}:
            folder.mkdir(parents=True, exist_ok=True)
        parts = mapped(partial(_turn_pictures, threads=os.cpu_count() or 1), turns, "turning")
    except OSError as error:
        raise manifest.cannot_write(Path(error.filename or "."), error) from error
    problems = [problem for part in parts for problem in part]
    if problems:
        raise DataErrors(problems)


def _turn_pictures(turns: Sequence[_Turn], threads: int) -> list[DataError]:
    """Turn pictures and write them; what cannot be decoded."""
    with ThreadPoolExecutor(threads) as pool:  # OpenCV lets go of the interpreter
        return [problem for problem in pool.map(_turn_picture, turns) if problem]


def _turn_picture(turn: _Turn) -> DataError | None:
    import cv2

    try:
        picture = decode(turn.source)
    except DataError as error:
        return error
    matrix = np.array(turn.matrix)
    matrix[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5  # OpenCV's whole numbers are pixel centres
    size = (turn.side, turn.side)
    flat = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_CUBIC, borderValue=GREY)
    data = cv2.imencode(".jpg", flat, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
    Path(turn.target).write_bytes(data.tobytes())
    return None
