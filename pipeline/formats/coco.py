"""COCO's detection JSON: `images`, `annotations`, `categories`.

See https://cocodataset.org/#format-data. What is written: ids from 1; `area`, `iscrowd` and a
`segmentation` for every annotation (mask models need one: the outline, or the box as a polygon);
background pictures as any other; file names relative to the pictures' root.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

from pipeline import boxes as geometry
from pipeline.dataset import Boxes, Dataset, Images, Ints, Outlines, strings
from pipeline.engine import Map, in_process
from pipeline.errors import BoxwrightError, DataError
from pipeline.formats.reading import Reading, ReadOptions, background_pictures, read_pictures, scan

Row = TypeVar("Row")


class _Image(msgspec.Struct):
    id: int
    file_name: str


class _Annotation(msgspec.Struct):
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    iscrowd: int = 0
    segmentation: Any = None


class _Category(msgspec.Struct):
    id: int
    name: str


class _File(msgspec.Struct):
    images: list[Any]
    annotations: list[Any]
    categories: list[_Category]


def write_rows(path: Path, classes: Sequence[str], rows: Sequence[tuple[bytes, bytes]]) -> None:
    """Write a COCO file from rows that are encoded already (`tree.coco_rows`).

    Args:
        path: The file.
        classes: Names; ids count from 1.
        rows: Encoded images and annotations, comma-separated, in order.

    Raises:
        OSError: The disk refuses.
    """
    categories = [{"id": i, "name": name, "supercategory": ""} for i, name in enumerate(classes, 1)]
    with path.open("wb") as stream:
        stream.write(b'{"info":{"description":"made by boxwright"},"licenses":[],"images":[')
        stream.write(b",\n".join(images for images, _ in rows if images))
        stream.write(b'],\n"annotations":[')
        stream.write(b",\n".join(boxes for _, boxes in rows if boxes))
        stream.write(b'],\n"categories":' + msgspec.json.encode(categories) + b"}\n")


def read(root: Path, options: ReadOptions | None = None, mapped: Map = in_process) -> Reading:
    """Read one COCO file.

    Args:
        root: The JSON, or a folder that holds just one, itself or in `annotations`.
        options: `images` is the folder that file names are relative to; else it is looked for
            around the JSON.
        mapped: Maps over pictures (`engine.shards`).

    Returns:
        Pictures in the order of their names; boxes not yet clipped. What could not be read is in
        `problems`.

    Raises:
        BoxwrightError: No file, several, or no COCO.
    """
    options = options or ReadOptions()
    file = _find_file(root)
    content = _decode(file)
    problems: list[DataError] = []
    images = _checked(content.images, _Image, file, "images", problems)
    annotations = _checked(content.annotations, _Annotation, file, "annotations", problems)
    folder = _images_root(file, options, [image.file_name for _, image in images])
    paths, name_of = _locate(file, folder, images, problems)
    backgrounds = background_pictures(options.backgrounds, scan(folder, ""))
    pictures, headers, damaged = read_pictures(paths | backgrounds, mapped)
    boxes, places = _columns(file, annotations, content.categories, name_of, pictures, problems)
    order = np.argsort(boxes.image, kind="stable")
    return Reading(
        dataset=Dataset(
            folder, tuple(c.name for c in content.categories), pictures, boxes.take(order)
        ),
        source=strings([str(file)] * len(pictures)),
        place=places[order],
        place_name="annotations[{}]",
        headers=headers,
        problems=problems + damaged,
    )


def _columns(
    file: Path,
    annotations: Sequence[tuple[int, _Annotation]],
    categories: Sequence[_Category],
    name_of: Mapping[int, str],
    pictures: Images,
    problems: list[DataError],
) -> tuple[Boxes, Ints]:
    """The boxes of the pictures that could be read, and their places in the file."""
    label_of = {category.id: label for label, category in enumerate(categories)}
    row_of = {name: row for row, name in enumerate(pictures.name)}
    good = []
    for place, box in annotations:
        if box.image_id not in name_of or box.category_id not in label_of:
            known = box.image_id in name_of
            what = f"category_id {box.category_id}" if known else f"image_id {box.image_id}"
            problems.append(DataError(file, f"annotations[{place}]", f"{what}: no such one"))
        elif name_of[box.image_id] in row_of:
            good.append((place, box))
    xywh = np.array([box.bbox for _, box in good]).reshape(-1, 4)
    boxes = Boxes.of(
        [row_of[name_of[box.image_id]] for _, box in good],
        [label_of[box.category_id] for _, box in good],
        geometry.xywh_to_xyxy(xywh),
        crowd=[box.iscrowd == 1 for _, box in good],
        outline=Outlines.of([polygon(box.segmentation) for _, box in good]),
    )
    return boxes, np.array([place for place, _ in good], dtype=np.int64)


def _find_file(root: Path) -> Path:
    if root.is_file():
        return root
    found = sorted([*root.glob("*.json"), *root.glob("annotations/*.json")])
    if len(found) != 1:
        told = ", ".join(path.name for path in found[:4]) or "none"
        raise BoxwrightError(
            f"{root}: one COCO file is read at a time, and here are {len(found)} ({told})."
            "\n    -> give the JSON itself as the source, and its pictures as --images."
        )
    return found[0]


def _decode(file: Path) -> _File:
    try:
        return msgspec.json.decode(file.read_bytes().removeprefix(b"\xef\xbb\xbf"), type=_File)
    except OSError as error:
        raise DataError(file, "", f"cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise DataError(file, "", f"is no COCO file: {error}", "export it again") from error


def _checked(
    rows: list[Any], kind: type[Row], file: Path, name: str, problems: list[DataError]
) -> list[tuple[int, Row]]:
    """The rows that fit `kind`, with their places; a problem for each of the others."""
    fitting = []
    for place, row in enumerate(rows):
        try:
            fitting.append((place, msgspec.convert(row, kind)))
        except msgspec.ValidationError as error:
            problems.append(DataError(file, f"{name}[{place}]", str(error)))
    return fitting


def _images_root(file: Path, options: ReadOptions, names: Sequence[str]) -> Path:
    """The folder that file names are relative to: where the first of them is found."""
    if options.images:
        return options.images
    here, above = file.parent, file.parent.parent
    folders = [here, here / "images", above, above / "images", above / "images" / file.stem]
    for folder in folders:
        if names and (folder / names[0]).is_file():
            return folder
    told = f" (such as {names[0]!r})" if names else ""
    raise BoxwrightError(
        f"{file}: its pictures{told} were not found around it.\n    -> give their folder, --images."
    )


def _locate(
    file: Path, folder: Path, images: Sequence[tuple[int, _Image]], problems: list[DataError]
) -> tuple[dict[str, str], dict[int, str]]:
    """Paths of the pictures by name, and their names by id; a problem for those that are not."""
    root = os.path.join(os.path.abspath(folder), "")
    paths: dict[str, str] = {}
    names: dict[int, str] = {}
    for place, image in images:
        path = os.path.abspath(os.path.join(root, image.file_name))
        name = path.removeprefix(root).replace(os.sep, "/")
        wrong = ""
        if not path.startswith(root):
            wrong = f"{image.file_name!r} points outside {folder}; it is not followed"
        elif not os.path.isfile(path):
            wrong = f"names the picture {image.file_name!r}, which is not in {folder}"
        elif image.id in names or name in paths:
            wrong = f"id {image.id}, {image.file_name!r}: stands there twice"
        if wrong:
            problems.append(DataError(file, f"images[{place}]", wrong))
        else:
            names[image.id] = name
            paths[name] = path
    return paths, names


def polygon(segmentation: Any) -> list[list[float]]:
    """The outline, where it is one polygon; several parts and RLE have none."""
    if isinstance(segmentation, list) and len(segmentation) == 1:
        points = segmentation[0]
        numbers = isinstance(points, list) and all(isinstance(p, int | float) for p in points)
        if numbers and len(points) >= 6 and len(points) % 2 == 0:
            return [points[i : i + 2] for i in range(0, len(points), 2)]
    return []
