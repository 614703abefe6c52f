"""The numbers of an evaluation, against pycocotools on files and ultralytics on the same boxes."""

from __future__ import annotations

import types
from dataclasses import replace

import cv2
import numpy as np
import pytest
from evaluating import (
    CLASSES,
    dataset,
    pycocotools_on_files,
    shaken,
    with_crowds,
    write_annotations,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import BoxwrightError
from pipeline.evaluation import coco, coco_file, confusion, plots, samples, written
from pipeline.evaluation.curves import curves
from pipeline.evaluation.metrics import metrics


@pytest.mark.parametrize("seed", range(3))
def test_numbers_are_those_of_pycocotools_on_the_written_files(tmp_path, seed, capsys):
    truth, predictions = shaken(seed)
    truth = with_crowds(truth)
    annotations = write_annotations(tmp_path / "val.json", truth)
    written.write_results(tmp_path / "p.json", predictions, coco_file.read(annotations, truth))
    theirs = pycocotools_on_files(annotations, tmp_path / "p.json").stats
    capsys.readouterr()
    ours = metrics(truth, predictions)
    sizes = [ours["sizes"][name] for name in ("small", "medium", "large")]
    numbers = [ours[key] for key in ("mAP50-95", "mAP50", "mAP75")]
    numbers += [size["mAP50-95"] for size in sizes]
    numbers += [ours[key] for key in ("AR1", "AR10", "AR100")] + [size["AR100"] for size in sizes]
    assert numbers == pytest.approx(theirs, abs=1e-6)
    assert capsys.readouterr().out == ""


def test_class_numbers_are_those_of_pycocotools(tmp_path):
    truth, predictions = shaken(7)
    annotations = write_annotations(tmp_path / "val.json", truth)
    written.write_results(tmp_path / "p.json", predictions, coco_file.read(annotations, truth))
    precision = pycocotools_on_files(annotations, tmp_path / "p.json").eval["precision"]
    rows = metrics(truth, predictions)["classes"]
    theirs = precision[:, :, :, 0, 2].mean(axis=(0, 1))
    assert [row["AP50-95"] for row in rows] == pytest.approx(theirs, abs=1e-6)


@pytest.fixture(scope="module")
def ultralytics_numbers():
    from pipeline.models.ultralytics import library

    library.load()
    import torch
    from ultralytics.engine.validator import BaseValidator
    from ultralytics.utils.metrics import ap_per_class, box_iou

    validator = types.SimpleNamespace(iouv=torch.linspace(0.5, 0.95, 10))

    def measure(truth, predictions):
        hits = []
        for own, guesses in zip(truth.per_image(), predictions.per_image(), strict=True):
            guess = predictions.boxes.take(np.arange(guesses.start, guesses.stop))
            order = np.argsort(-guess.score, kind="stable")
            overlap = box_iou(torch.tensor(truth.boxes.xyxy[own]), torch.tensor(guess.xyxy[order]))
            labels = torch.tensor(guess.label[order]), torch.tensor(truth.boxes.label[own])
            match = np.zeros((len(order), 10), dtype=bool)
            match[order] = BaseValidator.match_predictions(validator, *labels, overlap).numpy()
            hits.append(match)
        boxes = predictions.boxes
        found = ap_per_class(np.concatenate(hits), boxes.score, boxes.label, truth.boxes.label)
        return {"precision": found[2], "recall": found[3], "ap": found[5]}

    return measure


@pytest.mark.parametrize("seed", range(3))
def test_average_precision_agrees_with_ultralytics(ultralytics_numbers, seed):
    truth, predictions = shaken(seed, count=150, boxes=900, false=800)
    theirs, ours = ultralytics_numbers(truth, predictions), metrics(truth, predictions)
    assert ours["mAP50"] == pytest.approx(theirs["ap"][:, 0].mean(), abs=0.01)
    assert ours["mAP50-95"] == pytest.approx(theirs["ap"].mean(), abs=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_precision_and_recall_are_those_of_ultralytics(ultralytics_numbers, seed):
    truth, predictions = shaken(seed)
    theirs, rows = ultralytics_numbers(truth, predictions), metrics(truth, predictions)["classes"]
    assert [row["precision"] for row in rows] == pytest.approx(theirs["precision"], abs=1e-6)
    assert [row["recall"] for row in rows] == pytest.approx(theirs["recall"], abs=1e-6)


def test_the_truth_as_prediction_is_perfect():
    truth, _ = shaken(0)
    found = metrics(truth, truth)
    assert found["mAP50-95"] == found["precision"] == found["recall"] == 1


def test_no_prediction_gives_zero():
    found = metrics(dataset([[0, 0, 10, 10, 50, 50]]), dataset([]))
    numbers = [found[key] for key in ("mAP50-95", "mAP50", "AR100", "precision", "recall", "f1")]
    assert numbers == [0] * 6


def test_a_class_without_truth_is_left_out_of_the_means():
    truth = dataset([[0, 0, 10, 10, 50, 50]])
    found = metrics(truth, dataset([[0, 0, 10, 10, 50, 50, 0.9], [0, 2, 90, 90, 99, 99, 0.8]]))
    assert found["mAP50"] == 1
    assert found["classes"][2]["AP50-95"] is None


def test_a_size_without_truth_is_null():
    found = metrics(dataset([[0, 0, 0, 0, 200, 200]]), dataset([[0, 0, 0, 0, 200, 200, 0.9]]))
    assert found["sizes"]["large"] == {"boxes": 1, "mAP50-95": 1, "AR100": 1}
    assert found["sizes"]["small"] == {"boxes": 0, "mAP50-95": None, "AR100": None}


def test_a_truth_without_boxes_is_an_error():
    with pytest.raises(BoxwrightError, match="nothing to measure against: 1 picture and no box"):
        metrics(dataset([]), dataset([]))


def test_predictions_beyond_a_hundred_a_picture_count():
    truth = dataset([[0, 0, 0, 0, 50, 50]])
    others = [[0, 0, 300, 300, 340, 340, 0.9]] * 350
    found = metrics(truth, dataset([*others, [0, 0, 0, 0, 50, 50, 0.1]]))
    assert found["classes"][0]["AP50"] == pytest.approx(1 / 351, abs=1e-6)


def test_a_prediction_in_a_crowd_is_no_mistake():
    truth = dataset([[0, 0, 10, 10, 50, 50], [0, 0, 100, 100, 400, 400]])
    truth = replace(truth, boxes=replace(truth.boxes, crowd=np.array([False, True])))
    predictions = dataset([[0, 0, 10, 10, 50, 50, 0.5], [0, 0, 150, 150, 200, 200, 0.9]])
    assert metrics(truth, predictions)["mAP50"] == 1
    matching = confusion.match(truth, predictions)
    assert confusion.mistakes(truth, matching).weight.tolist() == [0]


def test_the_best_threshold_parts_right_from_wrong():
    truth = dataset([[i, 0, 10, 10, 50, 50] for i in range(20)], count=20)
    right = [[i, 0, 10, 10, 50, 50, 0.8] for i in range(20)]
    wrong = [[i, 0, 300, 300, 350, 350, 0.2] for i in range(20)]
    found = metrics(truth, dataset(sorted(right + wrong), count=20))
    assert 0.2 < found["best_confidence"] < 0.8
    assert found["f1"] == pytest.approx(1, abs=0.01)


def test_confusion_matrix_of_a_known_case():
    truth = dataset([[0, 0, 0, 0, 50, 50], [0, 0, 100, 0, 150, 50], [0, 1, 200, 0, 250, 50]])
    said = [
        [0, 0, 0, 0, 50, 50, 0.9],  # right
        [0, 1, 100, 0, 150, 50, 0.9],  # wrong class
        [0, 2, 300, 300, 350, 350, 0.9],  # where nothing is
        [0, 1, 200, 0, 250, 50, 0.2],  # too unsure
    ]
    counts = confusion.matrix(truth, confusion.match(truth, dataset(said)))
    assert counts.tolist() == [[1, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 1, 0]]


def test_the_surest_prediction_chooses_first():
    truth = dataset([[0, 0, 0, 0, 100, 100]])
    exact, near = [0, 0, 0, 0, 100, 100, 0.5], [0, 1, 0, 0, 100, 90, 0.9]
    matching = confusion.match(truth, dataset([exact, near]))
    assert matching.found.tolist() == [confusion.NOBODY, 0]


@given(st.integers(0, 10_000), st.floats(0, 1), st.floats(0.1, 0.9))
@settings(max_examples=25, deadline=None)
def test_every_box_and_prediction_is_counted_once(seed, conf, iou):
    truth, predictions = shaken(seed, count=5, boxes=40, false=30)
    truth = with_crowds(truth)
    matching = confusion.match(truth, predictions, conf, iou)
    counts = confusion.matrix(truth, matching)
    ignored = np.count_nonzero(matching.found == confusion.IN_CROWD)
    assert counts[:-1].sum() == np.count_nonzero(~truth.boxes.crowd)
    assert counts[:, :-1].sum() == np.count_nonzero(predictions.boxes.score >= conf) - ignored


def test_most_confused_names_what_is_there_first():
    counts = np.array([[9, 3, 0, 1], [1, 9, 0, 7], [0, 0, 0, 0], [5, 0, 0, 0]])
    found = confusion.most_confused(counts, CLASSES)
    assert found == [(CLASSES[0], CLASSES[1], 3), (CLASSES[1], CLASSES[0], 1)]


def test_the_worst_pictures_come_first():
    truth = dataset([[i, 0, 0, 0, 50, 50] for i in (0, 1, 1, 1, 2)], count=6)
    mistakes = confusion.mistakes(truth, confusion.match(truth, dataset([], count=6)))
    worst, others = samples.choose(mistakes, 3)
    assert worst.tolist() == [1, 0]
    assert set(others).isdisjoint(worst)


def test_no_picture_is_shown_twice_when_there_are_few():
    truth, predictions = shaken(0, count=4, boxes=10, false=2)
    mistakes = confusion.mistakes(truth, confusion.match(truth, predictions))
    worst, others = samples.choose(mistakes, 50)
    assert sorted([*worst, *others]) == [0, 1, 2, 3]


NASTY = (r"$\frac$", "<b>굵게</b>", "_hidden", "a\nb", "")


@pytest.mark.parametrize("count", [5, 40])
def test_plots_show_any_class_name(tmp_path, count):
    classes = (NASTY * 8)[:count]
    draw = np.random.default_rng(0)
    label = draw.integers(0, count, 300)
    boxes = np.column_stack([np.arange(300) // 30, label, np.tile([5, 5, 90, 90], (300, 1))])
    truth = dataset(boxes, count=10, classes=classes)
    said = np.column_stack([boxes, draw.random(300)])
    said[:, 1] = (label + (draw.random(300) < 0.3)) % count
    predictions = dataset(said, count=10, classes=classes)
    scores = coco.score(truth, predictions)
    counts = confusion.matrix(truth, confusion.match(truth, predictions))
    plots.pr_curve(scores, classes, tmp_path / "pr.png")
    plots.f1_curve(curves(scores.hits), classes, tmp_path / "f1.png")
    plots.confusion(counts, classes, tmp_path / "confusion.png")
    for name in ("pr", "f1", "confusion"):
        picture = cv2.imread(str(tmp_path / f"{name}.png"))
        assert picture.std() > 5
