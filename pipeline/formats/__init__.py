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
    from pipeline.formats.reading import Reading, ReadOptions

log = logging.getLogger(__name__)

FORMATS = {
    "corners": "pipeline.formats.corners:read",
    "coco": "pipeline.formats.coco:read",
    "yolo": "pipeline.formats.yolo_source:read",
    "voc": "pipeline.formats.voc:read",
    "kitti": "pipeline.formats.kitti:read",
    "csv": "pipeline.formats.csv_boxes:read",
    "cvat": "pipeline.formats.cvat:read",
    "labelstudio": "pipeline.formats.labelstudio:read",
    "via": "pipeline.formats.via:read",
    "supervisely": "pipeline.formats.supervisely:read",
    "parquet": "pipeline.formats.parquet:read",
}


def read(name: str, root: Path, options: ReadOptions | None = None, *args: Any) -> Reading:
    """Read a source in the format `name`; "auto" looks what it is, and logs it.

    The source, and the folders of pictures in `options`, may be archives (`archives`).

    Raises:
        BoxwrightError: Unknown format, or nothing that is read here.
        DataErrors: Not one picture can be read.
    """
    import numpy as np

    from pipeline.formats import archives, sense

    if name == "auto":
        name = detect(root)
    check(name)
    module, function = FORMATS[name].split(":")
    with archives.telling(), np.errstate(over="ignore", invalid="ignore"):
        here, options = archives.folder(root), options and archives.opened(options)
        reading: Reading = getattr(importlib.import_module(module), function)(here, options, *args)
        if not (options and (options.images or options.backgrounds)):
            archives.keep_inside(here, reading.dataset.images.path)
        reading = sense.checked(reading if name == "yolo" else _beside(here, reading))
    return archives.renamed(reading)


def _beside(root: Path, reading: Reading) -> Reading:
    from pipeline.formats.beside import told

    return told(root, reading)


def detect(root: Path) -> str:
    """The format of a source; it is logged, with what it was told by.

    Raises:
        BoxwrightError: None that is read here, or more than one.
    """
    from pipeline.formats import archives
    from pipeline.formats.recognise import recognise

    with archives.telling():
        seen = recognise(archives.folder(root))
    log.info("%s: format: %s (%s)", root, seen.format, seen.why)
    return seen.format


def check(name: str) -> None:
    """Refuse a format that is not read.

    Raises:
        BoxwrightError: Unknown format.
    """
    if name != "auto" and name not in FORMATS:
        raise BoxwrightError(f"format: {name!r} is unknown; known: auto, {', '.join(FORMATS)}.")
