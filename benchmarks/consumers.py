"""Each format that is written, opened by the programs that it is written for.

    python -m venv .venv-consumers
    .venv-consumers/bin/pip install pycocotools supervision datumaro labelme label-studio-sdk \
        datasets fiftyone mongomock pandas
    python benchmarks/consumers.py --consumers .venv-consumers/bin/python [--out FILE]

Every consumer runs in a process of its own, says what boxes it sees in what pictures, and that is
compared with what was written: pictures, classes, and boxes to a hundredth of a pixel.
ultralytics and torchvision are opened by tests/test_consumers.py too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from roundtrip import hard_set, loaded

from pipeline.convert import ConvertOptions, convert
from pipeline.dataset import Dataset
from pipeline.formats import writers

PIXELS = 0.0101  # both sides of the comparison are rounded to hundredths
Seen = dict[str, list[list[Any]]]  # class, x1, y1, x2, y2 of each box, by the picture's path


class Consumer(NamedTuple):
    """A program, and how it opens a format.

    Attributes:
        program: Its name.
        to: The format.
        code: Fills `seen`, with the folder `root` and the names `splits` given.
        plain: Whether it cannot hold classes with colons and line breaks in their names.
    """

    program: str
    to: str
    code: str
    plain: bool = False


_BEGIN = """
import json, os, sys
from pathlib import Path
root, splits, seen = Path(sys.argv[1]), sys.argv[2].split(","), {}
def add(path, boxes):
    rows = [[str(name), *map(float, box)] for name, box in boxes]
    seen.setdefault(str(Path(path).resolve()), []).extend(rows)
"""
_END = "\nprint('\\n' + json.dumps(seen))"

_COCO = """
from pycocotools.coco import COCO
for split in splits:
    data = COCO(str(root / {file}))
    assert min(data.getCatIds()) == min(data.getImgIds()) == min(data.getAnnIds()) == 1
    for image in data.loadImgs(data.getImgIds()):
        anns = data.loadAnns(data.getAnnIds(imgIds=image["id"]))
        assert all(data.annToMask(ann).shape == (image["height"], image["width"]) for ann in anns)
        named = [(data.cats[ann["category_id"]]["name"], ann["bbox"]) for ann in anns]
        boxes = [(name, (x, y, x + w, y + h)) for name, (x, y, w, h) in named]
        add(root / {pictures} / image["file_name"], boxes)
"""
_SUPERVISION = """
import supervision as sv
def all_of(data):
    for path in data.image_paths:
        found = data.annotations[path]
        add(path, [(data.classes[k], box) for k, box in zip(found.class_id, found.xyxy)])
for split in splits:
    {load}
"""
_DATUMARO = """
import logging; logging.disable(logging.CRITICAL)
from datumaro import Dataset
data = Dataset.import_from(str(root), {name!r}, **{options})
names = [label.name for label in data.categories()[next(iter(data.categories()))].items]
for item in data:
    boxes = []
    for one in item.annotations:
        if one.type.name not in ("bbox", "polygon"):
            continue
        x, y, w, h = one.get_bbox()
        if not (one.type.name == "polygon" and {once}):
            boxes.append((names[one.label], (x, y, x + w, y + h)))
    add(item.media.path, boxes)
"""
_LABELME = """
from labelme._label_file import LabelFile
for file in sorted(root.rglob("*.json")):
    if file.name == "manifest.json":
        continue
    read = LabelFile(str(file))
    boxes = []
    for shape in read.shapes:
        xs, ys = zip(*shape["points"])
        boxes.append((shape["label"], (min(xs), min(ys), max(xs), max(ys))))
    add(file.parent / read.image_path, boxes)
"""
_CSV = """
import pandas
table = pandas.read_csv(root / "annotations.csv", keep_default_na=False, na_values={
    side: "" for side in ("xmin", "ymin", "xmax", "ymax")})
for name, rows in table.groupby("filename"):
    rows = rows[rows.xmin.notna()]
    sides = rows[["xmin", "ymin", "xmax", "ymax"]].values
    add(root / name, zip(rows["class"], sides))
