"""What turns with a box: its shape, in memory and in trees. About 15 s on two cores."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import boxwright, labelme, rectangle

from pipeline import boxes as geometry
from pipeline import manifest, polygons
from pipeline.augment.shape_cut import ellipses
from pipeline.augment.shape_slant import leaned, leaning
from pipeline.augment.shapes import ellipse, shaped
from pipeline.balance.outlines import annotated
from pipeline.balance.run import BalanceOptions, balance
from pipeline.convert import ConvertOptions, convert
from pipeline.dataset import Boxes, Dataset, Images, Outlines, strings
from pipeline.errors import BoxwrightError
from pipeline.formats import yolo
from pipeline.preview import PreviewOptions, preview
from pipeline.stats import stats

SIDE = 200
FINE = 720  # points of what stands for a true ellipse
NONE = np.zeros((0, 2))


def oval(x, y, a, b, points=FINE):
    angles = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return np.column_stack([x + a * np.cos(angles), y + b * np.sin(angles)])


def turned_hulls(polygon, degrees=range(0, 180, 5)):
    angles = np.deg2rad(np.array([*degrees], dtype=float))
    turns = np.stack(
        [[np.cos(angles), -np.sin(angles)], [np.sin(angles), np.cos(angles)]]
    ).transpose(2, 0, 1)
    points = polygon @ turns.transpose(0, 2, 1)
    return np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)


def tightness(shape, truth):
    """Mean IoU of the boxes of a turned shape and of the turned truth."""
    pairs = zip(turned_hulls(shape), turned_hulls(truth), strict=True)
    return np.mean([geometry.iou(a[None], b[None])[0, 0] for a, b in pairs])


def data_of(boxes, *, size=(SIDE, SIDE), label=None, outlines=None, crowd=None, classes=("a", "b")):
    """One picture with boxes."""
    return Dataset(
        Path(),
        classes,
        Images.of(["a.png"], ["a.png"], [size]),
        Boxes.of(
            [0] * len(boxes),
            [0] * len(boxes) if label is None else label,
            boxes,
            outline=Outlines.of(outlines or [NONE] * len(boxes)),
            crowd=crowd,
        ),
    )


# --- ellipses ------------------------------------------------------------------------------------

sides = st.floats(0.5, 4000)
places = st.floats(-1000, 4000)


@given(st.tuples(places, places, sides, sides), st.sampled_from([4, 8, 12, 32, 48]))
def test_the_hull_of_an_ellipse_is_its_box(xywh, points):
    xyxy = geometry.xywh_to_xyxy(np.array([xywh]))
    found = polygons.even(ellipse(xyxy, points))
    assert polygons.hulls(found) == pytest.approx(xyxy, abs=1e-9)


@given(st.floats(0.1, 10))
def test_a_turned_ellipse_is_as_tight_as_the_true_one(aspect):
    truth = oval(0, 0, 50 * aspect, 50)
    found = ellipse(np.array([[-50 * aspect, -50, 50 * aspect, 50]]))[0]
    assert tightness(found, truth) > 0.998
    assert tightness(polygons.corners(np.array([[-50, -50, 50, 50]]))[0], oval(0, 0, 50, 50)) < 0.66


# --- what the border cuts ------------------------------------------------------------------------

WHOLE = [(60, 60, 140, 140)] * 9  # discs of proportions 1


def cut_shape(disc, size=(SIDE, SIDE), whole=WHOLE):
    """The shape of the part of an oval (x, y, a, b) in the picture, and the true part."""
    truth = polygons.part_in(oval(*disc), np.array([0, 0, *size], dtype=float))
    xyxy = polygons.hulls(Outlines.of([truth]))
    data = data_of([*whole, *xyxy.tolist()], size=size)
    return ellipses(data, np.array([len(whole)])), truth, xyxy


@pytest.mark.parametrize("x", [45, 30, 10, 0, -10, -30, -45])
def test_a_disc_cut_once_keeps_its_size(x):
    found, truth, _ = cut_shape((x, 100, 50, 50))
    assert tightness(found[0], truth) > 0.99


@pytest.mark.parametrize("disc", [(100, 190, 50, 50), (195, 100, 50, 50), (100, 8, 50, 50)])
def test_every_side_of_the_picture_cuts(disc):
    found, truth, _ = cut_shape(disc)
    assert tightness(found[0], truth) > 0.99


def test_the_class_tells_the_proportions():
    wide = [(20, 60, 180, 140), (10, 40, 170, 120), (5, 5, 165, 85)] * 3
    found, truth, _ = cut_shape((30, 100, 100, 50), whole=wide)
    assert tightness(found[0], truth) > 0.99


@pytest.mark.parametrize(("x", "y"), [(30, 30), (10, 190), (195, 185), (175, 15)])
def test_in_a_corner_it_is_better_than_box_and_inscribed_ellipse(x, y):
    found, truth, xyxy = cut_shape((x, y, 50, 50))
    others = [tightness(polygons.corners(xyxy)[0], truth), tightness(ellipse(xyxy)[0], truth)]
    assert tightness(found[0], truth) > max(*others, 0.85)


def test_a_disc_wider_than_the_picture():
    found, truth, _ = cut_shape((100, 200, 130, 130), size=(200, 400))
    assert tightness(found[0], truth) > 0.99


def test_without_whole_boxes_of_its_class_it_is_the_inscribed_ellipse():
    found, _, xyxy = cut_shape((30, 100, 50, 50), whole=WHOLE[:4])
    assert np.array_equal(np.unique(found[0].round(6), axis=0)[0], [0, 100])
    assert tightness(found[0], ellipse(xyxy)[0]) > 0.998


def test_what_fills_the_picture_is_its_box():
    found, _, xyxy = cut_shape((100, 210, 190, 190))
    assert np.array_equal(found[0], polygons.corners(xyxy)[0])


def test_a_whole_disc_that_touches_the_border_stays_whole():
    mixed = [(60, 60, 60 + width, 140) for width in (77, 78, 79, 80, 81, 82, 83)]
    found, truth, _ = cut_shape((50, 100, 50, 50), whole=mixed)
    assert tightness(found[0], truth) > 0.975


@given(
    st.tuples(st.floats(-60, 260), st.floats(-60, 260), st.floats(5, 150), st.floats(5, 150)),
    st.floats(0.3, 3),
)
def test_the_hull_of_what_is_cut_is_its_box(disc, aspect):
    truth = polygons.part_in(oval(*disc), np.array([0, 0, SIDE, SIDE], dtype=float))
    if len(truth) < 3 or (np.ptp(truth, axis=0) < 1).any():
        return
    whole = [(80, 80, 80 + 30 * aspect, 110)] * 5
    found, _, xyxy = cut_shape(disc, whole=whole)
    assert polygons.hulls(found) == pytest.approx(xyxy, abs=1e-9)


# --- polygons ------------------------------------------------------------------------------------


def area(polygon):
    x, y = polygon.T
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


@given(
    st.tuples(places, places, sides, sides),
    st.tuples(st.floats(0, 1000), st.floats(0, 1000), st.floats(1, 1000), st.floats(1, 1000)),
)
def test_the_part_of_a_box_in_a_box_is_what_both_share(a, b):
    one, other = geometry.xywh_to_xyxy(np.array([a, b]))
    part = polygons.part_in(polygons.corners(one[None])[0], other)
    shared = np.clip(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0, None)
    assert (area(part) if len(part) else 0) == pytest.approx(shared.prod(), rel=1e-9, abs=1e-6)


def test_the_part_of_a_polygon_with_a_dent_has_its_area():
    dented = np.array([[-10, 0], [10, 0], [10, 10], [0, 5], [-10, 10]], dtype=float)
    part = polygons.part_in(dented, np.array([-20, 0, 20, 7], dtype=float))
    assert area(part) == 20 * 7 - 8 * 2 / 2
    assert polygons.hulls(Outlines.of([part])).tolist() == [[-10, 0, 10, 7]]


def test_no_part_outside():
    assert not len(polygons.part_in(oval(0, 0, 5, 5), np.array([10.0, 0, 20, 20])))


def test_hulls_of_rows_without_outline_are_not_numbers():
    found = polygons.hulls(Outlines.of([NONE, oval(5, 5, 2, 1, 4), NONE]))
    assert np.isnan(found[[0, 2]]).all()
    assert found[1] == pytest.approx([3, 4, 7, 6])


def test_rows_without_outline_get_their_corners():
    outlines = Outlines.of([[(0, 0), (2, 0), (1, 1)], NONE])
    found = polygons.or_corners(outlines, np.array([[0, 0, 2, 1], [3, 4, 5, 6]], dtype=float))
    assert found[0].tolist() == [[0, 0], [2, 0], [1, 1]]
    assert found[1].tolist() == [[3, 4], [5, 4], [5, 6], [3, 6]]


# --- which shape a box gets ----------------------------------------------------------------------

TRIANGLE = [(10, 10), (50, 10), (10, 40)]
BOX = (10.0, 10.0, 50.0, 40.0)


def test_without_outlines_and_wishes_nothing_changes():
    data = data_of([BOX])
    assert shaped(data, None) == (data, {})


def test_a_drawn_outline_is_taken_and_the_others_stay_boxes():
    found, told = shaped(data_of([BOX, BOX], outlines=[TRIANGLE, NONE]), None)
    assert found.boxes.outline[0].tolist() == [list(p) for p in TRIANGLE]
    assert not len(found.boxes.outline[1])
    assert told["a"] == {"shape": "polygon", "drawn": 1, "guessed": 0, "box": 1, "apart": 0}


def test_a_drawn_outline_comes_before_the_shape_of_its_class():
    found, told = shaped(data_of([BOX, BOX], outlines=[TRIANGLE, NONE]), {"a": "ellipse"})
    assert found.boxes.outline[0].tolist() == [list(p) for p in TRIANGLE]
    assert found.boxes.outline[1] == pytest.approx(ellipse(np.array([BOX]))[0])
    assert (told["a"]["drawn"], told["a"]["guessed"]) == (1, 1)


def test_box_is_the_box_whatever_was_drawn():
    found, told = shaped(data_of([BOX], outlines=[TRIANGLE]), "box")
    assert not len(found.boxes.outline.points)
    assert told["a"]["box"] == 1


def test_classes_have_shapes_of_their_own():
    found, told = shaped(data_of([BOX, BOX, BOX], label=[0, 1, 0]), {"a": "ellipse"})
    assert polygons.has(found.boxes.outline).tolist() == [True, False, True]
    assert [told[name]["shape"] for name in "ab"] == ["ellipse", "polygon"]


def test_a_crowd_is_no_ellipse():
    found, _ = shaped(data_of([BOX, BOX], crowd=[True, False]), "ellipse")
    assert polygons.has(found.boxes.outline).tolist() == [False, True]


def test_a_near_outline_is_fitted_to_its_box():
    found, told = shaped(data_of([(9, 10, 51.5, 40)], outlines=[TRIANGLE]), None)
    assert polygons.hulls(found.boxes.outline).tolist() == [[9, 10, 51.5, 40]]
    assert told["a"]["apart"] == 0


def test_an_outline_apart_from_its_box_is_not_used_and_told(caplog):
    data = data_of([(10, 10, 90, 40), BOX], outlines=[TRIANGLE, TRIANGLE])
    found, told = shaped(data, {"a": "ellipse"})
    assert found.boxes.outline[0] == pytest.approx(ellipse(data.boxes.xyxy[:1])[0])
    assert (told["a"]["apart"], told["a"]["drawn"]) == (1, 1)
    assert "1 drawn outlines end elsewhere than their boxes" in caplog.text
    assert "1 a" in caplog.text


def test_an_unknown_class_is_refused_with_the_likely_one():
    data = data_of([BOX], classes=("Ten", "동전"))
    with pytest.raises(BoxwrightError, match=r"Tenn: no such class; did you mean 'Ten'\?"):
        shaped(data, {"Tenn": "ellipse"})


def test_an_outline_of_many_points_keeps_its_hull_and_nearly_its_area():
    many = oval(100, 100, 80, 50, 2000)
    found, _ = shaped(data_of([(20, 50, 180, 150)], outlines=[many]), None)
    assert len(found.boxes.outline[0]) < 200
    assert area(found.boxes.outline[0]) == pytest.approx(area(many), rel=0.005)
    assert polygons.hulls(found.boxes.outline)[0] == pytest.approx([20, 50, 180, 150])


def test_the_hull_of_every_shape_is_its_box():
    boxes = [(10, 10, 50, 40), (0, 60, 30, 100), (150, 150, 200, 200), (60.5, 20.25, 99, 44)] * 3
    found, _ = shaped(data_of(boxes, outlines=[TRIANGLE, *[NONE] * 11]), "ellipse")
    assert polygons.hulls(found.boxes.outline) == pytest.approx(found.boxes.xyxy, abs=1e-9)


# --- trees ---------------------------------------------------------------------------------------


def scene(path, *shapes):
    """A grey picture with bright polygons on it, and its labelme file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((SIDE, SIDE, 3), 120, dtype=np.uint8)
    for shape in shapes:
        points = np.rint(np.array(shape["points"])).astype(np.int32)
        cv2.fillPoly(pixels, [points], (40, 200, 230))
    cv2.imwrite(str(path), pixels)
    size = {"imageHeight": SIDE, "imageWidth": SIDE}
    labelme(path.with_suffix(".json"), *shapes, imagePath=path.name, **size)


