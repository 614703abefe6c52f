"""Pascal VOC: an XML file for each picture, corners of whole pixels counted from 1.

See http://host.robots.ox.ac.uk/pascal/VOC/voc2012/devkit_doc.pdf, "Annotation". A pixel counted
from 1 to xmax, both of them inside the box, is `xmin - 1` to `xmax` here, half-open; detectron2,
supervision and datumaro ("voc-one-based") read it so. CVAT, Roboflow and others write the same
tags with corners counted from 0: what has a corner below 1 or a fraction of a pixel anywhere is
taken so, the whole source at once, and told. `corners_from` decides where that is not right.
Lists in ImageSets/Main keep their splits.
"""

from __future__ import annotations

import os
import posixpath
from array import array
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.dataset import Images, strings
from pipeline.engine import Map, in_process
from pipeline.formats import records, voc_xml
from pipeline.formats.batch import Batch
from pipeline.formats.folders import with_splits
from pipeline.formats.reading import Reading, ReadOptions, Tree

KIND = records.Kind(".xml", "XML", "object[{}]", "size", "filename")
_PICTURES = "JPEGImages"
_LISTS = "ImageSets/Main"
_SPLIT_OF = {"train": "train", "val": "val", "test": "test", "trainval": "train"}


def read(root: Path, options: ReadOptions | None = None, mapped: Map = in_process) -> Reading:
    """Read a folder of pictures and VOC's XML, with all its sub-folders; or one XML.

    Args:
        root: The folder, or the file.
        options: How to read it.
        mapped: Maps over files (`engine.shards`).

    Returns:
        See `records.read`.

    Raises:
        BoxwrightError: No such folder, no pictures or no XML in it.
        DataErrors: Not one picture can be read.
    """
    options = options or ReadOptions()
    found = records.find(root, KIND, options)
    found = found._replace(tree=_without_masks(found.tree))
    batches = mapped(voc_xml.parse, list(found.tree.annotations.values()), "reading XML")
    _count_from_0(batches, options.corners_from)
    reading = records.gather(found, KIND, batches, options, mapped)
    return _with_splits(reading, found.tree.root)


def _without_masks(tree: Tree) -> Tree:
    """Without the pictures of SegmentationClass and the like, where photos have their folder."""
    photos = {
        name: path
        for name, path in tree.pictures.items()
        if _PICTURES in name.split("/")[:-1] or os.path.basename(tree.root) == _PICTURES
    }
    return replace(tree, pictures=photos) if photos else tree


def _count_from_0(batches: Sequence[Batch], base: int | None) -> None:
    """Bring corners to our convention; which it was, where nothing is given, is told."""
    other = sum(batch.notes.pop(voc_xml.OTHER_BASE, 0) for batch in batches)
    if base == 0 or (base is None and other):
        if base is None:
            batches[0].note(
                "XML files with corners below 1 or between pixels: all corners are taken to be"
                " counted from 0 (--corners-from 1 if they are not)",
                other,
            )
        return
    for batch in batches:
        batch.corners = array("d", _shifted(batch.corners, (1, 1, 0, 0)))
        batch.outline = array("d", _shifted(batch.outline, (1, 1)))


def _shifted(values: Sequence[float], by: Sequence[int]) -> list[float]:
    return [value - by[index % len(by)] for index, value in enumerate(values)]


def _with_splits(reading: Reading, root: Path) -> Reading:
    """The splits of ImageSets/Main, where they hold every picture."""
    listed = _listed(root)
    images = reading.dataset.images
    splits = [listed.get(posixpath.splitext(name)[0], "") for name in images.name]
    if not listed or not all(splits):
        return with_splits(reading)
    return _split(reading, images, splits)


def _split(reading: Reading, images: Images, splits: list[str]) -> Reading:
    dataset = replace(reading.dataset, images=replace(images, split=strings(splits)))
    return replace(reading, dataset=dataset)


def _listed(root: Path) -> dict[str, str]:
    """The split of each picture by its name without an ending."""
    found: dict[str, str] = {}
    for lists in sorted(root.rglob(_LISTS)):
        photos = (lists.parent.parent / _PICTURES).relative_to(root).as_posix()
        for name in ("trainval", "train", "val", "test"):  # train and val know better
            file = lists / f"{name}.txt"
            if file.is_file():
                lines = file.read_text(encoding="utf-8-sig", errors="replace").split("\n")
                stems = (line.split()[0] for line in lines if line.strip())
                found |= {posixpath.normpath(f"{photos}/{stem}"): _SPLIT_OF[name] for stem in stems}
    return found
