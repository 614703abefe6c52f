"""How values are spread: quantiles, of all or of each class; what is different."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.dataset import Floats, Ints

QUANTILES = (0, 5, 25, 50, 75, 95, 100)


def quantiles(values: Floats | Ints) -> dict[str, float] | None:
    """The values (N,) at `QUANTILES` per cent; None where there are none."""
    if not len(values):
        return None
    found = np.percentile(values, QUANTILES)
    return {str(q): round(float(v), 6) for q, v in zip(QUANTILES, found, strict=True)}


def distinct(keys: Ints) -> Ints:
    """The different keys, sorted. Sorting whole numbers is faster than NumPy's hashing of them."""
    ordered = np.sort(keys)
    return ordered[np.diff(ordered, prepend=ordered[:1] - 1) > 0]


def by_label(
    label: Ints, values: Floats, count: int, at: Sequence[int]
) -> list[list[float] | None]:
    """The values (M,) of each label 0 to `count` at some per cents; None for a label with none.

    Between two values it interpolates, as `numpy.percentile` does.
    """
    ordered = values[np.lexsort((values, label))]
    counts = np.bincount(label, minlength=count)
    place = (np.cumsum(counts) - counts)[:, None] + np.array(at) / 100 * (counts - 1)[:, None]
    low = np.floor(place).astype(np.int64)
    found: list[list[float] | None] = [None] * count
    for row in np.flatnonzero(counts):
        a, b = ordered[low[row]], ordered[np.ceil(place[row]).astype(np.int64)]
        found[row] = (a + (b - a) * (place[row] - low[row])).round(6).tolist()
    return found
