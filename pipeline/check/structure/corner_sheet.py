"""A folder of labelme files, or of other corner JSON, as a sheet."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline import formats
from pipeline.check.findings import Finding, Severity
from pipeline.check.structure.options import Options
from pipeline.check.structure.sheet import Sheet
from pipeline.engine import Map
from pipeline.errors import DataError
from pipeline.formats.reading import Reading, ReadOptions

_ALONE = "is a picture without "

# What the reader says, and the defect that it is; the first that fits.
_SAID: tuple[tuple[str, str, Severity], ...] = (
    (_ALONE, "missing pair", "warning"),
    ("has a picture that is not there", "missing pair", "error"),
    ("which is not there", "missing pair", "error"),
    ("speaks of the same picture", "repeated picture", "error"),
    ("another aspect", "size disagrees", "error"),
    ("finite number", "not a number", "error"),
    ("not a number", "not a number", "error"),
    ("points where", "wrong columns", "error"),
    ("not [x, y]", "wrong columns", "error"),
    ("which has no box", "wrong columns", "error"),
    ("is missing", "wrong columns", "error"),
    ("is no picture", "damaged picture", "error"),
    ("cut short or damaged", "damaged picture", "error"),
    ("is empty (0 bytes)", "damaged picture", "error"),
    ("cannot be read", "unreadable file", "error"),
    ("no JSON", "unreadable file", "error"),
)


def read(root: Path, options: Options, mapped: Map) -> Sheet:
    """Read a folder of corner JSON, or another format, as `boxwright convert` does.

    What that mends is no defect.

    Corners in any order, another scale and the EXIF turn are mended there and are no defects.

    Raises:
        BoxwrightError: No such folder, no pictures, or no JSON.
        DataErrors: Not one picture can be read.
    """
    reading = formats.read(options.format, root, ReadOptions(images=options.images), mapped)
    dataset = reading.dataset
    boxes, pictures = dataset.boxes, len(dataset.images)
    headers = [reading.headers[path] for path in dataset.images.path]
    named = np.array([bool(name.strip()) for name in dataset.classes], dtype=bool)
    sheet = Sheet(
        format="corners",
        root=root,
        classes=dataset.classes,
        images=dataset.images,
        orientation=np.array([header.orientation for header in headers], dtype=np.int64),
        claimed=np.zeros((pictures, 2), dtype=np.int64),
        file=reading.source,
        image=boxes.image,
        label=np.where(named[boxes.label], boxes.label, -1),
        xyxy=boxes.xyxy,
        other=np.full((len(boxes), 4), np.nan),
        witness="",
        place=reading.place,
        place_name=reading.place_name,
        found=_problems(reading),
    )
    sheet.found.extend(_no_label(sheet))
    sheet.found.extend(_empty(sheet, reading))
    return sheet


def _problems(reading: Reading) -> list[Finding]:
    """What the reader could not read; a folder without any JSON is one of backgrounds."""
    labelled = {os.path.dirname(path) for path in reading.dataset.images.path}
    alone = Counter(
        os.path.dirname(one.path) for one in reading.problems if one.problem.startswith(_ALONE)
    )
    backgrounds = {folder: count for folder, count in alone.items() if folder not in labelled}
    single = (
        one
        for one in reading.problems
        if not one.problem.startswith(_ALONE) or os.path.dirname(one.path) not in backgrounds
    )
    return [_problem(one) for one in single] + [
        Finding(
            "missing pair",
            "hint",
            f"a folder of {count} pictures without JSON: backgrounds?",
            file=folder,
            advice="nothing to do if they are; `boxwright convert` takes them by --background",
        )
        for folder, count in backgrounds.items()
    ]


def _problem(error: DataError) -> Finding:
    kind, severity = _kind(error.problem)
    return Finding(
        kind, severity, error.problem, file=error.path, place=error.place, advice=error.fix
    )


def _kind(problem: str) -> tuple[str, Severity]:
    fits = (one[1:] for one in _SAID if one[0] in problem)
    return next(fits, ("unreadable line", "error"))


def _no_label(sheet: Sheet) -> list[Finding]:
    return [
        sheet.finding(row, "no class", "error", "has no label", advice="give it one")
        for row in np.flatnonzero(sheet.label < 0).tolist()
    ]


def _empty(sheet: Sheet, reading: Reading) -> list[Finding]:
    """Files of no bytes; a picture of background has one that says so."""
    counts = np.bincount(sheet.image, minlength=len(reading.source))
    rows: Sequence[int] = np.flatnonzero(counts == 0).tolist()
    return [
        sheet.of_picture(
            row,
            "empty file",
            "warning",
            "is empty (0 bytes)",
            advice='save it again; a picture of background has {"shapes": []}',
        )
        for row in rows
        if sheet.file[row] and not os.path.getsize(sheet.file[row])
    ]
