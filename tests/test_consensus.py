"""Labels held against predictions: planted defects found and named. About ten seconds."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pipeline import boxes as geometry
from pipeline.check.consensus import ConsensusOptions, find, noise
from pipeline.check.consensus.evidence import evidence
from pipeline.check.consensus.judge import judge
from pipeline.check.consensus.learn import folds
from pipeline.check.consensus.pairs import overlapping
from pipeline.check.padded import VIEWS, Padded
from pipeline.check.predictions import Predictions, pooled
from pipeline.dataset import Boxes, Dataset, Images, strings
from pipeline.models.details import Details

CLASSES = ("십원", "<b>B</b>", "C 'c'")
PICTURES, ITEMS = 120, 3


@pytest.fixture(scope="module")
def clean() -> Dataset:
    return right()


def right() -> Dataset:
    """Three items a picture, far from each other; ten pictures a group."""
    rng = np.random.default_rng(0)
    rows = PICTURES * ITEMS
    low = np.column_stack([np.tile([20, 240, 460], PICTURES), np.full(rows, 150)])
    low = low + rng.uniform(0, 40, (rows, 2))
    xyxy = np.concatenate([low, low + rng.uniform(70, 120, (rows, 2))], axis=1)
    names = [f"사진 {k}.jpg" for k in range(PICTURES)]
    images = Images.of(
        names, names, [(640, 480)] * PICTURES, [f"g{k // 10}" for k in range(PICTURES)]
    )
    image = np.repeat(np.arange(PICTURES), ITEMS)
    return Dataset(
        Path(), CLASSES, images, Boxes.of(image, rng.integers(len(CLASSES), size=rows), xyxy)
    )


def told(dataset: Dataset, seed: int = 1, off: float = 0.02) -> Predictions:
    """What a good detector says: every item, sides off by 2 %, a doubt of the class."""
    rng = np.random.default_rng(seed)
    boxes = dataset.boxes
    side = np.tile(boxes.xyxy[:, 2:] - boxes.xyxy[:, :2], 2)
    xyxy = boxes.xyxy + rng.normal(0, off, boxes.xyxy.shape) * side
    probability = rng.uniform(0, 0.1, (len(boxes), len(CLASSES)))
    probability[np.arange(len(boxes)), boxes.label] = rng.uniform(0.6, 0.95, len(boxes))
    score = probability.max(axis=1)
    found = Boxes.of(boxes.image, boxes.label, xyxy, score=score)
    details = Details(probability, off * side)
    order = np.lexsort((-score, boxes.image))
    return Predictions(
        replace(dataset, boxes=found.take(order)),
        details.take(order),
        np.ones(len(dataset.images), dtype=bool),
    )


def with_boxes(dataset: Dataset, **columns) -> Dataset:
    return replace(dataset, boxes=replace(dataset.boxes, **columns))


def changed(dataset: Dataset, row: int, box=None, label=None) -> Dataset:
    xyxy, labels = dataset.boxes.xyxy.copy(), dataset.boxes.label.copy()
    if box is not None:
        xyxy[row] = box
    if label is not None:
        labels[row] = label
    return with_boxes(dataset, xyxy=xyxy, label=labels)


def sure(found, **wanted):
    return [
        one
        for one in found
        if one.severity == "warning" and all(getattr(one, k) == v for k, v in wanted.items())
    ]


@pytest.fixture(scope="module")
def dirty(clean) -> tuple[Dataset, dict[str, int]]:
    """One defect of each kind, and rows that are not judged; where they are."""
    spurious = Boxes.of([5], [1], [[300, 350, 400, 450]])
    again = Boxes.of([6], clean.boxes.label[18:19], clean.boxes.xyxy[18:19] + 12.0)
    mark = np.zeros(len(clean.boxes), dtype=int)
    mark[[3, 7, 31, 44]] = 1, 2, 3, 4
    mark[75] = -1
    xyxy, label = clean.boxes.xyxy.copy(), clean.boxes.label.copy()
    xyxy[3] = 5, 5, 5, 9
    label[31] = (label[31] + 1) % 3
    xyxy[44, 0] -= 0.3 * (xyxy[44, 2] - xyxy[44, 0])
    boxes = replace(clean.boxes, xyxy=xyxy, label=label, crowd=mark == 2)
    boxes, mark = boxes.take(mark >= 0), mark[mark >= 0]
    boxes, mark = noise.joined(boxes, mark, spurious, np.array([5]))
    boxes, mark = noise.joined(boxes, mark, again, np.array([6]))
    names = ("flat", "crowd", "class", "side", "spurious", "again")
    where = {name: int(np.argmax(mark == k + 1)) for k, name in enumerate(names)}
    return replace(clean, boxes=boxes), where


@pytest.fixture(scope="module")
def found(clean, dirty):
    return find(dirty[0], told(clean))


def about(found, row):
    return [one for one in found if one.box == row]


def test_clean_labels_are_left_in_peace(clean):
    assert sure(find(clean, told(clean))) == []


def test_a_wrong_class_is_named_with_the_right_one(clean, dirty, found):
    (one,) = about(found, dirty[1]["class"])
    assert (one.kind, one.severity) == ("wrong class", "warning")
    assert one.fix.label == CLASSES[clean.boxes.label[31]]


def test_a_side_that_is_off_is_named_and_put_right(clean, dirty, found):
    (one,) = about(found, dirty[1]["side"])
    assert (one.kind, one.severity) == ("badly placed", "warning")
    told_of = re.match(r"left (\d+)% too far out \(usual for right labels: \d+%\)", one.message)
    assert 25 <= int(told_of[1]) <= 35
    assert np.abs(np.array(one.fix.xyxy) - clean.boxes.xyxy[44]).max() < 8


def test_a_label_of_nothing_is_spurious(dirty, found):
    (one,) = about(found, dirty[1]["spurious"])
    assert (one.kind, one.severity, one.fix.action) == ("spurious", "warning", "remove")


def test_a_second_label_of_an_item_is_a_duplicate(dirty, found):
    (one,) = about(found, dirty[1]["again"])
    assert (one.kind, one.fix.action) == ("duplicate", "remove")


def test_a_missing_label_is_told_with_what_to_add(clean, found):
    (one,) = [one for one in found if one.image == "사진 25.jpg" and one.box == -1]
    assert (one.kind, one.fix.action) == ("missing", "add")
    assert one.fix.label == CLASSES[clean.boxes.label[75]]
    fit = geometry.iou(np.array([one.fix.xyxy]), clean.boxes.xyxy[75:76])[0, 0]
    assert fit > 0.8


def test_models_that_see_everything_too_large_do_not_spoil_what_they_mend(clean, dirty):
    said = told(clean)
    boxes = said.found.boxes
    side = np.tile(boxes.xyxy[:, 2:] - boxes.xyxy[:, :2], 2)
    large = boxes.xyxy + np.array([-0.08, -0.08, 0.08, 0.08]) * side
    found = find(dirty[0], replace(said, found=with_boxes(said.found, xyxy=large)))
    (moved,) = about(found, dirty[1]["side"])
    (added,) = [one for one in found if one.image == "사진 25.jpg" and one.box == -1]
    for one, row in ((moved, 44), (added, 75)):
        right = clean.boxes.xyxy[row]
        off = (np.array(one.fix.xyxy) - right) / np.tile(right[2:] - right[:2], 2)
        assert np.abs(off).max() < 0.06


def test_boxes_without_area_and_crowds_are_not_judged(dirty, found):
    assert about(found, dirty[1]["flat"]) == about(found, dirty[1]["crowd"]) == []


def test_right_labels_are_no_warning_beside_wrong_ones(dirty, found):
    assert {one.box for one in sure(found)} <= {*dirty[1].values(), -1}


def test_unlike_classes_are_refused(clean):
    with pytest.raises(ValueError, match="same pictures and classes"):
        find(replace(clean, classes=("a", "b", "c")), told(clean))


def test_few_labels_get_plain_scores_without_probabilities(clean):
    few = clean.keep_images(np.arange(PICTURES) < 10)
    dirty = changed(few, 4, label=(few.boxes.label[4] + 1) % 3)
    found = find(dirty, told(few))
    assert [(one.kind, one.box, one.sureness) for one in found] == [("wrong class", 4, None)]


def test_the_same_input_gives_the_same_findings(clean, dirty, found):
    assert find(dirty[0], told(clean)) == found


def test_a_detector_that_finds_nothing_is_no_ground_for_anything(clean):
    nothing = told(clean)
    none = np.zeros(len(nothing.details), dtype=bool)
    blind = replace(
        nothing, found=nothing.found.keep_boxes(none), details=nothing.details.take(none)
    )
    assert sure(find(clean, blind)) == []


def test_predictions_without_spread_or_second_classes_will_do(clean, dirty):
    plain = told(clean)
    boxes = plain.found.boxes
    plain = replace(plain, details=Details.of(boxes.score, boxes.label, len(CLASSES)))
    kinds = {one.box: one.kind for one in find(dirty[0], plain)}
    assert kinds[dirty[1]["class"]] == "wrong class"


def test_one_class_is_enough(clean):
    one = replace(with_boxes(clean, label=np.zeros(len(clean.boxes), dtype=int)), classes=("a",))
    rest = told(clean)
    boxes = replace(rest.found.boxes, label=np.zeros(len(rest.found.boxes), dtype=int))
    seen = replace(rest.found, boxes=boxes, classes=("a",))
    rest = Predictions(seen, Details.of(boxes.score, boxes.label, 1), rest.unseen)
    dirty = one.keep_boxes(np.arange(len(one.boxes)) != 75)
    told_of = find(dirty, rest, ConsensusOptions(mode="quick"))
    assert [(x.kind, x.image) for x in told_of] == [("missing", "사진 25.jpg")]


def test_views_together_know_the_sides_better(clean):
    views = [told(clean, seed, 0.05) for seed in range(6)]
    alone, many = (evidence(clean, view).reference for view in (views[0], pooled(views)))
    apart = [np.abs(one - clean.boxes.xyxy).mean() for one in (alone, many)]
    assert apart[1] < 0.7 * apart[0]


THREADS = """
from threadpoolctl import threadpool_info
from test_consensus import right, told
from pipeline.check.consensus import judge, learn

