"""What no format can mean, looked for once in every reading: places and names that cannot be."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace

import numpy as np

from pipeline.dataset import Bools, Boxes, Floats
from pipeline.errors import DataError
from pipeline.formats.reading import Reading

FAR = 1e7  # pixels: no picture is so large, and no sum of such numbers overflows


def checked(reading: Reading) -> Reading:
    """Without the boxes that lie nowhere, and without what has a name that is no text.

    They become problems. JSON can hold half of a surrogate pair, and a file's name any bytes:
    neither can be written as UTF-8. Left out too are pictures whose own file lost all its boxes to
    problems: they would pass for background with the objects still in them.
    """
    return _without_lost(_without_odd_boxes(_without_odd_pictures(reading)))


def _without_odd_pictures(reading: Reading) -> Reading:
    images = reading.dataset.images
    good = np.array([_is_text(name) for name in images.name], dtype=bool)
    if good.all():
        return reading
    problems = [
        DataError(_shown(images.path[row]), "", "has a name that is no UTF-8", "rename it")
        for row in np.flatnonzero(~good).tolist()
    ]
    return replace(reading, problems=reading.problems + problems).keep_images(good)


def _without_odd_boxes(reading: Reading) -> Reading:
    dataset = reading.dataset
    odd = np.array([not _is_text(name) for name in dataset.classes], dtype=bool)
    far = _far(dataset.boxes)
    bad = far | odd[dataset.boxes.label] if odd.any() else far
    if not (bad.any() or odd.any()):
        return reading
    problems = [
        DataError(*reading.where(box), _what(dataset.boxes, box, far=bool(far[box])))
        for box in np.flatnonzero(bad).tolist()
    ]
    classes = ["" if wrong else name for wrong, name in zip(odd, dataset.classes, strict=True)]
    named = replace(dataset, classes=tuple(classes))
    return replace(reading, dataset=named, problems=reading.problems + problems).without(bad)


def _without_lost(reading: Reading) -> Reading:
    """Without pictures whose own label file failed; other formats tell them by their records."""
    failed = {problem.path for problem in reading.problems if problem.path.endswith(".txt")}
    if not failed:
        return reading
    pictures = Counter(reading.source)
    boxes = np.bincount(reading.dataset.boxes.image, minlength=len(reading.source))
    own = (path in failed and pictures[path] == 1 for path in reading.source)
    return reading.keep_images(~np.fromiter(own, dtype=bool) | (boxes > 0))


def _shown(path: str) -> str:
    """A path as it can be shown and written."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _far(boxes: Boxes) -> Bools:
    """(M,) whether a corner of a box or a point of its outline is not a place in a picture."""
    far: Bools = _beyond(boxes.xyxy)
    points = _beyond(boxes.outline.points)
    if points.any():
        owner = np.repeat(np.arange(len(boxes)), np.diff(boxes.outline.start))
        far[owner[points]] = True
    return far


def _beyond(numbers: Floats) -> Bools:
    near = ((numbers >= -FAR) & (numbers <= FAR)).all(axis=1)  # NaN is not
    return np.asarray(~near, dtype=bool)


def _what(boxes: Boxes, box: int, *, far: bool) -> str:
    if not far:
        return "has a label that is no text (half of a surrogate pair)"
    corners = ", ".join(f"{value:g}" for value in boxes.xyxy[box])
    beyond = _beyond(boxes.xyxy[box : box + 1])[0]
    return f"lies at {corners}: no place in a picture" if beyond else "has an outline out of reach"


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
