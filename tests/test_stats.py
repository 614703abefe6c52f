"""Statistics against what is counted by hand, box by box."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluating import CLASSES, dataset, make_prepared, shaken
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipeline.cli.app import app
from pipeline.dataset import Boxes, Images, strings
from pipeline.errors import BoxwrightError
from pipeline.stats import stats


def split(data, names):
    return replace(data, images=replace(data.images, split=strings(names)))


@given(st.integers(0, 1000), st.integers(0, 60))
@settings(max_examples=25, deadline=None)
def test_class_counts_are_those_of_a_plain_count(seed, boxes):
    data, _ = shaken(seed, count=9, boxes=boxes, false=0)
    columns = list(zip(data.boxes.image.tolist(), data.boxes.label.tolist(), strict=True))
    rows = stats(data)["all"]["classes"]
    of_boxes = Counter(label for _, label in columns)
    of_images = Counter(label for _, label in set(columns))
    assert [row["boxes"] for row in rows] == [of_boxes[i] for i in range(3)]
    assert [row["images"] for row in rows] == [of_images[i] for i in range(3)]


@given(st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_splits_add_up_to_all(seed):
    data, _ = shaken(seed, count=9, boxes=50, false=0)
    draw = np.random.default_rng(seed)
    found = stats(split(data, draw.choice(["train", "val", "test"], 9).tolist()))
    for key in ("images", "background", "boxes"):
        assert sum(part[key] for part in found["splits"].values()) == found["all"][key]


def test_pictures_without_boxes_are_background():
    found = stats(dataset([[1, 0, 0, 0, 10, 10]], count=3))["all"]
    assert (found["images"], found["background"]) == (3, 2)


def test_sizes_are_parted_at_coco_borders():
    sides = (31.9, 32, 95.9, 96)
    found = stats(dataset([[0, 0, 0, 0, side, side] for side in sides]))["all"]
    assert found["sizes"] == {"small": 1, "medium": 2, "large": 1}


def test_shapes_are_relative_to_each_picture():
    data = dataset([[0, 0, 0, 0, 100, 50], [1, 0, 0, 0, 100, 50]], count=2)
    size = np.array([[100, 100], [200, 100]])
    found = stats(replace(data, images=replace(data.images, size=size)))["all"]
    assert (found["relative_area"]["0"], found["relative_area"]["100"]) == (0.25, 0.5)
    assert found["aspect"]["50"] == 2


def test_the_most_common_picture_size_comes_first():
    data = dataset([], count=3)
    size = np.array([[100, 100], [640, 480], [640, 480]])
    found = stats(replace(data, images=replace(data.images, size=size)))["all"]["image_sizes"]
    assert found["different"] == 2
    assert found["common"][0] == {"width": 640, "height": 480, "images": 2}


def test_medians_of_classes_are_their_own():
    data = dataset([[0, 0, 0, 0, 64, 48], [0, 2, 0, 0, 640, 480], [0, 2, 0, 0, 320, 480]])
    rows = stats(data)["all"]["classes"]
    assert [row["relative_area"] for row in rows] == [0.01, None, 0.75]


def test_nothing_at_all_is_counted_too():
    found = stats(replace(dataset([]), images=Images.of([], [], []), boxes=Boxes.of([], [], [])))
    assert (found["all"]["images"], found["all"]["relative_area"]) == (0, None)
    assert found["warnings"] == ["There is no box at all."]


def test_a_class_absent_from_val_is_told():
    boxes = [[0, label, 0, 0, 50, 50] for label in (0, 1, 2)] + [[1, 0, 0, 0, 50, 50]]
    found = stats(split(dataset(boxes, count=2), ["train", "val"]))["warnings"]
    assert f"Not in val, so cannot be measured there: {CLASSES[1]}, {CLASSES[2]}." in found


def test_a_class_that_is_nowhere_is_told_once():
    boxes = [[i, label, 0, 0, 50, 50] for i in (0, 1) for label in (0, 1)]
    found = stats(split(dataset(boxes, count=2), ["train", "val"]))["warnings"]
    absent = [sentence for sentence in found if sentence.startswith("Not in")]
    assert absent == [f"Not in train, so cannot be learnt there: {CLASSES[2]}."]


def test_few_boxes_are_told_with_their_number():
    boxes = [[i, 0, 0, 0, 50, 50] for i in (0,) * 100 + (1,) * 19]
    found = stats(split(dataset(boxes, count=2, classes=("a",)), ["train", "val"]))["warnings"]
    assert found == ["Fewer than 20 boxes in val; its score will be unsure: a (19)."]


def test_an_even_data_set_has_no_warning():
    boxes = [[i, label, 0, 0, 50, 50] for i in (0, 1) for label in (0, 1, 2) for _ in range(100)]
    assert stats(split(dataset(boxes, count=2), ["train", "val"]))["warnings"] == []


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return make_prepared(tmp_path_factory.mktemp("통계 <b>") / "p", shaken(0, count=3, boxes=9)[0])


def test_json_is_all_that_goes_to_stdout(prepared):
    result = CliRunner().invoke(app, ["stats", str(prepared), "--json"])
    assert json.loads(result.stdout)["splits"]["val"]["boxes"] == 9


def test_tables_show_class_names_as_they_are(prepared):
    result = CliRunner().invoke(app, ["stats", str(prepared)])
    assert result.exit_code == 0
    assert all(name in result.stdout for name in CLASSES)


def test_a_config_names_the_prepared_folder(tmp_path, prepared):
    config = tmp_path / "run.yaml"
    config.write_text(json.dumps({"name": "r", "source": "x", "prepared": str(prepared)}))
    result = CliRunner().invoke(app, ["stats", str(config), "--json"])
    assert json.loads(result.stdout)["all"]["images"] == 3


def test_a_folder_that_is_not_prepared_is_an_error(tmp_path):
    result = CliRunner().invoke(app, ["stats", str(tmp_path)])
    assert isinstance(result.exception, BoxwrightError)
    assert Path(tmp_path).name in str(result.exception)
