"""`convert` as its callers see it: a source folder in, a prepared tree out."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import pytest
import yaml
from making import HEIGHT, WIDTH, labelme, photos, picture, rectangle, written
from PIL import Image
from pycocotools.coco import COCO

from pipeline.convert import ConvertOptions, convert
from pipeline.formats import yolo


def labels_of(out: Path) -> dict[str, str]:
    """The text of each label file by the picture's name."""
    return {path.stem: path.read_text() for path in out.glob("labels/*/**/*.txt")}


def tree_bytes(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


def boxes_of(out: Path, stem: str) -> list[list[float]]:
    """A picture's boxes in pixels, from the COCO files."""
    for file in out.glob("annotations/*.json"):
        coco = json.loads(file.read_text())
        for image in coco["images"]:
            if Path(image["file_name"]).stem == stem:
                return [a["bbox"] for a in coco["annotations"] if a["image_id"] == image["id"]]
    raise AssertionError(stem)


# --- what is written -----------------------------------------------------------------------------


def test_the_yolo_line_is_the_formula_with_six_decimals(tmp_path):
    source = photos(tmp_path / "photos")
    labelme(source / "a0.json", rectangle("Ten", 1.5, 2.25, 33.1, 40.7))
    convert(source, tmp_path / "out")
    x1, y1, x2, y2 = 1.5, 2.25, 33.1, 40.7
    centre = f"{(x1 + x2) / 2 / WIDTH:.6f} {(y1 + y2) / 2 / HEIGHT:.6f}"
    expected = f"1 {centre} {(x2 - x1) / WIDTH:.6f} {(y2 - y1) / HEIGHT:.6f}\n"
    assert labels_of(tmp_path / "out")["a0"] == expected


def test_the_tree_has_every_picture_once_with_its_label_file(tmp_path):
    convert(photos(tmp_path / "photos"), tmp_path / "out")
    pictures = sorted(p.stem for p in (tmp_path / "out/images").rglob("*.jpg"))
    assert pictures == [f"a{i}" for i in range(10)] == sorted(labels_of(tmp_path / "out"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning:pycocotools")
@pytest.mark.filterwarnings("ignore:Setting the shape:DeprecationWarning")
def test_coco_opens_in_pycocotools_and_holds_what_mask_models_need(tmp_path, capsys):
    source = photos(tmp_path / "photos")
    picture(tmp_path / "empty/b.jpg")
    convert(source, tmp_path / "out", ConvertOptions(background=[tmp_path / "empty"]))
    images = []
    for split in ("train", "val"):
        coco = COCO(tmp_path / f"out/annotations/{split}.json")
        images += [image["file_name"] for image in coco.dataset["images"]]
        for image in coco.dataset["images"]:
            assert (tmp_path / "out/images" / split / image["file_name"]).is_file()
        for box in coco.dataset["annotations"]:
            assert box["id"] >= 1
            assert coco.annToMask(box).sum() == pytest.approx(box["area"], rel=0.1)
    capsys.readouterr()
    assert "empty/b.jpg" in images


def test_data_yaml_holds_the_names_in_order_and_no_path(tmp_path):
    convert(photos(tmp_path / "photos"), tmp_path / "out")
    values = yaml.safe_load((tmp_path / "out/data.yaml").read_text())
    assert values == {
        "train": "images/train",
        "val": "images/val",
        "names": {0: "Fifty", 1: "Ten"},
    }


@pytest.mark.parametrize("name", ["오만원권", 'a "b"', "<b>x</b>", "it's", "a: b", "#1", "yes"])
def test_class_names_survive_to_every_file(tmp_path, name):
    convert(photos(tmp_path / "photos", labels=(name, "other")), tmp_path / "out")
    assert name in yolo.read(tmp_path / "out").classes
    coco = json.loads((tmp_path / "out/annotations/train.json").read_text())
    assert name in [category["name"] for category in coco["categories"]]


def test_nasty_folders_and_file_names_are_kept(tmp_path):
    source = tmp_path / "사진 폴더 'x'"
    for number in range(6):
        stem = f'오만원 "{number}" <b>.v2'
        picture(source / "앞 면" / f"{stem}.jpg")
        labelme(source / "앞 면" / f"{stem}.json", rectangle("Ten", 1, 1, 20, 20))
    convert(source, tmp_path / "out put")
    names = set(yolo.read(tmp_path / "out put").images.name)
    assert names == {f'앞 면/오만원 "{n}" <b>.v2.jpg' for n in range(6)}


def test_same_input_and_seed_give_the_same_bytes_with_any_number_of_workers(tmp_path):
    source = photos(tmp_path / "photos", 30)
    convert(source, tmp_path / "one", ConvertOptions(workers=1))
    convert(source, tmp_path / "two", ConvertOptions(workers=2))
    assert tree_bytes(tmp_path / "one") == tree_bytes(tmp_path / "two")


def test_another_seed_gives_another_split(tmp_path):
    source = photos(tmp_path / "photos", 30)
    convert(source, tmp_path / "one", ConvertOptions(seed=1))
    convert(source, tmp_path / "two", ConvertOptions(seed=2))
    assert tree_bytes(tmp_path / "one").keys() != tree_bytes(tmp_path / "two").keys()


def test_the_manifest_tells_source_options_counts_and_version(tmp_path):
    convert(photos(tmp_path / "photos"), tmp_path / "out", ConvertOptions(seed=3))
    made = json.loads((tmp_path / "out/manifest.json").read_text())
    assert made["kind"] == "prepared"
    assert {"python", "numpy", "msgspec"} <= set(made["versions"])
    assert made["options"]["seed"] == 3
    assert made["steps"][0] == {"step": "read", "images": 10, "boxes": 10}
    assert made["splits"]["train"]["images"] + made["splits"]["val"]["images"] == 10


# --- what real vendors ship ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "corners", [(8, 6, 40, 30), (40, 30, 8, 6), (8, 30, 40, 6), (40, 6, 8, 30)]
)
def test_corners_come_in_any_order(tmp_path, corners):
    source = photos(tmp_path / "photos")
    labelme(source / "a3.json", rectangle("Ten", *corners))
    convert(source, tmp_path / "out")
    assert boxes_of(tmp_path / "out", "a3") == [[8, 6, 32, 24]]


def test_coordinates_at_another_scale_are_rescaled_by_the_sizes(tmp_path):
    source = photos(tmp_path / "photos")
    size = {"imageWidth": WIDTH * 5, "imageHeight": HEIGHT * 5}
    labelme(source / "a3.json", rectangle("Ten", 40, 30, 200, 150), **size)
    convert(source, tmp_path / "out")
    assert boxes_of(tmp_path / "out", "a3") == [[8, 6, 32, 24]]


def test_scale_rescales_where_the_json_has_no_size(tmp_path):
    source = photos(tmp_path / "photos")
    for number in range(10):
        shape = rectangle("Ten", 40, 30, 200, 150)
        labelme(source / f"a{number}.json", shape, imageWidth=..., imageHeight=...)
    convert(source, tmp_path / "out", ConvertOptions(scale=5))
    assert boxes_of(tmp_path / "out", "a3") == [[8, 6, 32, 24]]


def test_labels_are_merged_into_classes_in_the_order_of_the_config(tmp_path):
    source = photos(tmp_path / "photos", labels=("Ten_front", "Ten_back", "Fifty"))
    classes = {"Ten": ["Ten_front", "Ten_back"], "Fifty": None}
    made = convert(source, tmp_path / "out", ConvertOptions(classes=classes))
    assert made["classes"] == ["Ten", "Fifty"]
    assert sum(part["classes"]["Ten"] for part in made["splits"].values()) == 7


def test_a_flat_record_is_a_box(tmp_path):
    source = photos(tmp_path / "photos")
    record = {"image": "a3.jpg", "label": "Ten", "x1": 40, "y1": 30, "x2": 8, "y2": 6}
    written(source / "a3.json", json.dumps(record))
    convert(source, tmp_path / "out")
    assert boxes_of(tmp_path / "out", "a3") == [[8, 6, 32, 24]]


def test_one_list_may_speak_of_all_pictures(tmp_path):
    for number in range(10):
        picture(tmp_path / f"photos/a{number}.jpg")
    records = [
        {"image": f"a{n // 2}.jpg", "label": "Ten", "x1": 8, "y1": 6, "x2": 40, "y2": 30 + n % 2}
        for n in range(20)
    ]
    written(tmp_path / "photos/all.json", json.dumps(records))
    convert(tmp_path / "photos", tmp_path / "out")
    assert boxes_of(tmp_path / "out", "a3") == [[8, 6, 32, 24], [8, 6, 32, 25]]


def test_fields_of_other_names_are_mapped_by_path(tmp_path):
    for number in range(10):
        picture(tmp_path / f"photos/a{number}.jpg")
        box = {"kind": {"name": "Ten"}, "rect": {"l": 8, "t": 6, "r": 40, "b": 30}}
        content = {"meta": {"file": f"a{number}.jpg"}, "items": [box]}
        written(tmp_path / f"photos/a{number}.json", json.dumps(content))
    fields = {
        "boxes": "items",
        "image": "meta.file",
        "label": "kind.name",
        "x1": "rect.l",
        "y1": "rect.t",
        "x2": "rect.r",
        "y2": "rect.b",
    }
    convert(tmp_path / "photos", tmp_path / "out", ConvertOptions(fields=fields))
    assert boxes_of(tmp_path / "out", "a3") == [[8, 6, 32, 24]]


def test_labels_may_be_in_the_folders_only(tmp_path):
    for folder in ("10", "50"):
        for number in range(4):
            picture(tmp_path / "photos" / folder / f"{number}.jpg")
            shape = {"points": [[8, 6], [40, 30]], "shape_type": "rectangle"}
            labelme(tmp_path / "photos" / folder / f"{number}.json", shape)
    made = convert(tmp_path / "photos", tmp_path / "out", ConvertOptions(label="folder"))
    assert made["classes"] == ["10", "50"]


def test_the_same_name_in_two_folders_stays_two_pictures(tmp_path):
    for folder in ("10", "50"):
        for number in range(4):
            picture(tmp_path / "photos" / folder / f"{number}.jpg")
            labelme(tmp_path / "photos" / folder / f"{number}.json", rectangle(folder, 1, 1, 9, 9))
    convert(tmp_path / "photos", tmp_path / "out", ConvertOptions(flat=True))
    assert sorted(labels_of(tmp_path / "out"))[:5] == ["10_0", "10_1", "10_2", "10_3", "50_0"]


def test_pictures_of_one_stem_keep_a_label_file_each(tmp_path):
    source = photos(tmp_path / "photos")
    picture(source / "a3.png")
    labelme(source / "png/a3.json", rectangle("Ten", 1, 1, 5, 5), imagePath="../a3.png")
    convert(source, tmp_path / "out")
    assert {"a3", "a3-2"} <= set(labels_of(tmp_path / "out"))


def test_a_folder_called_images_does_not_hide_labels_from_yolo(tmp_path):
    source = tmp_path / "set"
    for number in range(10):
        picture(source / f"cam/images/a{number}.jpg")
        labelme(source / f"cam/json/a{number}.json", rectangle("Ten", 1, 1, 9, 9))
    convert(source, tmp_path / "out")
    assert len(yolo.read(tmp_path / "out").boxes) == 10


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_sizes_are_those_of_the_picture_as_shown(tmp_path, orientation):
    source = photos(tmp_path / "photos")
    picture(source / "a3.jpg", (HEIGHT, WIDTH) if orientation > 4 else (WIDTH, HEIGHT), orientation)
    convert(source, tmp_path / "out")
    assert boxes_of(tmp_path / "out", "a3") == [[8, 6, 32, 24]]


def test_boxes_drawn_before_the_exif_turn_are_turned(tmp_path):
    source = photos(tmp_path / "photos")
    picture(source / "a3.jpg", (WIDTH, HEIGHT), orientation=6)
    labelme(source / "a3.json", rectangle("Ten", 8, 6, 40, 30))
    convert(source, tmp_path / "out")
    marked = Image.new("L", (WIDTH, HEIGHT))
    marked.paste(255, (8, 6, 40, 30))
    left, top, right, bottom = marked.transpose(Image.Transpose.ROTATE_270).getbbox()
    assert boxes_of(tmp_path / "out", "a3") == [[left, top, right - left, bottom - top]]


def test_polygons_and_circles_keep_their_outline(tmp_path):
    source = photos(tmp_path / "photos")
    triangle = {"label": "Ten", "points": [[8, 6], [40, 6], [8, 30]], "shape_type": "polygon"}
    circle = {"label": "Ten", "points": [[30, 20], [40, 20]], "shape_type": "circle"}
    labelme(source / "a3.json", triangle, circle)
    convert(source, tmp_path / "out")
    assert boxes_of(tmp_path / "out", "a3") == [[8, 6, 32, 24], pytest.approx([20, 10, 20, 20])]
    rows = [
        r
        for f in (tmp_path / "out").glob("annotations/*")
        for r in json.loads(f.read_text())["annotations"]
    ]
    assert [8, 6, 40, 6, 8, 30] in [row["segmentation"][0] for row in rows]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp949", "utf-16"])
def test_encodings_of_korean_windows_are_read(tmp_path, encoding):
    source = photos(tmp_path / "photos", labels=("십원", "오십원"))
    text = (source / "a3.json").read_text(encoding="utf-8")
    written(source / "a3.json", text.encode(encoding))
    assert convert(source, tmp_path / "out")["classes"] == ["십원", "오십원"]


@pytest.mark.parametrize("content", ["", '{"shapes": [], "imagePath": "a3.jpg"}'])
def test_an_empty_file_is_a_background_picture(tmp_path, content):
    source = photos(tmp_path / "photos")
    written(source / "a3.json", content)
    convert(source, tmp_path / "out")
    assert labels_of(tmp_path / "out")["a3"] == ""


def test_upper_case_endings_and_hidden_files(tmp_path):
    source = photos(tmp_path / "photos")
    (source / "a3.jpg").rename(source / "a3.JPG")
    written(source / "._a3.json", b"\x00\x05\x16\x07")
    written(source / "._a3.jpg", b"\x00\x05\x16\x07")
    assert convert(source, tmp_path / "out")["steps"][0]["images"] == 10


def test_a_decomposed_korean_file_name_is_the_composed_one_in_the_json(tmp_path):
    source = photos(tmp_path / "photos")
    picture(source / f"{unicodedata.normalize('NFD', '오만원')}.jpg")
    said = unicodedata.normalize("NFC", "오만원.jpg")
    labelme(source / "b.json", rectangle("Ten", 1, 1, 9, 9), imagePath=said)
    assert convert(source, tmp_path / "out")["steps"][0]["images"] == 11


# --- links and the source ------------------------------------------------------------------------


def test_pictures_are_linked_and_labels_never(tmp_path):
    source = photos(tmp_path / "photos")
    convert(source, tmp_path / "out")
    linked = next((tmp_path / "out/images").rglob("a3.jpg"))
    assert linked.samefile(source / "a3.jpg")
    assert next((tmp_path / "out/labels").rglob("a3.txt")).stat().st_nlink == 1


def test_a_jpeg_that_a_trainer_would_rewrite_is_copied(tmp_path):
    source = photos(tmp_path / "photos")
    whole = (source / "a3.jpg").read_bytes()
    written(source / "a3.jpg", whole + b"\0\0trailer")
    made = convert(source, tmp_path / "out")
    assert made["copied"] == 1
    assert not next((tmp_path / "out/images").rglob("a3.jpg")).samefile(source / "a3.jpg")


def test_where_links_are_refused_pictures_are_copied(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(1, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    assert convert(photos(tmp_path / "photos"), tmp_path / "out")["copied"] == 10


def test_the_source_is_never_changed(tmp_path):
    source = photos(tmp_path / "photos")
    before = tree_bytes(source)
    convert(source, tmp_path / "out")
    assert tree_bytes(source) == before


# --- reruns --------------------------------------------------------------------------------------


@pytest.mark.parametrize("copy", [False, True])
def test_a_rerun_that_changes_nothing_leaves_the_tree_alone(tmp_path, copy):
    source = photos(tmp_path / "photos")
    convert(source, tmp_path / "out", ConvertOptions(copy=copy))
    inode = (tmp_path / "out").stat().st_ino
    assert convert(source, tmp_path / "out", ConvertOptions(copy=copy))["unchanged"]
    assert (tmp_path / "out").stat().st_ino == inode


def inodes(out: Path) -> dict[str, int]:
    return {path.stem: path.stat().st_ino for path in (out / "labels").rglob("*.txt")}


def test_a_changed_label_is_written_and_the_others_are_left_alone(tmp_path):
    source, out = photos(tmp_path / "photos"), tmp_path / "out"
    convert(source, out)
    before = inodes(out)
    labelme(source / "a3.json", rectangle("Ten", 10, 20, 50, 45))
    assert not convert(source, out)["unchanged"]
    after = inodes(out)
    assert [stem for stem in after if after[stem] != before[stem]] == ["a3"]
    assert boxes_of(out, "a3") == [[10, 20, 40, 25]]
    assert labels_of(out)["a3"].split()[3] == f"{40 / WIDTH:.6f}"
    assert convert(source, out)["unchanged"]
    assert [path.name for path in sorted(tmp_path.glob("[!.]*"))] == ["out", "photos"]


def test_labels_that_stay_are_linked_when_pictures_come(tmp_path):
    source, out = photos(tmp_path / "photos"), tmp_path / "out"
    convert(source, out)
    before = inodes(out)
    picture(source / "b.jpg")
    labelme(source / "b.json", rectangle("Ten", 10, 20, 50, 45))
    convert(source, out)
    after = inodes(out)
    assert {stem: after[stem] for stem in before} == before
    assert all(path.stat().st_nlink == 1 for path in (out / "labels").rglob("*.txt"))


def test_a_label_file_that_somebody_changed_is_written_anew(tmp_path):
    source, out = photos(tmp_path / "photos"), tmp_path / "out"
    convert(source, out)
    (changed,) = (out / "labels").rglob("a5.txt")
    told = changed.read_text()
    changed.write_text("0 0.5 0.5 0.1 0.1\n")
    labelme(source / "a3.json", rectangle("Ten", 10, 20, 50, 45))
    convert(source, out)
    assert changed.read_text() == told


def test_a_replaced_picture_is_a_change(tmp_path):
    source = photos(tmp_path / "photos")
    convert(source, tmp_path / "out")
    whole = (source / "a4.jpg").read_bytes()
    (source / "a3.jpg").unlink()
    written(source / "a3.jpg", whole)
    assert not convert(source, tmp_path / "out")["unchanged"]


def test_no_ghost_of_a_deleted_source_is_left(tmp_path):
    source = photos(tmp_path / "photos")
    convert(source, tmp_path / "out")
    (source / "a3.jpg").unlink()
    (source / "a3.json").unlink()
    convert(source, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("a3.*"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "photos"]


def test_new_data_never_renumbers_old_classes(tmp_path):
    source = photos(tmp_path / "photos", labels=("Ten", "Fifty"))
    assert convert(source, tmp_path / "out")["classes"] == ["Fifty", "Ten"]
    picture(source / "b.jpg")
    labelme(source / "b.json", rectangle("Aaa", 1, 1, 9, 9))
    assert convert(source, tmp_path / "out")["classes"] == ["Fifty", "Ten", "Aaa"]


# --- other sources -------------------------------------------------------------------------------


def test_coco_and_yolo_sources_give_the_boxes_back(tmp_path):
    convert(photos(tmp_path / "photos"), tmp_path / "out")
    before = yolo.read(tmp_path / "out")
    coco = tmp_path / "out/annotations/train.json"
    images = ConvertOptions(images=tmp_path / "out/images/train")
    convert(coco, tmp_path / "from coco", images)
    convert(tmp_path / "out", tmp_path / "from yolo")
    assert len(yolo.read(tmp_path / "from coco").boxes) == len(before.of_split("train").boxes)
    after = yolo.read(tmp_path / "from yolo")
    assert abs(after.boxes.xyxy - before.boxes.xyxy).max() < 1e-3
    assert list(after.images.split) == list(before.images.split)
