"""Boxes that were written in another way than they are read: unit, order, frame, scale.

A wrong unit gives impossible numbers, one by one. The others give boxes that are possible but
unlikely: a second witness tells (an outline, a COCO file), or they are weighed by likelihood.
"""

from __future__ import annotations

import numpy as np

from pipeline.check.findings import Finding
from pipeline.check.structure import readings, units, weigh
from pipeline.check.structure.meant import Meant
from pipeline.check.structure.readings import TURNED, Reading
from pipeline.check.structure.sheet import Sheet, change
from pipeline.dataset import Bools, Floats, Ints

_MOST = 0.5  # share of the files from which a defect is told once, of the set


def find(sheet: Sheet) -> tuple[list[Finding], Meant]:
    """Find boxes that are written in another way than they are read."""
    meant = Meant(np.full(len(sheet), -1, dtype=np.int64), sheet.xyxy.copy(), [])
    found = _claims(sheet, meant)
    _witness(sheet, meant)
    units.find(sheet, meant)
    weigh.find(sheet, meant)
    return found + told(sheet, meant), meant


def _claims(sheet: Sheet, meant: Meant) -> list[Finding]:
    """COCO files that tell another size than the picture has."""
    size = sheet.images.size
    known = (sheet.claimed > 0).all(axis=1) & (size > 0).all(axis=1)
    wrong = known & (sheet.claimed != size).any(axis=1)
    turned = wrong & (sheet.orientation >= 5) & (sheet.claimed == size[:, ::-1]).all(axis=1)
    factor = size / np.maximum(sheet.claimed, 1)
    scaled = wrong & ~turned & (np.abs(factor[:, 0] / factor[:, 1].clip(1e-9) - 1) <= 0.01)
    _take_turned(sheet, meant, np.flatnonzero(turned[sheet.image]))
    rows = np.flatnonzero(scaled[sheet.image])
    boxes = sheet.xyxy[rows] * np.tile(factor[sheet.image[rows]], 2)
    meant.take(rows, Reading("other scale", "drawn at the size that the file tells", _same), boxes)
    empty = np.bincount(sheet.image, minlength=len(size)) == 0
    return [
        sheet.of_picture(
            row,
            "size disagrees",
            "error",
            f"the file says {_pair(sheet.claimed[row])}, the picture is {_pair(size[row])}",
            advice="is it another picture, or was it cropped or resized after labelling?",
        )
        for row in np.flatnonzero(wrong & ~turned & (~scaled | empty)).tolist()
    ]


def _same(xyxy: Floats, size: Ints) -> Floats:
    del size
    return xyxy


def _pair(size: Ints) -> str:
    return f"{size[0]}x{size[1]}"


def _take_turned(sheet: Sheet, meant: Meant, rows: Ints) -> None:
    where = sheet.orientation[sheet.image[rows]]
    boxes = readings.unturned(sheet.format, sheet.xyxy[rows], sheet.size[rows], where)
    meant.take(rows, TURNED, boxes)


def _witness(sheet: Sheet, meant: Meant) -> None:
    """Boxes that a second witness tells otherwise, where a reading explains the difference."""
    wrong = disagreeing(sheet, meant)
    for way in readings.witnessed(sheet.format):
        boxes = way.boxes(sheet.xyxy[wrong], sheet.size[wrong])
        fits = close(boxes, sheet.other[wrong], 0.02)
        meant.take(wrong[fits], way, sheet.other[wrong[fits]])
        wrong = wrong[~fits]
    where = sheet.orientation[sheet.image[wrong]]
    boxes = readings.unturned(sheet.format, sheet.xyxy[wrong], sheet.size[wrong], where)
    fits = close(boxes, sheet.other[wrong], 0.02)
    meant.take(wrong[fits], TURNED, boxes[fits])


def disagreeing(sheet: Sheet, meant: Meant) -> Ints:
    """Rows of the boxes that a second witness tells otherwise than they are meant."""
    told_of = np.isfinite(sheet.other).all(axis=1) & meant.plain
    rows = np.flatnonzero(told_of)
    return rows[~close(sheet.xyxy[rows], sheet.other[rows], 0.1)]


def unexplained(sheet: Sheet, meant: Meant) -> list[Finding]:
    """Boxes that a second witness tells otherwise, and no reading says why."""
    return [
        sheet.finding(
            row,
            "labels disagree",
            "warning",
            f"{sheet.witness} has another box: {_boxes(sheet, row, sheet.other[row])}",
            advice="one of the two is wrong",
        )
        for row in disagreeing(sheet, meant).tolist()
    ]


def close(a: Floats, b: Floats, share: float) -> Bools:
    """(M,) whether boxes lie within a share of their sides, or two pixels, of each other."""
    side = np.tile(b[:, 2:] - b[:, :2], 2)
    with np.errstate(invalid="ignore"):
        near = np.abs(a - b) <= np.maximum(share * side, 2.0)
    return np.asarray(near.all(axis=1))


def told(sheet: Sheet, meant: Meant) -> list[Finding]:
    """A finding for each box that means something else; one for the set where it is most of it."""
    found: list[Finding] = []
    files = len(np.unique(sheet.image))
    for number, way in enumerate(meant.ways):
        rows = np.flatnonzero(meant.reading == number)
        pictures = len(np.unique(sheet.image[rows]))
        if files >= 3 and pictures > _MOST * files:
            found.append(_set_wide(sheet, meant, rows, way, pictures))
        else:
            found += [_single(sheet, meant, row, way) for row in rows.tolist()]
    return found


def _single(sheet: Sheet, meant: Meant, row: int, way: Reading) -> Finding:
    what = f"{way.cause}: {_boxes(sheet, row, meant.xyxy[row])}"
    return sheet.finding(row, way.kind, "error", what, fix=change(meant.xyxy[row]))


def _boxes(sheet: Sheet, row: int, due: Floats) -> str:
    there, meant = (" ".join(f"{v:.4g}" for v in xyxy) for xyxy in (sheet.xyxy[row], due))
    return f"read as {there}, meant as {meant} (x1 y1 x2 y2, pixels)"


def _set_wide(sheet: Sheet, meant: Meant, rows: Ints, way: Reading, pictures: int) -> Finding:
    first = int(rows[0])
    return Finding(
        way.kind,
        "error",
        f"{way.cause}: {len(rows):,} boxes of {pictures:,} pictures; the first is "
        f"{_boxes(sheet, first, meant.xyxy[first])}",
        file=sheet.file[sheet.image[first]],
        place=sheet.place_name.format(sheet.place[first]),
        advice="the whole set is written so: export it again, or convert it",
    )
