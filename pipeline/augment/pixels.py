"""Boxes cut out of their pictures as patches of one size, and what in them is background.

In a patch the same points, lines and triangles serve for every box, whatever its size; what they
tell is found in `evidence`.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.dataset import Bools, Dataset, Floats, Ints
from pipeline.errors import DataError
from pipeline.images import decode_reduced, load

SIDE = 96  # pixels of a box in its patch, across and down
MARGIN = 16  # pixels around it
WHOLE = SIDE + 2 * MARGIN
BOX = (slice(MARGIN, MARGIN + SIDE),) * 2
BINS = 8  # of each channel, in the colour models
RARE = 1e-3  # share of a colour that was not seen
MOST = 3.0  # of a log ratio, so that no single pixel decides

Pixels = NDArray[np.uint8]


class Patch(NamedTuple):
    """A box and what is around it.

    Attributes:
        pixels: (WHOLE, WHOLE, 3) BGR; the box covers the middle SIDE pixels of both axes.
        inside: (WHOLE, WHOLE) which of them lie in the picture.
    """

    pixels: Pixels
    inside: Bools


class Work(NamedTuple):
    """The boxes to look at in one picture.

    Attributes:
        path: The picture.
        size: Its width and height in pixels as shown.
        xyxy: (K, 4) in pixels of that size.
    """

    path: str
    size: tuple[int, int]
    xyxy: Floats


def work(dataset: Dataset, rows: Ints) -> list[Work]:
    """The boxes `rows` (K,), increasing, picture by picture."""
    image = dataset.boxes.image[rows]
    starts = np.flatnonzero(np.diff(image, prepend=-1))
    parts = np.split(dataset.boxes.xyxy[rows], starts[1:]) if len(rows) else []
    sizes = dataset.images.size[image[starts]].tolist()
    paths = dataset.images.path[image[starts]]
    return [
        Work(str(path), (size[0], size[1]), part)
        for path, size, part in zip(paths, sizes, parts, strict=True)
    ]


def patches(job: Work) -> list[Patch] | DataError:
    """Read a picture once and cut its boxes out, or why it cannot be read."""
    data = load(job.path)
    if isinstance(data, DataError):
        return data
    least = float((job.xyxy[:, 2:] - job.xyxy[:, :2]).max(axis=1).min())
    longest = max(job.size)
    picture = decode_reduced(job.path, data, (longest, int(longest * SIDE / max(least, 1.0))))
    if isinstance(picture, DataError):
        return picture
    scale = np.array(picture.shape[1::-1]) / job.size
    return [_patch(picture, xyxy * np.tile(scale, 2)) for xyxy in job.xyxy]


def _patch(picture: Pixels, xyxy: Floats) -> Patch:
    """Cut a box out: shrunk by areas first, so that nothing aliases; then brought to its place."""
    import cv2

    size = np.maximum(xyxy[2:] - xyxy[:2], 1)
    limit = np.array(picture.shape[1::-1])
    shrink = np.maximum(size // SIDE, 1)
    reach = size * MARGIN / SIDE + 2 * shrink
    low = np.clip(np.floor(xyxy[:2] - reach), 0, limit - 1).astype(int)
    high = np.clip(np.ceil(xyxy[2:] + reach), low + 1, limit).astype(int)
    small = np.maximum(np.round((high - low) / shrink), 1).astype(int)
    piece = cv2.resize(
        picture[low[1] : high[1], low[0] : high[0]], small.tolist(), interpolation=cv2.INTER_AREA
    )
    by = (high - low) / small
    step = size / SIDE
    start = (xyxy[:2] - low - (MARGIN - 0.5) * step) / by - 0.5
    matrix = np.column_stack([np.diag(step / by), start])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    whole = (WHOLE, WHOLE)
    pixels = cv2.warpAffine(piece, matrix, whole, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    at = (np.arange(WHOLE)[:, None] + 0.5 - MARGIN) * step + xyxy[:2]
    inside = (at >= 0) & (at <= limit)
    return Patch(np.asarray(pixels, dtype=np.uint8), inside[:, 1][:, None] & inside[:, 0])


def background(patch: Patch) -> Floats:
    """How much more each pixel of a box is like what is around the box than like its middle.

    Two histograms of colours, as GrabCut begins (Rother et al., SIGGRAPH 2004).

    Returns:
        (SIDE, SIDE) log of the ratio of the two likelihoods, in -MOST to MOST; 0 where the
        picture has nothing around the box.
    """
    import cv2

    lab = cv2.cvtColor(patch.pixels, cv2.COLOR_BGR2LAB).astype(np.int64) * BINS >> 8
    colour = (lab[..., 0] * BINS + lab[..., 1]) * BINS + lab[..., 2]
    around, middle = _zones()
    around = around & patch.inside
    if not around.any():
        return np.zeros((SIDE, SIDE))
    ratio = np.log(_model(colour[around]) / _model(colour[middle]))
    return np.asarray(np.clip(ratio, -MOST, MOST)[colour[BOX]])


def _model(colour: NDArray[np.int64]) -> Floats:
    """(BINS ** 3,) the share of each colour; a part of it goes to the next ones."""
    counts = np.bincount(colour, minlength=BINS**3).reshape((BINS,) * 3).astype(np.float64)
    for axis in range(3):
        wide = np.pad(counts, [(int(axis == a),) * 2 for a in range(3)], mode="edge")
        before, here, after = (wide.take(range(k, k + BINS), axis=axis) for k in range(3))
        counts = (before + 2 * here + after) / 4
    return counts.ravel() / counts.sum() + RARE


@cache
def _zones() -> tuple[Bools, Bools]:
    """(WHOLE, WHOLE) what is around the box, and its middle, which lies in any outline."""
    at = np.abs((np.arange(WHOLE) + 0.5 - MARGIN) / SIDE * 2 - 1)
    x, y = np.meshgrid(at, at)
    return np.maximum(x, y) > 1.03, x + y < 0.7
