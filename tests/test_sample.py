"""The drawn sample: what is written, that it is true, and that it is the same every time."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import boxwright

from pipeline import manifest
from pipeline.boxes import iou
from pipeline.convert import ConvertOptions, convert
from pipeline.errors import BoxwrightError
from pipeline.images import read_header
from pipeline.sample import SampleOptions, make_sample
from pipeline.sample.camera import Camera
from pipeline.sample.groups import plan
from pipeline.sample.layers import Light, Limb, Placed
from pipeline.sample.mistakes import KINDS, plant
from pipeline.sample.money import WON
from pipeline.sample.notes import note
from pipeline.sample.render import Lens, Scene, render
from pipeline.sample.surfaces import SURFACES
from pipeline.sample.truth import Seen, box_in, look
from pipeline.sample.write import LEAST_SHARE, Shape, Shot

SMALL = SampleOptions(images=30, seed=3, side=160, background=0.2, video=0.2)
WRONG = SampleOptions(images=30, seed=3, side=160, background=0.2, video=0, errors=0.8)
TINY = SampleOptions(images=2, side=160, video=0)
OUTLINED = SampleOptions(images=30, seed=3, side=160, background=0.2, video=0, outlines=True)
FOLDERS = {"10", "50", "100", "500", "1000", "5000", "10000", "50000"}
NAME = re.compile(
    r"((?:10|50|100|500)_\d+|(?:1|5|10|50)000_[FB]_(?:HAND|DESK|CLOTH|TABLE|PAPER)_\d+)_\d+$"
)


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    out = tmp_path_factory.mktemp("right") / "sample"
    make_sample(out, SMALL)
    return out


@pytest.fixture(scope="module")
def wrong(tmp_path_factory):
    out = tmp_path_factory.mktemp("wrong") / "sample"
    make_sample(out, WRONG)
    return out


@pytest.fixture(scope="module")
def outlined(tmp_path_factory):
    out = tmp_path_factory.mktemp("outlined") / "sample"
    make_sample(out, OUTLINED)
    return out


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def load(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))


def annotations(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*/*.json") if path.parent.name != "video")


def xyxy(shape: dict, scale: float = 5) -> np.ndarray:
    points = np.array(shape["points"]) / scale
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def labelled(folder: Path, name: str) -> list[dict]:
    items = load(folder / "outlines.json")["pictures"][name]
    return [item for item in items if item["labelled"]]


# The bytes


def test_the_same_seed_gives_the_same_bytes(sample, tmp_path):
    make_sample(tmp_path / "again", SMALL)
    assert contents(tmp_path / "again") == contents(sample)


def test_another_seed_gives_other_pictures(tmp_path):
    make_sample(tmp_path / "a", TINY)
    make_sample(tmp_path / "b", SampleOptions(images=2, side=160, video=0, seed=1))
    assert contents(tmp_path / "a") != contents(tmp_path / "b")


def test_planted_errors_change_no_picture(sample, wrong):
    pictures = {name: data for name, data in contents(sample).items() if name.endswith(".jpg")}
    assert pictures.items() <= contents(wrong).items()


# The layout and habits of the real set


def test_as_many_pictures_as_asked_for(sample):
    assert len(list(sample.rglob("*.jpg"))) == 30


def test_pictures_of_money_lie_in_a_folder_of_their_denomination(sample):
    for path in sample.glob("*/*.jpg"):
        if path.parent.name != "background":
            assert path.parent.name in FOLDERS
            assert path.stem.split("_")[0] == path.parent.name


def test_names_are_those_of_the_real_set(sample):
    for path in sample.glob("*/*.jpg"):
        assert path.parent.name == "background" or NAME.match(path.stem)


def test_money_has_json_and_backgrounds_have_none(sample):
    for path in sample.glob("*/*.jpg"):
        assert path.with_suffix(".json").exists() == (path.parent.name != "background")
    assert len(list((sample / "background").glob("*.jpg"))) == 6


def test_the_json_is_five_times_the_picture(sample):
    for path in annotations(sample):
        record, header = load(path), read_header(path.with_suffix(".jpg"))
        claimed = record["imageWidth"], record["imageHeight"]
        assert claimed == (5 * header.width, 5 * header.height)


def test_the_json_names_its_picture_and_holds_rectangles_of_two_points(sample):
    for path in annotations(sample):
        record = load(path)
        assert record["imagePath"] == path.with_suffix(".jpg").name
        assert record["imageData"] is None
        for shape in record["shapes"]:
            assert shape["shape_type"] == "rectangle"
            assert np.shape(shape["points"]) == (2, 2)


def test_corners_come_in_every_order(sample):
    steps = [
        np.diff(s["points"], axis=0)[0] for p in annotations(sample) for s in load(p)["shapes"]
    ]
    assert {tuple(np.sign(step)) for step in steps} == {(1, 1), (1, -1), (-1, 1), (-1, -1)}


def test_convert_takes_the_sample_as_it_is(sample, tmp_path):
    made = load(sample / "manifest.json")
    options = ConvertOptions(
        classes=made["classes"], group=made["group"], background=[sample / "background"]
    )
    convert(sample, tmp_path / "prepared", options)
    lines = [p.read_text() for p in (tmp_path / "prepared" / "labels").rglob("*.txt")]
    assert sum(text.count("\n") for text in lines) == made["counts"]["boxes"]


# Groups and balance


def test_the_pattern_finds_the_groups(sample):
    made = load(sample / "manifest.json")
    found = {(p.parent, re.match(made["group"], p.stem)[1]) for p in sample.glob("*/*.jpg")}
    assert len(found) == made["counts"]["groups"] == len(plan(SMALL))


def test_the_default_has_enough_groups_to_split():
    groups = plan(SampleOptions())
    assert len(groups) >= 120
    assert sum(group.shots for group in groups) == 600
    assert len({group.name for group in groups}) == len(groups)


def test_a_group_has_three_to_six_shots():
    shots = Counter(group.shots for group in plan(SampleOptions()))
    rest = [n for n in shots.elements() if not 3 <= n <= 6]
    assert len(rest) <= 2  # what is left for the last group of money, and of backgrounds


def test_faces_are_balanced():
    counts: Counter[str] = Counter()
    for group in plan(SampleOptions()):
        if group.money:
            counts[group.money.label(group.face)] += group.shots
    assert len(counts) == 16
    assert max(counts.values()) - min(counts.values()) <= 6


def test_every_surface_is_there():
    assert {group.surface for group in plan(SampleOptions())} == set(SURFACES)


# The truth


def test_boxes_are_the_true_ones(sample):
    for path in annotations(sample):
        shapes = load(path)["shapes"]
        items = labelled(sample, f"{path.parent.name}/{path.stem}.jpg")
        assert [s["label"] for s in shapes] == [item["label"] for item in items]
        for shape, item in zip(shapes, items, strict=True):
            assert np.allclose(xyxy(shape), item["box"], atol=2e-3)


def test_boxes_are_tight_around_the_outlines(sample):
    pictures = load(sample / "outlines.json")["pictures"]
    for name, items in pictures.items():
        header = read_header(sample / name)
        for item in items:
            full = np.array(item["full"])
            inside = (full >= 0).all() and (full <= (header.width, header.height)).all()
            if inside:
                hull = [*full.min(axis=0), *full.max(axis=0)]
                assert np.allclose(hull, item["box"], atol=0.02)


def test_visible_outlines_have_the_visible_area(sample):
    for items in load(sample / "outlines.json")["pictures"].values():
        for item in items:
            full = cv2.contourArea(np.array(item["full"], dtype=np.float32))
            mask = np.zeros((640, 640), dtype=np.uint8)
            rings = [np.int32(np.array(ring) * 4 - 0.5) for ring in item["visible"]]
            cv2.fillPoly(mask, rings, 1)
            assert mask.sum() / 16 / full == pytest.approx(item["visible_share"], abs=0.06)


# Outlines instead of corners


def shapes_with_truth(folder: Path) -> list[tuple[dict, dict, tuple[int, int]]]:
    """Each shape of the JSON files with its true item and the size of its picture."""
    found = []
    for path in annotations(folder):
        header = read_header(path.with_suffix(".jpg"))
        items = labelled(folder, f"{path.parent.name}/{path.stem}.jpg")
        shapes = load(path)["shapes"]
        found += [
            (shape, item, (header.width, header.height))
            for shape, item in zip(shapes, items, strict=True)
        ]
    return found


def test_outlines_change_nothing_but_the_labels(sample, outlined):
    same = {"outlines.json", *(name for name in contents(sample) if name.endswith(".jpg"))}
    kept = contents(outlined)
    assert {name: kept[name] for name in same} == {name: contents(sample)[name] for name in same}


def test_outlines_are_polygons_of_the_same_boxes(outlined):
    for shape, item, _ in shapes_with_truth(outlined):
        assert shape["shape_type"] == "polygon"
        assert shape["label"] == item["label"]
        assert np.allclose(xyxy(shape), item["box"], atol=2e-3)


def test_an_outline_is_the_true_one_as_far_as_it_lies_in_the_picture(outlined):
    cut = 0
    for shape, item, (width, height) in shapes_with_truth(outlined):
        drawn = np.array(shape["points"], dtype=np.float32) / 5
        frame = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32)
        full = np.array(item["full"], dtype=np.float32)
        true_area = cv2.intersectConvexConvex(full, frame)[0]
        assert cv2.intersectConvexConvex(full, drawn)[0] == pytest.approx(true_area, rel=2e-3)
        assert cv2.contourArea(drawn) == pytest.approx(true_area, rel=2e-3)
        cut += true_area < 0.99 * cv2.contourArea(full)
    assert cut


def coco_annotations(source: Path, out: Path) -> list[dict]:
    made = load(source / "manifest.json")
    backgrounds = [source / "background"]
    convert(
        source,
        out,
        ConvertOptions(classes=made["classes"], group=made["group"], background=backgrounds),
    )
    files = (load(out / "annotations" / f"{split}.json") for split in ("train", "val"))
    return [annotation for file in files for annotation in file["annotations"]]


def test_convert_takes_outlines_with_the_same_boxes(sample, outlined, tmp_path):
    corners = coco_annotations(sample, tmp_path / "corners")
    polygons = coco_annotations(outlined, tmp_path / "outlines")
    boxes = [[one["bbox"] for one in found] for found in (corners, polygons)]
    assert np.allclose(*boxes, atol=0.01)
    for one in polygons:
        points = np.reshape(one["segmentation"][0], (-1, 2))
        hull = [*points.min(axis=0), *np.ptp(points, axis=0)]
        assert np.allclose(hull, one["bbox"], atol=0.01)


def test_the_outline_of_a_planted_error_is_where_its_box_is(tmp_path):
    both = replace(OUTLINED, errors=0.8)
    make_sample(tmp_path / "s", both)
    records = [r for r in load(tmp_path / "s" / "truth.json") if r["shape"] is not None]
    for record in records:
        shape = load(tmp_path / "s" / record["file"])["shapes"][record["shape"]]
        x1, y1, x2, y2 = record["written"]["xyxy"]
        due = [min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)]
        assert shape["shape_type"] == "polygon"
        assert np.allclose(xyxy(shape), due, atol=2e-3)
    assert {record["kind"] for record in records} == set(KINDS) - {"missing"}


def test_swapped_axes_swap_every_point_of_an_outline():
    tip = np.array([(10.0, 20.0), (110.0, 40.0), (30.0, 60.0)])
    seen = Seen("Ten_front", tip, box_in(tip, (160, 120)), [tip], 1.0)
    shots = [
        Shot(f"10/10_1_{n}.jpg", "10_1", (160, 120), (seen,), outlined=True) for n in range(22)
    ]
    written, truth = plant(shots, 1.0, np.random.default_rng(0))
    rows = [k for k, record in enumerate(truth) if record["kind"] == "swapped_axes"]
    assert rows
    for k in rows:
        x1, y1, x2, y2 = written[k][0].xyxy
        points = np.array(written[k][0].outline) * (x2 - x1, y2 - y1) + (x1, y1)
        assert np.allclose(points, tip[:, ::-1])


def bright_note_in_the_dark(camera: Camera, *above: Limb) -> Scene:
    rng = np.random.default_rng(0)
    item = Placed(note(WON[5], "F", rng), (3.0, -2.0), 0.4, "FiveThousand_front")
    return Scene(
        texture=np.zeros((64, 64, 3), dtype=np.float32),
        span=400.0,
        layers=(item, *above),
        camera=camera,
        light=Light(0.0, 1.0, 0.5, (1.0, 1.0, 1.0), 0.0),
        lens=Lens(0.0, 0.0, 0.0, 0.0, 95, 0),
    )


@pytest.mark.parametrize("tilt", [0.0, 0.4])
@pytest.mark.parametrize("target", [(0.0, 0.0), (60.0, 20.0)])
def test_the_true_box_is_where_the_pixels_are(tilt, target):
    scene = bright_note_in_the_dark(Camera((320, 240), target, 1.4, 0.3, tilt, 1.0))
    rows, columns = np.nonzero(render(scene).max(axis=2) > 60)
    drawn = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert np.allclose(look(scene.layers, scene.camera)[0].box, drawn, atol=1.2)


def test_what_a_finger_covers_is_not_visible():
    camera = Camera((320, 240), zoom=1.4)
    finger = Limb(np.array([(0.0, 0.0), (0.0, 200.0)]), np.array([9.0, 9.0]), (140.0, 170.0, 215.0))
    free = look(bright_note_in_the_dark(camera).layers, camera)[0]
    covered = look(bright_note_in_the_dark(camera, finger).layers, camera)[0]
    assert free.share == pytest.approx(1.0, abs=0.02)
    assert 0.7 < covered.share < 0.95
    assert (covered.box == free.box).all()


def test_what_is_nearly_hidden_gets_no_label():
    box = np.array([10.0, 10.0, 50.0, 50.0])
    seen = [Seen("Ten_front", np.zeros((4, 2)), box, [], LEAST_SHARE + by) for by in (-0.01, 0.01)]
    shot = Shot("10/10_1_1.jpg", "10_1", (160, 120), tuple(seen))
    assert shot.shapes() == [Shape("Ten_front", (10.0, 10.0, 50.0, 50.0))]


coordinates = st.floats(-200, 500, allow_nan=False, width=32)


corner = st.tuples(coordinates, coordinates)
weights = st.lists(st.floats(0.01, 1), min_size=3, max_size=3)


@given(st.tuples(corner, corner, corner), weights)
def test_a_box_holds_every_point_of_the_item_in_the_picture_and_no_more(triangle, shares):
    outline = np.array(triangle)
    x1, y1, x2, y2 = box_in(outline, (320, 240))
    assert 0 <= x1 <= x2 <= 320
    assert 0 <= y1 <= y2 <= 240
    x, y = np.array(shares) / sum(shares) @ outline
    if 0 <= x <= 320 and 0 <= y <= 240:
        assert x1 - 1e-6 <= x <= x2 + 1e-6
        assert y1 - 1e-6 <= y <= y2 + 1e-6
        assert (outline.min(axis=0) - 1e-6 <= (x1, y1)).all()
        assert ((x2, y2) <= outline.max(axis=0) + 1e-6).all()


def test_a_box_of_a_cut_item_is_that_of_its_part_in_the_picture():
    diamond = np.array([(320.0, 70.0), (370.0, 120.0), (320.0, 170.0), (270.0, 120.0)])
    assert np.allclose(box_in(diamond, (320, 240)), (270, 70, 320, 170))


angles = st.floats(-3.2, 3.2)


@given(st.floats(0.2, 9), angles, st.floats(0, 0.6), angles)
def test_the_camera_sees_its_target_at_the_centre_and_to_scale(zoom, roll, tilt, azimuth):
    camera = Camera((320, 240), (12.0, -7.0), zoom, roll, tilt, azimuth)
    assert np.allclose(camera.project([(12.0, -7.0)]), (160, 120))
    shrunk = zoom * np.sqrt(np.cos(tilt))  # foreshortened in one of two directions
    assert camera.scale_at((12.0, -7.0)) == pytest.approx(shrunk, rel=0.03)


# Planted errors


def test_without_errors_there_is_no_truth_file(sample):
    assert not (sample / "truth.json").exists()


def test_the_rate_of_errors_is_kept(wrong):
    right = [item for shot in load(wrong / "outlines.json")["pictures"].values() for item in shot]
    due = round(0.8 * sum(item["labelled"] for item in right))
    assert len(load(wrong / "truth.json")) == due


def test_every_kind_of_error_is_planted(wrong):
    assert {record["kind"] for record in load(wrong / "truth.json")} == set(KINDS)


def test_the_truth_tells_what_stands_in_the_json(wrong):
    for record in load(wrong / "truth.json"):
        if record["shape"] is None:
            assert record["kind"] == "missing"
            continue
        shape = load(wrong / record["file"])["shapes"][record["shape"]]
        assert shape["label"] == record["written"]["label"]
        x1, y1, x2, y2 = record["written"]["xyxy"]
        due = [min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)]
        assert np.allclose(xyxy(shape), due, atol=1e-3)


def test_the_truth_tells_what_is_correct(wrong):
    for record in load(wrong / "truth.json"):
        if record["kind"] != "duplicate":
            items = labelled(wrong, record["file"].replace(".json", ".jpg"))
            assert any(
                item["label"] == record["correct"]["label"]
                and np.allclose(item["box"], record["correct"]["xyxy"], atol=1e-3)
                for item in items
            )


def test_wrong_boxes_are_wrong_beyond_doubt(wrong):
    for record in load(wrong / "truth.json"):
        if record["kind"] not in {"wrong_class", "missing", "duplicate"}:
            boxes = (np.array([record[of]["xyxy"]]) for of in ("written", "correct"))
            assert iou(*boxes)[0, 0] < 0.75


def test_a_wrong_class_is_another_denomination(wrong):
    records = [r for r in load(wrong / "truth.json") if r["kind"] == "wrong_class"]
    for record in records:
        names = {record[of]["label"].split("_")[0] for of in ("written", "correct")}
        assert len(names) == 2


def test_labels_that_the_truth_does_not_name_are_right(wrong):
    named = {(r["file"], r["shape"]) for r in load(wrong / "truth.json")}
    for path in annotations(wrong):
        file = f"{path.parent.name}/{path.name}"
        items = labelled(wrong, file.replace(".json", ".jpg"))
        for k, shape in enumerate(load(path)["shapes"]):
            if (file, k) not in named:
                assert any(np.allclose(xyxy(shape), item["box"], atol=2e-3) for item in items)


# The film


def test_the_film_has_a_truth_for_each_frame(sample):
    film, truth = (
        cv2.VideoCapture(str(sample / "video/sample.mp4")),
        load(sample / "video/sample.json"),
    )
    frames = 0
    while film.read()[0]:
        frames += 1
    assert frames == len(truth["frames"]) == 5
    assert film.get(cv2.CAP_PROP_FPS) == truth["fps"] == 25


def test_the_film_s_boxes_lie_in_the_picture(sample):
    truth = load(sample / "video/sample.json")
    boxes = [box for frame in truth["frames"] for box in frame]
    assert {box["class"] for box in boxes} <= {won.name for won in WON}
    corners = np.array([box["xyxy"] for box in boxes])
    assert (corners >= 0).all()
    assert (corners[:, 2:] <= (truth["width"], truth["height"])).all()


# Made once


def test_the_same_sample_is_not_made_again(tmp_path):
    make_sample(tmp_path / "s", TINY)
    before = (tmp_path / "s").stat().st_ino
    assert make_sample(tmp_path / "s", TINY)["unchanged"]
    assert (tmp_path / "s").stat().st_ino == before


def test_force_makes_it_again(tmp_path):
    make_sample(tmp_path / "s", TINY)
    before = (tmp_path / "s").stat().st_ino
    assert not make_sample(tmp_path / "s", TINY, force=True)["unchanged"]
    assert (tmp_path / "s").stat().st_ino != before


def test_other_options_make_it_again(tmp_path):
    make_sample(tmp_path / "s", TINY)
    assert not make_sample(tmp_path / "s", SampleOptions(images=3, side=160, video=0))["unchanged"]
    assert len(list((tmp_path / "s").rglob("*.jpg"))) == 3


def test_a_sample_that_lost_a_file_is_made_again(tmp_path):
    make_sample(tmp_path / "s", TINY)
    lost = next((tmp_path / "s").glob("*/*.json"))
    lost.unlink()
    assert not make_sample(tmp_path / "s", TINY)["unchanged"]
    assert lost.exists()


def test_a_folder_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(BoxwrightError, match="boxwright did not make it"):
        make_sample(tmp_path, TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


# The command


def test_the_command_prints_one_json_document(tmp_path):
    run = boxwright("sample", tmp_path / "s", "--images", 2, "--seed", 1, "--errors", 0.5, "--json")
    assert json.loads(run.stdout)["images"] == 2
    assert load(tmp_path / "s/manifest.json")["options"]["errors"] == 0.5


def test_the_command_draws_outlines(tmp_path):
    run = boxwright("sample", tmp_path / "s", "--images", 2, "--outlines", "-q")
    assert run.returncode == 0
    kinds = {s["shape_type"] for p in annotations(tmp_path / "s") for s in load(p)["shapes"]}
    assert kinds == {"polygon"}


def test_a_config_names_the_folder_and_flags_win(tmp_path):
    block = "{images: 9, side: 160, video: 0}"
    text = f"name: x\nsource: {tmp_path}/s\nprepared: {tmp_path}/p\nsample: {block}\n"
    (tmp_path / "run.yaml").write_text(text)
    assert boxwright("sample", tmp_path / "run.yaml", "--images", 2, "-q").returncode == 0
    options = manifest.read(tmp_path / "s")["options"]
    assert (options["images"], options["side"]) == (2, 160)


def test_a_rate_of_errors_above_one_is_refused(tmp_path):
    run = boxwright("sample", tmp_path / "s", "--errors", 1.5)
    assert run.returncode == 1
    assert "errors" in run.stderr
    assert not (tmp_path / "s").exists()
