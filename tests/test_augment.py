"""What the trainer's loader makes of pictures and boxes, followed and shown. Half a minute."""

from __future__ import annotations

import csv
import json
import logging
import math
import random
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from making import boxwright
from training import prepare, tree

from pipeline.augment import account, follow, show
from pipeline.augment.follow import Way
from pipeline.augment.shapes import ellipse
from pipeline.dataset import Boxes, Dataset, Images, Outlines
from pipeline.formats import yolo
from pipeline.training import presets

NONE = presets.load("none")
SIDE = 160
CLASSES = ("disc", "<b>네모</b>")


def loader(*given, **how):
    from pipeline.models.ultralytics import library

    library.load()
    from pipeline.models.ultralytics.shown import Loader

    return Loader(*given, **how)


@pytest.fixture(scope="module")
def discs(tmp_path_factory):
    """20 pictures of a white disc or square on black, wide and tall; the outline of each."""
    folder = tmp_path_factory.mktemp("원과 네모")
    rng = np.random.default_rng(0)
    rows = [_disc(folder, number, rng) for number in range(20)]
    names, sizes, labels, xyxy, outlines = zip(*rows, strict=True)
    images = Images.of(names, [str(folder / name) for name in names], sizes, split=["train"] * 20)
    boxes = Boxes.of(range(20), labels, xyxy, outline=Outlines.of(outlines))
    return Dataset(folder, CLASSES, images, boxes)


def _disc(folder, number, rng):
    size = (200, 140) if number % 2 else (150, 210)
    picture = np.zeros((size[1], size[0], 3), dtype=np.uint8)
    half = rng.uniform(18, 30)
    x, y = (rng.uniform(half + 4, side - half - 4) for side in size)
    box = np.array([x - half, y - half, x + half, y + half])
    outline = ellipse(box[None], 64)[0]
    if number % 4 > 1:
        outline = box[[0, 1, 2, 1, 2, 3, 0, 3]].reshape(4, 2)
    points = np.rint((outline - 0.5) * 256).astype(np.int32)
    cv2.fillPoly(picture, [points], (255, 255, 255), shift=8)
    name = f"그림 {number}.png"
    (folder / name).write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    return name, size, int(number % 4 > 1), box, outline


def bare(data):
    """The same without outlines."""
    return replace(data, boxes=replace(data.boxes, outline=Outlines.none(len(data.boxes))))


def counted(data, hyp, boxes=150, label=-1):
    whole, _ = account.truth(data)
    draw = loader(data, {**NONE, **hyp}, SIDE, pixels=False).draw
    return account.account(whole, draw, boxes, seed=0)[label]


# Where things come to lie


@st.composite
def ways(draw):
    """A way as the loader goes: shifted, cut, warped, cut, mirrored, turned."""
    number = st.floats(-1, 1)
    way = Way().scaled(0.7, 0.9).turned(draw(st.integers(0, 3)), 70, 90)
    way = way.shifted(draw(number) * 40, draw(number) * 40).within(0, 0, 120, 120)
    angle, zoom = draw(number) * math.pi, 1 + draw(number) / 2
    turn = zoom * np.array(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )
    matrix = np.eye(3)
    matrix[:2, :2] = turn
    matrix[2, :2] = draw(number) * 0.004, draw(number) * 0.004
    way = way.shifted(-60, -60).then(matrix).shifted(50, 50).within(0, 0, 100, 100)
    return way.mirrored(width=100) if draw(st.booleans()) else way.mirrored(height=100)


@st.composite
def stars(draw):
    """A polygon, with dents or without, all of which is seen from its centre; and the centre."""
    more = draw(st.lists(st.floats(0, 6.28), max_size=6))
    angles = np.unique([0, math.pi / 2, math.pi, 3 * math.pi / 2, *more])
    radius = np.array([draw(st.floats(5, 40)) for _ in angles])
    centre = np.array([draw(st.floats(0, 100)), draw(st.floats(0, 100))])
    return centre + radius[:, None] * np.column_stack([np.cos(angles), np.sin(angles)]), centre


