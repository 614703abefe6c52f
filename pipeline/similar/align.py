"""Two pictures laid on one another and compared place by place; free of NumPy at import."""

from __future__ import annotations

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
_NOISE = 12.0  # variance in grey levels of what is no texture
_WORST = 2.0  # percentile of the agreement that counts
_PATCH = 31  # pixels: side of the patches whose median agreement counts
_LEAST_SHARED = 0.4  # of the first picture that the second must cover
_LEAST_MATCHES = 8
_STRETCH = 2.0  # how many times larger or smaller the same thing may be
_REACH = 24.0  # pixels that a thing may have moved against its background

_COARSE = 4  # times smaller: the pictures that are glanced at
_LEAST_FIT = 0.2  # correlation of the coarse pictures
_OUTSIDE, _SEEN = 1e9, 1e3  # also half a pixel from outside is seen to be outside


class View(NamedTuple):
    """A picture made ready to be compared.

    Attributes:
        picture: (h, w, 3) BGR; long side `SIDE` or less.
        points: (K, 2) x, y of its corners.
        features: (K, 32) what it looks like around them; None without corners.
        coarse: (h / 4, w / 4) grey, without what varies slowly.
    """

    picture: Picture
    points: Array
    features: Picture | None
    coarse: Array


class Laid(NamedTuple):
    """The second picture as seen from where the first was: (h, w, 3), and where it is seen."""

    picture: Picture
    seen: Mask


def view(picture: Picture) -> View:
    """Shrink a picture and find its corners (ORB: Rublee et al., 2011)."""
    import cv2
    import numpy as np

    height, width = picture.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    orb = cv2.ORB.create(_CORNERS, nlevels=6, fastThreshold=5, edgeThreshold=16, patchSize=24)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    corners, features = orb.detectAndCompute(grey, None)
    points = np.array([corner.pt for corner in corners], dtype=np.float32).reshape(-1, 2)
    return View(small, points, features, _coarse(grey))


def _coarse(grey: Picture) -> Array:
    import cv2
    import numpy as np

    height, width = grey.shape
    size = (-(-width // _COARSE), -(-height // _COARSE))
    small = cv2.resize(grey.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    found: Array = small - cv2.GaussianBlur(small, (0, 0), 8)
    return found


def agreement(a: View, b: View) -> float:
    """How well two pictures agree where they agree least, 0 to 1; 0 where they do not fit.

    They are laid on one another by matching corners; what moved a little against its background
    is followed; then the windows around each pixel are compared. The worst places decide, so that
    one other thing on the same table counts: but bands narrower than half of `_PATCH`, as beside
    a thing that moved, do not.
    """
    move = _move(a, b)
    if move is None:
        return 0.0
    laid = _flowed(a.picture, _warped(b.picture, move, a.picture.shape))
    if laid.seen.mean() < _LEAST_SHARED:
        return 0.0
    return _worst(a.picture, laid)


def _move(a: View, b: View) -> Matrix | None:
    """(3, 3) from pixels of `b` to pixels of `a`: the better of two; None where none fits."""
    moves = _moves(a, b)
    fits = [_glance(a.coarse, b.coarse, move) for move in moves]
    best = max(range(len(moves)), key=fits.__getitem__, default=-1)
    return moves[best] if moves and fits[best] > _LEAST_FIT else None


def _moves(a: View, b: View) -> list[Matrix]:
    """From matching corners: a turn with a shift and a scale, and a homography."""
    import cv2
    import numpy as np

    if a.features is None or b.features is None:
        return []
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(b.features, a.features)
    there = b.points[[pair.queryIdx for pair in pairs]]
    here = a.points[[pair.trainIdx for pair in pairs]]
    if len(pairs) < _LEAST_MATCHES:
        return []
    rough, fits = cv2.estimateAffinePartial2D(
        there, here, method=cv2.RANSAC, ransacReprojThreshold=8.0, maxIters=300
    )
    inside = fits.ravel().astype(bool)
    if rough is None or not _is_sane(rough[:, :2]):
        return []
    moves = [np.vstack([rough, [0, 0, 1]])]
    if inside.sum() >= _LEAST_MATCHES:
        fine, _ = cv2.findHomography(there[inside], here[inside], cv2.RANSAC, 3.0, maxIters=300)
        if fine is not None and _is_sane(fine[:2, :2]):
            moves.append(fine)
    return moves


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
    if seen.mean() < _LEAST_SHARED:
        return -1.0
    x, y = a[seen] - a[seen].mean(), laid[seen] - laid[seen].mean()
    return float(x @ y / np.sqrt((x @ x) * (y @ y) + 1))


def _is_sane(linear: Matrix) -> bool:
    import numpy as np

    return bool(1 / _STRETCH**2 < np.linalg.det(linear) < _STRETCH**2)


def _warped(picture: Picture, move: Matrix, shape: tuple[int, ...]) -> Laid:
    import cv2
    import numpy as np

    size = (shape[1], shape[0])
    whole = np.full(picture.shape[:2], 255, dtype=np.uint8)
    return Laid(
        cv2.warpPerspective(picture, move, size, borderMode=cv2.BORDER_REPLICATE),
        cv2.warpPerspective(whole, move, size) == 255,
    )


def _flowed(picture: Picture, laid: Laid) -> Laid:
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
    import cv2
    import numpy as np

    reach = np.ones((_WINDOW // 2, _WINDOW // 2), dtype=np.uint8)
    inner = cv2.erode(laid.seen.astype(np.uint8), reach, borderValue=0).astype(bool)
    if not inner.any():
        return 0.0
    a, b = (cv2.GaussianBlur(one, (0, 0), 1).astype(np.float32) for one in (picture, laid.picture))
    both = np.clip(_correlation(a, b) * _same_colour(a, b, inner), 0, 1)
    grey = np.where(inner, np.rint(255 * both), 255).astype(np.uint8)
    patches = cv2.medianBlur(grey, _PATCH)
    return float(np.percentile(patches[inner], _WORST) / 255)


def _correlation(a: Array, b: Array) -> Array:
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


def _same_colour(a: Array, b: Array, inner: Mask) -> Array:
    """(h, w) 1 where the windows differ in colour and brightness no more than light explains.

    The change that most of the picture shows (light, exposure, white balance) is taken out; a
    shadow that moved passes, another paint does not.
    """
    import numpy as np

    ratio = np.log((_mean(a) + 8) / (_mean(b) + 8))
    ratio -= np.median(ratio[inner], axis=0)
    brightness = ratio.mean(axis=2)
    tint = np.abs(ratio - brightness[..., None]).max(axis=2)
    off = 6 * np.maximum(tint - 0.06, 0) + 4 * np.maximum(np.abs(brightness) - 0.2, 0)
    found: Array = np.exp(-off)
    return found


def _mean(values: Array) -> Array:
    import cv2

    found: Array = cv2.blur(values, (_WINDOW, _WINDOW))
    return found
