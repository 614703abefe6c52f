"""`boxwright check`: defects planted one at a time into clean sets; about 25 seconds in all."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from making import boxwright, labelme, photos, picture, rectangle, written
from PIL import Image

from pipeline.check import predictions_file, run, structure
from pipeline.check.predictions import Predictions
from pipeline.check.run import CheckOptions
from pipeline.check.structure import pairs
from pipeline.check.structure.options import Options
from pipeline.check.structure.readings import unturned
from pipeline.formats import yolo
from pipeline.models.details import Details

CLASSES = ("십원 <b>", "note 'wide'", "tall")
KIND = {"round": 0, "wide": 1, "tall": 2}
ASPECT = (1.0, 2.2, 0.45)
SIZES = ((640, 480), (480, 640), (800, 600))


@cache
def pixels(size: tuple[int, int], orientation: int) -> bytes:
    """A plain JPEG that is shown at `size`."""
    stored = size[::-1] if orientation >= 5 else size
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.new("RGB", stored, "grey").save(file, "JPEG", exif=exif)
    return file.getvalue()


@dataclass
class Layout:
    """A set of pictures: for each its size, its EXIF turn and its boxes (class, x1, y1, x2, y2)."""

    sizes: list[tuple[int, int]]
    boxes: list[list[tuple[int, float, float, float, float]]]
    orientation: list[int] = field(default_factory=list)

    def name(self, row: int) -> str:
        return f"가방 {row % 2}/p{row:03d}.jpg"


def layout(seed: int, pictures: int = 40, turned: int = 0) -> Layout:
    """Things of three classes, each of its own aspect, apart from each other, on whole pixels."""
    rng = np.random.default_rng(seed)
    sizes, boxes = [], []
    for _ in range(pictures):
        size = SIZES[rng.integers(len(SIZES))]
        sizes.append(size)
        boxes.append(_things(rng, size))
    return Layout(sizes, boxes, [6 if row < turned else 1 for row in range(pictures)])


def _things(rng: np.random.Generator, size: tuple[int, int]) -> list[Any]:
    """One thing in each of some cells of a 3 x 3 grid."""
    things = []
    for cell in rng.permutation(9)[: rng.integers(3, 7)].tolist():
        label = int(rng.integers(3))
        side = 0.12 * np.sqrt(size[0] * size[1]) * rng.lognormal(0, 0.15)
        aspect = ASPECT[label] * rng.lognormal(0, 0.08)
        w, h = (round(float(v)) for v in (side * aspect**0.5, side / aspect**0.5))
        room_x, room_y = size[0] / 3 - w - 4, size[1] / 3 - h - 4
        x = round(cell % 3 * size[0] / 3 + 2 + rng.random() * max(room_x, 0))
        y = round(cell // 3 * size[1] / 3 + 2 + rng.random() * max(room_y, 0))
        things.append((label, x, y, min(x + w, size[0]), min(y + h, size[1])))
    return things


def yolo_values(box: Any, size: tuple[int, int]) -> list[float]:
    _, x1, y1, x2, y2 = box
    w, h = size
    return [(x1 + x2) / 2 / w, (y1 + y2) / 2 / h, (x2 - x1) / w, (y2 - y1) / h]


def line(label: Any, values: Any) -> str:
    return f"{label} " + " ".join(f"{v:.6f}" for v in values) + "\n"


def as_yolo(root: Path, made: Layout) -> Path:
    """A YOLO tree of others: no COCO files beside it."""
    for row, (size, boxes) in enumerate(zip(made.sizes, made.boxes, strict=True)):
        written(root / "images/train" / made.name(row), pixels(size, made.orientation[row]))
        text = "".join(line(box[0], yolo_values(box, size)) for box in boxes)
        written(label_file(root, made, row), text)
    values = {"train": "images/train", "names": list(CLASSES)}
    written(root / "data.yaml", yaml.safe_dump(values, allow_unicode=True))
    return root


def label_file(root: Path, made: Layout, row: int) -> Path:
    return (root / "labels/train" / made.name(row)).with_suffix(".txt")


def as_coco(root: Path, made: Layout) -> Path:
    images, annotations = [], []
    for row, (size, boxes) in enumerate(zip(made.sizes, made.boxes, strict=True)):
        written(root / "images" / made.name(row), pixels(size, made.orientation[row]))
        images.append(
            {"id": row + 1, "file_name": made.name(row), "width": size[0], "height": size[1]}
        )
        for label, x1, y1, x2, y2 in boxes:
            xywh = [x1, y1, x2 - x1, y2 - y1]
            one = {"id": len(annotations) + 1, "image_id": row + 1, "category_id": label + 1}
            annotations.append({**one, "bbox": xywh, "area": xywh[2] * xywh[3], "iscrowd": 0})
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES, 1)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    return written(root / "boxes.json", json.dumps(content))


def as_labelme(root: Path, made: Layout) -> Path:
    for row, (size, boxes) in enumerate(zip(made.sizes, made.boxes, strict=True)):
        written(root / made.name(row), pixels(size, made.orientation[row]))
        shapes = [rectangle(CLASSES[label], *xyxy) for label, *xyxy in boxes]
        file = (root / made.name(row)).with_suffix(".json")
        labelme(file, *shapes, imageWidth=size[0], imageHeight=size[1])
    return root


def check(source: Path, **options: Any) -> list[Any]:
    """What the structure tells, the worst first; these pictures have nothing in them to look at."""
    return run.do(run.Job(source, CheckOptions(pixels=0, **options))).findings


def told(source: Path, **options: Any) -> list[str]:
    return sorted({one.kind for one in check(source, **options)})


ROW = 11  # the picture that defects are planted in


def rewrite(
    change: Callable[[list[float], tuple[int, int]], Any],
) -> Callable[[Path, Layout], None]:
    """A defect of one whole YOLO file: its four numbers written in another way."""

    def plant(root: Path, made: Layout) -> None:
        size = made.sizes[ROW]
        lines = [line(b[0], change(yolo_values(b, size), size)) for b in made.boxes[ROW]]
        label_file(root, made, ROW).write_text("".join(lines))

    return plant


def one_line(make: Callable[[Any, tuple[int, int]], str]) -> Callable[[Path, Layout], None]:
    """A defect of one line: the second of a YOLO file is written anew."""

    def plant(root: Path, made: Layout) -> None:
        file = label_file(root, made, ROW)
        lines = file.read_text().splitlines(keepends=True)
        lines[1] = make(made.boxes[ROW][1], made.sizes[ROW])
        file.write_text("".join(lines))

    return plant


def add_line(make: Callable[[Any, tuple[int, int]], str]) -> Callable[[Path, Layout], None]:
    """A defect of one line: one more, made of the second."""
    return one_line(lambda box, size: line(box[0], yolo_values(box, size)) + make(box, size))


def moved(box: Any, *by: float, label: int | None = None) -> Any:
    return (box[0] if label is None else label, *(v + d for v, d in zip(box[1:], by, strict=True)))


def corners(v: list[float], _size: Any) -> list[float]:
    return [v[0] - v[2] / 2, v[1] - v[3] / 2, v[0] + v[2] / 2, v[1] + v[3] / 2]


def plain(box: Any, size: tuple[int, int]) -> str:
    return line(box[0], yolo_values(box, size))


def stretched(box: Any, x: float, y: float) -> Any:
    """The box with other sides, about its centre."""
    label, x1, y1, x2, y2 = box
    w, h = (x2 - x1) * x / 2, (y2 - y1) * y / 2
    cx, cy = (x1 + x2) // 2, (y1 + y2) // 2
    return (label, round(cx - w), round(cy - h), round(cx + w), round(cy + h))


def stray_label(root: Path, made: Layout) -> None:
    shutil.copy(label_file(root, made, ROW), root / "labels/train/nobody.txt")


def no_label(root: Path, made: Layout) -> None:
    label_file(root, made, ROW).unlink()


def empty_label(root: Path, made: Layout) -> None:
    label_file(root, made, ROW).write_text("")


def turned_file(root: Path, made: Layout) -> None:
    """Labels of the turned pictures, drawn on the pixels before the turn (EXIF 6: 90 degrees)."""
    for row in np.flatnonzero(np.array(made.orientation) == 6).tolist():
        values = [yolo_values(box, made.sizes[row]) for box in made.boxes[row]]
        lines = [
            line(box[0], (v[1], 1 - v[0], v[3], v[2]))
            for box, v in zip(made.boxes[row], values, strict=True)
        ]
        label_file(root, made, row).write_text("".join(lines))


def new_class(root: Path, made: Layout) -> None:
    values = {"train": "images/train", "names": [*CLASSES, "Tenn"]}
    (root / "data.yaml").write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
    one_line(lambda box, size: line(3, yolo_values(box, size)))(root, made)


PLANTED: dict[str, tuple[str, Callable[[Path, Layout], None]]] = {
    "class out of range": (
        "class out of range",
        one_line(lambda b, s: line(3, yolo_values(b, s))),
    ),
    "class is a name": (
        "class out of range",
        one_line(lambda b, s: line("tall", yolo_values(b, s))),
    ),
    "corners as centre": ("corners as centre", rewrite(corners)),
    "pixels": (
        "pixels",
        rewrite(lambda v, s: [v[0] * s[0], v[1] * s[1], v[2] * s[0], v[3] * s[1]]),
    ),
    "pixels in a line": (
        "pixels",
        one_line(lambda b, s: line(b[0], np.array(yolo_values(b, s)) * (*s, *s))),
    ),
    "pixel corners": (
        "pixels",
        rewrite(lambda v, s: list(np.array(corners(v, s)) * (*s, *s))),
    ),
    "percent": ("percent", rewrite(lambda v, _: [100 * x for x in v])),
    "x and y swapped": ("x and y swapped", rewrite(lambda v, _: [v[1], v[0], v[3], v[2]])),
    "mirrored": (
        "mirrored",
        one_line(lambda b, s: line(b[0], np.array(yolo_values(b, s)) * (1, 1, -1, 1))),
    ),
    "1/5 scale": ("other scale", rewrite(lambda v, _: [x / 5 for x in v])),
    "EXIF turn": ("EXIF turn", turned_file),
    "off grid": ("off grid", one_line(lambda b, s: plain(moved(b, 0.4, 0.3, 0.4, 0.3), s))),
    "zero size": ("zero size", one_line(lambda b, s: plain((*b[:3], b[1], b[4]), s))),
    "sliver": ("sliver", one_line(lambda b, s: plain((*b[:3], b[1] + 1, b[4]), s))),
    "out of picture": (
        "out of picture",
        one_line(lambda b, s: plain(moved(b, -b[1] - 30, 0, -b[1] - 30, 0), s)),
    ),
    "wholly outside": (
        "out of picture",
        one_line(lambda b, s: plain(moved(b, s[0], 0, s[0], 0), s)),
    ),
    "duplicate": ("duplicate", add_line(plain)),
    "near duplicate": ("near duplicate", add_line(lambda b, s: plain(moved(b, 1, 0, 1, 1), s))),
    "two classes": (
        "two classes",
        add_line(lambda b, s: plain(moved(b, 0, 1, 0, 1, label=(b[0] + 1) % 3), s)),
    ),
    "whole picture": ("whole picture", add_line(lambda b, s: plain((b[0], 0, 0, *s), s))),
    "nested": ("nested", add_line(lambda b, s: plain(stretched(b, 0.75, 0.75), s))),
    "label without picture": ("missing pair", stray_label),
    "picture without label": ("missing pair", no_label),
    "empty file": ("empty file", empty_label),
    "class in one picture": ("class in one picture", new_class),
    "odd size": ("odd size", one_line(lambda b, s: plain(stretched(b, 0.12, 0.12), s))),
    "odd aspect": ("odd aspect", one_line(lambda b, s: plain(stretched(b, 1, 0.24), s))),
    "not a number": ("not a number", one_line(lambda b, _: f"{b[0]} 0.5 nan 0.1 0.1\n")),
    "score": ("wrong columns", one_line(lambda b, s: plain(b, s).strip() + " 0.93\n")),
    "too few": ("wrong columns", one_line(lambda b, s: plain(b, s).rpartition(" ")[0] + "\n")),
    "commas": ("unreadable line", one_line(lambda b, s: plain(b, s).replace(" ", ","))),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_defect_is_found_and_rightly_named(name: str, tmp_path: Path) -> None:
    made = layout(1, turned=8)
    root = as_yolo(tmp_path, made)
    kind, plant = PLANTED[name]
    plant(root, made)
    assert told(root) == [kind]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("write", [as_yolo, as_coco, as_labelme])
def test_clean_sets_raise_no_alarm(write: Any, seed: int, tmp_path: Path) -> None:
    assert check(write(tmp_path, layout(50 + seed, turned=8 * (seed % 2)))) == []


@pytest.mark.parametrize(
    "name", ["corners as centre", "pixels", "pixel corners", "percent", "1/5 scale"]
)
def test_a_defect_of_the_whole_set_is_one_finding(name: str, tmp_path: Path) -> None:
    made = layout(2)
    root = as_yolo(tmp_path, made)
    kind, plant = PLANTED[name]
    for row in range(len(made.sizes)):
        plant_in(plant, row, root, made)
    found = check(root)
    assert [one.kind for one in found] == [kind]
    assert "40 pictures" in found[0].message
    assert found[0].advice


def plant_in(plant: Any, row: int, root: Path, made: Layout) -> None:
    """The defect in another picture than usual."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("test_check.ROW", row)
        plant(root, made)


