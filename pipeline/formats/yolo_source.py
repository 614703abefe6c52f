"""YOLO's labels as people have them: with a data.yaml, as Darknet has it, or without either.

Darknet: ``obj.data`` names the file of class names and the lists of pictures; CVAT and Roboflow
export it so. Without it, classes are those of a ``classes.txt`` (labelImg), an ``obj.names`` or a
``_darknet.labels``; without these too, they are called by their numbers. Labels lie where YOLO
looks for them (``images`` becomes ``labels``), else beside the pictures, else anywhere below the
source by the picture's name. A picture without labels is background, counted.
"""

from __future__ import annotations

import math
import os
import posixpath
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pipeline.config import read_yaml
from pipeline.dataset import Dataset, Images, strings
from pipeline.engine import Map, in_process
from pipeline.errors import BoxwrightError, DataError, DataErrors
from pipeline.formats import yolo, yolo_lines
from pipeline.formats.folders import with_splits
from pipeline.formats.reading import Reading, ReadOptions, background_pictures, read_pictures, scan
from pipeline.formats.values import text

_NAMES = ("obj.names", "classes.txt", "_darknet.labels", "names.txt")
_LISTS = {"train": "train", "valid": "val", "val": "val", "test": "test"}
_UNKNOWN = math.inf


class _Layout(NamedTuple):
    """Where things are in a source without a data.yaml.

    Attributes:
        classes: Their names; None where nothing tells them.
        named: The file that does.
        pictures: Path of each picture by its name.
        splits: Split of each picture by its name; empty where there are none.
        problems: Pictures that are named but not there.
    """

    classes: Sequence[str] | None
    named: str
    pictures: dict[str, str]
    splits: dict[str, str]
    problems: list[DataError]


def read(root: Path, options: ReadOptions | None = None, mapped: Map = in_process) -> Reading:
    """Read a YOLO tree.

    Args:
        root: The folder; or its data.yaml, or obj.data.
        options: `images`, `backgrounds` and `exclude` are of use without a data.yaml.
        mapped: Maps over files (`engine.shards`).

    Raises:
        BoxwrightError: No pictures, or no labels.
        DataErrors: Not one picture can be read.
    """
    options = options or ReadOptions()
    file = root if root.suffix.lower() in {".yaml", ".yml"} else data_yaml(root)
    if file is not None:
        return yolo.read_source(file, options, mapped)
    layout = _darknet(root, options) or _plain(root, options)
    images, headers, damaged = read_pictures(layout.pictures, mapped)
    if not len(images):
        raise DataErrors(layout.problems + damaged)
    labels, unclear = _labels(images, root if root.is_dir() else root.parent)
    count = _UNKNOWN if layout.classes is None else len(layout.classes)
    rules = yolo_lines.Rules(count, layout.named)
    parts = mapped(partial(yolo_lines.parse, rules=rules), labels, "reading labels")
    boxes, place = yolo.columns(parts, images)
    classes = layout.classes
    if classes is None:
        classes = [str(number) for number in range(int(boxes.label.max(initial=-1)) + 1)]
    split = strings(layout.splits.get(name, "") for name in images.name)
    reading = Reading(
        dataset=Dataset(root.absolute(), tuple(classes), replace(images, split=split), boxes),
        source=strings(labels),
        place=place,
        place_name="line {}",
        headers=headers,
        problems=[*layout.problems, *damaged, *unclear, *(p for x in parts for p in x.problems)],
        notes=_notes(labels, layout),
    )
    return reading if layout.splits else with_splits(reading)


def data_yaml(root: Path) -> Path | None:
    """The YAML file of a folder that is a data.yaml, whatever it is called."""
    if not root.is_dir() or (root / "data.yaml").exists():
        return root / "data.yaml" if root.is_dir() else None
    with os.scandir(root) as entries:
        found = [entry.name for entry in entries if entry.name.lower().endswith((".yaml", ".yml"))]
    return next(filter(_is_data, (root / name for name in sorted(found))), None)


def _is_data(file: Path) -> bool:
    try:
        values = read_yaml(file)
    except BoxwrightError:
        return False
    return "names" in values and any(split in values for split in yolo.SPLITS)


def _notes(labels: Sequence[str], layout: _Layout) -> dict[str, int]:
    missing = sum(not os.path.exists(path) for path in labels)
    notes = {"pictures without a label file; taken as background": missing}
    if layout.classes is None:
        notes["YOLO source that tells no class names: they are the numbers in it"] = 1
    return {what: count for what, count in notes.items() if count}


