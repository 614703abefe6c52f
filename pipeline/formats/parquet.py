"""Parquet as it is written here: a row a picture, its boxes in lists.

Columns ``file_name``, ``width``, ``height`` and ``objects`` with ``bbox`` (x, y, width, height in
pixels), ``category`` and, where they are there, ``crowd`` and ``outline``; the same as in Hugging
Face's folders of pictures. A category that is a number is named by the file's own list of classes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.engine import Map, in_process
from pipeline.errors import BoxwrightError, DataError
from pipeline.formats import records
from pipeline.formats.batch import NO_SIZE, Batch, Corners, Point
from pipeline.formats.reading import Reading, ReadOptions

KIND = records.Kind(".parquet", "Parquet", "objects[{}]", "width, height", "file_name")
_COLUMNS = ("file_name", "width", "height", "objects")


def read(root: Path, options: ReadOptions | None = None, mapped: Map = in_process) -> Reading:
    """Read a folder of pictures and Parquet files, with all its sub-folders; or one such file.

    Args:
        root: The folder, or the file.
        options: How to read it.
        mapped: Maps over files (`engine.shards`).

    Returns:
        See `records.read`.

    Raises:
        BoxwrightError: No such folder, no pictures or no Parquet in it, or no polars to read it.
        DataErrors: Not one picture can be read.
    """
    import_polars()
    return records.read(root, KIND, parse, options or ReadOptions(), mapped)


def import_polars() -> Any:
    """The module polars, which comes with ultralytics.

    Raises:
        BoxwrightError: It is not installed.
    """
    try:
        import polars as pl
    except ImportError as error:
        raise BoxwrightError("Parquet needs polars.\n    -> pip install polars") from error
    return pl


def parse(files: Sequence[str]) -> Batch:
    """Read the files of a shard; what cannot be read is in the batch's problems."""
    pl = import_polars()
    batch = Batch()
    for number, path in enumerate(files):
        try:
            rows = pl.read_parquet(path)
            said = pl.read_parquet_metadata(path).get("classes", "[]")
        except (pl.exceptions.PolarsError, OSError) as error:
            what = f"is no Parquet file, or cut short ({str(error).splitlines()[0]})"
            batch.problems.append(DataError(path, "", what))
            continue
        missing = [name for name in _COLUMNS if name not in rows.columns]
        if missing:
            what = f"has no column {missing[0]!r} (it has {', '.join(rows.columns[:12])})"
            batch.problems.append(DataError(path, "", what))
            continue
        classes = _classes(said)
        for place, row in enumerate(rows.select(_COLUMNS).iter_rows(named=True)):
            _add(batch, (number, path, f"row {place}"), row, classes)
    return batch


def _classes(said: str) -> list[str]:
    try:
        classes = json.loads(said)
    except ValueError:
        return []
    return [str(name) for name in classes] if isinstance(classes, list) else []


def _add(
    batch: Batch, at: tuple[int, str, str], row: Mapping[str, Any], classes: Sequence[str]
) -> None:
    number, path, place = at
    name = row["file_name"]
    if not isinstance(name, str) or not name:
        batch.problems.append(DataError(path, place, "has no file_name"))
        return
    size = (row["width"], row["height"])
    whole = all(isinstance(side, int | float) and side > 0 for side in size)
    batch.record(number, name, size if whole else NO_SIZE)
    objects = row["objects"] or {}
    columns = {key: objects.get(key) or [] for key in ("bbox", "category", "crowd", "outline")}
    for index, bbox in enumerate(columns["bbox"]):
        try:
            corners = _corners(bbox, path, f"{place}, objects[{index}]")
        except DataError as problem:
            batch.fail(problem)
            continue
        label = _label(_at(columns["category"], index), classes)
        outline = _outline(_at(columns["outline"], index))
        batch.box(index, label, corners, outline, crowd=_at(columns["crowd"], index) is True)


def _at(column: Any, index: int) -> Any:
    return column[index] if isinstance(column, list) and index < len(column) else None


def _corners(bbox: Any, path: str, place: str) -> Corners:
    if not isinstance(bbox, list) or len(bbox) != 4 or not all(map(_is_finite, bbox)):
        raise DataError(path, place, f"has the bbox {bbox!r:.60}, not x, y, width, height")
    x, y, width, height = bbox
    return x, y, x + width, y + height


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _outline(values: Any) -> list[Point]:
    """The points of x, y, x, y, …; none where they are no outline."""
    if not isinstance(values, list) or len(values) < 6 or len(values) % 2:
        return []
    return (
        list(zip(values[0::2], values[1::2], strict=True)) if all(map(_is_finite, values)) else []
    )


def _label(category: Any, classes: Sequence[str]) -> str:
    if isinstance(category, int) and 0 <= category < len(classes):
        return classes[category]
    return "" if category is None else str(category)
