"""`boxwright leaks` on real small trees. All of it takes about ten seconds."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from evaluating import Detector
from hypothesis import given
from hypothesis import strategies as st
from making import boxwright, labelme, rectangle, written
from PIL import Image

from pipeline import models
from pipeline.check import trees
from pipeline.check.leaks import JUDGED, LeaksOptions, find
from pipeline.check.shares import shares
from pipeline.dataset import Boxes, Dataset, Images
from pipeline.errors import BoxwrightError
from pipeline.formats import yolo

CLASSES = ("십원", "<b>B</b>")
WIDTH, HEIGHT = 256, 192
BOX = "0 0.5 0.5 0.25 0.25\n"


def scene(seed):
    """A picture like no other: blocks of colour with shapes and texture on them."""
    draw = np.random.default_rng(seed)
    small = draw.integers(0, 255, (5, 6, 3), dtype=np.uint8)
    pixels = cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    for _ in range(14):
        x, y = (int(v) for v in draw.integers(0, (WIDTH, HEIGHT)))
        colour = tuple(int(v) for v in draw.integers(0, 255, 3))
        corner = (x + int(draw.integers(8, 50)), y + int(draw.integers(8, 50)))
        if draw.random() < 0.5:
            cv2.rectangle(pixels, (x, y), corner, colour, -1)
        else:
            cv2.circle(pixels, (x, y), int(draw.integers(5, 25)), colour, -1)
    return pixels


def save(path, pixels, taken=""):
    """Write a picture; `taken` is its EXIF time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if taken:
        exif[0x010F], exif[0x0110] = "Maker", "Model 1"
        exif.get_ifd(0x8769)[0x9003] = taken
    Image.fromarray(pixels[..., ::-1]).save(path, exif=exif, quality=95)
    return path


def plant(root, split, name, pixels, lines=BOX, taken=""):
    """A picture of a YOLO tree, and its labels."""
    save(root / "images" / split / name, pixels, taken)
    written((root / "labels" / split / name).with_suffix(".txt"), lines)


def yolo_tree(root, train=6, val=4, splits=("train", "val")):
    """A tree without leaks: every picture is another scene."""
    for seed in range(train + val):
        split = "train" if seed < train else "val"
        plant(root, split, f"가방 {seed % 2}/p{chr(97 + seed)}.jpg", scene(seed))
    values = {**{split: f"images/{split}" for split in splits}, "names": list(CLASSES)}
    written(root / "data.yaml", json.dumps(values, ensure_ascii=False))
    return root


def leaks(tree, tmp_path, *arguments):
    """Run the command; its JSON, and the rows of pairs.csv."""
    out = tmp_path / "out"
    done = boxwright("leaks", tree, "--out", out, "--json", "--quiet", *arguments)
    assert done.returncode in {0, 3}, done.stderr
    with (out / "pairs.csv").open(encoding="utf-8", newline="") as lines:
        return json.loads(done.stdout), list(csv.DictReader(lines)), done.returncode


def plant_exact(root):
    shutil.copy(root / "images/train/가방 0/pa.jpg", root / "images/val/가방 0/copy.jpg")
    return "가방 0/copy.jpg", "가방 0/pa.jpg"


def plant_near(root):
    brighter = np.clip(scene(1) * 1.08, 0, 255).astype(np.uint8)[4:-4, 5:-5]
    plant(root, "val", "near.jpg", cv2.resize(brighter, (WIDTH, HEIGHT)))
    return "near.jpg", "가방 1/pb.jpg"


def plant_video(root):
    plant(root, "train", "clip_mp4-0009.jpg", scene(50))
    plant(root, "train", "clip_mp4-0200.jpg", scene(51))
    plant(root, "val", "clip_mp4-0010.jpg", scene(52))
    return "clip_mp4-0010.jpg", "clip_mp4-0009.jpg"


def plant_burst(root):
    plant(root, "train", "x.jpg", scene(60), taken="2024:05:01 12:00:00")
    plant(root, "train", "w.jpg", scene(61), taken="2024:05:01 13:00:00")
    plant(root, "val", "y.jpg", scene(62), taken="2024:05:01 12:00:01")
    return "y.jpg", "x.jpg"


