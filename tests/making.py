"""Small real files for the tests: pictures, labelme JSON, folders of both."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import zlib
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
from PIL import Image

from pipeline.__main__ import main

WIDTH, HEIGHT = 64, 48


class Run(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def boxwright(*arguments: object) -> Run:
    """Run a command in this process, as the shell would."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    words = ["boxwright", *map(str, arguments)]
    with (
        mock.patch.object(sys, "argv", words),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
    return Run(code, out.getvalue(), err.getvalue())


def picture(path: Path, size: tuple[int, int] = (WIDTH, HEIGHT), orientation: int = 0) -> Path:
    """A picture whose pixels depend on its name; `orientation` is its EXIF turn."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(zlib.crc32(path.name.encode()))
    image = Image.fromarray(rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    image.save(path, exif=exif)
    return path


def rectangle(label: Any, *xyxy: Any) -> dict[str, Any]:
    x1, y1, x2, y2 = xyxy
    return {"label": label, "points": [[x1, y1], [x2, y2]], "shape_type": "rectangle"}


def labelme(path: Path, *shapes: dict[str, Any], **changes: Any) -> Path:
    """A labelme file for the picture of the same name; `changes` replace its fields."""
    content: dict[str, Any] = {
        "version": "5.0.1",
        "flags": {},
        "shapes": list(shapes),
        "imagePath": f"{path.stem}.jpg",
        "imageData": None,
        "imageHeight": HEIGHT,
        "imageWidth": WIDTH,
    }
    content = {k: v for k, v in (content | changes).items() if v is not ...}
    return written(path, json.dumps(content, ensure_ascii=False))


def written(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def photos(root: Path, count: int = 10, labels: tuple[str, ...] = ("Ten", "Fifty")) -> Path:
    """A source of `count` pictures with a box each, named a0.jpg, a1.jpg, ..."""
    for number in range(count):
        picture(root / f"a{number}.jpg")
        labelme(root / f"a{number}.json", rectangle(labels[number % len(labels)], 8, 6, 40, 30))
    return root
