"""The pictures of a sheet: what their headers say, also of those that are damaged or missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.check.findings import Finding
from pipeline.dataset import Images, Ints
from pipeline.engine import Map
from pipeline.errors import DataError
from pipeline.images import Header, read_headers

NONE = Header(0, 0)


@dataclass(frozen=True)
class Pictures:
    """Pictures in the order asked for.

    Attributes:
        images: Their columns; size (0, 0) for what cannot be read.
        orientation: (N,) EXIF orientation.
        found: What is wrong with their files.
    """

    images: Images
    orientation: Ints
    found: list[Finding]


def looked_at(named: Sequence[tuple[str, str, str]], mapped: Map) -> Pictures:
    """Read the headers of pictures.

    Args:
        named: Split, name and path of each; those without a path are known to be missing.
        mapped: Maps over pictures (`engine.shards`).
    """
    paths = [path for _, _, path in named if path]
    parts = mapped(read_headers, paths, "reading pictures")
    told = dict(zip(paths, (one for part in parts for one in part), strict=True))
    headers, found = [], []
    for split, name, path in named:
        header = told.get(path, NONE)
        if isinstance(header, DataError):
            found.append(_damaged(header, split, name))
            header = NONE
        headers.append(header)
    images = Images.of(
        [name for _, name, _ in named],
        [path for _, _, path in named],
        [header[:2] for header in headers],
        split=[split for split, _, _ in named],
    )
    return Pictures(images, np.array([h.orientation for h in headers], dtype=np.int64), found)


def _damaged(error: DataError, split: str, name: str) -> Finding:
    return Finding(
        kind="damaged picture",
        severity="error",
        message=error.problem,
        split=split,
        image=name,
        file=error.path,
        advice=error.fix,
    )
