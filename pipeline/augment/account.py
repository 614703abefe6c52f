"""What augmentation does to the labels: the share of boxes lost, cut and inflated.

Measured on what the trainer's own loader makes: by each transform of a preset alone, and by all of
them together.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from pipeline import boxes as geometry
from pipeline import polygons
from pipeline.augment import follow, shape_cut
from pipeline.augment.follow import Shown
from pipeline.dataset import Bools, Dataset, Floats, Ints, Outlines

SEEN = 0.95  # of a box's object: less is cut
LARGER = 1.1  # times the tight box's area: more is inflated
MOST = 20_000  # training pictures for one line of the table
SHARES = ("lost", "cut", "inflated", "empty")
ALL, WHOLE, TRANSFORMS = "all together", "all, on whole pictures", "transforms"
WITH_TRANSFORMS = (TRANSFORMS, WHOLE, ALL)  # lines of the table with those of Albumentations
MIXING = ("mosaic", "mixup", "cutmix", "copy_paste")
MOVING = (
    "quarter_turns", "degrees", "translate", "scale", "shear", "perspective", "flipud", "fliplr",
)  # fmt: skip

Draw = Callable[[int, int], Shown]  # a picture's row and a seed, to a training picture


def lines(hyp: Mapping[str, Any], *, transforms: bool = False) -> dict[str, dict[str, Any]]:
    """Presets that the account is made of, by what is on in them: each transform alone, and all.

    Colours move no box and get no line. The last epochs of a training (`close_mosaic`) go without
    what puts several pictures into one; so does the line `WHOLE`. The lines `TRANSFORMS`, `WHOLE`
    and `ALL` are with those of Albumentations, where there are any.
    """
    on = [key for key in (*MOVING, *MIXING) if hyp[key]]
    off = {**hyp, **dict.fromkeys((*MOVING, *MIXING), 0.0)}
    alone = {key: {**off, key: hyp[key]} for key in on}
    if transforms:
        alone[TRANSFORMS] = off
    mixing = [key for key in on if key in MIXING]
    whole = {WHOLE: {**hyp, **dict.fromkeys(MIXING, 0.0)}} if mixing else {}
    return {**alone, **whole, ALL: dict(hyp)}


def truth(data: Dataset) -> tuple[Dataset, Bools]:
    """What turns with each box: its outline, or the ellipse inscribed where there is only a box.

    An outline that is only the four corners of its box says no more than the box.

    Returns:
        The data set with an outline for every box, and (M,) which were there before.
    """
    boxes = data.boxes
    drawn = polygons.has(boxes.outline) & ~_corners_only(boxes.outline, boxes.xyxy)
    own, other = np.flatnonzero(drawn), np.flatnonzero(~drawn)
    parts = [(own, boxes.outline.take(own)), (other, shape_cut.ellipses(data, other))]
    outline = polygons.gathered(len(boxes), parts)
    return replace(data, boxes=replace(boxes, outline=outline)), drawn


def _corners_only(outlines: Outlines, xyxy: Floats) -> Bools:
    """(M,) which outlines have a point in every corner of their box, as near as labels are kept."""
    counts = np.diff(outlines.start)
    corners = np.repeat(polygons.corners(xyxy), counts, axis=0)
    away = np.abs(corners - outlines.points[:, None]).max(axis=2)  # (P, 4)
    near = away <= 1e-4 * np.maximum(1, np.repeat(np.abs(xyxy).max(axis=1), counts))[:, None]
    there = np.zeros((len(counts), 4), dtype=np.int64)
    np.add.at(there, np.repeat(np.arange(len(counts)), counts), near)
    return np.asarray((there > 0).all(axis=1) & (counts > 0))


def account(data: Dataset, draw: Draw, boxes: int, seed: int) -> list[dict[str, Any]]:
    """What becomes of the boxes of each class.

    Args:
        data: As `truth` gives it.
        draw: Makes training pictures of it.
        boxes: Of each class that are followed, at least; fewer where that takes too many pictures.
        seed: Another seed draws others.

    Returns:
        A dictionary for each class of the data set, and then one for all, in which each class
        counts by its boxes: ``boxes`` that were followed and the share that was ``lost``; of the
        labels that came out the shares that are ``cut``, ``inflated`` and ``empty`` (of what is
        not seen at all), and the mean ``iou`` with the tight box; ``times`` that a box is among
        the labels of an epoch. None where there is no box or label, or where transforms of
        Albumentations move objects, so that only what is lost is known.
    """
    sums = np.zeros((len(data.classes), len(_Sums._fields)))
    turns = _Turns(data, seed)
    sources = pictures = 0
    while pictures < MOST and sums[turns.classes, 0].min(initial=boxes) < boxes:
        shown = draw(turns.next(sums[:, 0]), seed * MOST + pictures)
        sums += _counted(data, shown)
        sources += shown.sources
        pictures += 1
    number = np.bincount(data.boxes.label, minlength=len(data.classes))
    whole = (number / np.maximum(sums[:, 0], 1)) @ sums
    rows = [_shares(_Sums(*row), sources / max(pictures, 1)) for row in [*sums, whole]]
    return [*rows[:-1], {**rows[-1], "boxes": int(sums[:, 0].sum())}]


class _Sums(NamedTuple):
    """Of the boxes of a class; `came` are those that were followed, `own` those not pasted."""

    came: float
    own: float
    lost: float
    cut: float
    inflated: float
    empty: float
    iou: float


class _Turns:
    """Whose turn it is: a picture of the class of which the fewest boxes were followed so far."""

    def __init__(self, data: Dataset, seed: int) -> None:
        rng = np.random.default_rng(seed)
        pairs = np.unique(np.column_stack([data.boxes.label, data.boxes.image]), axis=0)
        self.classes: Ints = np.unique(pairs[:, 0])
        piles = (pairs[pairs[:, 0] == label, 1] for label in self.classes)
        self._piles = [deque(rng.permutation(pile).tolist()) for pile in piles]

    def next(self, followed: Floats) -> int:
        pile = self._piles[int(followed[self.classes].argmin())]
        pile.rotate(-1)
        return int(pile[-1])


def _counted(data: Dataset, shown: Shown) -> Floats:
    """(C, S) what one training picture adds to the sums."""
    share, tight = _seen(data, shown)
    kept = ~np.isnan(shown.xyxy[:, 0])
    own = ~shown.extra
    near = np.nan_to_num(_overlap(shown.xyxy, tight))
    larger = geometry.area(shown.xyxy) > LARGER * geometry.area(np.nan_to_num(tight))
    fate: dict[str, Any] = {
        "came": own | kept,
        "own": own,
        "lost": own & ~kept,
        "cut": kept & (share < SEEN),
        "inflated": kept & larger,
        "empty": kept & (share == 0),
        "iou": np.where(kept, near, 0),
    }
    if not shown.exact:  # nobody knows where an object lies that Albumentations has bent
        fate.update(dict.fromkeys(("cut", "inflated", "empty", "iou"), kept * np.nan))
    columns = np.column_stack([fate[name] for name in _Sums._fields]).astype(np.float64)
    sums = np.zeros((len(data.classes), len(fate)))
    np.add.at(sums, data.boxes.label[shown.row], columns)
    return sums


def _seen(data: Dataset, shown: Shown) -> tuple[Floats, Floats]:
    """(E,) how much is seen of each box's outline, and (E, 4) the tight box around that."""
    share, tight = np.zeros(len(shown.row)), np.full((len(shown.row), 4), np.nan)
    for number, way in enumerate(shown.ways):
        own = np.flatnonzero(shown.way == number)
        share[own], tight[own] = follow.tight(data.boxes.outline.take(shown.row[own]), way)
    return share, tight


def _overlap(a: Floats, b: Floats) -> Floats:
    """(N,) IoU of boxes, each with its own; nan where one is nan."""
    side = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    both = np.clip(side, 0, None).prod(axis=1)
    return np.asarray(both / np.maximum(geometry.area(a) + geometry.area(b) - both, 1e-12))


def _shares(sums: _Sums, sources: float) -> dict[str, Any]:
    if not sums.came:
        return {"boxes": 0, **dict.fromkeys((*SHARES, "iou", "times"))}
    lost, kept = sums.lost / max(sums.own, 1e-12), sums.came - sums.lost
    of_labels = {
        key: _rounded(getattr(sums, key) / kept) if kept else None for key in (*SHARES[1:], "iou")
    }
    times = round((1 - lost) * sources, 3)
    return {"boxes": round(sums.came), "lost": _rounded(lost), **of_labels, "times": times}


def _rounded(share: float) -> float | None:
    return None if math.isnan(share) else round(share, 4)