def test_top_left_corners_as_centres_show_in_the_whole_set(tmp_path: Path) -> None:
    made = layout(2)
    root = as_yolo(tmp_path, made)
    shift = rewrite(lambda v, _: [v[0] - v[2] / 2, v[1] - v[3] / 2, v[2], v[3]])
    for row in range(len(made.sizes)):
        plant_in(shift, row, root, made)
    assert told(root) == ["top left as centre"]


def test_a_fix_is_the_box_that_was_meant(tmp_path: Path) -> None:
    made = layout(1)
    root = as_yolo(tmp_path, made)
    rewrite(corners)(root, made)
    fixed = [one.fix.xyxy for one in check(root)]
    right = [box[1:] for box in made.boxes[ROW]]
    assert np.allclose(sorted(fixed), sorted(right), atol=0.01)


def test_a_finding_names_file_line_and_cause(tmp_path: Path) -> None:
    made = layout(1)
    root = as_yolo(tmp_path, made)
    PLANTED["zero size"][1](root, made)
    (one,) = check(root)
    assert one.file == str(label_file(root, made, ROW))
    assert one.place == "line 2"
    assert one.image == made.name(ROW)
    assert one.fix.action == "remove"
    assert "click" in one.message


def test_no_defect_hides_another(tmp_path: Path) -> None:
    """A line each of six defects in one file, and one box that has two of them."""
    made = layout(1)
    root = as_yolo(tmp_path, made)
    size, box = made.sizes[ROW], made.boxes[ROW][0]
    good = plain(box, size)
    zero = line(9, yolo_values((*box[:3], box[1], box[4]), size))
    outside = plain(moved(box, size[0], 0, size[0], 0), size)
    text = good + good + zero + outside + "0 0.5 nan 0.1 0.1\n" + "0 0.5\n" + "x 0.5 0.5 0.1 0.1\n"
    label_file(root, made, ROW).write_text(text)
    found = {(one.place, one.kind) for one in check(root)}
    assert found == {
        ("line 2", "duplicate"),
        ("line 3", "class out of range"),
        ("line 3", "zero size"),
        ("line 4", "out of picture"),
        ("line 5", "not a number"),
        ("line 6", "wrong columns"),
        ("line 7", "class out of range"),
    }


