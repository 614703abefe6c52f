"""Sheets of training pictures with their labels, as the model is shown them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline import draw
from pipeline.dataset import Boxes
from pipeline.draw import save

__all__ = ["save", "sheet"]

MOST = 16  # pictures on a sheet
SIDE = 480  # pixels of one of them: names stay legible where the model is shown 160


def sheet(
    names: Sequence[str],
    pictures: Sequence[NDArray[np.uint8]],
    boxes: Boxes,
    classes: Sequence[str],
) -> NDArray[np.uint8]:
    """Draw a batch.

    Args:
        names: A caption for each picture.
        pictures: BGR, all of one size.
        boxes: Of all of them, in their pixels.
        classes: Class names.
    """
    drawn = []
    for row, picture in enumerate(pictures[:MOST]):
        large, own = draw.fit(picture, boxes.take(boxes.image == row), SIDE)
        drawn.append(draw.draw_boxes(large, own, classes, scores=False))
    return draw.contact_sheet(drawn, names[:MOST], side=SIDE)
