"""The sample's files: pictures, labelme JSON, outlines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import BoxwrightError
from pipeline.sample.draw import Floats
from pipeline.sample.money import WON
from pipeline.sample.truth import Seen, part_in

LEAST_SHARE = 0.25
"""An item of which less is visible gets no label."""

_LABELME = "3.16.7"
_ORDERS = ((0, 1, 2, 3), (0, 3, 2, 1), (2, 3, 0, 1), (2, 1, 0, 3))  # which corner comes first
_CLASS = {won.label(face): won.name for won in WON for face in "FB"}


class Shape(NamedTuple):
    """A label as it is written.

    Attributes:
        label: The raw label.
        xyxy: Its box in pixels of the picture.
        outline: Points of its outline in units of the box, (0, 0) top left and (1, 1) bottom
            right, so that it goes wherever a planted error puts the box; none for two corners.
    """

    label: str
    xyxy: tuple[float, float, float, float]
    outline: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, eq=False)
class Shot:
    """One picture's truth.

    Attributes:
        file: The picture's name below the sample's folder.
        group: Its group's name.
        size: Width and height in pixels.
        items: What is seen in it, also what gets no label.
        outlined: Whether its labels are outlines.
    """

    file: str
    group: str
    size: tuple[int, int]
    items: tuple[Seen, ...]
    outlined: bool = False

    def shapes(self) -> list[Shape]:
        """The correct labels."""
        return [self._shape(item) for item in self.items if item.share >= LEAST_SHARE]

    def _shape(self, item: Seen) -> Shape:
        x1, y1, x2, y2 = (round(float(v), 4) for v in item.box)
        outline = _in_box(part_in(item.full, self.size), item.box) if self.outlined else ()
        return Shape(item.label, (x1, y1, x2, y2), outline)


def _in_box(points: Floats, xyxy: Floats) -> tuple[tuple[float, float], ...]:
    """Points (K, 2) in units of a box."""
    unit = (points - xyxy[:2]) / (xyxy[2:] - xyxy[:2])
    return tuple((x, y) for x, y in unit.tolist())


def class_of(label: str) -> str:
    """The class that a raw label like "Ten_front" belongs to."""
    return _CLASS[label]


def picture(folder: Path, name: str, pixels: NDArray[np.uint8], quality: int) -> None:
    """Write a JPEG.

    Raises:
        BoxwrightError: OpenCV cannot encode it.
    """
    done, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise BoxwrightError(f"{name}: OpenCV cannot encode a JPEG.")
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data.tobytes())


def labelme(folder: Path, shot: Shot, shapes: Sequence[Shape], scale: int, order: int) -> None:
    """Write the JSON beside a picture.

    Args:
        folder: The sample's folder.
        shot: The picture.
        shapes: Its labels, correct or not.
        scale: The JSON's pixels in one of the picture's.
        order: Which two corners are given, and in which order: 0 to 3.
    """
    corners = _ORDERS[order]
    record: dict[str, Any] = {
        "version": _LABELME,
        "flags": {},
        "shapes": [_shape(shape, scale, corners) for shape in shapes],
        "imagePath": Path(shot.file).name,
        "imageData": None,
        "imageHeight": shot.size[1] * scale,
        "imageWidth": shot.size[0] * scale,
    }
    path = (folder / shot.file).with_suffix(".json")
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _shape(shape: Shape, scale: int, corners: Sequence[int]) -> dict[str, Any]:
    points = _outline(shape) if shape.outline else _corners(shape, corners)
    return {
        "label": shape.label,
        "points": [[round(x * scale, 3), round(y * scale, 3)] for x, y in points],
        "group_id": None,
        "shape_type": "polygon" if shape.outline else "rectangle",
        "flags": {},
    }


def _corners(shape: Shape, corners: Sequence[int]) -> list[tuple[float, float]]:
    first_x, first_y, last_x, last_y = (shape.xyxy[k] for k in corners)
    return [(first_x, first_y), (last_x, last_y)]


def _outline(shape: Shape) -> list[tuple[float, float]]:
    """A label's outline in pixels of the picture."""
    x1, y1, x2, y2 = shape.xyxy
    return [(x1 + u * (x2 - x1), y1 + v * (y2 - y1)) for u, v in shape.outline]


def outlines(path: Path, shots: Iterable[Shot]) -> None:
    """Write what is really to be seen, a line a picture."""
    lines = [f"{json.dumps(shot.file)}: {json.dumps(_true_items(shot))}" for shot in shots]
    head = json.dumps("picture pixels, x right, y down; column i covers i to i + 1")
    body = ",\n".join(lines)
    path.write_text(f'{{"unit": {head},\n"pictures": {{\n{body}\n}}}}\n', encoding="utf-8")


def _true_items(shot: Shot) -> list[dict[str, Any]]:
    return [
        {
            "label": item.label,
            "class": class_of(item.label),
            "group": shot.group,
            "labelled": item.share >= LEAST_SHARE,
            "visible_share": round(item.share, 3),
            "box": np.round(item.box, 3).tolist(),
            "full": _plain(item.full),
            "visible": [_plain(ring) for ring in item.visible],
        }
        for item in shot.items
    ]


def _plain(points: Floats) -> list[list[float]]:
    plain: list[list[float]] = np.round(points, 2).tolist()
    return plain
