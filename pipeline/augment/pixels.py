"""What the pixels of a box tell of the shape in it: patches of one size, and where its colours end.

Every box is cut out of its picture and brought to one size, so that the same points, lines and
triangles serve for all boxes. What is told from it lives in `quads` and in `looks_round`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.dataset import Dataset, Floats, Ints
from pipeline.engine import Map, in_process
from pipeline.errors import DataError
from pipeline.images import decode_reduced, load

SIDE = 96  # pixels of a box in its patch, whatever its own shape
MARGIN = 16  # pixels around it
BINS = 8  # of each channel, in the colour models

Bytes = NDArray[np.uint8]


class Patch(NamedTuple):
    """A box and what is around it.

    Attributes:
        pixels: (S, S, 3) uint8 BGR, S = SIDE + 2 * MARGIN; the box covers its middle SIDE pixels.
        inside: (S, S) bool, which of them lie in the picture.
    """

    pixels: Bytes
    inside: NDArray[np.bool_]


class Work(NamedTuple):
    """The boxes to look at in one picture: (K, 4) xyxy of a picture of `size`."""

    path: str
    size: tuple[int, int]
    xyxy: Floats


def work(dataset: Dataset, rows: Ints) -> list[Work]:
    """The boxes `rows` (K,), increasing, picture by picture."""
    image = dataset.boxes.image[rows]
    starts = np.flatnonzero(np.diff(image, prepend=-1))
    parts = np.split(dataset.boxes.xyxy[rows], starts[1:]) if len(rows) else []
    return [
        Work(str(dataset.images.path[at]), tuple(dataset.images.size[at].tolist()), part)
        for at, part in zip(image[starts], parts, strict=True)
    ]


def patches(job: Work) -> list[Patch] | DataError:
    """Read a picture once and cut its boxes out, or why it cannot be read."""
    data = load(job.path)
    if isinstance(data, DataError):
        return data
    longest = (job.xyxy[:, 2:] - job.xyxy[:, :2]).max(axis=1).min()
    side = max(job.size)
    picture = decode_reduced(job.path, data, (side, int(side * SIDE / max(longest, 1))))
    if isinstance(picture, DataError):
        return picture
    scale = np.array(picture.shape[1::-1]) / job.size
    return [_patch(picture, xyxy * np.tile(scale, 2)) for xyxy in job.xyxy]


def _patch(picture: Bytes, xyxy: Floats) -> Patch:
    import cv2

    size = xyxy[2:] - xyxy[:2]
    shrink = np.maximum(size // SIDE, 1).astype(int)  # by areas first, so that nothing aliases
    reach = size * MARGIN / SIDE + 2 * shrink
    limit = picture.shape[1::-1]
    low = np.clip(np.floor(xyxy[:2] - reach), 0, limit).astype(int)
    high = np.clip(np.ceil(xyxy[2:] + reach), 0, limit).astype(int)
    piece = picture[low[1] : high[1], low[0] : high[0]]
    small = [max(1, round(n / by)) for n, by in zip(high - low, shrink, strict=True)]
    piece = cv2.resize(piece, small, interpolation=cv2.INTER_AREA)
    by = (high - low) / small
    scale = size / SIDE / by
    start = (xyxy[:2] - low) / by - MARGIN * scale + scale / 2 - 0.5
    matrix = np.array([[scale[0], 0, start[0]], [0, scale[1], start[1]]])
    whole = (SIDE + 2 * MARGIN,) * 2
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    pixels = cv2.warpAffine(piece, matrix, whole, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    at = (np.arange(whole[0])[:, None] + 0.5 - MARGIN) / SIDE * size + xyxy[:2]
    inside = (at >= 0) & (at <= limit)
    return Patch(np.asarray(pixels, dtype=np.uint8), inside[:, 1][:, None] & inside[:, 0])


def is_background(patch: Patch) -> Floats:
    """How much more each pixel of the box is like what is around the box than like its middle.

    Two colour histograms, as in the first step of GrabCut (Rother et al., SIGGRAPH 2004), with a
    pixel's share in a bin spread over its neighbours.

    Returns:
        (SIDE, SIDE) log of the ratio of the two likelihoods, in -3 to 3; 0 where nothing is
        around the box.
    """
    import cv2

    space = cv2.cvtColor(patch.pixels, cv2.COLOR_BGR2LAB)
    cells = (space.astype(np.int64) * BINS) >> 8
    index = (cells[..., 0] * BINS + cells[..., 1]) * BINS + cells[..., 2]
    around, middle = _around() & patch.inside, _middle()
    if not around.any():
        return np.zeros((SIDE, SIDE))
    ratio = np.log(_model(index[around])) - np.log(_model(index[middle]))
    box = slice(MARGIN, MARGIN + SIDE)
    return np.clip(ratio, -3, 3)[index[box, box]]


def _model(index: Ints) -> Floats:
    """(BINS^3,) shares of the colours, smoothed."""
    counts = np.bincount(index, minlength=BINS**3).reshape((BINS,) * 3).astype(np.float64)
    for axis in range(3):
        padded = np.pad(counts, [(1, 1) if a == axis else (0, 0) for a in range(3)], mode="edge")
        before, here, after = (
            np.take(padded, np.arange(k, k + BINS), axis=axis) for k in range(3)
        )
        counts = (before + 2 * here + after) / 4
    shares = counts.ravel() / counts.sum()
    return (shares + 1e-3) / (1 + 1e-3 * BINS**3)


def _grid() -> tuple[Floats, Floats]:
    """x and y of a patch's pixels, where the box is from -1 to 1."""
    at = (np.arange(SIDE + 2 * MARGIN) + 0.5 - MARGIN) / SIDE * 2 - 1
    return at[None, :], at[:, None]


def _around() -> NDArray[np.bool_]:
    x, y = _grid()
    return np.maximum(abs(x), abs(y)) > 1.03


def _middle() -> NDArray[np.bool_]:
    x, y = _grid()
    return abs(x) + abs(y) < 0.7


def looks_round(dataset: Dataset, rows: Ints, mapped: Map = in_process) -> Floats:
    """Evidence, box by box, that its corners hold background.

    Args:
        dataset: Pictures and boxes.
        rows: (K,) increasing rows of the boxes to look at.
        mapped: Maps over pictures (`engine.shards`).

    Returns:
        (K,) mean of `is_background` over the corners outside the inscribed ellipse; NaN where the
        picture cannot be read.
    """
    jobs = work(dataset, rows)
    parts = mapped(_corners, jobs, "looking at corners")
    return np.array([value for part in parts for value in part])


def _corners(jobs: Sequence[Work]) -> list[float]:
    found: list[float] = []
    x, y = _grid()
    corner = (x**2 + y**2 > 1.08)[MARGIN : MARGIN + SIDE, MARGIN : MARGIN + SIDE]
    for job in jobs:
        cut = patches(job)
        if isinstance(cut, DataError):
            found += [np.nan] * len(job.xyxy)
        else:
            found += [float(is_background(patch)[corner].mean()) for patch in cut]
    return found
