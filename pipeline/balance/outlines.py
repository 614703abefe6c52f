"""What the COCO files of a prepared tree know beyond its labels: outlines and crowds.

YOLO's lines hold boxes; the outlines that annotators drew stand in annotations/<split>.json.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from pipeline import boxes as geometry
from pipeline import manifest
from pipeline.augment.shapes import guessed
from pipeline.dataset import Bools, Dataset, Floats, Outlines
from pipeline.errors import DataError
from pipeline.formats import coco
from pipeline.polygons import gathered

log = logging.getLogger(__name__)
_SAME = 1.0  # pixels between a label and its annotation
_ROUNDED = 0.05  # pixels by which labels differ for their 6 decimals of the picture's size


class _Image(msgspec.Struct):
    id: int
    file_name: str


class _Category(msgspec.Struct):
    id: int
    name: str


class _Box(msgspec.Struct):
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    iscrowd: int = 0
    segmentation: Any = None


class _File(msgspec.Struct):
    images: list[_Image]
    categories: list[_Category]
    annotations: list[_Box]


@dataclass
class _Known:
    """What is known of one picture's boxes, in their order."""

    labels: list[str]
    xyxy: Floats
    crowd: list[bool]
    outlines: list[Floats]


def annotated(dataset: Dataset) -> Dataset:
    """The same boxes, with the outlines and crowds that annotations/<split>.json tell of.

    Outlines that `convert` only guessed, to have labels that turn well, are left out: nobody drew
    them. Told apart by picture: where the labels were changed since, so that they are not the boxes
    of the COCO file in their order, nothing is taken from it. A box of which it knows no outline
    keeps its label's; one that was only rounded for its label has all its digits again.

    Raises:
        DataError: A COCO file is damaged.
    """
    dataset = _without_guesses(dataset)
    known: dict[tuple[str, str], _Known] = {}
    for split in sorted(set(dataset.images.split)):
        file = dataset.root / "annotations" / f"{split}.json"
        if file.exists():
            known |= {(split, name): boxes for name, boxes in _read(file).items()}
    if not known:
        return dataset
    outlines = [dataset.boxes.outline[row] for row in range(len(dataset.boxes))]
    crowd, xyxy = dataset.boxes.crowd.copy(), dataset.boxes.xyxy.copy()
    changed = 0
    names = zip(dataset.images.split, dataset.images.name, strict=True)
    for picture, rows in zip(names, dataset.per_image(), strict=True):
        found = known.get(picture)
        if found is None or not _same(found, dataset, rows):
            changed += found is not None
            continue
        crowd[rows] = found.crowd
        near = np.abs(xyxy[rows] - found.xyxy) <= _ROUNDED
        xyxy[rows] = np.where(near, found.xyxy, xyxy[rows])
        for row, outline in zip(range(rows.start, rows.stop), found.outlines, strict=True):
            outlines[row] = outline if len(outline) else outlines[row]
    if changed:
        log.warning("%d pictures have other labels than annotations/: no outlines there", changed)
    boxes = replace(dataset.boxes, xyxy=xyxy, crowd=crowd, outline=Outlines.of(outlines))
    return replace(dataset, boxes=boxes)


def _without_guesses(dataset: Dataset) -> Dataset:
    """Without the outlines of classes whose labels hold guessed shapes."""
    told = (manifest.read(dataset.root) or {}).get("shapes", {})
    labels = [dataset.classes.index(name) for name in guessed(told) if name in dataset.classes]
    kept = np.flatnonzero(~np.isin(dataset.boxes.label, labels))
    outline = gathered(len(dataset.boxes), [(kept, dataset.boxes.outline.take(kept))])
    return replace(dataset, boxes=replace(dataset.boxes, outline=outline))


def _same(known: _Known, dataset: Dataset, rows: slice) -> bool:
    labels = [dataset.classes[label] for label in dataset.boxes.label[rows]]
    xyxy = dataset.boxes.xyxy[rows]
    return labels == known.labels and bool((np.abs(xyxy - known.xyxy) <= _SAME).all())


def _read(file: Path) -> dict[str, _Known]:
    """The boxes of each picture by its name."""
    try:
        content = msgspec.json.decode(file.read_bytes(), type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        mend = "run `boxwright convert` again, or remove the file"
        raise DataError(file, "", f"is no COCO file: {error}", mend) from error
    class_of = {category.id: category.name for category in content.categories}
    of_image: dict[int, list[_Box]] = {image.id: [] for image in content.images}
    for box in content.annotations:
        of_image.setdefault(box.image_id, []).append(box)
    return {image.file_name: _known(of_image[image.id], class_of) for image in content.images}


def _known(boxes: list[_Box], class_of: dict[int, str]) -> _Known:
    xyxy = geometry.xywh_to_xyxy(np.array([box.bbox for box in boxes]).reshape(-1, 4))
    return _Known(
        [class_of.get(box.category_id, "") for box in boxes],
        xyxy,
        [box.iscrowd == 1 for box in boxes],
        [_outline(box.segmentation, corners) for box, corners in zip(boxes, xyxy, strict=True)],
    )


def _outline(segmentation: Any, xyxy: Floats) -> Floats:
    """The polygon of an annotation; none where it is only the box once more."""
    points = np.array(coco.polygon(segmentation), dtype=np.float64).reshape(-1, 2)
    return points[:0] if _is_box(points, xyxy).all() else points


def _is_box(points: Floats, xyxy: Floats) -> Bools:
    """Which points lie in a corner of the box."""
    apart = np.abs(points[:, None] - xyxy.reshape(2, 2)[None]).min(axis=1)
    corner: Bools = (apart <= 1e-3).all(axis=1)
    return corner
