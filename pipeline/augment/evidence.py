"""What the pixels of a box say for each way of cutting its corners off.

An outline in a box leaves out something at each of the box's four corners. A straight cut runs
from a place on one side to a place on the other; what speaks for it is an edge along it, and the
colours of the surroundings in the triangle behind it. Both are counted for every pair of places,
and for quarters of an ellipse.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.augment.pixels import MARGIN, SIDE, WHOLE, Patch, background
from pipeline.dataset import Floats

PLACES = 25  # on each side of a box
INSETS = (0.0, 0.03, 0.06, 0.1)  # of the ellipse, in sides: round things and boxes are not exact
POINTS = 24  # along a cut
RUNS = 6  # that a cut is divided into
REACH = 2  # pixels of a patch from a cut to where the colours on both sides of it are read
CELLS = 32  # across a box, in which background is counted
FLIPS = ((1, 1), (1, -1), (-1, -1), (-1, 1))  # of y and x, that bring each corner to the top left
ROUND = slice(-len(INSETS), None)  # the last of the cuts
STRAIGHT = slice(None, -len(INSETS))

Index = NDArray[np.intp]
Singles = NDArray[np.float32]


class Evidence(NamedTuple):
    """What speaks for each cut, corner by corner, from the top left one clockwise.

    About 0 for a cut at random, 0.5 and more for a good one.

    Attributes:
        straight: (4, PLACES, PLACES) for the cut from place i on the horizontal side to place j on
            the vertical side, both counted from the corner.
        round: (4,) for the best quarter of an ellipse.
    """

    straight: Floats
    round: Floats


class Cuts(NamedTuple):
    """Ways of cutting off the top left corner of a patch.

    Attributes:
        inner: (L, POINTS) flat index of the pixels beside the cut that stay.
        outer: (L, POINTS) of those that go.
        length: (L,) in sides of the box.
        cover: (L, CELLS * CELLS) share of the box that goes, cell by cell.
    """

    inner: Index
    outer: Index
    length: Floats
    cover: Singles


def weigh(patch: Patch) -> Evidence:
    """Count what the pixels of a box say for each cut."""
    import cv2

    soft = cv2.GaussianBlur(patch.pixels, (0, 0), 1.0).astype(np.float32)
    area = cv2.INTER_AREA
    cells = cv2.resize(background(patch).astype(np.float32), (CELLS, CELLS), interpolation=area)
    edge = _edges(np.stack([_steps(soft[::y, ::x]) for y, x in FLIPS]))
    flipped = np.stack([cells[::y, ::x].ravel() for y, x in FLIPS])
    behind = np.einsum("kc,lc->kl", flipped, _cuts().cover)  # no BLAS: its threads cost more
    total = (edge + behind).astype(np.float64)
    straight = total[:, STRAIGHT].reshape(len(FLIPS), PLACES, PLACES)
    return Evidence(straight, total[:, ROUND].max(axis=1))


def _steps(soft: Singles) -> Singles:
    """(L, RUNS) how much the colours change across each run of each cut.

    They are averaged along a run before they are compared, so that texture does not count.
    """
    flat = soft.reshape(-1, 3)
    change = flat.take(_cuts().inner, axis=0) - flat.take(_cuts().outer, axis=0)
    runs = change.reshape(len(change), RUNS, -1, 3).mean(axis=2)
    return np.asarray(np.sqrt((runs**2).sum(axis=-1)))


def _edges(steps: Singles) -> Floats:
    """(4, L) how much more than a cut at random each one lies along an edge, times its length.

    Beyond the strongest tenth of the changes all count alike: a strong edge somewhere in the
    picture on a thing is no better than the weak one around it.
    """
    strong = max(float(np.quantile(steps[:, STRAIGHT], 0.9)), 1.0)
    share = np.minimum(steps / strong, 1).mean(axis=-1)
    return np.asarray((share - share[:, STRAIGHT].mean()) * _cuts().length)


@cache
def _cuts() -> Cuts:
    """Every straight cut, then the round ones."""
    at = np.linspace(0, 1, PLACES)
    i, j = (v.ravel()[:, None] for v in np.meshgrid(at, at, indexing="ij"))
    along = (np.arange(POINTS) + 0.5) / POINTS
    length = np.hypot(i, j)
    normal = np.stack([j, i], axis=-1) / np.maximum(length, 1e-9)[..., None]
    radius = 0.5 - np.array(INSETS)
    turn = along * np.pi / 2
    out = -np.stack([np.sin(turn), np.cos(turn)], axis=-1) * np.ones((len(radius), 1, 1))
    points = [np.stack([i * (1 - along), j * along], axis=-1), 0.5 + out * radius[:, None, None]]
    into = np.concatenate([np.repeat(normal, POINTS, axis=1), -out])
    return Cuts(
        inner=_index(np.concatenate(points), into * REACH),
        outer=_index(np.concatenate(points), into * -REACH),
        length=np.append(length, radius * np.pi / 2),
        cover=_cover(i[:, 0], j[:, 0]),
    )


def _index(points: Floats, shift: Floats) -> Index:
    """Of the pixels at points (..., 2), in sides of the box, shifted by pixels (..., 2)."""
    at = np.clip(np.floor(points * SIDE + MARGIN + shift), 0, WHOLE - 1).astype(np.intp)
    return np.asarray(at[..., 1] * WHOLE + at[..., 0])


def _cover(i: Floats, j: Floats) -> Singles:
    """What goes with the cuts from i (L,) to j (L,), then with the round ones."""
    fine = 4  # points of a cell, across and down
    at = (np.arange(CELLS * fine) + 0.5) / (CELLS * fine)
    x, y = np.meshgrid(at, at)
    masks = [x * b + y * a < a * b for a, b in zip(i, j, strict=True)]
    far = np.where((x < 0.5) & (y < 0.5), np.hypot(x - 0.5, y - 0.5), 0)
    masks += [far > 0.5 - inset for inset in INSETS]
    shares = [mask.reshape(CELLS, fine, CELLS, fine).mean(axis=(1, 3)).ravel() for mask in masks]
    return (np.array(shares) / CELLS**2).astype(np.float32)