def test_classes_counted_from_one_are_told_so(tmp_path: Path) -> None:
    made = layout(1)
    root = as_yolo(tmp_path, made)
    for row in range(len(made.sizes)):
        lines = [line(b[0] + 1, yolo_values(b, made.sizes[row])) for b in made.boxes[row]]
        label_file(root, made, row).write_text("".join(lines))
    found = check(root)
    assert {one.kind for one in found} == {"class out of range"}
    assert "counted from 1" in found[0].advice


@pytest.mark.parametrize(
    ("values", "kind", "place"),
    [
        (
            {"train": "images/train", "val": "images/no", "names": list(CLASSES)},
            "missing folder",
            "val",
        ),
        ({"train": "images/train", "nc": 4, "names": list(CLASSES)}, "class names", "nc"),
        ({"train": "images/train", "names": {1: "a", 2: "b", 3: "c"}}, "class names", "names"),
        ({"train": "images/train", "names": ["Ten", "ten ", "x"]}, "class names", ""),
    ],
)
def test_defects_of_data_yaml(values: Any, kind: str, place: str, tmp_path: Path) -> None:
    root = as_yolo(tmp_path, layout(1))
    (root / "data.yaml").write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
    assert [(one.kind, one.place) for one in check(root)] == [(kind, place)]


