"""The prepared tree, opened by those it is written for."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from making import labelme, photos, picture, rectangle

from pipeline.convert import ConvertOptions, convert
from pipeline.formats import yolo

ULTRALYTICS = """
import json, sys
from ultralytics.data.dataset import YOLODataset
from ultralytics.data.utils import check_det_dataset
data = check_det_dataset(sys.argv[1], autodownload=False)
loaded = YOLODataset(img_path=data["train"], data=data, imgsz=64, augment=False)
rows = {l["im_file"]: [l["cls"].tolist(), l["bboxes"].tolist()] for l in loaded.labels}
print(json.dumps({"names": data["names"], "labels": rows}))
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree")
    source = photos(root / "photos", 12)
    triangle = {"label": "Ten", "points": [[8, 6], [40, 6], [8, 30]], "shape_type": "polygon"}
    labelme(source / "a3.json", triangle, rectangle('it\'s: a "만원" <b>\n#', 1, 1, 9, 9))
    picture(source / "nothing/b.jpg")
    convert(source, root / "사진 tree", ConvertOptions(background=[source / "nothing"]))
    return root / "사진 tree"


def test_ultralytics_reads_the_same_boxes_from_any_folder(prepared, tmp_path):
    environment = os.environ | {
        "YOLO_CONFIG_DIR": str(tmp_path),
        "YOLO_OFFLINE": "1",
        "YOLO_AUTOINSTALL": "0",
    }
    command = [sys.executable, "-c", ULTRALYTICS, str(prepared / "data.yaml")]
    run = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment
    )
    read = json.loads(run.stdout.splitlines()[-1])
    ours = yolo.read(prepared).of_split("train")
    assert list(read["names"].values()) == list(ours.classes)
    for row, rows in enumerate(ours.per_image()):
        classes, boxes = read["labels"][ours.images.path[row]]
        assert sorted(int(c[0]) for c in classes) == sorted(ours.boxes.label[rows].tolist())
        assert len(boxes) == rows.stop - rows.start
    assert len(read["labels"]) == len(ours.images)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchvision_takes_the_coco_file_for_a_mask_model(prepared, capsys):
    from torchvision.datasets import CocoDetection, wrap_dataset_for_transforms_v2

    file = prepared / "annotations/train.json"
    data = wrap_dataset_for_transforms_v2(
        CocoDetection(prepared / "images/train", file), target_keys=("boxes", "labels", "masks")
    )
    capsys.readouterr()
    ours = yolo.read(prepared).of_split("train")
    assert len(data) == len(ours.images)
    boxes = sum(len(target.get("boxes", ())) for _, target in data)
    assert boxes == len(ours.boxes)
    assert all(target["masks"].any() for _, target in data if "masks" in target)
