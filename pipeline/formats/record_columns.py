"""The records of all shards as one set of columns."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from pipeline.dataset import Bools, Floats, Ints, Outlines
from pipeline.engine import SHARD
from pipeline.errors import DataError
from pipeline.formats.batch import Batch
from pipeline.formats.reading import Tree


class Kind(NamedTuple):
    """What a format calls its things, in messages.

    Attributes:
        suffix: Of its files, lower case: ".json"; or several.
        files: What they are: "JSON".
        place: How a box's place in its file is written: "shapes[{}]".
        size: Where the file tells the picture's size: "imageWidth, imageHeight".
        image: Where it names the picture: "imagePath".
    """

    suffix: str | tuple[str, ...]
    files: str
    place: str
    size: str = "size"
    image: str = "image"


@dataclass
class Records:
    """The batches as one: see `Batch` for the columns.

    Attributes:
        file: (R,) path of each record's file.
        named: (R,) name of each record's picture; "" where there is none.
        failed: (R,) whether something in the record could not be read.
        unread: Files with something that could not be read.
    """

    kind: Kind
    file: list[str]
    image: list[str]
    flat: bytes
    size: Floats
    group: list[str]
    origin: list[str]
    counts: Ints
    failed: Bools
    place: Ints
    label: Ints
    labels: list[str]
    corners: Floats
    crowd: Bools
    outline: Outlines
    unread: set[str]
    problems: list[DataError]
    notes: Counter[str]
    named: list[str] = field(default_factory=list)

    def fail(self, record: int, problem: DataError) -> None:
        self.problems.append(problem)
        self.failed[record] = True
        self.unread.add(problem.path)

    def note(self, what: str, tree: Tree, wanted: dict[str, str]) -> None:
        left = len(tree.pictures.keys() - wanted.keys())
        if left:
            self.notes[what] = left


def join(batches: Sequence[Batch], files: list[str], kind: Kind) -> Records:
    """The batches of the shards of `files`, in order, as one.

    Args:
        batches: One for each `engine.SHARD` files.
        files: Their paths.
        kind: What the format calls its things.
    """
    labels: dict[str, int] = {}
    label, paths, problems = [], [], []
    for number, batch in enumerate(batches):
        shard = files[number * SHARD : (number + 1) * SHARD]
        names = [labels.setdefault(name, len(labels)) for name in batch.labels]
        label.append(np.array(names, dtype=np.int64)[_ints(batch.label)])
        paths += [shard[file] for file in batch.file]
        problems += batch.problems
    points = np.concatenate([_floats(b.outline) for b in batches]).reshape(-1, 2)
    counts = np.concatenate([_ints(b.outline_counts) for b in batches])
    return Records(
        kind=kind,
        file=paths,
        image=[image for b in batches for image in b.image],
        flat=b"".join(bytes(b.flat) for b in batches),
        size=np.concatenate([_floats(b.size) for b in batches]).reshape(-1, 2),
        group=[group for b in batches for group in b.group],
        origin=[origin for b in batches for origin in b.origin],
        counts=np.concatenate([_ints(b.counts) for b in batches]),
        failed=_bools(b"".join(bytes(b.failed) for b in batches)),
        place=np.concatenate([_ints(b.place) for b in batches]),
        label=np.concatenate(label),
        labels=list(labels),
        corners=np.concatenate([_floats(b.corners) for b in batches]).reshape(-1, 4),
        crowd=_bools(b"".join(bytes(b.crowd) for b in batches)),
        outline=Outlines.of_counts(points, counts),
        unread={problem.path for problem in problems},
        problems=problems,
        notes=sum((Counter(b.notes) for b in batches), Counter[str]()),
    )


def _ints(column: array[int]) -> Ints:
    return np.frombuffer(column, dtype=np.int64)


def _floats(column: array[float]) -> Floats:
    return np.frombuffer(column, dtype=np.float64)


def _bools(column: bytes) -> Bools:
    return np.frombuffer(column, dtype=np.uint8).astype(bool)
