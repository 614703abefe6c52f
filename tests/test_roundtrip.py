"""What is written comes back: every format into every other one and home again."""

from __future__ import annotations

import csv
import json
import string
from dataclasses import replace
from functools import cache, reduce
from itertools import count
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import boxwright, labelme, photos, picture, rectangle

from pipeline import export, formats
from pipeline.check.fixing import programs
from pipeline.convert import ConvertOptions, convert
from pipeline.dataset import Boxes, Dataset, Images, Outlines, strings
from pipeline.engine import in_process
from pipeline.errors import BoxwrightError
from pipeline.formats import writers
from pipeline.formats.reading import Reading
from pipeline.images import read_headers
from pipeline.progress import silent

FORMATS = ("yolo", *writers.WRITERS)
CLASSES = ("만원 지폐", 'it\'s: a "test"', "<b>&amp;</b>", "two\nlines", "a,b;c|d", "no", "단추")
PIXELS = 0.01
SIZE = (640, 480)


def carries(name: str) -> frozenset[str]:
    """What a box keeps in a format; of a tree to train on, with its COCO files."""
    return writers.WRITERS["coco" if name == "yolo" else name].carries


class Box(NamedTuple):
    label: str
    xyxy: tuple[float, ...]
    crowd: bool
    outline: tuple[tuple[float, ...], ...]


class Shown(NamedTuple):
    """What is known of one picture."""

    split: str
    group: str
    origin: str
    boxes: list[Box]


def shown(dataset: Dataset) -> dict[str, Shown]:
    images, boxes = dataset.images, dataset.boxes
    return {
        images.name[row]: Shown(
            images.split[row],
            images.group[row] or images.name[row],  # none: a group of its own
            images.origin[row],
            [
                Box(
                    dataset.classes[boxes.label[k]],
                    tuple(boxes.xyxy[k]),
                    bool(boxes.crowd[k]),
                    tuple(map(tuple, boxes.outline[k])),
                )
                for k in range(rows.start, rows.stop)
            ],
        )
        for row, rows in enumerate(dataset.per_image())
    }


@cache
def seen(folder: Path) -> tuple[tuple[str, ...], dict[str, Shown]]:
    """Classes, and pictures by name, as `convert` reads them: into the format that carries all."""
    there = folder.with_name(f"{folder.name} as parquet")
    convert(folder, there, ConvertOptions(to="parquet"))
    dataset = formats.read("parquet", there).dataset
    return dataset.classes, shown(dataset)


def kept(box: Box, by: str) -> Box:
    """A box after it has been in a format."""
    hull = [f(column) for f in (min, max) for column in zip(*box.outline, strict=True)]
    fits = bool(box.outline) and np.abs(np.subtract(hull, box.xyxy)).max() <= PIXELS
    keeps = (writers.OUTLINE if fits else writers.LOOSE) in carries(by)
    crowd = box.crowd and writers.CROWD in carries(by)
    return box._replace(crowd=crowd, outline=box.outline if keeps else ())


def assert_same(now: dict[str, Shown], before: dict[str, Shown], *through: str) -> None:
    assert now.keys() == before.keys()
    for name, (*about, boxes) in before.items():
        *about_now, boxes_now = now[name]
        assert about_now == about, name
        due = [reduce(kept, through, box) for box in boxes]
        assert [(b.label, b.crowd, len(b.outline)) for b in boxes_now] == [
            (b.label, b.crowd, len(b.outline)) for b in due
        ]
        for a, b in zip(boxes_now, due, strict=True):
            assert np.abs(np.subtract(a.xyxy, b.xyxy)).max() < PIXELS
            if a.outline:
                assert np.abs(np.subtract(a.outline, b.outline)).max() < PIXELS


def reading_of(dataset: Dataset) -> Reading:
    headers = dict(zip(dataset.images.path, read_headers(dataset.images.path), strict=True))
    sides = [(header.width, header.height) for header in headers.values()]
    dataset = replace(dataset, images=replace(dataset.images, size=np.array(sides)))
    none = strings([""] * len(sides))
    return Reading(dataset, none, np.arange(len(dataset.boxes)), "{}", headers)


def exported(dataset: Dataset, out: Path, to: str) -> Path:
    options = ConvertOptions(to=to)
    export.export(reading_of(dataset), out, options, {}, export.Work(in_process, silent))
    return out


