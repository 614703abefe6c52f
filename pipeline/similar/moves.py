"""How one part of a scene, its background or an item, moved between two shots.

Moves are homographies (3, 3) from pixels of the second view to pixels of the first. What they are
judged by is grey and half as large as the views, without what varies slowly; free of NumPy at
import.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from pipeline.similar.align import View, is_sane

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]
    Matrix = NDArray[np.float64]
    Picture = NDArray[np.uint8]
    Corners = tuple[Array, Picture | None]

_WINDOW = 11  # half-size pixels: side of the windows that are compared
_NOISE = 0.5  # variance in grey levels of what is no texture
_LEAST_AREA = 60  # half-size pixels that a fit must rest on
_LEAST_MATCHES = 6
_RIVAL = 0.1  # less: a move that may fit better once both are climbed from
_HOPELESS = 0.25  # mean correlation that no climb makes good
_ASPECT, _PERSPECTIVE = 1.25, 1e-3  # of a move: more is no other shot, but a bad fit


class Item(NamedTuple):
    """A labelled thing in a view: its class, and its box x1, y1, x2, y2 in pixels of the view."""

    label: int
    box: tuple[float, float, float, float]

    @property
    def middle(self) -> tuple[float, float]:
        x1, y1, x2, y2 = self.box
        return (x1 + x2) / 2, (y1 + y2) / 2

    @property
    def area(self) -> float:
        x1, y1, x2, y2 = self.box
        return (x2 - x1) * (y2 - y1)


@dataclass(frozen=True, eq=False)
class Shot:
    """A view and the items in it."""

    view: View
    items: tuple[Item, ...]

    @cached_property
    def fine(self) -> Array:
        """(h / 2, w / 2) grey, without what varies slowly."""
        import cv2
        import numpy as np

        grey = cv2.cvtColor(self.view.picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
        half = cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        half = cv2.GaussianBlur(half, (0, 0), 0.7)
        found: Array = half - cv2.GaussianBlur(half, (0, 0), 8)
        return found

    @cached_property
    def ground(self) -> Array:
        """(h / 2, w / 2) 1 where there is no item, else 0."""
        import numpy as np

        found = np.ones(self.fine.shape, dtype=np.float32)
        for item in self.items:
            x1, y1, x2, y2 = (max(0, round(edge / 2)) for edge in item.box)
            found[y1:y2, x1:x2] = 0
        return found

    @cached_property
    def colours(self) -> Array:
        """(1 + K, 3) logarithm of the mean colour of the ground, then of each item."""
        import numpy as np

        masks = [self.mask(item) for item in self.items]
        parts = [self.view.picture[mask] for mask in (~np.any(masks, axis=0), *masks)]
        mean = [part.mean(axis=0) if len(part) else np.zeros(3) for part in parts]
        return np.log(np.array(mean, dtype=np.float32) + 8)

    @cached_property
    def ground_corners(self) -> Corners:
        """See `View.corners_in`."""
        import numpy as np

        return self.view.corners_in(~np.any([self.mask(item) for item in self.items], axis=0))

    @cached_property
    def item_corners(self) -> list[Corners]:
        """Of each item; see `View.corners_in`."""
        return [self.view.corners_in(self.mask(item)) for item in self.items]

    def mask(self, item: Item) -> NDArray[np.bool_]:
        """(h, w) whether a pixel of the view is in the item's box."""
        import numpy as np

        found = np.zeros(self.view.picture.shape[:2], dtype=bool)
        x1, y1, x2, y2 = (max(0, round(edge)) for edge in item.box)
        found[y1:y2, x1:x2] = True
        return found


class Region(NamedTuple):
    """Where a move is judged.

    Attributes:
        where: (h / 2, w / 2) 1 at the places of the first shot that count, else 0.
        ground: Whether it is the background: then only the background of the second counts.
    """

    where: Array
    ground: bool


class Fit(NamedTuple):
    """A move, and how well the shots fit by it: their mean correlation, -1 to 1."""

    value: float
    move: Matrix


def is_plausible(move: Matrix) -> bool:
    """Whether a camera that moved a little explains it."""
    import numpy as np

    if not is_sane(move[:2, :2]) or np.abs(move[2, :2]).max() > _PERSPECTIVE:
        return False
    long, short = np.linalg.svd(move[:2, :2], compute_uv=False)
    return bool(long < _ASPECT * short)


def by_corners(a: Corners, b: Corners) -> list[Matrix]:
    """A turn, a shift and a scale from matching corners; none where too few match."""
    import cv2
    import numpy as np

    (here, look), (there, other) = a, b
    if look is None or other is None:
        return []
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(other, look)
    if len(pairs) < _LEAST_MATCHES:
        return []
    there = there[[pair.queryIdx for pair in pairs]]
    here = here[[pair.trainIdx for pair in pairs]]
    move, fits = cv2.estimateAffinePartial2D(
        there, here, method=cv2.RANSAC, ransacReprojThreshold=4.0, maxIters=500
    )
    return [] if move is None or fits.sum() < _LEAST_MATCHES else [np.vstack([move, [0, 0, 1]])]


def turned(
    start: tuple[float, float], goal: tuple[float, float], turn: float, scale: float
) -> Matrix:
    """The move of one point onto another, with a turn (degrees, counter-clockwise) and a scale."""
    import cv2
    import numpy as np

    move = np.vstack([cv2.getRotationMatrix2D(start, turn, scale), [0, 0, 1]])
    move[:2, 2] += np.subtract(goal, start)
    return move