def test_a_tree_without_data_yaml_is_read(tmp_path: Path) -> None:
    made = layout(1)
    root = as_yolo(tmp_path, made)
    PLANTED["duplicate"][1](root, made)
    (root / "data.yaml").unlink()
    assert told(root) == ["duplicate"]


def test_damaged_pictures_and_shared_label_files_are_told(tmp_path: Path) -> None:
    made = layout(1)
    root = as_yolo(tmp_path, made)
    first, second = (root / "images/train" / made.name(row) for row in (0, 1))
    first.write_bytes(b"")
    shutil.copy(second, second.with_suffix(".jpeg"))
    found = check(root)
    assert [one.kind for one in found if one.image == made.name(0)] == ["damaged picture"]
    assert "shared label file" in {one.kind for one in found}


# COCO


def changed(file: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))
    return file


def of_row(content: dict[str, Any], row: int = ROW) -> list[dict[str, Any]]:
    return [one for one in content["annotations"] if one["image_id"] == row + 1]


def each(change: Callable[[list[float]], list[float]]) -> Callable[[dict[str, Any]], None]:
    def do(content: dict[str, Any]) -> None:
        for one in of_row(content):
            one["bbox"] = change(one["bbox"])

    return do


def first(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda content: of_row(content)[0].update(values)


def resized(content: dict[str, Any]) -> None:
    """Boxes drawn on a picture twice as large, as the file says."""
    row = content["images"][ROW]
    row["width"], row["height"] = row["width"] * 2, row["height"] * 2
    for one in of_row(content):
        one["bbox"] = [2 * value for value in one["bbox"]]
        one["area"] *= 4


def before_turn(content: dict[str, Any]) -> None:
    """A picture with EXIF 6 (a quarter turn), described as it is stored."""
    row = content["images"][2]
    row["width"], row["height"] = row["height"], row["width"]
    for one in of_row(content, 2):
        x, y, w, h = one["bbox"]
        one["bbox"] = [y, row["height"] - x - w, h, w]


def outline(content: dict[str, Any], change: Callable[..., list[float]]) -> None:
    one = of_row(content)[0]
    x, y, w, h = one["bbox"]
    one["segmentation"] = [[x, y, x + w, y, x + w, y + h, x, y + h]]
    one["bbox"] = change(x, y, w, h)
    one["area"] = 1


COCO: dict[str, tuple[str, Callable[[dict[str, Any]], Any]]] = {
    "corners as size": ("corners as size", each(lambda b: [b[0], b[1], b[0] + b[2], b[1] + b[3]])),
    "fractions": ("fractions", each(lambda b: [v / 1000 for v in b])),
    "1/5 scale": ("other scale", each(lambda b: [v / 5 for v in b])),
    "drawn larger": ("other scale", resized),
    "EXIF turn": ("EXIF turn", before_turn),
    "negative width": ("mirrored", each(lambda b: [b[0] + b[2], b[1], -b[2], b[3]])),
    "outline: swapped": (
        "x and y swapped",
        lambda c: outline(c, lambda x, y, w, h: [y, x, h, w]),
    ),
    "outline: mirrored": (
        "mirrored",
        lambda c: outline(c, lambda x, y, w, h: [c["images"][ROW]["width"] - x - w, y, w, h]),
    ),
    "outline: moved": (
        "labels disagree",
        lambda c: outline(c, lambda x, y, w, h: [x + 9, y, w, h]),
    ),
    "no class": ("class out of range", first(category_id=77)),
    "no picture": ("missing pair", first(image_id=7777)),
    "no file": ("missing pair", lambda c: c["images"][ROW].update(file_name="nobody.jpg")),
    "null": ("wrong columns", first(bbox=None)),
    "nan": ("not a number", first(bbox=[float("nan"), 1, 2, 3])),
    "three numbers": ("wrong columns", first(bbox=[1, 2, 3])),
    "zero size": ("zero size", first(bbox=[10, 10, 0, 20])),
    "wrong area": ("wrong area", first(area=0)),
    "other size": ("size disagrees", lambda c: c["images"][ROW].update(width=500, height=77)),
    "twice": ("repeated picture", lambda c: c["images"].append(dict(c["images"][ROW]))),
    "a row is text": ("unreadable line", lambda c: c["annotations"].append("no")),
    "category twice": ("class names", lambda c: c["categories"].append({"id": 1, "name": "new"})),
    "duplicate": ("duplicate", lambda c: c["annotations"].append({**of_row(c)[0], "id": 9999})),
}


@pytest.mark.parametrize("name", COCO)
def test_a_defect_of_a_coco_file_is_found_and_rightly_named(name: str, tmp_path: Path) -> None:
    kind, plant = COCO[name]
    file = changed(as_coco(tmp_path, layout(1, turned=8)), plant)
    found = [one for one in check(file) if one.severity != "hint"]
    assert sorted({one.kind for one in found}) == [kind]
    assert all(one.file == str(file) for one in found)


def test_a_folder_of_coco_files_is_read_split_by_split(tmp_path: Path) -> None:
    as_coco(tmp_path / "train", layout(1)).rename(tmp_path / "train/_annotations.coco.json")
    changed(as_coco(tmp_path / "valid", layout(2)), first(bbox=[10, 10, 0, 20]))
    assert [(one.split, one.kind) for one in check(tmp_path)] == [("val", "zero size")]


def test_a_coco_file_that_is_cut_short_does_not_hide_the_others(tmp_path: Path) -> None:
    changed(as_coco(tmp_path / "train", layout(1)), first(bbox=[10, 10, 0, 20]))
    whole = as_coco(tmp_path / "valid", layout(2))
    whole.write_text(whole.read_text()[:-900])
    found = {(one.kind, Path(one.file).parent.name) for one in check(tmp_path, format="coco")}
    assert found == {("zero size", "train"), ("unreadable file", "valid")}


def test_a_set_without_boxes_or_whole_pictures_is_no_trouble(tmp_path: Path) -> None:
    made = layout(1, pictures=3)
    made.boxes = [[], [], []]
    root = as_yolo(tmp_path, made)
    assert check(root) == []
    for file in (root / "images").rglob("*.jpg"):
        file.write_bytes(b"no picture")
    assert told(root) == ["damaged picture"]


# labelme


def shapes_of(content: dict[str, Any]) -> dict[str, Any]:
    return content["shapes"][0]


LABELME: dict[str, tuple[str, Callable[[dict[str, Any]], Any]]] = {
    "zero size": ("zero size", lambda c: shapes_of(c).update(points=[[9, 9], [9, 99]])),
    "one point": ("wrong columns", lambda c: shapes_of(c).update(points=[[9, 9]])),
    "a line": ("wrong columns", lambda c: shapes_of(c).update(shape_type="line")),
    "nan": ("not a number", lambda c: shapes_of(c).update(points=[[float("nan"), 9], [9, 99]])),
    "text": ("not a number", lambda c: shapes_of(c).update(points=[["9", 9], [19, 99]])),
    "no label": ("no class", lambda c: shapes_of(c).update(label="")),
    "another aspect": ("size disagrees", lambda c: c.update(imageWidth=100, imageHeight=900)),
    "fractions": (
        "fractions",
        lambda c: shapes_of(c).update(points=[[0.21, 0.32], [0.41, 0.52]], label=CLASSES[0]),
    ),
    "duplicate": ("duplicate", lambda c: c["shapes"].append(c["shapes"][0])),
    "out of picture": (
        "out of picture",
        lambda c: shapes_of(c).update(points=[[-70, 9], [30, 99]]),
    ),
    "misspelt": ("class in one picture", lambda c: shapes_of(c).update(label="Tenn")),
}


@pytest.mark.parametrize("name", LABELME)
def test_a_defect_of_labelme_is_found_and_rightly_named(name: str, tmp_path: Path) -> None:
    made = layout(1)
    root = as_labelme(tmp_path, made)
    kind, plant = LABELME[name]
    file = changed((root / made.name(ROW)).with_suffix(".json"), plant)
    found = [one for one in check(root) if one.severity != "hint"]
    assert {(one.kind, one.file) for one in found} == {(kind, str(file))}


def test_labelme_files_that_are_missing_empty_or_cut(tmp_path: Path) -> None:
    made = layout(1)
    root = as_labelme(tmp_path, made)
    files = [(root / made.name(row)).with_suffix(".json") for row in range(4)]
    files[0].unlink()
    files[1].write_text("")
    files[2].write_text(files[2].read_text()[:50])
    picture(root / "nothing/a.jpg")
    kinds = {(Path(one.file).name, one.kind, one.severity) for one in check(root)}
    assert kinds == {
        ("p000.jpg", "missing pair", "warning"),
        ("p001.json", "empty file", "warning"),
        ("p002.json", "unreadable file", "error"),
        ("nothing", "missing pair", "hint"),
    }


# Prepared folders: the COCO files beside the labels are a second witness


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    as_labelme(folder / "source", layout(3))
    out = folder / "prepared"
    done = boxwright("convert", folder / "source", out, "--group", "^(.+)$", "-q")
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture
def tree(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "tree"))


