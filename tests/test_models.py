"""Names, weights files and detectors. About 20 s on two cores of one's own."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from training import CLASSES, SMALL, prepare

from pipeline import boxes as geometry
from pipeline import config, images, models
from pipeline.errors import BoxwrightError
from pipeline.formats import yolo
from pipeline.models.ultralytics import library, zoo
from pipeline.training.run import TrainOptions, train

SIZES = "nsmlx"

library.load()  # before torch: its threads then wait in peace
import torch  # noqa: E402


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("data") / "prepared", train=64, val=20)


@pytest.fixture(scope="module")
def best(prepared, tmp_path_factory):
    """A model that knows discs from squares, if not perfectly."""
    out = tmp_path_factory.mktemp("runs") / "run"
    options = config.options(TrainOptions, SMALL, {"epochs": 14, "batch": 8, "nbs": 8, "lr0": 0.01})
    train(prepared, options, out)
    return out / "weights" / "best.pt"


@pytest.fixture(scope="module")
def detector(best):
    return models.load(best)


@pytest.fixture(scope="module")
def val(prepared):
    return yolo.read(prepared).of_split("val")


# Detectors


def test_a_detector_finds_what_it_learned(detector, val):
    found = models.predict(detector, val, conf=0.25)
    hits = 0
    for truth, seen in zip(val.per_image(), found.per_image(), strict=True):
        overlap = geometry.iou(val.boxes.xyxy[truth], found.boxes.xyxy[seen])
        alike = val.boxes.label[truth][:, None] == found.boxes.label[seen][None]
        hits += int(((overlap > 0.5) & alike).any(axis=1).sum())
    assert hits >= 0.8 * len(val.boxes)


def test_predictions_are_those_of_ultralytics_own_validator(best, detector, prepared, val):
    theirs = _validated(best, prepared)
    found = models.predict(detector, val, batch=7)
    assert len(found.boxes) == sum(len(rows) for rows in theirs.values()) > 0
    images_rows = zip(val.images.path, val.images.size, found.per_image(), strict=True)
    for path, size, rows in images_rows:
        cut = geometry.clip(found.boxes.xyxy[rows], size)  # as `scale_preds` does
        columns = (cut, found.boxes.score[rows], found.boxes.label[rows])
        assert np.abs(np.column_stack(columns) - theirs[path]).max(initial=0) < 0.001


def _validated(best, prepared):
    """What ultralytics' validator finds in each picture, by its path."""
    library.load()
    from ultralytics.models.yolo.detect import DetectionValidator

    found = {}

    class Noting(DetectionValidator):
        def update_metrics(self, preds, batch):
            for row, boxes in enumerate(preds):
                picture = self._prepare_batch(row, batch)
                own = self.scale_preds({k: v.clone() for k, v in boxes.items()}, picture)
                table = [own["bboxes"].numpy(), own["conf"].numpy(), own["cls"].numpy()]
                found[picture["im_file"]] = np.column_stack(table)
            super().update_metrics(preds, batch)

    given = {"model": str(best), "data": str(prepared / "data.yaml"), "imgsz": SMALL["imgsz"]}
    quiet = {"rect": True, "plots": False, "save_dir": str(best.parent), "workers": 0}
    Noting(args={**given, **quiet, "device": "cpu", "mode": "val", "task": "detect"})()
    for cache in prepared.glob("labels/*/*.cache"):
        cache.unlink()
    return found


def test_boxes_are_in_order_and_inside(detector):
    draw = np.random.default_rng(0)
    sizes = [(48, 200), (200, 48), (64, 64), (7, 500)]
    pictures = [draw.integers(0, 255, (*size, 3), dtype=np.uint8) for size in sizes]
    found = detector.detect(pictures, conf=0.0001)
    assert set(found.image) == {0, 1, 2, 3}
    limit = np.array([[size[1], size[0]] * 2 for size in sizes])[found.image]
    assert (found.xyxy >= 0).all()
    assert (found.xyxy <= limit).all()
    order = np.lexsort([-found.score, found.image])
    assert (order == np.arange(len(found))).all()


def test_a_picture_gives_the_same_alone_and_in_company(detector, val):
    pictures = [images.decode(path) for path in val.images.path[:4]]
    pictures.insert(2, np.zeros((30, 90, 3), dtype=np.uint8))
    together = detector.detect(pictures, conf=0.01)
    alone = detector.detect(pictures[3:4], conf=0.01)
    assert np.allclose(together.xyxy[together.image == 3], alone.xyxy, atol=0.01)


def test_no_more_boxes_than_asked_for(detector, val):
    pictures = [images.decode(path) for path in val.images.path]
    found = detector.detect(pictures, conf=0.0001, max_det=3)
    assert np.bincount(found.image).max() == 3


def test_a_box_has_one_class_unless_every_one_is_wanted(detector, val):
    pictures = [images.decode(path) for path in val.images.path]
    best_only = detector.detect(pictures, conf=0.0001, iou=1.0, max_det=1000)
    every = detector.detect(pictures, conf=0.0001, iou=1.0, max_det=1000, for_metrics=True)
    assert len(every) > len(best_only)


def test_no_pictures_no_boxes(detector):
    assert len(detector.detect([])) == 0


def test_pictures_are_shown_at_the_size_of_the_training(detector, best):
    assert detector.imgsz == SMALL["imgsz"]
    assert models.load(best, imgsz=100).imgsz == 128


def test_a_device_that_is_not_there_is_said(best):
    with pytest.raises(BoxwrightError, match=r"(?s)device '9': .*sees these GPUs"):
        models.load(best, device="9")


