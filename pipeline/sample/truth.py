"""What is really in a scene: outlines, tight boxes and visible shares, to a fraction of a pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.sample.camera import Camera
from pipeline.sample.draw import Floats
from pipeline.sample.layers import Layer, Placed

_FINE = 4  # parts of a pixel that visible outlines are traced at
_BITS = 4


@dataclass(frozen=True, eq=False)
class Seen:
    """An item as it is seen.

    Attributes:
        label: Its raw label.
        full: (K, 2) its whole outline in pixels, also what is hidden or outside the picture.
        box: (4,) xyxy of the part of the whole outline that lies in the picture.
        visible: Rings (K, 2) of what can be seen of it; even-odd: a ring in a ring is a hole.
        share: The visible part of its whole area, 0 to 1.
    """

    label: str
    full: Floats
    box: Floats
    visible: list[Floats]
    share: float


def look(layers: Sequence[Layer], camera: Camera) -> list[Seen]:
    """Every item of money in a scene, from bottom to top, also those that are hidden."""
    shapes = [layer.shapes(camera) for layer in layers]
    hidden = np.zeros((camera.size[1] * _FINE, camera.size[0] * _FINE), dtype=np.uint8)
    seen = []
    for layer, outline in reversed(list(zip(layers, shapes, strict=True))):
        mask = _raster(outline, hidden.shape)
        if isinstance(layer, Placed) and layer.label:
            seen.append(_seen(layer.label, outline[0], mask & ~hidden, camera))
        hidden |= mask
    return seen[::-1]


def _seen(label: str, full: Floats, visible: NDArray[np.uint8], camera: Camera) -> Seen:
    area = cv2.contourArea(full.astype(np.float32))
    share = cv2.countNonZero(visible) / _FINE**2 / max(area, 1e-9)
    return Seen(label, full, box_in(full, camera.size), _rings(visible), min(1.0, float(share)))


def box_in(outline: Floats, size: tuple[int, int]) -> Floats:
    """(4,) the tight xyxy box of the part of a convex outline (K, 2) within a picture."""
    part = part_in(outline, size)
    if not len(part):
        return np.zeros(4)
    return np.concatenate([part.min(axis=0), part.max(axis=0)])


def part_in(outline: Floats, size: tuple[int, int]) -> Floats:
    """(K, 2) the part of a convex outline within a picture; no points where it lies outside."""
    part = outline
    for axis in (0, 1):
        part = _half(part, axis, 0.0, 1.0)
        part = _half(part, axis, float(size[axis]), -1.0)
    return part


def _half(polygon: Floats, axis: int, limit: float, side: float) -> Floats:
    """The part of a convex polygon on one side of a line (Sutherland and Hodgman, 1974)."""
    depth = side * (polygon[:, axis] - limit)
    kept = []
    for here, after, d, e in zip(
        polygon, np.roll(polygon, -1, axis=0), depth, np.roll(depth, -1), strict=True
    ):
        if d >= 0:
            kept.append(here)
        if d * e < 0:
            crossing = here + (after - here) * (d / (d - e))
            crossing[axis] = limit
            kept.append(crossing)
    return np.array(kept).reshape(-1, 2)


def _raster(outline: list[Floats], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    mask = np.zeros(shape, dtype=np.uint8)
    for polygon in outline:
        fixed = np.rint((polygon * _FINE - 0.5) * 2**_BITS).astype(np.int32)
        cv2.fillPoly(mask, [fixed], 255, cv2.LINE_8, _BITS)
    return mask


def _rings(mask: NDArray[np.uint8]) -> list[Floats]:
    rings, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    simple = [cv2.approxPolyDP(ring, 1.0, closed=True)[:, 0] for ring in rings]
    return [(ring + 0.5) / _FINE for ring in simple if len(ring) > 2]