@settings(max_examples=200)
@given(stars(), ways())
def test_the_tight_box_holds_all_points_that_are_seen_and_touches_some(star, way):
    polygon, centre = star
    share, (box,) = follow.tight(Outlines.of([polygon]), way)
    steps = np.linspace(0, 1, 60)[:, None, None]
    edge = (polygon + steps * (np.roll(polygon, -1, axis=0) - polygon)).reshape(-1, 2)
    points = (centre + steps * (edge - centre)).reshape(-1, 2)
    depth = np.column_stack([points, np.ones(len(points))]) @ way.sides.T
    there = points[(depth >= 0).all(axis=1)]
    assert 0 <= share[0] <= 1 + 1e-9
    if not len(there):
        assert share[0] < 0.02
        return
    placed = follow.placed(there, way)
    low, high = placed.min(axis=0), placed.max(axis=0)
    assert (box[:2] <= low + 1e-3).all()
    assert (box[2:] >= high - 1e-3).all()
    if share[0] > 0.2:  # enough points to come near all four sides
        gap = np.concatenate([low - box[:2], box[2:] - high])
        assert gap.max() <= 0.1 * (box[2:] - box[:2]).max() + 1


@given(st.integers(0, 3), st.floats(1, 99), st.floats(1, 49))
def test_a_quarter_turn_is_that_of_the_pixels(quarters, x, y):
    picture = np.zeros((50, 100), dtype=np.uint8)
    picture[int(y), int(x)] = 1
    row, column = np.argwhere(np.rot90(picture, quarters))[0]
    way = Way().turned(quarters, 100, 50)
    (placed,) = follow.placed(np.array([[int(x) + 0.5, int(y) + 0.5]]), way)
    assert placed == pytest.approx([column + 0.5, row + 0.5])


def test_what_is_wholly_seen_keeps_its_points():
    square = np.array([[0, 0], [10, 0], [10, 10], [0, 10.0]])
    way = Way().within(0, 0, 10, 10)
    assert (follow.seen(square, way) == square).all()


def test_half_of_a_square_is_half_of_it():
    square = Outlines.of([np.array([[0, 0], [10, 0], [10, 10], [0, 10.0]])])
    share, box = follow.tight(square, Way().shifted(-5, 0).within(0, 0, 20, 20))
    assert share[0] == pytest.approx(0.5)
    assert box[0] == pytest.approx([0, 0, 5, 10], abs=1e-5)


def test_what_lies_behind_the_horizon_is_not_seen():
    square = Outlines.of([np.array([[60, 0], [80, 0], [80, 20], [60, 20.0]])])
    matrix = np.eye(3)
    matrix[2, 0] = -0.02  # the horizon is at x = 50
    share, box = follow.tight(square, Way().then(matrix).within(-1e6, -1e6, 1e6, 1e6))
    assert share[0] == 0
    assert np.isnan(box).all()


# The loader, followed

FOLLOWED = [
    {"quarter_turns": 1.0},
    {"degrees": 180.0, "translate": 0.2},
    {"scale": 0.6, "shear": 20.0},
    {"perspective": 0.0015, "fliplr": 0.5, "flipud": 0.5},
    {"mosaic": 1.0, "degrees": 30.0, "perspective": 0.0007, "fliplr": 0.5},
    {"cutmix": 1.0, "flipud": 0.5},
    {"copy_paste": 1.0, "degrees": 20.0, "fliplr": 0.5},
    {"copy_paste": 1.0, "copy_paste_mode": "mixup", "mosaic": 0.5, "degrees": 20.0},
]


@pytest.mark.parametrize("hyp", FOLLOWED)
@pytest.mark.parametrize("stretch", [False, True])
def test_what_is_followed_is_what_the_pixels_show(discs, hyp, stretch):
    """All that is white in a training picture lies in the boxes that were followed."""
    made = loader(discs, {**NONE, **hyp}, SIDE, stretch=stretch)
    for number in range(40):
        shown = made.draw(number % 20, number)
        white = shown.picture.min(axis=2) > 128
        covered = np.zeros_like(white)
        for row, way, extra, label in zip(
            shown.row, shown.way, shown.extra, shown.xyxy, strict=True
        ):
            seen = follow.seen(discs.boxes.outline[row], shown.ways[way])
            if not len(seen) or (extra and np.isnan(label[0])):
                continue
            placed = follow.placed(seen, shown.ways[way])
            low, high = placed.min(axis=0), placed.max(axis=0)
            covered[_window(low - 2, high + 2)] = True
            if (high - low).min() > 12 and not np.isnan(label[0]):
                middle = _window(placed.mean(axis=0) - 1, placed.mean(axis=0) + 1)
                assert white[middle].all()
        assert white[~covered].sum() <= 3  # resampled edges


def _window(low, high):
    (x1, y1), (x2, y2) = np.maximum(np.floor(low), 0), np.ceil(high)
    return slice(int(y1), int(y2)), slice(int(x1), int(x2))