def plant_group(root):
    plant(root, "train", "one.jpg", scene(70))
    plant(root, "val", "two.jpg", scene(71))
    rows = "train/one.jpg,note 7,\nval/two.jpg,note 7,\n"
    written(root / "pictures.csv", f"picture,group,origin\n{rows}")
    return "two.jpg", "one.jpg"


PLANTED = {
    "exact": plant_exact,
    "near": plant_near,
    "video": plant_video,
    "burst": plant_burst,
    "group": plant_group,
}


@pytest.fixture(scope="module")
def every(tmp_path_factory):
    """A tree in which every kind is planted once, and what is found in it."""
    folder = tmp_path_factory.mktemp("사진 <b>")
    root = yolo_tree(folder / "all '1'")
    planted = {kind: plant_(root) for kind, plant_ in PLANTED.items()}
    return root, planted, folder, leaks(root, folder)


@pytest.mark.parametrize("kind", PLANTED)
def test_each_kind_that_is_planted_is_found_and_named(every, kind):
    _, planted, _, (_, rows, _) = every
    found = [(row["picture"], row["partner"]) for row in rows if row["kinds"] == kind]
    assert found == [planted[kind]]


def test_the_leaked_share_counts_each_picture_once(every):
    told, _, _ = every[3]
    val = told["splits"]["val"]
    assert (val["pictures"], val["leaked"], val["share"]) == (9, 5, round(5 / 9, 6))
    assert val["kinds"] == dict.fromkeys(PLANTED, 1)
    assert val["against"] == {"train": {k: val[k] for k in ("leaked", "share", "kinds")}}


def test_classes_are_counted_by_boxes(every):
    rows = every[3][0]["splits"]["val"]["classes"]
    assert rows[0] == {"class": "십원", "boxes": 8, "leaked": 4, "share": 0.5}  # a copy has none
    assert rows[1] == {"class": CLASSES[1], "boxes": 0, "leaked": 0, "share": None}


def test_pairs_are_sorted_by_the_surest_way_and_have_a_similarity_where_pixels_tell(every):
    rows = every[3][1]
    assert [row["kinds"] for row in rows] == list(PLANTED)
    assert rows[0]["similarity"] == "1.0000"
    assert 0 < float(rows[1]["similarity"]) < 1
    assert [row["similarity"] for row in rows[2:]] == ["", "", ""]


def test_a_leak_ends_in_exit_code_3_and_more_may_be_allowed(every, tmp_path):
    root, _, _, (told, _, code) = every
    assert (code, told["ok"]) == (3, False)
    told, _, code = leaks(root, tmp_path, "--max-share", 0.6)
    assert (code, told["ok"], told["max_share"]) == (0, True, 0.6)


def test_only_the_ways_that_are_asked_for_count(every, tmp_path):
    told, rows, _ = leaks(every[0], tmp_path, "--by", "burst", "--by", "exact")
    assert told["ways"] == ["exact", "burst"]
    assert [row["kinds"] for row in rows] == ["exact", "burst"]


def test_the_page_shows_the_pairs_and_needs_nothing_else(every):
    _, planted, folder, _ = every
    page = (folder / "out" / "leaks.html").read_text(encoding="utf-8")
    assert page.count("<img ") == 2 * len(planted) + 2  # and the copy without labels
    assert set(re.findall(r'(?:src|href)="([a-z]+:[a-z/]+)', page)) == {"data:image/jpeg"}
    assert all(name in page for pair in planted.values() for name in pair)


def test_nothing_in_the_page_is_markup_of_the_data(every):
    page = (every[2] / "out" / "leaks.html").read_text(encoding="utf-8")
    assert "<b>B</b>" not in page
    assert "&lt;b&gt;B&lt;/b&gt;" in page


