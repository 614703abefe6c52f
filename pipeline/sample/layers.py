"""What lies over the table, from bottom to top: placed sprites and limbs of a hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.sample.camera import Camera
from pipeline.sample.draw import Floats, Picture, Sketch, ellipse, rotation
from pipeline.sample.money import BGR
from pipeline.sample.sprite import Sprite

_HALF = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # OpenCV counts from a pixel's middle


class Light(NamedTuple):
    """Where the light comes from and what it does.

    Attributes:
        direction: Radians in the picture, from a thing towards the light.
        low: How long shadows are: millimetres of shadow a millimetre of height.
        depth: How dark shadows are, 0 to 1.
        tint: Gain of blue, green and red: colour temperature and exposure.
        falloff: How much darker the side away from the light is, 0 to 1.
    """

    direction: float
    low: float
    depth: float
    tint: BGR
    falloff: float


class Layer(Protocol):
    """Something that lies on what was painted before it."""

    @property
    def height(self) -> float:
        """Millimetres above the table, for the shadow."""

    def shapes(self, camera: Camera) -> list[Floats]:
        """Polygons (K, 2) in pixels whose union is what it covers."""

    def paint(self, picture: Picture, camera: Camera, light: Light) -> None:
        """Paint it on `picture` (H, W, 3) in place."""


@dataclass(frozen=True, eq=False)
class Placed:
    """A sprite on the table.

    Attributes:
        sprite: What it looks like.
        at: Where its centre is, millimetres on the table.
        turn: How it is turned, radians.
        label: Raw label where it is money, like "Ten_front"; else "".
    """

    sprite: Sprite
    at: tuple[float, float]
    turn: float
    label: str = ""

    @property
    def height(self) -> float:
        return self.sprite.thickness

    def shapes(self, camera: Camera) -> list[Floats]:
        turned = rotation(self.turn).T
        return [camera.project(polygon @ turned + self.at) for polygon in self.sprite.outline]

    def paint(self, picture: Picture, camera: Camera, light: Light) -> None:
        sprite = self.sprite.shrunk(camera.scale_at(self.at))
        rows, columns = sprite.cover.shape
        to_table = _similar(self.at, self.turn, 1 / sprite.scale) @ _similar(
            (-columns / 2, -rows / 2), 0.0, 1.0
        )
        to_picture = camera.homography @ to_table
        x1, y1, x2, y2 = _window(_corners(to_picture, columns, rows), picture, 1)
        if x2 <= x1 or y2 <= y1:
            return
        warp = np.linalg.inv(_HALF) @ _similar((-x1, -y1), 0.0, 1.0) @ to_picture @ _HALF
        colour = sprite.lit(light.direction - self.turn - camera.roll)
        size = (x2 - x1, y2 - y1)
        painted = cv2.warpPerspective(colour, warp, size, borderMode=cv2.BORDER_REPLICATE)
        cover = cv2.warpPerspective(sprite.cover, warp, size).astype(np.float32) / 255
        below = picture[y1:y2, x1:x2]
        below += (painted - below) * cover[..., None]


@dataclass(frozen=True, eq=False)
class Limb:
    """A finger, a thumb or the ball of a hand: a tapered tube along a line.

    Attributes:
        points: (K, 2) its middle line from the tip, millimetres on the table.
        radii: (K,) half its thickness at each point.
        skin: Its colour.
        nail: Whether the tip shows a nail.
    """

    points: Floats
    radii: Floats
    skin: BGR
    nail: bool = False

    @property
    def height(self) -> float:
        return float(self.radii[0]) * 0.8

    def shapes(self, camera: Camera) -> list[Floats]:
        line, radii = self._seen(camera)
        rings = [ellipse(x, y, r, count=32) for (x, y), r in zip(line, radii, strict=True)]
        return [_hull(np.concatenate(pair)) for pair in pairwise(rings)]

    def paint(self, picture: Picture, camera: Camera, light: Light) -> None:
        line, radii = self._seen(camera)
        shapes = self.shapes(camera)
        x1, y1, x2, y2 = _window(np.concatenate(shapes), picture, 3)
        if x2 <= x1 or y2 <= y1:
            return
        cover = _filled(shapes, (x1, y1, x2, y2))
        colour = _skin(cover, float(radii[0]), self.skin, light)
        self._details(colour, (-x1, -y1), line, radii)
        below = picture[y1:y2, x1:x2]
        below += (colour - below) * (cover.astype(np.float32) / 255)[..., None]

    def _seen(self, camera: Camera) -> tuple[Floats, Floats]:
        scale = camera.scale_at(self.points[0])
        return camera.project(self.points), self.radii * scale

    def _details(
        self, colour: Picture, origin: tuple[float, float], line: Floats, radii: Floats
    ) -> None:
        """The nail, and the creases at the joints."""
        plate = np.zeros(colour.shape[:2], dtype=np.uint8)
        sketch = Sketch(plate, origin, 1.0)
        for k in range(1, len(line) - 1):
            across = rotation(np.pi / 2) @ _unit(line[k + 1] - line[k - 1]) * radii[k] * 0.6
            for shift in (-0.12, 0.12):
                at = line[k] + shift * (line[k + 1] - line[k - 1]) * 0.2
                sketch.line([at - across, at + across], 90, 0.5)
        colour *= 1 - 0.35 * cv2.GaussianBlur(plate, (0, 0), 1.2)[..., None] / np.float32(255)
        if self.nail:
            way, r = _unit(line[0] - line[1]), float(radii[0])
            turn = float(np.degrees(np.arctan2(way[1], way[0])))
            centre = line[0] + way * r * 0.15
            plate[:] = 0
            sketch.fill(ellipse(centre[0], centre[1], r * 0.68, r * 0.58, turn=turn), 255)
            glow = np.asarray(self.skin, dtype=np.float32) * 0.45 + (105, 115, 145)
            colour += (glow - colour) * (plate.astype(np.float32) / 255 * 0.55)[..., None]


def _skin(cover: NDArray[np.uint8], radius: float, tone: BGR, light: Light) -> Picture:
    """Colours of a round limb: bright towards the light, dark and red at its edge."""
    inside = (cover > 127).astype(np.uint8)
    away = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    reach = max(radius, 2.0)
    dome = np.sqrt(np.clip(1 - (1 - np.clip(away / reach, 0, 1)) ** 2, 0, 1)) * reach
    dome = cv2.GaussianBlur(dome.astype(np.float32), (0, 0), max(0.8, reach / 7))
    slope = cv2.Sobel(dome, cv2.CV_32F, 1, 0, scale=0.125) * np.float32(np.cos(light.direction))
    slope += cv2.Sobel(dome, cv2.CV_32F, 0, 1, scale=0.125) * np.float32(np.sin(light.direction))
    shade = 1 - 0.28 * np.clip(slope, -1.3, 1.3) - 0.22 * (1 - np.clip(dome / reach, 0, 1))
    warm = np.stack([shade**1.25, shade**1.1, shade], axis=2)
    skin: Picture = np.asarray(tone, dtype=np.float32) * warm
    return skin


def cast_shadow(picture: Picture, layer: Layer, camera: Camera, light: Light) -> None:
    """Darken `picture` where `layer` keeps the light off."""
    shapes = layer.shapes(camera)
    reach = layer.height * light.low * camera.zoom
    spread = 0.5 * reach + 0.004 * max(camera.size)
    offset = -reach * np.array([np.cos(light.direction), np.sin(light.direction)])
    moved = [shape + offset for shape in shapes]
    x1, y1, x2, y2 = _window(np.concatenate(moved), picture, int(3 * spread) + 2)
    if x2 <= x1 or y2 <= y1:
        return
    soft = _blurred(_filled(moved, (x1, y1, x2, y2)), spread)
    picture[y1:y2, x1:x2] *= 1 - (light.depth / 255) * soft[..., None].astype(np.float32)


def _filled(shapes: Sequence[Floats], window: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """A mask of the window (x1, y1, x2, y2) of the picture: 255 inside the shapes."""
    x1, y1, x2, y2 = window
    mask = np.zeros((y2 - y1, x2 - x1), dtype=np.uint8)
    sketch = Sketch(mask, (-x1, -y1), 1.0)
    for shape in shapes:
        sketch.fill(shape, 255)
    return mask


def _blurred(mask: NDArray[np.uint8], spread: float) -> NDArray[np.uint8]:
    side = 2 * round(spread) + 1
    once = cv2.blur(mask, (side, side), borderType=cv2.BORDER_REPLICATE)
    twice: NDArray[np.uint8] = cv2.blur(once, (side, side), borderType=cv2.BORDER_REPLICATE)
    return twice


def _similar(move: tuple[float, float], turn: float, scale: float) -> Floats:
    """(3, 3): scale, then turn, then move."""
    matrix = np.eye(3)
    matrix[:2, :2] = rotation(turn) * scale
    matrix[:2, 2] = move
    return matrix


def _corners(matrix: Floats, columns: int, rows: int) -> Floats:
    corners = np.array([[0, 0, 1], [columns, 0, 1], [columns, rows, 1], [0, rows, 1]]) @ matrix.T
    seen: Floats = corners[:, :2] / corners[:, 2:]
    return seen


def _window(points: Floats, picture: Picture, margin: int) -> tuple[int, int, int, int]:
    """The part of the picture around points: x1, y1, x2, y2, cut at its border."""
    limit = np.array([picture.shape[1], picture.shape[0]])
    low = np.clip(np.floor(points.min(axis=0)) - margin, 0, limit).astype(int)
    high = np.clip(np.ceil(points.max(axis=0)) + margin, 0, limit).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _unit(vector: Floats) -> Floats:
    return vector / max(float(np.hypot(*vector)), 1e-9)


def _hull(points: Floats) -> Floats:
    hull: Floats = cv2.convexHull(points.astype(np.float32))[:, 0].astype(np.float64)
    return hull
