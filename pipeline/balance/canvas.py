"""Items cut out by their outlines and laid on another picture, and what is then to be seen.

Ghiasi et al.: Simple Copy-Paste (CVPR 2021); Dwibedi, Misra, Hebert: Cut, Paste and Learn (ICCV
2017), whose finding it is that a detector learns the paste's edge unless that is blended, and
blended in more than one way. Pictures are (H, W, 3) BGR uint8; points are x, y in pixels, a pixel
i covers i to i + 1.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.dataset import Bools, Boxes, Floats
from pipeline.draw import Picture

_FINE, _BITS = 4, 4  # parts of a pixel that masks are drawn at; binary places of their points
_TRIES = 40  # places that are tried for an item
_LIGHT = (0.7, 1.4)  # how much darker or brighter an item may become
_MIDDLE, _SHARPEST = 512, 99.9  # pixels of a side, and percentile, that blur is measured at
_BLURRED = 1.5  # pixels: no item is blurred more to go with its scene
_TINT = (0.94, 1.06)  # how far its colours may be moved against each other


class Patch(NamedTuple):
    """An item cut out, its background see-through.

    Attributes:
        pixels: (h, w, 3) BGR.
        alpha: (h, w) float32, 0 see-through to 1; soft at the edge, on its inner side.
        outline: (K, 2) in the patch.
        mask: (h, w) what lies within the outline.
    """

    pixels: Picture
    alpha: NDArray[np.float32]
    outline: Floats
    mask: Bools


class Shape(NamedTuple):
    """What is to be seen of an object: (h, w) in a picture, from column x and row y on."""

    x: int
    y: int
    mask: Bools


def cut(picture: Picture, outline: Floats, scale: float, turn: float, soft: float) -> Patch:
    """Cut an item out.

    Args:
        picture: Where it is.
        outline: (K, 2) its outline.
        scale: What its sides are multiplied by.
        turn: Degrees counter-clockwise.
        soft: Standard deviation in pixels of its edge's blur; less for narrow items. The edge
            fades inwards: whatever lies beside the item in its own picture is not taken along.
    """
    small, part = _zoomed(picture, outline, scale)
    angle = np.deg2rad(turn)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    turned = part @ matrix.T
    low = np.floor(turned.min(axis=0)) - 1
    width, height = (np.ceil(turned.max(axis=0)) + 1 - low).astype(int).tolist()
    shift = matrix @ [0.5, 0.5] - low - 0.5  # OpenCV counts from the middle of the first pixel
    pixels = cv2.warpAffine(
        small,
        np.column_stack([matrix, shift]),
        (width, height),
        flags=cv2.INTER_CUBIC if turn else cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_REPLICATE,
    )
    inside = raster(turned - low, (width, height))
    soft = min(soft, float(np.ptp(turned, axis=0).min()) / 12)
    alpha = np.clip(2 * cv2.GaussianBlur(inside, (0, 0), max(soft, 0.3)) - 1, 0, 1)
    return Patch(pixels, alpha, turned - low, inside >= 0.5)


def _zoomed(picture: Picture, outline: Floats, scale: float) -> tuple[Picture, Floats]:
    """The part of a picture around an outline, scaled, and the outline in it."""
    size = np.array(picture.shape[1::-1])
    low = np.clip(np.floor(outline.min(axis=0)).astype(int) - 4, 0, size)
    high = np.clip(np.ceil(outline.max(axis=0)).astype(int) + 4, 0, size)
    part = picture[low[1] : high[1], low[0] : high[0]]
    sides = np.maximum(1, np.rint((high - low) * scale)).astype(int)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(part, sides.tolist(), interpolation=how), (outline - low) * sides / (
        high - low
    )


def raster(polygon: Floats, size: tuple[int, int]) -> NDArray[np.float32]:
    """(h, w) float32: how much of each pixel lies within a polygon (K, 2); `size` is w, h."""
    width, height = size
    fine = np.zeros((height * _FINE, width * _FINE), dtype=np.float32)
    points = np.rint((polygon * _FINE - 0.5) * 2**_BITS).astype(np.int32)
    cv2.fillPoly(fine, [points], 1.0, cv2.LINE_8, _BITS)
    return cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)


def lit_as(pixels: Picture, own: Floats, scene: Floats) -> Picture:
    """An item's pixels in the light of another scene.

    Half of the difference (the square root of the ratio) is taken over, and less of the colour:
    pictures differ also by what they show.

    Args:
        pixels: (h, w, 3) of the item.
        own: (3,) mean colour of the picture that it comes from.
        scene: (3,) mean colour of the picture that it goes to.
    """
    own, scene = np.maximum(own, 1), np.maximum(scene, 1)
    light = np.clip(np.sqrt(scene.mean() / own.mean()), *_LIGHT)
    tint = np.clip((scene / scene.mean() / (own / own.mean())) ** 0.25, *_TINT)
    lit: Picture = np.clip(np.rint(pixels * (light * tint)), 0, 255).astype(np.uint8)
    return lit


def blur_of(picture: Picture) -> float:
    """How blurred a picture's sharpest edges are, as a standard deviation in pixels.

    A step blurred by s has the steepest slope a / (s sqrt(2 pi)) and the largest second derivative
    a / (s^2 sqrt(2 pi e)), so that s is their ratio over sqrt(e). Measured in the middle.
    """
    top, left = (max(0, (side - _MIDDLE) // 2) for side in picture.shape[:2])
    part = picture[top : top + _MIDDLE, left : left + _MIDDLE]
    grey = cv2.cvtColor(part, cv2.COLOR_BGR2GRAY).astype(np.float32)
    slope = [cv2.Sobel(grey, cv2.CV_32F, x, 1 - x, ksize=1) / 2 for x in (0, 1)]
    bend = [cv2.Sobel(grey, cv2.CV_32F, 2 * x, 2 - 2 * x, ksize=1) for x in (0, 1)]
    steepest = np.percentile(np.hypot(*slope), _SHARPEST)
    sharpest = np.percentile(np.maximum(*np.abs(bend)), _SHARPEST)
    return float(np.exp(-0.5) * steepest / max(sharpest, 1e-6))


def blurred_as(pixels: Picture, own: float, scene: float) -> Picture:
    """An item's pixels as blurred as a scene, whose `blur_of` is larger than its own."""
    more = min(np.sqrt(max(0.0, scene**2 - own**2)), _BLURRED)
    if more < 0.2:
        return pixels
    blurred: Picture = cv2.GaussianBlur(pixels, (0, 0), float(more))
    return blurred