def test_two_searches_are_the_same_bytes(every, tmp_path):
    leaks(every[0], tmp_path)
    ours, theirs = every[2] / "out", tmp_path / "out"
    files = sorted(p.relative_to(ours) for p in ours.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(theirs) for p in theirs.rglob("*") if p.is_file())
    assert [str(f) for f in files if (ours / f).read_bytes() != (theirs / f).read_bytes()] == []


def test_leaked_pictures_are_listed_below_the_tree(every):
    lines = (every[2] / "out" / "leaked.txt").read_text(encoding="utf-8").splitlines()
    assert sorted(lines) == sorted(f"images/val/{pair[0]}" for pair in every[1].values())


def test_the_clean_tree_opens_and_has_no_leak(every, tmp_path):
    clean = every[2] / "out" / "clean" / "data.yaml"
    splits = yolo.read(clean).images.split.tolist()
    assert (splits.count("train"), splits.count("val")) == (11, 4)
    told, rows, code = leaks(clean, tmp_path)
    assert (code, told["share"], rows) == (0, 0, [])


def test_copies_that_are_labelled_otherwise_are_told(every):
    told = every[3][0]["labelled_otherwise"]
    assert [(row["picture"], row["copy"], row["problem"]) for row in told] == [
        ("가방 0/pa.jpg", "가방 0/copy.jpg", "1 십원 against no box")
    ]


def test_copies_in_one_split_with_another_class_are_told(tmp_path):
    root = yolo_tree(tmp_path / "t")
    plant(root, "train", "a1.jpg", scene(30), "0 0.5 0.5 0.25 0.25\n")
    plant(root, "train", "a2.jpg", scene(30), "1 0.5 0.5 0.25 0.25\n")
    plant(root, "train", "b1.jpg", scene(31), "0 0.2 0.2 0.25 0.25\n")
    plant(root, "train", "b2.jpg", scene(31), "0 0.7 0.7 0.25 0.25\n")
    plant(root, "train", "c1.jpg", scene(32), "0 0.5 0.5 0.25 0.25\n")
    plant(root, "train", "c2.jpg", scene(32), "0 0.51 0.5 0.25 0.25\n")
    told, _, code = leaks(root, tmp_path)
    assert code == 0
    assert [row["problem"] for row in told["labelled_otherwise"]] == [
        "1 십원 against 1 <b>B</b>",
        "1 of 1 boxes at another place",
    ]


def test_a_tree_without_leaks_is_clean(tmp_path):
    root = yolo_tree(tmp_path / "t")
    told, rows, code = leaks(root, tmp_path)
    assert (code, told["ok"], told["share"], rows) == (0, True, 0, [])
    shown = boxwright("leaks", root, "--out", tmp_path / "out")
    assert "No leak between train and val." in shown.stdout
    assert (tmp_path / "out" / "leaked.txt").read_text() == ""


def test_json_is_alone_on_stdout_and_complete(tmp_path):
    told, _, _ = leaks(yolo_tree(tmp_path / "t"), tmp_path)
    assert {key: told[key] for key in ("name", "pictures", "pairs", "command", "inflation")} == {
        "name": "t",
        "pictures": 10,
        "pairs": 0,
        "command": "",
        "inflation": None,
    }
    file = json.loads((tmp_path / "out" / "leaks.json").read_text(encoding="utf-8"))
    assert told == {**file, "out": str(tmp_path / "out")}


def test_a_pattern_on_the_names_makes_groups_in_trees_of_others(tmp_path):
    root = tmp_path / "t"
    for split, number in (("train", 1), ("train", 2), ("val", 3)):
        plant(root, split, f"note_{number}.jpg", scene(number))
    plant(root, "val", "other_1.jpg", scene(9))
    written(root / "train.txt", "".join(f"images/train/note_{n}.jpg\n" for n in (1, 2)))
    written(root / "val.txt", "images/val/note_3.jpg\n./images/val/other_1.jpg\n")
    written(root / "data.yaml", "train: train.txt\nval: val.txt\nnames: [a]\n")
    told, rows, _ = leaks(root, tmp_path, "--group", r"^(.+)_\d+$")
    assert told["splits"]["val"]["kinds"]["group"] == 1
    assert [(row["kinds"], row["similarity"]) for row in rows] == [("group", "")]
    assert rows[0]["partner"].endswith("note_2.jpg")