def turn_and_scale(move: Matrix) -> tuple[float, float]:
    """The turn (degrees, as for `turned`) and the scale of a move, but for its tilt."""
    import numpy as np

    turn = np.degrees(np.arctan2(move[0, 1] - move[1, 0], move[0, 0] + move[1, 1]))
    return float(turn), float(np.sqrt(max(np.linalg.det(move[:2, :2]), 1e-9)))


def moved_to(point: tuple[float, float], move: Matrix) -> tuple[float, float]:
    """Where a point comes to lie."""
    x, y, depth = (move @ [*point, 1.0]).tolist()
    return x / depth, y / depth


def searched(
    a: Shot, b: Shot, starts: Iterable[Matrix], region: Region, reach: int
) -> list[Matrix]:
    """The two best of some moves, each shifted by up to `reach` half-size pixels to fit best."""
    found = [_shifted(a, b, start, region, reach) for start in starts]
    found.sort(key=lambda one: -one.value)
    return [one.move for one in found[:2]]


def _shifted(a: Shot, b: Shot, start: Matrix, region: Region, reach: int) -> Fit:
    """By normalised cross-correlation, as Lewis (1995), of what is known on both sides."""
    import cv2
    import numpy as np

    x, y, width, height = cv2.boundingRect(region.where.astype(np.uint8))
    cut = np.s_[y : y + height, x : x + width]
    where = np.ascontiguousarray(region.where[cut])
    mine = a.fine[cut] * where
    to_cut = np.array([[1, 0, reach - x], [0, 1, reach - y], [0, 0, 1]]) @ _halved(start)
    theirs, known = _moved(b, to_cut, (width + 2 * reach, height + 2 * reach), region)
    theirs *= known
    both = cv2.matchTemplate(theirs, mine, cv2.TM_CCORR)
    spread = cv2.matchTemplate(known, mine * mine, cv2.TM_CCORR) * cv2.matchTemplate(
        theirs * theirs, where, cv2.TM_CCORR
    )
    _, best, _, (right, down) = cv2.minMaxLoc(both / np.sqrt(np.maximum(spread, 0) + 1))
    shift = np.array([[1, 0, 2 * (reach - right)], [0, 1, 2 * (reach - down)], [0, 0, 1]])
    return Fit(best, shift @ start)


def refined(a: Shot, b: Shot, moves: Sequence[Matrix], region: Region) -> Fit | None:
    """The move that fits best, or one near it that fits better; None where none is plausible."""
    fits = [Fit(_fit(a, b, move, region), move) for move in moves if is_plausible(move)]
    fits.sort(key=lambda one: -one.value)
    if not fits or fits[0].value < _HOPELESS:
        return None
    closer = [
        _closer(a, b, one.move, region) for one in fits[:2] if one.value > fits[0].value - _RIVAL
    ]
    return max(
        [fits[0], *(Fit(_fit(a, b, move, region), move) for move in closer if is_plausible(move))],
        key=lambda one: one.value,
    )


def _closer(a: Shot, b: Shot, move: Matrix, region: Region) -> Matrix:
    """Climb to where they fit best (ECC: Evangelidis and Psarakis, 2008)."""
    import cv2
    import numpy as np

    kind = cv2.MOTION_HOMOGRAPHY if region.ground else cv2.MOTION_AFFINE
    rows = 3 if region.ground else 2
    back = np.linalg.inv(_halved(move))
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_COUNT, 12, 1e-3)
    start = (back / back[2, 2]).astype(np.float32)[:rows]
    try:
        _, found = cv2.findTransformECC(
            a.fine, b.fine, start, kind, stop, region.where.astype(np.uint8), 3
        )
    except cv2.error:  # it does not converge: nothing to climb
        return move
    whole = np.vstack([found, [[0, 0, 1]]])[:3].astype(np.float64)
    closer = _doubled(np.asarray(np.linalg.inv(whole)))
    return np.asarray(closer / closer[2, 2])


def _fit(a: Shot, b: Shot, move: Matrix, region: Region) -> float:
    """The mean correlation of the windows around each place, that of textured ones weighing more.

    -1 where too little is seen.
    """
    import cv2
    import numpy as np

    x = a.fine
    y, known = _moved(b, _halved(move), (x.shape[1], x.shape[0]), region)
    where = (known > 0) & (region.where > 0)
    if where.sum() < _LEAST_AREA:
        return -1.0
    mean_x, mean_y = _mean(x), _mean(y)
    spread = (_mean(x * x) - mean_x * mean_x + _NOISE) * (_mean(y * y) - mean_y * mean_y + _NOISE)
    weight = cv2.sqrt(cv2.sqrt(np.maximum(spread, 0)))
    same = (_mean(x * y) - mean_x * mean_y + _NOISE) / np.maximum(weight, 1e-3)
    return float(same[where].sum() / weight[where].sum())


def _moved(b: Shot, move: Matrix, size: tuple[int, int], region: Region) -> tuple[Array, Array]:
    """The second shot by a half-size move, and 1 where it is known there, else 0."""
    import cv2
    import numpy as np

    known = b.ground if region.ground else np.ones_like(b.fine)
    seen = cv2.warpPerspective(known, move, size) > 0.99
    return cv2.warpPerspective(b.fine, move, size), seen.astype(np.float32)


def _halved(move: Matrix) -> Matrix:
    """A move of views as one of half-size pictures."""
    import numpy as np

    return np.diag([0.5, 0.5, 1.0]) @ move @ np.diag([2.0, 2.0, 1.0])


def _doubled(move: Matrix) -> Matrix:
    import numpy as np

    return np.diag([2.0, 2.0, 1.0]) @ move @ np.diag([0.5, 0.5, 1.0])


def _mean(values: Array) -> Array:
    import cv2

    found: Array = cv2.blur(values, (_WINDOW, _WINDOW))
    return found
