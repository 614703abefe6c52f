"""How much of each split is leaked, as plain numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.check.leaks import JUDGED, Leaks
from pipeline.dataset import Bools, Dataset


def shares(dataset: Dataset, leaks: Leaks) -> dict[str, Any]:
    """For each split that is judged, which part of it has a partner in a split before it.

    Returns:
        By split: ``pictures``, ``leaked``, ``share`` (0 to 1), ``kinds`` (leaked pictures by way),
        ``against`` (by split before it: ``leaked``, ``share``, ``kinds``) and ``classes``
        (``class``, ``boxes``, ``leaked`` of them on leaked pictures, ``share``).
    """
    there = set(dataset.images.split.tolist())
    return {
        split: _of_split(dataset, leaks, split, [one for one in before if one in there])
        for split, before in JUDGED.items()
        if split in there and there.intersection(before)
    }


def leaked(leaks: Leaks, count: int) -> Bools:
    """(N,) whether a picture is leaked, of `count` pictures."""
    mask = np.zeros(count, dtype=bool)
    mask[leaks.image] = True
    return mask


def _of_split(dataset: Dataset, leaks: Leaks, split: str, before: list[str]) -> dict[str, Any]:
    own = np.asarray(dataset.images.split == split, dtype=bool)
    of_split = leaks.take(own[leaks.image])
    pictures = int(own.sum())
    against = {
        one: _counts(of_split.against(dataset.images.split, one), pictures) for one in before
    }
    return {
        "pictures": pictures,
        **_counts(of_split, pictures),
        "against": against,
        "classes": _classes(dataset, own, leaked(of_split, len(own))),
    }


def _counts(leaks: Leaks, pictures: int) -> dict[str, Any]:
    count = len(np.unique(leaks.image))
    by_way = {
        way: len(np.unique(leaks.image[leaks.kinds[:, at]])) for at, way in enumerate(leaks.ways)
    }
    return {"leaked": count, "share": round(count / pictures, 6), "kinds": by_way}


def _classes(dataset: Dataset, own: Bools, bad: Bools) -> list[dict[str, Any]]:
    boxes, count = dataset.boxes, len(dataset.classes)
    every = np.bincount(boxes.label[own[boxes.image]], minlength=count).tolist()
    lost = np.bincount(boxes.label[bad[boxes.image]], minlength=count).tolist()
    return [
        {"class": name, "boxes": all_, "leaked": some, "share": _share(some, all_)}
        for name, all_, some in zip(dataset.classes, every, lost, strict=True)
    ]


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None
