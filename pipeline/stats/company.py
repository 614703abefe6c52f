"""Which classes stand in the same pictures."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np

from pipeline.dataset import Dataset, Ints
from pipeline.stats.spread import distinct

LOOKED_AT = 1000  # classes: the most frequent
SHOWN = 20  # classes with their whole matrix
PAIRS = 20  # to name
ALWAYS, COMMON = 0.95, 0.5  # a class that is in half of all pictures stands beside any other
ENOUGH = 20  # pictures to tell habit from chance


def together(dataset: Dataset) -> dict[str, Any]:
    """Which classes stand in the same pictures, of the `LOOKED_AT` most frequent ones.

    Returns:
        ``classes``: the `SHOWN` most frequent; ``images``: pictures that hold both of each two,
        on the diagonal those that hold the one; ``pairs``: the most frequent of all, each ``a``,
        ``b``, ``images`` and ``share`` of the pictures with the rarer of them; ``always``:
        classes that are hardly ever seen without another, which is not itself everywhere.
    """
    names = len(dataset.classes)
    label, image = dataset.boxes.label, dataset.boxes.image
    frequent = np.argsort(-np.bincount(label, minlength=names), kind="stable")[:LOOKED_AT]
    place = np.full(names, -1)
    place[frequent] = np.arange(len(frequent))
    kept = place[label] >= 0
    images = _matrix(image[kept], place[label[kept]], len(frequent))
    classes = [dataset.classes[i] for i in frequent]
    return {
        "classes": classes[:SHOWN],
        "images": images[:SHOWN, :SHOWN].tolist(),
        "pairs": _pairs(images, classes),
        "always": _always(images, classes, len(dataset.images)),
    }


def _matrix(image: Ints, label: Ints, classes: int) -> Ints:
    """(K, K) pictures that hold each two of the classes; the diagonal: pictures of each."""
    once = distinct(image * max(classes, 1) + label)
    image, label = once // max(classes, 1), once % max(classes, 1)
    found = np.diag(np.bincount(label, minlength=classes))
    for step in count(1):  # each class with the one that comes `step` later in its picture
        same = image[step:] == image[:-step]
        if not same.any():
            break
        a, b = label[:-step][same], label[step:][same]
        pairs = np.bincount(a * classes + b, minlength=classes**2).reshape(classes, classes)
        found += pairs + pairs.T
    return found


def _pairs(images: Ints, classes: list[str]) -> list[dict[str, Any]]:
    own, above = np.diag(images), np.triu(images, 1)
    order = np.argsort(-above, axis=None, kind="stable")[:PAIRS]
    rows = zip(*(place.tolist() for place in np.unravel_index(order, above.shape)), strict=True)
    return [
        {
            "a": classes[a],
            "b": classes[b],
            "images": int(above[a, b]),
            "share": round(float(above[a, b] / min(own[a], own[b])), 6),
        }
        for a, b in rows
        if above[a, b]
    ]


def _always(images: Ints, classes: list[str], total: int) -> list[dict[str, Any]]:
    own = np.diag(images)
    share = images / np.maximum(own, 1)[:, None]
    tied = (share >= ALWAYS) & (own >= ENOUGH)[:, None] & (own <= COMMON * total)[None]
    np.fill_diagonal(tied, val=False)
    return [
        {"class": classes[a], "with": classes[b], "share": round(float(share[a, b]), 6)}
        for a, b in np.argwhere(tied).tolist()
    ]
