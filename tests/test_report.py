"""The report: one page that holds everything, and says it in words."""

from __future__ import annotations

import base64
from dataclasses import asdict, replace
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest
from evaluating import CLASSES, dataset, make_prepared, shaken

from pipeline.evaluation.findings import assess
from pipeline.evaluation.metrics import metrics
from pipeline.evaluation.run import EvaluateOptions
from pipeline.formats import yolo
from pipeline.report import words
from pipeline.report.facts import facts
from pipeline.report.page import write_report
from pipeline.report.training import draw_training, read

MADE = {
    "run": "원 <i>run</i>",
    "evaluation": asdict(EvaluateOptions()),
    "training": {
        "model": {"name": "yolov8n", "start": "scratch", "hash": "00"},
        "options": {"epochs": 3, "note": "<script>alert(1)</script>"},
    },
}
RESULTS = """epoch,time,train/box_loss,train/cls_loss,metrics/mAP50(B),val/box_loss,lr/pg0
1,2.5,3.1,4.1,0.11,3.3,0.01
2,5.0,2.1,3.0,nan,2.9,0.01
3,7.5,1.1,2.2,0.52,,0.01
4,10.0,0.
"""


class Page(HTMLParser):
    """Tags, what they refer to, and the text that a reader sees."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.text, self._open = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self._open.append(tag)
        self.links += [value for name, value in attrs if name in {"src", "href", "srcset"}]

    def handle_data(self, data):
        if "style" not in self._open[-1:]:
            self.text.append(data)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A page about a folder with everything in it."""
    truth, predictions = shaken(3, count=5, boxes=40, false=15)
    folder = tmp_path_factory.mktemp("보고서 <b>")
    data = yolo.read(make_prepared(folder / "prepared", truth))
    truth, predictions = (replace(part, images=data.images) for part in (truth, predictions))
    findings = assess(truth, predictions, folder, pictures=3)
    (folder / "results.csv").write_text(RESULTS)
    draw_training([folder], folder / "training.png")
    return write_report(folder, facts(folder, findings, data, MADE)), findings


@pytest.fixture(scope="module")
def page(report):
    return Page(report[0].read_text(encoding="utf-8"))


def test_nothing_outside_the_page_is_needed(report, page):
    assert all(link.startswith("data:image/") for link in page.links)
    assert not {"script", "link", "iframe"} & set(page.tags)
    assert "url(" not in report[0].read_text(encoding="utf-8")


def test_every_plot_and_sample_is_in_the_page(report, page):
    folder = report[0].parent
    plots = ("confusion.png", "pr_curve.png", "f1_curve.png", "training.png")
    files = [*(folder / name for name in plots), *report[1].files]
    shown = [base64.b64decode(link.split(",", 1)[1]) for link in page.links]
    assert sorted(shown) == sorted(file.read_bytes() for file in files)


def test_names_are_shown_as_they_are(page):
    text = "".join(page.text)
    assert all(name in text for name in (*CLASSES, MADE["run"], "<script>alert(1)</script>"))
    assert {"b", "i"} & set(page.tags) == {"b"}  # the cards are bold


def test_the_score_and_its_explanation_are_told(report, page):
    text = " ".join(page.text)
    assert f"{report[1].metrics['mAP50-95']:.3f}" in text
    assert "of 100 are right" in text


def test_how_it_was_made_is_told_key_by_key(page):
    assert "training.options.epochs" in page.text


def test_a_page_needs_no_plots_and_no_samples(tmp_path):
    truth = dataset([[0, 0, 10, 10, 50, 50]])
    findings = assess(truth, dataset([]), tmp_path, pictures=0)
    for plot in tmp_path.glob("*.png"):
        plot.unlink()
    data = replace(truth, images=replace(truth.images, split=np.array(["val"], dtype=object)))
    file = write_report(tmp_path, facts(tmp_path, findings, data, MADE))
    assert "img" not in Page(file.read_text(encoding="utf-8")).tags


def test_training_curves_are_read_row_by_row(tmp_path):
    (tmp_path / "results.csv").write_text(RESULTS)
    columns = read(tmp_path / "results.csv")
    assert columns["epoch"].tolist() == [1, 2, 3]
    assert np.isnan(columns["val/box_loss"]).tolist() == [False, False, True]


def test_training_curves_come_from_the_first_folder_that_has_them(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "results.csv").write_text(RESULTS)
    assert draw_training([tmp_path / "a", tmp_path / "b"], tmp_path / "training.png")
    assert cv2.imread(str(tmp_path / "training.png")).std() > 5


@pytest.mark.parametrize("text", ["", "epoch,train/box_loss\n", "a,b\n1,2\n"])
def test_no_training_curves_without_numbers(tmp_path, text):
    (tmp_path / "results.csv").write_text(text)
    assert not draw_training([tmp_path], tmp_path / "training.png")
    assert not (tmp_path / "training.png").exists()


def test_words_give_both_shares_and_the_threshold():
    truth = dataset([[i, 0, 10, 10, 50, 50] for i in range(4)], count=4)
    found = metrics(truth, dataset([[0, 0, 10, 10, 50, 50, 0.9]], count=4))
    first = words.score(found, "test")[0]
    assert first.startswith(f"At a confidence of {found['best_confidence']:.2f} or more the model")
    assert "draws 1 box, of which 100 of 100 are right" in first
    assert "finds 25 of 100 of the 4 that are there" in first


def test_words_of_a_model_that_finds_nothing():
    found = metrics(dataset([[0, 0, 10, 10, 50, 50]]), dataset([]))
    assert words.score(found, "val")[0] == "On the val split the model found nothing that is right."


def test_words_say_what_the_score_of_each_split_is_worth():
    found = metrics(dataset([[0, 0, 10, 10, 50, 50]]), dataset([[0, 0, 10, 10, 50, 50, 0.9]]))
    assert "remembers" in " ".join(words.score(found, "train"))
    assert "flatters" in " ".join(words.score(found, "val"))


def test_words_warn_of_classes_with_few_boxes_or_none():
    truth = dataset([[0, 0, 10, 10, 50, 50]])
    said = words.score(metrics(truth, truth), "test")
    assert said[-2:] == [
        f"Measured on fewer than 20 boxes, so largely chance: {CLASSES[0]} (1).",
        f"Not in this split, so not measured: {CLASSES[1]}, {CLASSES[2]}.",
    ]


def test_words_of_a_training():
    model = {"name": "m", "start": "w.pt"}
    run = {"model": model, "epochs": {"asked": 9, "done": 5}, "device": "cpu"}
    assert words.training(run) == "The model: m, from w.pt, 5 of at most 9 epochs, on cpu."
    assert words.training({"model": {"name": "m"}}) == "The model: m."
    assert words.training({}) == ""


def test_words_of_confusions_and_pictures():
    assert words.confusions([("a", "b", 1)]) == ["a was taken for b 1 time."]
    assert words.picture(2, 0, 1) == "2 missed, 1 wrong class"
    assert words.picture(0, 0, 0) == "no mistake"
