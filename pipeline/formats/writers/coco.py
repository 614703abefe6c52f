"""COCO's detection JSON, a file a split: annotations/<split>.json, pictures in images/<split>.

Ids count from 1, also those of categories: 0 is the background to pycocotools and others. Every
annotation has an ``area`` and a ``segmentation`` (mask models crash without): its outline, or the
box as a polygon. A prediction has a ``score``. See https://cocodataset.org/#format-data.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from pipeline.formats import coco
from pipeline.formats.tree import polygon_area
from pipeline.formats.writers.pictures import Label, Picture

WHOLE = "instances"  # the file where there are no splits
_encode = msgspec.json.encode


def write(folder: Path, pictures: Iterable[Picture], classes: Sequence[str]) -> None:
    """Write annotations/<split>.json.

    Raises:
        OSError: The disk refuses.
    """
    (folder / "annotations").mkdir()
    for split, sheet in sheets(pictures, classes).items():
        sheet.write(folder / "annotations" / f"{split or WHOLE}.json")


class Sheet:
    """One file, encoded as it grows."""

    def __init__(self, classes: Sequence[str]) -> None:
        self._classes = classes
        self._id_of = {name: number for number, name in enumerate(classes, 1)}
        self._images: list[bytes] = []
        self._boxes: list[bytes] = []

    def add(self, picture: Picture) -> None:
        number = len(self._images) + 1
        width, height = picture.size
        image = {"id": number, "file_name": picture.name, "width": width, "height": height}
        self._images.append(_encode(image))
        for label in picture.labels:
            about = {"image_id": number, "category_id": self._id_of[label.name]}
            self._boxes.append(_encode({"id": len(self._boxes) + 1, **about, **_box(label)}))

    def write(self, path: Path) -> None:
        rows = zip([b",\n".join(self._images)], [b",\n".join(self._boxes)], strict=True)
        coco.write_rows(path, self._classes, [*rows])


def sheets(pictures: Iterable[Picture], classes: Sequence[str]) -> dict[str, Sheet]:
    """The pictures of each split."""
    found: dict[str, Sheet] = {}
    for picture in pictures:
        found.setdefault(picture.split, Sheet(classes)).add(picture)
    return found or {"": Sheet(classes)}


def _box(label: Label) -> dict[str, Any]:
    x1, y1, x2, y2 = label.xyxy
    width, height = x2 - x1, y2 - y1
    outline = [value for point in label.outline for value in point]
    box = {
        "bbox": [x1, y1, width, height],
        "area": polygon_area(outline) if outline else width * height,
        "iscrowd": int(label.crowd),
        "segmentation": [outline or [x1, y1, x2, y1, x2, y2, x1, y2]],
    }
    return box if label.score is None else {**box, "score": label.score}
