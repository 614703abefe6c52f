"""COCO's run-length masks: to the outline of what they cover, where that is one piece.

Runs of pixels out of and in the mask in turn, column by column; as a list, or packed in a string
(`rleToString` of https://github.com/cocodataset/cocoapi/blob/master/common/maskApi.c).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from pipeline.dataset import Floats, Ints

_LARGEST = 200_000_000  # pixels of a picture
_LONGEST = 10_000_000  # runs
Box = tuple[int, int, int, int]


class RleError(ValueError):
    """What is wrong with a mask."""


def outline(counts: Any, size: Any) -> tuple[Box, Floats]:
    """The box around a mask, and its outline.

    Args:
        counts: Runs as a list of numbers, or packed in a string.
        size: Height and width of the picture, in this order.

    Returns:
        Corners in pixels, half-open; and points (K, 2) along the edges of its pixels, empty where
        it has several pieces or a hole.

    Raises:
        RleError: No mask, of another size than it says, or empty.
    """
    height, width = _size(size)
    runs = np.array(list(_unpacked(counts)), dtype=np.int64)
    if (runs < 0).any() or runs.sum() != height * width:
        raise RleError(f"its runs cover {runs.sum()} pixels, not {height}x{width}")
    ends = np.cumsum(runs)[: len(runs) // 2 * 2].reshape(-1, 2)
    ends = ends[ends[:, 0] < ends[:, 1]]  # (R, 2) first pixel and the one after the last
    if not len(ends):
        raise RleError("it covers nothing")
    box = _around(ends, height)
    return box, _traced(ends, height, box)


def _size(size: Any) -> tuple[int, int]:
    whole = isinstance(size, list) and len(size) == 2 and all(type(one) is int for one in size)
    if not whole or not 0 < size[0] * size[1] <= _LARGEST or min(size) <= 0:
        raise RleError(f"its size is {str(size)[:40]}, not [height, width]")
    return size[0], size[1]


def _unpacked(counts: Any) -> Iterator[int] | Sequence[int]:
    if isinstance(counts, list) and all(type(one) is int for one in counts):
        return counts
    if not isinstance(counts, str) or len(counts) > _LONGEST:
        raise RleError("its counts are neither a list of whole numbers nor a string")
    return _of_string(counts)


def _of_string(text: str) -> Iterator[int]:
    """Five bits a character, low ones first, then a sign; from the third run on differences."""
    runs: list[int] = []
    value = shift = 0
    for char in text:
        bits = ord(char) - 48
        if not 0 <= bits < 64:
            raise RleError(f"its counts hold the character {char!r}")
        value |= (bits & 31) << shift
        shift += 5
        if shift > 60:
            raise RleError("it holds a run that is too long")
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        yield runs[-1]
        value = shift = 0
    if shift:
        raise RleError("its counts are cut short")


def _around(ends: Ints, height: int) -> Box:
    first, last = ends[:, 0], ends[:, 1] - 1
    left, right = int(first[0] // height), int(last[-1] // height) + 1
    if (first // height != last // height).any():  # a run that goes on in the next column
        return left, 0, right, height
    return left, int((first % height).min()), right, int((last % height).max()) + 1


def _traced(ends: Ints, height: int, box: Box) -> Floats:
    """The points of the one outer edge; none where there are more."""
    import cv2

    left, top, right, bottom = box
    columns = np.zeros((right - left) * height + 1, dtype=np.int8)
    columns[ends[:, 0] - left * height] += 1
    columns[ends[:, 1] - left * height] -= 1
    mask = np.cumsum(columns[:-1], dtype=np.int8).reshape(-1, height).T[top:bottom]
    twice = np.ascontiguousarray(mask.repeat(2, axis=0).repeat(2, axis=1)).view(np.uint8)
    found, _ = cv2.findContours(twice, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if len(found) != 1:
        return np.zeros((0, 2))
    # A pixel is two by two here, so that its near and far edges are told apart: 2x and 2x + 1.
    points = (found[0].reshape(-1, 2) + 1) // 2
    return points + np.array([left, top], dtype=np.float64)
