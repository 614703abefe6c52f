"""What is in a data set, as plain numbers: counts, sizes and shapes, by split and class."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from pipeline import boxes as geometry
from pipeline.dataset import Dataset, Floats, Ints

QUANTILES = (0, 5, 25, 50, 75, 95, 100)
SIZES = ("small", "medium", "large")
SMALL, LARGE = 32**2, 96**2  # COCO's borders, in square pixels
FEW_TO_LEARN, FEW_TO_MEASURE = 100, 20  # boxes of a class in train; in val and test
COMMON = 5  # picture sizes to name


def stats(dataset: Dataset) -> dict[str, Any]:
    """Count what is in a data set.

    Returns:
        Plain data for JSON: ``classes``; ``all`` and each of ``splits`` with the numbers of
        `summarise`; ``warnings``, sentences about what will hurt a training.
    """
    names = [s for s in dict.fromkeys(dataset.images.split.tolist()) if s]
    splits = {name: summarise(dataset.of_split(name)) for name in names}
    whole = summarise(dataset)
    return {
        "classes": list(dataset.classes),
        "all": whole,
        "splits": splits,
        "warnings": warnings(whole, splits),
    }


def summarise(dataset: Dataset) -> dict[str, Any]:
    """The numbers of one data set or split.

    Returns:
        ``images``, ``background`` (pictures without boxes), ``boxes``, ``crowd``; ``sizes`` (boxes
        by COCO's small, medium, large); quantiles in per cent of ``relative_area`` (of a box in
        its picture, 0 to 1), ``aspect`` (width by height) and ``boxes_per_image``;
        ``image_sizes``, the most common first; ``classes``, a row each.
    """
    per_image = np.bincount(dataset.boxes.image, minlength=len(dataset.images))
    area = geometry.area(dataset.boxes.xyxy)
    return {
        "images": len(dataset.images),
        "background": int(np.count_nonzero(per_image == 0)),
        "boxes": len(dataset.boxes),
        "crowd": int(np.count_nonzero(dataset.boxes.crowd)),
        "sizes": size_counts(area),
        "relative_area": quantiles(_relative_area(dataset, area)),
        "aspect": quantiles(_aspect(dataset.boxes.xyxy)),
        "boxes_per_image": quantiles(per_image),
        "image_sizes": _image_sizes(dataset.images.size),
        "classes": _classes(dataset, area),
    }


def size_counts(area: Floats) -> dict[str, int]:
    """How many of the areas (M,) in square pixels are small, medium and large by COCO's borders."""
    counts = np.bincount(_size(area), minlength=len(SIZES)).tolist()
    return dict(zip(SIZES, counts, strict=True))


def quantiles(values: Floats | Ints) -> dict[str, float] | None:
    """The values (N,) at `QUANTILES` per cent; None where there are none."""
    if not len(values):
        return None
    found = np.percentile(values, QUANTILES)
    return {str(q): round(float(v), 6) for q, v in zip(QUANTILES, found, strict=True)}


def _size(area: Floats) -> Ints:
    return np.digitize(area, [SMALL, LARGE]).astype(np.int64)


def _relative_area(dataset: Dataset, area: Floats) -> Floats:
    whole = dataset.images.size.prod(axis=1)[dataset.boxes.image]
    return np.asarray(area / whole)


def _aspect(xyxy: Floats) -> Floats:
    """(M,) width by height of the boxes that have a height."""
    width, height = (xyxy[:, 2:] - xyxy[:, :2]).T
    return np.asarray(width[height > 0] / height[height > 0])


def _image_sizes(size: Ints) -> dict[str, Any]:
    if not len(size):
        return {"different": 0, "common": []}
    kinds, counts = np.unique(size, axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:COMMON]
    return {
        "different": len(kinds),
        "common": [
            {"width": int(kinds[i, 0]), "height": int(kinds[i, 1]), "images": int(counts[i])}
            for i in order
        ],
    }


def _classes(dataset: Dataset, area: Floats) -> list[dict[str, Any]]:
    count, label = len(dataset.classes), dataset.boxes.label
    boxes = np.bincount(label, minlength=count)
    pairs = np.sort(dataset.boxes.image * count + label, kind="stable")
    once = pairs[np.diff(pairs, prepend=-1) > 0]  # each class once a picture
    images = np.bincount(once % max(count, 1), minlength=count)
    by_size = np.bincount(label * len(SIZES) + _size(area), minlength=count * len(SIZES))
    median = _medians(label, _relative_area(dataset, area), count)
    return [
        {
            "class": name,
            "images": int(images[i]),
            "boxes": int(boxes[i]),
            **dict(zip(SIZES, by_size.reshape(-1, len(SIZES))[i].tolist(), strict=True)),
            "relative_area": median[i],
        }
        for i, name in enumerate(dataset.classes)
    ]


def _medians(label: Ints, values: Floats, count: int) -> list[float | None]:
    """The median of each label's values; None for a label that has none."""
    ordered = values[np.argsort(label, kind="stable")]
    edges = np.concatenate([[0], np.cumsum(np.bincount(label, minlength=count))])
    return [round(float(np.median(ordered[a:b])), 6) if b > a else None for a, b in pairwise(edges)]


def warnings(whole: dict[str, Any], splits: dict[str, dict[str, Any]]) -> list[str]:
    """What will hurt a training or make its score worth little, a sentence each."""
    if not whole["boxes"]:
        return ["There is no box at all."]
    found = [_absent(name, split, whole) for name, split in splits.items()]
    found += [_rare(name, split) for name, split in splits.items()]
    if splits and "val" not in splits:
        found.append("There is no val split; a training cannot tell when to stop.")
    return [sentence for sentence in found if sentence]


def _absent(name: str, split: dict[str, Any], whole: dict[str, Any]) -> str:
    rows = zip(split["classes"], whole["classes"], strict=True)
    # a class that is nowhere is told once, with train
    names = [r["class"] for r, w in rows if not r["boxes"] and (w["boxes"] or name == "train")]
    outcome = "cannot be learnt" if name == "train" else "cannot be measured"
    return f"Not in {name}, so {outcome} there: {_listed(names)}." if names else ""


def _rare(name: str, split: dict[str, Any]) -> str:
    few = FEW_TO_LEARN if name == "train" else FEW_TO_MEASURE
    names = [f"{r['class']} ({r['boxes']})" for r in split["classes"] if 0 < r["boxes"] < few]
    outcome = "expect it to be learnt badly" if name == "train" else "its score will be unsure"
    return f"Fewer than {few} boxes in {name}; {outcome}: {_listed(names)}." if names else ""


def _listed(names: list[str], most: int = 12) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