@pytest.mark.parametrize(
    "hyp", [*FOLLOWED, {"mosaic": 1.0, "mixup": 0.5, "hsv_v": 0.4, "bgr": 0.5}]
)
def test_labels_without_pixels_are_those_with_them(discs, hyp):
    values = {**NONE, **hyp}
    quick, full = (loader(discs, values, SIDE, pixels=pixels) for pixels in (False, True))
    for seed in range(15):
        a, b = quick.draw(seed, seed), full.draw(seed, seed)
        assert (a.row == b.row).all()
        assert a.picture is None
        np.testing.assert_allclose(a.xyxy, b.xyxy, atol=1e-3)


@pytest.mark.parametrize("hyp", [{"degrees": 45.0}, {"mosaic": 1.0, "degrees": 30.0}])
def test_labels_of_outlines_are_tight(discs, hyp):
    found = counted(discs, hyp, label=CLASSES.index("disc"))
    assert found["inflated"] < 0.03
    assert found["iou"] > 0.98


def test_the_same_seed_draws_the_same_and_another_does_not(discs):
    made = loader(discs, {**NONE, "degrees": 45.0}, SIDE)
    a, b, c = (made.draw(3, seed).picture for seed in (7, 7, 8))
    assert (a == b).all()
    assert (a != c).any()


def test_drawing_leaves_random_numbers_alone(discs):
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    expected = random.random(), np.random.rand()  # noqa: NPY002, S311
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    loader(discs, {**NONE, "mosaic": 1.0, "hsv_h": 0.1}, SIDE).draw(0, 1)
    assert (random.random(), np.random.rand()) == expected  # noqa: NPY002, S311


# The account


def test_without_augmentation_nothing_happens_to_a_box(discs):
    found = counted(discs, {})
    shares = {found[key] for key in account.SHARES}
    assert (shares, found["iou"], found["times"]) == ({0}, pytest.approx(1, abs=1e-4), 1)


def test_a_turned_box_is_inflated_where_nobody_drew_its_outline(discs):
    found = counted(bare(discs), {"degrees": 90.0})
    assert found["inflated"] > 0.9
    assert 0.55 < found["iou"] < 0.72  # a circle's box, turned at random: 0.64 (Kalra et al., 2021)


def test_corners_drawn_as_an_outline_are_no_outline(discs):
    boxes = discs.boxes
    corners = boxes.xyxy[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
    rounded = np.round(corners, 4)
    square = replace(discs, boxes=replace(boxes, outline=Outlines.of(list(rounded))))
    whole, own = account.truth(square)
    assert not own.any()
    assert whole.boxes.outline[0] == pytest.approx(ellipse(boxes.xyxy[:1], 48)[0], abs=30)
    assert len(whole.boxes.outline[0]) > 4


def test_a_drawn_outline_stays_the_truth(discs):
    whole, own = account.truth(discs)
    assert (own == (discs.boxes.label == 0)).all()  # a square's outline is its box
    assert (whole.boxes.outline[0] == discs.boxes.outline[0]).all()


def test_zooming_in_cuts_and_loses_what_lies_at_the_border(discs):
    found = counted(discs, {"scale": 0.9, "translate": 0.4})
    assert found["lost"] > 0.05
    assert found["cut"] > 0.05
    assert found["times"] == pytest.approx(1 - found["lost"], abs=1e-3)


def test_a_mosaic_shows_four_pictures_and_a_part_of_each(discs):
    found = counted(discs, {"mosaic": 1.0})
    assert 0.4 < found["lost"] < 0.8
    assert found["times"] == pytest.approx((1 - found["lost"]) * 4, abs=0.01)


def test_pictures_without_boxes_change_not_how_often_a_box_is_shown(discs):
    boxes = discs.boxes.take(discs.boxes.image < 5)
    found = counted(replace(discs, boxes=boxes), {"mosaic": 1.0})
    assert found["times"] == pytest.approx((1 - found["lost"]) * 4, abs=0.01)


def test_labels_of_what_lies_behind_the_horizon_are_counted(discs):
    assert counted(discs, {"mosaic": 1.0, "perspective": 0.005})["empty"] > 0.005
    assert counted(discs, {"mosaic": 1.0, "perspective": 0.0004})["empty"] == 0


def test_pasted_objects_cannot_be_lost(discs):
    found = counted(discs, {"copy_paste": 1.0})
    assert found["lost"] == 0
    assert found["times"] == 1


def test_a_rare_class_is_followed_as_often(discs):
    labels = np.r_[1, np.zeros(19, dtype=int)]
    rare = replace(discs, boxes=replace(discs.boxes, label=labels))
    whole, _ = account.truth(rare)
    draw = loader(rare, NONE, SIDE, pixels=False).draw
    *rows, total = account.account(whole, draw, 40, seed=0)
    assert [row["boxes"] for row in rows] == [40, 40]
    assert total["boxes"] == 80


def test_a_class_without_boxes_has_no_shares(discs):
    more = replace(discs, classes=(*CLASSES, "none"))
    whole, _ = account.truth(more)
    rows = account.account(whole, loader(more, NONE, SIDE, pixels=False).draw, 5, seed=0)
    assert rows[2]["boxes"] == 0
    assert rows[2]["lost"] is None


def test_each_transform_stands_alone_and_colours_have_no_line():
    lines = account.lines(presets.load("extreme"))
    assert list(lines) == [*account.MOVING, "mosaic", "mixup", "cutmix", account.WHOLE, account.ALL]
    assert lines["shear"]["degrees"] == 0
    assert lines[account.WHOLE]["mosaic"] == 0
    assert lines[account.ALL] == presets.load("extreme")
    assert list(account.lines(NONE)) == [account.ALL]


# The command


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("prepared"))


