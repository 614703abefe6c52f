"""The new set's files: pictures linked, annotations copied, in the layout of the source."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from pipeline.check.fixing.target import Target, inside
from pipeline.errors import BoxwrightError
from pipeline.formats import pictures_csv, yolo
from pipeline.formats.reading import scan
from pipeline.images import SUFFIXES, link_or_copy
from pipeline.prepared import splits
from pipeline.progress import Track, silent

BEFORE = "before"


def check(target: Target, out: Path) -> None:
    """Refuse an output folder that holds the source or what was checked, or lies in it.

    Raises:
        BoxwrightError: It does.
    """
    for folder in (target.root, target.checked.dataset.root):
        check_apart(folder, out)


def check_apart(folder: Path, out: Path) -> None:
    """Raises BoxwrightError where one of two folders holds the other."""
    here, there = folder.resolve(), out.resolve()
    if here == there or here in there.parents or there in here.parents:
        raise BoxwrightError(
            f"{out}: the output folder and {folder} must not hold each other."
            "\n    -> choose an output folder beside it."
        )


def name_of(file: str, picture: str, target: Target) -> str:
    """What a file of annotations is called in the new set."""
    if target.format == "coco":
        return f"annotations/{os.path.basename(file)}"  # noqa: PTH119
    if target.format == "corners":
        return inside(file, target.root)
    split = target.source.dataset.images.split[target.of_file[file]]
    return _yolo_label(str(split), picture)


def _yolo_label(split: str, picture: str) -> str:
    return f"labels/{split}/{os.path.splitext(picture)[0]}.txt"  # noqa: PTH122


def write(target: Target, folder: Path, track: Track = silent) -> str:
    """Write the source's set below `folder`, unchanged.

    Returns:
        What to give to `boxwright convert`, below the folder: "" for the folder itself.

    Raises:
        OSError: The disk refuses.
    """
    if target.format == "yolo":
        return _write_yolo(target, folder, track)
    if target.format == "coco":
        return _write_coco(target, folder, track)
    tree = scan(target.root, ".json")
    files = tree.pictures | tree.annotations
    for name, path in track(files.items(), "linking", len(files)):
        _place(path, folder / name, target)
    return ""


def _write_coco(target: Target, folder: Path, track: Track) -> str:
    images = target.source.dataset.images
    pairs = zip(images.name, images.path, strict=True)
    for name, path in track(pairs, "linking", len(images)):
        _place(path, folder / "images" / name, target)
    file = str(target.source.source[0])
    name = name_of(file, "", target)
    _place(file, folder / name, target)
    return name


def _write_yolo(target: Target, folder: Path, track: Track) -> str:
    """images/<split>, labels/<split>, data.yaml, wherever data.yaml's lists and paths led."""
    dataset, images = target.source.dataset, target.source.dataset.images
    rows = list(zip(images.split, images.name, images.path, target.source.source, strict=True))
    for split, name, path, label in track(rows, "linking", len(rows)):
        _place(path, folder / "images" / split / name, target)
        if os.path.exists(label):  # noqa: PTH110
            _place(label, folder / _yolo_label(split, name), target)
    text = yolo.data_yaml(dataset.classes, splits(dataset))
    (folder / "data.yaml").write_text(text, encoding="utf-8")
    known = Path(dataset.root) / pictures_csv.FILE
    if known.exists():
        shutil.copyfile(known, folder / pictures_csv.FILE)
    return ""


def _place(path: str, there: Path, target: Target) -> None:
    """Link a picture, unless a trainer may rewrite it; copy what is no picture."""
    there.parent.mkdir(parents=True, exist_ok=True)
    header = target.source.headers.get(path)
    picture = os.path.splitext(path)[1].lower() in SUFFIXES  # noqa: PTH122
    copy = not picture or header is None or header.rewritable
    link_or_copy(path, str(there), copy=copy)


def copy_tree(old: Path, new: Path, leave: Iterable[str]) -> None:
    """Link pictures and copy all other files of a set that boxwright made."""
    left = set(leave)
    for path in sorted(old.rglob("*")):
        below = path.relative_to(old)
        if path.is_file() and below.parts[0] not in left:
            there = new / below
            there.parent.mkdir(parents=True, exist_ok=True)
            picture = path.suffix.lower() in SUFFIXES
            link_or_copy(str(path), str(there), copy=not picture)
