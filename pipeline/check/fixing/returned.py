"""Labels that were mended in another program, as decisions about those that were handed over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline import formats
from pipeline.boxes import iou
from pipeline.check.findings import Finding, Fix
from pipeline.check.fixing.decisions import Decision
from pipeline.check.fixing.target import Target
from pipeline.dataset import Dataset
from pipeline.errors import BoxwrightError, DataErrors
from pipeline.formats.reading import ReadOptions

KIND = "mended by hand"
_MOVED = 0.5  # pixels: less is rounding


def is_mended(path: Path) -> bool:
    """Whether decisions are given as labels: a folder, or a file of COCO, CVAT, Label Studio."""
    if path.is_dir() or path.suffix.lower() == ".xml":
        return True
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return False  # whoever reads it as decisions says what is wrong with it
    if isinstance(content, list):  # of tasks
        return any(isinstance(one, dict) and "data" in one for one in content)
    return isinstance(content, dict) and "annotations" in content and "images" in content


def read(path: Path, target: Target, images: Path | None = None) -> list[Decision]:
    """What was mended, label by label, in the pictures that are there.

    Args:
        path: A folder of labelme, CVAT or Label Studio, a YOLO tree, or one of their files or of
            COCO; pictures named as `export` does.
        target: What was handed over.
        images: The mended labels' pictures, if not beside them.

    Raises:
        BoxwrightError: No picture of it is one of those that were checked.
        DataErrors: What cannot be read in it.
    """
    reading = formats.read("auto", path, ReadOptions(images=images))
    if reading.problems:
        raise DataErrors(reading.problems)
    mended, checked = reading.dataset, target.checked.dataset
    row_of = {name: row for row, name in enumerate(_names(checked))}
    found = [_row(name, row_of) for name in _names(mended)]
    pairs = [(old, row) for row, old in enumerate(found) if old is not None]
    if not pairs:
        raise BoxwrightError(
            f"{path}: holds no picture of {checked.root}."
            "\n    -> keep the pictures' names and folders as `--to` wrote them."
        )
    return [one for old, new in pairs for one in _differences(checked, old, mended, new)]


def _row(name: str, row_of: dict[str, int]) -> int | None:
    """The picture of a name, which may be below the folder that `export` puts pictures in."""
    return row_of.get(name, row_of.get(name.removeprefix("images/")))


def _names(dataset: Dataset) -> list[str]:
    pairs = zip(dataset.images.split, dataset.images.name, strict=True)
    return [f"{split}/{name}" if split else name for split, name in pairs]


def _differences(checked: Dataset, old: int, mended: Dataset, new: int) -> Iterator[Decision]:
    """A decision for each label of a picture that is not as it was."""
    before, after = checked.per_image()[old], mended.per_image()[new]
    classes = [mended.classes[k] for k in mended.boxes.label[after]]
    xyxy = mended.boxes.xyxy[after]
    taken = _matched(checked, before, xyxy, classes)
    for place, box in enumerate(range(before.start, before.stop)):
        there = taken.get(place)
        name = checked.classes[checked.boxes.label[box]]
        if there is None:
            yield _decision(checked, old, box, Fix("remove"))
            continue
        moved = np.abs(xyxy[there] - checked.boxes.xyxy[box]).max() > _MOVED
        label = classes[there] if classes[there] != name else None
        if moved or label:
            yield _decision(checked, old, box, Fix("change", _box(xyxy[there], moved), label))
    for there in sorted(set(range(len(classes))) - set(taken.values())):
        yield _decision(checked, old, -1, Fix("add", _box(xyxy[there], moved=True), classes[there]))


def _matched(
    checked: Dataset, before: slice, xyxy: np.ndarray, classes: list[str]
) -> dict[int, int]:
    """The new label of each old one: of the same class first, then the most alike."""
    alike = iou(checked.boxes.xyxy[before], xyxy)
    names = np.array([checked.classes[k] for k in checked.boxes.label[before]], dtype=object)
    score = np.where(alike > 0, alike + (names[:, None] == np.array(classes, dtype=object)), 0)
    taken: dict[int, int] = {}
    for flat in np.argsort(-score, axis=None, kind="stable").tolist():
        a, b = divmod(flat, len(classes))
        if score[a, b] > 0 and a not in taken and b not in taken.values():
            taken[a] = b
    return taken


def _box(xyxy: np.ndarray, moved: bool) -> tuple[float, float, float, float] | None:
    if not moved:
        return None
    x1, y1, x2, y2 = map(float, xyxy)
    return x1, y1, x2, y2


def _decision(checked: Dataset, image: int, box: int, fix: Fix) -> Decision:
    images, boxes = checked.images, checked.boxes
    found = Finding(
        KIND,
        "hint",
        "was mended in another program",
        split=images.split[image],
        image=images.name[image],
        box=box,
        label=checked.classes[boxes.label[box]] if box >= 0 else "",
        xyxy=_box(boxes.xyxy[box], moved=True) if box >= 0 else None,
        fix=fix,
    )
    return Decision(found, "accept", fix)
