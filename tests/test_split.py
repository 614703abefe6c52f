"""Splits that part no group, keep every share, stay put, and say no."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from pipeline.convert import ConvertOptions, convert
from pipeline.dataset import Boxes, Dataset, Images, strings
from pipeline.errors import BoxwrightError
from pipeline.formats import yolo
from pipeline.formats.pictures_csv import FILE
from pipeline.steps.split import SplitOptions, split
from tests.making import boxwright, labelme, picture, rectangle, written

RATIOS = {"val": 0.2, "test": 0.1, "train_dev": 0.1}


def dataset(groups, classes=3):
    """A data set of groups, each a list of pictures, each a list of labels; boxes of 7 sizes."""
    pictures = [(f"g{g}", f"g{g}_{p}.jpg", p) for g, group in enumerate(groups) for p in group]
    names = [f"{name}-{i}" for i, (_, name, _) in enumerate(pictures)]
    images = Images.of(names, names, [[640, 480]] * len(names), [group for group, *_ in pictures])
    image = [i for i, (*_, labels) in enumerate(pictures) for _ in labels]
    label = [one for *_, labels in pictures for one in labels]
    xyxy = [[0, 0, side, side] for side in np.resize([20, 30, 50, 60, 90, 150, 200], len(label))]
    return Dataset(
        Path(), tuple(f"c{i}" for i in range(classes)), images, Boxes.of(image, label, xyxy)
    )


def scenes(count, shots, seed=0, classes=3):
    """Groups of `shots` pictures with a few boxes of skewed classes, a tenth of them empty."""
    rng = np.random.default_rng(seed)
    odds = 1 / np.arange(1, classes + 1)
    return [
        [
            () if rng.random() < 0.1 else tuple(rng.choice(classes, 4, p=odds / odds.sum()))
            for _ in range(shots)
        ]
        for _ in range(count)
    ]


def sides(data):
    """The splits of each group."""
    found = defaultdict(set)
    for group, side in zip(data.images.group, data.images.split, strict=True):
        found[group].add(side)
    return found


def source(root, groups, shots=2, label="Ten", **changes):
    """A folder of labelme pictures named note_<group>_<shot>."""
    for group in groups:
        for shot in range(shots):
            stem = f"note_{group}_{shot}"
            picture(root / f"{stem}.jpg")
            labelme(root / f"{stem}.json", rectangle(label, 1, 1, 9, 9), **changes)
    return root


BY_NAME = r"^(.+)_\d+$"


def where(prepared):
    """The split of each picture."""
    images = yolo.read(prepared).images
    return dict(zip(images.name, images.split, strict=True))


# --- shares --------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 6), min_size=8, max_size=60),
    seed=st.integers(0, 1000),
    folds=st.sampled_from([0, 3]),
)
def test_no_group_is_ever_parted_and_no_picture_lost(sizes, seed, folds):
    rng = np.random.default_rng(seed)
    data = dataset(
        [[tuple(rng.integers(0, 3, rng.integers(0, 4))) for _ in range(n)] for n in sizes]
    )
    options = SplitOptions({"val": 0 if folds else 0.3, "test": 0.2}, folds=folds, seed=seed)
    try:
        done = split(data, options).dataset
    except BoxwrightError:  # groups too large for these ratios
        reject()
    assert all(len(found) == 1 for found in sides(done).values())
    folds_named = {f"fold-{number + 1}" for number in range(folds)}
    assert set(done.images.split) == ({"test", *folds_named} if folds else {"train", "val", "test"})
    assert list(done.images.name) == list(data.images.name)


@pytest.mark.parametrize("shots", [1, 4])
def test_classes_sizes_and_background_get_their_share_together(shots):
    done = split(dataset(scenes(400, shots)), SplitOptions(RATIOS))
    for name, asked in RATIOS.items():
        told = done.shares[name]
        assert told["asked"] == asked
        got = [
            told["images"],
            told["background"],
            *told["classes"].values(),
            *told["sizes"].values(),
        ]
        assert got == pytest.approx([asked] * len(got), abs=0.015)


def test_the_shares_told_are_those_of_the_pictures():
    done = split(dataset(scenes(60, 2)), SplitOptions({"val": 0.25}))
    val = done.dataset.of_split("val")
    whole = np.bincount(done.dataset.boxes.label)
    got = np.bincount(val.boxes.label) / whole
    assert list(done.shares["val"]["classes"].values()) == pytest.approx(got, abs=1e-4)
    assert done.shares["val"]["images"] == pytest.approx(len(val.images) / 120, abs=1e-4)


def test_stratified_shares_are_nearer_than_those_of_pictures_alone():
    data = dataset(scenes(80, 3, classes=8), classes=8)

    def worst(*, stratify):
        done = split(data, SplitOptions({"val": 0.2}, stratify=stratify)).dataset
        whole, val = np.bincount(data.boxes.label), np.bincount(done.of_split("val").boxes.label)
        return np.abs(np.resize(val, 8) / whole - 0.2).max()

    assert worst(stratify=True) < worst(stratify=False) / 2


@settings(max_examples=30, deadline=None)
@given(
    counts=st.lists(st.integers(2, 12), min_size=1, max_size=5),
    val=st.floats(0.1, 0.5),
    seed=st.integers(0, 99),
)
def test_every_class_with_two_groups_is_on_both_sides(counts, val, seed):
    groups = [[(label,)] for label, count in enumerate(counts) for _ in range(count)]
    done = split(dataset(groups, len(counts)), SplitOptions({"val": val}, seed=seed)).dataset
    for name in ("train", "val"):
        assert set(done.of_split(name).boxes.label) == set(range(len(counts)))


@pytest.mark.parametrize("seed", range(5))
def test_a_class_that_one_group_holds_is_learnt_and_the_lack_is_told(seed):
    groups = [[(0,)]] * 9 + [[(1, 0)]]
    done = split(dataset(groups, 2), SplitOptions({"val": 0.3}, seed=seed)).dataset
    assert 1 in done.of_split("train").boxes.label


# --- stable --------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_split_and_another_one_another():
    data = dataset(scenes(40, 2))
    once, again = (split(data, SplitOptions({"val": 0.2})).dataset.images.split for _ in range(2))
    other = split(data, SplitOptions({"val": 0.2}, seed=1)).dataset.images.split
    assert list(once) == list(again) != list(other)


@settings(max_examples=20, deadline=None)
@given(first=st.integers(10, 40), more=st.integers(1, 60))
def test_pictures_of_before_stay_and_new_ones_even_out_the_shares(first, more):
    every = scenes(first + more, 2, seed=3)
    old = split(dataset(every[:first]), SplitOptions({"val": 0.25})).dataset.images
    before = dict(zip(old.name, old.split, strict=True))
    done = split(dataset(every), SplitOptions({"val": 0.25}), before).dataset.images
    after = dict(zip(done.name, done.split, strict=True))
    assert all(after[name] == side for name, side in before.items())
    assert Counter(done.split)["val"] / len(done) == pytest.approx(0.25, abs=0.08)


def test_groups_that_have_grown_together_go_where_nothing_learnt_is_tested():
    data = dataset([[(0,)] * 2 for _ in range(10)], 1)
    before = {name: ("val" if group == "g0" else "train") for name, group in
              zip(data.images.name, data.images.group, strict=True)}  # fmt: skip
    before[data.images.name[1]] = "train"
    done = split(data, SplitOptions({"val": 0.2}), before).dataset
    assert sides(done)["g0"] == {"train"}


def test_convert_keeps_old_pictures_where_they_were(tmp_path, caplog):
    source(tmp_path / "photos", range(12))
    options = ConvertOptions(group=BY_NAME, val=0.25)
    convert(tmp_path / "photos", tmp_path / "out", options)
    before = where(tmp_path / "out")
    source(tmp_path / "photos", range(100, 140))
    with caplog.at_level("INFO"):
        convert(tmp_path / "photos", tmp_path / "out", options)
    after = where(tmp_path / "out")
    assert all(after[name] == side for name, side in before.items())
    assert "80 new pictures" in caplog.text
    assert Counter(after.values())["val"] == 26
    convert(tmp_path / "photos", tmp_path / "out", options, force=True)
    convert(tmp_path / "photos", tmp_path / "fresh", options)
    assert where(tmp_path / "out") == where(tmp_path / "fresh") != after


def test_other_ratios_or_another_seed_deal_all_anew(tmp_path):
    source(tmp_path / "photos", range(12))
    convert(tmp_path / "photos", tmp_path / "out", ConvertOptions(group=BY_NAME))
    for changed in (ConvertOptions(group=BY_NAME, seed=5), ConvertOptions(group=BY_NAME, val=0.5)):
        convert(tmp_path / "photos", tmp_path / "out", changed)
        convert(tmp_path / "photos", tmp_path / "fresh", changed)
        assert where(tmp_path / "out") == where(tmp_path / "fresh")


def test_folds_stay_too(tmp_path):
    source(tmp_path / "photos", range(12))
    options = ConvertOptions(group=BY_NAME, folds=3)
    convert(tmp_path / "photos", tmp_path / "out", options)
    before = [where(tmp_path / "out" / f"fold-{n}") for n in (1, 2, 3)]
    source(tmp_path / "photos", range(100, 110))
    convert(tmp_path / "photos", tmp_path / "out", options)
    for number, old in enumerate(before, 1):
        after = where(tmp_path / "out" / f"fold-{number}")
        assert all(after[name] == side for name, side in old.items())


# --- no ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "options", "what"),
    [
        ([3], SplitOptions({"val": 0.2}), "1 group: too few for train \\+ val"),
        ([1, 1], SplitOptions({"val": 0.2, "test": 0.2}), "2 groups: too few"),
        ([5, 5], SplitOptions({"val": 0.2}), "the nearest is 50%.*only 2, of up to 5 pictures"),
        ([99, 1], SplitOptions({"val": 0.2}), "the nearest is 1%"),
        ([1] * 4, SplitOptions(folds=5), "too few for fold-1"),
        ([50, 1, 1, 1], SplitOptions(folds=3), "fold-. 33% of 53 pictures cannot be had"),
        ([1] * 9, SplitOptions({"val": 0.2}, target=["shop"]), "shop: no origin of this name"),
    ],
)
def test_what_cannot_be_done_is_said(sizes, options, what):
    data = dataset([[(0,)] * size for size in sizes], 1)
    with pytest.raises(BoxwrightError, match=f"(?s){what}".replace("fold-. ", "fold-.: ")):
        split(data, options)


def test_a_nearby_share_is_no_error_and_is_told(tmp_path):
    source(tmp_path / "photos", range(4), shots=3)
    run = boxwright("convert", tmp_path / "photos", tmp_path / "out", "--group", BY_NAME)
    assert run.returncode == 0
    assert "val  of 20%" in run.stdout
    assert "25.0%" in run.stdout


def test_a_class_without_a_group_to_spare_is_warned_of(tmp_path):
    source(tmp_path / "photos", range(9))
    source(tmp_path / "photos", [100], label="Rare")
    run = boxwright("convert", tmp_path / "photos", tmp_path / "out", "--group", BY_NAME)
    assert run.returncode == 0
    assert "warning: val has none of Rare (1 group)" in run.stderr
    made = json.loads((tmp_path / "out/manifest.json").read_text("utf-8"))
    assert made["missing"] == {"val": {"Rare": 1}}


# --- train_dev, origins, target ------------------------------------------------------------------


def test_val_and_test_are_of_the_target_and_train_dev_is_like_train():
    groups = scenes(100, 2)
    data = dataset(groups)
    origin = ["phone" if int(g[1:]) < 40 else "web" for g in data.images.group]
    data = with_origin(data, origin)
    ratios = {"val": 0.3, "test": 0.3, "train_dev": 0.1}
    done = split(data, SplitOptions(ratios, target=["phone"])).dataset.images
    of = Counter(zip(done.split, done.origin, strict=True))
    assert of["val", "web"] == of["test", "web"] == 0
    assert of["val", "phone"] == of["test", "phone"] == 24
    assert of["train", "phone"] + of["train_dev", "phone"] == 32
    assert of["train_dev", "web"] > 0
    assert of["train_dev", "web"] + of["train_dev", "phone"] == 20


def with_origin(data, origin):
    return replace(data, images=replace(data.images, origin=strings(origin)))


def test_a_tree_knows_the_groups_and_origins_of_its_pictures(tmp_path):
    source(tmp_path / "photos/phone", range(6))
    source(tmp_path / "photos/web", range(100, 106))
    out = tmp_path / "out"
    run = boxwright(
        "convert", tmp_path / "photos", out, "--group", r"^.*/(.+)_\d+$", "--origin", "folder",
        "--target", "phone", "--val", "0.3", "--train-dev", "0.2",
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    images = yolo.read(out).images
    rows = zip(images.name, images.group, images.origin, images.split, strict=True)
    for name, group, origin, side in rows:
        assert name.split("/")[0] == origin
        assert name.split("/")[1].rsplit("_", 1)[0] == group
        assert origin == "phone" or side != "val"
    assert set(images.split) == {"train", "val", "train_dev"}
    assert (out / "annotations/train_dev.json").is_file()


def test_an_origin_may_be_a_json_field(tmp_path):
    source(tmp_path / "photos", range(6), shop={"name": "가게 1"})
    source(tmp_path / "photos", range(10, 16), shop={"name": "b"})
    options = ConvertOptions(group=BY_NAME, origin="json:shop.name")
    convert(tmp_path / "photos", tmp_path / "out", options)
    assert Counter(yolo.read(tmp_path / "out").images.origin) == {"가게 1": 12, "b": 12}


def test_a_target_needs_an_origin(tmp_path):
    run = boxwright("convert", source(tmp_path / "p", range(4)), tmp_path / "out", "--target", "a")
    assert (run.returncode, "origin" in run.stderr) == (1, True)


def test_a_spoilt_pictures_csv_is_told(tmp_path):
    convert(source(tmp_path / "p", range(6)), tmp_path / "out", ConvertOptions(group=BY_NAME))
    written(tmp_path / "out" / FILE, "picture,group,origin\nval/a.jpg,b\n")
    run = boxwright("stats", tmp_path / "out")
    assert run.returncode == 1
    assert "pictures.csv" in run.stderr


# --- folds ---------------------------------------------------------------------------------------


def test_folds_are_trees_without_copies_in_which_each_picture_is_val_once(tmp_path):
    photos = source(tmp_path / "photos", range(15))
    run = boxwright(
        "convert", photos, tmp_path / "out", "--group", BY_NAME, "--folds", 3, "--test", "0.2"
    )
    assert run.returncode == 0, run.stderr
    trees = [where(tmp_path / "out" / f"fold-{number}") for number in (1, 2, 3)]
    for name in trees[0]:
        at = Counter(tree[name] for tree in trees)
        assert at in ({"val": 1, "train": 2}, {"test": 3})
        files = [tmp_path / f"out/fold-{n}/images/{tree[name]}/{name}" for n, tree in
                 enumerate(trees, 1)]  # fmt: skip
        assert len({file.stat().st_ino for file in files} | {(photos / name).stat().st_ino}) == 1
    assert Counter(trees[0].values())["test"] == 6
    assert boxwright("stats", tmp_path / "out/fold-2").returncode == 0


def test_folds_again_are_unchanged_and_the_parent_names_them(tmp_path):
    photos, out = source(tmp_path / "photos", range(9)), tmp_path / "out"
    options = ConvertOptions(group=BY_NAME, folds=3)
    assert not convert(photos, out, options)["unchanged"]
    assert convert(photos, out, options)["unchanged"]
    (
        out / "fold-2/images/train" / next(iter((out / "fold-2/images/train").iterdir())).name
    ).unlink()
    assert not convert(photos, out, options)["unchanged"]
    run = boxwright("stats", out)
    assert run.returncode == 1
    assert "fold-1" in run.stderr


def test_folds_and_val_are_not_given_together(tmp_path):
    run = boxwright("convert", source(tmp_path / "p", range(4)), tmp_path / "out",
                    "--folds", 3, "--val", "0.2")  # fmt: skip
    assert (run.returncode, "each fold is val once" in run.stderr) == (1, True)


# --- groups --------------------------------------------------------------------------------------


def test_groups_may_be_a_json_field(tmp_path):
    for number in range(4):
        source(tmp_path / "photos", [number * 10, number * 10 + 1], who={"person": f"p{number}"})
    made = convert(tmp_path / "photos", tmp_path / "out", ConvertOptions(group="json:who.person"))
    assert [part["groups"] for part in made["splits"].values()] == [3, 1]


def test_shots_of_one_thing_are_found_where_no_group_is_given(tmp_path):
    for group in range(8):
        for shot in range(2):
            stem = f"{shot}{group}"
            picture(tmp_path / f"first/{group}.jpg", (96, 96))
            written(tmp_path / f"photos/{stem}.jpg", (tmp_path / f"first/{group}.jpg").read_bytes())
            labelme(
                tmp_path / f"photos/{stem}.json", rectangle("Ten", 1, 1, 9, 9),
                imageWidth=96, imageHeight=96,
            )  # fmt: skip
    made = convert(tmp_path / "photos", tmp_path / "out")
    assert sum(part["groups"] for part in made["splits"].values()) == 8
    at = where(tmp_path / "out")
    assert all(at[f"0{group}.jpg"] == at[f"1{group}.jpg"] for group in range(8))


def test_a_tree_as_source_keeps_its_groups(tmp_path):
    convert(source(tmp_path / "p", range(8)), tmp_path / "a", ConvertOptions(group=BY_NAME))
    convert(tmp_path / "a", tmp_path / "b", ConvertOptions(val=0.4))
    assert len(set(yolo.read(tmp_path / "b").images.group)) == 8


def test_names_that_look_like_shots_of_one_thing_are_warned_of(tmp_path):
    run = boxwright("convert", source(tmp_path / "p", range(12)), tmp_path / "out")
    assert run.returncode == 0
    assert "24 pictures look by their names like shots of the same things" in run.stderr
    pattern = run.stderr.split("--group '")[1].split("'\n")[0]
    convert(tmp_path / "p", tmp_path / "named", ConvertOptions(group=pattern))
    assert len(set(yolo.read(tmp_path / "named").images.group)) == 12


def test_running_numbers_are_not_taken_for_shots(tmp_path):
    for number in range(12):
        picture(tmp_path / f"p/IMG_{number}.jpg")
        labelme(tmp_path / f"p/IMG_{number}.json", rectangle("Ten", 1, 1, 9, 9))
    assert "look by their names" not in boxwright("convert", tmp_path / "p", tmp_path / "o").stderr


def test_groups_are_found_again_where_the_old_tree_does_not_know_them(tmp_path):
    convert(source(tmp_path / "p", range(9)), tmp_path / "out")
    before = where(tmp_path / "out")
    (tmp_path / "out" / FILE).unlink()
    convert(tmp_path / "p", tmp_path / "out", ConvertOptions(drop_bad=True))
    assert where(tmp_path / "out") == before
    assert convert(tmp_path / "p", tmp_path / "out", ConvertOptions(flat=True))["grouped"]


def test_classes_of_one_group_each_leave_little_to_val_and_that_is_told(tmp_path):
    for group in range(9):
        source(tmp_path / "p", [group], label=f"Class{group}")
    source(tmp_path / "p", [20], label="Class0")
    run = boxwright("convert", tmp_path / "p", tmp_path / "out", "--group", BY_NAME, "--val", "0.4")
    assert run.returncode == 0, run.stderr
    assert "val has none of Class1 (1 group), Class2 (1 group)" in run.stderr
