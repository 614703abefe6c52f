"""Several sources, each in its own format, as one.

Classes are renamed source by source, pictures are told apart where their names collide, and a
picture that two sources hold (the same bytes) is kept once.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.config import Source
from pipeline.dataset import Bools, Dataset, strings
from pipeline.engine import Map
from pipeline.errors import BoxwrightError, DataError
from pipeline.formats.copies import digests
from pipeline.formats.joining import join
from pipeline.formats.reading import Reading, ReadOptions

log = logging.getLogger(__name__)
Read = Callable[[str, Path, ReadOptions], Reading]
_NEAR = 0.5  # pixels by which boxes of one picture may differ between two sources


def read(sources: Sequence[Source], options: ReadOptions, mapped: Map, read_one: Read) -> Reading:
    """Read sources and join them, in their order.

    Args:
        sources: Where each is, and how it is read.
        options: What holds for all, where a source says nothing itself.
        mapped: Maps over pictures (`engine.shards`).
        read_one: Reads one: its format, its folder, how.

    Returns:
        The labels of each source renamed by its `classes`. Pictures whose names stand in several
        sources are named below their source's folder, all of those sources' alike. Of a picture
        that is there several times, byte by byte, the first is kept, where the boxes agree;
        where they do not, that is a problem. Splits are kept where every source has them.

    Raises:
        BoxwrightError: A source that cannot be read, or a class that takes no label of its source.
        DataErrors: Not one picture of a source can be read.
    """
    parts = []
    for source in sources:
        reading = read_one(source.format, source.path, _options(source, options))
        parts.append(_with_origin(_renamed(reading, source), source))
        images, boxes = len(reading.dataset.images), len(reading.dataset.boxes)
        log.info("%s: %d pictures, %d boxes", source.path, images, boxes)
    joined = join(Path.cwd(), list(_told_apart(parts, sources)))
    return _once(_splits(joined), mapped)


def _options(source: Source, options: ReadOptions) -> ReadOptions:
    return replace(
        options,
        images=source.images,
        backgrounds=source.background,
        exclude=[*options.exclude, *source.exclude],
        fields=source.fields or options.fields,
        scale=source.scale or options.scale,
        pair=source.pair or options.pair,
        corners_from=options.corners_from if source.corners_from is None else source.corners_from,
    )


def _renamed(reading: Reading, source: Source) -> Reading:
    """The labels of a source by the names that it has for all."""
    label_of = {
        str(label): str(name)
        for name, labels in (source.classes or {}).items()
        for label in (labels if isinstance(labels, list) else [labels])
    }
    unknown = sorted(label_of.keys() - set(reading.dataset.classes))
    if unknown:
        known = ", ".join(map(repr, reading.dataset.classes))
        raise BoxwrightError(
            f"{source.path}: classes: no label {unknown[0]!r} here; its labels: {known}."
        )
    names = [label_of.get(name, name) for name in reading.dataset.classes]
    classes = list(dict.fromkeys(names))
    index = np.array([classes.index(name) for name in names], dtype=np.int64)
    boxes = reading.dataset.boxes
    label = index[boxes.label] if len(boxes) else boxes.label
    dataset = replace(reading.dataset, classes=tuple(classes), boxes=replace(boxes, label=label))
    return replace(reading, dataset=dataset)


def _with_origin(reading: Reading, source: Source) -> Reading:
    if not source.origin:
        return reading
    images = reading.dataset.images
    origin = strings([source.origin] * len(images))
    return _of(reading, replace(reading.dataset, images=replace(images, origin=origin)))


def _of(reading: Reading, dataset: Dataset) -> Reading:
    return replace(reading, dataset=dataset)


def _told_apart(parts: Sequence[Reading], sources: Sequence[Source]) -> Iterator[Reading]:
    """The readings with names that no two of them share."""
    held = [set(map(str.casefold, part.dataset.images.name)) for part in parts]
    count = Counter(name for names in held for name in names)
    given = [source.prefix for source in sources]
    own = _folders([source.path for source in sources])
    for part, names, prefix, folder in zip(parts, held, given, own, strict=True):
        shared = any(count[name] > 1 for name in names)
        below = prefix or (folder if shared else "")
        yield _below(part, below) if below else part


def _below(reading: Reading, folder: str) -> Reading:
    images = reading.dataset.images
    name = strings(f"{folder}/{name}" for name in images.name)
    return _of(reading, replace(reading.dataset, images=replace(images, name=name)))


def _folders(paths: Sequence[Path]) -> list[str]:
    """A name for each source: its folder's, with those above it until no two are the same."""
    parts = [path.absolute().with_suffix("").parts[1:] for path in paths]
    depth = 1
    while len({part[-depth:] for part in parts}) < len(parts) and depth < max(map(len, parts)):
        depth += 1
    names = ["-".join(part[-depth:]) for part in parts]
    seen: Counter[str] = Counter()
    for index, name in enumerate(names):
        seen[name] += 1
        names[index] = name if seen[name] == 1 else f"{name}-{seen[name]}"
    return names


