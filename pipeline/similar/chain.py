"""Pairs of pictures, and the groups that they chain into."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pipeline.dataset import Bools, Floats, Ints


class Pairs(NamedTuple):
    """Pairs of pictures that show the same, sorted by `a`, then `b`; no pair twice.

    Attributes:
        a: (P,) row of the first picture.
        b: (P,) row of the second; larger than `a`.
        similarity: (P,) how well they agree where they agree least, 0 to 1; 1 for exact copies.
        exact: (P,) whether the files or all their pixels are equal.
    """

    a: Ints
    b: Ints
    similarity: Floats
    exact: Bools


def chain(count: int, pairs: Pairs) -> Ints:
    """Connected components.

    Args:
        count: How many pictures there are.
        pairs: Which of them belong together; only `a` and `b` are used.

    Returns:
        (count,) for each picture the smallest row of its component; its own where it has no pair.

    The labels of both ends of each pair are lowered to the smaller one, and each label to its
    label's label, until nothing changes (Shiloach and Vishkin, 1982): some passes, also for one
    long chain.
    """
    label = np.arange(count)
    while True:
        least = np.minimum(label[pairs.a], label[pairs.b])
        lower = label.copy()
        for ends in (pairs.a, pairs.b):
            np.minimum.at(lower, label[ends], least)
        lower = lower[lower]
        if np.array_equal(lower, label):
            return label
        label = lower
