"""`boxwright balance`, on small real trees. About 15 s on two cores of one's own."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections import Counter

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import boxwright, labelme, rectangle
from training import CLASSES, SMALL, prepare, tree

from pipeline import config, draw, manifest
from pipeline.balance import canvas, stock
from pipeline.balance.outlines import annotated
from pipeline.balance.run import BalanceOptions, balance
from pipeline.convert import ConvertOptions, convert
from pipeline.dataset import Boxes, Dataset, Images, Outlines
from pipeline.errors import BoxwrightError
from pipeline.formats import yolo
from pipeline.images import decode
from pipeline.stats import stats
from pipeline.steps import balance as steps
from pipeline.training import checks
from pipeline.training.run import Audience, TrainOptions, train

GREY, SIDE = 128, 120


def dataset(*pictures, classes=3, groups=None):
    """Pictures that hold boxes of the labels given."""
    rows = [(row, label) for row, labels in enumerate(pictures) for label in labels]
    names = [f"{row}.jpg" for row in range(len(pictures))]
    images = Images.of(names, names, [(100, 100)] * len(names), groups, ["train"] * len(names))
    boxes = Boxes.of([r for r, _ in rows], [c for _, c in rows], [(10, 10, 40, 40)] * len(rows))
    return Dataset(None, tuple("abcdefgh"[:classes]), images, boxes)


pictures_of_labels = st.lists(st.lists(st.integers(0, 2), max_size=6), min_size=1, max_size=25)


# ---- the numbers


def test_repeat_factors_are_those_of_the_paper():
    # f = 1, 0.04, 0.01 and t = 0.16: sqrt(t/f) = 0.4, 2, 4
    data = dataset([0, 1, 2, 2], *([0, 1],) * 3, *([0, 0],) * 96)
    assert steps.frequency(data).tolist() == [1, 0.04, 0.01]
    assert steps.class_factors(data, 0.16).tolist() == [1, 2, 4]
    assert steps.repeat_factors(data, 0.16)[:5].tolist() == [4, 2, 2, 2, 1]


@given(pictures_of_labels, st.floats(0.001, 1), st.floats(0.001, 1))
def test_repeat_factors_are_monotone_and_never_below_one(pictures, one, other):
    data, (low, high) = dataset(*pictures), sorted((one, other))
    assert (steps.repeat_factors(data, low) >= 1).all()
    assert (steps.repeat_factors(data, low) <= steps.repeat_factors(data, high)).all()
    order = np.argsort(steps.frequency(data))
    order = order[steps.frequency(data)[order] > 0]
    assert (np.diff(steps.class_factors(data, high)[order]) <= 0).all()


@given(st.floats(1, 20), st.integers(0, 2**32))
def test_stochastic_rounding_keeps_the_expectation(factor, seed):
    drawn = steps.rounded(np.full(4000, factor), np.random.default_rng(seed))
    assert set(drawn) <= {int(factor), int(factor) + 1}
    assert abs(drawn.mean() - factor) < 0.045  # 5.7 standard deviations of a fair coin's mean


@given(pictures_of_labels, st.integers(1, 40), st.integers(1, 6))
def test_oversampling_reaches_the_target_or_every_limit(pictures, target, most):
    data = dataset(*pictures)
    times = steps.oversample(data, target, most, np.random.default_rng(0))
    held = steps.content(data)
    assert times.min() >= 1
    assert times.max() <= most
    for label in np.flatnonzero(held.sum(axis=0)):
        of_class = held[:, label] > 0
        assert (held[:, label] @ times >= target) or (times[of_class] == most).all()


def test_oversampling_repeats_as_few_pictures_as_it_can():
    data = dataset([1], [1, 1, 1], [1], *([0, 0, 0, 0],) * 3)
    times = steps.oversample(data, 8, 10, np.random.default_rng(0))
    assert times.tolist() == [1, 2, 1, 1, 1, 1]  # the one picture that brings all three


def test_oversampling_shows_all_twice_before_one_a_third_time():
    data = dataset([1, 1], [1], [0] * 20)
    assert steps.oversample(data, 6, 10, np.random.default_rng(0)).tolist() == [2, 2, 1]


@given(pictures_of_labels, st.integers(1, 20), st.integers(0, 9))
def test_undersampling_takes_no_class_below_the_target(pictures, target, seed):
    data = dataset(*pictures)
    keep = steps.undersample(data, target, np.random.default_rng(seed))
    held = steps.content(data)
    before, after = held.sum(axis=0), held[keep].sum(axis=0)
    assert (after >= np.minimum(before, target)).all()
    rare = (held[:, before <= target] > 0).any(axis=1)
    assert keep[rare].all()
    assert keep[held.sum(axis=1) == 0].all()


@given(st.integers(0, 99))
def test_undersampling_keeps_a_picture_of_every_group_first(seed):
    data = dataset(*([0],) * 12, groups=["a"] * 8 + ["b"] * 3 + ["c"])
    keep = steps.undersample(data, 3, np.random.default_rng(seed))
    assert sorted(data.images.group[keep]) == ["a", "b", "c"]


def test_fewer_backgrounds_leaves_their_share_of_what_is_kept():
    data = dataset(*([0],) * 9, *([],) * 20)
    keep = steps.fewer_backgrounds(data, 0.1, np.random.default_rng(0))
    assert keep.sum() == 10
    assert keep[:9].all()


# ---- lists that training, and ultralytics itself, take


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Half of the pictures hold a disc, half a square; the square is made rare."""
    folder = prepare(tmp_path_factory.mktemp("data") / 'it\'s "준비된" #1', train=10)
    for path in sorted(folder.glob("labels/train/*/*.txt"))[3:]:
        path.write_text(path.read_text().replace("1 0.", "0 0."))
    return folder