def _splits(reading: Reading) -> Reading:
    images = reading.dataset.images
    if not any(images.split) or all(images.split):
        return reading
    log.info("not all sources are split already: their splits are not kept")
    split = strings([""] * len(images))
    return _of(reading, replace(reading.dataset, images=replace(images, split=split)))


def _once(reading: Reading, mapped: Map) -> Reading:
    """Without pictures that are there already, byte by byte."""
    kept = np.ones(len(reading.source), dtype=bool)
    problems = []
    slices = reading.dataset.per_image()
    for first, *others in _same(reading, mapped):
        for row in others:
            kept[row] = False
            if not _agree(reading, slices[first], slices[row]):
                kept[first] = False
                problems.append(_disagree(reading, first, row))
    return _without(reading, kept, problems)


def _without(reading: Reading, kept: Bools, problems: list[DataError]) -> Reading:
    told = int((~kept).sum()) - 2 * len(problems)
    notes = {"pictures that are there in another source, byte by byte; left out": told}
    return replace(
        reading.keep_images(kept),
        problems=[*reading.problems, *problems],
        notes=reading.notes | {what: count for what, count in notes.items() if count > 0},
    )


def _same(reading: Reading, mapped: Map) -> Iterable[list[int]]:
    """Rows of pictures with the same bytes; only files of one length are looked into."""
    by_length: defaultdict[int, list[int]] = defaultdict(list)
    paths = reading.dataset.images.path
    for row, path in enumerate(paths):
        by_length[reading.headers[path].bytes].append(row)
    rows = [row for alike in by_length.values() if len(alike) > 1 for row in alike]
    parts = mapped(digests, [paths[row] for row in rows], "comparing pictures")
    by_digest: defaultdict[str, list[int]] = defaultdict(list)
    for row, digest in zip(rows, (one for part in parts for one in part), strict=True):
        by_digest[digest or paths[row]].append(row)
    return [sorted(alike) for alike in by_digest.values() if len(alike) > 1]


def _agree(reading: Reading, a: slice, b: slice) -> bool:
    """Whether two pictures have the same boxes, in any order."""
    boxes = reading.dataset.boxes
    if a.stop - a.start != b.stop - b.start:
        return False
    left, right = (
        np.lexsort((*np.round(boxes.xyxy[part]).T, boxes.label[part])) + part.start
        for part in (a, b)
    )
    near = np.abs(boxes.xyxy[left] - boxes.xyxy[right]) <= _NEAR
    return bool(near.all() and (boxes.label[left] == boxes.label[right]).all())


def _disagree(reading: Reading, first: int, row: int) -> DataError:
    path = reading.dataset.images.path
    return DataError(
        path[row],
        "",
        f"is the same picture as {path[first]}, with other boxes",
        "mend one of the two, or leave it out of its source (exclude)",
    )
