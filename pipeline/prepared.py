"""The prepared tree on disk: what `convert` writes and `train` reads.

images/<split>/…, labels/<split>/…, annotations/<split>.json (COCO), pictures.csv (groups and
origins), data.yaml.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import polygons
from pipeline.boxes import area as boxes_area
from pipeline.dataset import Dataset, Floats, Images, Ints, Outlines, Strings, strings
from pipeline.engine import Map
from pipeline.formats import coco, pictures_csv, yolo, yolo_text
from pipeline.formats.tree import Picture, Written, rewrite_shard, write_shard
from pipeline.images import Header


def splits(dataset: Dataset) -> list[str]:
    """The splits that pictures are in, in the usual order; then the folds."""
    found = set(dataset.images.split)
    usual = [name for name in yolo.SPLITS if name in found]
    return usual + sorted(found.difference(yolo.SPLITS), key=lambda name: (len(name), name))


def summary(dataset: Dataset, split: str) -> dict[str, Any]:
    """How much there is in one split."""
    images, boxes, classes = dataset.images, dataset.boxes, dataset.classes
    part = np.asarray(images.split == split, dtype=bool)
    empty = np.bincount(boxes.image, minlength=len(images)) == 0
    labels = boxes.label[part[boxes.image]]
    per_class = np.bincount(labels, minlength=len(classes)).tolist()
    return {
        "images": int(part.sum()),
        "backgrounds": int((part & empty).sum()),
        "groups": len(set(images.group[part])),
        "boxes": len(labels),
        "classes": dict(zip(classes, per_class, strict=True)),
    }


def content_hash(
    dataset: Dataset, headers: Mapping[str, Header], labels: Outlines | None = None
) -> str:
    """A hash of what is in a tree.

    Of classes, splits, names, groups, origins, boxes, the shapes of their labels and the length of
    each picture's file; the pixels are not read for it.
    """
    images, boxes = dataset.images, dataset.boxes
    length = [headers[path].bytes for path in images.path]
    rows = zip(images.split, images.name, length, images.group, images.origin, strict=True)
    told = hashlib.blake2b(digest_size=16)
    told.update("\n".join(dataset.classes).encode())
    told.update("\n".join(f"{split}/{' '.join(map(str, rest))}" for split, *rest in rows).encode())
    shapes = labels if labels is not None and len(labels.points) else Outlines.none(0)
    outlines = (boxes.outline.points, shapes.points)
    for column in (images.size, boxes.image, boxes.label, boxes.xyxy, *outlines):
        told.update(np.ascontiguousarray(column).tobytes())
    return told.hexdigest()


def intact(folder: Path, dataset: Dataset) -> bool:
    """Whether the pictures of a tree are still those of the source: linked, or copied since."""
    there = pictures(folder, dataset.images)
    return all(map(_same, dataset.images.path, there))


def pictures(folder: Path, images: Images) -> Strings:
    """(N,) the path of each picture in the tree at `folder`."""
    return strings(
        f"{folder}/images/{split}/{name}"
        for split, name in zip(images.split, images.name, strict=True)
    )


def _same(source: str, target: str) -> bool:
    try:
        a, b = os.stat(source), os.stat(target)
    except OSError:
        return False
    linked = (a.st_ino, a.st_dev) == (b.st_ino, b.st_dev)
    return linked or (a.st_size == b.st_size and a.st_mtime_ns == b.st_mtime_ns)


@dataclass(frozen=True)
class How:
    """How a tree is written.

    Attributes:
        copy: Copy all pictures rather than link them.
        labels: What turns with each box, for its label (`augment.shapes`); None: its outline.
            Where no box has one, labels are plain boxes.
        before: A tree that this one replaces: label files that stay the same are linked from it.
    """

    copy: bool = False
    labels: Outlines | None = None
    before: Path | None = None


def write(
    dataset: Dataset,
    folder: Path,
    headers: Mapping[str, Header],
    mapped: Map,
    how: How | None = None,
) -> int:
    """Write the tree below `folder`, which is there and empty.

    Args:
        dataset: Named and split; its outlines are drawn ones, for the COCO files.
        folder: Where to.
        headers: Of the pictures, by path: what must not be linked is copied.
        mapped: Maps over pictures (`engine.shards`).
        how: Links or copies, and what the labels hold.

    Returns:
        How many pictures were copied rather than linked.

    Raises:
        OSError: The disk refuses.
    """
    images = dataset.images
    how = how or How()
    for split, below in set(zip(images.split, map(posixpath.dirname, images.name), strict=True)):
        for kind in ("images", "labels"):
            (folder / kind / split / below).mkdir(parents=True, exist_ok=True)
    shard = partial(write_shard, root=str(folder), before=str(how.before or ""))
    parts = mapped(shard, _Pictures(dataset, headers, how), "writing")
    _write_tables(dataset, folder, parts)
    return sum(part.copied for part in parts)


def rewrite(
    dataset: Dataset, folder: Path, headers: Mapping[str, Header], mapped: Map, how: How
) -> None:
    """Write below `folder` what differs from the tree `how.before`, which has the same pictures.

    Labels that differ, and every table.

    Raises:
        OSError: The disk refuses.
    """
    shard = partial(rewrite_shard, root=str(folder), before=str(how.before))
    _write_tables(dataset, folder, mapped(shard, _Pictures(dataset, headers, how), "writing"))


def _write_tables(dataset: Dataset, folder: Path, parts: Sequence[Written]) -> None:
    (folder / "annotations").mkdir()
    for split in splits(dataset):
        rows = [part.coco[split] for part in parts if split in part.coco]
        coco.write_rows(folder / "annotations" / f"{split}.json", dataset.classes, rows)
    pictures_csv.write(folder, dataset.images)
    text = yolo.data_yaml(dataset.classes, splits(dataset))
    (folder / "data.yaml").write_text(text, encoding="utf-8")


def write_all(
    trees: Mapping[str, Dataset],
    out: Path,
    headers: Mapping[str, Header],
    mapped: Map,
    how: How | None = None,
) -> int:
    """Write trees of the same pictures, as folds are; those after the first link its files.

    Args:
        trees: By their folders below `out`; "" is `out` itself.
        out: Where to.
        headers: Of the pictures, by path.
        mapped: Maps over pictures.
        how: As for `write`; copies are made once. `before` is the folder that `out` replaces.

    Returns:
        How many pictures were copied rather than linked.

    Raises:
        OSError: The disk refuses.
    """
    how = how or How()
    (name, first), *others = trees.items()
    (out / name).mkdir(exist_ok=True)
    copied = write(first, out / name, headers, mapped, _replacing(how, name))
    if not others:
        return copied
    there = pictures(out / name, first.images)
    ours = {
        path: headers[source]._replace(rewritable=False)
        for path, source in zip(there, first.images.path, strict=True)
    }
    for name, tree in others:
        (out / name).mkdir()
        linked = replace(tree, images=replace(tree.images, path=there))
        copied += write(
            linked, out / name, ours, mapped, _replacing(replace(how, copy=False), name)
        )
    return copied


def _replacing(how: How, name: str) -> How:
    """For one of several trees: the one of the same name is what it replaces."""
    return replace(how, before=how.before / name) if how.before else how


class _Pictures(Sequence[Picture]):
    """The rows of a data set as `tree.Picture`, made slice by slice when they are asked for."""

    def __init__(self, dataset: Dataset, headers: Mapping[str, Header], how: How) -> None:
        self._dataset = dataset
        self._shapes = dataset.boxes.outline if how.labels is None else how.labels
        self._headers = headers
        self._copy = how.copy
        boxes = dataset.boxes
        self._edges = np.searchsorted(boxes.image, np.arange(len(dataset.images) + 1))
        self._row, self._first = _numbers(dataset, np.diff(self._edges))

    def __len__(self) -> int:
        return len(self._dataset.images)

    def __getitem__(self, rows: slice) -> list[Picture]:  # type: ignore[override]
        first, last, _ = rows.indices(len(self))
        images, boxes = self._dataset.images, self._dataset.boxes
        edges = self._edges[first : last + 1]
        of_boxes = slice(int(edges[0]), int(edges[-1]))
        labels, xyxy = boxes.label[of_boxes].tolist(), boxes.xyxy[of_boxes].tolist()
        crowd, drawn = boxes.crowd[of_boxes].tolist(), _part(boxes.outline, of_boxes)
        outlines, areas = _flat(drawn), _areas(drawn, boxes.xyxy[of_boxes])
        lines = self._lines(of_boxes)
        ends = (edges - edges[0]).tolist()
        columns = zip(
            images.path[rows],
            images.name[rows],
            images.split[rows],
            images.size[rows].tolist(),
            self._row[rows].tolist(),
            self._first[rows].tolist(),
            pairwise(ends),
            strict=True,
        )
        return [
            Picture(
                path=path,
                name=name,
                split=split,
                copy=self._copy or self._headers[path].rewritable,
                width=size[0],
                height=size[1],
                row=row,
                first_box=first_box,
                labels=labels[a:b],
                xyxy=xyxy[a:b],
                crowd=crowd[a:b],
                outlines=outlines[a:b],
                areas=areas[a:b],
                text="".join(lines[a:b]),
            )
            for path, name, split, size, row, first_box, (a, b) in columns
        ]

    def _lines(self, rows: slice) -> list[str]:
        """The label lines of some boxes: class, centre and size; or class and outline.

        Where one of all labels is an outline, all are: ultralytics takes a file that holds one for
        a file of outlines only.
        """
        boxes = self._dataset.boxes
        label, xyxy = boxes.label[rows], boxes.xyxy[rows]
        size = self._dataset.images.size[boxes.image[rows]]
        if not len(self._shapes.points):
            middle, side = (xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]
            shares = np.concatenate([middle, side], axis=1) / np.tile(size, 2)
            return yolo_text.lines(label, shares.reshape(-1), np.full(len(label), 4))
        whole = polygons.or_corners(_part(self._shapes, rows), xyxy)
        counts = np.diff(whole.start)
        shares = whole.points / np.repeat(size, counts, axis=0)
        return yolo_text.lines(label, shares.reshape(-1), 2 * counts)


def _part(outlines: Outlines, rows: slice) -> Outlines:
    start = outlines.start[rows.start : rows.stop + 1]
    return Outlines(outlines.points[start[0] : start[-1]], start - start[0])


def _flat(outlines: Outlines) -> list[list[float]]:
    """Each outline as [x1, y1, x2, y2, ...]."""
    if not len(outlines.points):
        return [[]] * len(outlines)
    flat = outlines.points.reshape(-1).tolist()
    return [flat[a:b] for a, b in pairwise((2 * outlines.start).tolist())]


def _areas(outlines: Outlines, xyxy: Floats) -> list[float]:
    """In pixels: of each outline, or of its box (M, 4) where there is none."""
    areas = boxes_area(xyxy)
    drawn = polygons.has(outlines)
    areas[drawn] = polygons.area(outlines)[drawn]
    return areas.tolist()


def _numbers(dataset: Dataset, counts: Ints) -> tuple[Ints, Ints]:
    """For each picture: its row in its split, and how many boxes stand before it there."""
    row, first = np.zeros_like(counts), np.zeros_like(counts)
    for split in splits(dataset):
        members = np.flatnonzero(dataset.images.split == split)
        row[members] = np.arange(len(members))
        first[members] = np.cumsum(counts[members]) - counts[members]
    return row, first
