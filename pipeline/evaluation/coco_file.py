"""The COCO file beside a split: its ids, and what YOLO's labels cannot say, the crowds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from pipeline.dataset import Dataset, Floats, Ints
from pipeline.errors import DataError

AGAIN = "run `boxwright convert` again, so that labels and annotations agree"
NEAR = 1.0  # pixels; labels are rounded to 6 decimals of the picture's size


class _Image(msgspec.Struct):
    id: int
    file_name: str


class _Category(msgspec.Struct):
    id: int
    name: str


class _Box(msgspec.Struct):
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    iscrowd: int = 0


class _File(msgspec.Struct):
    images: list[_Image]
    categories: list[_Category]
    annotations: list[_Box]


@dataclass(frozen=True, eq=False)
class Annotations:
    """What the COCO file of a split says of a data set read from its labels.

    Attributes:
        images: (N,) the id of every picture.
        categories: (K,) the id of every class.
        crowds: Row of the picture, label and xyxy of every crowd.
    """

    images: Ints
    categories: Ints
    crowds: list[tuple[int, int, Floats]]


def read(file: Path, dataset: Dataset) -> Annotations:
    """Read the COCO file of a split; where there is none, ids count from 1 and nothing is a crowd.

    Raises:
        DataError: It is damaged, or of other pictures or classes.
    """
    names, classes = dataset.images.name.tolist(), dataset.classes
    if not file.exists():
        return Annotations(np.arange(len(names)) + 1, np.arange(len(classes)) + 1, [])
    try:
        content = msgspec.json.decode(file.read_bytes(), type=_File)
        images = _column({i.file_name: i.id for i in content.images}, names)
        categories = _column({c.name: c.id for c in content.categories}, classes)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DataError(file, "", f"is no COCO file: {error}", AGAIN) from error
    except KeyError as error:
        raise DataError(file, "", f"does not have {error}, which is in the data", AGAIN) from error
    return Annotations(images, categories, _crowds(content, images, categories))


def _column(ids: dict[str, int], names: Iterable[str]) -> Ints:
    return np.array([ids[name] for name in names], dtype=np.int64)


def _crowds(content: _File, images: Ints, categories: Ints) -> list[tuple[int, int, Floats]]:
    row = {number: place for place, number in enumerate(images.tolist())}
    label = {number: place for place, number in enumerate(categories.tolist())}
    found = []
    for box in content.annotations:
        if box.iscrowd and box.image_id in row and box.category_id in label:
            x, y, width, height = box.bbox
            corners = np.array([x, y, x + width, y + height])
            found.append((row[box.image_id], label[box.category_id], corners))
    return found


def mark_crowds(truth: Dataset, annotations: Annotations) -> Dataset:
    """The same boxes, with those marked as crowds that are so in the annotations."""
    boxes, slices = truth.boxes, truth.per_image()
    crowd = boxes.crowd.copy()
    for row, label, xyxy in annotations.crowds:
        own = slices[row]
        near = np.abs(boxes.xyxy[own] - xyxy).max(axis=1, initial=0) <= NEAR
        crowd[own] |= near & (boxes.label[own] == label)
    return replace(truth, boxes=replace(boxes, crowd=crowd))
