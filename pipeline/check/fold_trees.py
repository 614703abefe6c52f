"""The trees that the models of the folds are trained on: links to the pictures, and labels."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline import arrange, manifest, prepared
from pipeline import boxes as geometry
from pipeline.augment.shapes import Shapes, shaped
from pipeline.dataset import Bools, Dataset, Ints, strings
from pipeline.engine import Map, shards
from pipeline.errors import BoxwrightError, DataError, DataErrors
from pipeline.images import Header, read_headers
from pipeline.progress import Track
from pipeline.steps import names

log = logging.getLogger(__name__)

KIND = "folds data"
_LEAST_SIDE = 1.0  # pixels of a label inside its picture; from less no model learns


def write(
    dataset: Dataset, fold: Ints, out: Path, track: Track, shapes: Shapes = None
) -> list[Path]:
    """Write a tree for each fold, unless those that are there are the same.

    Args:
        dataset: Labels of all splits.
        fold: (N,) the fold of each picture, from 1; in its tree it is in val, in the others train.
        out: The folder of the trees, replaced whole.
        track: Shows progress.
        shapes: What turns with the boxes when pictures are turned (`augment.shapes`).

    Returns:
        The folders of the trees, in the order of the folds.

    Raises:
        BoxwrightError: A fold has no label to measure a model by, or the disk refuses.
        DataErrors: Pictures that cannot be read.
    """
    dealt = _dealt(_learnable(dataset), fold)
    folds = [arrange.FOLD.format(number) for number in range(1, int(fold.max()) + 1)]
    _check(dealt, folds)
    trees = {name: arrange.fold(dealt, number) for number, name in enumerate(folds, 1)}
    with shards(track=track) as mapped:
        headers = _headers(dealt, mapped)
        content = f"{prepared.content_hash(dealt, headers)} {shapes or ''}".strip()
        if not _there(out, content, trees):
            turning = shaped(dealt, shapes, mapped)[0].boxes.outline
            with manifest.new_folder(out, KIND) as folder:
                prepared.write_all(trees, folder, headers, mapped, prepared.How(labels=turning))
                for name in folds:
                    told = {"classes": dealt.classes, "content": f"{content} {name}"}
                    manifest.write(folder / name, "prepared", told)
                manifest.write(folder, KIND, {"content": content})
    return [out / name for name in folds]


def _learnable(dataset: Dataset) -> Dataset:
    """Without the labels that are no boxes, and cut at the borders of the pictures."""
    boxes = dataset.boxes
    inside = geometry.clip(boxes.xyxy, dataset.images.size[boxes.image])
    good: Bools = np.asarray(((inside[:, 2:] - inside[:, :2]) >= _LEAST_SIDE).all(axis=1))
    if not good.all():
        log.info("%d labels are too small or outside: no model is trained on them.", (~good).sum())
    return replace(dataset, boxes=replace(boxes, xyxy=inside)).keep_boxes(good)


def _dealt(dataset: Dataset, fold: Ints) -> Dataset:
    """The folds as splits; the splits as folders, for two of them may hold the same names."""
    images = dataset.images
    name = strings(
        f"{split}/{name}" if split else name
        for split, name in zip(images.split, images.name, strict=True)
    )
    split = strings(arrange.FOLD.format(number) for number in fold)
    dealt, _ = names.tree_names(replace(dataset, images=replace(images, name=name, split=split)))
    return dealt


def _check(dealt: Dataset, folds: list[str]) -> None:
    for fold in folds:
        if not len(dealt.of_split(fold).boxes):
            raise BoxwrightError(
                f"{fold} of {len(folds)} holds no label that a model can be measured by."
                "\n    -> fewer folds, or mend first what `boxwright check` finds without them."
            )


def _headers(dataset: Dataset, mapped: Map) -> dict[str, Header]:
    paths = dataset.images.path.tolist()
    parts = mapped(read_headers, paths, "looking at pictures")
    found = [header for part in parts for header in part]
    damaged = [one for one in found if isinstance(one, DataError)]
    if damaged:
        raise DataErrors(damaged)
    return {
        path: header
        for path, header in zip(paths, found, strict=True)
        if isinstance(header, Header)
    }


def _there(out: Path, content: str, trees: Mapping[str, Dataset]) -> bool:
    """Whether these very trees are there already."""
    if (manifest.read(out) or {}).get("content") != content:
        return False
    return all(prepared.intact(out / name, tree) for name, tree in trees.items())
