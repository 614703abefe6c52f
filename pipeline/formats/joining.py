"""Several readings as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.dataset import Boxes, Dataset, Images, Outlines, Strings, strings
from pipeline.formats.reading import Reading


def join(root: Path, parts: Sequence[Reading]) -> Reading:
    """One after the other, their classes matched by name, their notes added up.

    Nothing is renamed: pictures of one name are told apart by what comes before, if they must be.

    Args:
        root: The folder of all.
        parts: One reading or more.
    """
    classes = list(dict.fromkeys(name for part in parts for name in part.dataset.classes))
    number = {name: index for index, name in enumerate(classes)}
    firsts = np.cumsum([0, *(len(part.dataset.images) for part in parts)])
    boxes = []
    for part, first in zip(parts, firsts.tolist(), strict=False):
        labels = np.array([number[name] for name in part.dataset.classes], dtype=np.int64)
        of_part = part.dataset.boxes
        label = labels[of_part.label] if len(of_part) else of_part.label
        boxes.append(replace(of_part, image=of_part.image + first, label=label))
    return Reading(
        dataset=Dataset(
            root, tuple(classes), _images([p.dataset.images for p in parts]), _boxes(boxes)
        ),
        source=strings(file for part in parts for file in part.source),
        place=np.concatenate([part.place for part in parts]),
        place_name=parts[0].place_name,
        place_names=_place_names(parts),
        headers={path: header for part in parts for path, header in part.headers.items()},
        problems=[problem for part in parts for problem in part.problems],
        notes=dict(sum((Counter(part.notes) for part in parts), Counter[str]())),
    )


def _place_names(parts: Sequence[Reading]) -> Strings | None:
    """How places are written for each picture, where that differs."""
    if len({part.place_name for part in parts}) < 2 and all(p.place_names is None for p in parts):
        return None
    return strings(
        name
        for part in parts
        for name in (
            [part.place_name] * len(part.source) if part.place_names is None else part.place_names
        )
    )


def _images(parts: Sequence[Images]) -> Images:
    names = [one.name for one in fields(Images)]
    return Images(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})


def _boxes(parts: Sequence[Boxes]) -> Boxes:
    def column(name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in parts])

    points = np.concatenate([part.outline.points for part in parts])
    counts = np.concatenate([np.diff(part.outline.start) for part in parts])
    names = ("image", "label", "xyxy", "crowd", "score")
    return Boxes(**{n: column(n) for n in names}, outline=Outlines.of_counts(points, counts))
