"""The YOLO tree: images/<split>/…, labels/<split>/…, data.yaml.

A label file has a line a box, ``class xc yc w h``, normalised by the picture's size as shown;
an empty label file is a background picture. A line of more numbers is an outline
(``class x1 y1 x2 y2 …``), as in YOLO's segmentation labels; its box is the outline's hull.
See https://docs.ultralytics.com/datasets/detect/.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from pipeline import boxes as geometry
from pipeline.config import read_yaml
from pipeline.dataset import Boxes, Dataset, Images, Outlines, strings
from pipeline.engine import Map, in_process, shards
from pipeline.errors import BoxwrightError, DataErrors
from pipeline.formats import archives, lists, pictures_csv, yolo_lines
from pipeline.formats.reading import Reading, ReadOptions, read_pictures, scan
from pipeline.progress import Track, silent

log = logging.getLogger(__name__)
SPLITS = ("train", "val", "test", "train_dev")


def read(root: Path, track: Track = silent) -> Dataset:
    """Read a prepared YOLO tree, all its splits.

    Args:
        root: The folder with data.yaml, or the data.yaml itself.
        track: Shows progress.

    Returns:
        Pictures split by split, in the order of their names; `images.name` is the path below
        the split's folder. Groups and origins are those of its pictures.csv, if it has one.

    Raises:
        BoxwrightError: No data.yaml, or it names folders that are missing.
        DataErrors: Pictures or labels that cannot be read; every one of them.
    """
    with shards(track=track) as mapped:
        reading = read_source(root, mapped=mapped)
    if reading.problems:
        raise DataErrors(reading.problems)
    return reading.dataset


def read_source(
    root: Path, options: ReadOptions | None = None, mapped: Map = in_process
) -> Reading:
    """Read a YOLO tree as the source of another; its own splits stand in `images.split`.

    Args:
        root: The folder with data.yaml, or the data.yaml itself.
        options: Nothing in them is of use here: data.yaml tells all.
        mapped: Maps over files (`engine.shards`).

    Raises:
        BoxwrightError: No data.yaml, or it names folders that are missing.
        DataErrors: Not one picture can be read.
    """
    del options
    file = root if root.is_file() else root / "data.yaml"
    if not file.exists():
        raise BoxwrightError(
            f"{root}: is no prepared folder (it has no data.yaml).{_instead(root)}"
        )
    values = read_yaml(file)
    classes = _classes(values.get("names"), file)
    base = _base(file, values)
    pairs = _listed(file, values)
    listed = dict(pairs)
    if not listed:
        raise BoxwrightError(f"{file}: names no split that holds a picture.")
    if len(set(pairs)) < len(pairs):
        _tell_of_repeats(file, len(listed), len(pairs))
    images, headers, damaged = read_pictures(listed, mapped)
    if not len(images):
        raise DataErrors(damaged)
    labels = label_paths(images.path)
    rules = yolo_lines.Rules(len(classes), points="kpt_shape" in values)
    parts = mapped(partial(yolo_lines.parse, rules=rules), labels, "reading labels")
    boxes, place = columns(parts, images)
    return Reading(
        dataset=Dataset(base, classes, _facts(images, pictures_csv.read(base)), boxes),
        source=strings(labels),
        place=place,
        place_name="line {}",
        headers=headers,
        problems=damaged + [problem for part in parts for problem in part.problems],
        notes={"boxes with key points, which are left out": len(boxes)} if rules.points else {},
    )


def as_listed(dataset: Dataset, root: Path) -> Dataset:
    """Each picture as many times as the lists of its tree name it: what training shows.

    Args:
        dataset: What `read` gives.
        root: The folder that it was read from, or the data.yaml itself.

    Returns:
        The data set itself where nothing is named twice; else one whose names are not unique.
    """
    file = root if root.is_file() else root / "data.yaml"
    times = Counter(_listed(file, read_yaml(file)))
    images = dataset.images
    keys = (_key(*names) for names in zip(images.split, images.name, strict=True))
    each = [times[pair] for pair in zip(keys, images.path, strict=True)]
    return dataset if max(each, default=1) == 1 else lists.repeated(dataset, np.array(each))


@cache  # once is enough: a training reads its data again to evaluate
def _tell_of_repeats(file: Path, pictures: int, lines: int) -> None:
    log.info(
        "%s: its lists name %d pictures in %d lines. Each is read once; training shows it as often "
        "as it is named.",
        file,
        pictures,
        lines,
    )


def label_path(picture: Path) -> Path:
    """Where YOLO looks for a picture's labels: the last folder `images` becomes `labels`."""
    parts = list(picture.parent.parts)
    if "images" in parts:
        parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
    return Path(*parts) / f"{picture.stem}.txt"


