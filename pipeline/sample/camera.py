"""A pinhole camera above the table: millimetres on the table to pixels of the picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from pipeline.sample.draw import Floats

_NEAREST = 0.05  # of the distance to the target


@dataclass(frozen=True)
class Camera:
    """Where the camera is and where it looks.

    Attributes:
        size: Width and height of the picture in pixels.
        target: The point of the table, in millimetres, that is seen at the picture's centre.
        zoom: Pixels a millimetre at the target.
        roll: Turn about the line of sight, radians.
        tilt: Away from straight down, radians.
        azimuth: The direction in the picture that the tilt is towards, radians.
    """

    size: tuple[int, int]
    target: tuple[float, float] = (0.0, 0.0)
    zoom: float = 3.0
    roll: float = 0.0
    tilt: float = 0.0
    azimuth: float = 0.0

    @cached_property
    def homography(self) -> Floats:
        """(3, 3): millimetres on the table to pixels; the pixel in column i covers [i, i + 1)."""
        focal = 1.3 * max(self.size)
        lens = np.array([[focal, 0, self.size[0] / 2], [0, focal, self.size[1] / 2], [0, 0, 1]])
        turn = _tilted(self.tilt, self.azimuth) @ _about_z(self.roll)
        away = (0, 0, focal / self.zoom)
        plane = np.stack([turn[:, 0], turn[:, 1], away], axis=1)
        move = np.array([[1, 0, -self.target[0]], [0, 1, -self.target[1]], [0, 0, 1]])
        homography: Floats = lens @ plane @ move
        return homography

    def project(self, points: ArrayLike) -> Floats:
        """(K, 2) points on the table to (K, 2) in the picture.

        A point beside or behind the camera (the far end of an arm) is taken to be just before it.
        """
        plane = np.asarray(points, dtype=np.float64).reshape(-1, 2)
        seen = np.column_stack([plane, np.ones(len(plane))]) @ self.homography.T
        least = _NEAREST * self.homography[2] @ (*self.target, 1.0)
        pixels: Floats = seen[:, :2] / np.maximum(seen[:, 2:], least)
        return pixels

    def scale_at(self, point: ArrayLike) -> float:
        """Pixels a millimetre around a point of the table (mean of the two directions)."""
        x, y = np.asarray(point, dtype=np.float64)
        here, right, down = self.project([(x, y), (x + 1, y), (x, y + 1)])
        return float(np.sqrt(abs(np.linalg.det(np.stack([right - here, down - here])))))


def _about_z(angle: float) -> Floats:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def _tilted(tilt: float, azimuth: float) -> Floats:
    c, s = np.cos(tilt), np.sin(tilt)
    lean = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    turned: Floats = _about_z(azimuth) @ lean @ _about_z(-azimuth)
    return turned
