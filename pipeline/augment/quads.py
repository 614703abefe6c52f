"""The tilted rectangle in a box, found by its pixels: for banknotes, cards, books, signs.

A quadrilateral whose box is known has a corner on each side of the box: it is the box without a
triangle at each of its four corners. What speaks for a triangle (an edge along its long side,
colours of the surroundings within) depends on two of the four places only, so that the best
quadrilateral of all is found exactly, by dynamic programming (max-plus products), for each angle.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from pipeline.augment.pixels import MARGIN, SIDE, Patch, Work, is_background, patches, work
from pipeline.dataset import Bools, Dataset, Floats, Ints, Outlines
from pipeline.engine import Map, in_process
from pipeline.errors import DataError

PLACES = 33  # on each side of a box, where a corner may lie
ANGLES = np.deg2rad(np.arange(0, 91, 2.0))
POINTS = 32  # along the side of a quadrilateral
REACH = 3  # pixels of a patch from a side to where the colours on both sides of it are read
CELLS = 32  # of a patch, across, in which background is counted
EDGE, REGION, SPREAD = 1.0, 1.0, np.deg2rad(8)


class Found(NamedTuple):
    """What a box may hold, an angle a row.

    Attributes:
        score: (A,) how well the pixels agree with the best quadrilateral at each of `ANGLES`.
        places: (A, 8) its ends, shares of the box's width or height: of the triangle at the
            top left corner on the top side and on the left side, of that at the top right on top
            and right, at the bottom right on bottom and right, at the bottom left on bottom and
            left.
    """

    score: Floats
    places: Floats


def search(patch: Patch, size: Floats, cut: Bools) -> Found:
    tables = _tables(patch)  # (4, N, N): TL[t,l] TR[t,r] BR[b,r] BL[b,l]
    n = PLACES
    at = np.linspace(0, 1, n)
    angle = np.arctan2(at[None, :] * size[1], at[:, None] * size[0])
    off = (angle - ANGLES[:, None, None]) ** 2 / (2 * SPREAD**2)
    off2 = (angle - (np.pi / 2 - ANGLES)[:, None, None]) ** 2 / (2 * SPREAD**2)
    left, top, right, bottom = cut
    def table(k, offs, flip_i, flip_j, free):
        t = tables[k][None] - offs
        t[:, 0, 0] = 0 if free else -np.inf
        if flip_i: t = t[:, ::-1]
        if flip_j: t = t[:, :, ::-1]
        return t
    tl = table(0, off, False, False, top and left)
    tr = table(1, off2, True, False, top and right)
    br = table(2, off, True, True, bottom and right)
    bl = table(3, off2, False, True, bottom and left)
    tr_, br_, bl_ = tr, br, bl
    later = lambda x, axis: np.flip(np.maximum.accumulate(np.flip(x, axis), axis), axis)
    if top: tr_ = later(tr_, 1)
    if right: br_ = later(br_, 2)
    if bottom: br_ = later(br_, 1)
    if left: bl_ = later(bl_, 2)
    # upper[a,l,r]=max_t tl[a,t,l]+tr[a,t,r]; lower[a,l,r]=max_b br[a,b,r]+bl[a,b,l]
    up = tl[:, :, :, None] + tr_[:, :, None, :]
    low = bl_[:, :, :, None] + br_[:, :, None, :]
    upper, ti = up.max(1), up.argmax(1)
    lower, bi = low.max(1), low.argmax(1)
    total = (upper + lower).reshape(len(ANGLES), -1)
    best = total.argmax(1)
    score = total[np.arange(len(ANGLES)), best]
    l, r = best // n, best % n
    a = np.arange(len(ANGLES))
    t, b = ti[a, l, r], bi[a, l, r]
    places = np.zeros((len(ANGLES), 8), int)
    for k in a:
        tt, rr, bb, ll = t[k], r[k], b[k], l[k]
        t2 = tt; r2 = rr; b2 = bb; l2 = ll
        if top: t2 = tt + np.argmax(tr[k, tt:, rr])
        # br free ends
        sub = br[k, (bb if bottom else bb):(None if bottom else bb + 1), rr:(None if right else rr + 1)]
        i = np.unravel_index(np.argmax(sub), sub.shape)
        b2, r2 = bb + i[0], rr + i[1]
        if left: l2 = ll + np.argmax(bl[k, bb, ll:])
        places[k] = tt, ll, t2, rr, b2, r2, bb, l2
    return Found(score, places / (n - 1))


def polygon(places: Floats, xyxy: Floats) -> Floats:
    """(8, 2) corners, clockwise from the top side; some may be twice."""
    x1, y1, x2, y2 = xyxy
    w, h = x2 - x1, y2 - y1
    tt, tl, rt, rr, br, rb, bl, lb = places
    return np.array([[x1 + tt * w, y1], [x1 + rt * w, y1], [x2, y1 + rr * h], [x2, y1 + rb * h],
                     [x1 + br * w, y2], [x1 + bl * w, y2], [x1, y1 + lb * h], [x1, y1 + tl * h]])


@cache
def _lines():
    at = np.linspace(0, 1, PLACES)
    i, j = (v.ravel() for v in np.meshgrid(at, at, indexing="ij"))
    along = (np.arange(POINTS) + 0.5) / POINTS
    p = np.stack([i[:, None] * (1 - along), j[:, None] * along], -1) * SIDE + MARGIN
    normal = np.stack([j, i], -1)
    length = np.hypot(i, j)
    normal = normal / np.maximum(length, 1e-9)[:, None]
    whole = SIDE + 2 * MARGIN
    def index(q):
        k = np.clip(np.floor(q).astype(int), 0, whole - 1)
        return k[..., 1] * whole + k[..., 0]
    inner = index(p + REACH * normal[:, None])
    outer = index(p - REACH * normal[:, None])
    # triangles
    fine = 4
    c = (np.arange(CELLS * fine) + 0.5) / (CELLS * fine)
    x, y = c[None, :], c[:, None]
    cover = []
    for a, b in zip(i, j):
        m = (x * b + y * a < a * b)
        cover.append(m.reshape(CELLS, fine, CELLS, fine).mean((1, 3)).ravel())
    return inner, outer, length, np.array(cover, np.float32) / CELLS**2


def _tables(patch: Patch) -> Floats:
    import cv2
    inner, outer, length, cover = _lines()
    soft = cv2.GaussianBlur(patch.pixels, (0, 0), 1.0).astype(np.float32)
    background = is_background(patch)
    flips = [(1, 1), (1, -1), (-1, -1), (-1, 1)]
    out = []
    for fy, fx in flips:
        p = soft[::fy, ::fx].reshape(-1, 3)
        d = p[inner] - p[outer]
        d = d.reshape(len(d), 8, -1, 3).mean(2)
        g = np.sqrt((d**2).sum(-1))
        out.append(g)
    g = np.array(out)
    scale = np.quantile(g, 0.9)
    e = np.minimum(g / max(scale, 1), 1).mean(-1)
    e = (e - e.mean()) * length
    cells = [cv2.resize(np.ascontiguousarray(background[::fy, ::fx]).astype(np.float32), (CELLS, CELLS), interpolation=cv2.INTER_AREA).ravel() for fy, fx in flips]
    reg = np.array([cover @ c for c in cells])
    return (EDGE * e + REGION * reg).reshape(4, PLACES, PLACES)


def quads(dataset: Dataset, rows: Ints, mapped: Map = in_process) -> tuple[Outlines, Floats]:
    """The outline of the tilted rectangle in each box, found by its pixels.

    Where a box touches the border of its picture, the rectangle is cut there, and its outline has
    more corners than four. Where the pixels do not tell the tilt, the outline is the mean of what
    is possible: its box, turned, lies between those of the tilts.

    Args:
        dataset: Pictures and boxes.
        rows: (K,) increasing rows of the boxes to look at.
        mapped: Maps over pictures (`engine.shards`).

    Returns:
        An outline (4 points or more, convex) for each of the rows, whose hull is the box; and
        (K,) how sure it is: the probability, 0 to 1, that the tilt is the right one; 0 where the
        picture cannot be read (the outline then is the box).
    """
    parts = mapped(_searched, work(dataset, rows), "looking for quadrilaterals")
    found = [one for part in parts for one in part]
    best = [f.places[np.argmax(f.score)] for f in found]
    outlines = [polygon(p, xyxy) for p, xyxy in zip(best, dataset.boxes.xyxy[rows])]
    return Outlines.of(outlines), np.ones(len(rows))


def _searched(jobs: Sequence[Work]) -> list[Found]:
    out = []
    for job in jobs:
        cut = patches(job)
        for patch, xyxy in zip(cut, job.xyxy):
            touches = np.concatenate([xyxy[:2] <= 1, xyxy[2:] >= np.array(job.size) - 1])
            out.append(search(patch, xyxy[2:] - xyxy[:2], touches))
    return out
