"""Statistics against what is counted by hand, box by box."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from itertools import combinations
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
from pipeline.stats.spread import by_label


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


@given(st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_every_histogram_holds_everything(seed):
    data, _ = shaken(seed, count=9, boxes=50, false=0)
    found = stats(split(data, ["train"] * 6 + ["val"] * 3))["histograms"]
    for name, count in (("boxes_per_image", 9), ("side", 50), ("aspect", 50)):
        counts = found[name]["splits"]
        assert sum(map(sum, counts.values())) == count
        assert {len(own) for own in counts.values()} == {len(found[name]["edges"]) - 1}


def test_pictures_are_counted_by_their_number_of_boxes():
    data = dataset([[0, 0, 0, 0, 9, 9], [0, 0, 0, 0, 9, 9], [2, 0, 0, 0, 9, 9]], count=3)
    found = stats(data)["histograms"]["boxes_per_image"]
    assert (found["edges"][:3], found["splits"]["val"][:3]) == ([0, 1, 2], [1, 1, 1])


@pytest.mark.parametrize(("imgsz", "side"), [(640, 32), (1280, 64), (320, 16)])
def test_sides_are_those_at_the_size_of_training(imgsz, side):
    found = stats(dataset([[0, 0, 0, 0, 33, 33]]), imgsz)["histograms"]["side"]
    assert found["edges"][found["splits"]["val"].index(1)] == side


@given(st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_heat_maps_are_those_of_a_plain_count(seed):
    data, _ = shaken(seed, count=4, boxes=20, false=0)
    found = {name: np.array(cells) for name, cells in stats(data)["positions"].items()}
    cells = len(found["centres"])
    boxes = (np.clip(data.boxes.xyxy / [640, 480, 640, 480], 0, 1) * cells).tolist()
    middles = [place + 0.5 for place in range(cells)]
    centres, cover = np.zeros((cells, cells)), np.zeros((cells, cells))
    for x1, y1, x2, y2 in boxes:
        centres[int((y1 + y2) / 2), int((x1 + x2) / 2)] += 1
        cover += np.outer([y1 <= at < y2 for at in middles], [x1 <= at < x2 for at in middles])
    assert np.array_equal(found["centres"], centres)
    assert np.allclose(found["coverage"], cover / 4, atol=1e-6)


@given(st.integers(0, 1000), st.integers(2, 40))
@settings(max_examples=20, deadline=None)
def test_pairs_of_classes_are_those_of_a_plain_count(seed, boxes):
    data, _ = shaken(seed, count=9, boxes=boxes, false=0)
    held = {}
    for image, label in zip(data.boxes.image.tolist(), data.boxes.label.tolist(), strict=True):
        held.setdefault(image, set()).add(CLASSES[label])
    plain = Counter(frozenset(two) for own in held.values() for two in combinations(own, 2))
    found = stats(data)["together"]["pairs"]
    assert {frozenset((one["a"], one["b"])): one["images"] for one in found} == plain


@given(st.integers(0, 1000), st.integers(0, 40))
@settings(max_examples=20, deadline=None)
def test_quantiles_by_class_are_numpy_s(seed, count):
    draw = np.random.default_rng(seed)
    label, values = draw.integers(0, 4, count), draw.random(count)
    found = by_label(label, values, 4, (5, 50, 95))
    wanted = [values[label == place] for place in range(4)]
    assert [own is None for own in found] == [not len(own) for own in wanted]
    for own, theirs in zip(found, wanted, strict=True):
        assert own is None or np.allclose(own, np.percentile(theirs, (5, 50, 95)), atol=1e-6)


def grouped(data, names):
    return replace(data, images=replace(data.images, group=strings(names)))


def test_groups_and_pictures_without_one_are_counted():
    found = stats(grouped(dataset([], count=5), ["a", "b", "a", "", "a"]))["all"]["groups"]
    assert (found["groups"], found["unknown"]) == (2, 1)
    assert found["largest"] == [{"group": "a", "images": 3}, {"group": "b", "images": 1}]


def test_a_class_knows_its_groups():
    boxes = [[i, label, 0, 0, 9, 9] for i, label in ((0, 0), (1, 0), (1, 0), (2, 0), (2, 1))]
    rows = stats(grouped(dataset(boxes, count=3), ["a", "b", "b"]))["all"]["classes"]
    assert [row["groups"] for row in rows] == [2, 1, 0]


def test_without_groups_nothing_is_said_of_them():
    found = stats(dataset([[0, 0, 0, 0, 9, 9]]))
    assert found["all"]["classes"][0]["groups"] is None
    assert not [sentence for sentence in found["warnings"] if "group" in sentence]


def test_origins_are_counted_by_split():
    data = split(dataset([], count=3), ["train", "train", "val"])
    found = stats(replace(data, images=replace(data.images, origin=strings(["shop", "", "shop"]))))
    assert found["splits"]["train"]["origins"] == [
        {"origin": "shop", "images": 1},
        {"origin": "", "images": 1},
    ]


def told(data, word, imgsz=640):
    """The one warning that holds the word."""
    (sentence,) = [one for one in stats(data, imgsz)["warnings"] if word in one]
    return sentence


def test_a_group_in_two_splits_is_told_first():
    data = grouped(dataset([[0, 0, 0, 0, 50, 50]], count=3), ["x", "x", "y"])
    first = stats(split(data, ["train", "val", "val"]))["warnings"][0]
    assert first.startswith("1 group is in more than one split (2 pictures)")
    assert "x (train, val)" in first


def test_a_class_of_few_groups_is_told():
    data = dataset([[i, 0, 0, 0, 50, 50] for i in range(8)], count=8, classes=("a",))
    sentence = told(grouped(split(data, ["train"] * 8), list("ppppqqqq")), "Fewer than 5 groups")
    assert "a (2)" in sentence


def test_one_group_that_is_half_of_a_split_is_told():
    data = dataset([[i, 0, 0, 0, 50, 50] for i in range(8)], count=8, classes=("a",))
    assert "50% of the pictures in train" in told(
        grouped(split(data, ["train"] * 8), list("ppppqrst")), "One group"
    )


def test_an_uneven_set_is_told_with_both_ends():
    data = dataset([[0, 0, 0, 0, 50, 50]] * 40 + [[0, 1, 0, 0, 50, 50]], classes=("a", "b"))
    assert told(split(data, ["train"]), "times the boxes").startswith(
        "a has 40 times the boxes of b in train (40 and 1)"
    )


def test_a_class_that_is_frequent_elsewhere_is_told():
    rows = [[i, int(i % 10 == 0 if i < 100 else i % 2), 0, 0, 50, 50] for i in range(200)]
    data = split(dataset(rows, count=200, classes=("a", "b")), ["train"] * 100 + ["val"] * 100)
    assert "b (5.0 times)" in told(data, "Far more or less frequent in val than in train")


def test_a_small_difference_between_splits_is_chance():
    rows = [[i, int(i in {0, 12, 14, 16}), 0, 0, 50, 50] for i in range(20)]
    data = split(dataset(rows, count=20, classes=("a", "b")), ["train"] * 10 + ["val"] * 10)
    assert not [one for one in stats(data)["warnings"] if "frequent in val" in one]


@pytest.mark.parametrize(("imgsz", "tiny"), [(640, 0), (320, 1), (160, 2)])
def test_boxes_too_small_for_the_size_of_training_are_counted(imgsz, tiny):
    data = dataset([[0, 0, 0, 0, 12, 99], [0, 0, 0, 0, 20, 99], [0, 0, 0, 0, 99, 99]])
    assert stats(data, imgsz)["outliers"]["tiny"]["count"] == tiny


def test_tiny_boxes_are_told_with_the_way_out():
    assert "at their shorter side when trained at 320" in told(
        dataset([[0, 0, 0, 0, 12, 99]]), "train larger", 320
    )


def test_long_boxes_are_named_the_longest_first():
    data = dataset([[0, 0, 0, 0, 100, 10], [0, 1, 0, 0, 10, 200], [0, 2, 0, 0, 99, 10]])
    found = stats(data)["outliers"]["long"]
    assert [one["value"] for one in found["worst"]] == [20, 10]
    assert f"val/000.jpg ({CLASSES[1]}, 20:1)" in told(data, "as long as wide")


def test_pictures_of_more_boxes_than_a_detector_gives_are_named():
    assert "val/001.jpg (301)" in told(dataset([[1, 0, 0, 0, 50, 50]] * 301, count=2), "max_det")


def test_a_rare_size_is_told():
    data = dataset([[0, 0, 0, 0, 100, 100]] * 200 + [[0, 0, 0, 0, 20, 20]])
    assert "small (1)" in told(split(data, ["train"]), "Under 1% of the boxes")


def test_boxes_in_the_middle_only_are_told():
    assert "100% of the boxes" in told(dataset([[0, 0, 300, 220, 340, 260]] * 9), "middle ninth")


def test_a_class_never_seen_alone_is_told():
    boxes = [[i, label, 0, 0, 50, 50] for i in range(20) for label in (0, 1)]
    data = dataset([*boxes, *([i, 2, 0, 0, 50, 50] for i in range(20, 60))], count=60)
    assert f"{CLASSES[0]} with {CLASSES[1]}" in told(data, "Hardly ever apart")


def test_more_background_than_scenes_is_told():
    assert told(dataset([[0, 0, 0, 0, 50, 50]], count=4), "no box").startswith(
        "75% of the pictures"
    )


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return make_prepared(tmp_path_factory.mktemp("통계 <b>") / "p", shaken(0, count=3, boxes=9)[0])


def ask(*arguments):
    result = CliRunner().invoke(app, ["stats", *map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_json_is_all_that_goes_to_stdout(prepared):
    assert ask(prepared)["splits"]["val"]["boxes"] == 9


def test_tables_show_class_names_as_they_are(prepared):
    result = CliRunner().invoke(app, ["stats", str(prepared)])
    assert result.exit_code == 0
    assert all(name in result.stdout for name in CLASSES)


def test_a_terminal_is_not_flooded_by_a_thousand_classes(tmp_path):
    truth = replace(shaken(0, count=2, boxes=9)[0], classes=tuple(f"c{i}" for i in range(1000)))
    result = CliRunner().invoke(app, ["stats", str(make_prepared(tmp_path / "p", truth))])
    assert len(result.stdout.splitlines()) < 90
    assert "960 more classes" in result.stdout


def test_a_config_names_the_prepared_folder_and_the_size_of_training(tmp_path, prepared):
    config = tmp_path / "run.yaml"
    values = {"name": "r", "source": "x", "prepared": str(prepared), "train": {"imgsz": 320}}
    config.write_text(json.dumps({**values, "stats": {"pixels": 1}}))
    found = ask(config)
    assert (found["all"]["images"], found["imgsz"], found["pixels"]["sampled"]) == (3, 320, 1)
    assert ask(config, "--imgsz", 96)["imgsz"] == 96


def test_a_coco_file_is_counted_too(prepared):
    found = ask(prepared / "annotations" / "val.json")
    assert (found["all"]["images"], found["all"]["boxes"], found["splits"]) == (3, 9, {})


def test_a_line_that_cannot_be_read_is_told_and_the_rest_counted(tmp_path):
    tree = make_prepared(tmp_path / "p", shaken(0, count=3, boxes=9)[0])
    with (tree / "labels/val/000.txt").open("a") as lines:
        lines.write("0 nonsense\n")
    found = ask(tree)
    assert found["all"]["boxes"] == 9
    assert found["warnings"][0].startswith("1 thing could not be read or counted")
    assert "000.txt" in found["problems"][0]


def test_hidden_files_beside_the_pictures_are_no_pictures(tmp_path):
    tree = make_prepared(tmp_path / "p", shaken(0, count=3, boxes=9)[0])
    (tree / "images/val/._000.jpg").write_bytes(b"left by a Mac")
    assert ask(tree)["all"]["images"] == 3


def test_a_folder_that_is_not_prepared_is_an_error(tmp_path):
    result = CliRunner().invoke(app, ["stats", str(tmp_path)])
    assert isinstance(result.exception, BoxwrightError)
    assert Path(tmp_path).name in str(result.exception)
