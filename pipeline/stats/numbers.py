"""What is in a data set, as plain numbers: counts, sizes, shapes, groups, by split and class."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline import boxes as geometry
from pipeline.dataset import Dataset, Floats, Ints
from pipeline.stats import company, shapes, sources, words
from pipeline.stats.spread import by_label, distinct, quantiles

SIZES = ("small", "medium", "large")
SMALL, LARGE = 32**2, 96**2  # COCO's borders, in square pixels
COMMON = 5  # picture sizes to name
KINDS = 500  # picture sizes to draw
IMGSZ = 640  # what most trainings take
TINY = 8  # pixels: the stride of the finest grid of most detectors
LONG = 10  # times as wide as high, or the other way round
CROWDED = 300  # boxes: what most detectors give at most


def stats(dataset: Dataset, imgsz: int = IMGSZ) -> dict[str, Any]:
    """Count what is in a data set.

    Args:
        dataset: All splits.
        imgsz: The longer side that pictures will be trained at, in pixels.

    Returns:
        Plain data for JSON: ``classes``; ``all`` and each of ``splits`` with the numbers of
        `summarise`; ``imgsz``; ``histograms`` and ``positions`` (see `shapes`);
        ``class_sides``, for each class the side (see `shapes.histograms`) at 5, 50 and 95 per
        cent; ``image_sizes``, the `KINDS` most common; ``together`` (see `company.together`);
        ``shared_groups`` (see `sources.shared`); ``outliers``; and ``warnings``, sentences about
        what will hurt a training.
    """
    names = [s for s in dict.fromkeys(dataset.images.split.tolist()) if s]
    found = {
        "classes": list(dataset.classes),
        "imgsz": imgsz,
        "all": summarise(dataset),
        "splits": {name: summarise(dataset.of_split(name)) for name in names},
        "class_sides": _class_sides(dataset, imgsz),
        "histograms": shapes.histograms(dataset, imgsz),
        "positions": shapes.positions(dataset),
        "image_sizes": _image_sizes(dataset.images.size, KINDS)["common"],
        "together": company.together(dataset),
        "shared_groups": sources.shared(dataset),
        "outliers": outliers(dataset, imgsz),
    }
    return {**found, "warnings": words.warnings(found)}


def summarise(dataset: Dataset) -> dict[str, Any]:
    """The numbers of one data set or split.

    Returns:
        ``images``, ``background`` (pictures without boxes), ``boxes``, ``crowd``; ``sizes`` (boxes
        by COCO's small, medium, large); quantiles in per cent of ``relative_area`` (of a box in
        its picture, 0 to 1), ``aspect`` (width by height) and ``boxes_per_image``;
        ``image_sizes``, the most common first; ``groups`` and ``origins`` (see `sources`);
        ``classes``, a row each.
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
        "image_sizes": _image_sizes(dataset.images.size, COMMON),
        "groups": sources.groups(dataset),
        "origins": sources.origins(dataset),
        "classes": _classes(dataset, area),
    }


def size_counts(area: Floats) -> dict[str, int]:
    """How many of the areas (M,) in square pixels are small, medium and large by COCO's borders."""
    counts = np.bincount(_size(area), minlength=len(SIZES)).tolist()
    return dict(zip(SIZES, counts, strict=True))


def outliers(dataset: Dataset, imgsz: int) -> dict[str, Any]:
    """Boxes and pictures that stand out, each with a ``limit``, a count and the worst by name.

    Returns:
        ``tiny``: boxes whose shorter side is under `TINY` pixels at `imgsz`; ``long``: boxes
        `LONG` times as long as wide, or more; ``crowded``: pictures of more than `CROWDED` boxes.
    """
    side = shapes.at_imgsz(dataset, imgsz)
    short, long = side.min(axis=1), side.max(axis=1)
    stretch = np.divide(long, short, out=np.zeros(len(short)), where=short > 0)
    per_image = np.bincount(dataset.boxes.image, minlength=len(dataset.images))
    return {
        "tiny": {"limit": TINY, **shapes.worst_boxes(dataset, short, short < TINY, -1)},
        "long": {"limit": LONG, **shapes.worst_boxes(dataset, stretch, stretch >= LONG, 1)},
        "crowded": {
            "limit": CROWDED,
            **shapes.worst_pictures(dataset, per_image, per_image > CROWDED),
        },
    }


def _size(area: Floats) -> Ints:
    return np.digitize(area, [SMALL, LARGE]).astype(np.int64)


def _relative_area(dataset: Dataset, area: Floats) -> Floats:
    whole = dataset.images.size.prod(axis=1)[dataset.boxes.image]
    return np.asarray(area / whole)


def _aspect(xyxy: Floats) -> Floats:
    """(M,) width by height of the boxes that have a height."""
    width, height = (xyxy[:, 2:] - xyxy[:, :2]).T
    return np.asarray(width[height > 0] / height[height > 0])


def _class_sides(dataset: Dataset, imgsz: int) -> list[list[float] | None]:
    side = np.sqrt(shapes.at_imgsz(dataset, imgsz).prod(axis=1))
    return by_label(dataset.boxes.label, side, len(dataset.classes), (5, 50, 95))


def _image_sizes(size: Ints, most: int) -> dict[str, Any]:
    if not len(size):
        return {"different": 0, "common": []}
    kinds, counts = np.unique(size, axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:most]
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
    once = distinct(dataset.boxes.image * count + label)  # each class once a picture
    images = np.bincount(once % max(count, 1), minlength=count)
    by_size = np.bincount(label * len(SIZES) + _size(area), minlength=count * len(SIZES))
    median = by_label(label, _relative_area(dataset, area), count, (50,))
    groups = sources.groups_of_classes(dataset)
    return [
        {
            "class": name,
            "images": int(images[i]),
            "groups": groups[i],
            "boxes": int(boxes[i]),
            **dict(zip(SIZES, by_size.reshape(-1, len(SIZES))[i].tolist(), strict=True)),
            "relative_area": own[0] if own else None,
        }
        for i, (name, own) in enumerate(zip(dataset.classes, median, strict=True))
    ]