def _plain(root: Path, options: ReadOptions) -> _Layout:
    """A folder of pictures and labels."""
    tree = scan(root, ".txt", options.exclude) if root.is_dir() else None
    if tree is None or not tree.annotations:
        raise BoxwrightError(f"{root}: no YOLO labels here (.txt), and no data.yaml.")
    pictures = scan(options.images, "", options.exclude).pictures if options.images else None
    pictures = tree.pictures if pictures is None else pictures
    if not pictures:
        raise BoxwrightError(f"{options.images or root}: no pictures here.")
    pictures |= background_pictures(options.backgrounds, tree)
    files = [p for name in _NAMES for p in sorted(root.rglob(name)) if p.is_file()]
    classes = [tuple(_lines(file)) for file in files]
    if len(set(classes)) > 1:
        told = ", ".join(map(str, files[:3]))
        raise BoxwrightError(
            f"{root}: its files of class names differ: {told}."
            "\n    -> leave the one that the labels were made with."
        )
    named = files[0].name if files else ""
    return _Layout(classes[0] if classes else None, named, pictures, {}, [])


def _darknet(root: Path, options: ReadOptions) -> _Layout | None:
    """What an obj.data tells; None where there is none."""
    files = [root] if root.is_file() else [*sorted(root.glob("*.data")), root / "data/obj.data"]
    file = next((one for one in files if one.is_file()), None)
    if file is None:
        return None
    values = dict(_pair(line) for line in _lines(file) if "=" in line)
    names = _found(file, values.get("names", ""))
    if names is None:
        raise DataError(file, "", f"names {values.get('names')!r}, which is not there")
    pictures: dict[str, str] = {}
    splits: dict[str, str] = {}
    problems: list[DataError] = []
    base = file.parent if root.is_file() else root
    for key, split in _LISTS.items():
        list_ = _found(file, values[key]) if values.get(key) else None
        for number, line in enumerate(_lines(list_) if list_ else [], 1):
            path = _found(file, line)
            name = _below(path, base) if path else ""
            if not path or not name:
                what = f"{line!r} " + ("is outside the source" if path else "is not there")
                problems.append(DataError(str(list_), f"line {number}", what))
            else:
                pictures[name], splits[name] = str(path), split
    pictures |= background_pictures(options.backgrounds, scan(base, ""))
    if not pictures:
        raise DataErrors(problems or [DataError(file, "", "names no list that holds a picture")])
    known = splits if len(set(splits.values())) > 1 and len(splits) == len(pictures) else {}
    return _Layout(_lines(names), names.name, pictures, known, problems)


def _pair(line: str) -> tuple[str, str]:
    key, _, value = line.partition("=")
    return key.strip(), value.strip()


def _found(file: Path, said: str) -> Path | None:
    """What a path in obj.data or one of its lists means: Darknet starts from its own folder."""
    if not said:
        return None
    parts = posixpath.normpath(said.replace("\\", "/")).split("/")
    ways = [file.parent, file.parent.parent]
    for skipped in range(len(parts)):
        for base in ways:
            path = base.joinpath(*parts[skipped:])
            if os.path.isfile(path) and not {"", ".."} & set(parts[skipped:]):
                return path
    return None


def _below(path: Path, base: Path) -> str:
    """The name of a file below a folder; "" for one outside."""
    name = os.path.relpath(os.path.abspath(path), os.path.abspath(base)).replace(os.sep, "/")
    return "" if name.startswith("../") else name


def _lines(file: Path) -> list[str]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise DataError(file, "", f"cannot be read: {error.strerror}") from error
    lines = text(str(file), data, lambda _: None).split("\n")
    return [line.strip() for line in lines if line.strip()]


def _labels(images: Images, root: Path) -> tuple[list[str], list[DataError]]:
    """The label file of each picture, there or not; a problem where it could be any of several."""
    below = scan(root, ".txt").annotations
    by_stem: defaultdict[str, list[str]] = defaultdict(list)
    for name, path in below.items():
        by_stem[posixpath.splitext(posixpath.basename(name))[0]].append(path)
    found, problems = [], []
    for path, usual in zip(images.path, yolo.label_paths(images.path), strict=True):
        beside = os.path.splitext(path)[0] + ".txt"
        there = [one for one in (usual, beside) if os.path.exists(one)]
        if not there:
            there = by_stem.get(Path(path).stem, [usual])
            if len(there) > 1:
                told = f"could have any of {', '.join(there[:3])} for its labels"
                problems.append(DataError(path, "", told, "put labels beside their pictures"))
        found.append(there[0])
    return found, problems
