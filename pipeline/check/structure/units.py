"""Boxes whose numbers are impossible in the unit that is due: pixels, percent, fractions."""

from __future__ import annotations

import numpy as np

from pipeline import boxes as geometry
from pipeline.check.structure import readings
from pipeline.check.structure.density import NEVER, Model, log_density
from pipeline.check.structure.meant import Meant, by_group, model_of
from pipeline.check.structure.sheet import Sheet
from pipeline.dataset import Bools, Floats, Ints

_IMPOSSIBLE = 2.0  # a fraction larger than this is none
_MOST = 0.5  # share of the boxes from which the unit is told by all of them together


def find(sheet: Sheet, meant: Meant) -> None:
    """Boxes whose numbers are impossible in the unit that is due."""
    wrong = _impossible(sheet) & meant.plain & (sheet.size > 0).all(axis=1)
    rows = np.flatnonzero(wrong)
    if not len(rows):
        return
    set_wide = len(rows) > _MOST * len(sheet)
    group = np.zeros(len(rows), dtype=np.int64) if set_wide else sheet.image[rows]
    ways = readings.units(sheet.format)
    boxes = [way.boxes(sheet.xyxy[rows], sheet.size[rows]) for way in ways]
    model = None if set_wide else model_of(sheet, np.flatnonzero(~wrong & meant.plain))
    score = np.stack([_unit_score(sheet, rows, each, model) for each in boxes])
    best = by_group(score, group).argmax(axis=0)
    for number, way in enumerate(ways):
        mine = (best == number) & (score[number] > NEVER / 2)
        meant.take(rows[mine], way, boxes[number][mine])


def _impossible(sheet: Sheet) -> Bools:
    if sheet.format == "yolo":
        values = geometry.xyxy_to_xywhn(sheet.xyxy, np.maximum(sheet.size, 1))
        bad: Bools = (np.abs(values).max(axis=1, initial=0) > _IMPOSSIBLE) & (values >= 0).all(
            axis=1
        )
        return bad
    side = sheet.xyxy[:, 2:] - sheet.xyxy[:, :2]
    tiny: Bools = (np.abs(sheet.xyxy).max(axis=1, initial=0) <= 1.001) & (side > 0).all(axis=1)
    return tiny & (side.min(axis=1, initial=1) < 1)


def _unit_score(sheet: Sheet, rows: Ints, boxes: Floats, model: Model | None) -> Floats:
    """How well boxes of a unit fit their pictures, and their classes where these are known."""
    size = sheet.size[rows]
    fraction = boxes / np.tile(size, 2)
    fits = (fraction > -0.02).all(axis=1) & (fraction < 1.02).all(axis=1)
    fits &= (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    if model is None:
        return np.where(fits, 0.0, NEVER)
    likely = log_density(model, boxes, size, sheet.label[rows])
    side = np.log((fraction[:, 2:] - fraction[:, :2]).clip(1e-9)).sum(axis=1)
    return np.where(fits, likely + side, NEVER)
