"""Which pictures and label files a YOLO tree has, however incomplete it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline import config
from pipeline.check.findings import Finding
from pipeline.errors import BoxwrightError
from pipeline.formats import lists, yolo
from pipeline.formats.reading import scan

_NAMES = ("classes.txt", "obj.names", "labels/classes.txt")  # LabelImg's, Darknet's
_NO_LABELS = ("classes.txt", "readme.txt", "train.txt", "val.txt", "valid.txt", "test.txt")


@dataclass
class Tree:
    """What is listed.

    Attributes:
        base: The folder of the tree.
        classes: Class names; empty where nobody tells them.
        pictures: Path of each picture by (split, name).
        folders: Folders of pictures that were listed whole.
        found: What is wrong with the list.
    """

    base: Path
    classes: tuple[str, ...] = ()
    pictures: dict[tuple[str, str], str] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)
    found: list[Finding] = field(default_factory=list)


def is_tree(root: Path) -> bool:
    """Whether this is a YOLO tree, with a data.yaml or without."""
    if root.is_file():
        return root.suffix.lower() in {".yaml", ".yml"}
    return (root / "data.yaml").exists() or ((root / "labels").is_dir() and _any_text(root))


def _any_text(root: Path) -> bool:
    return next((root / "labels").rglob("*.txt"), None) is not None


def listed(root: Path) -> Tree:
    """The pictures of a tree.

    Raises:
        BoxwrightError: A data.yaml that is no YAML, or not one picture.
    """
    file = root if root.is_file() else root / "data.yaml"
    tree = _of_yaml(file) if file.exists() else _of_folders(root)
    if not tree.pictures:
        raise BoxwrightError(f"{file}: names no split that holds a picture.")
    return tree


def _of_yaml(file: Path) -> Tree:
    values = config.read_yaml(file)
    tree = Tree(file.parent.absolute() / str(values.get("path") or ""))
    tree.classes = _classes(values, file, tree)
    for split in yolo.SPLITS:
        value = values.get(split)
        for entry in value if isinstance(value, list) else [value] if value else []:
            _add(tree, file, split, str(entry))
    return tree


def _add(tree: Tree, file: Path, split: str, entry: str) -> None:
    place = tree.base / entry
    if not place.exists() and entry.startswith("../"):
        place = tree.base / entry[3:]  # Roboflow writes so, and ultralytics reads it so
    if place.is_dir():
        tree.folders.append(place)
        pairs = list(scan(place, "").pictures.items())
    elif place.is_file():
        pairs = lists.read(place, tree.base, split)
    else:
        what = f"{split}: names {place}, which does not exist"
        tree.found.append(_of_set("missing folder", what, file, split))
        return
    tree.pictures.update({(split, name): path for name, path in pairs})


def _of_set(kind: str, message: str, file: Path, place: str) -> Finding:
    return Finding(kind, "error", message, file=str(file), place=place)


def _classes(values: Mapping[Any, Any], file: Path, tree: Tree) -> tuple[str, ...]:
    names = values.get("names")
    if isinstance(names, dict):
        names, numbers = list(names.values()), sorted(map(str, names), key=lambda n: (len(n), n))
        if numbers != [str(number) for number in range(len(names))]:
            what = f"the classes are numbered {', '.join(numbers[:5])}, ..., not from 0 on"
            tree.found.append(_of_set("class names", what, file, "names"))
    elif not isinstance(names, list):
        what = "is neither a list nor numbered from 0" if "names" in values else "is missing"
        tree.found.append(_of_set("class names", what, file, "names"))
        names = []
    count = values.get("nc", len(names))
    if names and count != len(names):
        what = f"says {count!r}, but there are {len(names)} names"
        tree.found.append(_of_set("class names", what, file, "nc"))
    return tuple(map(str, names))


def _of_folders(root: Path) -> Tree:
    """A tree without data.yaml: images/ and labels/, split or not."""
    base = root.absolute()
    folder = base / "images" if (base / "images").is_dir() else base
    tree = Tree(base, _names_beside(base), folders=[folder])
    for name, path in scan(folder, "").pictures.items():
        top, _, rest = name.partition("/")
        split = top if rest and top in yolo.SPLITS else ""
        tree.pictures[split, rest if split else name] = path
    return tree


def _names_beside(root: Path) -> tuple[str, ...]:
    file = next((root / name for name in _NAMES if (root / name).is_file()), None)
    text = file.read_text(encoding="utf-8-sig", errors="replace") if file else ""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def stray(tree: Tree, labels: set[str]) -> list[str]:
    """Label files below the listed folders that no picture has, by path.

    Args:
        tree: The tree.
        labels: The label files that pictures have.
    """
    places = {str(yolo.label_path(folder / "any.jpg").parent) for folder in tree.folders}
    found = {
        path
        for place in places
        if os.path.isdir(place)
        for path in scan(Path(place), ".txt").annotations.values()
    }
    names = {path: os.path.basename(path).lower() for path in found - labels}
    return sorted(path for path, name in names.items() if name not in _NO_LABELS)