def test_a_prepared_folder_is_clean(prepared: Path) -> None:
    assert check(prepared) == []


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("mirrored", lambda v: [1 - v[0], v[1], v[2], v[3]]),
        ("mirrored", lambda v: [v[0], 1 - v[1], v[2], v[3]]),
        ("x and y swapped", lambda v: [v[1], v[0], v[3], v[2]]),
        ("corners as centre", lambda v: corners(v, None)),
        ("other scale", lambda v: [x / 2 for x in v]),
        ("labels disagree", lambda v: [v[0], v[1], v[2] * 1.5, v[3]]),
    ],
)
def test_a_file_that_its_coco_file_tells_otherwise(kind: str, change: Any, tree: Path) -> None:
    file = sorted((tree / "labels/train").rglob("*.txt"))[3]
    rows = [list(map(float, text.split())) for text in file.read_text().splitlines()]
    file.write_text("".join(line(int(row[0]), change(row[1:])) for row in rows))
    found = [one for one in check(tree) if one.severity != "hint" and one.kind != "out of picture"]
    assert {(one.kind, one.file) for one in found} == {(kind, str(file))}


def test_lost_labels_and_changed_classes_of_a_prepared_folder(tree: Path) -> None:
    files = sorted((tree / "labels/train").rglob("*.txt"))
    files[0].write_text("")
    lines = files[1].read_text().splitlines(keepends=True)
    files[1].write_text("".join([f"{(int(lines[0][0]) + 1) % 3}{lines[0][1:]}", *lines[1:]]))
    found = {(one.kind, one.file) for one in check(tree) if one.severity != "hint"}
    assert found == {("empty file", str(files[0])), ("labels disagree", str(files[1]))}


