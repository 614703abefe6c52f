"""COCO's detection JSON: `images`, `annotations`, `categories`.

See https://cocodataset.org/#format-data. What is read: boxes, crowds, outlines of one part, and
masks (RLE) of one piece as their outline; a file, or a folder with a file for each split. What is
written: ids from 1; `area`, `iscrowd` and a `segmentation` for every annotation (mask models need
one: the outline, or the box as a polygon); background pictures as any other; file names relative
to the pictures' root.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from pipeline import manifest
from pipeline.dataset import Boxes, Dataset, Images, Ints, Outlines, strings
from pipeline.engine import Map, in_process
from pipeline.errors import BoxwrightError, DataError, DataErrors
from pipeline.formats import coco_boxes, coco_json, scaling
from pipeline.formats.batch import NO_SIZE
from pipeline.formats.coco_boxes import polygon
from pipeline.formats.coco_json import Content, Image
from pipeline.formats.folders import named_split
from pipeline.formats.joining import join
from pipeline.formats.reading import Reading, ReadOptions, background_pictures, read_pictures, scan
from pipeline.images import Header

__all__ = ["polygon", "read", "write_rows"]
_LOOKED_FOR = 20  # pictures of a file, to find their folder


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
    """Read a COCO file, or the files of all splits.

    Args:
        root: The JSON; or a folder that holds one, itself or in a folder below it, or one for each
            split: annotations/instances_train2017.json, or train/_annotations.coco.json as
            Roboflow exports it.
        options: `images` is the folder that file names are relative to; else it is looked for
            around the JSON.
        mapped: Maps over pictures (`engine.shards`).

    Returns:
        File by file, pictures in the order of their names; boxes not yet clipped. Where there are
        several files, the pictures' splits are those that the files' names tell. What could not be
        read is in `problems`.

    Raises:
        BoxwrightError: No file, or several that tell no splits.
        DataError: No COCO.
        DataErrors: Not one picture can be read.
    """
    options = options or ReadOptions()
    files = _files(root)
    parts = [_read(file, split, options, mapped) for file, split in files.items()]
    reading = parts[0] if len(parts) == 1 else _together(root, parts)
    if not len(reading.dataset.images):
        raise DataErrors(reading.problems)
    left = _left_out(reading, options)
    return replace(reading, notes=reading.notes | left)


def _together(root: Path, parts: Sequence[Reading]) -> Reading:
    """The files' readings as one; a problem for each picture that two of them speak of."""
    reading = join(root, parts)
    first: dict[str, str] = {}
    twice = []
    for path, file in zip(reading.dataset.images.path, reading.source, strict=True):
        other = first.setdefault(path, file)
        if other != file:
            twice.append(DataError(file, "", f"speaks of the picture {path}, as {other} does"))
    return replace(reading, problems=[*reading.problems, *twice])


def _left_out(reading: Reading, options: ReadOptions) -> dict[str, int]:
    """How many pictures no file speaks of: some sets are a part of a larger one."""
    folders = {path[: len(path) - len(name)] for path, name in _places(reading.dataset.images)}
    outer = [f for f in folders if not any(f != g and f.startswith(g) for g in folders)]
    there = {path for f in outer for path in scan(Path(f), "", options.exclude).pictures.values()}
    left = len(there - set(reading.dataset.images.path) - {p.path for p in reading.problems})
    return {"pictures that no COCO file speaks of; left out": left} if left else {}


def _places(images: Images) -> list[tuple[str, str]]:
    """Path and name of the pictures that lie where their names say: not of far backgrounds."""
    pairs = zip(images.path, images.name, strict=True)
    return [(path, name) for path, name in pairs if path.endswith(f"{os.sep}{name}")]


def _files(root: Path) -> dict[Path, str]:
    """The COCO files of a source, and the split that each tells where there are several."""
    if root.is_file():
        return {root: ""}
    from pipeline.formats.recognise import begins_as

    found = sorted(
        path
        for path in {*root.glob("*.json"), *root.glob("*/*.json")}
        if path.name != manifest.FILE and begins_as("coco", path)
    )
    found = [path for path in found if path.name.startswith("instances")] or found
    if len(found) == 1:
        return {found[0]: ""}
    splits = [
        named_split(path.stem) or (named_split(path.parent.name) if path.parent != root else "")
        for path in found
    ]
    if not found or not all(splits):
        told = ", ".join(path.name for path in found[:4]) or "none"
        raise BoxwrightError(
            f"{root}: one COCO file is read, or one for each split, told by its name; and here are"
            f" {len(found)} ({told})."
            "\n    -> give the JSON itself as the source, and its pictures as --images."
        )
    return dict(zip(found, splits, strict=True))