"""
_LABELSTUDIO = """
import tempfile, urllib.parse
from label_studio_sdk.converter import Converter
config = (root / "config.xml").read_text(encoding="utf-8")
out = tempfile.mkdtemp()
Converter(config, out, download_resources=False).convert_to_coco(
    str(root / "tasks.json"), out, is_dir=False)
data = json.load(open(os.path.join(out, "result.json"), encoding="utf-8"))
names = {one["id"]: one["name"] for one in data["categories"]}
path = {}
for image in data["images"]:
    query = urllib.parse.urlsplit(image["file_name"]).query
    file = urllib.parse.parse_qs(query)["d"][0] if query else image["file_name"]
    path[image["id"]] = root / file
    add(path[image["id"]], [])
for ann in data["annotations"]:
    x, y, w, h = ann["bbox"]
    add(path[ann["image_id"]], [(names[ann["category_id"]], (x, y, x + w, y + h))])
"""
_DATASETS = """
os.environ["HF_HUB_OFFLINE"] = "1"
import tempfile
from datasets import Image, load_dataset
data = load_dataset("imagefolder", data_dir=str(root), cache_dir=tempfile.mkdtemp())
for part in data.values():
    for row in part.cast_column("image", Image(decode=False)):
        boxes = row["objects"]
        sides = [(x, y, x + w, y + h) for x, y, w, h in boxes["bbox"]]
        add(row["image"]["path"], zip(boxes["category"], sides))
"""
_FIFTYONE = """
os.environ |= {{"FIFTYONE_DATABASE_URI": "mongodb://none", "FIFTYONE_DATABASE_VALIDATION": "0"}}
import mongomock, pymongo  # its own importers run; the data base that they need not is a stand-in
pymongo.MongoClient = mongomock.MongoClient
import fiftyone.utils.coco, fiftyone.utils.yolo
from PIL import Image, ImageOps
def all_of(importer):
    with importer:
        for path, _, found in importer:
            found = found.get("detections") if isinstance(found, dict) else found
            w, h = ImageOps.exif_transpose(Image.open(path)).size
            boxes = [(one.label, one.bounding_box) for one in (found.detections if found else [])]
            add(path, [
                (name, (x * w, y * h, (x + a) * w, (y + b) * h)) for name, (x, y, a, b) in boxes])
for split in splits:
    all_of({load})
"""
_ULTRALYTICS = """
os.environ |= {"YOLO_OFFLINE": "1", "YOLO_AUTOINSTALL": "0"}
from ultralytics.data.dataset import YOLODataset
from ultralytics.data.utils import check_det_dataset
data = check_det_dataset(str(root / "data.yaml"), autodownload=False)
for split in splits:
    loaded = YOLODataset(img_path=data[split], data=data, imgsz=64, augment=False)
    for one in loaded.labels:
        h, w = one["shape"]
        boxes = [(x - a / 2, y - b / 2, x + a / 2, y + b / 2) for x, y, a, b in one["bboxes"]]
        named = [data["names"][int(k)] for k, in one["cls"]]
        add(one["im_file"], [
            (name, (x1 * w, y1 * h, x2 * w, y2 * h))
            for name, (x1, y1, x2, y2) in zip(named, boxes)])
