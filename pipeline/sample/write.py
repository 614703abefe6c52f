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
from pipeline.sample.truth import Seen

LEAST_SHARE = 0.25
"""An item of which less is visible gets no label."""

_LABELME = "3.16.7"
_ORDERS = ((0, 1, 2, 3), (0, 3, 2, 1), (2, 3, 0, 1), (2, 1, 0, 3))  # which corner comes first
_CLASS = {won.label(face): won.name for won in WON for face in "FB"}


class Shape(NamedTuple):
    """A label as it is written: xyxy in pixels of the picture."""

    label: str
    xyxy: tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Shot:
    """One picture's truth.

    Attributes:
        file: The picture's name below the sample's folder.
        group: Its group's name.
        size: Width and height in pixels.
        items: What is seen in it, also what gets no label.
    """

    file: str
    group: str
    size: tuple[int, int]
    items: tuple[Seen, ...]

    def shapes(self) -> list[Shape]:
        """The correct labels."""
        return [
            Shape(item.label, tuple(round(float(v), 4) for v in item.box))  # type: ignore[arg-type]
            for item in self.items
            if item.share >= LEAST_SHARE
        ]


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
    first_x, first_y, last_x, last_y = (round(shape.xyxy[k] * scale, 3) for k in corners)
    return {
        "label": shape.label,
        "points": [[first_x, first_y], [last_x, last_y]],
        "group_id": None,
        "shape_type": "rectangle",
        "flags": {},
    }


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
