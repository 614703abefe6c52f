"""The files of a search for leaks that other programs read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import manifest
from pipeline.check.copies import Disagreement
from pipeline.check.leaks import JUDGED, Leaks
from pipeline.check.trees import Tree
from pipeline.dataset import Bools, Dataset, Images
from pipeline.formats import yolo

PAIRS = ("split", "picture", "before", "partner", "kinds", "similarity")
LABELS = ("split", "picture", "copy_split", "copy", "problem")


def write_pairs(path: Path, images: Images, leaks: Leaks) -> None:
    """Write every pair, the surest and most alike first."""
    manifest.write_csv(path, PAIRS, _pairs(images, leaks))


def _pairs(images: Images, leaks: Leaks) -> Iterable[Sequence[Any]]:
    columns = (leaks.image.tolist(), leaks.partner.tolist(), leaks.similarity.tolist())
    for row, (image, partner, similarity) in enumerate(zip(*columns, strict=True)):
        kinds = " ".join(leaks.ways[at] for at in np.flatnonzero(leaks.kinds[row]))
        alike = "" if np.isnan(similarity) else f"{similarity:.4f}"
        yield *_place(images, image), *_place(images, partner), kinds, alike


def write_labels(path: Path, images: Images, found: Sequence[Disagreement]) -> None:
    """Write the copies that are labelled otherwise."""
    rows = ((*_place(images, a), *_place(images, b), problem) for a, b, problem in found)
    manifest.write_csv(path, LABELS, rows)


def _place(images: Images, row: int) -> tuple[str, str]:
    return images.split[row], images.name[row]


def write_leaked(path: Path, dataset: Dataset, leaked: Bools) -> None:
    """Write the paths of the leaked pictures, below the tree's root where they are in it."""
    root = os.path.join(os.path.abspath(dataset.root), "")  # noqa: PTH100, PTH118
    paths = (path.removeprefix(root) for path in dataset.images.path[leaked])
    manifest.write_text(path, "".join(f"{path}\n" for path in paths))


def write_clean(folder: Path, tree: Tree, leaked: Bools) -> None:
    """Write a data.yaml whose judged splits are lists of their clean pictures.

    Nothing is copied: the lists name the pictures where they are. A split that would be left
    without a picture keeps out of it.
    """
    images = tree.dataset.images
    folder.mkdir()
    splits = []
    for split in yolo.SPLITS:
        own = np.asarray(images.split == split, dtype=bool)
        kept = images.path[own & ~leaked if split in JUDGED else own]
        if len(kept):
            splits.append(split)
            text = "".join(f"{os.path.abspath(path)}\n" for path in kept)  # noqa: PTH100
            manifest.write_text(folder / f"{split}.txt", text)
    text = yolo.data_yaml(tree.dataset.classes, splits, listed=True)
    manifest.write_text(folder / "data.yaml", text)
