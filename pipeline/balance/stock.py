"""The items of a training split that can be cut out and pasted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline import boxes as geometry
from pipeline.balance import canvas
from pipeline.dataset import Dataset
from pipeline.errors import BoxwrightError

_LEAST = 12  # pixels: the shorter side of an item that is worth pasting


@dataclass(frozen=True)
class Stock:
    """What can be pasted.

    Attributes:
        rows: Rows in the boxes of train, by class.
        left_out: How many boxes of the classes cannot be, by the reason.
    """

    rows: dict[int, list[int]]
    left_out: dict[str, int]


def stock(train: Dataset, labels: Sequence[int], cover: float) -> Stock:
    """Items of some classes that can be cut out whole.

    Args:
        train: The pictures to train on.
        labels: The classes.
        cover: An item that another object covers more of than this is left out.

    Raises:
        BoxwrightError: There is none.
    """
    rows: dict[int, list[int]] = {label: [] for label in labels}
    left_out: Counter[str] = Counter()
    for picture, own in enumerate(train.per_image()):
        for row in range(own.start, own.stop):
            if train.boxes.label[row] not in rows:
                continue
            reason = _unfit(train, picture, own, row, cover)
            if reason:
                left_out[reason] += 1
            else:
                rows[int(train.boxes.label[row])].append(row)
    if not any(rows.values()):
        names = ", ".join(train.classes[label] for label in labels)
        found = "; ".join(f"{count} {reason}" for reason, count in left_out.items())
        raise BoxwrightError(
            f"copy-paste: no item of {names} can be cut out ({found or 'there is none'})."
            "\n    -> items need an outline: draw polygons, or balance by --method oversample."
        )
    return Stock(rows, dict(left_out))


def _unfit(train: Dataset, picture: int, own: slice, row: int, cover: float) -> str:
    """Why a box cannot be pasted; "" where it can."""
    outline = train.boxes.outline[row]
    if not len(outline):
        return "without an outline"
    if train.boxes.crowd[row]:
        return "of a crowd"
    width, height = train.images.size[picture].tolist()
    low, high = outline.min(axis=0), outline.max(axis=0)
    if (low <= 1).any() or high[0] >= width - 1 or high[1] >= height - 1:
        return "cut off by the picture's border"
    if (high - low).min() < _LEAST:
        return f"narrower than {_LEAST} pixels"
    return "covered by another object" if _covered(train, picture, own, row) > cover else ""


def _covered(train: Dataset, picture: int, own: slice, row: int) -> float:
    """The largest share of an item that lies within another object's shape."""
    width, height = train.images.size[picture].tolist()
    boxes = train.boxes
    meets = geometry.iou(boxes.xyxy[row : row + 1], boxes.xyxy[own])[0] > 0
    shapes = {
        other: canvas.shape_of(boxes.xyxy[other], boxes.outline[other], (width, height))
        for other in (own.start + np.flatnonzero(meets)).tolist()
    }
    item = shapes.pop(row)
    shared = max((canvas.overlap(item, other) for other in shapes.values()), default=0)
    return shared / int(item.mask.sum())
