"""A YOLO tree as a sheet."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import boxes as geometry
from pipeline.check.findings import Finding, Severity
from pipeline.check.structure import beside, yolo_rows, yolo_tree
from pipeline.check.structure.options import Options
from pipeline.check.structure.pictures import looked_at
from pipeline.check.structure.sheet import Sheet
from pipeline.check.structure.yolo_rows import EMPTY, MISSING, Rows
from pipeline.dataset import Floats, Ints, Strings, strings
from pipeline.engine import SHARD, Map
from pipeline.formats import yolo

USUAL = 0.05  # a share of pictures from which something is how the set is made, not a slip


def read(root: Path, options: Options, mapped: Map) -> Sheet:
    """Read a YOLO tree, with a data.yaml or without, and every line of it.

    Raises:
        BoxwrightError: A data.yaml that is no YAML, or not one picture.
    """
    del options
    tree = yolo_tree.listed(root)
    pictures = looked_at(
        [(split, name, path) for (split, name), path in tree.pictures.items()], mapped
    )
    files = _label_files(pictures.images.path)
    parts = mapped(yolo_rows.parse, files, "reading labels")
    counts = _column(parts, "counts", np.int64)
    image = np.repeat(np.arange(len(files)), counts)
    said = _column(parts, "said", np.float64)
    values = _column(parts, "values", np.float64).reshape(-1, 4)
    classes = tree.classes or _numbered(said)
    label = np.where(_fits(said, len(classes)), said, -1).astype(np.int64)
    sheet = Sheet(
        format="yolo",
        root=tree.base,
        classes=classes,
        images=pictures.images,
        orientation=pictures.orientation,
        claimed=np.zeros((len(files), 2), dtype=np.int64),
        file=strings(files),
        image=image,
        label=label,
        xyxy=geometry.xywhn_to_xyxy(values, _sizes(pictures.images.size)[image]),
        other=np.full((len(image), 4), np.nan),
        witness="",
        place=_column(parts, "place", np.int64),
        place_name="line {}",
        found=tree.found + pictures.found,
    )
    sheet.found.extend(_lines(sheet, parts))
    sheet.found.extend(_classes(sheet, said))
    sheet = beside.joined(sheet)
    sheet.found.extend(_pairs(sheet, _column(parts, "state", np.int64), tree))
    return sheet


def _sizes(size: Ints) -> Ints:
    """Sizes of pictures; some size for one that is damaged, whose boxes can still be compared."""
    return np.where(size > 0, size, 1000)


def _label_files(pictures: Strings) -> list[str]:
    folders = {
        folder: str(yolo.label_path(Path(folder, "any")).parent)
        for folder in {os.path.dirname(p) for p in pictures}
    }
    return [
        f"{folders[os.path.dirname(path)]}/{os.path.splitext(os.path.basename(path))[0]}.txt"
        for path in pictures
    ]


def _column(parts: Sequence[Rows], name: str, kind: Any) -> Any:
    return np.concatenate([np.frombuffer(getattr(part, name), dtype=kind) for part in parts])


def _fits(said: Floats, classes: int) -> Any:
    return (said >= 0) & (said < classes) & (said == np.floor(said))


def _numbered(said: Floats) -> tuple[str, ...]:
    """Classes of a tree that names none."""
    whole = said[_fits(said, 10_000)]
    return tuple(str(number) for number in range(int(whole.max(initial=-1)) + 1))


def _lines(sheet: Sheet, parts: Sequence[Rows]) -> list[Finding]:
    """What is wrong with single lines and files."""
    return [
        sheet.of_picture(
            number * SHARD + one.file,
            one.kind,
            "error",
            one.message,
            place=one.place,
            advice=one.advice,
        )
        for number, part in enumerate(parts)
        for one in part.problems
    ]


def _classes(sheet: Sheet, said: Floats) -> list[Finding]:
    wrong = np.flatnonzero(sheet.label < 0)
    count = len(sheet.classes)
    from_one = bool(len(wrong)) and bool((said[wrong] == count).all()) and not (said == 0).any()
    advice = (
        "no box has class 0: are they counted from 1? Take 1 off every class"
        if from_one
        else "correct the number, or add the class to data.yaml"
    )
    what = f"but data.yaml names 0 to {count - 1}"
    return [
        sheet.finding(
            row, "class out of range", "error", f"class {said[row]:g}, {what}", advice=advice
        )
        for row in wrong.tolist()
    ]


def _pairs(sheet: Sheet, state: Ints, tree: yolo_tree.Tree) -> list[Finding]:
    """Pictures and label files that do not go together."""
    found = _shared(sheet)
    found += _no_boxes(sheet, np.flatnonzero(state == EMPTY), "empty file", "is empty")
    severity: Severity = "warning" if (state == EMPTY).any() else "hint"
    found += [
        sheet.of_picture(
            row,
            "missing pair",
            severity,
            "the picture has no label file",
            advice="label it; a picture of background has an empty label file",
        )
        for row in np.flatnonzero(state == MISSING).tolist()
    ]
    fix = "add the picture, or remove the file"
    return found + [
        Finding("missing pair", "error", "no picture has these labels", file=path, advice=fix)
        for path in yolo_tree.stray(tree, set(sheet.file))
    ]


def _no_boxes(sheet: Sheet, rows: Ints, kind: str, what: str) -> list[Finding]:
    """Empty label files, where they are few: else this is how the set tells its backgrounds."""
    if sheet.witness or len(rows) > USUAL * len(sheet.images):
        return []
    fix = "nothing to do for a picture of background; else label it"
    return [sheet.of_picture(row, kind, "hint", what, advice=fix) for row in rows.tolist()]


def _shared(sheet: Sheet) -> list[Finding]:
    """Pictures that have the same label file: a.jpg and a.png."""
    _, first, counts = np.unique(sheet.file.astype(str), return_index=True, return_counts=True)
    return [
        sheet.of_picture(
            int(row),
            "shared label file",
            "error",
            f"{count} pictures have this label file, such as {sheet.images.name[row]}",
            advice="give the pictures different names",
        )
        for row, count in zip(first[counts > 1], counts[counts > 1], strict=True)
    ]
