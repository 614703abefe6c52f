"""Pairs of pictures that show the same, in a whole data set."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, compress
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline import engine
from pipeline.dataset import Bools, Dataset, Images, Ints
from pipeline.errors import DataError
from pipeline.progress import Track, silent
from pipeline.similar.chain import Pairs
from pipeline.similar.fingerprint import LENGTH, SCALE, File, Fingerprint, fingerprints
from pipeline.similar.moves import Item
from pipeline.similar.search import neighbours
from pipeline.similar.verify import Candidate, Shown, Verdict, verdicts

_PER_WORKER = 500  # pictures: below that, starting a process costs more than it saves


@dataclass(frozen=True)
class SimilarOptions:
    """What counts as the same, and how hard to look.

    Attributes:
        threshold: Least agreement, 0 to 1, at the places where two pictures agree least, once
            they are laid on one another. Higher finds fewer pairs.
        neighbours: How many pictures each one is compared with at most: those that look most
            like it at a glance.
        reach: How far the glances of two pictures may be apart, 0 to 2.
        workers: Processes; 0 chooses by the number of pictures and of CPU cores.
    """

    threshold: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.6
    neighbours: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 8
    reach: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.8
    workers: Annotated[int, msgspec.Meta(ge=0)] = 0


class Found(NamedTuple):
    """What was found.

    Attributes:
        pairs: Pictures that show the same.
        problems: Pictures that cannot be decoded; they are in no pair.
    """

    pairs: Pairs
    problems: list[DataError]


class _Looks(NamedTuple):
    """Columns of fingerprints, one row a picture that could be decoded.

    Attributes:
        row: (K,) its row in the data set.
        file: (K,) rank that equal files share.
        look: (K,) rank that pictures of equal looks share.
        vector: (K, D) int8.
        flat: (K,) whether it shows nothing.
    """

    row: Ints
    file: Ints
    look: Ints
    vector: NDArray[np.int8]
    flat: Bools

    def take(self, rows: Ints | Bools) -> _Looks:
        return _Looks(
            self.row[rows], self.file[rows], self.look[rows], self.vector[rows], self.flat[rows]
        )


def find(dataset: Dataset, options: SimilarOptions | None = None, track: Track = silent) -> Found:
    """Find the pictures that show the same: copies, edits, next frames, shots of one scene.

    Of many equal files, each is paired with the first of them only, and only one is compared
    with other pictures. The result depends neither on the number of workers nor on the order or
    the names of the pictures: they are taken in the order of their content.

    Args:
        dataset: Its pictures' files and sizes are used; and its boxes, where a picture has some:
            by them an item is known again that moved against its background.
        options: See `SimilarOptions`.
        track: Shows progress.

    Returns:
        The pairs, and what could not be read.
    """
    options = options or SimilarOptions()
    files = _files(dataset.images)
    workers = options.workers or min(os.cpu_count() or 1, -(-len(files) // _PER_WORKER))
    with engine.shards(workers, track) as mapped:
        looks, problems = _look(files, mapped)
        first, copy = _stars(looks.file)
        shown = _shown(dataset, files)
        near = _candidates(_distinct(looks, shown), options, track)
        asked = [Candidate(shown[i], shown[j], same) for i, j, same in zip(*near, strict=True)]
        judged = list(chain.from_iterable(mapped(verdicts, asked, "verifying")))
    gone = {one.path: one for one in judged if isinstance(one, DataError)}
    same = [
        (min(i, j), max(i, j), *one)
        for (i, j, _), one in zip(zip(*near, strict=True), judged, strict=True)
        if isinstance(one, Verdict) and one.similarity >= options.threshold
    ]
    copies = zip(looks.row[first].tolist(), looks.row[copy].tolist(), strict=True)
    return Found(
        _pairs([*same, *((i, j, 1.0, True) for i, j in copies)]), [*problems, *gone.values()]
    )


def _files(images: Images) -> list[File]:
    sizes = images.size.tolist()
    return [File(str(path), *size) for path, size in zip(images.path, sizes, strict=True)]


def _shown(dataset: Dataset, files: Sequence[File]) -> list[Shown]:
    """The files with their items, in an order that the boxes' does not change; no crowds."""
    columns = zip(dataset.boxes.label.tolist(), dataset.boxes.xyxy.tolist(), strict=True)
    items = [Item(label, tuple(box)) for label, box in columns]
    item = ~dataset.boxes.crowd
    return [
        Shown(file, tuple(sorted(compress(items[rows], item[rows]))))
        for file, rows in zip(files, dataset.per_image(), strict=True)
    ]


def _look(files: Sequence[File], mapped: engine.Map) -> tuple[_Looks, list[DataError]]:
    """Fingerprints of all pictures, and the problems of those that cannot be decoded."""
    found = list(chain.from_iterable(mapped(fingerprints, files, "looking")))
    good = [(row, one) for row, one in enumerate(found) if isinstance(one, Fingerprint)]
    vectors = b"".join(one.vector for _, one in good)
    looks = _Looks(
        row=np.array([row for row, _ in good], dtype=np.int64),
        file=_numbers([one.file for _, one in good]),
        look=_numbers([one.look for _, one in good]),
        vector=np.frombuffer(vectors, dtype=np.int8).reshape(-1, LENGTH),
        flat=np.array([one.flat for _, one in good], dtype=bool),
    )
    return looks, [one for one in found if isinstance(one, DataError)]


def _distinct(looks: _Looks, shown: Sequence[Shown]) -> _Looks:
    """One of each equal files, ordered by their content: the first by its items, then its row."""
    items = [shown[row].items for row in looks.row.tolist()]
    order = np.array(sorted(range(len(items)), key=items.__getitem__), dtype=np.int64)
    return looks.take(order[np.unique(looks.file[order], return_index=True)[1]])


def _numbers(keys: Sequence[bytes]) -> Ints:
    """The rank of each key; equal keys share one."""
    rank = {key: number for number, key in enumerate(sorted(set(keys)))}
    return np.array([rank[key] for key in keys], dtype=np.int64)


def _stars(number: Ints) -> tuple[Ints, Ints]:
    """For each row whose number an earlier one has: the first row with it, and the row."""
    _, first, group = np.unique(number, return_index=True, return_inverse=True)
    rows = np.arange(len(number))
    again = rows != first[group]
    return first[group][again].astype(np.int64), rows[again]


def _candidates(
    looks: _Looks, options: SimilarOptions, track: Track
) -> tuple[list[int], list[int], list[bool]]:
    """Rows of the pictures to compare, and whether their looks are equal; each pair once."""
    clear = np.flatnonzero(~looks.flat)
    limit = (options.reach * SCALE) ** 2
    near = neighbours(looks.vector[clear], options.neighbours, limit, track)
    a, b = clear[near.a], clear[near.b]
    far = looks.look[a] != looks.look[b]
    first, copy = _stars(looks.look)
    a, b = np.concatenate([first, a[far]]), np.concatenate([copy, b[far]])
    alike = np.arange(len(a)) < len(first)
    return looks.row[a].tolist(), looks.row[b].tolist(), alike.tolist()


def _pairs(found: Sequence[tuple[int, int, float, bool]]) -> Pairs:
    """Columns, sorted."""
    a, b, similarity, exact = zip(*sorted(found), strict=True) if found else ((), (), (), ())
    return Pairs(
        np.array(a, dtype=np.int64),
        np.array(b, dtype=np.int64),
        np.array(similarity, dtype=np.float64),
        np.array(exact, dtype=bool),
    )