def test_rows_of_findings_are_rows_of_the_data_set(tree: Path) -> None:
    """The other layers and the report find a finding's box by its row."""
    file = sorted((tree / "labels/train").rglob("*.txt"))[3]
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([*lines, lines[0]]))
    checked = run.do(run.Job(tree, CheckOptions(pixels=0)))
    (one,) = [one for one in checked.findings if one.kind == "duplicate"]
    read = yolo.read(tree)
    assert list(read.images.name) == list(checked.dataset.images.name)
    assert np.allclose(read.boxes.xyxy, checked.dataset.boxes.xyxy)
    assert np.allclose(read.boxes.xyxy[one.box], one.xyxy, atol=1e-3)


# The command


def test_the_command_ends_with_1_where_there_are_errors(tmp_path: Path) -> None:
    made = layout(1)
    root = as_yolo(tmp_path, made)
    assert boxwright("check", root).returncode == 0
    PLANTED["zero size"][1](root, made)
    done = boxwright("check", root)
    assert done.returncode == 1
    assert f"{label_file(root, made, ROW)}: line 2: zero size" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), 0),
        (("--fail-on", "warning"), 1),
        (("--fail-on", "hint"), 1),
        (("--fail-on", "never"), 0),
    ],
)
def test_what_makes_the_command_fail(arguments: Any, code: int, tmp_path: Path) -> None:
    made = layout(1)
    root = as_yolo(tmp_path, made)
    PLANTED["near duplicate"][1](root, made)
    assert boxwright("check", root, *arguments).returncode == code


def test_json_holds_counts_and_findings(tmp_path: Path) -> None:
    made = layout(1)
    root = as_yolo(tmp_path, made)
    PLANTED["duplicate"][1](root, made)
    found = json.loads(boxwright("check", root, "--json").stdout)
    assert (found["errors"], found["warnings"], found["failed"]) == (1, 0, True)
    assert found["kinds"] == {"duplicate": {"error": 1, "warning": 0, "hint": 0}}
    assert found["findings"][0]["fix"] == {"action": "remove", "xyxy": None, "label": None}


