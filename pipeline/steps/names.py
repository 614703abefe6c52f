"""Names for the prepared tree, which YOLO can find the labels of."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from pipeline.dataset import Dataset, strings


def tree_names(dataset: Dataset, *, flat: bool = False) -> tuple[Dataset, int]:
    """Name pictures as they will be called below images/<split>.

    Sub-folders are kept, but for those called `images`: YOLO finds a label by turning the last
    `images` of a path into `labels`. Names that would share a label file (a.jpg and a.png), or a
    place on a file system that folds case, are told apart by a number.

    Args:
        dataset: Named as in the source.
        flat: All pictures in one folder; "50/a.jpg" becomes "50_a.jpg".

    Returns:
        The data set, and how many names were changed to make them unique.
    """
    kept = [_without_images(name) for name in dataset.images.name]
    wished = [name.replace("/", "_") for name in kept] if flat else kept
    names = _unique(wished)
    changed = sum(a != b for a, b in zip(wished, names, strict=True))
    return replace(dataset, images=replace(dataset.images, name=strings(names))), changed


def _without_images(name: str) -> str:
    if "images/" not in name:
        return name
    return "/".join(part for part in name.split("/") if part != "images")


def _unique(names: list[str]) -> list[str]:
    stems = [name[: name.rfind(".")] for name in names]
    shared = Counter(stem.casefold() for stem in stems)
    if len(shared) == len(names):
        return names
    taken = set(shared)
    unique = []
    seen: Counter[str] = Counter()
    for name, stem in zip(names, stems, strict=True):
        key = stem.casefold()
        seen[key] += 1
        number = seen[key]
        while number > 1 and f"{key}-{number}" in taken:
            number += 1
        if number == 1:
            unique.append(name)
            continue
        taken.add(f"{key}-{number}")
        unique.append(f"{stem}-{number}{name[len(stem) :]}")
    return unique