def test_the_same_file_in_two_lists_is_an_exact_copy(tmp_path):
    root = tmp_path / "t"
    for seed in range(4):
        plant(root, "all", f"{seed}.jpg", scene(seed))
    written(root / "train.txt", "".join(f"images/all/{n}.jpg\n" for n in (0, 1, 2)))
    written(root / "val.txt", "images/all/2.jpg\nimages/all/3.jpg\n")
    written(root / "anyname.yaml", "train: train.txt\nval: val.txt\nnames: [a]\n")
    told, rows, _ = leaks(root / "anyname.yaml", tmp_path)
    assert told["splits"]["val"]["share"] == 0.5
    assert [row["kinds"] for row in rows] == ["exact"]


def coco_file(path, names, classes=("a", "b")):
    content = {
        "images": [
            {"id": i, "file_name": n, "width": WIDTH, "height": HEIGHT} for i, n in enumerate(names)
        ],
        "annotations": [
            {"id": i, "image_id": i, "category_id": 7, "bbox": [8, 8, 40, 40], "area": 1600}
            for i, _ in enumerate(names)
        ],
        "categories": [{"id": 7 + i, "name": name} for i, name in enumerate(classes)],
    }
    return written(path, json.dumps(content))


def test_a_coco_tree_is_read_split_by_split(tmp_path):
    root = tmp_path / "coco"
    for split, seeds in (("train2017", (0, 1, 2)), ("val2017", (2, 3))):
        names = [f"{seed}.jpg" for seed in seeds]
        for seed, name in zip(seeds, names, strict=True):
            save(root / split / name, scene(seed))
        coco_file(root / "annotations" / f"instances_{split}.json", names)
        coco_file(root / "annotations" / f"captions_{split}.json", names)
    told, rows, code = leaks(root, tmp_path)
    assert code == 3
    assert [(r["split"], r["picture"], r["partner"]) for r in rows] == [("val", "2.jpg", "2.jpg")]
    assert told["splits"]["val"]["classes"][0] == {
        "class": "a",
        "boxes": 2,
        "leaked": 1,
        "share": 0.5,
    }
    assert (tmp_path / "out" / "leaked.txt").read_text() == "val2017/2.jpg\n"
    assert not (tmp_path / "out" / "clean").exists()


def test_a_roboflow_export_has_the_copies_of_one_source_and_classes_in_any_order(tmp_path):
    root = tmp_path / "robo"
    for split, seed, mark in (
        ("train", 0, "a" * 32),
        ("valid", 1, "b" * 32),
        ("test", 2, "c" * 32),
    ):
        name = f"IMG_1_jpg.rf.{mark}.jpg"
        save(root / split / name, scene(seed))
        classes = ("x", "y") if split == "train" else ("y", "x")
        coco_file(root / split / "_annotations.coco.json", [name], classes)
    told, rows, _ = leaks(root, tmp_path)
    assert [(r["split"], r["before"], r["kinds"]) for r in rows] == [
        ("val", "train", "video"),
        ("test", "train", "video"),
        ("test", "val", "video"),
    ]
    held = {r["class"]: r["boxes"] for r in told["splits"]["val"]["classes"]}
    assert held == {"x": 0, "y": 1}


def in_memory(split, group):
    names = [f"{row}.jpg" for row in range(len(split))]
    images = Images.of(names, names, [[8, 8]] * len(names), group=group, split=split)
    return Dataset(Path(), ("a",), images, Boxes.of([], [], []))


BY_GROUP = LeaksOptions(by=["group"])


def test_train_dev_is_judged_but_nothing_leaks_out_of_it():
    splits = ["train", "train_dev", "val", "test", "train"]
    found = shares(*_shared(splits, ["a", "b", "b", "b", "c"]))
    assert {name: part["leaked"] for name, part in found.items()} == {
        "train_dev": 0,
        "val": 0,
        "test": 1,
    }
    assert {name: list(part["against"]) for name, part in found.items()} == {
        "train_dev": ["train"],
        "val": ["train"],
        "test": ["train", "val"],
    }


