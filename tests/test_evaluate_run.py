"""The whole evaluation of a prepared folder, with a detector that is good but not perfect."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluating import (
    CLASSES,
    Detector,
    make_prepared,
    pycocotools_on_files,
    shaken,
    with_crowds,
    write_annotations,
)
from typer.testing import CliRunner

from pipeline import models
from pipeline.cli.app import app
from pipeline.errors import BoxwrightError, DataError
from pipeline.evaluation import coco_file, job
from pipeline.evaluation.run import EvaluateOptions, evaluate, match_classes


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    truth, predictions = shaken(3, count=6, boxes=40, false=20)
    folder = tmp_path_factory.mktemp("사진 <b> data") / "prepared"
    return make_prepared(folder, truth), truth, predictions


@pytest.fixture
def detector(prepared, monkeypatch):
    """A detector in the place of the one that the weights hold."""
    _, truth, predictions = prepared
    found = Detector(truth.classes, predictions)
    monkeypatch.setattr(models, "load", lambda *_args, **_options: found)
    monkeypatch.setattr(
        models, "predict", lambda model, *_args, **_options: model.predictions, raising=False
    )
    return found


OPTIONS = EvaluateOptions(samples=3)


@pytest.mark.usefixtures("detector")
def test_evaluate_writes_what_it_says(tmp_path, prepared):
    metrics_found = evaluate(Path("runs/r/weights/best.pt"), prepared[0], OPTIONS, tmp_path)
    assert json.loads((tmp_path / "metrics.json").read_text()) == metrics_found
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "confusion.csv",
        "confusion.png",
        "f1_curve.png",
        "metrics.json",
        "mistakes.csv",
        "pr_curve.png",
        "predictions.json",
        "report.html",
        "samples",
    ]
    assert len(list((tmp_path / "samples").iterdir())) == 3


@pytest.mark.usefixtures("detector")
def test_predictions_open_against_the_annotations_and_give_the_same_score(tmp_path, prepared):
    ours = evaluate(Path("best.pt"), prepared[0], OPTIONS, tmp_path)
    annotations = prepared[0] / "annotations" / "val.json"
    theirs = pycocotools_on_files(annotations, tmp_path / "predictions.json").stats
    assert [ours["mAP50-95"], ours["mAP50"]] == pytest.approx(theirs[:2], abs=2e-4)


@pytest.mark.usefixtures("detector")
def test_two_evaluations_are_the_same_bytes(tmp_path, prepared):
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
        evaluate(Path("best.pt"), prepared[0], OPTIONS, folder)
    files = [p.relative_to(folders[0]) for p in sorted(folders[0].rglob("*")) if p.is_file()]
    assert all((folders[0] / f).read_bytes() == (folders[1] / f).read_bytes() for f in files)


@pytest.mark.usefixtures("detector")
def test_a_run_that_is_being_built_is_not_named_by_its_folder(tmp_path, prepared):
    folder = tmp_path / ".run.x1y2.part"
    folder.mkdir()
    evaluate(folder / "weights" / "best.pt", prepared[0], OPTIONS, folder, run={"name": "won"})
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<h1>won</h1>" in page
    assert folder.name not in page


@pytest.mark.usefixtures("detector")
def test_mistakes_are_listed_worst_first(tmp_path, prepared):
    evaluate(Path("best.pt"), prepared[0], OPTIONS, tmp_path)
    with (tmp_path / "mistakes.csv").open(encoding="utf-8", newline="") as lines:
        weights = [float(row["weight"]) for row in csv.DictReader(lines)]
    assert weights == sorted(weights, reverse=True)
    assert weights[-1] > 0


def test_crowds_come_from_the_annotations(tmp_path):
    truth, _ = shaken(4, count=5, boxes=60)
    folder = make_prepared(tmp_path / "prepared", truth, crowds=True)
    known = coco_file.read(folder / "annotations" / "val.json", truth)
    marked = coco_file.mark_crowds(truth, known)
    assert marked.boxes.crowd.tolist() == with_crowds(truth).boxes.crowd.tolist()


def test_annotations_of_other_pictures_are_an_error(tmp_path):
    truth, _ = shaken(4, count=5, boxes=9)
    file = write_annotations(tmp_path / "val.json", truth.keep_images(np.arange(5) < 4))
    with pytest.raises(DataError, match=r"val\.json: does not have '004\.jpg'"):
        coco_file.read(file, truth)


def test_damaged_annotations_are_an_error(tmp_path):
    (tmp_path / "val.json").write_text('{"images": [')
    with pytest.raises(DataError, match="is no COCO file"):
        coco_file.read(tmp_path / "val.json", shaken(0)[0])


def test_classes_in_another_order_are_matched_by_name(tmp_path, prepared, detector, caplog):
    straight = evaluate(Path("best.pt"), prepared[0], OPTIONS, tmp_path)
    order = np.array([1, 2, 0])
    boxes = detector.predictions.boxes
    detector.classes = tuple(np.array(CLASSES)[order].tolist())
    detector.predictions = replace(
        detector.predictions, boxes=replace(boxes, label=np.argsort(order)[boxes.label])
    )
    with caplog.at_level("INFO"):
        turned = evaluate(Path("best.pt"), prepared[0], OPTIONS, tmp_path)
    assert turned == straight
    assert "matched by name" in caplog.text


def test_other_classes_are_an_error_that_shows_both():
    with pytest.raises(BoxwrightError, match=r"w\.pt: 2 classes: a, b\n.*data: 2 classes: a, c"):
        match_classes(["a", "b"], ["a", "c"], Path("w.pt"), Path("data"))


@pytest.mark.usefixtures("detector")
def test_a_split_that_is_not_there_is_an_error(tmp_path, prepared):
    with pytest.raises(BoxwrightError, match="has no picture in the split 'test'; it has val"):
        evaluate(Path("best.pt"), prepared[0], EvaluateOptions(split="test"), tmp_path)


def run_cli(*arguments):
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def config_file(tmp_path, folder, **block):
    values = {"name": "won", "source": "x", "prepared": str(folder), "runs": str(tmp_path / "runs")}
    path = tmp_path / "won.yaml"
    path.write_text(json.dumps({**values, "evaluate": block}), encoding="utf-8")
    return path


def test_a_config_tells_weights_data_and_options(tmp_path, prepared):
    weights = tmp_path / "runs" / "won" / "weights" / "best.pt"
    weights.parent.mkdir(parents=True)
    weights.touch()
    todo = job.plan(config_file(tmp_path, prepared[0], conf=0.1, iou=0.6), None, {"iou": 0.5}, None)
    assert todo.weights == weights
    assert todo.options == EvaluateOptions(conf=0.1, iou=0.5)
    assert todo.out == tmp_path / "runs" / "won" / "evaluate-val"


def test_a_config_without_a_trained_model_is_an_error(tmp_path, prepared):
    with pytest.raises(BoxwrightError, match="'won' has no trained model yet"):
        job.plan(config_file(tmp_path, prepared[0]), None, {}, None)


@pytest.mark.usefixtures("detector")
def test_json_is_all_that_goes_to_stdout(tmp_path, prepared):
    out = tmp_path / "out"
    result = run_cli("best.pt", prepared[0], "--out", out, "--json", "--samples", 1)
    assert json.loads(result.stdout)["mAP50"] > 0
    assert json.loads((out / "manifest.json").read_text())["kind"] == "evaluation"


@pytest.mark.usefixtures("detector")
def test_the_table_names_every_class(tmp_path, prepared):
    result = run_cli("best.pt", prepared[0], "--out", tmp_path / "out", "--samples", 0)
    assert result.exit_code == 0
    assert all(name in result.stdout for name in CLASSES)


def test_a_failure_leaves_no_output_folder(tmp_path, prepared, detector):
    detector.classes = ("other",)
    result = run_cli("best.pt", prepared[0], "--out", tmp_path / "out")
    assert isinstance(result.exception, BoxwrightError)
    assert list(tmp_path.iterdir()) == []


def test_weights_need_a_prepared_folder():
    assert run_cli("best.pt").exit_code == 2


@pytest.mark.usefixtures("detector")
def test_a_wrong_option_is_refused(prepared):
    result = run_cli("best.pt", prepared[0], "--conf", 2)
    assert "conf: 2.0 does not fit" in str(result.exception)
