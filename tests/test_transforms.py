"""Albumentations' transforms: read from a config, applied in training and off-line. About 20 s."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from making import boxwright
from training import SMALL, prepare, tree

from pipeline import config, manifest
from pipeline.augment import moving, transforms
from pipeline.augment.offline import WriteOptions, write
from pipeline.errors import BoxwrightError, DataErrors
from pipeline.formats import pictures_csv, yolo
from pipeline.images import decode
from pipeline.models.ultralytics import library
from pipeline.training import checks
from pipeline.training.run import TrainOptions, train

WIDTH, HEIGHT = 240, 200
FLIP = [{"HorizontalFlip": {"p": 1}}]
TURN = [{"Affine": {"rotate": [-45, 45], "scale": [0.8, 1.2], "p": 1}}]


def problems(entries, side=64):
    with pytest.raises(BoxwrightError) as caught:
        transforms.load(entries, side)
    return str(caught.value)


def ellipse(centre=(120, 95), half=(60, 35), points=240):
    angle = 2 * np.pi * np.arange(points) / points
    return np.column_stack([np.cos(angle), np.sin(angle)]) * half + centre


def painted(outline):
    """A white shape on black, its border as exact as bytes can be."""
    fine = np.zeros((HEIGHT * 16, WIDTH * 16), np.uint8)
    cv2.fillPoly(fine, [np.rint(outline * 16 - 0.5).astype(np.int32)], 255)
    return np.dstack([cv2.resize(fine, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)] * 3)


def extent(picture):
    """The box of what is white, by fractions of a pixel."""
    light = picture.max(axis=2) / 255

    def ends(line):
        on = np.flatnonzero(line > 0.5)
        first, last = on[0], on[-1]
        before = line[first - 1] if first else 0
        after = line[last + 1] if last + 1 < len(line) else 0
        return first + 1 - line[first] - before, last + line[last] + after

    (x1, x2), (y1, y2) = ends(light.max(axis=0)), ends(light.max(axis=1))
    return np.array([x1, y1, x2, y2])


# ---- reading a list


def test_all_that_is_wrong_is_told_at_once_with_the_near_names():
    told = problems(
        [
            "RandomBrightnesContrast",
            {"Blur": {"blur_limt": 3}},
            {"Affine": {"rotate": "x", "p": 3}},
            {"OneOf": {"transforms": ["Blurr"]}},
            {"RandomGamma": None, "p": 0.5},
        ]
    )
    assert "transforms[0] RandomBrightnesContrast" in told
    assert "did you mean 'RandomBrightnessContrast'?" in told
    assert "Blur: blur_limt: no such parameter; did you mean 'blur_limit'?" in told
    assert "Affine: rotate: 'x' does not fit" in told
    assert "Affine: p: 3 does not fit: Input should be less than or equal to 1" in told
    assert "OneOf.transforms[0] Blurr: " in told
    assert "transforms[4]: {'RandomGamma': None, 'p': 0.5} is neither" in told


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("Normalize", "gives float32"),
        ("RandomGridShuffle", "tears objects apart"),
        ("Lambda", "is Python code"),
        ("OverlayElements", "fails on a picture"),
        ("CoarseDropout3D", "fails on a picture"),
        ({"RandomCrop": {"height": 32}}, "width: is missing"),
        ({"OneOf": {"transforms": []}}, "no list of transforms"),
    ],
)
def test_what_gives_no_training_picture_is_refused(entry, why):
    assert why in problems([entry])


def test_pictures_have_to_keep_their_size_in_training_only():
    crop = [{"RandomCrop": {"height": 32, "width": 40}}]
    assert "40x32 out of 64x64" in problems(crop)
    assert transforms.load(crop) == crop
    back = [*crop, {"Resize": {"height": 64, "width": 64}}]
    assert transforms.load(back, 64) == back


def test_a_list_may_stand_in_a_file_of_its_own_or_in_a_config(tmp_path):
    for number, content in enumerate(
        (FLIP, {"transforms": FLIP}, {"augment": {"transforms": FLIP}})
    ):
        file = tmp_path / f"변환 {number}.yaml"
        file.write_text(yaml.safe_dump(content), "utf-8")
        assert transforms.load(str(file)) == FLIP
    with pytest.raises(BoxwrightError, match="cannot be read"):
        transforms.load("none.yaml")


def test_names_of_opencv_serve_as_values():
    entry = {"Rotate": {"border_mode": "BORDER_REFLECT", "interpolation": "cv2.INTER_CUBIC"}}
    assert transforms.load([entry], 64) == [entry]
    assert "'BORDER_REFLEKT' does not fit" in problems(
        [{"Rotate": {"border_mode": "BORDER_REFLEKT"}}]
    )


def test_a_config_refuses_a_list_that_is_none(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("name: a\nsource: s\nprepared: p\naugment:\n  transforms: {Blur: 3}\n")
    with pytest.raises(BoxwrightError, match=r"augment.transforms"):
        config.load(file)


def test_nothing_is_asked_of_the_network_and_nothing_imported_before_it_is_needed(tmp_path):
    code = """
