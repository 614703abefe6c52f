"""One shard of the prepared tree: link the pictures, write their labels, encode their COCO rows.

No NumPy here: this runs in workers.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from pipeline.images import link_or_copy

Corners = tuple[float, float, float, float]


class Picture(NamedTuple):
    """What is written of one picture.

    Attributes:
        path: Of the source file.
        name: Below images/<split>.
        split: "train", "val", ...
        copy: Never link the file.
        width: In pixels as shown.
        height: In pixels as shown.
        row: Of the picture in its split, from 0.
        first_box: How many boxes stand before it in its split.
        labels: Class index of each box.
        xyxy: Corners of each box in pixels.
        crowd: Whether each box covers a crowd.
        outlines: Outline of each box as [x1, y1, x2, y2, ...]; empty for none.
        areas: Of each box, or of its outline, in pixels.
        text: Of the label file.
    """

    path: str
    name: str
    split: str
    copy: bool
    width: int
    height: int
    row: int
    first_box: int
    labels: list[int]
    xyxy: list[list[float]]
    crowd: list[bool]
    outlines: list[list[float]]
    areas: list[float]
    text: str


class Written(NamedTuple):
    """What a shard gives back.

    Attributes:
        coco: COCO rows by split, encoded: images, then annotations, comma-separated.
        copied: How many pictures were copied rather than linked.
    """

    coco: dict[str, tuple[bytes, bytes]]
    copied: int


class _CocoImage(msgspec.Struct, gc=False):
    id: int
    file_name: str
    width: int
    height: int


class _CocoBox(msgspec.Struct, gc=False):
    id: int
    image_id: int
    category_id: int
    bbox: Corners
    area: float
    iscrowd: int
    segmentation: list[list[float]]


_encode = msgspec.json.Encoder().encode


def write_shard(pictures: Sequence[Picture], root: str, before: str = "") -> Written:
    """Write pictures and labels below `root`, whose folders are there already.

    A label file that the tree `before` holds just so is linked from there: to write a file and to
    free an old one's blocks costs many times a link, and of a large set little changes at a time.

    Raises:
        OSError: The disk refuses.
    """
    copied = 0
    for picture in pictures:
        target = f"{root}/images/{picture.split}/{picture.name}"
        copied += not link_or_copy(picture.path, target, copy=picture.copy)
        label = _label_of(picture)
        data = picture.text.encode()
        if not before or not _link_same(f"{before}/{label}", f"{root}/{label}", data):
            _write(f"{root}/{label}", data)
    return Written(coco_rows(pictures), copied)


def _label_of(picture: Picture) -> str:
    """The label file's path below the tree."""
    return f"labels/{picture.split}/{picture.name[: picture.name.rfind('.')]}.txt"


def coco_rows(pictures: Sequence[Picture]) -> dict[str, tuple[bytes, bytes]]:
    """Encoded rows of COCO's `images` and `annotations` by split; ids count from 1."""
    images: defaultdict[str, list[_CocoImage]] = defaultdict(list)
    boxes: defaultdict[str, list[_CocoBox]] = defaultdict(list)
    for picture in pictures:
        number = picture.row + 1
        images[picture.split].append(
            _CocoImage(number, picture.name, picture.width, picture.height)
        )
        boxes[picture.split] += _coco_boxes(picture, number)
    return {split: (_encode(images[split])[1:-1], _encode(boxes[split])[1:-1]) for split in images}


def _coco_boxes(picture: Picture, image_id: int) -> list[_CocoBox]:
    rows = []
    first = picture.first_box + 1
    columns = (picture.labels, picture.xyxy, picture.crowd, picture.outlines, picture.areas)
    for number, (label, (x1, y1, x2, y2), crowd, outline, area) in enumerate(
        zip(*columns, strict=True), first
    ):
        polygon = outline or [x1, y1, x2, y1, x2, y2, x1, y2]
        bbox = (x1, y1, x2 - x1, y2 - y1)
        rows.append(_CocoBox(number, image_id, label + 1, bbox, area, int(crowd), [polygon]))
    return rows


def polygon_area(outline: Sequence[float]) -> float:
    """Area of a polygon given as [x1, y1, x2, y2, ...] (the shoelace formula)."""
    xs, ys = outline[0::2], outline[1::2]
    pairs = zip(xs, ys, [*xs[1:], xs[0]], [*ys[1:], ys[0]], strict=True)
    return abs(sum(x * next_y - next_x * y for x, y, next_x, next_y in pairs)) / 2


def rewrite_shard(pictures: Sequence[Picture], root: str, before: str) -> Written:
    """Write below `root` just the labels that the tree `before`, of the same pictures, has not so.

    Raises:
        OSError: The disk refuses.
    """
    for picture in pictures:
        label = _label_of(picture)
        data = picture.text.encode()
        if not _holds(f"{before}/{label}", data):
            os.makedirs(os.path.dirname(f"{root}/{label}"), exist_ok=True)
            _write(f"{root}/{label}", data)
    return Written(coco_rows(pictures), 0)


def _link_same(earlier: str, path: str, data: bytes) -> bool:
    """Link a file that holds just `data`; False where the tree has none of its own."""
    if not _holds(earlier, data):
        return False
    try:
        os.link(earlier, path)
    except OSError:
        return False
    return True


def _holds(path: str, data: bytes) -> bool:
    """Whether a file holds just `data` and is nobody else's: no link, neither hard nor symbolic."""
    try:
        file = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return False
    try:
        return os.read(file, len(data) + 1) == data and os.fstat(file).st_nlink == 1
    finally:
        os.close(file)


def _write(path: str, data: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        while data:  # a nearly full disk may take a part only
            data = data[os.write(file, data) :]
    finally:
        os.close(file)