def test_csv_has_a_row_for_each_finding(tmp_path: Path) -> None:
    made = layout(1)
    root = as_yolo(tmp_path, made)
    PLANTED["duplicate"][1](root, made)
    boxwright("check", root, "--csv", tmp_path / "found.csv")
    with (tmp_path / "found.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["kind"], row["place"]) == ("duplicate", "line 3")
    assert float(row["x2"]) > float(row["x1"])


def test_only_and_ignore_choose_kinds(tmp_path: Path) -> None:
    made = layout(1)
    root = as_yolo(tmp_path, made)
    PLANTED["duplicate"][1](root, made)
    plant_in(PLANTED["zero size"][1], 5, root, made)
    assert told(root, only=["zero size"]) == ["zero size"]
    assert told(root, ignore=["zero size"]) == ["duplicate"]


def test_a_misspelt_kind_is_refused_with_the_right_one(tmp_path: Path) -> None:
    done = boxwright("check", tmp_path, "--only", "duplicte")
    assert done.returncode == 1
    assert "did you mean 'duplicate'?" in done.stderr


def test_thresholds_of_a_config_are_used(tmp_path: Path) -> None:
    made = layout(1)
    root = as_yolo(tmp_path / "tree", made)
    PLANTED["near duplicate"][1](root, made)
    config = {"name": "x", "source": "none", "prepared": str(root), "check": {"near": 0.999}}
    file = written(tmp_path / "x.yaml", yaml.safe_dump(config))
    assert "near duplicate" not in boxwright("check", file).stdout
    assert "near duplicate" in boxwright("check", root).stdout


def test_what_is_no_annotations_is_refused(tmp_path: Path) -> None:
    done = boxwright("check", tmp_path / "nothing")
    assert done.returncode == 1
    assert "no such file or folder" in done.stderr


def test_the_sources_of_convert_are_read(tmp_path: Path) -> None:
    assert boxwright("check", photos(tmp_path, 4), "--fail-on", "hint").returncode == 0


# Geometry


@given(st.integers(0, 10_000))
def test_pairs_are_those_that_comparing_all_boxes_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = np.sort(rng.integers(0, 3, 12))
    corner = rng.integers(0, 6, (12, 2))
    xyxy = np.concatenate([corner, corner + rng.integers(1, 6, (12, 2))], axis=1).astype(float)
    found = pairs.overlapping(image, xyxy, 0.5)
    got = set(zip(found.first.tolist(), found.second.tolist(), strict=True))
    assert got == {
        (a, b)
        for a in range(12)
        for b in range(a + 1, 12)
        if image[a] == image[b] and share(xyxy[a], xyxy[b]) >= 0.5
    }


def share(a: Any, b: Any) -> float:
    """How much of the smaller box lies in the other."""
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    areas = [(one[2] - one[0]) * (one[3] - one[1]) for one in (a, b)]
    return float(max(w, 0) * max(h, 0) / min(areas))


@pytest.mark.parametrize("orientation", range(2, 9))
def test_boxes_before_the_exif_turn_are_turned_as_the_pixels_are(orientation: int) -> None:
    """Pillow turns a picture with one bright box; the box is where the pixels went."""
    from PIL import ImageOps

    stored = np.zeros((30, 50), dtype=np.uint8)
    stored[4:10, 7:21] = 255
    image = Image.fromarray(stored)
    exif = image.getexif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    image.save(file, "PNG", exif=exif)
    shown = np.asarray(ImageOps.exif_transpose(Image.open(file)))
    y, x = np.nonzero(shown)
    size = np.array([shown.shape[::-1]])
    got = unturned("coco", np.array([[7.0, 4, 21, 10]]), size, np.array([orientation]))
    assert got.tolist() == [[x.min(), y.min(), x.max() + 1, y.max() + 1]]


def test_a_million_boxes_take_seconds(tmp_path: Path) -> None:
    """A tenth of a million, in a tenth of the time that a minute would be for all."""
    import time

    made = layout(1)
    sheet = structure.read(as_yolo(tmp_path, made), Options())
    times = 100_000 // len(sheet)
    many = repeated(sheet, times)
    began = time.perf_counter()
    assert structure.find(many, Options()) == []
    assert time.perf_counter() - began < 6


def repeated(sheet: Any, times: int) -> Any:
    """The sheet many times over, with as many pictures."""
    from dataclasses import replace

    pictures = len(sheet.images)
    rows = np.tile(np.arange(pictures), times)
    boxes = np.tile(np.arange(len(sheet)), times)
    shift = np.repeat(np.arange(times) * pictures, len(sheet))
    images = sheet.images.take(rows)
    columns = {name: getattr(sheet, name)[boxes] for name in ("label", "xyxy", "other", "place")}
    whole = {name: getattr(sheet, name)[rows] for name in ("orientation", "claimed", "file")}
    return replace(sheet, images=images, image=sheet.image[boxes] + shift, **columns, **whole)


@pytest.mark.parametrize("write", [as_yolo, as_coco, as_labelme])
def test_a_scene_that_lies_on_its_side_is_no_error(write: Any, tmp_path: Path) -> None:
    """All things of a picture at the right angle to the others', as when the camera was turned."""
    made = layout(4)
    made.boxes[ROW] = [
        (label, x1, y1, x1 + y2 - y1, y1 + x2 - x1) for label, x1, y1, x2, y2 in made.boxes[ROW]
    ]
    made.sizes[ROW] = (1000, 1000)  # room for them
    assert [one for one in check(write(tmp_path, made)) if one.severity != "hint"] == []


def test_small_things_in_a_heap_are_not_at_another_scale(tmp_path: Path) -> None:
    """A picture taken from far away, with all its things in one corner."""
    made = layout(4)
    made.boxes[ROW] = [
        (label, 0.6 * x1, 0.6 * y1, 0.6 * x2, 0.6 * y2) for label, x1, y1, x2, y2 in made.boxes[ROW]
    ]
    assert [one for one in check(as_yolo(tmp_path, made)) if one.severity != "hint"] == []


def test_the_findings_go_to_a_page(tmp_path: Path) -> None:
    made = layout(1)
    root = as_yolo(tmp_path / "tree", made)
    PLANTED["zero size"][1](root, made)
    done = boxwright("check", root, "--page", tmp_path / "review")
    assert done.returncode == 1
    assert str(tmp_path / "review" / "review.html") in done.stdout
    assert "zero size" in (tmp_path / "review" / "review.html").read_text(encoding="utf-8")
    refused = boxwright("check", root, "--page", root / "review")
    assert refused.returncode == 1
    assert "must not hold each other" in refused.stderr


# Labels held against predictions


def seen(root: Path, made: Layout, file: Path) -> Path:
    """What a good model says of the things that are there, whatever the labels say."""
    rng = np.random.default_rng(0)
    clean = run.do(run.Job(as_yolo(root, made), CheckOptions(pixels=0))).dataset
    boxes = clean.boxes
    side = np.tile(boxes.xyxy[:, 2:] - boxes.xyxy[:, :2], 2)
    probability = rng.uniform(0, 0.1, (len(boxes), len(CLASSES)))
    probability[np.arange(len(boxes)), boxes.label] = rng.uniform(0.6, 0.95, len(boxes))
    order = np.lexsort((-probability.max(axis=1), boxes.image))
    xyxy = boxes.xyxy + rng.normal(0, 0.02, boxes.xyxy.shape) * side
    found = replace(boxes, xyxy=xyxy, score=probability.max(axis=1)).take(order)
    details = Details(probability, 0.02 * side).take(order)
    unseen = np.ones(len(clean.images), dtype=bool)
    said = Predictions(replace(clean, boxes=found), details, unseen, {"test": True})
    predictions_file.write(file, said)
    return file


def other_class(root: Path, made: Layout) -> None:
    one_line(lambda box, size: plain(moved(box, 0, 0, 0, 0, label=(box[0] + 1) % 3), size))(
        root, made
    )


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Layout]:
    """A tree with a wrong class, a near duplicate and a damaged picture; predictions of it."""
    made, folder = layout(3), tmp_path_factory.mktemp("판정")
    file = seen(folder / "tree", made, folder / "predictions.npz")
    root = folder / "tree"
    other_class(root, made)
    plant_in(PLANTED["near duplicate"][1], 20, root, made)
    (root / "images/train" / made.name(30)).write_bytes(b"no picture")
    return root, file, made