seen, fitted = [], learn.cross_fitted
def counted(*given, **more):
    seen.extend(library["num_threads"] for library in threadpool_info())
    return fitted(*given, **more)
learn.cross_fitted = counted
judge.judge(right(), told(right()))
print(max(seen))
"""


def test_the_judge_waits_for_no_threads_of_its_own():
    command = [sys.executable, "-c", THREADS]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, check=True)
    assert done.stdout.split() == [b"1"]


def test_planted_errors_rank_above_right_labels(clean):
    rng = np.random.default_rng(5)
    planted = noise.plant(clean, 0.1, np.full((3, 3), 1 / 3), rng)
    said = judge(replace(clean, boxes=planted.labels), told(clean))
    wrong = planted.kind > 0
    worst = np.argsort(-said.wrong)[: wrong.sum()]
    assert wrong[worst].mean() > 0.8


def test_pictures_that_the_models_were_trained_on_are_not_judged(clean, dirty):
    said = told(clean)
    seen = replace(said, unseen=np.arange(PICTURES) >= 60)
    found = find(dirty[0], seen)
    judged = set(clean.images.name[60:])
    assert {one.image for one in found} <= judged
    assert about(found, dirty[1]["class"]) == []


def test_no_unseen_picture_no_finding(clean, dirty, caplog):
    said = told(clean)
    seen = replace(said, unseen=np.zeros(PICTURES, dtype=bool))
    assert find(dirty[0], seen) == []
    assert "no label to hold against" in caplog.text


@pytest.mark.parametrize("share", [0.0, 0.03, 0.1])
def test_the_share_of_wrong_labels_is_estimated(clean, share):
    rng = np.random.default_rng(3)
    planted = noise.plant(clean, share, np.full((3, 3), 1 / 3), rng)
    said = judge(replace(clean, boxes=planted.labels), told(clean))
    wrong = planted.kind > 0
    assert said.share == pytest.approx(wrong.mean(), abs=0.03)
    assert said.sureness.sum() == pytest.approx(wrong.sum(), abs=0.03 * len(wrong))


def test_what_is_planted_is_what_is_told(clean):
    planted = noise.plant(clean, 0.3, np.full((3, 3), 1 / 3), np.random.default_rng(2))
    assert set(planted.kind) == set(range(len(noise.KINDS)))
    assert (np.diff(planted.labels.image) >= 0).all()
    right = planted.labels.take(planted.kind == noise.RIGHT)
    pairs = overlapping(right, clean.boxes)
    assert pairs.most(pairs.iou).min() > 0.9
    pairs = overlapping(planted.removed, clean.boxes)
    assert pairs.most(pairs.iou) == pytest.approx(1)


def test_a_group_is_in_one_fold():
    group = strings(["a", "b", "a", "", "", "b"])
    fold = folds(group, 3, np.random.default_rng(0))
    assert fold[0] == fold[2]
    assert fold[1] == fold[5]


corners = arrays.arrays(np.float64, (6, 4), elements=st.floats(0, 50, width=32))


@given(corners, corners, st.lists(st.integers(0, 2), min_size=12, max_size=12))
def test_pairs_are_those_of_the_loop(a, b, image):
    """Of every picture, every overlap, with its IoU; the best is the best."""
    a, b = (np.sort(x.reshape(-1, 2, 2), axis=1).reshape(-1, 4) for x in (a, b))
    first = Boxes.of(np.sort(image[:6]), np.zeros(6), a)
    second = Boxes.of(np.sort(image[6:]), np.zeros(6), b)
    same = first.image[:, None] == second.image[None]
    expected = np.where(same, geometry.iou(a, b), 0)
    pairs = overlapping(first, second)
    there = np.zeros((6, 6))
    there[pairs.a, pairs.b] = pairs.iou
    assert there == pytest.approx(expected)
    assert pairs.most(pairs.iou) == pytest.approx(expected.max(axis=1))
    assert pairs.total(pairs.iou) == pytest.approx(expected.sum(axis=1))


class Bright:
    """A detector that finds what is brighter than grey, as one box."""

    classes = ("bright",)

    def detect_fully(self, pictures, **_how):
        rows = [np.argwhere(picture[..., 0] > 200)[:, ::-1] for picture in pictures]
        there = [row for row, at in enumerate(rows) if len(at)]
        xyxy = [[*rows[row].min(axis=0), *rows[row].max(axis=0) + 1] for row in there]
        score = np.full(len(there), 0.9)
        boxes = Boxes.of(there, np.zeros(len(there)), xyxy, score=score)
        return boxes, Details.of(score, boxes.label, 1)


@pytest.mark.parametrize("margin", VIEWS)
def test_a_margin_moves_no_box(margin):
    pictures = [np.full((60, 80, 3), 50, dtype=np.uint8) for _ in range(3)]
    pictures[0][10:30, 20:50] = 255
    pictures[2][0:5, 70:80] = 255
    found, details = Padded(Bright(), margin).detect_fully(pictures)
    assert found.image.tolist() == [0, 2]
    assert found.xyxy.tolist() == [[20, 10, 50, 30], [70, 0, 80, 5]]
    assert len(details) == 2


def test_what_lies_in_the_margin_alone_is_not_told():
    class OfMargin(Bright):
        def detect_fully(self, _pictures, **_how):
            boxes = Boxes.of([0, 0], [0, 0], [[0, 0, 7, 50], [10, 0, 30, 20]], score=[0.9, 0.8])
            return boxes, Details.of(boxes.score, boxes.label, 1)

    found, details = Padded(OfMargin(), (0.1, 0, 0, 0)).detect_fully(
        [np.zeros((60, 80, 3), dtype=np.uint8)]
    )
    assert found.xyxy.tolist() == [[2, 0, 22, 20]]
    assert details.probability.tolist() == [[0.8]]
