"""Groups by several ways at once: pictures that share a key by any of them are together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.dataset import Ints, Strings, strings


def combine(columns: Sequence[Sequence[str]], names: Sequence[str]) -> Strings:
    """One group a picture, from its keys by each way.

    Args:
        columns: For each way the key of each picture; "" for none.
        names: A unique name of each picture.

    Returns:
        (N,) the connected component's name: its first key by the first way that has one, else
        the picture's own name. Where two components would be called alike the later one has a
        number behind its name.
    """
    component = components(columns, len(names)).tolist()
    best: dict[int, tuple[int, str]] = {}
    for place, column in enumerate([*columns, names]):
        for one, key in zip(component, column, strict=True):
            if key and (one not in best or (place, key) < best[one]):
                best[one] = (place, key)
    called = _called(best)
    return strings(called[one] for one in component)


def components(columns: Sequence[Sequence[str]], count: int) -> Ints:
    """(count,) the smallest row of each picture's component."""
    links = [_links(column) for column in columns]
    a = np.concatenate([np.zeros(0, dtype=np.int64), *(first for first, _ in links)])
    b = np.concatenate([np.zeros(0, dtype=np.int64), *(row for _, row in links)])
    if not len(a):
        return np.arange(count)
    from pipeline.similar.chain import Pairs, chain  # brings all of `similar` with it

    sure = np.ones(len(a))
    return chain(count, Pairs(a, b, sure, sure > 0))


def _links(column: Sequence[str]) -> tuple[Ints, Ints]:
    """Each row with a key that an earlier one has: that earlier row, and the row itself."""
    first: dict[str, int] = {}
    linked = [(first.setdefault(key, row), row) for row, key in enumerate(column) if key]
    pairs = np.array([(a, b) for a, b in linked if a != b], dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _called(best: dict[int, tuple[int, str]]) -> dict[int, str]:
    """A name of its own for each component; those by an earlier way come first."""
    taken: set[str] = set()
    called = {}
    for one, (_, key) in sorted(best.items(), key=lambda item: (item[1][0], item[0])):
        name, number = key, 2
        while name in taken:
            name, number = f"{key} ({number})", number + 1
        taken.add(name)
        called[one] = name
    return called
