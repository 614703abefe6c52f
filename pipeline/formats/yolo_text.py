"""YOLO's label lines of many boxes at once, printed by NumPy.

Python takes 150 ns to print a number, ten times as long; and a set with outlines has millions.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pipeline.dataset import Floats, Ints

_MILLION = 1e6
_SPLIT = 2.0**27 + 1
_START = np.array([f" {number // 1000}.{number % 1000:03d}" for number in range(1001)], dtype="S6")
_END = np.array([f"{number:03d}" for number in range(1000)], dtype="S3")
_NUMBER = np.dtype([("start", _START.dtype), ("end", _END.dtype)])  # " 0.123" and "456"


def lines(labels: Ints, shares: Floats, counts: Ints) -> list[str]:
    """A line a box: its class and its numbers, with six decimals.

    Args:
        labels: (M,) class of each box.
        shares: (K,) the numbers of all boxes, divided by the sides of their pictures: 0 to 1.
        counts: (M,) how many of them each box has.
    """
    text = _printed(shares)
    edges = (np.concatenate([[0], np.cumsum(counts)]) * _NUMBER.itemsize).tolist()
    return [
        f"{label}{text[a:b]}\n"
        for label, (a, b) in zip(labels.tolist(), pairwise(edges), strict=True)
    ]


def _printed(shares: Floats) -> str:
    """Numbers, with a space before each; just as Python prints them with six decimals."""
    thousandths, rest = np.divmod(_millionths(np.clip(shares, 0, 1)), 1000)
    text = np.empty(len(shares), dtype=_NUMBER)
    text["start"], text["end"] = _START[thousandths], _END[rest]
    return text.tobytes().decode("ascii")


def _millionths(shares: Floats) -> NDArray[np.int32]:
    """Rounded to the nearest; what lies just between two, to the even one.

    A product that ends in a half may have been rounded to it: what it lost then tells the side.
    """
    product = shares * _MILLION
    whole = np.rint(product)
    halves = np.flatnonzero(np.abs(product - whole) == 0.5)
    lost = _lost(shares[halves], product[halves])
    up = np.floor(product[halves]) + (lost > 0)
    whole[halves] = np.where(lost == 0, whole[halves], up)
    return whole.astype(np.int32)


def _lost(shares: Floats, product: Floats) -> Floats:
    """What the products with a million lack, exactly (Dekker, "A floating-point technique", 1971).

    Both parts of a share are short enough for exact products.
    """
    scaled = shares * _SPLIT
    high = scaled - (scaled - shares)
    return (high * _MILLION - product) + (shares - high) * _MILLION
