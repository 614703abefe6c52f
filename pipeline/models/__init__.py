"""Model families: one file each, found by name. Only these files import a deep-learning library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.dataset import Boxes


class Detector(Protocol):
    """A trained model, ready to look at pictures."""

    classes: tuple[str, ...]

    def detect(
        self,
        pictures: Sequence[NDArray[np.uint8]],
        *,
        conf: float = 0.25,
        iou: float = 0.7,
        max_det: int = 300,
    ) -> Boxes:
        """Find objects in BGR pictures (H, W, 3) as shown.

        Returns:
            Boxes whose `image` is the index in `pictures`, in pixels of each picture, best score
            first within a picture.
        """


def load(weights: Path, *, imgsz: int | None = None, device: str = "auto") -> Detector:
    """Open a weights file.

    Args:
        weights: A file that `boxwright train` wrote, or one of the family's own.
        imgsz: The side in pixels that pictures are resized to; None: what it was trained at.
        device: "auto", "cpu", "0", "0,1", "mps".

    Raises:
        BoxwrightError: The file is missing or no weights file.
    """
    from pipeline.models import ultralytics

    detector: Detector = ultralytics.load(weights, imgsz=imgsz, device=device)
    return detector
