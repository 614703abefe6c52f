"""The outline of the tilted rectangle in each box: banknotes, cards, books, signs.

The pixels seldom leave a doubt about the tilt. Where they do, no single answer is safe: of two
tilts the wrong one is worse than either the box or an ellipse. So each angle gets a probability,
from the pixels and from the aspect that the things of a class have in common, and the outline is
the mean of all (Minkowski's: of convex outlines, the one whose box, turned by any angle, is the
mean of their boxes, turned).
"""

from __future__ import annotations

import logging

import numpy as np

from pipeline.augment.search import Seen, look, polygon
from pipeline.augment.shape_cut import touches
from pipeline.boxes import area
from pipeline.dataset import Dataset, Floats, Ints, Outlines
from pipeline.engine import Map, in_process
from pipeline.polygons import corners

log = logging.getLogger(__name__)
TEMPERATURE = 0.25  # of scores, so that probabilities are what they say (docs/shapes.md)
LEAST = 0.02  # probability of an angle that counts
KNOWN = 5  # boxes that tell their aspect, from which on a class has one
CLEAR = 0.9  # probability of an angle and those beside it, from which on a box tells its aspect
TIGHT = 0.1  # least spread of a class's log aspect
STEP = np.deg2rad(5)  # between directions of an outline's sides
TURNS = np.deg2rad(np.arange(-45, 46, 7.5))


def quads(dataset: Dataset, rows: Ints, mapped: Map = in_process) -> tuple[Outlines, Floats]:
    """The outline of the tilted rectangle in each box, found by its pixels.

    Where a box touches the border of its picture, the rectangle is cut there, and its outline has
    more corners than four. Where the pixels do not tell the tilt, the outline is the mean of what
    is possible: its box, turned, is the mean of theirs.

    Args:
        dataset: Pictures and boxes.
        rows: (K,) increasing rows of the boxes to look at.
        mapped: Maps over pictures (`engine.shards`).

    Returns:
        An outline for each of the rows, convex, clockwise, whose hull is the box; and (K,) how
        sure it is: the IoU, 0 to 1, that is to be expected between the box of the outline and the
        true one when the picture is turned within 45 degrees. 0 where there is nothing to be seen
        (the picture cannot be read, or the box has no area): the outline then is the box.
    """
    seen = look(dataset, rows, mapped)
    read = ~np.isnan(seen.round)
    if not read.all():
        log.warning("boxes in pictures that cannot be read keep their corners: %d", (~read).sum())
    xyxy = dataset.boxes.xyxy[rows]
    good = read & (area(xyxy) > 0)
    chance = _chances(seen, dataset, rows)
    outlines, sure = [], np.zeros(len(rows))
    for k, box in enumerate(xyxy):
        counts = chance[k] > LEAST
        share = chance[k, counts] / chance[k, counts].sum()
        candidates = polygon(seen.ends[k, counts], box)
        outlines.append(mean(candidates, share) if good[k] else corners(box[None])[0])
        sure[k] = good[k] and _expected(outlines[-1], candidates, share)
    return Outlines.of(outlines), sure


def mean(polygons: Floats, share: Floats) -> Floats:
    """The Minkowski mean of convex polygons, but for sides of nearly one direction, made one.

    Args:
        polygons: (P, K, 2), clockwise as seen; points may be repeated.
        share: (P,) of each, 1 together.

    Returns:
        (L, 2) clockwise from the leftmost point on the top side.
    """
    start = np.stack([points[np.lexsort(points.T)[0]] for points in polygons])
    sides = (np.roll(polygons, -1, axis=1) - polygons) * share[:, None, None]
    flat = sides[(sides != 0).any(axis=-1)]
    angle = np.arctan2(flat[:, 1], flat[:, 0]) % (2 * np.pi)
    way = (angle / STEP + 1e-6).astype(int)
    merged = np.stack([np.bincount(way, weights=flat[:, axis]) for axis in (0, 1)], axis=1)
    merged = merged[(merged != 0).any(axis=1)]
    return np.asarray(share @ start + np.cumsum(merged, axis=0) - merged)


def _chances(seen: Seen, dataset: Dataset, rows: Ints) -> Floats:
    """(K, A) the probability of each angle."""
    xyxy = dataset.boxes.xyxy[rows]
    logit = np.nan_to_num(seen.score) / TEMPERATURE
    whole = ~touches(xyxy, dataset.images.size[dataset.boxes.image[rows]]).any(axis=1)
    aspect = _aspects(seen.ends, xyxy)
    clear = whole & ~np.isnan(seen.round) & (_around_best(_softmax(logit)) > CLEAR)
    label = dataset.boxes.label[rows]
    for of_class in (label == one for one in np.unique(label)):
        known = np.flatnonzero(of_class & clear)
        if len(known) >= KNOWN:
            best = aspect[known, logit[known].argmax(axis=1)]
            logit[of_class & whole] -= _unlike(aspect[of_class & whole], best)
    return _softmax(logit)


def _unlike(aspect: Floats, known: Floats) -> Floats:
    """How much the log aspects of a class (..., ) speak against an angle, by the known ones (N,).

    Student's t, about the median: a thing of another aspect is no impossible one.
    """
    middle = np.median(known)
    spread = max(1.4826 * float(np.median(np.abs(known - middle))), TIGHT)
    return np.asarray(np.log1p(((aspect - middle) / spread) ** 2 / 2))


def _aspects(ends: Floats, xyxy: Floats) -> Floats:
    """(K, A) how much longer the one pair of sides is than the other, as the log of the ratio."""
    size = xyxy[:, 2:] - xyxy[:, :2]
    corner = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    cut = np.abs(ends.reshape(*ends.shape[:2], 4, 2) - corner) * size[:, None, None]
    length = np.hypot(cut[..., 0], cut[..., 1]).reshape(*ends.shape[:2], 2, 2).sum(axis=2)
    return np.asarray(np.abs(np.log((length[..., 0] + 1e-9) / (length[..., 1] + 1e-9))))


def _softmax(logit: Floats) -> Floats:
    power = np.exp(logit - logit.max(axis=1, keepdims=True))
    return np.asarray(power / power.sum(axis=1, keepdims=True))


def _around_best(chance: Floats) -> Floats:
    """(K,) the probability of the best angle and of the two on both sides of it."""
    off = np.abs(np.arange(chance.shape[1]) - chance.argmax(axis=1)[:, None])
    return np.asarray((chance * (off <= 2)).sum(axis=1))


def _expected(outline: Floats, candidates: Floats, share: Floats) -> float:
    """The IoU of the turned outline's box with that of what is there, by the chances of each."""
    own, there = _turned(outline), _turned(candidates)
    low = np.maximum(own[0], there[0])
    high = np.minimum(own[1], there[1])
    both = np.clip(high - low, 0, None).prod(axis=-1)
    areas = (own[1] - own[0]).prod(axis=-1) + (there[1] - there[0]).prod(axis=-1)
    return float(share @ (both / (areas - both)).mean(axis=-1))


def _turned(points: Floats) -> tuple[Floats, Floats]:
    """(..., T, 2) low and high corners of the boxes of polygons (..., K, 2), turned by `TURNS`."""
    turn = np.stack([[np.cos(TURNS), -np.sin(TURNS)], [np.sin(TURNS), np.cos(TURNS)]])
    moved = np.einsum("...kc,dct->...ktd", points, turn)
    return moved.min(axis=-3), moved.max(axis=-3)