def label_paths(pictures: Iterable[str]) -> list[str]:
    """The same of many; what becomes of a folder is found once for all its pictures."""
    folder_of = cache(lambda folder: str(label_path(Path(folder, "any")).parent))
    places = map(os.path.split, pictures)
    return [os.path.join(folder_of(f), os.path.splitext(name)[0] + ".txt") for f, name in places]


def data_yaml(classes: Sequence[str], splits: Sequence[str], *, listed: bool = False) -> str:
    """The text of data.yaml, for folders images/<split> or, where `listed`, lists <split>.txt.

    It has no `path`: ultralytics then takes the folder of the file itself, so that the tree opens
    from anywhere, also after it was moved.
    """
    values: Mapping[str, object] = {
        **{split: f"{split}.txt" if listed else f"images/{split}" for split in splits},
        "names": dict(enumerate(classes)),
    }
    return yaml.safe_dump(values, allow_unicode=True, sort_keys=False)


def _instead(root: Path) -> str:
    if (root / "fold-1" / "data.yaml").exists():
        return f"\n    -> it holds folds: name one of them, such as {root / 'fold-1'}."
    return "\n    -> run `boxwright convert`."


def _classes(names: object, file: Path) -> tuple[str, ...]:
    if isinstance(names, dict) and sorted(names) == list(range(len(names))):
        return tuple(str(names[i]) for i in range(len(names)))
    if isinstance(names, list):
        return tuple(str(name) for name in names)
    raise BoxwrightError(f"{file}: `names` is neither a list nor numbered from 0.")


def _base(file: Path, values: Mapping[Any, Any]) -> Path:
    here = file.parent.absolute()
    base = here / str(values.get("path") or "")
    if os.path.isdir(base) or not any(
        os.path.exists(here / str(values.get(one))) for one in SPLITS
    ):
        return base
    return here  # a `path` of another machine, and the pictures beside the file all the same


def _listed(file: Path, values: Mapping[Any, Any]) -> list[tuple[str, str]]:
    """Key and path of every picture that data.yaml names, as often as it does."""
    base = _base(file, values)
    pairs = [
        (_key(split, name), path)
        for split in SPLITS
        for name, path in _pictures(values.get(split), base, file, split)
    ]
    archives.keep_inside(file, (path for _, path in pairs))
    return pairs


def _key(split: str, name: str) -> str:
    """What the pictures are sorted by: a name with the number of its split before it."""
    return f"{SPLITS.index(split)}/{name}"


def _pictures(value: object, base: Path, file: Path, split: str) -> list[tuple[str, str]]:
    """Names and paths of a split's pictures: a folder, a .txt list of files, or several of both."""
    found: list[tuple[str, str]] = []
    for entry in value if isinstance(value, list) else [value] if value else []:
        place = base / str(entry)
        if not os.path.exists(place) and str(entry).startswith("../"):
            place = base / str(entry)[3:]  # Roboflow writes so, and ultralytics reads it so
        if os.path.isdir(place):
            found += scan(place, "").pictures.items()
        elif os.path.isfile(place):  # unlike pathlib's, False for what can be no path at all
            found += lists.read(place, base, split)
        else:
            raise BoxwrightError(f"{file}: names {place}, which does not exist.")
    return found


def columns(parts: Sequence[yolo_lines.Lines], images: Images) -> tuple[Boxes, np.ndarray]:
    """The parts' columns as one, in pixels; and the line of each box."""
    row = np.repeat(np.arange(len(images)), np.concatenate([p.counts for p in parts]))
    size = images.size[row]
    xywhn = np.concatenate([np.asarray(p.xywhn) for p in parts]).reshape(-1, 4)
    counts = np.concatenate([np.asarray(p.outline_counts, dtype=np.int64) for p in parts])
    points = np.concatenate([np.asarray(p.outline) for p in parts]).reshape(-1, 2)
    boxes = Boxes.of(
        row,
        np.concatenate([p.label for p in parts]),
        geometry.xywhn_to_xyxy(xywhn, size),
        outline=Outlines.of_counts(points * np.repeat(size, counts, axis=0), counts),
    )
    return boxes, np.concatenate([np.asarray(p.place, dtype=np.int64) for p in parts])


def _facts(images: Images, known: Mapping[str, tuple[str, str]]) -> Images:
    """Names without the number of their split, which becomes the split itself; groups, origins."""
    numbers, names = zip(*(name.split("/", 1) for name in images.name), strict=True)
    splits = [SPLITS[int(number)] for number in numbers]
    facts = [
        known.get(f"{split}/{name}", ("", "")) for split, name in zip(splits, names, strict=True)
    ]
    return replace(
        images,
        name=strings(names),
        split=strings(splits),
        group=strings(group for group, _ in facts),
        origin=strings(origin for _, origin in facts),
    )
