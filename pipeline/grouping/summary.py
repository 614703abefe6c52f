"""What groups look like as numbers: how many, how large, and whether that can be right."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pipeline.dataset import Strings

_LARGEST = 10
_MOST = 0.5  # of the pictures in one group: a chain that ran away, or a key that is too wide
_FEW = 4  # pictures: too few to speak of a share


def summarise(key: Strings) -> dict[str, Any]:
    """Count groups.

    Args:
        key: (N,) the group of each picture.

    Returns:
        ``pictures``, ``groups``, ``singles`` (groups of one picture), ``largest`` (some groups
        with their pictures, largest first), ``sizes`` (groups by size: 1, 2, 3-4, 5-8, ...) and
        ``warnings``, sentences.
    """
    count = Counter(key.tolist())
    largest = sorted(count.items(), key=lambda item: (-item[1], item[0]))[:_LARGEST]
    classes = Counter((size - 1).bit_length() for size in count.values())
    return {
        "pictures": len(key),
        "groups": len(count),
        "singles": classes[0],
        "largest": [{"group": name, "pictures": size} for name, size in largest],
        "sizes": {_span(power): classes[power] for power in range(max(classes, default=-1) + 1)},
        "warnings": _warnings(largest, classes[0], len(key)),
    }


def _span(power: int) -> str:
    """The sizes of class `power`: above half of 2**power, up to it."""
    last = 1 << power
    first = last // 2 + 1
    return str(last) if first >= last else f"{first}-{last}"


def _warnings(largest: list[tuple[str, int]], singles: int, pictures: int) -> list[str]:
    if pictures < _FEW:
        return []
    name, size = largest[0]
    if size > _MOST * pictures:
        told = f"the group {name!r} holds {size} of {pictures} pictures, and no split can part it"
        return [f"{told}: look at its row of the sheet; another way, or the CSV, takes it apart."]
    if singles == pictures:
        return ["every picture is a group of its own: nothing is kept together."]
    return []
