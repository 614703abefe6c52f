"""Annotation formats: one file each, found by name.

A format has ``read(root, options, mapped) -> Reading``. Nothing is imported before it is needed:
workers pass through here.
"""

from __future__ import annotations

import importlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import BoxwrightError

if TYPE_CHECKING:
    from pipeline.formats.reading import Reading

log = logging.getLogger(__name__)

FORMATS = {
    "corners": "pipeline.formats.corners:read",
    "coco": "pipeline.formats.coco:read",
    "yolo": "pipeline.formats.yolo:read_source",
    "voc": "pipeline.formats.voc:read",
    "kitti": "pipeline.formats.kitti:read",
    "csv": "pipeline.formats.csv_boxes:read",
    "cvat": "pipeline.formats.cvat:read",
    "labelstudio": "pipeline.formats.labelstudio:read",
    "via": "pipeline.formats.via:read",
    "supervisely": "pipeline.formats.supervisely:read",
    "parquet": "pipeline.formats.parquet:read",
}


def read(name: str, root: Path, *args: Any) -> Reading:
    """Read a source in the format `name`; "auto" looks what it is, and logs it.

    Raises:
        BoxwrightError: Unknown format, or nothing that is read here.
    """
    if name == "auto":
        name = detect(root)
    check(name)
    module, function = FORMATS[name].split(":")
    reading: Reading = getattr(importlib.import_module(module), function)(root, *args)
    return reading if name == "yolo" else _beside(root, reading)


def _beside(root: Path, reading: Reading) -> Reading:
    from pipeline.formats.beside import told

    return told(root, reading)


def detect(root: Path) -> str:
    """The format of a source; it is logged, with what it was told by.

    Raises:
        BoxwrightError: None that is read here, or more than one.
    """
    from pipeline.formats.recognise import recognise

    seen = recognise(root)
    log.info("%s: format: %s (%s)", root, seen.format, seen.why)
    return seen.format


def check(name: str) -> None:
    """Refuse a format that is not read.

    Raises:
        BoxwrightError: Unknown format.
    """
    if name != "auto" and name not in FORMATS:
        raise BoxwrightError(f"format: {name!r} is unknown; known: auto, {', '.join(FORMATS)}.")