# --- every pair


@pytest.fixture(scope="module")
def homes(tmp_path_factory) -> dict[str, Path]:
    """One set, with all that is hard about it, in every format."""
    root = tmp_path_factory.mktemp("sets")
    source = written(root)
    return {name: converted(source, root / name, name) for name in FORMATS}


def written(root: Path) -> Path:
    """The set as COCO."""
    names = ["a b.jpg", "sub/사진 1.jpg", "sub/x'y.jpg", "sub/deep/a b.jpg", "turned.jpg", "c.png"]
    paths = [picture(root / "photos" / name, SIZE, 6 if "turn" in name else 0) for name in names]
    images = replace(
        Images.of(
            names,
            list(map(str, paths)),
            [SIZE] * len(names),
            group=["g 1", "무리", "g 1", "<g>", "", "x,y"],
            split=["train", "train", "val", "val", "train", "val"],
        ),
        origin=strings(["shop", "", "가게", "shop", "", "shop"]),
    )
    triangle = [[10.25, 20.5], [99.75, 20.5], [50, 101.125]]
    loose = [[12, 22], [80, 30], [40, 90]]
    boxes = Boxes.of(
        [0, 0, 0, 1, 1, 2, 2, 4],
        [0, 1, 2, 3, 4, 0, 6, 1],
        [
            [0, 0, 640, 480],
            [10.25, 20.5, 99.75, 101.125],
            [10.25, 20.5, 99.75, 101.125],
            [639.5, 0.25, 639.9, 480],
            [1 / 3, 2 / 3, 100 / 7, 100 / 3],
            [5, 6, 7, 8],
            [600.123456, 400.654321, 640, 480],
            [470, 3, 480, 640],
        ],
        crowd=[False, True, False, False, False, True, False, False],
        outline=Outlines.of([[], triangle, loose, [], [], [], [], []]),
    )
    return exported(Dataset(root, CLASSES, images, boxes), root / "source", "coco")


def converted(source: Path, out: Path, to: str) -> Path:
    convert(source, out, ConvertOptions(to=to))
    return out


@pytest.mark.parametrize("name", FORMATS)
def test_a_set_is_written_and_read(homes, name):
    classes, there = seen(homes[name])
    assert classes == CLASSES
    assert_same(there, seen(homes["yolo"])[1], name)
    assert sum(len(one.boxes) for one in there.values()) == 8
    assert [name for name, one in there.items() if not one.boxes] == ["c.png", "sub/deep/a b.jpg"]
    assert {one.group for one in there.values()} >= {"g 1", "무리", "<g>", "x,y"}


@pytest.mark.parametrize("through", FORMATS)
@pytest.mark.parametrize("home", FORMATS)
def test_a_set_comes_home(homes, home, through, tmp_path):
    there = converted(homes[home], tmp_path / "there", through)
    back = converted(there, tmp_path / "back", home)
    (classes, before), (classes_now, now) = seen(homes[home]), seen(back)
    assert classes_now == classes
    assert_same(now, before, through)


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        ("coco", {}),
        ("voc", {}),
        ("labelme", {"outlines that do not fit their boxes": 1}),
        ("csv", {"outlines": 1, "outlines that do not fit their boxes": 1}),
    ],
)
def test_what_has_no_place_is_counted(homes, name, lost):
    assert json.loads((homes[name] / "manifest.json").read_text())["lost"] == lost


@pytest.mark.parametrize("name", FORMATS)
def test_space_around_a_class_is_kept_or_told(name, tmp_path):
    path = str(picture(tmp_path / "x.jpg"))
    images = Images.of(["x.jpg"], [path], [SIZE], split=["train"])
    dataset = Dataset(tmp_path, (" x\t",), images, Boxes.of([0], [0], [[1, 2, 3, 4]]))
    there = converted(exported(dataset, tmp_path / "s", "coco"), tmp_path / "there", name)
    _, now = seen(there)
    kept_it = writers.SPACE in carries(name)
    assert [box.label for box in now["x.jpg"].boxes] == [" x\t" if kept_it else "x"]
    told = json.loads((there / "manifest.json").read_text()).get("lost", {})
    assert told == ({} if kept_it else {"boxes of a class with space around its name": 1})


# --- any set