import socket, sys
def refuse(*args, **kwargs): raise SystemExit("asked the network")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
import pipeline.cli.app, pipeline.training.run, pipeline.augment.offline
assert "albumentations" not in sys.modules
from pipeline.augment import transforms
assert transforms.load(None) == [] and "albumentations" not in sys.modules
transforms.load(["HorizontalFlip"], 64)
assert "albumentations" in sys.modules
"""
    environment = {k: v for k, v in os.environ.items() if k != "NO_ALBUMENTATIONS_UPDATE"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True, text=True, env=environment, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


# ---- labels move as pixels do


@pytest.mark.parametrize(
    ("name", "parameters", "within"),
    [
        ("HorizontalFlip", {}, 0.1),
        ("D4", {}, 0.1),
        ("RandomRotate90", {}, 0.1),
        ("Transpose", {}, 0.1),
        ("Affine", {"rotate": [-40, 40], "shear": [-10, 10]}, 0.3),
        ("SafeRotate", {"limit": [-90, 90]}, 0.3),
        ("Perspective", {}, 0.3),
        ("Resize", {"height": 100, "width": 180}, 0.3),
        ("RandomScale", {"scale_limit": [-0.4, 0.9]}, 0.3),
        ("LongestMaxSize", {"max_size": 333}, 0.3),
        ("RandomSizedCrop", {"min_max_height": [180, 190], "size": [300, 360]}, 0.3),
        ("CropAndPad", {"px": 10}, 0.3),
        ("ElasticTransform", {"alpha": 150, "sigma": 12}, 0.3),
        ("GridDistortion", {}, 0.3),
        ("OpticalDistortion", {}, 0.3),
        ("ThinPlateSpline", {"scale_range": [0.05, 0.1]}, 0.3),
    ],
)
def test_boxes_are_those_of_the_moved_pixels(name, parameters, within):
    pipeline = transforms.build([{name: {**parameters, "p": 1}}])
    for seed in range(4):
        pipeline.seed(seed)
        changed = pipeline(painted(ellipse()), [ellipse()])
        xyxy, seen, _ = moving.visible(changed)
        assert seen.all()
        assert np.abs(extent(changed.picture) - xyxy[0]).max() < within


@settings(max_examples=30)
@given(st.integers(0, 2**40))
def test_boxes_lie_in_their_pictures_and_what_is_left_is_large_enough(seed):
    pipeline = transforms.build(
        [{"Affine": {"rotate": [-180, 180], "translate_percent": [-0.6, 0.6], "p": 1}}]
    )
    pipeline.seed(seed)
    shapes = [ellipse(), ellipse((30, 30), (25, 25)), ellipse((200, 150), (30, 40))]
    changed = pipeline(painted(ellipse()), shapes)
    xyxy, seen, parts = moving.visible(changed, 0.3)
    for row in np.flatnonzero(seen):
        assert (xyxy[row] >= 0).all()
        assert (xyxy[row] <= [WIDTH, HEIGHT, WIDTH, HEIGHT]).all()
        assert moving.area(parts[row]) >= 0.3 * moving.area(changed.outlines[row])
    for row in np.flatnonzero(~seen):
        assert moving.area(parts[row]) < 0.3 * moving.area(changed.outlines[row])


def test_an_object_that_is_blotted_out_has_no_label():
    hole = {
        "num_holes_range": [1, 1],
        "hole_height_range": [0.9, 0.9],
        "hole_width_range": [0.9, 0.9],
    }
    pipeline = transforms.build([{"CoarseDropout": {**hole, "p": 1}}])
    hidden = 0
    for seed in range(8):
        pipeline.seed(seed)
        changed = pipeline(painted(ellipse()), [ellipse()])
        gone = not changed.picture.any()
        hidden += gone
        assert moving.visible(changed)[1].all() == (not gone)
    assert hidden


def test_colours_are_told_apart_as_rgb():
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 2] = 200  # BGR
    grey = transforms.build([{"ToGray": {"p": 1}}])(red, []).picture
    assert abs(int(grey[0, 0, 0]) - 0.299 * 200) <= 1


def test_transforms_of_colours_leave_outlines_to_the_last_bit():
    shape = ellipse() + 1 / 3
    changed = transforms.build(["RandomBrightnessContrast"])(painted(shape), [shape])
    assert changed.outlines[0] is shape


# ---- off-line


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A small tree of discs (outlined as such in their labels) and squares, with groups."""
    folder = prepare(tmp_path_factory.mktemp("tree") / "준비 '된' <b>")
    for file in sorted(folder.rglob("labels/*/*/*.txt")):
        rows = [line.split() for line in file.read_text().splitlines()]
        file.write_text("".join(map(_outlined, rows)))
    images = yolo.read(folder).images
    group = np.array([f"g{row // 2}" for row in range(len(images))], dtype=object)
    origin = np.array(["폰" if row % 2 else "카메라" for row in range(len(images))], dtype=object)
    pictures_csv.write(folder, replace(images, group=group, origin=origin))
    return folder


