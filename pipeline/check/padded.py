"""A model that looks at pictures with a margin: another view of the same things.

In a margin of grey the things lie elsewhere on the model's grid and are a little smaller, so that
its errors are partly others; several views together know the sides better than one (test-time
augmentation: Krizhevsky et al., 2012; shifts alone, since mirrored writing is no writing).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline import boxes as geometry
from pipeline.dataset import Boxes
from pipeline.models import Detector
from pipeline.models.details import Details

Margin = tuple[float, float, float, float]
VIEWS: tuple[Margin, ...] = (
    (0, 0, 0, 0),
    (0.1, 0, 0, 0.1),
    (0, 0.1, 0.1, 0),
    (0.05, 0.05, 0.05, 0.05),
)
"""Margins left, top, right and below, as shares of the picture's width and height."""

_GREY = 114


class Padded:
    """A detector that is shown every picture with a margin; boxes are those of the picture."""

    def __init__(self, detector: Detector, margin: Margin) -> None:
        self.detector, self.margin = detector, margin
        self.classes = detector.classes

    def detect(
        self,
        pictures: Sequence[NDArray[np.uint8]],
        *,
        conf: float = 0.25,
        iou: float = 0.7,
        max_det: int = 300,
        for_metrics: bool = False,
    ) -> Boxes:
        """See `Detector.detect`."""
        found = self.detector.detect(
            self._shown(pictures), conf=conf, iou=iou, max_det=max_det, for_metrics=for_metrics
        )
        return self._placed(found, pictures)

    def detect_fully(
        self,
        pictures: Sequence[NDArray[np.uint8]],
        *,
        conf: float = 0.01,
        iou: float = 0.7,
        max_det: int = 100,
    ) -> tuple[Boxes, Details]:
        """See `Detector.detect_fully`; without what lies in the margin alone."""
        shown = self._shown(pictures)
        found, details = self.detector.detect_fully(shown, conf=conf, iou=iou, max_det=max_det)
        placed = self._placed(found, pictures)
        there = geometry.area(placed.xyxy) > 0
        return placed.take(there), details.take(there)

    def _shown(self, pictures: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
        return [_padded(picture, self._pixels(picture)) for picture in pictures]

    def _pixels(self, picture: NDArray[np.uint8]) -> tuple[int, int, int, int]:
        height, width = picture.shape[:2]
        left, top, right, below = self.margin
        return int(left * width), int(top * height), int(right * width), int(below * height)

    def _placed(self, found: Boxes, pictures: Sequence[NDArray[np.uint8]]) -> Boxes:
        corner = np.array([self._pixels(picture)[:2] for picture in pictures])
        size = np.array([picture.shape[1::-1] for picture in pictures])
        moved = found.xyxy - np.tile(corner[found.image], 2)
        return replace(found, xyxy=geometry.clip(moved, size[found.image]))


def _padded(picture: NDArray[np.uint8], margin: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    left, top, right, below = margin
    around = ((top, below), (left, right), (0, 0))
    return np.pad(picture, around, constant_values=_GREY)