def outlined(label, points):
    return {"label": label, "points": np.array(points).tolist(), "shape_type": "polygon"}


SQUARE = [(60, 60), (100, 60), (100, 100), (60, 100)]
KITE = [(120, 60), (150, 100), (120, 140), (100, 100)]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Coins as boxes, one of them at the border; notes with outlines and without; a background."""
    root = tmp_path_factory.mktemp("shapes") / "사진 in"
    for number in range(12):
        coin = rectangle("동전", 10 + number, 12, 50 + number, 52)
        note = outlined("note", KITE) if number % 2 else rectangle("note", 60, 60, 100, 100)
        scene(root / f"a{number}.png", coin, note)
    scene(root / "b.png", rectangle("동전", 0, 80, 25, 120))
    scene(root / "none.png")
    return root


def made(source, out, **options):
    convert(source, out, ConvertOptions(**{"group": "none", "val": 0.25} | options))
    return out


@pytest.fixture(scope="module")
def tree(source):
    return made(source, source.with_name("tree"), shapes={"동전": "ellipse"})


def lines(tree):
    return [
        line for file in tree.rglob("labels/**/*.txt") for line in file.read_text().splitlines()
    ]


def annotations(tree):
    return [
        box
        for file in sorted(tree.glob("annotations/*.json"))
        for box in json.loads(file.read_text())["annotations"]
    ]


def numbers(tree, what=("shape", "drawn", "guessed", "box")):
    told = manifest.read(tree)["shapes"]
    return {name: tuple(told[name][key] for key in what) for name in told}


def test_every_line_is_an_outline_as_soon_as_one_is(tree):
    counts = sorted(len(line.split()) // 2 for line in lines(tree))
    assert counts[:12] == [4] * 12  # six boxes by their corners, six kites
    assert all(count > 8 for count in counts[12:])
    assert len(counts) == 25


def test_the_manifest_counts_what_turns(tree):
    assert numbers(tree) == {"note": ("polygon", 6, 0, 6), "동전": ("ellipse", 0, 13, 0)}


def test_reading_gives_back_boxes_and_shapes(tree):
    data = yolo.read(tree)
    there = polygons.has(data.boxes.outline)
    assert there.sum() == 19  # not the corners of plain boxes
    assert polygons.hulls(data.boxes.outline)[there] == pytest.approx(data.boxes.xyxy[there])
    plain = sorted(tuple(box["bbox"]) for box in annotations(tree))
    assert np.array(sorted(map(tuple, geometry.xyxy_to_xywh(data.boxes.xyxy)))) == pytest.approx(
        np.array(plain), abs=1e-3
    )


def test_coco_holds_drawn_outlines_and_no_guess(tree):
    points = [len(box["segmentation"][0]) for box in annotations(tree)]
    assert set(points) == {8}
    areas = sorted(box["area"] for box in annotations(tree))
    assert areas[:1] == [25 * 40]
    assert areas.count(1600) == 18  # coins and notes, boxes
    assert areas.count(area(np.array(KITE, dtype=float))) == 6


def test_without_an_outline_labels_are_plain_boxes(source, tmp_path):
    out = made(source, tmp_path / "plain", shapes="box")
    assert {len(line.split()) for line in lines(out)} == {5}
    assert area(np.array(KITE, dtype=float)) in {box["area"] for box in annotations(out)}
    again = made(out, tmp_path / "again", val=None)
    assert len(annotated(yolo.read(again)).boxes.outline.points) == 4 * 6


def test_drawn_outlines_are_labels_where_nothing_is_said(source, tmp_path):
    out = made(source, tmp_path / "drawn")
    assert {len(line.split()) for line in lines(out)} == {9}
    assert numbers(out, ("drawn", "box")) == {"note": (6, 6), "동전": (0, 13)}


def test_the_same_again_is_unchanged_and_another_shape_is_not(source, tmp_path):
    options = ConvertOptions(group="none", shapes="ellipse")
    first = convert(source, tmp_path / "out", options)
    assert convert(source, tmp_path / "out", options)["unchanged"]
    second = convert(source, tmp_path / "out", ConvertOptions(group="none", shapes="box"))
    assert not second["unchanged"]
    assert first["content"] != second["content"]


def test_workers_change_nothing(source, tmp_path):
    trees = [made(source, tmp_path / str(n), shapes="ellipse", workers=n) for n in (1, 2)]
    one, other = ({p.name: p.read_bytes() for p in tree.rglob("*.txt")} for tree in trees)
    assert one == other


def test_folds_have_shapes_too(source, tmp_path):
    out = made(source, tmp_path / "out", val=None, folds=2, shapes={"동전": "ellipse"})
    for fold in ("fold-1", "fold-2"):
        assert numbers(out / fold)["동전"] == ("ellipse", 0, 13, 0)
        assert min(len(line.split()) for line in lines(out / fold)) == 9


def test_a_shape_by_the_command_line_and_its_table(source, tmp_path):
    run = boxwright(
        "convert", source, tmp_path / "out", "--group", "none", "--shapes", "동전=ellipse"
    )
    assert run.returncode == 0
    row = next(line for line in run.stdout.splitlines() if "ellipse" in line)
    assert row.split() == ["동전", "ellipse", "0", "13", "0"]
    wrong = boxwright("convert", source, tmp_path / "no", "--shapes", "동전=oval")
    assert wrong.returncode == 1
    assert "'oval'" in wrong.stderr
    assert "'ellipse'" in wrong.stderr


def test_a_class_that_is_not_there_is_refused_before_pictures_are_compared(source, tmp_path):
    run = boxwright("convert", source, tmp_path / "out", "--shapes", "notte=quad")
    assert run.returncode == 1
    assert "did you mean 'note'?" in run.stderr
    assert "looking for pictures" not in run.stderr


def test_auto_tells_what_it_saw(tmp_path):
    """Bright discs, and their boxes: their corners hold background."""
    for number in range(12):
        pixels = np.full((SIDE, SIDE, 3), 90, dtype=np.uint8)
        pixels += np.random.default_rng(number).integers(0, 20, pixels.shape, dtype=np.uint8)
        cv2.circle(pixels, (100, 100), 40 + number, (40, 180, 220), -1)
        radius = 40.5 + number
        (tmp_path / "in").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / f"in/a{number}.png"), pixels)
        disc = rectangle("coin", *(100.5 + sign * radius for sign in (-1, -1, 1, 1)))
        size = {"imageHeight": SIDE, "imageWidth": SIDE}
        labelme(tmp_path / f"in/a{number}.json", disc, imagePath=f"a{number}.png", **size)
    out = made(tmp_path / "in", tmp_path / "out", shapes="auto")
    told = manifest.read(out)["shapes"]["coin"]
    assert (told["shape"], told["guessed"]) == ("ellipse", 12)
    assert "12 looked at" in told["why"]


@pytest.mark.parametrize("lean", [-0.12, 0.0, 0.12])
def test_an_ellipse_leans_as_its_pixels_say(lean, tmp_path):
    rng = np.random.default_rng(3)
    xyxy = np.array([[30.0, 40, 170, 160]])
    truth = leaned(xyxy, np.array([lean]))[0]
    pixels = rng.integers(70, 90, (SIDE, SIDE, 3), dtype=np.uint8)
    cv2.fillPoly(pixels, [np.rint(truth * 16 - 8).astype(np.int32)], (40, 180, 220), shift=4)
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    data = data_of(xyxy)
    there = replace(data, images=replace(data.images, path=strings([str(tmp_path / "a.png")])))
    _, found = leaning(there, np.array([0]))
    assert polygons.hulls(found) == pytest.approx(xyxy)
    missing = 1 - tightness(found[0], truth)
    assert missing < 0.002 + 0.7 * (1 - tightness(ellipse(xyxy)[0], truth))


def test_an_ellipse_of_a_picture_that_cannot_be_read_does_not_lean():
    own, found = leaning(data_of([BOX, (0, 0, 20, 20)]), np.array([0, 1]))
    assert own.tolist() == [0]  # the other one is cut
    assert tightness(found[0], ellipse(np.array([BOX]))[0]) > 0.998


def test_auto_does_not_look_where_all_is_drawn():
    found, told = shaped(data_of([BOX], outlines=[TRIANGLE]), "auto")  # there is no picture
    assert told["a"]["drawn"] == 1
    assert found.boxes.outline[0].tolist() == [list(p) for p in TRIANGLE]


def test_a_disc_beyond_the_border_has_the_box_of_what_is_seen(tmp_path):
    for number in range(3):
        scene(tmp_path / f"in/a{number}.png", outlined("coin", oval(-20, 100, 50, 50)))
    out = made(tmp_path / "in", tmp_path / "out")
    chord = np.sqrt(50**2 - 20**2)
    for box in annotations(out):
        assert box["bbox"] == pytest.approx([0, 100 - chord, 30, 2 * chord], abs=0.05)
        assert box["area"] == pytest.approx(area(np.array(box["segmentation"]).reshape(-1, 2)))
        assert min(box["segmentation"][0]) == 0


# --- those who read trees ------------------------------------------------------------------------


def test_guesses_are_not_taken_for_drawn(tree):
    data = annotated(yolo.read(tree))
    named = [data.classes[label] for label in data.boxes.label[polygons.has(data.boxes.outline)]]
    assert named == ["note"] * 6


def test_guesses_are_not_taken_for_drawn_where_labels_were_changed(source, tmp_path):
    out = made(source, tmp_path / "out", shapes="ellipse")
    for file in out.rglob("labels/**/*.txt"):
        file.write_text("".join(file.read_text().splitlines(keepends=True)[:1]))
    data = annotated(yolo.read(out))
    assert not len(data.boxes.outline.points)


def test_a_drawn_outline_in_a_class_with_guesses_is_known_again(source, tmp_path):
    data = annotated(yolo.read(made(source, tmp_path / "out", shapes="ellipse")))
    assert polygons.has(data.boxes.outline).sum() == 6
    assert {tuple(map(tuple, data.boxes.outline[row])) for row in np.flatnonzero(
        polygons.has(data.boxes.outline)
    )} == {tuple((float(x), float(y)) for x, y in KITE)}  # fmt: skip


def test_converting_a_tree_again_keeps_what_was_drawn_and_no_guess(tree, tmp_path):
    out = made(tree, tmp_path / "out", val=None)
    assert numbers(out, ("drawn", "guessed", "box")) == {"note": (6, 0, 6), "동전": (0, 0, 13)}
    assert [box["bbox"] for box in annotations(out)] == [box["bbox"] for box in annotations(tree)]


def test_lists_of_a_balanced_tree_show_the_same_shapes(tree, tmp_path):
    balance(tree, tmp_path / "out", BalanceOptions(method="oversample", target=20))
    ours, theirs = yolo.read(tmp_path / "out"), yolo.read(tree)
    assert np.array_equal(ours.boxes.outline.points, theirs.boxes.outline.points)
    assert polygons.has(annotated(ours).boxes.outline).sum() == 6


def pasted(tree, out, **options):
    most = {"method": "copy-paste", "target": 30, "max_repeat": 3, "cover": 0.5}
    balance(tree, out, BalanceOptions(**most | options))
    return out


def test_a_tree_with_pasted_items_keeps_its_shapes(tree, tmp_path):
    out = pasted(tree, tmp_path / "out")
    old = {p.name: p.read_bytes() for p in tree.rglob("labels/**/*.txt")}
    new = {p.name: p.read_bytes() for p in out.rglob("labels/**/*.txt")}
    assert len(new) > len(old)
    assert {name: new[name] for name in old} == old
    assert min(len(line.split()) for line in lines(out)) >= 7


def test_items_are_cut_out_by_drawn_outlines_only(tree, tmp_path):
    made_ = manifest.read(pasted(tree, tmp_path / "out"))
    assert made_["items"]["left_out"]["without an outline"] > 9  # the coins, of which all are boxes
    scenes = made_["shapes"]["동전"]["guessed"] - 13
    assert scenes == made_["after"][1]["boxes"] - made_["before"][1]["boxes"]


def test_new_pictures_have_the_shapes_of_their_classes(tree, tmp_path):
    out = pasted(tree, tmp_path / "out")
    data = yolo.read(out)
    coins = data.boxes.label == data.classes.index("동전")
    assert polygons.has(data.boxes.outline)[coins].all()
    assert annotated(data).boxes.label[polygons.has(annotated(data).boxes.outline)].max() == 0


def test_numbers_of_a_tree_are_the_same_with_shapes(source, tree, tmp_path):
    plain = made(source, tmp_path / "plain", shapes="box")
    with_shapes, without = (stats(yolo.read(one)) for one in (tree, plain))
    assert with_shapes["classes"] == without["classes"]


def test_a_preview_draws_the_shapes(source, tree, tmp_path):
    plain = yolo.read(made(source, tmp_path / "plain", shapes="box"))
    options = PreviewOptions(count=4)
    assert (preview(yolo.read(tree), options) != preview(plain, options)).any()


# --- ultralytics' own loader ---------------------------------------------------------------------

LOADED = """
import json, random, sys
from ultralytics.cfg import get_cfg
from ultralytics.data.augment import RandomPerspective
from ultralytics.data.dataset import YOLODataset
from ultralytics.data.utils import check_det_dataset
data = check_det_dataset(sys.argv[1], autodownload=False)
loaded = YOLODataset(
    img_path=data["train"], data=data, task="detect", imgsz=200, augment=False, hyp=get_cfg()
)
random.uniform = lambda low, high: high
turn = RandomPerspective(degrees=45, translate=0, scale=0)
rows = []
for at, label in enumerate(loaded.labels):
    before = label["bboxes"].tolist()
    turned = turn(loaded.get_image_and_label(at))["instances"].bboxes.tolist()
    rows.append([len(label["segments"]), before, turned])
