"""Where pictures come from: their groups and origins, as far as they are known ("" is unknown)."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np

from pipeline.dataset import Dataset, Ints, Strings
from pipeline.stats.spread import distinct, quantiles

NAMED = 10


def groups(dataset: Dataset) -> dict[str, Any]:
    """The groups of one split.

    Returns:
        ``groups``, ``unknown`` (pictures of no known group), quantiles of ``images_per_group``,
        and the ``largest`` by name.
    """
    counts = Counter(dataset.images.group.tolist())
    unknown = counts.pop("", 0)
    return {
        "groups": len(counts),
        "unknown": unknown,
        "images_per_group": quantiles(np.array(list(counts.values()))),
        "largest": [{"group": g, "images": images} for g, images in counts.most_common(NAMED)],
    }


def group_sizes(column: Strings) -> list[int]:
    """Pictures of each group in the column (N,), in the order in which groups first appear."""
    counts = Counter(column.tolist())
    counts.pop("", None)
    return list(counts.values())


def origins(dataset: Dataset) -> list[dict[str, Any]]:
    """Pictures of each origin, the most frequent first; none where no origin is known."""
    counts = Counter(dataset.images.origin.tolist())
    if set(counts) <= {""}:
        return []
    return [{"origin": name, "images": images} for name, images in counts.most_common()]


def shared(dataset: Dataset) -> dict[str, Any]:
    """Groups that stand in more than one split: ``count``, their ``images``, ``examples``."""
    splits: dict[str, Counter[str]] = defaultdict(Counter)
    for group, split in zip(dataset.images.group, dataset.images.split, strict=True):
        if group and split:
            splits[group][split] += 1
    both = {group: found for group, found in splits.items() if len(found) > 1}
    return {
        "count": len(both),
        "images": sum(found.total() for found in both.values()),
        "examples": [{"group": g, "splits": list(found)} for g, found in [*both.items()][:NAMED]],
    }


def groups_of_classes(dataset: Dataset) -> list[int | None]:
    """How many groups each class stands in; None for all where no group is known."""
    code, known = _codes(dataset.images.group)
    if not known:
        return [None] * len(dataset.classes)
    of_box = code[dataset.boxes.image]
    pairs = distinct((dataset.boxes.label * known + of_box)[of_box >= 0])
    counts: list[int | None] = np.bincount(pairs // known, minlength=len(dataset.classes)).tolist()
    return counts


def _codes(column: Strings) -> tuple[Ints, int]:
    """(N,) a number for each group, -1 for none; and how many groups there are."""
    names = [name for name in dict.fromkeys(column.tolist()) if name]
    number = {"": -1} | {name: place for place, name in enumerate(names)}
    return np.array([number[name] for name in column], dtype=np.int64), len(names)