class Canvas:
    """A scene that items are laid on.

    Args:
        picture: Its pixels; not changed.
        boxes: The objects in it.
    """

    def __init__(self, picture: Picture, boxes: Boxes) -> None:
        self.picture = picture.copy()
        self.labels = boxes.label.tolist()
        self._xyxy = list(boxes.xyxy)
        self._outlines = [boxes.outline[row] for row in range(len(boxes))]
        self._shapes = [
            shape_of(xyxy, outline, self._size)
            for xyxy, outline in zip(self._xyxy, self._outlines, strict=True)
        ]
        self._areas = [int(shape.mask.sum()) for shape in self._shapes]

    @property
    def _size(self) -> tuple[int, int]:
        return self.picture.shape[1], self.picture.shape[0]

    def lay(self, patch: Patch, label: int, cover: float, rng: np.random.Generator) -> bool:
        """Lay an item somewhere wholly within the picture.

        Args:
            patch: The item.
            label: Its class.
            cover: No object may lose more than this share of itself, all items together.
            rng: Chooses the place.

        Returns:
            Whether there was a place.
        """
        height, width = patch.mask.shape
        room = np.array(self._size) - [width, height]
        if (room < 0).any():
            return False
        for x, y in rng.integers(0, room, (_TRIES, 2), endpoint=True).tolist():
            laid = Shape(x, y, patch.mask)
            if all(self._bears(at, laid, cover) for at in range(len(self._shapes))):
                self._draw(patch, x, y)
                self._shapes = [_without(shape, laid) for shape in self._shapes] + [laid]
                self._areas.append(int(patch.mask.sum()))
                self.labels.append(label)
                self._outlines.append(patch.outline + np.array([x, y]))
                self._xyxy.append(_hull(self._outlines[-1]))
                return True
        return False

    def objects(self) -> tuple[list[Floats], list[Floats]]:
        """Boxes and outlines of all objects as they are to be seen now, in the order of `labels`.

        An object that an item hides a part of has the box and outline of the rest; no outline
        where that is in several parts.
        """
        now = [self._seen(at) for at in range(len(self.labels))]
        return [xyxy for xyxy, _ in now], [outline for _, outline in now]

    def _bears(self, at: int, laid: Shape, cover: float) -> bool:
        left = int(self._shapes[at].mask.sum()) - overlap(self._shapes[at], laid)
        return left >= max(1, (1 - cover) * self._areas[at])

    def _draw(self, patch: Patch, x: int, y: int) -> None:
        height, width = patch.mask.shape
        under = self.picture[y : y + height, x : x + width]
        alpha = patch.alpha[..., None]
        under[:] = np.rint(alpha * patch.pixels + (1 - alpha) * under).astype(np.uint8)

    def _seen(self, at: int) -> tuple[Floats, Floats]:
        x, y, mask = self._shapes[at]
        box, outline = self._xyxy[at], self._outlines[at]
        if int(mask.sum()) == self._areas[at]:
            return box, outline
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        seen = np.array([x + columns[0], y + rows[0], x + columns[-1] + 1, y + rows[-1] + 1])
        rest = np.concatenate([np.maximum(box[:2], seen[:2]), np.minimum(box[2:], seen[2:])])
        return rest, _traced(self._shapes[at]) if len(outline) else outline