@pytest.fixture(scope="module")
def against(judged: tuple[Path, Path, Layout]) -> Any:
    """The findings as JSON."""
    root, file, _ = judged
    return json.loads(boxwright("check", root, "--predictions", file, "--json").stdout)


def test_a_wrong_class_is_told_with_its_line_and_how_sure_it_is(judged: Any, against: Any) -> None:
    root, _, made = judged
    (one,) = [one for one in against["findings"] if one["kind"] == "wrong class"]
    assert (one["file"], one["place"]) == (str(label_file(root, made, ROW)), "line 2")
    assert (one["severity"], one["fix"]["label"]) == ("warning", CLASSES[made.boxes[ROW][1][0]])
    assert one["sureness"] > 0.5


def test_the_pixels_box_of_a_finding_is_that_of_its_row(judged: Any) -> None:
    root, file, _ = judged
    checked = run.do(run.Job(root, CheckOptions(pixels=0, predictions=file)))
    (one,) = [one for one in checked.findings if one.kind == "wrong class"]
    assert checked.dataset.boxes.xyxy[one.box] == pytest.approx(one.xyxy, abs=0.01)


def test_of_two_labels_of_one_thing_one_is_told_once(against: Any) -> None:
    twice = [one for one in against["findings"] if "duplicate" in one["kind"]]
    assert [one["kind"] for one in twice] == ["near duplicate"]


def test_pictures_that_cannot_be_read_are_not_judged(judged: Any, against: Any) -> None:
    assert against["judged"] == against["pictures"] - 1
    name = judged[2].name(30)
    assert {one["kind"] for one in against["findings"] if one.get("image") == name} == {
        "damaged picture"
    }


def test_the_terminal_and_the_csv_tell_how_sure_it_is(judged: Any, tmp_path: Path) -> None:
    root, file, _ = judged
    out = tmp_path / "found.csv"
    done = boxwright("check", root, "--predictions", file, "--only", "wrong class", "--csv", out)
    assert "39 pictures held against predictions" in " ".join(done.stdout.split())
    with out.open(encoding="utf-8", newline="") as table:
        (row,) = csv.DictReader(table)
    assert f"wrong class (P = {float(row['sureness']):.2f}): the models see" in done.stdout


def test_what_is_sure_is_applied_to_the_labels(judged: Any, tmp_path: Path) -> None:
    root, file, made = judged
    found = boxwright("check", root, "--predictions", file, "--only", "wrong class", "--json")
    written(tmp_path / "found.json", found.stdout)
    out = tmp_path / "new"
    done = boxwright("fix", root, tmp_path / "found.json", "--above", "0.5", "--out", out)
    assert done.returncode == 0, done.stderr
    mended = next(out.rglob(label_file(root, made, ROW).name)).read_text().splitlines()[1]
    assert int(mended.split()[0]) == made.boxes[ROW][1][0]


def test_nobody_judges_unless_asked(judged: Any) -> None:
    found = json.loads(boxwright("check", judged[0], "--json").stdout)
    assert found["judged"] == 0
    assert "wrong class" not in found["kinds"]


def test_the_judge_on_the_command_line_is_taken_instead_of_the_config_s(
    judged: Any, tmp_path: Path
) -> None:
    root, file, _ = judged
    block = {"folds": 5, "epochs": 3, "sure": 0.9}
    values = {"name": "n", "source": "s", "prepared": str(root), "check": block}
    file_of = written(tmp_path / "c.yaml", yaml.safe_dump({**values, "train": {"imgsz": 64}}))
    asked = run.plan(file_of, {"predictions": file})
    assert (asked.options.folds, asked.options.predictions) == (None, file)
    assert (asked.options.epochs, asked.options.sure) == (3, 0.9)
    plain_ = run.plan(file_of, {})
    assert (plain_.options.folds, plain_.training.imgsz) == (5, 64)
    assert plain_.folder == Path("runs/n-folds")


def test_two_judges_at_once_are_refused(judged: Any) -> None:
    root, file, _ = judged
    done = boxwright("check", root, "--predictions", file, "--folds", "5")
    assert done.returncode == 1
    assert "folds and predictions: one at a time can judge" in done.stderr
