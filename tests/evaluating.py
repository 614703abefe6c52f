"""Truth, predictions and prepared folders for the tests of evaluation, statistics and report."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from pipeline.dataset import Boxes, Dataset, Images
from pipeline.evaluation import written

CLASSES = ("십원 $10$", "<b>B</b>", "_c")
WIDTH, HEIGHT = 640, 480


def images(count, width=WIDTH, height=HEIGHT):
    names = [f"{i:03d}.jpg" for i in range(count)]
    return Images.of(names, names, [[width, height]] * count, split=["val"] * count)


def dataset(boxes, count=1, classes=CLASSES):
    """From (image, label, x1, y1, x2, y2[, score]) rows in the order of the images."""
    rows = np.array(boxes, dtype=float).reshape(len(boxes), -1 if len(boxes) else 6)
    score = rows[:, 6] if rows.shape[1] > 6 else None
    columns = Boxes.of(rows[:, 0], rows[:, 1], rows[:, 2:6], score=score)
    return Dataset(Path("data"), classes, images(count), columns)


def shaken(seed, count=40, boxes=400, noise=6.0, missed=0.2, false=200):
    """Truth, and predictions as a middling detector would make them."""
    draw = np.random.default_rng(seed)
    corner, side = draw.uniform(0, 400, (boxes, 2)), draw.uniform(10, 120, (boxes, 2))
    image, label = np.sort(draw.integers(0, count, boxes)), draw.integers(0, 3, boxes)
    xyxy = np.hstack([corner, corner + side])
    found = draw.random(boxes) > missed
    said = np.where(draw.random(boxes) < 0.1, draw.integers(0, 3, boxes), label)
    start, size = draw.uniform(0, 500, (false, 2)), draw.uniform(8, 120, (false, 2))
    rows = np.concatenate([image[found], draw.integers(0, count, false)])
    order = np.argsort(rows, kind="stable")
    near = xyxy[found] + draw.normal(0, noise, (found.sum(), 4))
    near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
    predicted = Boxes.of(
        rows[order],
        np.concatenate([said[found], draw.integers(0, 3, false)])[order],
        np.concatenate([near, np.hstack([start, start + size])])[order],
        score=np.concatenate([draw.beta(4, 2, found.sum()), draw.beta(1, 5, false)])[order],
    )
    truth = Dataset(Path("data"), CLASSES, images(count), Boxes.of(image, label, xyxy))
    return truth, replace(truth, boxes=written.rounded(predicted))


def with_crowds(truth, share=0.1):
    crowd = np.random.default_rng(1).random(len(truth.boxes)) < share
    return replace(truth, boxes=replace(truth.boxes, crowd=crowd))


def write_annotations(path, truth):
    """A COCO file, written without any of our code."""
    boxes = truth.boxes
    rows = [
        {
            "id": number,
            "image_id": int(image) + 1,
            "category_id": int(label) + 1,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "area": (x2 - x1) * (y2 - y1),
            "iscrowd": int(crowd),
        }
        for number, (image, label, (x1, y1, x2, y2), crowd) in enumerate(
            zip(boxes.image, boxes.label, boxes.xyxy.tolist(), boxes.crowd, strict=True), 1
        )
    ]
    pictures = [{"id": i, "file_name": n} for i, n in enumerate(truth.images.name, 1)]
    categories = [{"id": i, "name": n} for i, n in enumerate(truth.classes, 1)]
    content = {"images": pictures, "annotations": rows, "categories": categories}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def pycocotools_on_files(annotations, results):
    """The twelve numbers of COCO's own summary."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth = COCO(str(annotations))
    run = COCOeval(truth, truth.loadRes(str(results)), "bbox")
    run.evaluate()
    run.accumulate()
    run.summarize()
    return run


class Detector:
    """Says what it was told, whatever it is shown."""

    def __init__(self, classes, predictions):
        self.classes = classes
        self.predictions = predictions


def make_prepared(folder, truth, *, crowds=False):
    """A prepared folder with the pictures and labels of `truth`, all in val."""
    draw = np.random.default_rng(0)
    for name, own in zip(truth.images.name, truth.per_image(), strict=True):
        for kind in ("images", "labels"):
            (folder / kind / "val").mkdir(parents=True, exist_ok=True)
        picture = draw.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        (folder / "images" / "val" / name).write_bytes(cv2.imencode(".jpg", picture)[1].tobytes())
        centre = (truth.boxes.xyxy[own, :2] + truth.boxes.xyxy[own, 2:]) / 2 / [WIDTH, HEIGHT]
        side = (truth.boxes.xyxy[own, 2:] - truth.boxes.xyxy[own, :2]) / [WIDTH, HEIGHT]
        rows = np.column_stack([truth.boxes.label[own], centre, side])
        lines = "".join("{:.0f} {:.6f} {:.6f} {:.6f} {:.6f}\n".format(*row) for row in rows)
        (folder / "labels" / "val" / name.replace(".jpg", ".txt")).write_text(lines)
    data = {"val": "images/val", "names": list(truth.classes)}
    (folder / "data.yaml").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    record = {"boxwright": "0", "kind": "prepared", "classes": list(truth.classes), "content": "c0"}
    (folder / "manifest.json").write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
    write_annotations(folder / "annotations" / "val.json", with_crowds(truth) if crowds else truth)
    return folder
