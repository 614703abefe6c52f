"""Any tree that is split already, ours or others', as one data set: YOLO's and COCO's.

COCO's trees have a file a split, told by its name (annotations/instances_train2017.json) or by
its folder's (train/_annotations.coco.json, as Roboflow exports it).
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from pipeline import config, manifest
from pipeline.dataset import Dataset, strings
from pipeline.engine import Map, shards
from pipeline.errors import BoxwrightError, DataError, DataErrors
from pipeline.formats import coco, yolo
from pipeline.formats.folders import named_split
from pipeline.formats.reading import Reading, ReadOptions
from pipeline.progress import Track, silent

log = logging.getLogger(__name__)

split_of = named_split
_TOLD = 5  # problems to name; the rest are counted


@dataclass(frozen=True)
class Tree:
    """A tree that is split.

    Attributes:
        dataset: All its splits.
        file: The data.yaml of a YOLO tree; None for COCO's.
        made: The manifest of a tree that boxwright made; empty for others'.
    """

    dataset: Dataset
    file: Path | None = None
    made: Mapping[str, Any] = field(default_factory=dict)


class _Name(msgspec.Struct):
    file_name: str


class _Names(msgspec.Struct):
    images: list[_Name]


def is_config(path: Path) -> bool:
    """Whether `path` is a run's config; others' trees may call their data.yaml anything."""
    return config.is_config(path) and path.is_file() and "names" not in config.read_yaml(path)


def read(root: Path, track: Track = silent) -> Tree:
    """Read a YOLO tree (a folder with a data.yaml, or that file) or a folder of COCO files.

    What cannot be read in it is told and left out: it is not what is looked for here.

    Raises:
        BoxwrightError: Neither of the two, or a file that cannot be read at all.
        DataErrors: Not one picture can be read.
    """
    with shards(track=track) as mapped:
        if root.is_file() and root.suffix.lower() != ".json":
            return Tree(_told(yolo.read_source(root, mapped=mapped)), root)
        if (root / "data.yaml").exists():
            dataset = _told(yolo.read_source(root, mapped=mapped))
            return Tree(dataset, root / "data.yaml", manifest.read(root) or {})
        return Tree(_read_coco(root, mapped))


def _read_coco(root: Path, mapped: Map) -> Dataset:
    if not root.exists():
        raise BoxwrightError(
            f"{root}: no such folder.\n    -> check the path, or run `boxwright convert` first."
        )
    if root.is_file():
        raise BoxwrightError(
            f"{root}: one COCO file is one split, and leaks are between splits."
            "\n    -> give the folder that holds the files of all splits."
        )
    files = _files(root)
    if not files:
        inside = next(iter(sorted(root.glob("*/data.yaml"))), None)
        fix = f"give one of those in it, {inside.parent}" if inside else "run `boxwright convert`"
        raise BoxwrightError(
            f"{root}: is no split tree: it has no data.yaml, and no COCO files whose names or "
            f"folders say train, val or test.\n    -> {fix}."
        )
    parts = [
        _told(coco.read(file, ReadOptions(images=_pictures_folder(file, split)), mapped))
        for split, file in files.items()
    ]
    return _joined(root, list(files), parts)


def _told(reading: Reading) -> Dataset:
    """The data set of a reading; what is wrong with the rest is logged."""
    if not len(reading.dataset.images):
        raise DataErrors(reading.problems)
    for problem in reading.problems[:_TOLD]:
        log.warning("left out: %s", str(problem).splitlines()[0])
    if len(reading.problems) > _TOLD:
        log.warning("left out: %d more", len(reading.problems) - _TOLD)
    return reading.dataset


def _files(root: Path) -> dict[str, Path]:
    """The COCO file of each split, in the order of `yolo.SPLITS`.

    Raises:
        BoxwrightError: Several files for one split.
    """
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for file in sorted({*root.glob("*.json"), *root.glob("*/*.json")}):
        split = split_of(file.stem) or (split_of(file.parent.name) if file.parent != root else "")
        if split:
            found[split].append(file)
    return {split: _one(found[split], split) for split in yolo.SPLITS if split in found}


def _one(files: Sequence[Path], split: str) -> Path:
    boxes = [file for file in files if file.stem.startswith("instances")] or files
    if len(boxes) > 1:
        told = ", ".join(str(file) for file in boxes[:4])
        raise BoxwrightError(
            f"several files could be the split {split}: {told}."
            "\n    -> leave one COCO file a split in the folder."
        )
    return boxes[0]


def _pictures_folder(file: Path, split: str) -> Path | None:
    """Where the pictures of a split's file are; None leaves the search to the COCO reader."""
    try:
        content = msgspec.json.decode(file.read_bytes().removeprefix(b"\xef\xbb\xbf"), type=_Names)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DataError(file, "", f"is no COCO file: {error}", "export it again") from error
    own = file.stem.split("_", 1)[-1]  # train2017 of instances_train2017
    above = [file.parent, file.parent.parent]
    folders = [
        base / part
        for base in above
        for name in (file.stem, own, split)
        for part in (name, f"images/{name}")
    ]
    folders += [folder for base in above for folder in (base, base / "images")]
    names = [image.file_name for image in content.images[:1]]
    return next((f for f in folders if names and (f / names[0]).is_file()), None)


def _joined(root: Path, splits: Sequence[str], parts: Sequence[Dataset]) -> Dataset:
    """Data sets one after the other, their classes matched by name."""
    split = [
        replace(part, images=replace(part.images, split=strings([name] * len(part.images))))
        for name, part in zip(splits, parts, strict=True)
    ]
    return Dataset.joined(root, split)
