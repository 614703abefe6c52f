"""KITTI's label files to plain records. No NumPy here: this runs in workers."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from pipeline.errors import DataError
from pipeline.formats.batch import NO_SIZE, Batch, Corners
from pipeline.formats.values import each, text

UNKNOWN = "DontCare"
LABELS, PICTURES = "label_2", "image_2"
_ENDINGS = (".png", ".jpg", ".jpeg")


def parse(files: Sequence[str]) -> Batch:
    """Read the label files of a shard."""
    batch = Batch()

    def read(number: int, path: str, data: bytes) -> None:
        lines = text(path, data, batch.note).splitlines()
        batch.record(number, _picture(path), NO_SIZE)
        for line, cells in enumerate(map(str.split, lines), 1):
            if cells:
                _add(batch, path, line, cells)

    each(batch, files, read)
    return batch


def _picture(path: str) -> str:
    """The picture of label_2/000000.txt: image_2 beside, not image_3 or another set's."""
    folder, name = os.path.split(path)
    stem = os.path.splitext(name)[0]
    if os.path.basename(folder) != LABELS:
        return ""
    for ending in _ENDINGS:
        if os.path.exists(os.path.join(os.path.dirname(folder), PICTURES, stem + ending)):
            return f"../{PICTURES}/{stem}{ending}"
    return ""


def _add(batch: Batch, path: str, line: int, cells: list[str]) -> None:
    if cells[0] == UNKNOWN:
        batch.note("DontCare regions of KITTI, which have no class; left out")
        return
    try:
        batch.box(line, cells[0], _corners(path, line, cells))
    except DataError as problem:
        batch.fail(problem)


def _corners(path: str, line: int, cells: list[str]) -> Corners:
    if len(cells) not in {15, 16}:
        raise DataError(path, f"line {line}", f"has {len(cells)} columns where KITTI has 15 or 16")
    try:
        x1, y1, x2, y2 = map(float, cells[4:8])
    except ValueError:
        x1 = y1 = x2 = y2 = math.nan
    if not all(map(math.isfinite, (x1, y1, x2, y2))):
        told = f"has {' '.join(cells[4:8])[:60]!r} where left, top, right and bottom are due"
        raise DataError(path, f"line {line}", told)
    return x1, y1, x2, y2