"""
_BELOW = "for below in ('', 'sub', 'deep/er'): all_of(sv.DetectionDataset."  # no sub-folders
_HERE = "ultralytics"  # runs where boxwright does

CONSUMERS = (
    Consumer("pycocotools", "coco", _COCO.format(
        file='"annotations" / f"{split}.json"', pictures='"images" / split')),
    Consumer("supervision", "coco", _SUPERVISION.format(load="all_of(sv.DetectionDataset.from_coco("
        'str(root / "images" / split), str(root / "annotations" / f"{split}.json")))')),
    Consumer("pycocotools", "fiftyone", _COCO.format(
        file='split / "labels.json"', pictures='split / "data"')),
    Consumer("fiftyone", "fiftyone", _FIFTYONE.format(
        load="fiftyone.utils.coco.COCODetectionDatasetImporter(str(root / split))")),
    Consumer("fiftyone", "yolo", _FIFTYONE.format(load="fiftyone.utils.yolo."
        'YOLOv5DatasetImporter(str(root), yaml_path="data.yaml", split=split)')),
    Consumer(_HERE, "yolo", _ULTRALYTICS),
    Consumer("supervision", "yolo", _SUPERVISION.format(load=_BELOW + "from_yolo("
        'str(root / "images" / split / below), str(root / "labels" / split / below), '
        'str(root / "data.yaml")))')),
    Consumer("supervision", "voc", _SUPERVISION.format(load=_BELOW + "from_pascal_voc("
        'str(root / "JPEGImages" / split / below), str(root / "Annotations" / split / below)))')),
    Consumer("datumaro", "voc", _DATUMARO.format(
        name="voc", once="True", options={"coordinate_mode": "voc-one-based"}), plain=True),
    Consumer("datumaro", "cvat", _DATUMARO.format(name="cvat", once="False", options={})),
    Consumer("labelme", "labelme", _LABELME),
    Consumer("pandas", "csv", _CSV),
    Consumer("label-studio-sdk", "labelstudio", _LABELSTUDIO),
    Consumer("datasets", "parquet", _DATASETS),
)  # fmt: skip


def opened(one: Consumer, root: Path, splits: list[str], python: str) -> Seen | str:
    """What a consumer sees; or the last words of its failure."""
    code = _BEGIN + one.code + _END
    quiet = {"YOLO_CONFIG_DIR": str(root.parent), "HF_HOME": str(root.parent / "hf")}
    run = subprocess.run(
        [python, "-c", code, str(root), ",".join(splits)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | quiet,
    )
    if run.returncode:
        return run.stderr.strip().splitlines()[-1][:200]
    seen: Seen = json.loads(run.stdout.strip().splitlines()[-1])
    return seen


def compared(there: Dataset, root: Path, to: str, seen: Mapping[str, Any]) -> str:
    """A word on what a consumer saw of a set."""
    boxes, worst, total = there.boxes, 0.0, 0
    columns = zip(there.images.split, there.images.name, there.per_image(), strict=True)
    for split, name, rows in columns:
        below = f"images/{split}/{name}" if to == "yolo" else writers.place(to, split, name)
        found = seen.get(str((root / below).resolve()))
        if found is None:
            return f"does not see {below}"
        wanted = [[there.classes[k]] for k in boxes.label[rows]]
        if sorted(name for name, *_ in found) != sorted(name for [name] in wanted):
            return f"{below}: sees {len(found)} boxes, of {len(wanted)}, or other classes"
        due = sorted(zip([n for [n] in wanted], boxes.xyxy[rows].round(2).tolist(), strict=True))
        got = sorted((n, [round(v, 2) for v in box]) for n, *box in found)
        for (_, a), (_, b) in zip(due, got, strict=True):
            worst = max(worst, float(np.abs(np.subtract(a, b)).max()))
        total += len(found)
    what = "the same boxes" if worst <= PIXELS else "boxes that MOVED"
    return f"{total} boxes in {len(there.images)} pictures, {what}, within {worst:.2f} px"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--consumers", required=True, help="Python of the consumers' environment")
    parser.add_argument("--only", help="one program")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    lines = ["| format | opened by | what it sees |", "| --- | --- | --- |"]
    with tempfile.TemporaryDirectory() as folder:
        sources = [
            hard_set(Path(folder) / "hard", 24),
            hard_set(Path(folder) / "plain", 24, ["만원 지폐", "it's <b>", "단추"]),
        ]
        for one in CONSUMERS:
            if given.only in {None, one.program}:
                lines.append(line(one, sources[one.plain], given.consumers))
                print(lines[-1], flush=True)
    if given.out:
        given.out.write_text("# Opened by their consumers\n\n" + "\n".join(lines) + "\n")


def line(one: Consumer, source: Path, consumers: str) -> str:
    root = source.parent / one.to
    if not root.exists():
        convert(source, root, ConvertOptions(to=one.to, copy=True))
    there = loaded(root)
    python = sys.executable if one.program == _HERE else consumers
    seen = opened(one, root, ["train", "val"], python)
    told = seen if isinstance(seen, str) else compared(there, root, one.to, seen)
    return f"| {one.to} | {one.program} | {told} |"


if __name__ == "__main__":
    main()
