"""`boxwright fix`: decisions become a new set; about 10 seconds."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from making import HEIGHT, WIDTH, boxwright, labelme, photos, picture, rectangle, written

from pipeline import formats
from pipeline.check.findings import Finding, Fix, as_json
from pipeline.check.fixing import edit_corners
from pipeline.check.fixing.edits import About, Edit
from pipeline.formats import yolo
from pipeline.formats.reading import ReadOptions
from pipeline.sample import SampleOptions, make_sample

KOREAN = '만원 "<b>".jpg'


def decided(path: Path, *rows: tuple[Finding, str]) -> Path:
    """decisions.json as the page saves it."""
    rows_ = [{"decision": word, "finding": as_json(found)} for found, word in rows]
    content = {"boxwright": "0", "kind": "decisions", "decisions": rows_}
    return written(path, json.dumps(content, ensure_ascii=False))


def found(image: str, fix: Fix | None, xyxy=(8, 6, 40, 30), label: str = "Ten", **more) -> Finding:
    box = None if xyxy is None else tuple(map(float, xyxy))
    return Finding(
        "loose", "warning", "is loose", image=image, xyxy=box, label=label, fix=fix, **more
    )


def moved(*xyxy: float, label: str | None = None) -> Fix:
    return Fix("change", tuple(map(float, xyxy)), label)


def fix(tmp: Path, source: Path, *rows: tuple[Finding, str], more: tuple[object, ...] = ()) -> Path:
    """A new set of `source` with the decisions applied."""
    done = boxwright(
        "fix", source, decided(tmp / "decisions.json", *rows), "-o", tmp / "out", *more
    )
    assert done.returncode == 0, done.stderr
    return tmp / "out"


def shapes(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["shapes"]


def boxes(root: Path, image: str) -> list[tuple[str, list[float]]]:
    """The labels of one picture as `convert` would read them."""
    dataset = formats.read("auto", root).dataset
    row = list(dataset.images.name).index(image)
    own = dataset.per_image()[row]
    names = [dataset.classes[k] for k in dataset.boxes.label[own]]
    return list(zip(names, dataset.boxes.xyxy[own].round(2).tolist(), strict=True))


# --- labelme


def test_a_box_is_moved(tmp_path):
    source = photos(tmp_path / "s", 2)
    out = fix(tmp_path, source, (found("a0.jpg", moved(10, 8, 41, 31)), "accept"))
    assert boxes(out, "a0.jpg") == [("Ten", [10, 8, 41, 31])]


def test_a_class_is_changed(tmp_path):
    source = photos(tmp_path / "s", 2)
    out = fix(tmp_path, source, (found("a0.jpg", Fix("change", None, "Fifty")), "accept"))
    assert boxes(out, "a0.jpg") == [("Fifty", [8, 6, 40, 30])]


def test_a_label_is_removed(tmp_path):
    source = photos(tmp_path / "s", 2)
    out = fix(tmp_path, source, (found("a0.jpg", Fix("remove")), "accept"))
    assert shapes(out / "a0.json") == []


def test_a_label_is_added(tmp_path):
    source = photos(tmp_path / "s", 2)
    one = found("a0.jpg", Fix("add", (1, 2, 30, 40), "Fifty"), xyxy=None, label="")
    out = fix(tmp_path, source, (one, "accept"))
    assert boxes(out, "a0.jpg") == [("Ten", [8, 6, 40, 30]), ("Fifty", [1, 2, 30, 40])]


@pytest.mark.parametrize("word", ["reject", "skip"])
def test_what_is_not_accepted_is_not_applied(tmp_path, word):
    source = photos(tmp_path / "s", 2)
    rows = [(found("a0.jpg", Fix("remove")), word)]
    rows.append((found("a1.jpg", Fix("remove"), label="Fifty"), "accept"))
    out = fix(tmp_path, source, *rows)
    assert len(shapes(out / "a0.json")) == 1


def test_the_persons_own_fix_goes_before_the_suggestion(tmp_path):
    source = photos(tmp_path / "s", 2)
    file = decided(tmp_path / "d.json", (found("a0.jpg", Fix("remove")), "accept"))
    content = json.loads(file.read_text())
    content["decisions"][0]["fix"] = {"action": "change", "xyxy": [9, 9, 39, 29]}
    file.write_text(json.dumps(content))
    assert boxwright("fix", source, file, "-o", tmp_path / "out").returncode == 0
    assert boxes(tmp_path / "out", "a0.jpg") == [("Ten", [9, 9, 39, 29])]


def test_the_originals_are_untouched_and_share_nothing_that_is_written(tmp_path):
    source = photos(tmp_path / "s", 2)
    before = {path: path.read_bytes() for path in source.iterdir()}
    out = fix(tmp_path, source, (found("a0.jpg", Fix("remove")), "accept"))
    assert {path: path.read_bytes() for path in source.iterdir()} == before
    for name in ("a0.json", "a1.json"):
        assert (out / name).stat().st_ino != (source / name).stat().st_ino


def test_a_file_that_nothing_is_decided_about_stays_as_it_is(tmp_path):
    source = photos(tmp_path / "s", 2)
    odd = written(source / "a1.json", (source / "a1.json").read_text().replace(" ", "   "))
    out = fix(tmp_path, source, (found("a0.jpg", Fix("remove")), "accept"))
    assert (out / "a1.json").read_bytes() == odd.read_bytes()


def test_corners_keep_their_order(tmp_path):
    picture(tmp_path / "s/a.jpg")
    labelme(tmp_path / "s/a.json", rectangle("Ten", 40, 6, 8, 30))
    out = fix(tmp_path, tmp_path / "s", (found("a.jpg", moved(10, 8, 41, 31)), "accept"))
    assert shapes(out / "a.json")[0]["points"] == [[41, 8], [10, 31]]


def test_a_box_goes_back_to_the_scale_of_its_file(tmp_path):
    picture(tmp_path / "s/a.jpg")
    shape = rectangle("Ten", 40, 30, 200, 150)
    labelme(tmp_path / "s/a.json", shape, imageWidth=WIDTH * 5, imageHeight=HEIGHT * 5)
    out = fix(tmp_path, tmp_path / "s", (found("a.jpg", moved(10, 8, 41, 31)), "accept"))
    assert shapes(out / "a.json")[0]["points"] == [[50, 40], [205, 155]]


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_box_goes_back_before_the_exif_turn(tmp_path, orientation):
    picture(tmp_path / "s/a.jpg", (64, 48), orientation)  # shown 48 wide, 64 high
    labelme(tmp_path / "s/a.json", rectangle("Ten", 8, 6, 40, 30), imageWidth=64, imageHeight=48)
    [(name, xyxy)] = boxes(tmp_path / "s", "a.jpg")
    new = [xyxy[0] + 1, xyxy[1] + 2, xyxy[2] + 3, xyxy[3] + 4]
    out = fix(tmp_path, tmp_path / "s", (found("a.jpg", moved(*new), xyxy=xyxy), "accept"))
    assert boxes(out, "a.jpg") == [(name, new)]


def test_a_polygon_follows_its_box(tmp_path):
    picture(tmp_path / "s/a.jpg")
    points = [[8, 6], [40, 18], [24, 30]]
    labelme(tmp_path / "s/a.json", {"label": "Ten", "points": points, "shape_type": "polygon"})
    out = fix(tmp_path, tmp_path / "s", (found("a.jpg", moved(0, 6, 64, 30)), "accept"))
    assert shapes(out / "a.json")[0]["points"] == [[0, 6], [64, 18], [32, 30]]


def test_a_circle_becomes_a_rectangle(tmp_path):
    picture(tmp_path / "s/a.jpg")
    circle = {"label": "Ten", "points": [[20, 20], [30, 20]], "shape_type": "circle"}
    labelme(tmp_path / "s/a.json", circle)
    one = found("a.jpg", moved(12, 12, 33, 30), xyxy=(10, 10, 30, 30))
    out = fix(tmp_path, tmp_path / "s", (one, "accept"))
    assert boxes(out, "a.jpg") == [("Ten", [12, 12, 33, 30])]


@pytest.mark.parametrize("encoding", ["cp949", "utf-16", "utf-8-sig"])
def test_a_file_keeps_its_encoding(tmp_path, encoding):
    picture(tmp_path / "s/a.jpg")
    file = labelme(tmp_path / "s/a.json", rectangle("만원", 8, 6, 40, 30))
    file.write_bytes(file.read_text(encoding="utf-8").encode(encoding))
    one = found("a.jpg", moved(10, 8, 41, 31), label="만원")
    out = fix(tmp_path, tmp_path / "s", (one, "accept"))
    assert (
        json.loads((out / "a.json").read_bytes().decode(encoding))["shapes"][0]["label"] == "만원"
    )
    assert boxes(out, "a.jpg") == [("만원", [10, 8, 41, 31])]


def test_awkward_names(tmp_path):
    photos(tmp_path / "s", 1)
    picture(tmp_path / "s/가 나" / KOREAN)
    labelme(
        tmp_path / "s/가 나" / KOREAN.replace("jpg", "json"),
        rectangle("<b>", 8, 6, 40, 30),
        imagePath=KOREAN,
    )
    one = found(f"가 나/{KOREAN}", Fix("change", None, "Ten"), label="<b>")
    out = fix(tmp_path, tmp_path / "s", (one, "accept"))
    assert boxes(out, f"가 나/{KOREAN}") == [("Ten", [8, 6, 40, 30])]


def test_flat_records_of_a_vendor(tmp_path):
    for name in "ab":
        picture(tmp_path / f"s/{name}.jpg")
    rows = [
        {"file": f"{n}.jpg", "class": "Ten", "x1": 8, "y1": 6, "x2": 40, "y2": 30} for n in "ab"
    ]
    written(tmp_path / "s/all.json", json.dumps(rows))
    add = found("b.jpg", Fix("add", (1, 2, 9, 9), "Fifty"), xyxy=None, label="")
    out = fix(
        tmp_path,
        tmp_path / "s",
        (found("b.jpg", moved(10, 8, 41, 31)), "accept"),
        (found("a.jpg", Fix("remove")), "accept"),
        (add, "accept"),
    )
    assert boxes(out, "a.jpg") == []
    assert boxes(out, "b.jpg") == [("Ten", [10, 8, 41, 31]), ("Fifty", [1, 2, 9, 9])]


side = st.floats(0, 60, allow_nan=False).map(lambda value: round(value, 2))


@given(
    st.tuples(side, side), st.tuples(side, side), st.integers(1, 8), st.sampled_from([1, 2.5, 5])
)
def test_a_moved_box_is_read_again_as_it_was_meant(start, extent, orientation, scale):
    size = (80, 60) if orientation < 5 else (60, 80)
    stored = (80, 60)
    new = (
        start[0] / 2,
        start[1] / 2,
        start[0] / 2 + extent[0] / 3 + 1,
        start[1] / 2 + extent[1] / 3 + 1,
    )
    record = {
        "shapes": [rectangle("Ten", 9 * scale, 8 * scale, 30 * scale, 40 * scale)],
        "imageWidth": stored[0] * scale,
        "imageHeight": stored[1] * scale,
    }
    edit = Edit("change", "a.jpg", size, orientation, 0, (9, 8, 30, 40), "Ten", new)
    data, _ = edit_corners.edit(json.dumps(record).encode(), [edit], About("a.json"))
    points = np.array(json.loads(data)["shapes"][0]["points"]) / scale
    if orientation >= 5:
        x, y = points[:, 0], points[:, 1]
        right, down = stored[0] - x, stored[1] - y
        turned = {5: (y, x), 6: (down, x), 7: (down, right), 8: (y, right)}[orientation]
        points = np.stack(turned, axis=1)
    back = [*points.min(axis=0), *points.max(axis=0)]
    assert np.allclose(back, new, atol=0.002)


# --- YOLO and COCO


def yolo_tree(root: Path, *lines: str) -> Path:
    picture(root / "images/train/a.jpg", (100, 100))
    picture(root / "images/val/b.jpg", (100, 100))
    written(root / "labels/train/a.txt", "".join(f"{line}\n" for line in lines))
    written(
        root / "data.yaml",
        yaml.safe_dump({"train": "images/train", "val": "images/val", "names": ["Ten", "Fifty"]}),
    )
    return root


def in_train(fix_: Fix, xyxy=(10, 10, 50, 50), **more) -> Finding:
    return found("a.jpg", fix_, xyxy, **{"split": "train", **more})


def test_only_the_line_of_a_label_changes(tmp_path):
    root = yolo_tree(tmp_path / "t", "0 .3 .3 .4 .4", "1  0.5   0.5 .2 .20")
    out = fix(tmp_path, root, (in_train(moved(20, 10, 60, 50)), "accept"))
    lines = (out / "labels/train/a.txt").read_text().splitlines()
    assert lines == ["0 0.400000 0.300000 0.400000 0.400000", "1  0.5   0.5 .2 .20"]


def test_of_equal_labels_the_one_at_the_place_is_removed(tmp_path):
    root = yolo_tree(tmp_path / "t", "0 .3 .3 .4 .4", "0 0.3 0.3 0.4 0.4")
    out = fix(tmp_path, root, (in_train(Fix("remove"), place="line 2"), "accept"))
    assert (out / "labels/train/a.txt").read_text() == "0 .3 .3 .4 .4\n"


def test_a_line_that_cannot_be_read_is_mended_by_its_place(tmp_path):
    root = yolo_tree(tmp_path / "t", "0 .3 .3 .4 .4", "7 .5 .5 .2 .2")
    file = str(root / "labels/train/a.txt")
    one = in_train(Fix("change", None, "Fifty"), None, label="7", file=file, place="line 2")
    out = fix(tmp_path, root, (one, "accept"))
    assert (out / "labels/train/a.txt").read_text().splitlines()[1] == "1 .5 .5 .2 .2"


def test_a_background_picture_gets_its_first_label(tmp_path):
    root = yolo_tree(tmp_path / "t", "0 .3 .3 .4 .4")
    one = found("b.jpg", Fix("add", (10, 10, 30, 50), "Fifty"), None, "", split="val")
    out = fix(tmp_path, root, (one, "accept"))
    dataset = yolo.read(out).of_split("val")
    assert dataset.boxes.xyxy.round(3).tolist() == [[10, 10, 30, 50]]


def test_outlines_of_a_yolo_file_follow_their_boxes(tmp_path):
    root = yolo_tree(tmp_path / "t", "0 .1 .1 .5 .3 .2 .5")
    out = fix(tmp_path, root, (in_train(moved(10, 10, 90, 50)), "accept"))
    points = yolo.read(out).boxes.outline.points
    assert points.round(3).tolist() == [[10, 10], [90, 30], [30, 50]]


def test_the_new_tree_stands_by_itself_where_data_yaml_leads_elsewhere(tmp_path):
    root = yolo_tree(tmp_path / "t", "0 .3 .3 .4 .4")
    values = yaml.safe_load((root / "data.yaml").read_text())
    (root / "data.yaml").write_text(yaml.safe_dump({"path": str(root), **values}))
    out = fix(tmp_path, root, (in_train(Fix("remove")), "accept"))
    assert len(yolo.read(out).boxes) == 0


def coco_file(root: Path) -> Path:
    picture(root / "images/a.jpg", (100, 100))
    content = {
        "info": {"year": 2026},
        "images": [{"id": 7, "file_name": "a.jpg", "width": 100, "height": 100}],
        "annotations": [
            {
                "id": 3,
                "image_id": 7,
                "category_id": 5,
                "bbox": [10, 10, 40, 40],
                "area": 1600,
                "iscrowd": 0,
                "segmentation": [[10, 10, 50, 30, 20, 50]],
                "extra": "kept",
            },
            {"id": 9, "image_id": 7, "category_id": 6, "bbox": [60, 60, 20, 20]},
        ],
        "categories": [{"id": 5, "name": "Ten"}, {"id": 6, "name": "Fifty"}],
    }
    return written(root / "instances.json", json.dumps(content))


def annotations(out: Path) -> dict:
    return json.loads((out / "annotations/instances.json").read_text())


def test_a_coco_box_is_moved_with_its_outline_and_area(tmp_path):
    file = coco_file(tmp_path / "s")
    out = fix(tmp_path, file, (found("a.jpg", moved(10, 10, 90, 50), (10, 10, 50, 50)), "accept"))
    first = annotations(out)["annotations"][0]
    assert first["bbox"] == [10, 10, 80, 40]
    assert first["segmentation"] == [[10, 10, 90, 30, 30, 50]]
    assert first["area"] == pytest.approx(1400)
    assert (first["id"], first["extra"]) == (3, "kept")


def test_a_coco_label_is_removed_and_one_added(tmp_path):
    file = coco_file(tmp_path / "s")
    add = found("a.jpg", Fix("add", (1, 2, 11, 22), "Fifty"), None, "")
    remove = found("a.jpg", Fix("remove"), (10, 10, 50, 50))
    out = fix(tmp_path, file, (add, "accept"), (remove, "accept"))
    rows = annotations(out)["annotations"]
    assert [row["id"] for row in rows] == [9, 10]
    assert (rows[1]["image_id"], rows[1]["category_id"], rows[1]["bbox"]) == (7, 6, [1, 2, 10, 20])


def test_pycocotools_opens_what_is_written(tmp_path, capsys):
    from pycocotools.coco import COCO

    add = found("a.jpg", Fix("add", (1, 2, 11, 22), "Fifty"), None, "")
    out = fix(tmp_path, coco_file(tmp_path / "s"), (add, "accept"))
    coco = COCO(str(out / "annotations/instances.json"))
    capsys.readouterr()
    assert [coco.annToRLE(one)["size"] for one in coco.loadAnns([3, 10])] == [[100, 100]] * 2


def test_the_new_coco_set_is_converted_as_it_lies(tmp_path):
    out = fix(
        tmp_path,
        coco_file(tmp_path / "s"),
        (found("a.jpg", moved(10, 10, 90, 50), (10, 10, 50, 50)), "accept"),
    )
    assert ("Ten", [10, 10, 90, 50]) in boxes(out / "annotations/instances.json", "a.jpg")


# --- a prepared folder: its source is mended


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """The sample with planted errors, converted; and the same sample without them."""
    tmp = tmp_path_factory.mktemp("sample")
    for name, errors in (("dirty", 0.3), ("clean", 0)):
        make_sample(tmp / name, SampleOptions(40, errors=errors, side=240, video=0))
    done = boxwright(
        "convert",
        tmp / "dirty",
        tmp / "prepared",
        "--drop-bad",
        "--group",
        r"^(.+)_\d+$",
        "--background",
        tmp / "dirty/background",
        "-q",
    )
    assert done.returncode == 0, done.stderr
    return tmp


def of_truth(tmp: Path) -> list[Finding]:
    """Findings of the prepared folder as a perfect checker would give them."""
    dataset = yolo.read(tmp / "prepared")
    row_of = {name: row for row, name in enumerate(dataset.images.name)}
    findings = []
    for row in json.loads((tmp / "dirty/truth.json").read_text()):
        name = row["file"].replace(".json", ".jpg")
        one = name in row_of and _finding(dataset, row_of[name], row)
        if one:
            findings.append(one)
    return findings


def _finding(dataset, row, truth) -> Finding | None:
    """None for a box that `convert` left out."""
    right, wrong = truth["correct"], truth["written"]
    split, name = dataset.images.split[row], dataset.images.name[row]
    xyxy = right and tuple(right["xyxy"])
    if wrong is None:
        fix_ = Fix("add", xyxy, right["label"])
        return Finding("missing", "warning", "no label", split, name, sureness=0.9, fix=fix_)
    own = dataset.per_image()[row]
    limit = np.tile(dataset.images.size[row], 2)
    apart = np.abs(dataset.boxes.xyxy[own] - np.clip(wrong["xyxy"], 0, limit)).max(
        axis=1, initial=0
    )
    names = np.array([dataset.classes[k] for k in dataset.boxes.label[own]])
    apart = np.where(names == wrong["label"], apart, np.inf)
    if not len(apart) or apart.min() > 1:
        return None
    box = own.start + int(apart.argmin())
    fix_ = Fix("change", xyxy, right["label"]) if right else Fix("remove")
    return Finding(
        truth["kind"],
        "warning",
        "planted",
        split,
        name,
        box,
        label=wrong["label"],
        sureness=0.9,
        fix=fix_,
        xyxy=tuple(dataset.boxes.xyxy[box].tolist()),
    )


def labels(root: Path) -> dict[str, list[tuple[str, list[int]]]]:
    """Class and box, rounded to half a pixel, of every picture with JSON."""
    options = ReadOptions(backgrounds=[root / "background"])
    dataset = formats.read("corners", root, options).dataset
    return {
        name: sorted(
            (dataset.classes[k], xyxy)
            for k, xyxy in zip(
                dataset.boxes.label[own], dataset.boxes.xyxy[own].round().tolist(), strict=True
            )
        )
        for name, own in zip(dataset.images.name, dataset.per_image(), strict=True)
    }


def test_accepting_everything_gives_the_clean_sample(tmp_path, sample):
    findings = of_truth(sample)
    file = written(tmp_path / "f.json", json.dumps({"findings": list(map(as_json, findings))}))
    done = boxwright("fix", sample / "prepared", file, "-o", tmp_path / "out", "--above", 0.5)
    assert done.returncode == 0, done.stderr
    mended, clean, dirty = (
        labels(p) for p in (tmp_path / "out", sample / "clean", sample / "dirty")
    )
    truth = json.loads((sample / "dirty/truth.json").read_text())
    planted = [row["file"].replace(".json", ".jpg") for row in truth]
    unseen = Counter(planted) - Counter(one.image for one in findings)  # `convert` left them out
    assert {one.kind for one in findings} >= {"missing", "wrong_class", "shifted", "duplicate"}
    assert {name for name in clean if dirty[name] != clean[name]} == set(planted)
    assert {name for name in clean if mended[name] != clean[name]} == set(unseen)


def prepared(tmp: Path, source: Path, **options) -> tuple[Path, str]:
    """A config of a source that is converted, and the split of a0.jpg."""
    content = {"name": "x", "source": str(source), "prepared": str(tmp / "p")}
    content["convert"] = {"group": "none", **options}
    config = written(tmp / "c.yaml", yaml.safe_dump(content))
    done = boxwright("convert", config)
    assert done.returncode == 0, done.stderr
    root = tmp / "p/images"
    return config, next(path.relative_to(root).parts[0] for path in root.rglob("a0.jpg"))


def test_a_class_is_written_as_the_source_writes_it(tmp_path):
    source = photos(tmp_path / "s", 4, ("Ten_front", "Fifty_front"))
    classes = {"Ten": ["Ten_back", "Ten_front"], "Fifty": ["Fifty_back", "Fifty_front"]}
    config, split = prepared(tmp_path, source, classes=classes)
    one = found("a0.jpg", Fix("change", None, "Fifty"), split=split)
    out = fix(tmp_path, config, (one, "accept"))
    assert shapes(out / "a0.json")[0]["label"] == "Fifty_front"


def test_the_fields_of_a_vendor_are_written_as_the_config_names_them(tmp_path):
    for k in range(4):
        picture(tmp_path / f"s/a{k}.jpg")
        box = {"what": {"name": "Ten"}, "box": {"l": 8, "t": 6, "r": 40, "b": 30}}
        written(tmp_path / f"s/a{k}.json", json.dumps({"items": [box]}))
    sides = {"x1": "box.l", "y1": "box.t", "x2": "box.r", "y2": "box.b"}
    fields = {"boxes": "items", "label": "what.name", **sides}
    config, split = prepared(tmp_path, tmp_path / "s", fields=fields)
    rows = [
        found("a0.jpg", moved(10, 8, 41, 31), split=split),
        found("a0.jpg", Fix("add", (1, 2, 5, 6), "Ten"), None, "", split=split),
    ]
    out = fix(tmp_path, config, *((one, "accept") for one in rows))
    assert json.loads((out / "a0.json").read_text())["items"] == [
        {"what": {"name": "Ten"}, "box": {"l": 10, "t": 8, "r": 41, "b": 31}},
        {"what": {"name": "Ten"}, "box": {"l": 1, "t": 2, "r": 5, "b": 6}},
    ]


def test_a_class_that_the_folder_tells_cannot_be_changed_in_a_file(tmp_path):
    photos(tmp_path / "s/Ten", 4)
    config, split = prepared(tmp_path, tmp_path / "s", label="folder")
    one = found("Ten/a0.jpg", Fix("change", None, "Fifty"), split=split)
    file = decided(tmp_path / "d.json", (one, "accept"))
    done = boxwright("fix", config, file, "-o", tmp_path / "out")
    assert (done.returncode, "move the picture" in done.stderr) == (1, True)


def test_a_prepared_folder_of_a_coco_file(tmp_path):
    file = coco_file(tmp_path / "s")
    for name in "bcd":
        shutil.copy(tmp_path / "s/images/a.jpg", tmp_path / f"s/images/{name}.jpg")
    content = json.loads(file.read_text())
    rows = [{"id": 10 + k, "file_name": f"{name}.jpg"} for k, name in enumerate("bcd")]
    content["images"] += [{**content["images"][0], **row} for row in rows]
    file.write_text(json.dumps(content))
    made = boxwright("convert", file, tmp_path / "p", "--group", "none")
    assert made.returncode == 0, made.stderr
    split = next(p for p in ("train", "val") if (tmp_path / f"p/images/{p}/a.jpg").exists())
    label = str(tmp_path / f"p/labels/{split}/a.txt")
    one = found("a.jpg", Fix("remove"), (60, 60, 80, 80), "Fifty", split=split, file=label)
    out = fix(tmp_path, tmp_path / "p", (one, "accept"))
    assert [row["id"] for row in annotations(out)["annotations"]] == [3]


def test_findings_of_a_folder_of_coco_files_are_applied_file_by_file(tmp_path):
    file = coco_file(tmp_path / "s")
    own = found("a.jpg", Fix("remove"), (10, 10, 50, 50), split="train", file=str(file))
    other = found("x.jpg", Fix("remove"), split="val", file=str(tmp_path / "s/val.json"))
    out = fix(tmp_path, file, (own, "accept"), (other, "accept"))
    assert [row["id"] for row in annotations(out)["annotations"]] == [9]
    assert (
        json.loads((out / "changes.json").read_text())["left"][0]["why"] == "it is of another file"
    )


def test_a_source_that_was_moved(tmp_path):
    source = photos(tmp_path / "s", 4)
    boxwright("convert", source, tmp_path / "p", "--group", "none")
    source.rename(tmp_path / "moved")
    split = next(p for p in ("train", "val") if (tmp_path / f"p/images/{p}/a0.jpg").exists())
    file = decided(tmp_path / "d.json", (found("a0.jpg", Fix("remove"), split=split), "accept"))
    lost = boxwright("fix", tmp_path / "p", file, "-o", tmp_path / "out")
    assert lost.returncode == 1
    assert "--source" in lost.stderr
    again = boxwright(
        "fix", tmp_path / "p", file, "-o", tmp_path / "out", "--source", tmp_path / "moved"
    )
    assert again.returncode == 0
    assert shapes(tmp_path / "out/a0.json") == []


# --- conflicts, records, the way back


def test_a_label_that_was_changed_since_stops_it_and_nothing_is_written(tmp_path):
    source = photos(tmp_path / "s", 2)
    file = decided(tmp_path / "d.json", (found("a0.jpg", Fix("remove"), (1, 1, 9, 9)), "accept"))
    done = boxwright("fix", source, file, "-o", tmp_path / "out")
    assert done.returncode == 1
    assert "a0.jpg" in done.stderr
    assert "--skip-bad" in done.stderr
    assert not (tmp_path / "out").exists()


def test_skip_bad_applies_the_rest_and_records_what_it_left(tmp_path):
    source = photos(tmp_path / "s", 2)
    bad = found("a0.jpg", Fix("remove"), (1, 1, 9, 9))
    good = found("a1.jpg", Fix("remove"), label="Fifty")
    out = fix(tmp_path, source, (bad, "accept"), (good, "accept"), more=("--skip-bad",))
    record = json.loads((out / "changes.json").read_text())
    assert [one["picture"] for one in record["changes"]] == ["a1.jpg"]
    assert "not in the source" in record["left"][0]["why"]


def test_removing_wins_and_two_changes_become_one(tmp_path):
    source = photos(tmp_path / "s", 3, ("Ten",))
    rows = [
        (found("a0.jpg", moved(9, 9, 39, 29)), "accept"),
        (found("a0.jpg", Fix("change", None, "Fifty")), "accept"),
        (found("a1.jpg", moved(9, 9, 39, 29)), "accept"),
        (found("a1.jpg", Fix("remove")), "accept"),
    ]
    out = fix(tmp_path, source, *rows)
    assert boxes(out, "a0.jpg") == [("Fifty", [9, 9, 39, 29])]
    assert boxes(out, "a1.jpg") == []
    left = json.loads((out / "changes.json").read_text())["left"]
    assert [one["overruled"] for one in left] == [True]


def test_one_object_is_added_once(tmp_path):
    source = photos(tmp_path / "s", 2)
    add = [
        found("a0.jpg", Fix("add", box, label), None, "")
        for box, label in (
            ((42, 6, 60, 30), "Ten"),
            ((42, 7, 61, 31), "Ten"),
            ((42, 7, 61, 31), "Fifty"),
        )
    ]
    out = fix(tmp_path, source, *((one, "accept") for one in add))
    assert [name for name, _ in boxes(out, "a0.jpg")] == ["Ten", "Ten", "Fifty"]


def test_what_changes_nothing_stops_nothing(tmp_path):
    source = photos(tmp_path / "s", 2)
    same = found("a0.jpg", Fix("change", None, "Ten"))
    other = found("a1.jpg", Fix("remove"), label="Fifty")
    out = fix(tmp_path, source, (same, "accept"), (other, "accept"))
    assert (out / "a0.json").read_bytes() == (source / "a0.json").read_bytes()


def test_every_change_is_recorded_as_it_was_and_as_it_is(tmp_path):
    source = photos(tmp_path / "s", 2)
    was = shapes(source / "a0.json")[0]
    out = fix(tmp_path, source, (found("a0.jpg", moved(10, 8, 41, 31), sureness=0.9), "accept"))
    [one] = json.loads((out / "changes.json").read_text())["changes"]
    assert (one["file"], one["action"], one["kind"], one["sureness"]) == (
        "a0.json",
        "change",
        "loose",
        0.9,
    )
    assert (one["before"], one["after"]) == (was, shapes(out / "a0.json")[0])


@pytest.mark.parametrize(
    "make", [photos, coco_file, lambda root: yolo_tree(root, "0 .24 .18 .32 .24")]
)
def test_reverse_gives_every_file_back_to_the_byte(tmp_path, make):
    source = make(tmp_path / "s")
    dataset = formats.read("auto", source).dataset
    image, split = dataset.images.name[0], dataset.images.split[0]
    xyxy = dataset.boxes.xyxy[0].tolist()
    one = found(image, Fix("remove"), xyxy, dataset.classes[dataset.boxes.label[0]], split=split)
    last = found(
        dataset.images.name[-1],
        Fix("add", (1, 2, 30, 30), "Ten"),
        None,
        "",
        split=dataset.images.split[-1],
    )
    out = fix(tmp_path, source, (one, "accept"), (last, "accept"))
    assert boxwright("fix", out, "--reverse", "-o", tmp_path / "back").returncode == 0
    annotated = [p for p in tmp_path.glob("s/**/*") if p.suffix in {".json", ".txt"}]
    for path in annotated:
        there = next((tmp_path / "back").rglob(path.name))
        assert there.read_bytes() == path.read_bytes()
    files = {p.name for p in (tmp_path / "back").rglob("*") if p.is_file()}
    assert files == {p.name for p in tmp_path.glob("s/**/*") if p.is_file()} | {"manifest.json"}


def test_the_same_decisions_give_the_same_bytes(tmp_path):
    source = photos(tmp_path / "s", 2)
    row = (found("a0.jpg", moved(10, 8, 41, 31)), "accept")
    one = fix(tmp_path, source, row)
    first = {p.name: p.read_bytes() for p in one.iterdir() if p.is_file()}
    shutil.rmtree(one)
    again = fix(tmp_path, source, row)
    assert {p.name: p.read_bytes() for p in again.iterdir() if p.is_file()} == first


# --- findings, accepted unseen


def test_above_accepts_the_sure_and_leaves_the_others(tmp_path):
    source = photos(tmp_path / "s", 2, ("Ten",))
    rows = [found(f"a{k}.jpg", Fix("remove"), sureness=sure) for k, sure in enumerate((0.9, 0.7))]
    file = written(tmp_path / "f.json", json.dumps({"findings": [as_json(one) for one in rows]}))
    done = boxwright("fix", source, file, "-o", tmp_path / "out", "--above", 0.8, "--json")
    told = json.loads(done.stdout)
    assert told["decisions"] == {"accept": 1, "open": 1}
    assert boxes(tmp_path / "out", "a1.jpg") != []


def test_findings_without_above_apply_nothing(tmp_path):
    source = photos(tmp_path / "s", 2)
    file = written(tmp_path / "f.json", json.dumps([as_json(found("a0.jpg", Fix("remove")))]))
    done = boxwright("fix", source, file, "-o", tmp_path / "out")
    assert (done.returncode, "--above" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "no JSON"),
        ("{}", "neither decisions nor findings"),
        (
            '{"kind": "decisions", "decisions": [{"decision": "yes", "finding": {}}]}',
            "decisions[0]",
        ),
        ('{"findings": [{"kind": "x"}]}', "findings[0]"),
    ],
)
def test_a_spoilt_file_of_decisions(tmp_path, content, told):
    file = written(tmp_path / "d.json", content)
    done = boxwright("fix", photos(tmp_path / "s", 2), file, "-o", tmp_path / "out")
    assert (done.returncode, told in done.stderr) == (1, True), done.stderr


def test_the_output_may_not_lie_in_the_source(tmp_path):
    source = photos(tmp_path / "s", 2)
    file = decided(tmp_path / "d.json", (found("a0.jpg", Fix("remove")), "accept"))
    assert boxwright("fix", source, file, "-o", source / "out").returncode == 1


# --- for other programs


def handed(tmp_path: Path, program: str, *rows: tuple[Finding, str]) -> Path:
    photos(tmp_path / "s", 4)
    file = decided(tmp_path / "d.json", *rows)
    done = boxwright("fix", tmp_path / "s", file, "-o", tmp_path / "out", "--to", program)
    assert done.returncode == 0, done.stderr
    return tmp_path / "out"


ROWS = (
    (found("a0.jpg", None), "skip"),
    (found("a0.jpg", Fix("add", (1, 2, 30, 40), "Fifty"), None, ""), "accept"),
    (found("a1.jpg", Fix("remove"), label="Fifty"), "reject"),
    (found("a2.jpg", moved(9, 9, 39, 29)), "accept"),
)


def test_labelme_gets_what_is_open_with_accepted_fixes_made(tmp_path):
    out = handed(tmp_path, "labelme", *ROWS)
    assert [p.name for p in sorted(out.glob("*.jpg"))] == ["a0.jpg"]
    assert boxes(out, "a0.jpg") == [("Ten", [8, 6, 40, 30]), ("Fifty", [1, 2, 30, 40])]
    assert shapes(out / "a0.json")[0]["description"] == "loose: is loose"


def test_cvat_gets_boxes_in_pixels(tmp_path):
    root = ET.parse(handed(tmp_path, "cvat", *ROWS) / "annotations.xml").getroot()  # noqa: S314 - our own file
    [image] = root.iter("image")
    box = image.find("box")
    assert (image.get("name"), image.get("width")) == ("a0.jpg", str(WIDTH))
    assert [name.text for name in root.iterfind("meta/task/labels/label/name")][:-1] == [
        "Ten",
        "Fifty",
    ]
    assert [box.get(key) for key in ("label", "xtl", "ytl", "xbr", "ybr")] == [
        "Ten",
        "8.00",
        "6.00",
        "40.00",
        "30.00",
    ]
    assert box.find("attribute").text == "loose: is loose"


def test_label_studio_gets_percents_and_suggestions(tmp_path):
    row = (found("a0.jpg", moved(16, 12, 48, 36)), "skip")
    [task] = json.loads((handed(tmp_path, "labelstudio", row) / "tasks.json").read_text())
    value = task["annotations"][0]["result"][0]["value"]
    suggested = task["predictions"][0]["result"][0]["value"]
    assert (value["x"], value["y"], value["width"], value["height"]) == (12.5, 12.5, 50, 50)
    assert (suggested["x"], suggested["y"]) == (25, 25)


def test_an_unknown_program_is_wrong_usage(tmp_path):
    file = decided(tmp_path / "d.json", ROWS[0])
    assert (
        boxwright("fix", photos(tmp_path / "s"), file, "-o", tmp_path / "o", "--to", "x").returncode
        == 2
    )


# --- and back


def mended_elsewhere(tmp_path: Path, *new: dict) -> dict[str, list]:
    """The labels of a0.jpg after they were mended in labelme."""
    out = handed(tmp_path, "labelme", (found("a0.jpg", None), "skip"))
    content = json.loads((out / "a0.json").read_text())
    (out / "a0.json").write_text(json.dumps({**content, "shapes": list(new)}))
    done = boxwright("fix", tmp_path / "s", out, "-o", tmp_path / "back", "--json")
    assert done.returncode == 0, done.stderr
    return boxes(tmp_path / "back", "a0.jpg"), json.loads(done.stdout)["changes"]


@pytest.mark.parametrize(
    ("new", "changes"),
    [
        ([rectangle("Ten", 9, 7, 41, 31)], {"change": 1, "remove": 0, "add": 0}),
        ([rectangle("Fifty", 8, 6, 40, 30)], {"change": 1, "remove": 0, "add": 0}),
        ([], {"change": 0, "remove": 1, "add": 0}),
        (
            [rectangle("Ten", 8, 6, 40, 30), rectangle("Ten", 42, 6, 60, 30)],
            {"change": 0, "remove": 0, "add": 1},
        ),
        ([rectangle("Fifty", 50, 40, 60, 47)], {"change": 0, "remove": 1, "add": 1}),
    ],
)
def test_labels_that_were_mended_in_another_program_come_back(tmp_path, new, changes):
    there, told = mended_elsewhere(tmp_path, *new)
    wanted = [(one["label"], [float(v) for point in one["points"] for v in point]) for one in new]
    assert there == wanted
    assert told == changes


def test_labels_that_were_mended_in_cvat_come_back(tmp_path):
    out = handed(tmp_path, "cvat", (found("a0.jpg", None), "skip"))
    text = (out / "annotations.xml").read_text()
    (out / "annotations.xml").write_text(text.replace('xtl="8.00"', 'xtl="12.00"'))
    done = boxwright("fix", tmp_path / "s", out, "-o", tmp_path / "back", "--json")
    assert (done.returncode, done.stderr.count("error")) == (0, 0)
    assert boxes(tmp_path / "back", "a0.jpg") == [("Ten", [12, 6, 40, 30])]


def test_labels_that_were_mended_in_label_studio_come_back(tmp_path):
    out = handed(tmp_path, "labelstudio", (found("a0.jpg", moved(16, 12, 48, 36)), "skip"))
    tasks = json.loads((out / "tasks.json").read_text())
    tasks[0]["annotations"][0]["result"][0]["value"]["rectanglelabels"] = ["Fifty"]
    file = written(out / "export.json", json.dumps(tasks))
    done = boxwright("fix", tmp_path / "s", file, "-o", tmp_path / "back", "--json")
    assert done.returncode == 0, done.stderr
    assert boxes(tmp_path / "back", "a0.jpg") == [("Fifty", [8, 6, 40, 30])]


def test_labels_of_other_pictures_do_not_come_back(tmp_path):
    handed(tmp_path, "labelme", (found("a0.jpg", None), "skip"))
    other = tmp_path / "other"
    picture(other / "z.jpg")
    labelme(other / "z.json", rectangle("Ten", 8, 6, 40, 30))
    done = boxwright("fix", tmp_path / "s", other, "-o", tmp_path / "back")
    assert (done.returncode, "holds no picture of" in done.stderr) == (1, True)
