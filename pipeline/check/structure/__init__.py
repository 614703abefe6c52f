"""Defects of annotations that neither pixels nor a model are needed for.

Annotations are read as they are written, whatever is wrong with them, all files in one pass; a
defect of one box hides neither another one's nor another of its own.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pipeline import formats
from pipeline.check.findings import Finding
from pipeline.check.structure import (
    classes,
    coco_sheet,
    corner_sheet,
    misread,
    pairs,
    shapes,
    yolo_sheet,
    yolo_tree,
)
from pipeline.check.structure.options import Options
from pipeline.check.structure.sheet import Sheet
from pipeline.engine import Map, in_process
from pipeline.errors import BoxwrightError
from pipeline.progress import Track, silent

KINDS = (
    "unreadable file",
    "unreadable line",
    "not a number",
    "wrong columns",
    "class out of range",
    "no class",
    "class names",
    "missing folder",
    "missing pair",
    "empty file",
    "shared label file",
    "repeated picture",
    "damaged picture",
    "size disagrees",
    "wrong area",
    "labels disagree",
    "pixels",
    "percent",
    "fractions",
    "corners as centre",
    "top left as centre",
    "corners as size",
    "centre as top left",
    "x and y swapped",
    "mirrored",
    "other scale",
    "EXIF turn",
    "zero size",
    "sliver",
    "out of picture",
    "whole picture",
    "off grid",
    "duplicate",
    "near duplicate",
    "two classes",
    "nested",
    "class in one picture",
    "odd size",
    "odd aspect",
)
_SYMPTOMS = {"odd size", "odd aspect", "wrong area"}
_READ = {"yolo": yolo_sheet.read, "coco": coco_sheet.read, "corners": corner_sheet.read}


def read(root: Path, options: Options, mapped: Map = in_process) -> Sheet:
    """Read a YOLO tree, COCO files or a folder of labelme files, tolerantly; or another format.

    What other readers cannot read in their files is found too, but not what only the letter of a
    file would show.

    Args:
        root: A folder or a file.
        options: Which format, and where its pictures are.
        mapped: Maps over files (`engine.shards`).

    Raises:
        BoxwrightError: None of these, or not one picture.
    """
    if not root.exists():
        raise BoxwrightError(f"{root}: no such file or folder.\n    -> check the path.")
    form = options.format if options.format != "auto" else _detected(root)
    formats.check(form)
    return _READ.get(form, corner_sheet.read)(root, replace(options, format=form), mapped)


def _detected(root: Path) -> str:
    if yolo_tree.is_tree(root):
        return "yolo"
    if root.is_dir() and any(root.glob("*/_annotations.coco.json")):  # Roboflow's export
        return "coco"
    return formats.detect(root)


def find(sheet: Sheet, options: Options, track: Track = silent) -> list[Finding]:
    """Everything that is wrong with the structure of annotations, in no order.

    Args:
        sheet: From `read`.
        options: Thresholds.
        track: Shows progress.
    """
    found, meant = misread.find(sheet)
    for look in track((shapes.find, pairs.find, classes.find), "checking", 3):
        found += look(sheet, meant.plain, options)
    found += misread.unexplained(sheet, meant)
    return _without_symptoms([*sheet.found, *found])


def _without_symptoms(found: list[Finding]) -> list[Finding]:
    """A box of a wrong class or without a width is odd for its class: that needs no telling."""
    kept = [one for one in found if one.kind not in _SYMPTOMS]
    worse = {one.box for one in kept if one.severity != "hint"}
    return kept + [one for one in found if one.kind in _SYMPTOMS and one.box not in worse]
