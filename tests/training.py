"""A small prepared folder and small trainings, for the tests of training and of models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

# Names that break what does not quote: for YAML, HTML, shells, paths; and two scripts.
CLASSES = ('천 원 "새것"', "<b>it's</b> #2: yes")
SIDE = 64
# Everything small: 2 epochs take about a second.
SMALL: dict[str, Any] = {
    "model": str(Path(__file__).with_name("tiny.yaml")),
    "epochs": 2,
    "imgsz": 64,
    "batch": 4,
    "nbs": 4,
    "optimizer": "AdamW",
    "lr0": 0.005,
    "warmup_epochs": 0.5,
    "device": "cpu",
    "hyp": "none",
}


def picture(seed: int) -> tuple[np.ndarray, list[str]]:
    """A picture with a disc or a square on noise, and its label lines; none in every fifth."""
    draw = np.random.default_rng(seed)
    pixels = draw.integers(0, 60, (SIDE, SIDE, 3), dtype=np.uint8)
    if seed % 5 == 4:
        return pixels, []
    label, half = int(draw.integers(2)), int(draw.integers(10, 20))
    x, y = (int(v) for v in draw.integers(half, SIDE - half, 2))
    if label == 0:
        cv2.circle(pixels, (x, y), half, (40, 220, 240), -1)
    else:
        cv2.rectangle(pixels, (x - half, y - half), (x + half, y + half), (240, 120, 40), -1)
    centre, size = (x / SIDE, y / SIDE), 2 * half / SIDE
    return pixels, [f"{label} {centre[0]:.6f} {centre[1]:.6f} {size:.6f} {size:.6f}"]


def prepare(folder: Path, train: int = 8, val: int = 4) -> Path:
    """What `boxwright convert` makes: pictures, labels, annotations, data.yaml, manifest."""
    for split, count, first in (("train", train, 0), ("val", val, 1000)):
        rows = [_write(folder, split, first + number) for number in range(count)]
        _annotations(folder / "annotations" / f"{split}.json", rows)
    names = dict(enumerate(CLASSES))
    content = {"train": "images/train", "val": "images/val", "names": names}
    (folder / "data.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    made = {"boxwright": "0", "kind": "prepared", "classes": CLASSES, "content": "1"}
    (folder / "manifest.json").write_text(json.dumps(made), "utf-8")
    return folder


def _write(folder: Path, split: str, seed: int) -> tuple[str, list[str]]:
    pixels, lines = picture(seed)
    name = f"가방 {seed % 2}/사진 '{seed}'.png"
    image = folder / "images" / split / name
    label = (folder / "labels" / split / name).with_suffix(".txt")
    for path in (image, label):
        path.parent.mkdir(parents=True, exist_ok=True)
    image.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    label.write_text("".join(f"{line}\n" for line in lines))
    return name, lines


def _annotations(path: Path, rows: list[tuple[str, list[str]]]) -> None:
    images, boxes = [], []
    for number, (name, lines) in enumerate(rows, 1):
        images.append({"id": number, "file_name": name, "width": SIDE, "height": SIDE})
        for line in lines:
            label, x, y, w, h = (float(value) for value in line.split())
            bbox = [(x - w / 2) * SIDE, (y - h / 2) * SIDE, w * SIDE, h * SIDE]
            found = {"id": len(boxes) + 1, "image_id": number, "category_id": int(label) + 1}
            boxes.append({**found, "bbox": bbox, "area": bbox[2] * bbox[3], "iscrowd": 0})
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES, 1)]
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"images": images, "annotations": boxes, "categories": categories}
    path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")


def flags(**changes: Any) -> list[str]:
    """The command-line flags of a small training."""
    words = []
    for key, value in {**SMALL, **changes}.items():
        words += [f"--{key.replace('_', '-')}", str(value)]
    return words


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder with its inode and time of change."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(p.relative_to(folder)): (p.stat().st_ino, p.stat().st_mtime_ns) for p in files}