@pytest.fixture(scope="module")
def balanced(prepared):
    out = prepared.with_name("balanced")
    balance(prepared, out, BalanceOptions(method="oversample", target=8))
    return out


def listed(out, split="train"):
    """How often the list names each picture, by the file's own name."""
    lines = (out / f"{split}.txt").read_text(encoding="utf-8").splitlines()
    return Counter(line.rsplit("/", 1)[1] for line in lines)


def test_the_list_names_pictures_and_copies_none(prepared, balanced):
    found = sorted(path.name for path in balanced.rglob("*") if path.is_file())
    lists = ["train.txt", "val.txt"]
    assert found == sorted(
        ["data.yaml", "manifest.json", "pictures.csv", "train.json", "val.json", *lists]
    )
    assert max(listed(balanced).values()) > 1
    assert set(listed(balanced)) == {p.name for p in prepared.glob("images/train/*/*")}


def test_training_shows_each_picture_as_often_as_it_is_listed(balanced, tmp_path, monkeypatch):
    from pipeline.models.ultralytics import loader

    shown = Counter()

    def counted(self, index, real=loader._Labels.get_image_and_label):
        if self.augment:
            shown[os.path.basename(self.im_files[index])] += 1  # noqa: PTH119
        return real(self, index)

    monkeypatch.setattr(loader._Labels, "get_image_and_label", counted)
    options = config.options(TrainOptions, SMALL, {"epochs": 1, "workers": 0, "cache": True})
    train(balanced, options, tmp_path / "run", audience=Audience())
    assert shown == listed(balanced)


def test_another_balance_is_another_run(prepared, balanced, tmp_path):
    options = config.options(TrainOptions, SMALL, {})
    prints = {checks.plan(p, options, tmp_path).fingerprint for p in (prepared, balanced)}
    again = checks.plan(balanced, options, tmp_path).fingerprint
    assert len(prints) == 2
    assert again in prints


def both_moved(prepared, balanced, to):
    for folder in (prepared, balanced):
        shutil.copytree(folder, to / folder.name)
    return to / prepared.name, to / balanced.name


def test_all_but_training_counts_each_picture_once(prepared, balanced, tmp_path, caplog):
    caplog.set_level("INFO")
    theirs, ours = map(yolo.read, both_moved(prepared, balanced, tmp_path))
    assert ours.images.name.tolist() == theirs.images.name.tolist()
    assert ours.images.split.tolist() == theirs.images.split.tolist()
    assert stats(ours) == stats(theirs)
    assert "Each is read once; training shows it as often as it is named." in caplog.text