def shape_of(xyxy: Floats, outline: Floats, size: tuple[int, int]) -> Shape:
    """The pixels of an object within a picture of `size` (w, h): of its outline, else its box."""
    x1, y1, x2, y2 = xyxy
    points = outline if len(outline) else np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])
    low = np.clip(np.floor(points.min(axis=0)), 0, np.array(size) - 1).astype(int)
    high = np.maximum(np.clip(np.ceil(points.max(axis=0)), 0, size).astype(int), low + 1)
    width, height = (high - low).tolist()
    mask = raster(points - low, (width, height)) >= 0.5
    return Shape(int(low[0]), int(low[1]), mask if mask.any() else np.ones_like(mask))


def overlap(a: Shape, b: Shape) -> int:
    """How many pixels two shapes share."""
    x1, y1 = max(a.x, b.x), max(a.y, b.y)
    x2 = min(a.x + a.mask.shape[1], b.x + b.mask.shape[1])
    y2 = min(a.y + a.mask.shape[0], b.y + b.mask.shape[0])
    if x1 >= x2 or y1 >= y2:
        return 0
    of_a = a.mask[y1 - a.y : y2 - a.y, x1 - a.x : x2 - a.x]
    of_b = b.mask[y1 - b.y : y2 - b.y, x1 - b.x : x2 - b.x]
    return int((of_a & of_b).sum())


def _without(shape: Shape, laid: Shape) -> Shape:
    """What is left of a shape under another."""
    if not overlap(shape, laid):
        return shape
    mask = shape.mask.copy()
    rows = slice(max(shape.y, laid.y), min(shape.y + len(mask), laid.y + len(laid.mask)))
    right = min(shape.x + mask.shape[1], laid.x + laid.mask.shape[1])
    columns = slice(max(shape.x, laid.x), right)
    hidden = laid.mask[
        rows.start - laid.y : rows.stop - laid.y, columns.start - laid.x : columns.stop - laid.x
    ]
    mask[
        rows.start - shape.y : rows.stop - shape.y, columns.start - shape.x : columns.stop - shape.x
    ] &= ~hidden
    return Shape(shape.x, shape.y, mask)


def _traced(shape: Shape) -> Floats:
    """The outline (K, 2) of a shape in one part without holes; none of others."""
    large = cv2.resize(shape.mask.astype(np.uint8), None, fx=2, fy=2, interpolation=0)
    rings, _ = cv2.findContours(large, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if len(rings) != 1 or len(rings[0]) < 3:
        return np.zeros((0, 2))
    points: Floats = (rings[0][:, 0] + 0.5) / 2 + [shape.x, shape.y]
    return points


def _hull(points: Floats) -> Floats:
    return np.concatenate([points.min(axis=0), points.max(axis=0)])