_numbers = count()
text = st.text(
    st.one_of(
        st.sampled_from(":'\"<>&,;|#%{}[]\\/\n\t가나é " + string.ascii_letters),
        st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co")),
    ),
    min_size=1,
    max_size=12,
).filter(lambda name: name == name.strip())


@st.composite
def sets(draw, pictures: list[str]) -> Dataset:
    names = draw(st.lists(text, min_size=1, max_size=4, unique=True))
    total = draw(st.integers(1, len(pictures)))
    counts = draw(st.lists(st.integers(0, 3), min_size=total, max_size=total))
    counts[0] = max(counts[0], 1)
    rows = np.repeat(np.arange(total), counts)
    side = st.floats(0, 1)
    corners = draw(
        st.lists(st.tuples(side, side, side, side), min_size=len(rows), max_size=len(rows))
    )
    xyxy, outlines = [], []
    for a, b, c, d in corners:
        low, high = sorted((a * 620, b * 620)), sorted((c * 460, d * 460))
        box = (low[0], high[0], low[1] + draw(st.floats(0.01, 20)), high[1] + 1)
        shape = draw(st.sampled_from(["box", "triangle"]))
        xyxy.append(box)
        x1, y1, x2, y2 = box
        outlines.append([[x1, y1], [x2, y1], [(x1 + x2) / 2, y2]] if shape == "triangle" else [])
    many = st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))
    labels = st.lists(st.integers(0, len(names) - 1), min_size=len(rows), max_size=len(rows))
    boxes = Boxes.of(rows, draw(labels), xyxy, crowd=draw(many), outline=Outlines.of(outlines))
    groups = draw(st.lists(st.sampled_from(["a", "b c", "무리"]), min_size=total, max_size=total))
    splits = st.lists(st.sampled_from(["train", "val"]), min_size=total, max_size=total)
    split = ["train", *draw(splits)[1:]]
    own = [f"{row}/p.jpg" for row in range(total)]
    images = Images.of(own, pictures[:total], [SIZE] * total, group=groups, split=split)
    return Dataset(Path(pictures[0]).parent, tuple(names), images, boxes)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> list[str]:
    root = tmp_path_factory.mktemp("pictures")
    return [str(picture(root / f"{number}.jpg", SIZE)) for number in range(3)]


@pytest.mark.parametrize("home", FORMATS)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_set_comes_home(home, pictures, tmp_path, data):
    dataset = data.draw(sets(pictures))
    through = data.draw(st.sampled_from(FORMATS))
    root = tmp_path / str(next(_numbers))
    source = exported(dataset, root / "source", "coco")
    there = converted(converted(source, root / "home", home), root / "there", through)
    back = converted(there, root / "back", home)
    classes, now = seen(back)
    assert classes == dataset.classes
    assert_same(now, shown(dataset), home, through)


# --- splits, mending, refusals


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "yolo"])
def test_a_set_that_is_not_split_stays_so(name, tmp_path):
    source = photos(tmp_path / "photos", 4)
    there = converted(source, tmp_path / "there", name)
    read = formats.read("auto", there).dataset
    assert read.images.name.tolist() == [f"a{number}.jpg" for number in range(4)]
    assert set(read.images.split) == {""}
    assert json.loads((there / "manifest.json").read_text())["splits"][""]["groups"] == 4
    assert set(read.classes) == {"Ten", "Fifty"}


def test_a_split_is_made_where_it_is_asked_for(tmp_path):
    source = photos(tmp_path / "photos", 10)
    convert(source, tmp_path / "there", ConvertOptions(to="voc", val=0.2, group="none"))
    listed = tmp_path / "there/ImageSets/Main"
    lines = {path.stem: len(path.read_text().splitlines()) for path in listed.iterdir()}
    assert lines == {"train": 8, "val": 2}


def test_the_same_again_is_unchanged(tmp_path):
    source = photos(tmp_path / "photos", 4)
    options = ConvertOptions(to="labelme")
    assert not convert(source, tmp_path / "there", options)["unchanged"]
    assert convert(source, tmp_path / "there", options)["unchanged"]


def test_mended_labels_come_back(tmp_path):
    there = converted(written(tmp_path), tmp_path / "there", "labelme")
    labelme(
        there / "train/a b.json",
        rectangle("단추", 1, 2, 30, 40),
        imagePath="a b.jpg",
        imageWidth=SIZE[0],
        imageHeight=SIZE[1],
    )
    classes, now = seen(converted(there, tmp_path / "back", "coco"))
    assert classes == CLASSES
    assert now["a b.jpg"].boxes == [Box("단추", (1, 2, 30, 40), False, ())]
    assert now["a b.jpg"].group == "g 1"


