"""Several sources of different formats as one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from making import boxwright, labelme, picture, rectangle, written

from pipeline import manifest
from pipeline.formats import yolo


def voc(path: Path, label: str, corners: str = "9 7 40 30") -> None:
    sides = zip(("xmin", "ymin", "xmax", "ymax"), corners.split(), strict=True)
    box = "".join(f"<{side}>{value}</{side}>" for side, value in sides)
    written(
        path,
        f"<annotation><filename>{path.stem}.jpg</filename><object><name>{label}</name>"
        f"<bndbox>{box}</bndbox></object></annotation>",
    )


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Two sources of two pictures each: labelme in `phone`, VOC in `shop`, names as given."""
    for name in ("a", "b"):
        picture(tmp_path / "phone" / f"{name}.jpg", (64, 48))
        labelme(tmp_path / "phone" / f"{name}.json", rectangle("Ten", 8, 6, 40, 30))
    for name in ("c", "d"):
        picture(tmp_path / "shop" / f"{name}.jpg", (64, 48))
        voc(tmp_path / "shop" / f"{name}.xml", "bill_10")
    return tmp_path


def config(root: Path, *changes: dict, **convert: object) -> Path:
    """A config of the two sources; `changes` are merged into them."""
    found = [{"path": str(root / "phone")}, {"path": str(root / "shop"), "from": "voc"}]
    for item, change in zip(found, changes, strict=False):
        item.update(change)
    values = {
        "name": "all",
        "source": found,
        "prepared": str(root / "out"),
        "convert": {"group": "none", "val": 0.5, **convert},
    }
    return written(root / "all.yaml", json.dumps(values))


RENAMED = ({}, {"classes": {"Ten": ["bill_10"]}})


def test_sources_of_two_formats_become_one_tree(sources):
    run = boxwright("convert", config(sources, *RENAMED))
    assert run.returncode == 0, run.stderr
    data = yolo.read(sources / "out")
    assert data.classes == ("Ten",)
    assert sorted(data.images.name) == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    assert np.allclose(data.boxes.xyxy, [8, 6, 40, 30], atol=1e-3)
    made = manifest.read(sources / "out")
    assert [one["format"] for one in made["sources"]] == ["auto", "voc"]


def test_a_rerun_changes_nothing(sources):
    file = config(sources, *RENAMED)
    boxwright("convert", file)
    run = boxwright("convert", file)
    assert "unchanged" in run.stdout


def test_labels_that_are_not_renamed_keep_their_names(sources):
    boxwright("convert", config(sources))
    assert yolo.read(sources / "out").classes == ("Ten", "bill_10")


def test_a_label_that_a_source_does_not_have_is_told(sources):
    run = boxwright("convert", config(sources, {}, {"classes": {"Ten": "bill_20"}}))
    assert run.returncode == 1
    assert "no label 'bill_20' here; its labels: 'bill_10'" in run.stderr


def test_names_that_collide_are_told_apart_by_their_sources(sources):
    picture(sources / "shop" / "a.jpg", (60, 48))
    voc(sources / "shop" / "a.xml", "Ten")
    run = boxwright("convert", config(sources, *RENAMED))
    assert run.returncode == 0, run.stderr
    names = sorted(yolo.read(sources / "out").images.name)
    assert names == [
        *("phone/a.jpg", "phone/b.jpg", "shop/a.jpg", "shop/c.jpg", "shop/d.jpg"),
    ]


def test_a_prefix_and_an_origin_are_as_given(sources):
    change = {"prefix": "from shop", "origin": "till"}
    boxwright("convert", config(sources, {}, RENAMED[1] | change))
    data = yolo.read(sources / "out")
    of_name = dict(zip(data.images.name, data.images.origin, strict=True))
    assert of_name == {
        "a.jpg": "",
        "b.jpg": "",
        "from shop/c.jpg": "till",
        "from shop/d.jpg": "till",
    }


def test_the_same_picture_in_two_sources_is_kept_once(sources):
    shutil.copy(sources / "phone" / "a.jpg", sources / "shop" / "other.jpg")
    voc(sources / "shop" / "other.xml", "bill_10")
    run = boxwright("convert", config(sources, *RENAMED))
    assert run.returncode == 0, run.stderr
    assert "1 pictures that are there in another source, byte by byte; left out" in run.stderr
    assert len(yolo.read(sources / "out").images) == 4


def test_the_same_picture_with_other_boxes_is_a_problem(sources):
    shutil.copy(sources / "phone" / "a.jpg", sources / "shop" / "other.jpg")
    voc(sources / "shop" / "other.xml", "bill_10", "20 20 30 30")
    run = boxwright("convert", config(sources, *RENAMED))
    assert run.returncode == 1
    assert "is the same picture as" in run.stderr
    assert not (sources / "out").exists()
    run = boxwright("convert", config(sources, *RENAMED, skip_bad=True))
    assert run.returncode == 0, run.stderr
    assert sorted(yolo.read(sources / "out").images.name) == ["b.jpg", "c.jpg", "d.jpg"]


def test_problems_of_every_source_are_named_with_their_places(sources):
    labelme(sources / "phone" / "a.json", rectangle("Ten", 8, 6, "x", 30))
    voc(sources / "shop" / "c.xml", "Ten", "100 100 200 200")
    run = boxwright("convert", config(sources, *RENAMED))
    assert "phone/a.json: shapes[0].points[1]: is 'x', not a number" in run.stderr
    assert "shop/c.xml: object[0]" in run.stderr


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"form": "voc"}, "source[1].form: no such option; did you mean 'format'?"),
        ({"from": "vic"}, "'vic' is unknown"),
        ({"path": 5}, "source[1].path: 5 does not fit"),
        ({"corners_from": 2}, "source[1].corners_from"),
    ],
)
def test_a_wrong_source_is_refused_by_its_place(sources, change, told):
    run = boxwright("convert", config(sources, {}, change))
    assert run.returncode == 1
    assert told in run.stderr


def test_pictures_for_all_sources_are_refused(sources):
    run = boxwright("convert", config(sources, images="x"))
    assert run.returncode == 1
    assert "there are several sources" in run.stderr


def test_splits_are_kept_where_every_source_has_them(sources):
    for folder, ending in (("phone", "json"), ("shop", "xml")):
        for path in sorted((sources / folder).glob(f"*.{ending}")):
            split = "train" if path.stem in {"a", "c"} else "val"
            for one in (path, path.with_suffix(".jpg")):
                target = sources / folder / split / one.name
                target.parent.mkdir(exist_ok=True)
                one.rename(target)
    run = boxwright("convert", config(sources, *RENAMED, val=None))
    assert run.returncode == 0, run.stderr
    data = yolo.read(sources / "out")
    split_of = dict(zip(data.images.name, data.images.split, strict=True))
    assert split_of == {
        "train/a.jpg": "train", "val/b.jpg": "val", "train/c.jpg": "train", "val/d.jpg": "val",
    }  # fmt: skip


def test_sources_that_hold_the_output_are_refused(sources):
    run = boxwright("convert", config(sources), sources / "shop" / "out")
    assert run.returncode == 1
    assert "must not hold each other" in run.stderr


def test_the_block_names_its_format_as_the_command_line_does(sources):
    values = {"name": "one", "source": str(sources / "shop"), "prepared": str(sources / "out")}
    file = written(sources / "c.yaml", json.dumps(values | {"convert": {"from": "voc"}}))
    assert boxwright("convert", file).returncode == 0
    assert manifest.read(sources / "out")["options"]["format"] == "voc"
