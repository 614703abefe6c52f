"""Box geometry: free functions on (N, 4) float64 arrays.

Formats, as everywhere in the field:

- ``xyxy``: x1, y1, x2, y2 in pixels of the picture as shown; x right, y down; half-open, so that
  the width is ``x2 - x1`` (the COCO convention).
- ``xywh``: x1, y1, width, height in pixels (COCO's ``bbox``).
- ``xywhn``: centre x, centre y, width, height, divided by the picture's size (YOLO's txt).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def xyxy_to_xywh(xyxy: Array) -> Array:
    """(N, 4) corners to (N, 4) top-left corner and size."""
    return np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1)


def xywh_to_xyxy(xywh: Array) -> Array:
    """(N, 4) top-left corner and size to (N, 4) corners."""
    return np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)


def xyxy_to_xywhn(xyxy: Array, size: NDArray[np.integer]) -> Array:
    """(N, 4) corners in pixels to YOLO's normalised centre and size.

    Args:
        xyxy: (N, 4) boxes in pixels.
        size: (N, 2) width and height of each box's picture, or (2,) for all.
    """
    centre = (xyxy[:, :2] + xyxy[:, 2:]) / 2 / size
    return np.concatenate([centre, (xyxy[:, 2:] - xyxy[:, :2]) / size], axis=1)


def xywhn_to_xyxy(xywhn: Array, size: NDArray[np.integer]) -> Array:
    """YOLO's normalised centre and size to (N, 4) corners in pixels; the inverse of the above."""
    centre, half = xywhn[:, :2] * size, xywhn[:, 2:] * size / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def area(xyxy: Array) -> Array:
    """(N,) areas in square pixels; 0 for a box whose corners are swapped."""
    side = np.clip(xyxy[:, 2:] - xyxy[:, :2], 0, None)
    return side[:, 0] * side[:, 1]


def clip(xyxy: Array, size: NDArray[np.integer]) -> Array:
    """(N, 4) boxes cut at the border of their pictures; `size` is (N, 2) or (2,), width, height."""
    limit = np.concatenate([size, size], axis=-1)
    return np.clip(xyxy, 0, limit)


def iou(a: Array, b: Array) -> Array:
    """(N, M) intersection over union of every box in `a` (N, 4) with every box in `b` (M, 4)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = np.prod(np.clip(high - low, 0, None), axis=2)
    union = area(a)[:, None] + area(b)[None] - inter
    share: Array = np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)
    return share