def _read(file: Path, split: str, options: ReadOptions, mapped: Map) -> Reading:
    """One file; `split` is that of its pictures."""
    content = coco_json.decode(file)
    folder = _images_root(file, split, options, [image.file_name for _, image in content.images])
    paths, name_of = _locate(content, folder)
    tree = scan(folder, "", options.exclude) if options.backgrounds else None
    backgrounds = background_pictures(options.backgrounds, tree) if tree else {}
    pictures, headers, damaged = read_pictures(paths | backgrounds, mapped)
    boxes, places = coco_boxes.columns(content, name_of, pictures)
    boxes, kept = _at_scale(content, boxes, pictures, headers, options.scale)
    pictures = replace(pictures, split=strings([split] * len(pictures)))
    reading = Reading(
        dataset=Dataset(folder, tuple(content.names), pictures, boxes),
        source=strings([str(file)] * len(pictures)),
        place=places[kept],
        place_name="annotations[{}]",
        headers=headers,
        problems=content.problems + damaged,
        notes=content.notes,
    )
    return _with_their_boxes(reading, content, name_of)


def _at_scale(
    content: Content,
    boxes: Boxes,
    pictures: Images,
    headers: dict[str, Header],
    scale: float | None,
) -> tuple[Boxes, Ints]:
    """The boxes in pixels of the pictures as shown, in their order, and which of them that are."""
    claims = {os.path.normpath(image.file_name): image.size() for _, image in content.images}
    names = (name.replace("/", os.sep) for name in pictures.name)
    claimed = np.array([claims.get(name, NO_SIZE) for name in names]).reshape(-1, 2)
    orientation = np.array([headers[path].orientation for path in pictures.path], dtype=np.int64)
    how = scaling.fit(claimed, pictures.size, orientation, scale)
    content.notes |= scaling.told(how, claimed, "COCO file")
    for row in np.flatnonzero(~how.agrees).tolist():
        place, shown = f"size of {pictures.name[row]!r}", pictures.size[row]
        content.problems.append(
            scaling.disagrees(str(content.file), place, claimed[row], shown, "COCO file")
        )
    kept = np.flatnonzero(how.agrees[boxes.image])
    return _placed(boxes.take(kept), how), kept


def _placed(boxes: Boxes, how: scaling.Fit) -> Boxes:
    if not how.changes:
        return boxes
    ends = scaling.place(boxes.xyxy.reshape(-1, 2), np.repeat(boxes.image, 2), how)
    ends = ends.reshape(-1, 2, 2)
    of_point = np.repeat(boxes.image, np.diff(boxes.outline.start))
    return replace(
        boxes,
        xyxy=np.concatenate([ends.min(axis=1), ends.max(axis=1)], axis=1),
        outline=Outlines(scaling.place(boxes.outline.points, of_point, how), boxes.outline.start),
    )


def _images_root(file: Path, split: str, options: ReadOptions, names: Sequence[str]) -> Path:
    """The folder that file names are relative to: where one of the first of them is found."""
    here, above = file.parent, file.parent.parent
    around = [here, here / "images", here / "data", above, above / "images"]  # data: FiftyOne's
    bases = [options.images] if options.images else around
    own = file.stem.split("_", 1)[-1]  # train2017 of instances_train2017
    below = ("", file.stem, own, split) if split or not options.images else ("",)
    places = [base / name for name in dict.fromkeys(below) for base in bases]
    looked = [name.replace("\\", "/") for name in names[:_LOOKED_FOR]]
    for folder in places:
        if any(os.path.isfile(folder / name) for name in looked):
            return folder
    if options.images:
        return options.images
    told = f" (such as {names[0]!r})" if names else ""
    raise BoxwrightError(
        f"{file}: its pictures{told} were not found around it.\n    -> give their folder, --images."
    )


def _locate(content: Content, folder: Path) -> tuple[dict[str, str], dict[int | str, str]]:
    """Paths of the pictures by name, and their names by id; a problem for those that are not."""
    root = os.path.join(os.path.abspath(folder), "")
    paths: dict[str, str] = {}
    names: dict[int | str, str] = {}
    for place, image in content.images:
        path = _path(root, image)
        name = path.removeprefix(root).replace(os.sep, "/")
        wrong = ""
        if not path.startswith(root):
            wrong = f"{image.file_name!r} points outside {folder}; it is not followed"
        elif not os.path.isfile(path):
            wrong = f"names the picture {image.file_name!r}, which is not in {folder}"
        elif image.id in names or name in paths:
            wrong = f"id {image.id}, {image.file_name!r}: stands there twice"
        if wrong:
            content.tell(f"images[{place}]", wrong)
        else:
            names[image.id] = name
            paths[name] = path
    return paths, names


def _path(root: str, image: Image) -> str:
    """Where a picture should be; Label Studio on Windows writes its name with backslashes."""
    path = os.path.abspath(os.path.join(root, image.file_name))
    if "\\" in image.file_name and not os.path.exists(path):
        return os.path.abspath(os.path.join(root, image.file_name.replace("\\", "/")))
    return path


def _with_their_boxes(reading: Reading, content: Content, name_of: dict[int | str, str]) -> Reading:
    """Without the pictures whose annotations were all wrong: they would pass for background."""
    images = reading.dataset.images
    ids = {row.image_id for row in content.annotations} | content.unread
    said = {name_of.get(one) for one in ids}
    has = np.bincount(reading.dataset.boxes.image, minlength=len(images)) > 0
    spoken_of = np.array([name in said for name in images.name], dtype=bool)
    return reading.keep_images(has | ~spoken_of)
