"""Data sets of the same classes, one after the other, and in the order of a tree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.dataset import Boxes, Dataset, Images, Outlines
from pipeline.formats import yolo


def joined(dataset: Dataset, more: Dataset) -> Dataset:
    """The rows of two data sets of the same classes, one after the other; ground truth."""
    a, b = dataset.boxes, more.boxes
    boxes = Boxes.of(
        np.concatenate([a.image, b.image + len(dataset.images)]),
        np.concatenate([a.label, b.label]),
        np.concatenate([a.xyxy, b.xyxy]),
        crowd=np.concatenate([a.crowd, b.crowd]),
        outline=Outlines.joined([a.outline, b.outline]),
    )
    return replace(dataset, images=Images.joined([dataset.images, more.images]), boxes=boxes)


def in_order(dataset: Dataset, labels: Outlines | None = None) -> tuple[Dataset, Outlines]:
    """Split by split, and by name, as a tree is read.

    Args:
        dataset: In any order.
        labels: (M) outlines of its boxes that go along; None: those of the boxes.

    Returns:
        The data set, and the outlines that went along.
    """
    images, boxes = dataset.images, dataset.boxes
    keys = [
        (yolo.SPLITS.index(split), name)
        for split, name in zip(images.split, images.name, strict=True)
    ]
    order = np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.int64)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    moved = replace(boxes, image=place[boxes.image])
    rows = np.argsort(moved.image, kind="stable")
    along = (boxes.outline if labels is None else labels).take(rows)
    return replace(dataset, images=images.take(order), boxes=moved.take(rows)), along
