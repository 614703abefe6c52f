"""Boxes in a table: a row a box, columns by their names. OpenImages, RetinaNet, Roboflow, VoTT.

A header names the columns, by any of the names in `COLUMNS`; other ones are given by the config's
`fields`. Without a header the columns are those of keras-retinanet, `path,x1,y1,x2,y2,class`. A
row without corners is a background picture. Corners are half-open pixels from 0, or fractions of
the picture where OpenImages' columns (`XMin`, capital X) say so. OpenImages' `LabelName` is
translated by its table of class descriptions, where that lies in the source.
See https://storage.googleapis.com/openimages/web/download_v7.html and
https://github.com/fizyr/keras-retinanet#csv-datasets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from pipeline.engine import Map, in_process
from pipeline.errors import BoxwrightError, DataErrors
from pipeline.formats import csv_rows, records
from pipeline.formats.csv_rows import COLUMNS
from pipeline.formats.folders import with_splits
from pipeline.formats.reading import Reading, ReadOptions

KIND = records.Kind(".csv", "CSV", "line {}", "width, height", "the picture's column")
_DESCRIPTIONS = re.compile(r"class-descriptions.*\.csv|oidv\d-class-descriptions.*\.csv")


def read(root: Path, options: ReadOptions | None = None, mapped: Map = in_process) -> Reading:
    """Read a folder of pictures and tables of boxes, with all its sub-folders; or one table.

    Args:
        root: The folder, or the file.
        options: How to read it.
        mapped: Maps over files (`engine.shards`).

    Returns:
        See `records.read`.

    Raises:
        BoxwrightError: No such folder, no pictures or no table of boxes in it, unknown fields.
        DataErrors: Not one picture can be read.
    """
    options = options or ReadOptions()
    for name in options.fields:
        if name not in COLUMNS:
            raise BoxwrightError(f"fields: no field {name!r}; known: {', '.join(COLUMNS)}")
    found = records.find(root, KIND, options)
    fields = {**options.fields}
    fields |= {k: v for k, v in (("group", options.group), ("origin", options.origin)) if v}
    tables = found.tree.annotations
    why_not = {name: csv_rows.refused(path, fields) for name, path in tables.items()}
    boxes = {name: path for name, path in tables.items() if not why_not[name]}
    if not boxes:
        raise DataErrors([problem for problem in why_not.values() if problem])
    found = found._replace(tree=replace(found.tree, annotations=boxes))
    parse = partial(csv_rows.parse, fields=fields, named=_descriptions(tables))
    batches = mapped(parse, [*boxes.values()], "reading CSV")
    return with_splits(records.gather(found, KIND, batches, options, mapped))


def _descriptions(tables: Mapping[str, str]) -> dict[str, str]:
    """OpenImages' class names by their codes ("/m/01g317"), where the table is there."""
    for name, path in tables.items():
        if _DESCRIPTIONS.fullmatch(name.rsplit("/", 1)[-1]):
            rows = csv_rows.rows(path)
            return {row[0]: row[1] for _, row in rows if len(row) == 2}
    return {}
