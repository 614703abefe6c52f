"""The boxes and outlines of a COCO file as columns.

Nearly every row is a box with one outline or none: such rows are taken all at once, the others one
by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from pipeline import boxes as geometry
from pipeline.dataset import Bools, Boxes, Floats, Images, Ints, Outlines
from pipeline.errors import DataError
from pipeline.formats import rle
from pipeline.formats.batch import Corners, hull
from pipeline.formats.coco_json import Annotation, Content

_UNREAD, _UNKNOWN = -1, -2  # in place of a picture's row: damaged; no such picture, or class
_NO_BOX = (0.0, 0.0, 0.0, 0.0)


def columns(
    content: Content, name_of: dict[int | str, str], pictures: Images
) -> tuple[Boxes, Ints]:
    """The boxes of pictures that could be read, in their order, and their places in the file."""
    rows = content.annotations
    image, label = _indices(content, name_of, pictures)
    xywh, outlines, plain = _plain(rows)
    known = (image != _UNKNOWN) & (label != _UNKNOWN)
    good = known & (image != _UNREAD)
    for row in np.flatnonzero(~known | (good & ~plain)).tolist():
        try:
            _check_known(content, row, image, label)
            xywh[row], outlines[row] = _shape(content, content.places[row], rows[row])
        except DataError as problem:
            content.problems.append(problem)
            good[row] = False
    kept = np.flatnonzero(good)
    kept = kept[np.argsort(image[kept], kind="stable")]
    of_kept = [rows[row] for row in kept.tolist()]
    boxes = Boxes.of(
        image[kept],
        label[kept],
        geometry.xywh_to_xyxy(xywh[kept]),
        crowd=[row.iscrowd == 1 for row in of_kept],
        outline=Outlines.of_flat([outlines[row] for row in kept.tolist()]),
        score=[1.0 if row.score is None else _score(content, row.score) for row in of_kept],
    )
    return boxes, np.array(content.places, dtype=np.int64)[kept]


def _indices(
    content: Content, name_of: dict[int | str, str], pictures: Images
) -> tuple[Ints, Ints]:
    """(R,) the picture's row and (R,) the class of each row of `annotations`."""
    row_of = {name: row for row, name in enumerate(pictures.name)}
    image_of = {known: row_of.get(name, _UNREAD) for known, name in name_of.items()}
    label_of, rows = content.label_of, content.annotations
    image = [image_of.get(row.image_id, _UNKNOWN) for row in rows]
    label = [label_of.get(row.category_id, _UNKNOWN) for row in rows]
    return np.array(image, dtype=np.int64), np.array(label, dtype=np.int64)


def _plain(rows: Sequence[Annotation]) -> tuple[Floats, list[Sequence[float]], Bools]:
    """What rows say as they stand.

    Returns:
        (R, 4) x, y, width and height; the x, y, x, y, ... of each outline, where it is one; and
        (R,) whether that is all there is to a row: `_shape` tells of the others.
    """
    numbers = chain.from_iterable([row.bbox or _NO_BOX for row in rows])
    xywh = np.fromiter(numbers, dtype=np.float64, count=4 * len(rows)).reshape(-1, 4)
    drawn = [row.segmentation for row in rows]
    outlines = [polygon(one) if one else () for one in drawn]
    told = [
        row.bbox is not None and (not one or len(outline) > 0)
        for row, one, outline in zip(rows, drawn, outlines, strict=True)
    ]
    return xywh, outlines, np.array(told, dtype=bool) & (xywh[:, 2:] >= 0).all(axis=1)


def _check_known(content: Content, row: int, image: Ints, label: Ints) -> None:
    """Refuse a row that speaks of a picture or a class that there is not.

    Raises:
        DataError: It does.
    """
    if _UNKNOWN in {image[row], label[row]}:
        what = "image_id" if image[row] == _UNKNOWN else "category_id"
        told = f"{what} {getattr(content.annotations[row], what)}: no such one"
        raise DataError(content.file, f"annotations[{content.places[row]}]", told)


def _score(content: Content, score: Any) -> float:
    """The confidence of a prediction; 1 of what is none."""
    if not isinstance(score, int | float) or not 0 <= score < 1:
        return 1.0
    content.note("boxes with a score: predictions")
    return float(score)


def _shape(content: Content, place: int, row: Annotation) -> tuple[Corners, Sequence[float]]:
    """The x, y, width and height of a row, and the x, y, x, y, ... of its outline, if it is one.

    Raises:
        DataError: Neither a box nor a shape that has one.
    """
    outline: Sequence[float] = ()
    around: Corners | None = None
    if isinstance(row.segmentation, dict):
        around, outline = _of_mask(content, place, row.segmentation)
    elif row.segmentation:
        outline = polygon(row.segmentation)
        around = None if row.bbox else _around(row.segmentation)
        if not outline:
            content.note("outlines of several parts; their boxes are kept")
    if row.bbox:
        if min(row.bbox[2:]) < 0:
            told = f"is {row.bbox[2]:g} x {row.bbox[3]:g} pixels: a size below zero"
            raise DataError(content.file, f"annotations[{place}].bbox", told)
        return row.bbox, outline
    if around is None:
        raise DataError(content.file, f"annotations[{place}]", "has no bbox")
    x1, y1, x2, y2 = around
    return (x1, y1, x2 - x1, y2 - y1), outline


def _of_mask(
    content: Content, place: int, mask: dict[str, Any]
) -> tuple[Corners | None, Sequence[float]]:
    try:
        (x1, y1, x2, y2), points = rle.outline(mask.get("counts"), mask.get("size"))
    except rle.RleError as error:
        content.note("RLE masks that cannot be read; their boxes are kept")
        content.notes.setdefault(f"the first of them: annotations[{place}]: {error}", 1)
        return None, ()
    if len(points):
        content.note("RLE masks of one piece; taken as outlines")
    else:
        content.note("RLE masks of several pieces or with holes; their boxes are kept")
    return (x1, y1, x2, y2), points.reshape(-1).tolist()


def polygon(segmentation: Any) -> Sequence[float]:
    """The x, y, x, y, ... of the outline, if it is one polygon; several parts and RLE have none."""
    if isinstance(segmentation, list) and len(segmentation) == 1:
        return _ring(segmentation[0])
    return ()


def _ring(part: Any) -> Sequence[float]:
    numbers = isinstance(part, list) and {int, float}.issuperset(map(type, part))
    return part if numbers and len(part) >= 6 and len(part) % 2 == 0 else ()


def _around(segmentation: Any) -> Corners | None:
    """The box around all parts of an outline."""
    parts = segmentation if isinstance(segmentation, list) else []
    rings = [_ring(part) for part in parts]
    points = [point for ring in rings for point in zip(ring[0::2], ring[1::2], strict=True)]
    return hull(points) if points else None