@pytest.mark.parametrize(
    "change",
    [
        {"splits": 3, "classes": "x"},
        {"splits": ["train", 1, None], "classes": [1, None, "만원 지폐", "만원 지폐"]},
    ],
)
def test_a_manifest_that_was_spoilt_does_no_harm(change, tmp_path):
    there = converted(written(tmp_path), tmp_path / "there", "labelme")
    file = there / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    dataset = formats.read("auto", there).dataset
    assert (len(dataset.images), len(dataset.boxes)) == (6, 8)
    assert len(set(dataset.classes)) == len(dataset.classes)


def test_pictures_and_classes_that_were_added_come_back(tmp_path):
    there = converted(written(tmp_path), tmp_path / "there", "labelme")
    labelme(
        picture(there / "train/new.jpg").with_suffix(".json"),
        rectangle("new", 1, 2, 30, 40),
        imagePath="new.jpg",
    )
    dataset = formats.read("auto", there).dataset
    assert dataset.classes == (*CLASSES, "new")
    assert len(dataset.images) == 7


def test_mended_labels_are_not_replaced(tmp_path):
    source = photos(tmp_path / "photos", 4)
    there = converted(source, tmp_path / "there", "labelme")
    mended = labelme(there / "a0.json", rectangle("Ten", 1, 2, 30, 40)).read_bytes()
    labelme(source / "a1.json", rectangle("Ten", 1, 2, 33, 44))
    with pytest.raises(BoxwrightError, match="were changed since"):
        convert(source, there, ConvertOptions(to="labelme"))
    assert (there / "a0.json").read_bytes() == mended


def test_a_picture_called_manifest_keeps_its_labels(tmp_path):
    labelme(picture(tmp_path / "s/manifest.jpg").with_suffix(".json"), rectangle("Ten", 1, 2, 9, 9))
    there = tmp_path / "there"
    convert(tmp_path / "s", there, ConvertOptions(format="corners", to="labelme"))
    assert len(formats.read("auto", there).dataset.boxes) == 1


def test_one_name_with_two_endings_is_told_apart(tmp_path):
    for name in ("a.jpg", "a.png"):
        picture(tmp_path / "photos" / name)
    images = Images.of(
        ["a.jpg", "a.png"], [str(tmp_path / "photos" / n) for n in ("a.jpg", "a.png")], [SIZE] * 2
    )
    boxes = Boxes.of([0, 1], [0, 1], [[1, 2, 3, 4], [5, 6, 7, 8]])
    there = exported(Dataset(tmp_path, ("x", "y"), images, boxes), tmp_path / "there", "voc")
    assert {path.name for path in (there / "Annotations").iterdir()} == {"a.xml", "a-2.xml"}


@pytest.mark.parametrize("name", ["../x.jpg", "/x.jpg", "a//x.jpg"])
def test_nothing_is_written_outside(name, tmp_path):
    path = str(picture(tmp_path / "x.jpg"))
    dataset = Dataset(tmp_path, ("x",), Images.of([name], [path], [SIZE]), Boxes.of([], [], []))
    with pytest.raises(BoxwrightError, match="leads out of the folder"):
        exported(dataset, tmp_path / "out", "labelme")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("to", ["voc", "cvat"])
def test_a_name_that_xml_cannot_hold_is_refused(to, tmp_path):
    path = str(picture(tmp_path / "x.jpg"))
    images = Images.of(["x.jpg"], [path], [SIZE])
    dataset = Dataset(tmp_path, ("x\x01",), images, Boxes.of([0], [0], [[1, 2, 3, 4]]))
    with pytest.raises(BoxwrightError, match="XML cannot hold"):
        exported(dataset, tmp_path / "out", to)
    assert not (tmp_path / "out").exists()


def test_half_a_character_is_refused(tmp_path):
    path = str(picture(tmp_path / "x.jpg"))
    images = Images.of(["x.jpg"], [path], [SIZE])
    dataset = Dataset(tmp_path, ("\ud800",), images, Boxes.of([0], [0], [[1, 2, 3, 4]]))
    with pytest.raises(BoxwrightError, match="no text that UTF-8 can hold"):
        exported(dataset, tmp_path / "out", "coco")