FEW = ("--imgsz", 64, "--count", 5, "--boxes", 30)


def run(prepared, out, *more):
    made = boxwright("augment", prepared, *FEW, "--out", out, *more)
    assert made.returncode == 0, made.stderr
    return made


def test_the_command_leaves_a_sheet_and_a_table(prepared, tmp_path):
    run(prepared, tmp_path / "o", "--hyp", "extreme")
    sheet = cv2.imread(str(tmp_path / "o" / "sheet.jpg"))
    assert sheet.shape[1] > 4 * 400
    with (tmp_path / "o" / "account.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["transform"] for row in rows} >= {"mosaic", "degrees", account.ALL}
    assert {row["class"] for row in rows} == {'천 원 "새것"', "<b>it's</b> #2: yes", "(all)"}
    assert json.loads((tmp_path / "o" / "manifest.json").read_text())["kind"] == show.KIND


def test_the_same_again_gives_the_same_bytes_and_another_seed_does_not(prepared, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run(prepared, tmp_path / name, "--hyp", "rotated", "--seed", seed)
    for name in ("sheet.jpg", "account.json", "account.csv", "manifest.json"):
        a, b = ((tmp_path / folder / name).read_bytes() for folder in "ab")
        assert a == b, name
    assert (tmp_path / "a" / "sheet.jpg").read_bytes() != (
        tmp_path / "c" / "sheet.jpg"
    ).read_bytes()


def test_json_is_all_there_is_on_stdout(prepared, tmp_path):
    made = run(prepared, tmp_path / "o", "--hyp", "moderate", "--json")
    found = json.loads(made.stdout)
    assert found["preset"] == "moderate"
    assert found["account"][account.ALL][-1]["boxes"] > 0
    assert any("mirror" in sentence for sentence in found["warnings"])
    assert "warning: fliplr 0.5" in made.stderr


def test_a_preset_that_throws_boxes_away_is_warned_of(prepared, tmp_path):
    file = tmp_path / "far.yaml"
    file.write_text("translate: 0.9\nclose_mosaic: 0\n")
    made = run(prepared, tmp_path / "o", "--hyp", file, "--boxes", 120)
    assert "throws away more than 5% of the boxes" in made.stderr


def test_a_preset_that_keeps_all_boxes_is_not_warned_of(prepared, tmp_path):
    made = run(prepared, tmp_path / "o", "--hyp", "none", "--boxes", 120)
    assert "warning" not in made.stderr


def test_sources_stay_as_they_are(prepared, tmp_path):
    before = tree(prepared)
    run(prepared, tmp_path / "o", "--hyp", "extreme")
    assert tree(prepared) == before


def test_a_config_gives_preset_and_size(prepared, tmp_path):
    config = tmp_path / "run.yaml"
    config.write_text(
        yaml.safe_dump({
            "name": "my run",
            "source": "s",
            "prepared": str(prepared),
            "runs": str(tmp_path / "runs"),
            "train": {"hyp": "light", "imgsz": 96, "model": "rtdetr-l"},
            "augment": {"count": 3, "boxes": 10},
        })
    )  # fmt: skip
    job = show.plan(config, {"seed": 3})
    assert (job.options.hyp, job.options.imgsz, job.options.seed) == ("light", 96, 3)
    assert job.options.stretch
    made = boxwright("augment", config, "--json")
    assert json.loads(made.stdout)["imgsz"] == 96
    assert (tmp_path / "runs" / "augment-my run-light" / "sheet.jpg").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--hyp", "wild"), "there is no such preset"),
        (("--imgsz", 8), "imgsz: 8 does not fit"),
        (("--count", 0), "count: 0 does not fit"),
        (("--transforms", "missing.yaml"), "cannot be read"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_left(prepared, tmp_path, words, said):
    made = boxwright("augment", prepared, "--out", tmp_path / "o", *words)
    assert made.returncode == 1
    assert said in made.stderr
    assert not any(tmp_path.iterdir())


def test_a_folder_that_is_not_ours_is_left_alone(prepared, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    made = boxwright("augment", prepared, "--out", tmp_path, *FEW)
    assert made.returncode == 1
    assert "did not make it" in made.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_training_pictures_without_a_box_are_said(tmp_path):
    folder = prepare(tmp_path / "p")
    for file in folder.glob("labels/train/*/*.txt"):
        file.write_text("")
    made = boxwright("augment", folder, "--out", tmp_path / "o", *FEW)
    assert made.returncode == 1
    assert "nothing to augment" in made.stderr


def test_no_table_is_made_where_none_is_asked_for(prepared, tmp_path):
    run(prepared, tmp_path / "o", "--boxes", 0)
    assert (tmp_path / "o" / "sheet.jpg").exists()
    assert not (tmp_path / "o" / "account.csv").exists()


def test_the_sheet_shows_every_picture_of_few_again(prepared, tmp_path):
    run(prepared, tmp_path / "o", "--count", 20, "--boxes", 0)
    assert cv2.imread(str(tmp_path / "o" / "sheet.jpg")).shape[0] > 5 * 400


# Albumentations


def test_transforms_that_move_objects_are_counted_by_what_they_lose(prepared, tmp_path):
    pytest.importorskip("albumentations", exc_type=ImportError)
    file = tmp_path / "t.yaml"
    file.write_text("- Affine: {translate_percent: 0.6, p: 1.0}\n")
    made = run(prepared, tmp_path / "o", "--hyp", "none", "--transforms", file, "--json")
    found = json.loads(made.stdout)["account"]
    assert found["transforms"][-1]["lost"] > 0.2
    assert found["transforms"][-1]["cut"] is None


def test_transforms_of_colours_move_nothing(prepared, tmp_path):
    pytest.importorskip("albumentations", exc_type=ImportError)
    file = tmp_path / "t.yaml"
    file.write_text("- ToGray: {p: 1.0}\n")
    made = run(prepared, tmp_path / "o", "--hyp", "none", "--transforms", file, "--json")
    found = json.loads(made.stdout)["account"]["transforms"][-1]
    assert [found[key] for key in account.SHARES] == [0, 0, 0, 0]
    sheet = cv2.imread(str(tmp_path / "o" / "sheet.jpg"))[20:380, 20:380]
    assert np.ptp(sheet.astype(int), axis=2).mean() < 40  # grey but for what is drawn


# The warning of train


def test_training_warns_of_mirrored_numerals_before_it_starts(prepared, tmp_path, caplog):
    from training import SMALL

    from pipeline.training import checks
    from pipeline.training.options import TrainOptions

    with caplog.at_level(logging.WARNING, "pipeline"):
        checks.plan(prepared, TrainOptions(**{**SMALL, "hyp": "moderate"}), tmp_path)
    assert "some classes may read differently in a mirror" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING, "pipeline"):
        checks.plan(prepared, TrainOptions(**{**SMALL, "hyp": "none"}), tmp_path)
    assert "mirror" not in caplog.text


def test_the_folder_is_read_once_and_its_lists_are_followed(tmp_path):
    folder = prepare(tmp_path / "p", train=4, val=2)
    names = sorted(str(path) for path in Path(folder, "images/train").rglob("*.png"))
    (folder / "train.txt").write_text("\n".join([*names, names[0], names[0]]) + "\n")
    values = yaml.safe_load((folder / "data.yaml").read_text("utf-8"))
    text = yaml.safe_dump({**values, "train": "train.txt"}, allow_unicode=True)
    (folder / "data.yaml").write_text(text, "utf-8")
    whole = yolo.read(folder).of_split("train")
    made = run(folder, tmp_path / "o", "--hyp", "none", "--json")
    assert len(whole.images) == 4
    assert json.loads(made.stdout)["outlines"]["ellipse"] == len(whole.boxes) + 2 * (
        len(whole.boxes.image[whole.boxes.image == 0])
    )
