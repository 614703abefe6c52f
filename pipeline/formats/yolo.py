"""The YOLO tree: images/<split>/…, labels/<split>/…, data.yaml.

A label file has a line a box, ``class xc yc w h``, normalised by the picture's size as shown;
an empty label file is a background picture. A line of more numbers is an outline
(``class x1 y1 x2 y2 …``), as in YOLO's segmentation labels; its box is the outline's hull.
See https://docs.ultralytics.com/datasets/detect/.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline import boxes as geometry
from pipeline.config import read_yaml
from pipeline.dataset import Boxes, Dataset, Floats, Images, Outlines
from pipeline.errors import BoxwrightError, DataError, DataErrors
from pipeline.images import SUFFIXES, read_header
from pipeline.progress import Track, silent

SPLITS = ("train", "val", "test", "train_dev")


def read(root: Path, track: Track = silent) -> Dataset:
    """Read a YOLO tree, all its splits.

    Args:
        root: The folder with data.yaml, or the data.yaml itself.
        track: Shows progress.

    Returns:
        Pictures in the order of their names within each split; `images.name` is the path below
        ``images/<split>``.

    Raises:
        BoxwrightError: No data.yaml, or it names folders that are missing.
        DataErrors: Label files that cannot be read; every one of them.
    """
    file = root if root.is_file() else root / "data.yaml"
    if not file.exists():
        raise BoxwrightError(
            f"{root}: is no prepared folder (it has no data.yaml).\n    -> run `boxwright convert`."
        )
    values = read_yaml(file)
    classes = _classes(values.get("names"), file)
    base = _base(file, values)
    listed = [
        (split, name, path)
        for split in SPLITS
        if values.get(split)
        for name, path in _pictures(base / str(values[split]), file)
    ]
    if not listed:
        raise BoxwrightError(f"{file}: names no split that holds a picture.")
    return _read_labels(base, classes, listed, track)


def label_path(picture: Path) -> Path:
    """Where YOLO looks for a picture's labels: the last folder `images` becomes `labels`."""
    parts = list(picture.parts)
    place = len(parts) - 1 - parts[::-1].index("images")
    return Path(*parts[:place], "labels", *parts[place + 1 :]).with_suffix(".txt")


def _classes(names: object, file: Path) -> tuple[str, ...]:
    if isinstance(names, dict) and sorted(names) == list(range(len(names))):
        return tuple(str(names[i]) for i in range(len(names)))
    if isinstance(names, list):
        return tuple(str(name) for name in names)
    raise BoxwrightError(f"{file}: `names` is neither a list nor numbered from 0.")


def _base(file: Path, values: dict[object, object]) -> Path:
    """The folder that the splits are below: `path`, relative to data.yaml itself."""
    base: Path = file.parent.absolute() / str(values.get("path") or "")
    return base


def _pictures(folder: Path, file: Path) -> list[tuple[str, Path]]:
    if not folder.is_dir():
        raise BoxwrightError(f"{file}: names the folder {folder}, which does not exist.")
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    return [(p.relative_to(folder).as_posix(), p) for p in found]


def _read_labels(
    base: Path, classes: tuple[str, ...], listed: list[tuple[str, str, Path]], track: Track
) -> Dataset:
    sizes, rows, labels, xyxy, outlines = [], [], [], [], []
    problems: list[DataError] = []
    for row, (_, _, path) in enumerate(track(listed, "reading labels", len(listed))):
        try:
            header = read_header(path)
            lines = _parse(label_path(path), len(classes))
        except DataError as error:
            problems.append(error)
            continue
        size = np.array([header.width, header.height])
        sizes.append(size)
        for label, numbers in lines:
            outline = numbers.reshape(-1, 2) * size if len(numbers) > 4 else np.zeros((0, 2))
            rows.append(row)
            labels.append(label)
            outlines.append(outline)
            xyxy.append(_hull(outline) if len(outline) else _corners(numbers, size))
    if problems:
        raise DataErrors(problems)
    images = Images.of(
        name=[name for _, name, _ in listed],
        path=[str(path) for _, _, path in listed],
        size=sizes,
        split=[split for split, _, _ in listed],
    )
    return Dataset(
        base, classes, images, Boxes.of(rows, labels, xyxy, outline=Outlines.of(outlines))
    )


def _parse(file: Path, classes: int) -> list[tuple[int, Floats]]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []  # YOLO's own rule: no label file is a background picture
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(file, "", f"cannot be read: {error}") from error
    parsed = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            values = np.array(line.split(), dtype=np.float64)
        except ValueError:
            values = np.zeros(0)
        count = len(values) - 1
        fits = count == 4 or (count >= 6 and count % 2 == 0)
        if not fits or not np.isfinite(values).all() or values[0] != int(values[0]):
            raise DataError(file, f"line {number}", f"{line!r} is not `class xc yc w h`")
        if not 0 <= values[0] < classes:
            raise DataError(file, f"line {number}", f"class {values[0]:.0f} is not in data.yaml")
        parsed.append((int(values[0]), values[1:]))
    return parsed


def _corners(xywhn: Floats, size: np.ndarray) -> Floats:
    return geometry.xywhn_to_xyxy(xywhn[None], size)[0]


def _hull(outline: Floats) -> Floats:
    return np.concatenate([outline.min(axis=0), outline.max(axis=0)])
