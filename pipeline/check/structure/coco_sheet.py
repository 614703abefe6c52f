"""COCO files as a sheet."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pipeline import boxes as geometry
from pipeline.check.findings import Finding
from pipeline.check.structure import coco_file
from pipeline.check.structure.coco_file import Box, File
from pipeline.check.structure.options import Options
from pipeline.check.structure.pictures import looked_at
from pipeline.check.structure.sheet import Sheet
from pipeline.dataset import Floats, Ints, strings
from pipeline.engine import Map
from pipeline.errors import BoxwrightError, DataError
from pipeline.images import SUFFIXES

WITNESS = "its outline"
USUAL = 0.05  # a share of pictures from which something is how the set is made, not a slip


class _Picture(NamedTuple):
    split: str
    name: str
    path: str  # "" where it is missing
    file: str
    claimed: tuple[int, int]


def read(root: Path, options: Options, mapped: Map) -> Sheet:
    """Read one COCO file, or a folder that has one for each split.

    Raises:
        BoxwrightError: No file, or none of its pictures.
        DataError: A file that is no COCO file at all.
    """
    files, unread = _decoded(coco_file.files(root))
    names = dict.fromkeys(name for file in files for name in file.categories.values())
    rows: dict[tuple[int, Any], int] = {}
    known: list[_Picture] = []
    for number, file in enumerate(files):
        _add_pictures(file, number, _folder(file, options), rows, known)
    if not known:
        raise BoxwrightError(f"{root}: the COCO file names no picture.")
    pictures = looked_at([one[:3] for one in known], mapped)
    boxes = [box for file in files for box in file.boxes]
    of = [number for number, file in enumerate(files) for _ in file.boxes]
    image = np.array([rows.get((n, b.image), -1) for n, b in zip(of, boxes, strict=True)], np.int64)
    label = _labels(files, list(names))
    found = [one for file in files for one in file.found] + pictures.found + unread
    found += _strangers(files, of, boxes, image, label)
    order = np.argsort(image, kind="stable")
    order = order[image[order] >= 0]
    xyxy = geometry.xywh_to_xyxy(np.array([b.xywh for b in boxes]).reshape(-1, 4))
    sheet = Sheet(
        format="coco",
        root=root,
        classes=tuple(names),
        images=pictures.images,
        orientation=pictures.orientation,
        claimed=np.array([one.claimed for one in known], dtype=np.int64).reshape(-1, 2),
        file=strings(one.file for one in known),
        image=image[order],
        label=label[order],
        xyxy=xyxy[order],
        other=np.array([b.hull for b in boxes]).reshape(-1, 4)[order],
        witness=WITNESS,
        place=np.array([b.place for b in boxes], dtype=np.int64)[order],
        place_name="annotations[{}]",
        found=found,
    )
    area = np.array([b.area for b in boxes])[order]
    sheet.found.extend(_areas(sheet, area))
    sheet.found.extend(_unnamed(sheet))
    return sheet


def _decoded(paths: Sequence[Path]) -> tuple[list[File], list[Finding]]:
    """The files that can be read, and what is wrong with the others.

    Raises:
        DataError: None can.
    """
    files, found, errors = [], [], []
    for path in paths:
        try:
            files.append(coco_file.decode(path))
        except DataError as error:
            errors.append(error)
            what, fix = error.problem, error.fix
            found.append(Finding("unreadable file", "error", what, file=str(path), advice=fix))
    if not files:
        raise errors[0]
    return files, found


def _labels(files: Sequence[File], names: Sequence[str]) -> Ints:
    place = {name: label for label, name in enumerate(names)}
    return np.array(
        [place.get(file.categories.get(b.category, ""), -1) for file in files for b in file.boxes],
        dtype=np.int64,
    )


def _folder(file: File, options: Options) -> str:
    """The folder that a file's names are relative to: where the most of its first ones are."""
    if options.images:
        return str(options.images)
    here, above = file.path.parent, file.path.parent.parent
    own = file.path.stem.split("_", 1)[-1]  # train2017 of instances_train2017
    below = (
        "",
        "images",
        *(f"{at}{n}" for n in (file.path.stem, own, file.split) for at in ("", "images/")),
    )
    folders = [os.path.join(base, name) for base in (here, above) for name in below if name or base]
    first = [row["file_name"] for _, row in file.images[:20]]
    there = [sum(os.path.isfile(os.path.join(f, name)) for name in first) for f in folders]
    if not max(there, default=0):
        told = f" (such as {first[0]!r})" if first else ""
        raise BoxwrightError(
            f"{file.path}: its pictures{told} were not found around it."
            "\n    -> give their folder, --images."
        )
    return folders[there.index(max(there))]


