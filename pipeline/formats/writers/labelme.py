"""labelme: a JSON beside each picture (https://github.com/wkentaro/labelme).

A crowd is a shape with the flag ``crowd``; a ``score`` stands where X-AnyLabeling has it.
labels.txt, for ``labelme --labels labels.txt``, lists the classes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pipeline.formats.writers.pictures import Label, Picture

VERSION = "5.0.1"


def write(folder: Path, pictures: Iterable[Picture], classes: Sequence[str]) -> None:
    """Write a JSON beside the place of each picture, and labels.txt.

    Raises:
        OSError: The disk refuses.
    """
    for picture in pictures:
        path = folder / picture.full
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(_record(picture, path.name), indent=2, ensure_ascii=False)
        path.with_suffix(".json").write_text(text + "\n", encoding="utf-8", newline="\n")
    listed = "".join(f"{name}\n" for name in classes if name.splitlines() == [name])
    (folder / "labels.txt").write_text(listed, encoding="utf-8", newline="\n")


def _record(picture: Picture, file: str) -> dict[str, Any]:
    return {
        "version": VERSION,
        "flags": dict.fromkeys(picture.notes, False),
        "shapes": [_shape(label) for label in picture.labels],
        "imagePath": file,
        "imageData": None,
        "imageHeight": picture.size[1],
        "imageWidth": picture.size[0],
    }


def _shape(label: Label) -> dict[str, Any]:
    outline = label.drawn
    x1, y1, x2, y2 = map(_rounded, label.xyxy)
    corners = [[x1, y1], [x2, y2]]
    shape: dict[str, Any] = {
        "label": label.name,
        "points": [list(map(_rounded, point)) for point in outline] or corners,
        "group_id": None,
        "description": "\n".join(label.notes),
        "shape_type": "polygon" if outline else "rectangle",
        "flags": {"crowd": True} if label.crowd else {},
    }
    return shape if label.score is None else {**shape, "score": label.score}


def _rounded(value: float) -> float:
    return round(value, 4)