def test_it_stops_early_where_nothing_gets_better(best, prepared, tmp_path):
    changes = {"epochs": 20, "patience": 1, "lr0": 1e-9, "model": str(best)}
    made = train(prepared, config.options(TrainOptions, SMALL, changes), tmp_path / "run")
    assert made["epochs"]["asked"] == 20
    assert made["epochs"]["done"] < 20


# Weights files that are none


class Bomb:
    """Unpickled, it makes a file."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("kind", ["text", "empty", "cut short", "pickle", "tensor", "no model"])
def test_weights_that_are_none_are_refused(best, tmp_path, kind):
    file = tmp_path / "it's weights.pt"
    content = {
        "text": b"hello",
        "empty": b"",
        "cut short": best.read_bytes()[:5000],
        "pickle": pickle.dumps({"model": 1}),
    }
    if kind in content:
        file.write_bytes(content[kind])
    else:
        torch.save(torch.zeros(3) if kind == "tensor" else {"model": "none"}, file)
    with pytest.raises(BoxwrightError, match="is no weights file that can be opened"):
        models.load(file)
    assert file.exists()


def test_a_weights_file_runs_no_code(tmp_path):
    file = tmp_path / "bomb.pt"
    torch.save({"model": Bomb(tmp_path / "exploded")}, file)
    with pytest.raises(BoxwrightError, match=r"bomb\.pt"):
        models.load(file)
    assert not (tmp_path / "exploded").exists()


def test_a_model_of_another_task_is_refused(tmp_path):
    library.load()
    from ultralytics.nn.tasks import SegmentationModel

    torch.save({"model": SegmentationModel("yolov8n-seg.yaml", verbose=False)}, tmp_path / "seg.pt")
    with pytest.raises(BoxwrightError, match="holds a SegmentationModel, which is no detector"):
        models.load(tmp_path / "seg.pt")


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(BoxwrightError, match="there is no such weights file"):
        models.load(tmp_path / "none.pt")


# Names


@pytest.mark.parametrize("name", [f"yolov5{s}u" for s in SIZES] + [f"yolov8{s}" for s in SIZES])
def test_every_promised_model_is_known_and_published(name, tmp_path):
    source = zoo.find(name, tmp_path)
    assert source.architecture["scale"] == name[6]
    assert f"{name}.pt is not here: training from scratch" in source.note
    assert "--download" in source.note


@pytest.mark.parametrize("name", ["yolo11n", "yolo12s", "yolo26n", "yolov9t", "yolov10b"])
def test_newer_models_are_known_by_name(name, tmp_path):
    assert not zoo.find(name, tmp_path).transformer


def test_rtdetr_is_known_by_name(tmp_path):
    assert zoo.find("rtdetr-l", tmp_path).transformer


def test_the_old_name_of_yolov5_finds_its_weights(best, tmp_path):
    (tmp_path / "yolov5nu.pt").write_bytes(best.read_bytes())
    assert zoo.find("yolov5n", tmp_path).weights == (tmp_path / "yolov5nu.pt").absolute()


def test_an_architecture_is_never_taken_for_weights(best, tmp_path):
    (tmp_path / "yolov8n.pt").write_bytes(best.read_bytes())
    assert zoo.find("yolov8n", tmp_path).weights is not None
    assert zoo.find("yolov8n.yaml", tmp_path).weights is None


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("yolov8q", "yolov8"),
        ("yolo8n", "yolov8n"),
        ("yolov8", "yolov8"),
        ("rtdetr", "rtdetr-"),
        ("yolov8n-seg", "yolov8n"),
    ],
)
def test_a_misspelt_name_is_refused_with_the_likely_ones(name, near, tmp_path):
    with pytest.raises(BoxwrightError, match=f"there is no such model; did you mean.*{near}"):
        zoo.find(name, tmp_path)


def test_a_failed_download_says_what_to_do(tmp_path, monkeypatch):
    def refuse(*_arguments, **_options):
        raise ConnectionError("no route to host")

    library.load()
    monkeypatch.setattr("ultralytics.utils.downloads.safe_download", refuse)
    with pytest.raises(BoxwrightError, match=r"(?s)no route to host.*by other means"):
        zoo.find("yolov8n", tmp_path / "weights", download=True)


def test_weights_are_downloaded_once_and_only_when_asked(best, tmp_path, monkeypatch):
    fetched = []

    def fetch(url, *, file, dir, **_options):  # noqa: A002 - as ultralytics calls it
        fetched.append(url)
        (Path(dir) / file).write_bytes(best.read_bytes())

    library.load()
    monkeypatch.setattr("ultralytics.utils.downloads.safe_download", fetch)
    assert zoo.find("yolov5s", tmp_path).weights is None
    for _ in range(2):
        assert zoo.find("yolov5s", tmp_path, download=True).weights == tmp_path / "yolov5su.pt"
    assert [url.rpartition("/")[2] for url in fetched] == ["yolov5su.pt"]


def test_an_architecture_for_another_task_is_refused(tmp_path):
    file = tmp_path / "other.yaml"
    file.write_text("nc: 2\nbackbone: []\nhead: [[-1, 1, Segment, [nc]]]\n")
    with pytest.raises(BoxwrightError, match="no detection architecture"):
        zoo.find(str(file), tmp_path)


def test_the_check_of_half_precision_tells_a_sound_model_from_a_broken_one(best):
    from pipeline.models.ultralytics import trainer, weights

    model = weights.read(best).train()
    assert trainer.finite_at_half_precision(model, torch.device("cpu"))
    assert model.training
    next(model.parameters()).data.fill_(1e38)
    assert not trainer.finite_at_half_precision(model, torch.device("cpu"))


def test_classes_are_those_of_the_data(detector):
    assert detector.classes == CLASSES
