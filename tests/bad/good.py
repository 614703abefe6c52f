"""Good sources, one a format: six pictures a0.jpg ... a5.jpg with a box each, two classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from making import HEIGHT, WIDTH, photos, picture, written

COUNT = 6
CLASSES = ("Ten", "Fifty")
BOX = (8, 6, 40, 30)


def corners(root: Path) -> Path:
    return photos(root, COUNT, CLASSES)


def coco_content() -> dict[str, Any]:
    x1, y1, x2, y2 = BOX
    return {
        "images": [
            {"id": n, "file_name": f"a{n}.jpg", "width": WIDTH, "height": HEIGHT}
            for n in range(COUNT)
        ],
        "annotations": [
            {
                "id": n,
                "image_id": n,
                "category_id": 1 + n % 2,
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "area": 768,
                "iscrowd": 0,
                "segmentation": [],
            }
            for n in range(COUNT)
        ],
        "categories": [{"id": 1, "name": "Ten"}, {"id": 2, "name": "Fifty"}],
    }


def pictures(root: Path) -> Path:
    for number in range(COUNT):
        picture(root / f"a{number}.jpg")
    return root


def coco(root: Path) -> Path:
    written(pictures(root) / "coco.json", json.dumps(coco_content()))
    return root


def yolo(root: Path) -> Path:
    pictures(root / "images/train")
    for number in range(COUNT):
        line = f"{number % 2} 0.375 0.375 0.5 0.5\n"
        written(root / f"labels/train/a{number}.txt", line)
    written(root / "data.yaml", "train: images/train\nnames: [Ten, Fifty]\n")
    return root