print(json.dumps(rows))
"""


@pytest.fixture(scope="module")
def loaded(source):
    root = source.with_name("turning")
    for number in range(8):
        scene(root / f"in/a{number}.png", rectangle("coin", 60, 70, 140, 130))
    out = made(root / "in", root / "tree", shapes="ellipse")
    own = {"YOLO_CONFIG_DIR": str(root), "YOLO_OFFLINE": "1", "YOLO_AUTOINSTALL": "0"}
    run = subprocess.run(
        [sys.executable, "-c", LOADED, str(out / "data.yaml")],
        capture_output=True, text=True, check=True, env=os.environ | own,
    )  # fmt: skip
    return out, json.loads(run.stdout.splitlines()[-1])


def test_ultralytics_takes_every_line_for_an_outline_of_the_same_box(loaded):
    tree, rows = loaded
    data = yolo.read(tree).of_split("train")
    assert len(rows) == len(data.images)
    for segments, boxes, _ in rows:
        assert segments == 1
        assert boxes[0] == pytest.approx([0.5, 0.5, 0.4, 0.3], abs=1e-6)


def test_ultralytics_turns_a_shape_tightly(loaded):
    wide = np.sqrt((40**2 + 30**2) / 2)  # half of what an ellipse turned by 45 degrees takes
    for _, _, turned in loaded[1]:
        x1, y1, x2, y2 = turned[0]
        assert (x2 - x1, y2 - y1) == pytest.approx((2 * wide, 2 * wide), rel=0.01)
