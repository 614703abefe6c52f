"""Annotation formats: one file each, found by name.

A format has ``read(root, options, track) -> Reading``. Nothing is imported before it is needed:
workers pass through here.
"""

from __future__ import annotations

import importlib
import os
import re
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import BoxwrightError

if TYPE_CHECKING:
    from pipeline.formats.reading import Reading

FORMATS = {
    "corners": "pipeline.formats.corners:read",
    "coco": "pipeline.formats.coco:read",
    "yolo": "pipeline.formats.yolo:read_source",
}
_COCO_KEY = re.compile(
    r'^\s*\{.*?"(images|annotations|categories|licenses|info)"\s*:\s*[\[{]', re.DOTALL
)
_LOOKED_AT = 8
_HEAD = 4096  # characters of a file that tell COCO from corner JSON


def read(name: str, root: Path, *args: Any) -> Reading:
    """Read a source in the format `name`; "auto" looks what it is.

    Raises:
        BoxwrightError: Unknown format, or nothing that is read here.
    """
    name = detect(root) if name == "auto" else name
    if name not in FORMATS:
        raise BoxwrightError(f"format: {name!r} is unknown; known: auto, {', '.join(FORMATS)}.")
    module, function = FORMATS[name].split(":")
    reading: Reading = getattr(importlib.import_module(module), function)(root, *args)
    return reading


def detect(root: Path) -> str:
    """The format of a source.

    Raises:
        BoxwrightError: None that is read here.
    """
    if root.is_file():
        return {".yaml": "yolo", ".yml": "yolo"}.get(root.suffix.lower(), "coco")
    if not root.is_dir():
        raise BoxwrightError(f"{root}: no such folder.")
    if (root / "data.yaml").exists():
        return "yolo"
    files = _json_in(root) or _json_in(root / "annotations")
    if files and all(map(_is_coco, files)):
        return "coco"
    if files or next(root.rglob("*.json"), None) is not None:
        return "corners"
    endings = Counter(p.suffix.lower() or "no ending" for p in root.rglob("*") if p.is_file())
    if not endings:
        raise BoxwrightError(f"{root}: the folder is empty.")
    held = ", ".join(f"{count} {ending}" for ending, count in endings.most_common(4))
    raise BoxwrightError(
        f"{root}: no annotations that are read here (it holds {held})."
        "\n    -> corner JSON, COCO JSON and YOLO trees with a data.yaml are read; for pictures"
        "\n       without annotations use `boxwright predict`."
    )


def _json_in(folder: Path) -> list[str]:
    """A few of a folder's JSON files."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        found = (entry.path for entry in entries if entry.name.lower().endswith(".json"))
        return list(islice(found, _LOOKED_AT))


def _is_coco(file: str) -> bool:
    with open(file, encoding="utf-8", errors="replace") as stream:
        return bool(_COCO_KEY.match(stream.read(_HEAD)))