def _outlined(row):
    label, x, y, w, h = (float(value) for value in row)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    unit = ellipse((0, 0), (1, 1), 32) if label == 0 else corners
    points = unit * [w / 2, h / 2] + [x, y]
    return f"{int(label)} " + " ".join(f"{value:.6f}" for value in points.ravel()) + "\n"


def files(folder, below):
    root = folder / below
    return {
        str(file.relative_to(root)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(root.rglob("*"))
        if file.is_file()
    }


def written(prepared, out, entries=TURN, **changes):
    return write(prepared, out, WriteOptions(transforms=entries, **{"variants": 2, **changes}))


def test_only_train_grows_and_its_pictures_stay_linked(prepared, tmp_path):
    before = tree(prepared)
    made = written(prepared, tmp_path / "out")
    assert tree(prepared) == before
    assert made["pictures"] == {"before": 8, "new": 16}
    for below in ("images/val", "labels/val"):
        assert files(tmp_path / "out", below) == files(prepared, below)
    val = "annotations/val.json"
    assert (tmp_path / "out" / val).read_bytes() == (prepared / val).read_bytes()
    old, new = tree(prepared / "images"), tree(tmp_path / "out/images")
    assert len(new) == len(old) + 16
    assert all(new[name] == facts for name, facts in old.items())
    assert (
        files(prepared, "labels/train").items() <= files(tmp_path / "out", "labels/train").items()
    )


def test_variants_are_of_the_group_and_the_origin_of_their_picture(prepared, tmp_path):
    written(prepared, tmp_path / "out")
    known = pictures_csv.read(tmp_path / "out")
    for picture, facts in pictures_csv.read(prepared).items():
        assert known[picture] == facts
        stem = picture.removesuffix(".png")
        of_it = [known[name] for name in known if name.startswith(f"{stem}-variant-")]
        assert of_it == [facts] * (2 if picture.startswith("train/") else 0)


def test_labels_of_variants_are_tight(prepared, tmp_path):
    written(prepared, tmp_path / "out", variants=4, entries=[{"Affine": {"rotate": 45, "p": 1}}])
    dataset = yolo.read(tmp_path / "out")
    checked = 0
    for row, own in enumerate(dataset.per_image()):
        if "-variant-" not in dataset.images.name[row] or not own.stop - own.start:
            continue
        picture = decode(dataset.images.path[row])
        disc = dataset.boxes.label[own.start] == 0
        light = (picture.max(axis=2) > 130).astype(np.uint8) * 255
        xyxy = dataset.boxes.xyxy[own.start]
        assert np.abs(extent(np.dstack([light] * 3)) - xyxy).max() < (2 if disc else 2.5)
        checked += 1
    assert checked > 10


def test_coco_and_yolo_tell_the_same_boxes(prepared, tmp_path):
    from pycocotools.coco import COCO

    written(prepared, tmp_path / "out")
    dataset = yolo.read(tmp_path / "out").of_split("train")
    coco = COCO(str(tmp_path / "out/annotations/train.json"))
    names = {image["id"]: image["file_name"] for image in coco.dataset["images"]}
    told = sorted((names[a["image_id"]], *a["bbox"]) for a in coco.dataset["annotations"])
    xyxy = dataset.boxes.xyxy
    wide = np.column_stack([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]])
    ours = sorted(zip(dataset.images.name[dataset.boxes.image], *wide.T, strict=True))
    assert [row[0] for row in told] == [row[0] for row in ours]
    assert np.allclose([row[1:] for row in told], [row[1:] for row in ours], atol=1e-3)


