"""[<split>/]metadata.parquet: a row a picture, its boxes in lists.

As Hugging Face has it for folders of pictures: ``load_dataset("imagefolder", data_dir="OUT")``
(https://huggingface.co/docs/datasets/image_dataset). ``objects`` holds for each box: ``bbox`` (x,
y, width, height in pixels, as in COCO), ``category`` (the class by name), ``area``, ``crowd``,
``score`` (null of what is no prediction) and ``outline`` (x, y, x, y, …; empty for none). Written
by polars, which comes with ultralytics.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.formats.parquet import import_polars
from pipeline.formats.tree import polygon_area
from pipeline.formats.writers.pictures import Label, Picture

if TYPE_CHECKING:
    import polars as pl

FILE = "metadata.parquet"
_Columns = defaultdict[str, list[Any]]


def write(folder: Path, pictures: Iterable[Picture], classes: Sequence[str]) -> None:
    """Write metadata.parquet, one in the folder of each split.

    Raises:
        BoxwrightError: polars is not installed.
        OSError: The disk refuses.
    """
    import_polars()
    splits: defaultdict[str, _Columns] = defaultdict(lambda: defaultdict(list))
    for picture in pictures:
        _add(splits[picture.split], picture)
    for split, columns in splits.items() or {"": _Columns(list)}.items():
        (folder / split).mkdir(exist_ok=True)
        _frame(columns).write_parquet(folder / split / FILE, metadata=_about(classes))


def _about(classes: Sequence[str]) -> dict[str, str]:
    return {"classes": json.dumps(list(classes), ensure_ascii=False)}


def _add(columns: _Columns, picture: Picture) -> None:
    columns["file_name"].append(picture.name)
    columns["width"].append(picture.size[0])
    columns["height"].append(picture.size[1])
    boxes = [_box(label) for label in picture.labels]
    columns["objects"].append({name: [box[name] for box in boxes] for name in _OBJECT})


_OBJECT = ("bbox", "category", "area", "crowd", "score", "outline")


def _box(label: Label) -> dict[str, Any]:
    x1, y1, x2, y2 = label.xyxy
    outline = [float(value) for point in label.outline for value in point]
    return {
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "category": label.name,
        "area": polygon_area(outline) if outline else (x2 - x1) * (y2 - y1),
        "crowd": label.crowd,
        "score": label.score,
        "outline": outline,
    }


def _frame(columns: _Columns) -> pl.DataFrame:
    import polars as pl

    types: dict[str, Any] = {
        "bbox": pl.List(pl.Float64),
        "category": pl.String,
        "area": pl.Float64,
        "crowd": pl.Boolean,
        "score": pl.Float64,
        "outline": pl.List(pl.Float64),
    }
    objects = pl.Struct({name: pl.List(types[name]) for name in _OBJECT})
    schema: dict[str, Any] = {
        "file_name": pl.String,
        "width": pl.Int64,
        "height": pl.Int64,
        "objects": objects,
    }
    return pl.DataFrame({name: columns[name] for name in schema}, schema=schema)