def _shared(splits, groups):
    dataset = in_memory(splits, groups)
    return dataset, find(dataset, BY_GROUP).leaks


@given(
    st.lists(
        st.tuples(st.sampled_from(["train", "train_dev", "val", "test"]), st.sampled_from("abc-")),
        max_size=14,
    )
)
def test_shares_are_those_of_comparing_all_with_all(rows):
    rows = [*rows, ("train", "x"), ("val", "y")]
    splits, groups = zip(*rows, strict=True)
    groups = [group.replace("-", "") for group in groups]
    found = shares(*_shared(splits, groups))
    for split, before in JUDGED.items():
        own = [g for s, g in zip(splits, groups, strict=True) if s == split]
        seen = {g for s, g in zip(splits, groups, strict=True) if s in before} - {""}
        if split in found:
            assert found[split]["leaked"] == sum(g in seen for g in own)


def test_a_big_group_gives_a_pair_a_picture_the_nearest_by_name():
    splits = ["train"] * 30 + ["val"] * 3
    dataset = in_memory(splits, ["g"] * 33)
    names = [f"f{n}.jpg" for n in [*range(0, 300, 10), 12, 101, 300]]
    images = replace(dataset.images, name=np.array(names, dtype=object))
    found = find(replace(dataset, images=images), BY_GROUP).leaks
    pairs = zip(images.name[found.image], images.name[found.partner], strict=True)
    assert sorted(pairs) == [
        ("f101.jpg", "f100.jpg"),
        ("f12.jpg", "f10.jpg"),
        ("f300.jpg", "f290.jpg"),
    ]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("instances_train2017", "train"),
        ("valid", "val"),
        ("Validation-set", "val"),
        ("train_dev", "train_dev"),
        ("my_test", "test"),
        ("contest", ""),
        ("trained", ""),
        ("_annotations.coco", ""),
    ],
)
def test_a_split_is_told_by_its_name(name, split):
    assert trees.split_of(name) == split


def test_a_picture_that_cannot_be_decoded_is_named_and_the_rest_compared(tmp_path):
    root = yolo_tree(tmp_path / "t")
    plant_exact(root)
    good = cv2.imencode(".png", scene(3))[1].tobytes()
    written(root / "images/val/broken.png", good[:60] + b"\0" * 400 + good[-12:])
    told, rows, _ = leaks(root, tmp_path)
    assert [Path(path).name for path in told["not_compared"]] == ["broken.png"]
    assert [row["kinds"] for row in rows] == ["exact"]