def test_a_list_without_its_tree_says_so(balanced, tmp_path):
    alone = shutil.copytree(balanced, tmp_path / "alone")
    with pytest.raises(BoxwrightError, match="put it and the tree that it lists side by side"):
        yolo.read(alone)


ULTRALYTICS = """
import json, sys
from ultralytics.data.dataset import YOLODataset
from ultralytics.data.utils import check_det_dataset
data = check_det_dataset(sys.argv[1], autodownload=False)
loaded = YOLODataset(img_path=data["train"], data=data, imgsz=64, augment=False)
rows = [[label["im_file"], len(label["cls"])] for label in loaded.labels]
print(json.dumps([rows, data["val"]]))
"""


def test_ultralytics_takes_the_repeats_from_anywhere_after_a_move(prepared, balanced, tmp_path):
    both_moved(prepared, balanced, tmp_path / "moved")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = [sys.executable, "-c", ULTRALYTICS, tmp_path / "moved/balanced/data.yaml"]
    environment = os.environ | {"YOLO_CONFIG_DIR": str(tmp_path), "YOLO_OFFLINE": "1"}
    run = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=elsewhere, env=environment
    )
    rows, val = json.loads(run.stdout.splitlines()[-1])
    assert Counter(path.rsplit("/", 1)[1] for path, _ in rows) == listed(balanced)
    ours = yolo.read(tmp_path / "moved/balanced")
    counts = np.bincount(ours.boxes.image, minlength=len(ours.images)).tolist()
    by_name = {os.path.basename(p): n for p, n in zip(ours.images.path, counts, strict=True)}  # noqa: PTH119
    assert all(boxes == by_name[path.rsplit("/", 1)[1]] for path, boxes in rows)
    assert val == str(tmp_path / "moved/balanced/val.txt")


