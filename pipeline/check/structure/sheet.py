"""Annotations as they are written, before anything is mended: what the structure checks look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipeline.check.findings import Finding, Fix, Severity
from pipeline.dataset import Bools, Boxes, Dataset, Floats, Images, Ints, Strings

Format = Literal["yolo", "coco", "corners"]


@dataclass(frozen=True, eq=False)
class Sheet:
    """Every box that can be told as four numbers, whatever else is wrong with it.

    Attributes:
        format: "yolo", "coco" or "corners" (labelme and its relatives).
        root: What was read.
        classes: Class names.
        images: One row a picture; its size is (0, 0) where the file is damaged or missing.
        orientation: (N,) EXIF orientation of each picture, 1 to 8.
        claimed: (N, 2) width and height that the annotations claim; 0 where they claim none.
        file: (N,) the annotation file of each picture; "" where there is none.
        image: (M,) picture of each box, non-decreasing.
        label: (M,) class of each box; -1 for one that is not known.
        xyxy: (M, 4) pixels as shown, read as the format has it; not clipped, not put in order.
        other: (M, 4) the same box as a second witness tells it (an outline, a COCO file beside
            YOLO labels); NaN for none.
        witness: What the second witness is, for messages.
        place: (M,) where each box stands in its file.
        place_name: How a place is written: "line {}".
        found: What reading alone has found.
    """

    format: Format
    root: Path
    classes: tuple[str, ...]
    images: Images
    orientation: Ints
    claimed: Ints
    file: Strings
    image: Ints
    label: Ints
    xyxy: Floats
    other: Floats
    witness: str
    place: Ints
    place_name: str
    found: list[Finding] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.image)

    @cached_property
    def size(self) -> Ints:
        """(M, 2) width and height of each box's picture."""
        return self.images.size[self.image]

    @cached_property
    def known(self) -> Bools:
        """(M,) boxes with a picture and a class: those that training would see."""
        return (self.size > 0).all(axis=1) & (self.label >= 0)

    @cached_property
    def row(self) -> Ints:
        """(M,) row of each box in `dataset`; -1 for those that are not in it."""
        return np.where(self.known, np.cumsum(self.known) - 1, -1)

    @cached_property
    def dataset(self) -> Dataset:
        """What training would see of it, boxes as they are written."""
        here = self.known
        images = replace(self.images, size=np.maximum(self.images.size, 1))
        boxes = Boxes.of(self.image[here], self.label[here], self.xyxy[here])
        return Dataset(self.root, self.classes, images, boxes)

    def finding(
        self, box: int, kind: str, severity: Severity, message: str, **more: Any
    ) -> Finding:
        """What is wrong with one box.

        Args:
            box: Its row here.
            kind: The defect's name.
            severity: How bad it is.
            message: What is wrong, with the values found.
            more: `fix` and `advice`.
        """
        image, label = int(self.image[box]), int(self.label[box])
        x1, y1, x2, y2 = (round(float(value), 4) for value in self.xyxy[box])
        measured = self.format != "yolo" or self.images.size[image].all()
        return Finding(
            kind=kind,
            severity=severity,
            message=message,
            split=self.images.split[image],
            image=self.images.name[image],
            box=int(self.row[box]),
            file=self.file[image],
            place=self.place_name.format(self.place[box]),
            label=self.classes[label] if label >= 0 else "",
            xyxy=(x1, y1, x2, y2) if measured else None,
            **more,
        )

    def of_picture(
        self, image: int, kind: str, severity: Severity, message: str, **more: Any
    ) -> Finding:
        """What is wrong with a picture or with its annotation file as a whole."""
        return Finding(
            kind=kind,
            severity=severity,
            message=message,
            split=self.images.split[image],
            image=self.images.name[image],
            file=self.file[image] or self.images.path[image],
            **more,
        )

    def where(self, box: int) -> str:
        """File and place of a box, for the message of another."""
        return f"{self.file[self.image[box]]}: {self.place_name.format(self.place[box])}"


def change(xyxy: Sequence[float] | Floats) -> Fix:
    """The fix that gives a label another box."""
    x1, y1, x2, y2 = (round(float(value), 4) for value in xyxy)
    return Fix("change", xyxy=(x1, y1, x2, y2))
