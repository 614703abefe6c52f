"""Variants of training pictures, made once and written: a prepared tree -> a larger one.

Only the split train grows. Its pictures stay, linked, beside their variants; val, test and
train_dev are as they were. Labels of variants are those of what is to be seen in them: outlines go
through the same transforms as the pixels, and a box is the hull of its outline's visible part.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np

from pipeline import manifest, polygons, prepared
from pipeline.augment import moving, transforms
from pipeline.augment.variants import Recipe, Variant, make
from pipeline.balance.outlines import annotated
from pipeline.dataset import Boxes, Dataset, Ints, Outlines, strings
from pipeline.engine import shards
from pipeline.errors import BoxwrightError, DataErrors
from pipeline.formats import yolo
from pipeline.images import read_header
from pipeline.progress import Track, silent
from pipeline.steps import joining

log = logging.getLogger(__name__)
KIND = "augmented"
_COUNTED = ("class", "before", "new", "lost")
COLUMNS = ("picture", "source", "boxes", "lost", "cut")
_MADE = ".variants"  # where new pictures wait to be linked into the tree
_TOO_MANY = 0.05  # of a class's boxes: a warning where more are lost


@dataclass(frozen=True)
class WriteOptions:
    """How to write variants of training pictures.

    Attributes:
        variants: New pictures for each picture of the split train.
        transforms: A list of Albumentations' transforms, or the YAML file that holds one.
        min_visible: An object of which less than this share is left in a variant has no label
            there.
        seed: Of all that is left to chance.
    """

    variants: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    transforms: list[Any] | str | None = None
    min_visible: Annotated[float, msgspec.Meta(ge=0, le=1)] = moving.LEAST_VISIBLE
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0


def write(
    source: Path, out: Path, options: WriteOptions, *, force: bool = False, track: Track = silent
) -> dict[str, Any]:
    """Write a tree with variants of its training pictures.

    Args:
        source: A prepared tree, or any YOLO tree; never modified.
        out: The folder to write.
        options: See `WriteOptions`.
        force: Replace `out` whatever it is.
        track: Shows progress.

    Returns:
        The manifest: pictures, boxes of each class before and after and how many were lost, the
        warnings, and how it was made.

    Raises:
        DataErrors: Pictures or labels that cannot be read.
        BoxwrightError: What is wrong with the transforms, no training split, or an `out` that is
            not ours.
    """
    entries = transforms.load(options.transforms)
    if not entries:
        raise BoxwrightError("transforms: none are given; variants would be copies.")
    _check(source, out)
    manifest.check_replaceable(out, KIND, force=force)
    with shards(track=track) as mapped:
        reading = yolo.read_source(source, mapped=mapped)
        if reading.problems:
            raise DataErrors(reading.problems)
        dataset, labels = annotated(reading.dataset), reading.dataset.boxes.outline
        _check_train(dataset, source)
        with manifest.new_folder(out, KIND, force=force) as folder:
            recipe = Recipe(entries, options.variants, options.min_visible, options.seed)
            made = make(dataset, labels, recipe, folder / _MADE, track)
            whole, along = _with(dataset, labels, made)
            headers = reading.headers | {str(new.path): read_header(new.path) for new in made}
            copied = prepared.write(whole, folder, headers, mapped, prepared.How(labels=along))
            shutil.rmtree(folder / _MADE, ignore_errors=True)
            _keep_annotations(dataset, folder)
            _write_table(folder / "variants.csv", made, dataset)
            record = _record(source, dataset, entries, options) | _told(dataset, made)
            record["copied"] = copied
            record["content"] = prepared.content_hash(whole, headers, along)
            manifest.write(folder, KIND, record)
    for warning in record["warnings"]:
        log.warning("%s", warning)
    return record


def _check(source: Path, out: Path) -> None:
    here, there = source.resolve(), out.resolve()
    if here == there or here in there.parents or there in here.parents:
        raise BoxwrightError(
            f"{out}: the prepared folder {source} and the output must not hold each other."
            "\n    -> choose an output folder beside it."
        )


def _check_train(dataset: Dataset, source: Path) -> None:
    if not (dataset.images.split == "train").any():
        raise BoxwrightError(f"{source}: has no picture in the split 'train' to make variants of.")
    if len(yolo.as_listed(dataset, source).images) > len(dataset.images):
        log.warning(
            "%s: its lists repeat pictures; the new tree shows each once, and its variants."
            " Balance after augmenting, not before.",
            source,
        )


def _record(
    source: Path, dataset: Dataset, entries: Sequence[Any], options: WriteOptions
) -> dict[str, Any]:
    before = manifest.read(source) or {}
    return {
        "source": str(source),
        "options": {**asdict(options), "transforms": list(entries)},
        "classes": list(dataset.classes),
        "shapes": before.get("shapes", {}),
        "versions": {**transforms.versions(entries), "numpy": np.__version__},
    }


def _with(dataset: Dataset, labels: Outlines, made: Sequence[Variant]) -> tuple[Dataset, Outlines]:
    """The tree with its variants, and what turns with the boxes in its labels."""
    rows = np.array([new.row for new in made], dtype=np.int64)
    images = replace(
        dataset.images.take(rows),
        name=strings(new.name for new in made),
        path=strings(str(new.path) for new in made),
        size=np.array([new.size for new in made], dtype=np.int64).reshape(-1, 2),
    )
    slices = dataset.per_image()
    box = np.concatenate([slices[new.row].start + new.boxes for new in made]).astype(np.int64)
    boxes = Boxes.of(
        np.repeat(np.arange(len(made)), [len(new.boxes) for new in made]),
        dataset.boxes.label[box],
        np.concatenate([new.xyxy for new in made]),
        crowd=dataset.boxes.crowd[box],
        outline=Outlines.of([outline for new in made for outline in new.drawn]),
    )
    had = polygons.has(labels)[box]
    turning = [outline for new in made for outline in new.turning]
    along = Outlines.of(
        [one if there else one[:0] for one, there in zip(turning, had, strict=True)]
    )
    whole = joining.joined(dataset, replace(dataset, images=images, boxes=boxes))
    return joining.in_order(whole, Outlines.joined([labels, along]))


def _keep_annotations(dataset: Dataset, folder: Path) -> None:
    """The COCO files of the other splits, byte for byte."""
    for split in set(prepared.splits(dataset)) - {"train"}:
        file = dataset.root / "annotations" / f"{split}.json"
        if file.exists():
            shutil.copyfile(file, folder / "annotations" / file.name)


def _write_table(file: Path, made: Sequence[Variant], dataset: Dataset) -> None:
    """variants.csv: of which picture each new one is, and what it shows."""
    names = dataset.images.name
    rows = [(v.name, names[v.row], len(v.boxes), len(v.lost), v.cut) for v in made]
    manifest.write_csv(file, COLUMNS, rows)


def _told(dataset: Dataset, made: Sequence[Variant]) -> dict[str, Any]:
    """The numbers, and what is to be said of them."""
    train, slices = dataset.of_split("train"), dataset.per_image()
    label, classes = dataset.boxes.label, len(dataset.classes)
    new, lost = np.zeros(classes, dtype=np.int64), np.zeros(classes, dtype=np.int64)
    for variant in made:
        first = slices[variant.row].start
        new += np.bincount(label[first + variant.boxes], minlength=classes)
        lost += np.bincount(label[first + variant.lost], minlength=classes)
    before = np.bincount(train.boxes.label, minlength=classes)
    columns = zip(dataset.classes, before.tolist(), new.tolist(), lost.tolist(), strict=True)
    return {
        "pictures": {"before": len(train.images), "new": len(made)},
        "boxes": [
            dict(zip(("class", "before", "new", "lost"), row, strict=True)) for row in columns
        ],
        "cut": sum(variant.cut for variant in made),
        "loose": sum(variant.loose for variant in made),
        "warnings": _warnings(dataset.classes, new, lost, made),
    }


def _warnings(classes: Sequence[str], new: Ints, lost: Ints, made: Sequence[Variant]) -> list[str]:
    shares = {
        name: gone / (gone + kept)
        for name, kept, gone in zip(classes, new.tolist(), lost.tolist(), strict=True)
        if gone > _TOO_MANY * (gone + kept)
    }
    told = []
    if shares:
        listed = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
        told.append(
            f"boxes are lost in the variants, cut away or too small, over {_TOO_MANY:.0%} of: "
            f"{listed}."
        )
    loose = sum(variant.loose for variant in made)
    if loose:
        told.append(
            f"{loose} of {int(new.sum())} labels are looser than their boxes were, for these were"
            " turned by their corners: `boxwright convert --shapes` gives them shapes that turn."
        )
    return told
