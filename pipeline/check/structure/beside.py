"""A second witness of a YOLO tree: the COCO files that `boxwright convert` writes beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from pipeline import boxes as geometry
from pipeline.check.findings import Finding
from pipeline.check.structure.sheet import Sheet
from pipeline.dataset import Floats, Ints

WITNESS = "the COCO file"


class _Image(msgspec.Struct, gc=False):
    id: int
    file_name: str


class _Box(msgspec.Struct, gc=False):
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]


class _Category(msgspec.Struct, gc=False):
    id: int
    name: str


class _File(msgspec.Struct):
    images: list[_Image]
    annotations: list[_Box]
    categories: list[_Category]


def joined(sheet: Sheet) -> Sheet:
    """The sheet with what annotations/<split>.json say of the same boxes, where they are.

    Boxes are matched by their order in a picture, as `boxwright convert` writes them; a picture
    with another number of boxes is told and has no second witness.
    """
    found = list(sheet.found)
    other = sheet.other.copy()
    seen = False
    for split in sorted(set(sheet.images.split)):
        file = sheet.root / "annotations" / f"{split}.json"
        content = _decoded(file, found) if file.is_file() else None
        if content is not None:
            seen = True
            found += _compare(sheet, split, content, other)
    return replace(sheet, other=other, witness=WITNESS if seen else "", found=found)


def _decoded(file: Path, found: list[Finding]) -> _File | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_File)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        found.append(
            Finding("unreadable file", "error", f"is no COCO file: {error}", file=str(file))
        )
        return None


def _compare(sheet: Sheet, split: str, content: _File, other: Floats) -> list[Finding]:
    """Fill in `other` for one split; what is wrong with the match."""
    rows = np.flatnonzero(sheet.images.split == split)
    row_of = {sheet.images.name[row]: row for row in rows.tolist()}
    row_of_id = {image.id: row_of.get(image.file_name, -1) for image in content.images}
    of = np.array([row_of_id.get(box.image_id, -1) for box in content.annotations], dtype=np.int64)
    order = np.argsort(of, kind="stable")
    order = order[of[order] >= 0]
    ours = np.bincount(sheet.image, minlength=len(sheet.images))
    theirs = np.bincount(of[order], minlength=len(sheet.images))
    agree = ours == theirs
    mine = np.flatnonzero(np.isin(sheet.image, rows) & agree[sheet.image])
    his = order[agree[of[order]]]
    xywh = np.array([content.annotations[at].bbox for at in his]).reshape(-1, 4)
    other[mine] = geometry.xywh_to_xyxy(xywh)
    told = np.array([content.annotations[at].category_id for at in his], dtype=np.int64)
    names = {one.id: one.name for one in content.categories}
    known = np.isin(rows, list(row_of_id.values()))
    return [
        *_counts(sheet, rows[known & ~agree[rows]], ours, theirs),
        *_classes(sheet, mine, [names.get(one, "") for one in told.tolist()]),
    ]


def _counts(sheet: Sheet, rows: Ints, ours: Ints, theirs: Ints) -> list[Finding]:
    return [
        sheet.of_picture(
            row,
            "empty file" if not ours[row] else "labels disagree",
            "error" if not ours[row] else "warning",
            f"{ours[row]} boxes here, {theirs[row]} in {WITNESS}",
            advice="convert the source again",
        )
        for row in rows.tolist()
    ]


def _classes(sheet: Sheet, rows: Ints, names: Sequence[str]) -> list[Finding]:
    written = [sheet.classes[label] if label >= 0 else "" for label in sheet.label[rows].tolist()]
    return [
        sheet.finding(
            row,
            "labels disagree",
            "warning",
            f"is {mine!r} here and {his!r} in {WITNESS}",
            advice="convert the source again",
        )
        for row, mine, his in zip(rows.tolist(), written, names, strict=True)
        if mine and mine != his
    ]
