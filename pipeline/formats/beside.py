"""What a folder that boxwright wrote says beside its annotations.

``pictures.csv`` holds groups and origins, for which formats have no place; ``manifest.json`` the
splits and the order of the classes. A folder whose labels were mended in another program comes
back with them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import manifest
from pipeline.dataset import Bools, Boxes, Dataset, Images, Outlines, strings
from pipeline.formats import pictures_csv
from pipeline.formats.reading import Reading

KIND = "exported"
_BOXES_TWICE = {"coco", "fiftyone"}  # a box stands there as a polygon too
_EXACT = 1e-3  # pixels


def told(root: Path, reading: Reading) -> Reading:
    """The reading with what its folder tells; as it is where boxwright did not write that.

    Pictures are told apart by their paths, so that it does not matter what a reader calls them.

    Args:
        root: What was read: the folder, one below it, or a file in it.
        reading: What its annotations say.

    Raises:
        DataError: pictures.csv is not as it was written.
    """
    home, made = _home(root)
    if home is None:
        return reading
    dataset = reading.dataset
    images = _facts(dataset.images, home, pictures_csv.read(home), made)
    boxes = dataset.boxes
    if made.get("format") in _BOXES_TWICE:
        boxes = replace(boxes, outline=_drawn(boxes))
    named = _in_order(replace(dataset, images=images, boxes=boxes), _texts(made.get("classes")))
    return replace(reading, dataset=named)


def _home(root: Path) -> tuple[Path | None, Mapping[str, Any]]:
    """The folder of ours that a source is, or is part of; and its manifest."""
    here = root.absolute()
    for folder in (here, here.parent, here.parent.parent):
        made = manifest.read(folder) if folder.is_dir() else None
        if made and made.get("kind") == KIND:
            return folder, made
    return None, {}


def _texts(values: Any) -> list[str]:
    """The texts among some values, each once: a manifest may have been edited."""
    found = values if isinstance(values, list | dict) else []
    return list(dict.fromkeys(value for value in found if isinstance(value, str)))


def _facts(
    images: Images, home: Path, known: Mapping[str, tuple[str, str]], made: Mapping[str, Any]
) -> Images:
    """Names as they were, splits, groups and origins."""
    splits = {split for split in _texts(made.get("splits")) if split}
    base = os.path.join(os.path.abspath(home), "")
    columns: list[tuple[str, str, str, str]] = []
    for row, path in enumerate(images.path):
        name = os.path.abspath(path).removeprefix(base).replace(os.sep, "/")
        full = next((key for key in _keys(name, splits) if key in known), "")
        if not full:
            own = (images.name[row], images.split[row], images.group[row], images.origin[row])
            columns.append(own)
            continue
        split, _, below = full.partition("/")
        at = (below, split) if split in splits else (full, "")
        columns.append((*at, *known[full]))
    facts = [strings(column) for column in zip(*columns, strict=True)]
    if not facts:
        return images
    return replace(images, name=facts[0], split=facts[1], group=facts[2], origin=facts[3])


def _keys(name: str, splits: set[str]) -> list[str]:
    """What a picture may be called in pictures.csv, by its path below the folder."""
    first, _, rest = name.partition("/")
    second, _, below = rest.partition("/")
    inside = f"{first}/{below}" if first in splits and second == "data" else name
    return [name, rest, inside]


def _drawn(boxes: Boxes) -> Outlines:
    """The outlines without those that are only the box once more, as COCO files have them."""
    count = np.diff(boxes.outline.start)
    rows = np.flatnonzero(count == 4)
    points = boxes.outline.take(rows).points.reshape(-1, 4, 2)
    ends = boxes.xyxy[rows].reshape(-1, 1, 2, 2)
    corner: Bools = (np.abs(points[:, :, None] - ends).min(axis=2) <= _EXACT).all(axis=(1, 2))
    if not corner.any():
        return boxes.outline
    kept = np.ones(len(boxes), dtype=bool)
    kept[rows[corner]] = False
    points_kept = boxes.outline.points[np.repeat(kept, count)]
    return Outlines.of_counts(points_kept, np.where(kept, count, 0))


def _in_order(dataset: Dataset, classes: Sequence[str]) -> Dataset:
    """The classes in the order that they had, then those that are new."""
    order = [*classes, *(name for name in dataset.classes if name not in classes)]
    index = np.array([order.index(name) for name in dataset.classes], dtype=np.int64)
    label = index[dataset.boxes.label] if len(index) else dataset.boxes.label
    return replace(dataset, classes=tuple(order), boxes=replace(dataset.boxes, label=label))
