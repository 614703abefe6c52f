"""From a scene to a picture: the surface, then layer on layer, then light and lens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.sample.camera import Camera
from pipeline.sample.draw import Picture, to_bytes
from pipeline.sample.layers import Layer, Light, cast_shadow


class Lens(NamedTuple):
    """What the camera adds; lengths are shares of the picture's long side.

    Attributes:
        blur: Standard deviation of the defocus.
        smear: Length of the motion blur; 0 for a steady hand.
        smear_turn: Its direction, radians.
        noise: Standard deviation of the sensor's noise, in grey levels.
        quality: JPEG quality.
        seed: Of the noise.
    """

    blur: float
    smear: float
    smear_turn: float
    noise: float
    quality: int
    seed: int


@dataclass(frozen=True, eq=False)
class Scene:
    """All that is in a picture.

    Attributes:
        texture: (S, S, 3) of the surface.
        span: Millimetres of the table that the texture's side covers.
        layers: From bottom to top.
        camera: Where it is seen from.
        light: What it is lit by.
        lens: What it is seen through.
    """

    texture: Picture
    span: float
    layers: tuple[Layer, ...]
    camera: Camera
    light: Light
    lens: Lens


def render(scene: Scene) -> NDArray[np.uint8]:
    """Draw a scene: (H, W, 3) BGR."""
    picture = _ground(scene)
    for layer in scene.layers:
        cast_shadow(picture, layer, scene.camera, scene.light)
        layer.paint(picture, scene.camera, scene.light)
    _illuminate(picture, scene.light)
    return to_bytes(_expose(picture, scene.lens))


def _ground(scene: Scene) -> Picture:
    step = scene.span / len(scene.texture)
    middle = (0.5 - len(scene.texture) / 2) * step
    to_table = np.array([[step, 0, middle], [0, step, middle], [0, 0, 1]])
    to_picture = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]]) @ scene.camera.homography
    ground: Picture = cv2.warpPerspective(
        scene.texture, to_picture @ to_table, scene.camera.size, borderMode=cv2.BORDER_REFLECT_101
    )
    return ground


def _illuminate(picture: Picture, light: Light) -> None:
    """Falloff across the picture, darker corners, colour temperature."""
    rows, columns = picture.shape[:2]
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j].astype(np.float32)
    along = x * np.float32(np.cos(light.direction)) + y * np.float32(np.sin(light.direction))
    level = 1 + np.float32(0.5 * light.falloff) * along - np.float32(0.06) * (x * x + y * y)
    picture *= level[..., None] * np.asarray(light.tint, dtype=np.float32)


def _expose(picture: Picture, lens: Lens) -> Picture:
    side = max(picture.shape[:2])
    if lens.blur * side > 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), lens.blur * side)
    if lens.smear * side > 1.5:
        picture = cv2.filter2D(picture, -1, _smear(lens.smear * side, lens.smear_turn))
    rng = np.random.default_rng(lens.seed)
    grain = rng.standard_normal(picture.shape, dtype=np.float32) * np.float32(lens.noise)
    return picture + grain


def _smear(length: float, turn: float) -> Picture:
    """The kernel of a motion of `length` pixels."""
    reach = int(np.ceil(length / 2))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    along = x * np.cos(turn) + y * np.sin(turn)
    across = np.abs(y * np.cos(turn) - x * np.sin(turn))
    kernel = np.clip(1 - across, 0, 1) * (np.abs(along) <= length / 2)
    return (kernel / kernel.sum()).astype(np.float32)