def test_a_list_works_through_a_link_to_its_folder(balanced, tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    link = tmp_path / "deep" / "er" / "linked"
    link.symlink_to(balanced)
    names = yolo.read(balanced).images.name.tolist()
    assert yolo.read(link).images.name.tolist() == names


def test_undersampling_leaves_pictures_out_of_the_list(prepared, tmp_path):
    made = balance(prepared, tmp_path / "out", BalanceOptions(method="undersample", target=2))
    left = yolo.read(tmp_path / "out")
    assert made["pictures"]["after"] == len(left.of_split("train").images) < 10
    assert len(left.of_split("val").images) == 4
    assert made["after"][0]["boxes"] == 2


def test_nothing_of_the_prepared_tree_is_touched(prepared, tmp_path):
    before = tree(prepared)
    balance(prepared, tmp_path / "out")
    assert tree(prepared) == before


def test_the_same_seed_gives_the_same_bytes(prepared, tmp_path):
    folders = [tmp_path / "once" / "out", tmp_path / "again" / "out"]
    for out in folders:
        balance(prepared, out, BalanceOptions(seed=3, threshold=1.0))
    assert hashes(folders[0]) == hashes(folders[1])


def hashes(folder):
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_one_class_alone_is_balanced_already(tmp_path):
    folder = prepare(tmp_path / "one", train=2, val=2)
    for path in folder.glob("labels/*/*/*.txt"):
        path.write_text("0 0.5 0.5 0.2 0.2\n")
    made = balance(folder, tmp_path / "out")
    assert set(listed(tmp_path / "out").values()) == {1}
    assert any("nothing changes" in warning for warning in made["warnings"])
    assert any(f"{CLASSES[1]}: train has no box of it" in warning for warning in made["warnings"])


def test_what_is_learnt_by_heart_is_named(prepared, tmp_path):
    options = BalanceOptions(method="oversample", target=60, max_repeat=7)
    made = balance(prepared, tmp_path / "out", options)
    told = "\n".join(made["warnings"])
    assert "more than 5 times an epoch" in told
    assert "(7 times)" in told
    assert "fewer than the 60 that were asked for" in told
    assert manifest.read(tmp_path / "out")["warnings"] == made["warnings"]


def test_what_undersampling_cannot_leave_out_is_told(prepared, tmp_path):
    source = shutil.copytree(prepared, tmp_path / "in")
    for path in source.glob("labels/train/*/*.txt"):
        path.write_text("0 0.5 0.5 0.2 0.2\n" * 9 + "1 0.5 0.5 0.3 0.3\n")
    made = balance(source, tmp_path / "out", BalanceOptions(method="undersample", target=10))
    assert f"{CLASSES[0]}: still 90 boxes: the rest stand in" in "\n".join(made["warnings"])


def test_a_class_of_few_groups_is_warned_of(prepared, tmp_path):
    options = BalanceOptions(method="oversample", target=8)
    rows = [["picture", "group", "origin"]]
    rows += [[f"train/{n}", "one", ""] for n in yolo.read(prepared).of_split("train").images.name]
    source = shutil.copytree(prepared, tmp_path / "in")
    with (source / "pictures.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    made = balance(source, tmp_path / "out", options)
    assert any("come from only 1 group: these will be learnt" in w for w in made["warnings"])
    assert yolo.read(tmp_path / "out").of_split("train").images.group.tolist() == ["one"] * 10


def test_repeats_that_take_the_common_class_along_are_told(tmp_path):
    folder = prepare(tmp_path / "in", train=6)
    for number, path in enumerate(sorted(folder.glob("labels/train/*/*.txt"))):
        common = "".join(f"0 0.5 0.{i}5 0.2 0.1\n" for i in range(9))
        path.write_text(common + ("1 0.5 0.5 0.3 0.3\n" if number else ""))
    made = balance(folder, tmp_path / "out", BalanceOptions(method="oversample", target=20))
    assert any("its pictures are full of other classes" in w for w in made["warnings"])


@pytest.mark.parametrize("out", [".", "inside", ".."])
def test_the_output_must_be_beside(prepared, out):
    with pytest.raises(BoxwrightError, match="must not hold each other"):
        balance(prepared, prepared / out)


def test_a_prepared_folder_is_not_overwritten(prepared, tmp_path):
    shutil.copytree(prepared, tmp_path / "other")
    with pytest.raises(BoxwrightError, match="is a prepared folder; it was left as it is"):
        balance(prepared, tmp_path / "other")


def test_the_command_takes_a_config_and_gives_json(prepared, tmp_path):
    values = {"name": "x", "source": "x", "prepared": str(prepared)}
    values["balance"] = {"method": "oversample", "target": 8}
    (tmp_path / "run.yaml").write_text(json.dumps(values), encoding="utf-8")
    run = boxwright("balance", tmp_path / "run.yaml", tmp_path / "out", "--json", "--seed", 1)
    made = json.loads(run.stdout)
    assert made["options"]["method"] == "oversample"
    assert made["options"]["seed"] == 1
    assert made["goal"] == 8
    assert {row["class"] for row in made["after"]} == set(CLASSES)


def test_the_command_shows_before_and_after(prepared, tmp_path):
    run = boxwright("balance", prepared, tmp_path / "out", "--target", 9)
    assert run.returncode == 0
    assert "Threshold t:" in run.stdout
    assert "→" in run.stdout
    assert "target has no effect on repeat-factor" in run.stderr


# ---- copy-paste


def disc(x, y, radius):
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    return np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1)


def drawn(path, *discs, value=230):
    """A flat grey picture with discs on it, and its labelme file with their outlines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((SIDE, SIDE, 3), GREY, dtype=np.uint8)
    shapes = []
    for label, *place in discs:
        if label == "box":
            shapes.append(rectangle("common", *place))
            continue
        points = disc(*place)
        cv2.fillPoly(pixels, [np.rint(points).astype(np.int32)], (value, value, 40))
        shapes.append({"label": label, "points": points.tolist(), "shape_type": "polygon"})
    cv2.imwrite(str(path), pixels)
    labelme(
        path.with_suffix(".json"), *shapes, imagePath=path.name, imageHeight=SIDE, imageWidth=SIDE
    )


@pytest.fixture(scope="module")
def outlined(tmp_path_factory):
    """Six scenes of a common class, two pictures of one rare item, backgrounds; val apart."""
    root = tmp_path_factory.mktemp("outlined")
    for number in range(12):
        drawn(root / f"in/사진 {number}_1.png", ("box", 5, 5, 25, 25), ("box", 90, 5, 110, 30))
    for number in range(4):
        for shot in range(2):
            drawn(root / f"in/rare{number}_{shot}.png", ("rare", 60, 60, 18 + number))
    for number in range(3):
        drawn(root / f"in/none{number}_0.png")
    options = ConvertOptions(group=r"^(.+)_\d+$", val=0.25)
    convert(root / "in", root / "tree", options)
    return root / "tree"


@pytest.fixture(scope="module")
def pasted(outlined):
    out = outlined.with_name("pasted")
    options = BalanceOptions(method="copy-paste", target=20, cover=0.0, turn=180, scale=0.3)
    balance(outlined, out, options)
    return out


def rows_of(pasted):
    with (pasted / "pasted.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_pasted_boxes_fit_what_is_to_be_seen_to_a_pixel(pasted):
    rows = rows_of(pasted)
    on_flat = [row for row in rows if row["scene"].startswith("none")]
    assert on_flat
    alone = Counter(row["picture"] for row in rows)
    for row in on_flat:
        if alone[row["picture"]] > 1:
            continue
        pixels = decode(pasted / "images/train" / row["picture"]).astype(int)
        seen = np.abs(pixels - GREY).max(axis=2) > 12
        ys, xs = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
        hull = [xs[0], ys[0], xs[-1] + 1, ys[-1] + 1]
        told = [float(row[key]) for key in ("x1", "y1", "x2", "y2")]
        assert np.abs(np.array(hull) - told).max() <= 1.0


def test_labels_and_annotations_tell_of_every_item(pasted):
    data = annotated(yolo.read(pasted))
    slices = data.per_image()
    row_of = {name: row for row, name in enumerate(data.images.name)}
    for told in rows_of(pasted):
        own = slices[row_of[told["picture"]]]
        box = [float(told[key]) for key in ("x1", "y1", "x2", "y2")]
        near = np.abs(data.boxes.xyxy[own] - box).max(axis=1) < 0.02
        assert near.sum() == 1
        row = own.start + int(np.flatnonzero(near)[0])
        assert data.classes[data.boxes.label[row]] == told["class"] == "rare"
        assert np.ptp(data.boxes.outline[row], axis=0) == pytest.approx(
            data.boxes.xyxy[row, 2:] - data.boxes.xyxy[row, :2], abs=0.05
        )


def test_scene_and_item_are_of_train_and_of_two_groups(outlined, pasted):
    source = yolo.read(outlined).of_split("train")
    group_of = dict(zip(source.images.name, source.images.group, strict=True))
    rows = rows_of(pasted)
    assert rows
    for row in rows:
        assert group_of[row["scene"]] == row["scene_group"]
        assert group_of[row["item_picture"]] == row["item_group"]
        assert row["scene_group"] != row["item_group"]
    after = yolo.read(pasted)
    groups = dict(zip(after.images.name, after.images.group, strict=True))
    assert all(groups[row["picture"]] == row["scene_group"] for row in rows)


def test_old_pictures_are_linked_and_val_stays(outlined, pasted):
    before, after = yolo.read(outlined), yolo.read(pasted)
    old = {(s, n): p for s, n, p in zip(*columns(before), strict=True)}
    new = {(s, n): p for s, n, p in zip(*columns(after), strict=True)}
    assert set(old) < set(new)
    assert all(os.path.samefile(old[key], new[key]) for key in old)  # noqa: PTH121
    assert {key for key in new if key[0] == "val"} == {key for key in old if key[0] == "val"}
    for name in ("labels/val", "images/val"):
        assert hashes(outlined / name) == hashes(pasted / name)
    assert (outlined / "annotations/val.json").read_bytes() == (
        pasted / "annotations/val.json"
    ).read_bytes()


def columns(data):
    return data.images.split, data.images.name, data.images.path


def test_pasting_changes_nothing_of_its_source_and_repeats_itself(outlined, pasted, tmp_path):
    before = {name: inode for name, (inode, _) in tree(outlined).items()}, hashes(outlined)
    options = BalanceOptions(method="copy-paste", target=20, cover=0.0, turn=180, scale=0.3)
    balance(outlined, tmp_path / "again", options)
    assert (
        {name: inode for name, (inode, _) in tree(outlined).items()},
        hashes(outlined),
    ) == before
    assert hashes(tmp_path / "again") == hashes(pasted)


def test_the_target_is_met_and_the_items_are_counted(pasted):
    made = manifest.read(pasted)
    rare = next(row for row in made["after"] if row["class"] == "rare")
    held = Counter(yolo.read(pasted).of_split("train").boxes.label.tolist())
    assert rare["boxes"] == held[made["classes"].index("rare")]
    assert 20 <= rare["boxes"] <= 21  # the last scene may bring one of its own
    assert rare["max_repeat"] <= 10
    assert made["items"]["pasted"] == len(rows_of(pasted))
    assert any("boxes an epoch come from only" in w for w in made["warnings"])


def test_what_was_pasted_can_be_repeated_after_that(pasted, tmp_path):
    made = balance(pasted, tmp_path / "out", BalanceOptions(threshold=1.0))
    assert made["pictures"]["before"] == len(yolo.read(pasted).of_split("train").images)


def test_boxes_without_outline_are_told_and_counted(prepared, tmp_path):
    with pytest.raises(BoxwrightError, match=r"can be cut out \(\d without an outline\)"):
        balance(prepared, tmp_path / "out", BalanceOptions(method="copy-paste", target=99))
    assert not (tmp_path / "out").exists()


def test_an_unknown_class_is_refused(outlined, tmp_path):
    options = BalanceOptions(method="copy-paste", classes=["rarre"])
    with pytest.raises(BoxwrightError, match="rarre: no such class"):
        balance(outlined, tmp_path / "out", options)


def test_items_that_cannot_be_cut_whole_are_left_out(tmp_path):
    drawn(tmp_path / "in/a_1.png", ("rare", 5, 60, 20), ("rare", 60, 60, 20), ("rare", 60, 66, 19))
    drawn(tmp_path / "in/b_1.png", ("rare", 60, 60, 4), ("rare", 90, 90, 15))
    drawn(tmp_path / "in/c_1.png", *(("box", 5 * n, 5, 5 * n + 4, 9) for n in range(9)))
    drawn(tmp_path / "in/d_1.png", ("box", 1, 1, 9, 9))
    convert(tmp_path / "in", tmp_path / "tree", ConvertOptions(val=0.25, stratify=False, seed=5))
    data = annotated(yolo.read(tmp_path / "tree"))
    label = data.classes.index("rare")
    found = stock.stock(data, [label], cover=0.1)
    assert found.left_out == {
        "cut off by the picture's border": 1,
        "covered by another object": 2,
        "narrower than 12 pixels": 1,
    }
    assert len(found.rows[label]) == 1


def test_outlines_of_changed_labels_are_not_trusted(outlined, tmp_path, caplog):
    source = shutil.copytree(outlined, tmp_path / "in")
    changed = next((source / "labels/train").glob("rare*.txt"))
    changed.write_text("0 0.2 0.2 0.1 0.1\n")
    data = annotated(yolo.read(source))
    row = data.images.name.tolist().index(f"{changed.stem}.png")
    assert not len(data.boxes.outline[data.per_image()[row].start])
    assert sum(len(data.boxes.outline[i]) > 0 for i in range(len(data.boxes))) == 7
    assert "1 pictures have other labels than annotations/" in caplog.text


def scene(*boxes):
    xyxy = [box for box in boxes if len(box) == 4]
    own = Boxes.of([0] * len(xyxy), [0] * len(xyxy), xyxy)
    return canvas.Canvas(np.full((60, 60, 3), GREY, dtype=np.uint8), own)


def square(side):
    picture = np.full((100, 100, 3), 250, dtype=np.uint8)
    outline = np.array([[20, 20], [20 + side, 20], [20 + side, 20 + side], [20, 20 + side]])
    return canvas.cut(picture, outline.astype(float), 1.0, 0.0, 0.5)


@given(st.integers(0, 10**6), st.floats(0, 0.9))
@settings(max_examples=40, deadline=None)
def test_no_object_loses_more_than_it_may(seed, cover):
    board = scene((5, 5, 35, 35), (30, 30, 55, 58))
    for _ in range(3):
        board.lay(square(20), 1, cover, np.random.default_rng(seed))
    seen = (board.picture != GREY).any(axis=2)
    xyxy, _ = board.objects()
    for (x1, y1, x2, y2), box in zip(((5, 5, 35, 35), (30, 30, 55, 58)), xyxy, strict=False):
        hidden = seen[y1:y2, x1:x2]
        assert hidden.mean() <= cover + 1e-9
        ys, xs = np.nonzero(~hidden)
        assert box.tolist() == [x1 + xs.min(), y1 + ys.min(), x1 + xs.max() + 1, y1 + ys.max() + 1]


def test_a_place_that_covers_too_much_is_not_taken():
    board = scene((0, 0, 60, 60))
    assert not board.lay(square(40), 1, 0.2, np.random.default_rng(0))
    assert (board.picture == GREY).all()
    assert board.lay(square(40), 1, 0.5, np.random.default_rng(0))


def test_an_item_larger_than_the_scene_is_not_laid():
    assert not scene().lay(square(70), 1, 0.9, np.random.default_rng(0))


@given(
    st.floats(0.4, 1.2),
    st.floats(-180, 180),
    st.floats(10, 30),
    st.floats(40, 60),
    st.floats(40, 60),
)
@settings(max_examples=40, deadline=None)
def test_a_cut_item_lies_within_its_turned_outline(scale, turn, radius, x, y):
    points = disc(x, y, radius)
    picture = np.full((100, 100, 3), 10, dtype=np.uint8)
    cv2.fillPoly(picture, [np.rint(points * 16).astype(np.int32)], (250, 250, 250), shift=4)
    patch = canvas.cut(picture, points, scale, turn, 0.8)
    assert np.ptp(patch.outline, axis=0) == pytest.approx([2 * radius * scale] * 2, abs=1.2)
    laid = patch.alpha > 0.5
    assert not (laid & ~patch.mask).any()
    assert patch.pixels[patch.alpha > 0.9].min() > 150  # the item, nothing of what was beside it
    corners = np.array(patch.mask.shape[::-1])
    assert (patch.outline >= 0).all()
    assert (patch.outline <= corners).all()


def test_light_moves_half_the_way():
    item = np.full((4, 4, 3), 100, dtype=np.uint8)
    grey = np.full(3, 100.0)
    assert (canvas.lit_as(item, grey, grey) == 100).all()
    assert (canvas.lit_as(item, grey, grey * 1.44) == 120).all()
    assert canvas.lit_as(item, grey, grey * 100).max() == 140


@pytest.mark.parametrize("blur", [0.8, 1.2])
def test_blur_is_measured_and_matched(blur):
    edges = np.zeros((100, 100, 3), dtype=np.uint8)
    cv2.rectangle(edges, (30, 30), (70, 70), (200, 200, 200), -1)
    scene_like = cv2.GaussianBlur(edges, (0, 0), blur)
    assert canvas.blur_of(scene_like) == pytest.approx(blur, rel=0.15)
    matched = canvas.blurred_as(edges, 0.3, canvas.blur_of(scene_like))
    assert canvas.blur_of(matched) == pytest.approx(blur, rel=0.2)
    assert canvas.blurred_as(scene_like, blur, 0.3) is scene_like


def test_pasted_pictures_can_be_previewed(pasted, tmp_path):
    run = boxwright("preview", pasted, "--class", "rare", "--out", tmp_path / "sheet.png")
    assert run.returncode == 0
    assert draw.Picture is not None
    assert decode(tmp_path / "sheet.png").std() > 5


def test_crowds_and_outlines_stand_in_the_new_annotations(pasted):
    content = json.loads((pasted / "annotations/train.json").read_text(encoding="utf-8"))
    polygons = [a for a in content["annotations"] if len(a["segmentation"][0]) > 8]
    assert len(polygons) == manifest.read(pasted)["after"][1]["boxes"]


def test_an_outline_hidden_in_part_is_traced_anew():
    board = canvas.Canvas(
        np.full((60, 60, 3), GREY, dtype=np.uint8),
        Boxes.of([0], [0], [(10, 10, 50, 50)], outline=Outlines.of([disc(30, 30, 20)])),
    )
    board.lay(square(20), 1, 0.6, np.random.default_rng(2))
    xyxy, outlines = board.objects()
    assert len(outlines[0]) > 4
    whole = cv2.contourArea(disc(30, 30, 20).astype(np.float32))
    assert cv2.contourArea(outlines[0].astype(np.float32)) < whole
    assert (outlines[0].min(axis=0) >= xyxy[0][:2] - 1).all()
