"""Several readings as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.dataset import Dataset, Strings, strings
from pipeline.formats.reading import Reading


def join(root: Path, parts: Sequence[Reading]) -> Reading:
    """One after the other, their classes matched by name, their notes added up.

    Nothing is renamed: pictures of one name are told apart by what comes before, if they must be.

    Args:
        root: The folder of all.
        parts: One reading or more.
    """
    return Reading(
        dataset=Dataset.joined(root, [part.dataset for part in parts]),
        source=strings(file for part in parts for file in part.source),
        place=np.concatenate([part.place for part in parts]),
        place_name=parts[0].place_name,
        place_names=_place_names(parts),
        headers={path: header for part in parts for path, header in part.headers.items()},
        problems=[problem for part in parts for problem in part.problems],
        notes=dict(sum((Counter(part.notes) for part in parts), Counter[str]())),
    )


def _place_names(parts: Sequence[Reading]) -> Strings | None:
    """How places are written for each picture, where that differs."""
    if len({part.place_name for part in parts}) < 2 and all(p.place_names is None for p in parts):
        return None
    return strings(
        name
        for part in parts
        for name in (
            [part.place_name] * len(part.source) if part.place_names is None else part.place_names
        )
    )
