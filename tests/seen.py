"""What a reading holds, as plain data for tests to compare."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pipeline import formats
from pipeline.formats.reading import Reading, ReadOptions


class Box(NamedTuple):
    """A box as read: corners rounded to hundredths of a pixel, points of its outline."""

    picture: str
    label: str
    xyxy: tuple[float, ...]
    points: int
    crowd: bool


def read(name: str, root: Path, **options: Any) -> Reading:
    return formats.read(name, root, ReadOptions(**options))


def boxes(reading: Reading) -> list[Box]:
    data, found = reading.dataset, []
    for row in range(len(data.boxes)):
        corners = tuple(np.round(data.boxes.xyxy[row], 2).tolist())
        name = data.images.name[data.boxes.image[row]]
        label = data.classes[data.boxes.label[row]]
        points, crowd = len(data.boxes.outline[row]), bool(data.boxes.crowd[row])
        found.append(Box(name, label, corners, points, crowd))
    return found


def corners(reading: Reading) -> list[tuple[float, ...]]:
    return [box.xyxy for box in boxes(reading)]


def told(reading: Reading) -> str:
    return "\n".join(map(str, reading.problems))
