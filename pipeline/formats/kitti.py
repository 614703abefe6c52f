"""KITTI's object labels: label_2/000000.txt beside image_2/000000.png.

A line a box of 15 columns (16 with a score): type, truncated, occluded, alpha; left, top, right,
bottom in pixels from 0; then what only 3D needs. `DontCare` marks regions where nobody looked:
they are no objects of a class, and are left out, counted.
See the readme of https://s3.eu-central-1.amazonaws.com/avg-kitti/devkit_object.zip.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pipeline.engine import Map, in_process
from pipeline.formats import kitti_lines, records
from pipeline.formats.kitti_lines import LABELS, PICTURES
from pipeline.formats.reading import Reading, ReadOptions, Tree

KIND = records.Kind(".txt", "label file", "line {}")


def read(root: Path, options: ReadOptions | None = None, mapped: Map = in_process) -> Reading:
    """Read a folder with KITTI's label_2 and image_2; or with labels beside their pictures.

    Pictures of other cameras (image_3) and those of the test set, which has no labels, are passed
    over, and so are calib and other text files beside label_2.

    Args:
        root: The folder.
        options: How to read it.
        mapped: Maps over files (`engine.shards`).

    Returns:
        See `records.read`.

    Raises:
        BoxwrightError: No such folder, no pictures or no label files in it.
        DataErrors: Not one picture can be read.
    """
    options = options or ReadOptions()
    found = records.find(root, KIND, options)
    found = found._replace(tree=_labelled(found.tree))
    batches = mapped(kitti_lines.parse, list(found.tree.annotations.values()), "reading labels")
    return records.gather(found, KIND, batches, options, mapped)


def _labelled(tree: Tree) -> Tree:
    """Of a tree with folders label_2: those, and the folders image_2 beside them."""
    here = {_folder(name) for name in tree.annotations}
    labels = {folder for folder in here if folder.split("/")[-1] == LABELS}
    if not labels:
        return tree
    images = {folder.removesuffix(LABELS) + PICTURES for folder in labels}
    return replace(
        tree,
        annotations={k: v for k, v in tree.annotations.items() if _folder(k) in labels},
        pictures={k: v for k, v in tree.pictures.items() if _folder(k) in images},
    )


def _folder(name: str) -> str:
    return name.rpartition("/")[0]
