"""What no format can mean, looked for once in every reading: numbers and labels that cannot be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.dataset import Bools, Boxes, Floats
from pipeline.errors import DataError
from pipeline.formats.reading import Reading

FAR = 1e7  # pixels: no picture is so large, and no sum of such numbers overflows


def checked(reading: Reading) -> Reading:
    """Without the boxes that lie nowhere, or whose label is no text: they become problems."""
    dataset = reading.dataset
    odd = np.array([not _is_text(name) for name in dataset.classes], dtype=bool)
    far = _far(dataset.boxes)
    unnamed = odd[dataset.boxes.label] if odd.any() else np.zeros_like(far)
    if not (far.any() or odd.any()):
        return reading
    problems = [
        DataError(*reading.where(box), _what(dataset.boxes.xyxy[box], far=bool(far[box])))
        for box in np.flatnonzero(far | unnamed).tolist()
    ]
    classes = ["" if wrong else name for wrong, name in zip(odd, dataset.classes, strict=True)]
    named = replace(dataset, classes=tuple(classes))
    return replace(reading, dataset=named, problems=reading.problems + problems).without(
        far | unnamed
    )


def _far(boxes: Boxes) -> Bools:
    """(M,) whether a corner of a box or a point of its outline is not a place in a picture."""
    far: Bools = _beyond(boxes.xyxy)
    points = _beyond(boxes.outline.points)
    if points.any():
        owner = np.repeat(np.arange(len(boxes)), np.diff(boxes.outline.start))
        far[owner[points]] = True
    return far


def _beyond(numbers: Floats) -> Bools:
    near = (np.abs(numbers) <= FAR).all(axis=1)  # NaN is not
    return np.asarray(~near, dtype=bool)


def _what(xyxy: Floats, *, far: bool) -> str:
    if far:
        return f"lies at {', '.join(f'{value:g}' for value in xyxy)}: no place in a picture"
    return "has a label that is no text (half of a surrogate pair)"


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
