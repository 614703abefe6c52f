"""A flat thing seen from straight above, ready to be laid on the table and lit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.sample.draw import Floats, Picture


@dataclass(frozen=True, eq=False)
class Sprite:
    """Colours and shape of a thing; its origin is the centre of its canvas.

    Attributes:
        colour: (H, W, 3) float32 BGR, 0 to 255.
        cover: (H, W) uint8, where it is opaque.
        scale: Pixels a millimetre.
        outline: Convex or simple polygons (K, 2) in millimetres whose union is its shape.
        thickness: In millimetres; how far its shadow falls.
        relief: (H, W) float32 heights, 0 to 1, that catch the light; None for flat things.
        shine: How metallic, 0 to 1.
    """

    colour: Picture
    cover: NDArray[np.uint8]
    scale: float
    outline: tuple[Floats, ...]
    thickness: float = 0.2
    relief: Picture | None = None
    shine: float = 0.0

    def shrunk(self, scale: float) -> Sprite:
        """The same at fewer pixels a millimetre, averaged, so that fine lines don't flicker."""
        if scale >= 0.8 * self.scale:
            return self
        factor = scale / self.scale
        rows, columns = self.cover.shape
        size = (max(4, round(columns * factor)), max(4, round(rows * factor)))
        relief = None
        if self.relief is not None:  # steeper by the pixel now: flattened by half of that
            relief = _area(self.relief, size) * np.float32(np.sqrt(factor))
        return replace(
            self,
            colour=_area(self.colour, size),
            cover=_area(self.cover, size),
            scale=size[0] / columns * self.scale,
            relief=relief,
        )

    def lit(self, direction: float) -> Picture:
        """(H, W, 3) colours under a light from `direction`, radians in the sprite's own frame."""
        if self.relief is None:
            return self.colour
        slope = cv2.Sobel(self.relief, cv2.CV_32F, 1, 0) * np.float32(np.cos(direction))
        slope += cv2.Sobel(self.relief, cv2.CV_32F, 0, 1) * np.float32(np.sin(direction))
        shade = 1 - 0.55 * np.clip(slope, -1.2, 1.2)
        if self.shine:
            shade += self.shine * _sheen(self.cover.shape, direction)
        lit: Picture = self.colour * shade[..., None]
        return lit


def _area(pixels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    small: NDArray[Any] = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return small


def _sheen(shape: tuple[int, ...], direction: float) -> Picture:
    """The hourglass gleam of struck metal: bright along the light, dark across it."""
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j].astype(np.float32)
    along = (x * np.cos(direction) + y * np.sin(direction)) ** 2
    gleam: Picture = 2 * along / (x**2 + y**2 + 0.15) - 0.8
    return gleam.astype(np.float32)
