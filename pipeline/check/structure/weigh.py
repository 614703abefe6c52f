"""Readings weighed by likelihood: of the whole set, of turned pictures, of a file, of a box.

A reading wins where its likelihood ratio against the plain one exceeds what chance gives among so
many files and readings; where nothing wins, nothing is said. The boxes of a file are alike (one
scene, one distance), so their ratios count as those of fewer boxes: the root of their number.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.check.structure import density, readings
from pipeline.check.structure.density import NEVER, Model, log_density
from pipeline.check.structure.meant import Meant, by_group, model_of, some
from pipeline.check.structure.readings import TURNED, Reading
from pipeline.check.structure.sheet import Sheet
from pipeline.dataset import Floats, Ints

_SURE = 8.0  # nats beyond what chance gives: odds of about 3,000 to 1
_THIN = 1e-6  # pixels
_SET = (30, 10)  # boxes and pictures from which the whole set may be judged
_ENOUGH = 20_000  # boxes that tell the reading of the whole set
_NEARLY_ALL = 0.8  # share of the turned pictures that agree, where all are misread
_CLEAR = 0.5  # nats a box by which a reading of the whole set must be better


def find(sheet: Sheet, meant: Meant) -> None:
    """Find boxes that are more likely in another reading: of the set, else of a part of it."""
    rows = _open(sheet, meant)
    way = _of_set(sheet, rows)
    if way:
        meant.take(rows, way, way.boxes(sheet.xyxy[rows], sheet.size[rows]))
        return
    model = model_of(sheet, rows)
    if model is None:
        return
    _turned(sheet, meant, rows, model)
    _parts(sheet, meant, _open(sheet, meant), model)


def _open(sheet: Sheet, meant: Meant) -> Ints:
    """Boxes whose reading is open: with sides, of a picture that is known, without a witness."""
    side = sheet.xyxy[:, 2:] - sheet.xyxy[:, :2]
    sound = (sheet.size > 0).all(axis=1) & (side > _THIN).all(axis=1)
    return np.flatnonzero(meant.plain & sound & ~np.isfinite(sheet.other).all(axis=1))


def _parts(sheet: Sheet, meant: Meant, rows: Ints, model: Model) -> None:
    """Weigh the readings of files, then of single boxes in files that are read rightly."""
    ratio = _ratios(sheet, rows, model)
    counts = np.bincount(sheet.image[rows])[sheet.image[rows]]
    of_files = by_group(ratio, sheet.image[rows]) / np.sqrt(counts)
    _take(sheet, meant, rows, of_files, len(np.unique(sheet.image[rows])))
    rest = meant.plain[rows]
    _take(sheet, meant, rows[rest], ratio[:, rest], len(rows))


def _ratios(sheet: Sheet, rows: Ints, model: Model) -> Floats:
    """(R, M) log likelihood ratio of each reading against the plain one."""
    xyxy, size, label = sheet.xyxy[rows], sheet.size[rows], sheet.label[rows]
    plain = _plain(model, xyxy, size, label)
    ratio: Floats = np.stack(
        [
            log_density(model, way.boxes(xyxy, size), size, label, way.stretch) - plain
            for way in readings.of(sheet.format)
        ]
    )
    return ratio


def _plain(model: Model, xyxy: Floats, size: Ints, label: Ints) -> Floats:
    """(M,) log density of boxes that are read rightly, of things that stand or lie."""
    lying = log_density(model, xyxy, size, label, lying=True)
    return np.maximum(log_density(model, xyxy, size, label), lying)


def _take(sheet: Sheet, meant: Meant, rows: Ints, ratio: Floats, units: int) -> None:
    """The readings that win, of so many units that were tried."""
    ways = readings.of(sheet.format)
    sure = ratio.max(axis=0) > _SURE + np.log(len(ways) * max(units, 1))
    best = ratio.argmax(axis=0)
    for number, way in enumerate(ways):
        mine = rows[sure & (best == number)]
        meant.take(mine, way, way.boxes(sheet.xyxy[mine], sheet.size[mine]))


def _of_set(sheet: Sheet, rows: Ints) -> Reading | None:
    """The reading of the whole set, each weighed with a model of its own."""
    rows = some(rows, _ENOUGH)
    if len(rows) < _SET[0] or len(np.unique(sheet.image[rows])) < _SET[1]:
        return None
    plain = _own_density(sheet, rows, sheet.xyxy[rows], 1.0)
    best, gain = None, _CLEAR
    for way in readings.of(sheet.format):
        boxes = way.boxes(sheet.xyxy[rows], sheet.size[rows])
        if way.stretch > 1 and not _fills(boxes, sheet.size[rows]):
            continue
        more = _own_density(sheet, rows, boxes, way.stretch) - plain
        if more > gain:
            best, gain = way, more
    return best


def _own_density(sheet: Sheet, rows: Ints, boxes: Floats, stretch: float) -> float:
    size, label = sheet.size[rows], sheet.label[rows]
    good = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    if not good.any():
        return NEVER
    model = density.fit(boxes[good], size[good], label[good], len(sheet.classes))
    model = replace(model, cells=np.zeros_like(model.cells))
    return float(log_density(model, boxes, size, label, stretch).mean())


def _fills(boxes: Floats, size: Ints) -> bool:
    """Whether boxes reach the right and the lower border, and none lies beyond them."""
    ends = (boxes[:, 2:] / size).max(axis=0)
    return bool((ends > 0.95).all() and (ends < 1.01).all())


def _turned(sheet: Sheet, meant: Meant, rows: Ints, model: Model) -> None:
    """Boxes of pictures with an EXIF turn: all of them together, else file by file."""
    at = rows[sheet.orientation[sheet.image[rows]] > 1]
    if not len(at):
        return
    size, label = sheet.size[at], sheet.label[at]
    boxes = readings.unturned(
        sheet.format, sheet.xyxy[at], size, sheet.orientation[sheet.image[at]]
    )
    ratio = log_density(model, boxes, size, label) - _plain(model, sheet.xyxy[at], size, label)
    files, image = np.unique(sheet.image[at], return_inverse=True)
    of_files = np.bincount(image, ratio) / np.sqrt(np.bincount(image))
    if of_files.sum() / np.sqrt(len(files)) > _SURE and (of_files > 0).mean() > _NEARLY_ALL:
        wins = np.ones(len(at), dtype=bool)
    else:
        wins = (of_files > _SURE + np.log(len(files)))[image]
    meant.take(at[wins], TURNED, boxes[wins])
