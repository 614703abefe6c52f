"""Two pictures laid on one another and compared place by place; free of NumPy at import."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]
    Array = NDArray[np.float32]
    Mask = NDArray[np.bool_]
    Matrix = NDArray[np.float64]

SIDE = 256  # pixels: the long side of the pictures that are compared
_CORNERS = 400
_WINDOW = 19  # pixels: side of the windows that are compared
_NOISE = 1.5  # variance in grey levels of what is no texture
_WORST = 2.0  # percentile of the agreement that counts
_PATCH = 31  # pixels: side of the patches whose median agreement counts
LEAST_SHARED = 0.4  # of the first picture that the second must cover
_LEAST_MATCHES = 8
_STRETCH, _TURN = 1.5, 35.0  # times larger or smaller, degrees: the same thing at most
_REACH = 24.0  # pixels that a thing may have moved against its background

_COARSE = 4  # times smaller: the pictures that are glanced at
_HOPELESS, _CLEAR = 0.1, 0.8  # agreements that need no closer look
_SAME_FRAME, _LEAST_FIT = 0.8, 0.2  # correlation of the coarse pictures
_OUTSIDE, _SEEN = 1e9, 1e3  # also half a pixel from outside is seen to be outside


@dataclass(frozen=True, eq=False)
class View:
    """A picture made ready to be compared.

    Attributes:
        picture: (h, w, 3) BGR; long side `SIDE` or less.
    """

    picture: Picture

    @cached_property
    def coarse(self) -> Array:
        """(h / 4, w / 4) grey, without what varies slowly."""
        import cv2
        import numpy as np

        height, width = self.picture.shape[:2]
        grey = cv2.cvtColor(self.picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
        size = (-(-width // _COARSE), -(-height // _COARSE))
        small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        found: Array = small - cv2.GaussianBlur(small, (0, 0), 8)
        return found

    @cached_property
    def corners(self) -> tuple[Array, Picture | None]:
        """Those of the whole picture: see `corners_in`."""
        return self.corners_in(None)

    def corners_in(self, where: Mask | None) -> tuple[Array, Picture | None]:
        """(K, 2) places and (K, 32) what it looks like there (ORB: Rublee et al., 2011)."""
        import cv2
        import numpy as np

        orb = cv2.ORB.create(_CORNERS, nlevels=6, fastThreshold=5, edgeThreshold=16, patchSize=24)
        grey = cv2.cvtColor(self.picture, cv2.COLOR_BGR2GRAY)
        mask = None if where is None else 255 * where.astype(np.uint8)
        corners, features = orb.detectAndCompute(grey, mask)
        points = np.array([corner.pt for corner in corners], dtype=np.float32).reshape(-1, 2)
        return points, features


class Laid(NamedTuple):
    """The second picture as seen from where the first was: (h, w, 3), and where it is seen."""

    picture: Picture
    seen: Mask


def view(picture: Picture) -> View:
    """Shrink a picture to what is compared."""
    import cv2

    height, width = picture.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return View(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def agreement(a: View, b: View) -> float:
    """How well two pictures agree where they agree least, 0 to 1; 0 where they do not fit.

    They are laid on one another as they are, and if that is not enough by matching corners; then
    what moved a little against its background is followed; each time the windows around each pixel
    are compared. The worst places decide, so that one other thing on the same table counts: but
    bands narrower than half of `_PATCH`, as beside a thing that moved, do not. Where it is not
    clear, the first is laid on the second as well, for one of them may show more.
    """
    found = _laid_on(a, b)
    return max(found, _laid_on(b, a)) if _HOPELESS < found < _CLEAR else found


def _laid_on(a: View, b: View) -> float:
    """The agreement of `b` laid on `a`."""
    as_is = _best(a, b, [same_frame(a.picture, b.picture)], _SAME_FRAME)
    if as_is is not None and (found := _worst(a.picture, as_is)) > _CLEAR:
        return found
    laid = _best(a, b, moves(a, b), _LEAST_FIT)
    if laid is None:
        return 0.0
    if (found := _worst(a.picture, laid)) > _CLEAR:
        return found
    return max(found, _worst(a.picture, flowed(a.picture, laid)))


def _best(a: View, b: View, moves: list[Matrix], least: float) -> Laid | None:
    """The second picture, moved in the way that fits best; None where none fits."""
    fits = [_glance(a.coarse, b.coarse, move) for move in moves]
    if not fits or max(fits) < least:
        return None
    return warped(b.picture, moves[fits.index(max(fits))], a.picture.shape)


def same_frame(a: Picture, b: Picture) -> Matrix:
    """(3, 3) from pixels of `b` to pixels of `a` where both show the same frame."""
    import numpy as np

    x, y = a.shape[1] / b.shape[1], a.shape[0] / b.shape[0]
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])


@lru_cache(maxsize=4)  # of one pair: its items are looked at next
def moves(a: View, b: View) -> list[Matrix]:
    """From matching corners: a turn with a shift and a scale, and a homography."""
    import cv2
    import numpy as np

    (here, look), (there, other) = a.corners, b.corners
    if look is None or other is None:
        return []
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(other, look)
    if len(pairs) < _LEAST_MATCHES:
        return []
    there = there[[pair.queryIdx for pair in pairs]]
    here = here[[pair.trainIdx for pair in pairs]]
    rough, fits = cv2.estimateAffinePartial2D(
        there, here, method=cv2.RANSAC, ransacReprojThreshold=8.0, maxIters=300
    )
    if rough is None or not is_sane(rough[:, :2]):
        return []
    moves = [np.vstack([rough, [0, 0, 1]])]
    inside = fits.ravel().astype(bool)
    if inside.sum() >= _LEAST_MATCHES:
        fine, _ = cv2.findHomography(there[inside], here[inside], cv2.RANSAC, 3.0, maxIters=300)
        moves += [fine] if fine is not None and is_sane(fine[:2, :2]) else []
    return moves


def is_sane(linear: Matrix) -> bool:
    """Whether the camera moved a little only: the same thing elsewhere is not the same scene."""
    import numpy as np

    scale = np.sqrt(max(float(np.linalg.det(linear)), 1e-9))
    turn = np.degrees(np.arctan2(linear[1, 0] - linear[0, 1], linear[0, 0] + linear[1, 1]))
    return bool(1 / _STRETCH < scale < _STRETCH and abs(turn) < _TURN)


def _glance(a: Array, b: Array, move: Matrix) -> float:
    """The correlation of two coarse pictures laid on one another, -1 to 1."""
    import cv2
    import numpy as np

    scale = np.diag([1 / _COARSE, 1 / _COARSE, 1.0])
    size = (a.shape[1], a.shape[0])
    laid = cv2.warpPerspective(
        b, scale @ move @ np.linalg.inv(scale), size, borderValue=(_OUTSIDE,) * 4
    )
    seen = laid < _SEEN
    if seen.mean() < LEAST_SHARED:
        return -1.0
    x, y = a[seen] - a[seen].mean(), laid[seen] - laid[seen].mean()
    return float(x @ y / np.sqrt((x @ x) * (y @ y) + 1))


def warped(picture: Picture, move: Matrix, shape: tuple[int, ...]) -> Laid:
    """A picture moved by a homography (3, 3) into one of another shape (h, w, ...)."""
    import cv2
    import numpy as np

    size = (shape[1], shape[0])
    whole = np.full(picture.shape[:2], 255, dtype=np.uint8)
    return Laid(
        cv2.warpPerspective(picture, move, size, borderMode=cv2.BORDER_REPLICATE),
        cv2.warpPerspective(whole, move, size) == 255,
    )


def flowed(picture: Picture, laid: Laid) -> Laid:
    """Follow what moved a little against its background (DIS flow: Kroeger et al., 2016)."""
    import cv2
    import numpy as np

    if min(picture.shape[:2]) < 16:  # too small for the flow's patches
        return laid
    grey = [cv2.cvtColor(one, cv2.COLOR_BGR2GRAY) for one in (picture, laid.picture)]
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(grey[0], grey[1], None)
    flow = np.clip(cv2.blur(flow, (9, 9)), -_REACH, _REACH)
    rows, columns = grey[0].shape
    flow[..., 0] += np.arange(columns, dtype=np.float32)
    flow[..., 1] += np.arange(rows, dtype=np.float32)[:, None]
    seen = cv2.remap(laid.seen.astype(np.uint8), flow, None, cv2.INTER_NEAREST)
    moved = cv2.remap(laid.picture, flow, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return Laid(moved, seen.astype(bool))


def _worst(picture: Picture, laid: Laid) -> float:
    """The agreement that all but the worst places reach."""
    import numpy as np

    inner = inside(laid.seen)
    if laid.seen.mean() < LEAST_SHARED or not inner.any():
        return 0.0
    a, b = smooth(picture), smooth(laid.picture)
    return worst_patch(np.clip(correlation(a, b) * same_colour(a, b, inner), 0, 1), inner)


def smooth(picture: Picture) -> Array:
    """(h, w, 3) without the finest noise: what `correlation` and `same_colour` compare."""
    import cv2
    import numpy as np

    found: Array = cv2.GaussianBlur(picture, (0, 0), 1).astype(np.float32)
    return found


def inside(seen: Mask) -> Mask:
    """Where most of the window around a pixel is seen."""
    import cv2
    import numpy as np

    reach = np.ones((_WINDOW // 2, _WINDOW // 2), dtype=np.uint8)
    return cv2.erode(seen.astype(np.uint8), reach, borderValue=0).astype(bool)


def worst_patch(agreeing: Array, inner: Mask) -> float:
    """The agreement, 0 to 1, that the patches reach but for the worst `_WORST` percent.

    Args:
        agreeing: (h, w) agreement at each pixel, 0 to 1.
        inner: (h, w) which pixels count; at least one.
    """
    import cv2
    import numpy as np

    known = np.where(inner, np.rint(255 * agreeing), 255).astype(np.uint8)[::2, ::2]
    patches = cv2.medianBlur(np.ascontiguousarray(known), _PATCH // 4 * 2 + 1)
    return float(np.percentile(patches[inner[::2, ::2]], _WORST) / 255)


def correlation(a: Array, b: Array) -> Array:
    """(h, w) the normalised cross-correlation of the windows around each pixel, in grey.

    Light that changed by a factor or an offset makes no difference; where neither shows any
    texture it is 1.
    """
    import cv2

    x, y = (cv2.cvtColor(one, cv2.COLOR_BGR2GRAY) for one in (a, b))
    mean_x, mean_y = _mean(x), _mean(y)
    spread_x = _mean(x * x) - mean_x * mean_x + _NOISE
    spread_y = _mean(y * y) - mean_y * mean_y + _NOISE
    found: Array = (_mean(x * y) - mean_x * mean_y + _NOISE) / cv2.sqrt(spread_x * spread_y)
    return found


def same_colour(a: Array, b: Array, inner: Mask) -> Array:
    """(h, w) 1 where the windows differ in colour and brightness no more than light explains.

    The change that most of the picture shows is taken out: exposure, and a white balance that is
    not far off. A shadow that moved passes, another paint does not.
    """
    import cv2
    import numpy as np

    height, width = inner.shape
    size = (max(1, width // _COARSE), max(1, height // _COARSE))
    small = [cv2.resize(_mean(one), size, interpolation=cv2.INTER_AREA) for one in (a, b)]
    within = cv2.resize(inner.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    ratio = np.log((small[0] + 8) / (small[1] + 8))
    light = np.median(ratio[within], axis=0) if within.any() else np.zeros(3)
    balance = np.abs(light - light.mean()).max()
    ratio -= light
    brightness = ratio.mean(axis=2)
    tint = np.abs(ratio - brightness[..., None]).max(axis=2)
    off = 6 * (np.maximum(tint - 0.06, 0) + max(balance - 0.08, 0)) + 4 * np.maximum(
        np.abs(brightness) - 0.2, 0
    )
    found: Array = cv2.resize(np.exp(-off), (width, height), interpolation=cv2.INTER_LINEAR)
    return found


def _mean(values: Array) -> Array:
    import cv2

    found: Array = cv2.blur(values, (_WINDOW, _WINDOW))
    return found