@pytest.mark.parametrize(
    ("options", "told"),
    [({"to": "pascal"}, "known: yolo, coco"), ({"to": "voc", "folds": 3}, "folds: only for")],
)
def test_what_cannot_be_is_told_before_anything_is_read(options, told, tmp_path):
    with pytest.raises(BoxwrightError, match=told):
        convert(tmp_path / "none", tmp_path / "out", ConvertOptions(**options))


# --- what the files say


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Dataset:
    root = tmp_path_factory.mktemp("small")
    path = str(picture(root / "a.jpg", SIZE))
    boxes = Boxes.of([0], [0], [[0, 0, 64, 48]], score=[0.75])
    return Dataset(root, ("Ten",), Images.of(["a.jpg"], [path], [SIZE]), boxes)


def test_voc_counts_from_1_and_holds_the_last_pixel(small, tmp_path):
    root = ET.parse(exported(small, tmp_path / "o", "voc") / "Annotations/a.xml").getroot()  # noqa: S314 - our own file
    sides = [root.findtext(f"object/bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")]
    assert sides == ["1", "1", "64", "48"]


def test_coco_counts_from_1(small, tmp_path):
    file = exported(small, tmp_path / "o", "coco") / "annotations/instances.json"
    content = json.loads(file.read_text())
    [box] = content["annotations"]
    assert (box["id"], box["image_id"], box["category_id"], box["area"]) == (1, 1, 1, 64 * 48)
    assert (box["bbox"], box["score"], content["categories"][0]["id"]) == ([0, 0, 64, 48], 0.75, 1)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_pycocotools_opens_every_split(homes, capsys):
    from pycocotools.coco import COCO

    boxes = 0
    for split in ("train", "val"):
        data = COCO(homes["coco"] / "annotations" / f"{split}.json")
        assert min(data.getCatIds()) == min(data.getImgIds()) == min(data.getAnnIds()) == 1
        assert tuple(one["name"] for one in data.loadCats(data.getCatIds())) == CLASSES
        boxes += sum(bool(data.annToMask(one).shape) for one in data.loadAnns(data.getAnnIds()))
    capsys.readouterr()
    assert boxes == 8


def test_a_prediction_is_a_prediction_to_label_studio(small, tmp_path):
    file = exported(small, tmp_path / "o", "labelstudio") / "tasks.json"
    [task] = json.loads(file.read_text())
    [region] = task["predictions"][0]["result"]
    assert (task["annotations"], region["score"]) == ([], 0.75)
    assert (region["value"]["width"], region["value"]["height"]) == (10, 10)


def test_predictions_in_coco_become_pre_annotations(small, tmp_path):
    found = exported(small, tmp_path / "found", "coco")
    there = converted(found, tmp_path / "there", "labelstudio")
    [task] = json.loads((there / "tasks.json").read_text())
    assert (task["annotations"], task["predictions"][0]["result"][0]["score"]) == ([], 0.75)
    back = formats.read("auto", there).dataset
    assert (len(back.boxes), back.boxes.score.tolist()) == (1, [1.0])


def test_the_table_has_a_header_and_a_row_a_box(small, tmp_path):
    with (exported(small, tmp_path / "o", "csv") / "annotations.csv").open(newline="") as stream:
        header, row = csv.reader(stream)
    assert dict(zip(header, row, strict=True)) == {
        "filename": "images/a.jpg",
        "width": "640",
        "height": "480",
        "class": "Ten",
        "xmin": "0",
        "ymin": "0",
        "xmax": "64",
        "ymax": "48",
        "crowd": "0",
        "score": "0.75",
    }


def test_fix_writes_the_same_files(tmp_path):
    found = programs.Picture("a.jpg", "", SIZE, [], [], [])
    programs.write("cvat", tmp_path, [found], ["Ten"])
    assert ET.parse(tmp_path / "annotations.xml").find("image").get("name") == "a.jpg"  # noqa: S314 - our own file


def test_the_command_writes_and_tells_what_is_lost(tmp_path):
    source = written(tmp_path)
    done = boxwright("convert", source, tmp_path / "out", "--to", "csv")
    assert done.returncode == 0, done.stderr
    assert "csv has no place for 1 outlines" in done.stdout
    assert (tmp_path / "out/annotations.csv").exists()
