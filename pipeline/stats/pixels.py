"""How bright, how rich in contrast and how sharp pictures are, from a sample of them.

Pictures are decoded in threads: OpenCV lets go of the interpreter while it decodes, so that they
keep every core busy without the start-up time and the memory of processes. JPEGs are decoded at a
half, a quarter or an eighth of their size where that leaves enough.
"""

from __future__ import annotations

import os
import random
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from pipeline.dataset import Dataset, Floats, Ints
from pipeline.errors import DataError
from pipeline.images import decode_reduced, load
from pipeline.progress import Track, silent
from pipeline.stats import shapes
from pipeline.stats.spread import quantiles

SIDE = 512  # pixels of the longer side at which pictures are compared
FEATURES = ("brightness", "contrast", "sharpness")
DARK, BRIGHT = 45, 215  # mean grey values of 0 to 255
FLAT = 15  # standard deviation of the grey values
BLURRED = 1 / 8  # of the median sharpness
BINS = 32


class Pixels(NamedTuple):
    """What was measured.

    Attributes:
        row: (K,) rows of the pictures in `dataset.images`, in order.
        values: (K, 3) `FEATURES`: mean and standard deviation of the grey values (0 to 255), and
            variance of the Laplacian (Pertuz et al. 2013, "LAPV") at a longer side of `SIDE`.
        problems: Pictures of the sample that cannot be decoded.
    """

    row: Ints
    values: Floats
    problems: list[DataError]


def measure(dataset: Dataset, count: int | None, seed: int = 0, track: Track = silent) -> Pixels:
    """Measure a sample of the pictures, the same for the same seed.

    Args:
        dataset: Of which `images` are read.
        count: Pictures to read; None for all.
        seed: Another seed, another sample.
        track: Shows progress.
    """
    rows = sample(len(dataset.images), count, seed)
    paths = dataset.images.path[rows].tolist()
    sides = dataset.images.size[rows].max(axis=1).tolist() if len(rows) else []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(track(pool.map(_measured, paths, sides), "reading pixels", len(paths)))
    good = [not isinstance(one, DataError) for one in results]
    values = [one for one in results if not isinstance(one, DataError)]
    return Pixels(
        row=rows[good],
        values=np.array(values, dtype=np.float64).reshape(-1, len(FEATURES)),
        problems=[one for one in results if isinstance(one, DataError)],
    )


def summary(dataset: Dataset, pixels: Pixels, seed: int) -> dict[str, Any]:
    """The measured pixels as plain data for JSON.

    Returns:
        ``sampled`` of ``images`` pictures, with which ``seed``; quantiles of the `FEATURES` in
        ``all`` and in each of ``splits``; ``histograms``; ``odd``: pictures that are dark, bright,
        flat or blurred, each kind with its limit, a count and the worst by name; ``unreadable``.
    """
    split = dataset.images.split[pixels.row]
    names = [name for name in dict.fromkeys(split.tolist()) if name]
    return {
        "sampled": len(pixels.row),
        "images": len(dataset.images),
        "seed": seed,
        "all": _features(pixels.values),
        "splits": {name: _features(pixels.values[split == name]) for name in names},
        "histograms": {
            name: shapes.histogram(pixels.values[:, place], split, _edges(name))
            for place, name in enumerate(FEATURES)
        },
        "odd": odd(dataset, pixels),
        "unreadable": [str(problem) for problem in pixels.problems],
    }


def odd(dataset: Dataset, pixels: Pixels) -> dict[str, Any]:
    """Pictures that a person should look at, by kind, the worst first."""
    light, spread, sharp = pixels.values.T
    limit = round(float(np.median(sharp)) * BLURRED, 1) if len(sharp) else 0.0
    kinds = {
        "dark": (DARK, light, 1),
        "bright": (BRIGHT, light, -1),
        "flat": (FLAT, spread, 1),
        "blurred": (limit, sharp, 1),
    }
    return {
        kind: {"limit": limit, **_beyond(dataset, pixels.row, values, limit, sign)}
        for kind, (limit, values, sign) in kinds.items()
    }


def _beyond(dataset: Dataset, row: Ints, values: Floats, limit: float, sign: int) -> dict[str, Any]:
    """How many values (K,) are under the limit (over it for a negative sign), and the worst."""
    found = np.flatnonzero(sign * values < sign * limit)
    worst = found[np.argsort(sign * values[found], kind="stable")[: shapes.NAMED]]
    return {
        "count": len(found),
        "worst": [
            {
                "picture": shapes.picture_name(dataset, row[i]),
                "path": str(dataset.images.path[row[i]]),
                "value": round(float(values[i]), 1),
            }
            for i in worst
        ],
    }


def _features(values: Floats) -> dict[str, Any]:
    columns = {name: quantiles(values[:, place]) for place, name in enumerate(FEATURES)}
    return {"images": len(values), **columns}


def _edges(feature: str) -> Floats:
    if feature == "sharpness":
        return shapes.octaves(1, 2**14)
    return np.linspace(0, 255 if feature == "brightness" else 128, BINS + 1)


def sample(total: int, count: int | None, seed: int) -> Ints:
    """Rows spread evenly over `total`, one drawn from each of `count` equal stretches, sorted."""
    if count is None or count >= total:
        return np.arange(total)
    draw = random.Random(seed)  # noqa: S311 - no secret
    edges = (place * total // count for place in range(count + 1))
    return np.array([draw.randrange(low, high) for low, high in pairwise(edges)], dtype=np.int64)


def _measured(path: str, side: int) -> tuple[float, float, float] | DataError:
    """Brightness, contrast and sharpness of one picture, or why it has none."""
    import cv2

    data = load(path)
    if isinstance(data, DataError):
        return data
    picture = decode_reduced(path, data, (side, SIDE), grey=True)
    if isinstance(picture, DataError):
        return picture
    scale = SIDE / max(picture.shape)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    size = [max(1, round(length * scale)) for length in picture.shape[::-1]]
    fixed = cv2.resize(picture, size, interpolation=how)
    mean, spread = cv2.meanStdDev(fixed)
    _, edges = cv2.meanStdDev(cv2.Laplacian(fixed, cv2.CV_64F))
    return round(float(mean[0, 0]), 3), round(float(spread[0, 0]), 3), round(edges[0, 0] ** 2, 3)