def _add_pictures(
    file: File,
    number: int,
    folder: str,
    rows: dict[tuple[int, Any], int],
    known: list[_Picture],
) -> None:
    """Add the pictures of a file, in the order of their names."""
    taken: set[str] = set()
    for place, row in sorted(file.images, key=lambda one: one[1]["file_name"]):
        name = row["file_name"].replace("\\", "/")
        path = os.path.join(folder, name)
        if (number, row["id"]) in rows or name in taken:
            what = f"id {row['id']}, {name!r}: stands there twice"
            file.tell("repeated picture", f"images[{place}]", what, "remove one of the two")
            rows.setdefault((number, row["id"]), len(known) - 1)
            continue
        if not os.path.isfile(path):
            what = f"names the picture {name!r}, which is not in {folder}"
            file.tell("missing pair", f"images[{place}]", what, "add the picture or remove the row")
            path = ""
        taken.add(name)
        rows[number, row["id"]] = len(known)
        known.append(_Picture(file.split, name, path, str(file.path), _claimed(row)))


def _claimed(row: Mapping[str, Any]) -> tuple[int, int]:
    width, height = row.get("width"), row.get("height")
    numbers = isinstance(width, int | float) and isinstance(height, int | float)
    return (int(width), int(height)) if numbers else (0, 0)  # type: ignore[arg-type]


def _areas(sheet: Sheet, area: Floats) -> list[Finding]:
    """Areas that the boxes cannot have: an outline covers no more than its box."""
    side = sheet.xyxy[:, 2:] - sheet.xyxy[:, :2]
    most = side[:, 0] * side[:, 1]
    wrong = (side > 0).all(axis=1) & ((area <= 0) | (area > 1.05 * most + 1))
    return [
        sheet.finding(
            row,
            "wrong area",
            "warning",
            f"area is {area[row]:g}, its box holds {most[row]:g} square pixels",
            advice="pycocotools sorts boxes into small, medium and large by it: compute it anew",
        )
        for row in np.flatnonzero(wrong).tolist()
    ]


def _unnamed(sheet: Sheet) -> list[Finding]:
    """Pictures among the named ones that no file names; not where they are many."""
    named = {os.path.abspath(path) for path in sheet.images.path if path}
    found = [
        path for folder in sorted({os.path.dirname(p) for p in named}) for path in _pictures(folder)
    ]
    alone = [path for path in found if path not in named]
    if len(alone) > USUAL * len(found):
        return []
    what, fix = "no COCO file names this picture", "add it to `images`, or remove it"
    return [Finding("missing pair", "hint", what, file=path, advice=fix) for path in alone]


def _pictures(folder: str) -> list[str]:
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
    return [f"{folder}/{name}" for name in names if os.path.splitext(name)[1].lower() in SUFFIXES]


def _strangers(
    files: Sequence[File], of: Sequence[int], boxes: Sequence[Box], image: Ints, label: Ints
) -> list[Finding]:
    """Boxes of pictures or classes that there are not."""
    found = []
    for row in np.flatnonzero((image < 0) | (label < 0)).tolist():
        file, box = files[of[row]], boxes[row]
        for bad, kind, what in (
            (image[row] < 0, "missing pair", f"image_id {box.image}: there is no such picture"),
            (label[row] < 0, "class out of range", f"category_id {box.category}: no such class"),
        ):
            if bad:
                place = f"annotations[{box.place}]"
                found.append(
                    Finding(kind, "error", what, split=file.split, file=str(file.path), place=place)
                )
    return found