def test_the_same_seed_gives_the_same_bytes_whatever_the_number_of_threads(
    prepared, tmp_path, monkeypatch
):
    entries = [*TURN, "GaussNoise", {"OneOf": {"transforms": ["Blur", "RandomGamma"], "p": 0.5}}]
    written(prepared, tmp_path / "one/out", entries)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    written(prepared, tmp_path / "two/out", entries)
    assert files(tmp_path / "one", "out") == files(tmp_path / "two", "out")
    written(prepared, tmp_path / "other/out", entries, seed=1)
    assert files(tmp_path / "one", "out/images") != files(tmp_path / "other", "out/images")


def test_a_variant_does_not_depend_on_how_many_there_are(prepared, tmp_path):
    written(prepared, tmp_path / "few", variants=1)
    written(prepared, tmp_path / "many", variants=3)
    few, many = (files(tmp_path / name, "images/train") for name in ("few", "many"))
    assert few.items() < many.items()


def test_the_manifest_tells_how_it_was_made_and_what_was_lost(prepared, tmp_path):
    away = [{"Affine": {"translate_percent": {"x": [0.6, 0.6]}, "p": 1}}]
    written(prepared, tmp_path / "out", away, variants=1)
    made = manifest.read(tmp_path / "out")
    assert made["kind"] == "augmented"
    assert made["options"]["transforms"] == away
    assert made["versions"]["albumentations"].startswith("2.")
    train_boxes = len(yolo.read(prepared).of_split("train").boxes)
    assert sum(row["before"] for row in made["boxes"]) == train_boxes
    assert sum(row["new"] + row["lost"] for row in made["boxes"]) == train_boxes
    assert sum(row["lost"] for row in made["boxes"]) > 0
    assert "boxes are lost in the variants" in made["warnings"][0]


def test_boxes_without_an_outline_are_told_of_when_they_are_turned(tmp_path):
    bare = prepare(tmp_path / "bare")
    turned = written(bare, tmp_path / "turned", [{"Affine": {"rotate": [30, 30], "p": 1}}])
    assert turned["loose"] == sum(row["new"] for row in turned["boxes"]) > 0
    assert any("looser than their boxes" in warning for warning in turned["warnings"])
    assert written(bare, tmp_path / "flipped", FLIP)["loose"] == 0
    assert all(
        len(line.split()) == 5
        for file in (tmp_path / "flipped/labels").rglob("*.txt")
        for line in file.read_text().splitlines()
    )