def test_a_picture_that_cannot_be_decoded_is_shown_by_its_name(tmp_path):
    root = yolo_tree(tmp_path / "t")
    good = cv2.imencode(".png", scene(3))[1].tobytes()
    written(root / "images/val/pa_2.png", good[:60] + b"\0" * 400 + good[-12:])
    assert len(leaks(root, tmp_path, "--by", "group", "--group", "pa")[1]) == 1
    assert "cannot be decoded" in (tmp_path / "out" / "leaks.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("nowhere",), 1, "no such"),
        (("empty",), 1, "no split tree"),
        (("only",), 1, "leaks are between splits"),
        (("only", "--by", "look"), 1, "one of 'exact'"),
        (("only", "--max-share", "2"), 1, "max_share"),
        (("only", "--what"), 2, "No such option"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path, monkeypatch, arguments, code, said):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    yolo_tree(Path("only"), train=2, val=0, splits=("train",))
    done = boxwright("leaks", *arguments)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_a_pattern_that_matches_nothing_is_refused(tmp_path):
    done = boxwright("leaks", yolo_tree(tmp_path / "t"), "--out", tmp_path / "o", "--group", "zzz")
    assert done.returncode == 1
    assert "matches no picture's name" in done.stderr


def test_a_folder_of_someone_else_is_left_alone(tmp_path):
    written(tmp_path / "out" / "thesis.txt", "mine")
    done = boxwright("leaks", yolo_tree(tmp_path / "t"), "--out", tmp_path / "out")
    assert done.returncode == 1
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_the_command_that_is_given_mends_the_tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = Path("my source")
    for seed in range(12):
        pixels = scene(seed // 2)[seed % 2 * 3 :]
        save(source / f"p{seed}.jpg", cv2.resize(pixels, (WIDTH, HEIGHT)))
        box = rectangle("b 1", 8, 6, 40, 30)
        labelme(source / f"p{seed}.json", box, imageWidth=WIDTH, imageHeight=HEIGHT)
    flags = ("--classes", "A=b 1", "--val", 0.4, "--group", "none", "--quiet")
    boxwright("convert", source, "tree", *flags)
    told, _, code = leaks("tree", tmp_path)
    assert code == 3
    words = shlex.split(told["command"])
    assert words[:4] == ["boxwright", "convert", "my source", "tree"]
    assert words[4:] == ["--classes", "A=b 1", "--val", "0.4", "--group", "found"]
    assert boxwright(*words[1:]).returncode == 0
    assert leaks("tree", tmp_path)[2] == 0


# What leaks do to a score: a detector that knows what it has seen, and guesses elsewhere.


@pytest.fixture
def judged(tmp_path, monkeypatch):
    """A tree of which half of val is leaked, and a detector that finds the boxes there alone."""
    root = yolo_tree(tmp_path / "t", train=12, val=0)
    for seed in range(12):
        plant(root, "val", f"leaked{seed}.jpg", scene(seed), taken="")
        plant(root, "val", f"z{seed}.jpg", scene(100 + seed))
    plant(root, "val", "z99.jpg", scene(200), "1 0.5 0.5 0.25 0.25\n")
    known = np.array(["leaked" in name for name in yolo.read(root).of_split("val").images.name])
    monkeypatch.setattr(models, "load", lambda *_args, **_options: Detector(CLASSES, None))
    monkeypatch.setattr(models, "predict", lambda _, truth, **_options: _said(truth, known))
    return root


def _said(truth, known):
    """Right where a picture is known; elsewhere every other box is."""
    boxes = truth.boxes
    right = known[boxes.image] | (np.arange(len(boxes)) % 2 == 0)
    away = np.where(right, 0.0, 60.0)[:, None]
    score = np.linspace(0.9, 0.5, len(boxes))
    return replace(truth, boxes=replace(boxes, xyxy=boxes.xyxy + away, score=score))


def test_a_score_is_split_in_what_was_seen_and_what_was_not(judged, tmp_path):
    found = leaks(judged, tmp_path, "--weights", "best.pt")[0]["inflation"]
    score = found["mAP50"]
    assert found["leaked"] == {"pictures": 12, "boxes": 12}
    assert found["clean"] == {"pictures": 13, "boxes": 13}
    assert (found["classes"], found["left_out"]) == (["십원"], [CLASSES[1]])
    assert score["leaked"] == pytest.approx(1)
    assert score["clean"] < 0.6
    assert score["clean"] < score["whole"] < score["leaked"]
    assert score["interval"][0] > 0
    assert score["difference"] == pytest.approx(score["leaked"] - score["clean"], abs=1e-6)
    assert score["inflated"] == pytest.approx(score["whole"] - score["clean"], abs=1e-6)


def test_the_inflation_is_told_in_words_and_on_the_page(judged, tmp_path):
    done = boxwright("leaks", judged, "--weights", "best.pt", "--out", tmp_path / "out")
    assert re.search(r"on its 13 pictures that training has not seen it is 0\.\d\d", done.stdout)
    assert "is inflated by about" in done.stdout
    page = (tmp_path / "out" / "leaks.html").read_text(encoding="utf-8")
    assert "clean: training has not seen them" in page


def test_without_leaks_there_is_no_comparison(judged, tmp_path):
    told = leaks(judged, tmp_path, "--weights", "best.pt", "--by", "group")[0]
    found = told["inflation"]
    assert found["mAP50"]["leaked"] is None
    assert found["words"] == ["No picture of val is leaked: its score is not inflated by leaks."]


def test_with_nothing_but_leaks_there_is_no_comparison(judged, tmp_path):
    for path in (judged / "images/val").glob("z*"):
        path.unlink()
    found = leaks(judged, tmp_path, "--weights", "best.pt")[0]["inflation"]
    assert found["mAP50"]["clean"] is None
    assert "there is no clean one" in found["words"][0]


def test_few_groups_are_said_to_be_too_few(judged, tmp_path):
    for path in [*(judged / "images/val").glob("z?.jpg")][:9]:
        path.unlink()
    found = leaks(judged, tmp_path, "--weights", "best.pt")[0]["inflation"]
    assert found["mAP50"]["interval"] is None
    assert "too few" in " ".join(found["words"])


def test_a_config_names_the_tree_and_may_have_no_model_yet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yolo_tree(Path("t"))
    block = "leaks:\n  by: [exact]\n  max_share: 0.5\n"
    written(Path("run.yaml"), f"name: r\nsource: s\nprepared: t\n{block}")
    done = boxwright("leaks", "run.yaml", "--json")
    told = json.loads(done.stdout)
    assert (told["ways"], told["max_share"]) == (["exact"], 0.5)
    assert told["out"] == str(Path("runs", "leaks-t"))
    assert "no trained model yet" in done.stderr


def test_reading_tells_what_is_left_out(tmp_path, caplog):
    root = yolo_tree(tmp_path / "t")
    written(root / "labels/val/가방 0/pg.txt", "9 0.5 0.5 0.1 0.1\n")
    assert len(trees.read(root).dataset.boxes) == 9
    assert "class 9 is not in data.yaml" in caplog.text


def test_two_files_for_one_split_are_refused(tmp_path):
    save(tmp_path / "t" / "a.jpg", scene(1))
    for name in ("train_a.json", "train_b.json"):
        coco_file(tmp_path / "t" / name, ["a.jpg"])
    with pytest.raises(BoxwrightError, match="several files could be the split train"):
        trees.read(tmp_path / "t")


@pytest.mark.parametrize(
    ("path", "said"),
    [("folds", "give one of those in it, "), ("one.json", "one COCO file is one split")],
)
def test_what_holds_no_splits_of_its_own_is_told_where_they_are(tmp_path, path, said):
    yolo_tree(tmp_path / "folds" / "fold-1")
    written(tmp_path / "one.json", "{}")
    with pytest.raises(BoxwrightError, match=said):
        trees.read(tmp_path / path)


def test_the_command_names_the_config_and_the_groups_that_were_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = yolo_tree(Path("t"))
    plant_exact(root)
    plant_group(root)
    made = {"boxwright": "0", "kind": "prepared", "source": "s", "options": {"group": "folder"}}
    written(root / "manifest.json", json.dumps({**made, "shares": {}}))
    written(Path("my run.yaml"), "name: r\nsource: s\nprepared: t\n")
    done = boxwright("leaks", "my run.yaml", "--json", "--quiet", "--group", "^(.)")
    told = json.loads(done.stdout)["command"]
    assert shlex.split(told) == [
        "boxwright", "convert", "my run.yaml",
        "--group", "folder", "--group", "found", "--group", "^(.)",
    ]  # fmt: skip


def test_a_source_that_came_with_splits_is_dealt_anew(tmp_path):
    root = yolo_tree(tmp_path / "t", train=6, val=3)
    plant_exact(root)
    made = {"boxwright": "0", "kind": "prepared", "source": "s", "options": {"val": None}}
    written(root / "manifest.json", json.dumps(made))
    words = shlex.split(leaks(root, tmp_path)[0]["command"])
    assert words == ["boxwright", "convert", "s", str(root), "--group", "found", "--val", "0.4"]


def test_the_page_says_what_a_pair_has_in_common(every):
    page = (every[2] / "out" / "leaks.html").read_text(encoding="utf-8")
    for told in ("group note 7", "video clip.mp4", "burst Maker Model 1 2024-05-01 12:00:00"):
        assert f"<p>{told}</p>" in re.sub(r'<p class="[a-z ]+">', "<p>", page)
