"""How boxes are spread: over pictures, sizes, shapes and places.

Everything is counted into fixed bins, so that a million boxes cost what a thousand do to draw.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.dataset import Bools, Dataset, Floats, Ints, strings
from pipeline.stats import sources

CELLS = 30  # of a heat map, a side; a multiple of three: the middle third counts
OCTAVE = 4  # bins between a value and its double
SIDES = (2, 2048)  # pixels
ASPECTS = (1 / 16, 16)
MOST_BARS = 30
NAMED = 8

Histogram = dict[str, Any]


def histograms(dataset: Dataset, imgsz: int) -> dict[str, Histogram]:
    """How many boxes (pictures) fall into each bin, by split.

    Returns:
        ``boxes_per_image``, ``side`` (root of a box's area in pixels, once the longer side of its
        picture is `imgsz`), ``aspect`` (width by height) and ``images_per_group``, each as from
        `histogram`.
    """
    split = dataset.images.split
    per_image = np.bincount(dataset.boxes.image, minlength=len(dataset.images))
    width, height = at_imgsz(dataset, imgsz).T
    real = (width > 0) & (height > 0)
    of_box = split[dataset.boxes.image][real]
    width, height = width[real], height[real]
    return {
        "boxes_per_image": histogram(per_image, split, counts_edges(per_image)),
        "side": histogram(np.sqrt(width * height), of_box, octaves(*SIDES)),
        "aspect": histogram(width / height, of_box, octaves(*ASPECTS)),
        "images_per_group": _per_group(dataset),
    }


def _per_group(dataset: Dataset) -> Histogram:
    splits = dataset.images.split
    counts = {
        name: sources.group_sizes(dataset.images.group[splits == name])
        for name in dict.fromkeys(splits.tolist())
    }
    sizes = np.array([size for own in counts.values() for size in own], dtype=np.int64)
    of_group = strings(name for name, own in counts.items() for _ in own)
    return histogram(sizes, of_group, counts_edges(sizes))


def histogram(values: Floats | Ints, split: Any, edges: Floats) -> Histogram:
    """Count values (N,) between edges (B + 1,); what is outside goes to the first or last bin.

    Returns:
        ``edges``, and ``splits``: B counts for each name in `split` (N,), in their first order.
    """
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    names = dict.fromkeys(split.tolist())
    return {
        "edges": [round(float(edge), 6) for edge in edges],
        "splits": {
            name: np.bincount(place[split == name], minlength=len(edges) - 1).tolist()
            for name in names
        },
    }


def octaves(low: float, high: float) -> Floats:
    """Edges from low to high, `OCTAVE` bins to each doubling."""
    return np.geomspace(low, high, 1 + OCTAVE * round(float(np.log2(high / low))))


def counts_edges(counts: Ints) -> Floats:
    """Edges of equal, whole steps for counts from 0; the last bin takes the rarest hundredth."""
    top = int(np.percentile(counts, 99)) + 1 if len(counts) else 1
    step = -(-top // MOST_BARS)
    return np.arange(0, top + 2 * step, step, dtype=np.float64)


def at_imgsz(dataset: Dataset, imgsz: int) -> Floats:
    """(M, 2) width and height of the boxes once each picture's longer side is `imgsz` pixels."""
    side = np.clip(dataset.boxes.xyxy[:, 2:] - dataset.boxes.xyxy[:, :2], 0, None)
    scale = imgsz / np.maximum(dataset.images.size.max(axis=1), 1)
    return np.asarray(side * scale[dataset.boxes.image, None])


def positions(dataset: Dataset) -> dict[str, list[list[float]]]:
    """Heat maps of `CELLS` by `CELLS` over the picture; rows from top to bottom.

    Returns:
        ``centres``: boxes whose centre lies in the cell; ``coverage``: boxes over the middle of
        the cell, in a picture on average; ``sides``: boxes by height (rows, from 0 at the top to
        the whole picture) and width (columns).
    """
    size = np.tile(np.maximum(dataset.images.size, 1)[dataset.boxes.image], 2)
    xyxy = np.clip(dataset.boxes.xyxy / size, 0, 1) * CELLS
    centre, side = (xyxy[:, :2] + xyxy[:, 2:]) / 2, np.clip(xyxy[:, 2:] - xyxy[:, :2], 0, None)
    coverage = _coverage(xyxy) / max(len(dataset.images), 1)
    return {
        "centres": _cells(centre).tolist(),
        "coverage": coverage.round(6).tolist(),
        "sides": _cells(side).tolist(),
    }


def _cells(places: Floats) -> Ints:
    """(CELLS, CELLS) how many of the places (M, 2), x and y in cells, lie in each."""
    x, y = np.minimum(places.astype(np.int64), CELLS - 1).T
    return np.bincount(y * CELLS + x, minlength=CELLS**2).reshape(CELLS, CELLS)


def _coverage(xyxy: Floats) -> Floats:
    """(CELLS, CELLS) how many of the boxes (M, 4), in cells, lie over the middle of each.

    A box adds 1 at its first corner and takes it back behind the others: the running sums over
    both axes are then the counts (a summed-area table, the other way round).
    """
    x1, y1, x2, y2 = np.ceil(xyxy - 0.5).astype(np.int64).T
    real = (x2 > x1) & (y2 > y1)
    wide = CELLS + 1
    table = np.zeros(wide**2)
    for x, y, sign in ((x1, y1, 1), (x2, y1, -1), (x1, y2, -1), (x2, y2, 1)):
        table += sign * np.bincount((y * wide + x)[real], minlength=wide**2)
    return table.reshape(wide, wide).cumsum(axis=0).cumsum(axis=1)[:CELLS, :CELLS]


def worst_boxes(dataset: Dataset, values: Floats, found: Bools, sign: int) -> dict[str, Any]:
    """Of the boxes where `found` (M,) is true: how many, and those with the most extreme values.

    Args:
        dataset: Theirs.
        values: (M,) what they are judged by.
        found: (M,) which of them stand out.
        sign: 1 where high values are extreme, -1 where low ones are.
    """
    rows = np.flatnonzero(found)
    worst = rows[np.argsort(-sign * values[rows], kind="stable")[:NAMED]]
    return {
        "count": len(rows),
        "worst": [
            {
                "picture": picture_name(dataset, dataset.boxes.image[i]),
                "class": dataset.classes[dataset.boxes.label[i]],
                "value": round(float(values[i]), 3),
            }
            for i in worst
        ],
    }


def worst_pictures(dataset: Dataset, counts: Ints, found: Bools) -> dict[str, Any]:
    """Of the pictures where `found` (N,) is true: how many, and those of the highest counts."""
    rows = np.flatnonzero(found)
    worst = rows[np.argsort(-counts[rows], kind="stable")[:NAMED]]
    named = [{"picture": picture_name(dataset, i), "value": int(counts[i])} for i in worst]
    return {"count": len(rows), "worst": named}


def picture_name(dataset: Dataset, row: int) -> str:
    """A picture's name with its split, as it stands below a tree's images."""
    split, name = dataset.images.split[row], dataset.images.name[row]
    return f"{split}/{name}" if split else str(name)