def test_no_output_is_left_of_what_fails(prepared, tmp_path):
    with pytest.raises(BoxwrightError, match="no such transform"):
        written(prepared, tmp_path / "out", ["Blurr"])
    with pytest.raises(BoxwrightError, match="would be copies"):
        written(prepared, tmp_path / "out", [])
    with pytest.raises(DataErrors, match="a transform fails on it"):
        written(prepared, tmp_path / "out", [{"RandomCrop": {"height": 500, "width": 500}}])
    with pytest.raises(BoxwrightError, match="must not hold each other"):
        written(prepared, prepared / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_writes_a_tree_that_can_be_augmented_again(prepared, tmp_path):
    file = tmp_path / "t.yaml"
    file.write_text(yaml.safe_dump(FLIP))
    out = tmp_path / "out"
    done = boxwright(
        "augment", prepared, "--transforms", file, "--write", 1, "--out", out, "--json"
    )
    assert json.loads(done.stdout)["pictures"] == {"before": 8, "new": 8}
    again = boxwright("augment", out, "--transforms", file, "--write", 1, "-o", tmp_path / "again")
    assert "8 → 16" not in again.stdout
    assert "16 → 32" in again.stdout
    names = yolo.read(tmp_path / "again").images.name
    assert len(set(names)) == len(names)


# ---- in training


def loaded(prepared, entries, seed=0):
    """The training pictures that the trainer's own data set makes."""
    from pipeline.models.ultralytics.shown import Loader
    from pipeline.training import presets

    data = yolo.read(prepared).of_split("train")
    loader = Loader(data, presets.load("none"), 64, transforms=entries)
    return [loader.draw(row, seed) for row in range(len(data.images))]


def test_training_shows_the_transforms_and_labels_that_fit(prepared):
    plain, flipped = loaded(prepared, []), loaded(prepared, FLIP)
    for before, after in zip(plain, flipped, strict=True):
        assert np.array_equal(before.picture[:, ::-1], after.picture)
        mirrored = np.column_stack([64 - before.xyxy[:, [2]], before.xyxy[:, [1]],
                                    64 - before.xyxy[:, [0]], before.xyxy[:, [3]]])  # fmt: skip
        assert np.allclose(mirrored, after.xyxy, atol=1e-3)


def test_training_pictures_follow_from_the_seed(prepared):
    one, same, other = (loaded(prepared, [*TURN, "GaussNoise"], seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a.picture, b.picture) for a, b in zip(one, same, strict=True))
    assert any(not np.array_equal(a.picture, b.picture) for a, b in zip(one, other, strict=True))


def test_without_a_list_training_has_no_transform_of_albumentations(prepared):
    library.load()
    from ultralytics.data.augment import Albumentations, Compose
    from ultralytics.utils import DEFAULT_CFG

    from pipeline.models.ultralytics import albumented, loader

    data = {"names": {}, "channels": 3, "quarter_turns": 0}
    data[loader.KEY] = {"train": yolo.read(prepared).of_split("train")}
    made = loader.YoloPictures(
        img_path="train", imgsz=64, augment=True, hyp=DEFAULT_CFG, data=data
    ).transforms
    kinds = [type(each) for each in made.transforms if not isinstance(each, Compose)]
    assert albumented.Albumented in kinds
    assert Albumentations not in kinds
    labels = {"img": object()}
    assert albumented.Albumented([])(labels) == labels


def test_a_run_with_transforms_is_another_run_and_can_be_told_from_its_folder(prepared, tmp_path):
    options = config.options(TrainOptions, {}, {**SMALL, "epochs": 1, "workers": 0})
    with_them = replace(options, transforms=[*TURN, "RandomGamma"])
    plain = checks.plan(prepared, options, tmp_path)
    plan = checks.plan(prepared, with_them, tmp_path)
    assert plan.fingerprint != plain.fingerprint
    assert "albumentations" in plan.identity["versions"]
    assert "albumentations" not in plain.identity["versions"]
    made = train(prepared, with_them, tmp_path / "run")
    run = Path(made["run"])
    kept = yaml.safe_load((run / "config.yaml").read_text("utf-8"))["train"]
    assert kept["transforms"] == [*TURN, {"RandomGamma": {}}]
    again = replace(options, transforms=kept["transforms"])
    assert train(prepared, again, tmp_path / "run")["unchanged"]


def test_wrong_transforms_are_told_with_all_else_before_training(prepared, tmp_path):
    options = config.options(TrainOptions, {}, {**SMALL, "imgsz": 70, "transforms": ["Blurr"]})
    with pytest.raises(BoxwrightError, match=r"Blurr(.|\n)*imgsz 70"):
        checks.plan(prepared, options, tmp_path)


def test_training_takes_the_transforms_of_the_augment_block_unless_it_has_its_own(tmp_path):
    file = tmp_path / "run.yaml"
    base = {"name": "a", "source": "s", "prepared": "p", "augment": {"transforms": FLIP}}
    file.write_text(yaml.safe_dump(base))
    assert config.load(file).training()["transforms"] == FLIP
    file.write_text(yaml.safe_dump({**base, "train": {"transforms": []}}))
    assert config.load(file).training()["transforms"] == []
