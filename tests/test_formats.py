"""Readers of COCO, YOLO, Pascal VOC, KITTI, tables and corner JSON, as tools write them."""

from __future__ import annotations

import base64
import json
import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import HEIGHT, WIDTH, boxwright, labelme, picture, rectangle, written
from pycocotools import mask as masks

from pipeline import formats
from pipeline.errors import BoxwrightError, DataErrors
from pipeline.formats import rle as rle_masks
from pipeline.formats.reading import Reading, ReadOptions


def voc(path: Path, *objects: str, filename: str = "", size: str = "64 48") -> Path:
    """A VOC file as labelImg writes it; an object is "name xmin ymin xmax ymax"."""
    width, height = size.split()
    found = "".join(_object(*one.split()) for one in objects)
    return written(
        path,
        f"<annotation>\n<folder>x</folder>\n<filename>{filename or path.stem + '.jpg'}</filename>\n"
        f"<source><database>Unknown</database></source>\n<size><width>{width}</width>"
        f"<height>{height}</height><depth>3</depth></size>\n<segmented>0</segmented>\n{found}"
        "</annotation>\n",
    )


def _object(name: str, *corners: str, more: str = "") -> str:
    sides = zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    inside = "".join(f"<{side}>{value}</{side}>" for side, value in sides)
    return (
        f"<object><name>{name}</name><pose>Unspecified</pose><truncated>0</truncated>"
        f"<difficult>0</difficult><bndbox>{inside}</bndbox>{more}</object>\n"
    )


def boxes(reading: Reading) -> list[tuple[str, str, list[float]]]:
    """Picture, label and corners of each box."""
    data = reading.dataset
    return [
        (str(data.images.name[image]), data.classes[label], np.round(xyxy, 4).tolist())
        for image, label, xyxy in zip(
            data.boxes.image, data.boxes.label, data.boxes.xyxy, strict=True
        )
    ]


def names(reading: Reading) -> list[str]:
    return list(reading.dataset.images.name)


def problems(reading: Reading) -> list[str]:
    return [str(problem).splitlines()[0] for problem in reading.problems]


# Pascal VOC


def test_voc_counts_pixels_from_1_and_the_last_one_in(tmp_path):
    picture(tmp_path / "a.jpg")
    voc(tmp_path / "a.xml", "Ten 1 1 64 48", "Fifty 3 5 10 20")
    reading = formats.read("auto", tmp_path)
    assert boxes(reading) == [("a.jpg", "Ten", [0, 0, 64, 48]), ("a.jpg", "Fifty", [2, 4, 10, 20])]
    assert not reading.problems
    assert not reading.notes


@pytest.mark.parametrize("corners", ["0 4 10 20", "2.5 4 10 20"])
def test_voc_with_a_corner_that_cannot_count_from_1_counts_from_0(tmp_path, corners):
    picture(tmp_path / "a.jpg")
    picture(tmp_path / "b.jpg")
    voc(tmp_path / "a.xml", f"Ten {corners}")
    voc(tmp_path / "b.xml", "Ten 3 5 10 20")
    reading = formats.read("voc", tmp_path)
    assert boxes(reading)[1] == ("b.jpg", "Ten", [3, 5, 10, 20])
    assert any("counted from 0" in note for note in reading.notes)


def test_voc_can_be_told_what_it_counts_from(tmp_path):
    picture(tmp_path / "a.jpg")
    voc(tmp_path / "a.xml", "Ten 3 5 10 20")
    reading = formats.read("voc", tmp_path, ReadOptions(corners_from=0))
    assert boxes(reading) == [("a.jpg", "Ten", [3, 5, 10, 20])]


def test_voc_without_objects_is_background(tmp_path):
    picture(tmp_path / "a.jpg")
    picture(tmp_path / "b.jpg")
    voc(tmp_path / "a.xml")
    voc(tmp_path / "b.xml", "Ten 3 5 10 20")
    reading = formats.read("voc", tmp_path)
    assert names(reading) == ["a.jpg", "b.jpg"]
    assert len(reading.dataset.boxes) == 1


def test_voc_devkit_keeps_the_splits_of_its_lists_and_passes_masks_over(tmp_path):
    root = tmp_path / "VOCdevkit" / "VOC2007"
    for stem in ("000001", "000002"):
        picture(root / "JPEGImages" / f"{stem}.jpg")
        voc(root / "Annotations" / f"{stem}.xml", "cat 3 5 10 20")
    picture(root / "SegmentationClass" / "000001.png")
    written(root / "ImageSets" / "Main" / "train.txt", "000001\n")
    written(root / "ImageSets" / "Main" / "val.txt", "000002\n")
    written(root / "ImageSets" / "Main" / "trainval.txt", "000001\n000002\n")
    written(root / "ImageSets" / "Main" / "cat_train.txt", "000001 -1\n")
    reading = formats.read("auto", tmp_path)
    assert list(reading.dataset.images.split) == ["train", "val"]
    assert not reading.problems


def test_voc_outlines_are_kept(tmp_path):
    picture(tmp_path / "a.jpg")
    points = "".join(
        f"<x{i}>{x}</x{i}><y{i}>{y}</y{i}>" for i, x, y in ((1, 3, 5), (2, 10, 5), (3, 10, 20))
    )
    text = "<annotation><filename>a.jpg</filename>" + _object(
        "Ten", "3", "5", "10", "20", more=f"<polygon>{points}</polygon>"
    )
    written(tmp_path / "a.xml", text + "</annotation>")
    reading = formats.read("voc", tmp_path)
    assert reading.dataset.boxes.outline[0].tolist() == [[2, 4], [9, 4], [9, 19]]


def test_voc_turned_boxes_become_outlines(tmp_path):
    picture(tmp_path / "a.jpg")
    turned = "<cx>30</cx><cy>20</cy><w>20</w><h>10</h><angle>1.5707963</angle>"
    object_ = f"<object><name>Ten</name><robndbox>{turned}</robndbox></object>"
    written(tmp_path / "a.xml", f"<annotation><filename>a.jpg</filename>{object_}</annotation>")
    reading = formats.read("voc", tmp_path, ReadOptions(corners_from=0))
    assert boxes(reading) == [("a.jpg", "Ten", [25, 10, 35, 30])]
    assert len(reading.dataset.boxes.outline[0]) == 4


def test_voc_at_another_scale_is_rescaled(tmp_path):
    picture(tmp_path / "a.jpg")
    voc(tmp_path / "a.xml", "Ten 1 1 320 240", size="640 480")
    assert boxes(formats.read("voc", tmp_path)) == [("a.jpg", "Ten", [0, 0, 32, 24])]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (_object("Ten", "3", "five", "10", "20"), "line 1, ymin: is 'five', not a finite number"),
        ("<object><name>Ten</name></object>", "line 1, xmin: is missing"),
        (_object("Ten", "3", "nan", "10", "20"), "line 1, ymin: is 'nan', not a finite number"),
        ("<object><name>Ten", "is cut short or no XML"),
    ],
)
def test_voc_that_is_wrong_is_told_with_its_place(tmp_path, body, told):
    picture(tmp_path / "a.jpg")
    picture(tmp_path / "b.jpg")
    voc(tmp_path / "b.xml", "Ten 3 5 10 20")
    end = "" if body.endswith("Ten") else "</annotation>"
    written(tmp_path / "a.xml", f"<annotation><filename>a.jpg</filename>{body}{end}")
    reading = formats.read("voc", tmp_path)
    assert any(told in problem for problem in problems(reading))
    assert names(reading) == ["b.jpg"]


def test_voc_with_a_document_type_is_refused(tmp_path):
    picture(tmp_path / "a.jpg")
    bomb = '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><annotation>&c;</annotation>'
    written(tmp_path / "a.xml", bomb)
    with pytest.raises(DataErrors, match="document type"):
        formats.read("voc", tmp_path)


# KITTI


def test_kitti_reads_label_2_with_image_2(tmp_path):
    line = "{} 0.00 0 -1.58 {} 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59\n"
    for camera in (2, 3):
        picture(tmp_path / "training" / f"image_{camera}" / "000000.png")
    picture(tmp_path / "testing" / "image_2" / "000000.png")
    written(tmp_path / "training" / "calib" / "000000.txt", "P0: 7.07e+02 0.0 6.04e+02\n")
    written(
        tmp_path / "training" / "label_2" / "000000.txt",
        line.format("Car", "8.50 6.00 40.25 30.00") + line.format("DontCare", "1 1 2 2"),
    )
    reading = formats.read("auto", tmp_path)
    assert boxes(reading) == [("training/image_2/000000.png", "Car", [8.5, 6, 40.25, 30])]
    assert reading.notes == {"DontCare regions of KITTI, which have no class; left out": 1}
    assert not reading.problems


def test_kitti_lines_of_other_columns_are_told(tmp_path):
    picture(tmp_path / "a.png")
    written(tmp_path / "a.txt", "Car 0 0 0 8 6 40 30\n")
    with pytest.raises(DataErrors, match="has 8 columns where KITTI has 15 or 16"):
        raise DataErrors(formats.read("kitti", tmp_path).problems)


# Tables


def test_csv_of_roboflow(tmp_path):
    picture(tmp_path / "train" / "a.jpg")
    written(
        tmp_path / "train" / "_annotations.csv",
        "filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,64,48,Ten,8,6,40,30\n"
        'a.jpg,64,48,"Fif,ty",1,2,3,4\n',
    )
    reading = formats.read("auto", tmp_path)
    assert [(label, xyxy) for _, label, xyxy in boxes(reading)] == [
        ("Ten", [8, 6, 40, 30]),
        ("Fif,ty", [1, 2, 3, 4]),
    ]
    assert reading.where(1)[1] == "line 3"


def test_csv_of_openimages(tmp_path):
    picture(tmp_path / "img" / "00a1.jpg")
    picture(tmp_path / "img" / "00b2.jpg")
    written(
        tmp_path / "train-annotations-bbox.csv",
        "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,"
        "IsDepiction,IsInside\n00a1,xclick,/m/01g317,1,0.25,0.5,0.125,1,0,0,1,0,0\n"
        "00b2,xclick,/m/0abc,1,0,1,0,1,0,0,0,0,0\n",
    )
    written(tmp_path / "class-descriptions-boxable.csv", "/m/01g317,Person\n/m/0zzz,Cat\n")
    reading = formats.read("auto", tmp_path)
    assert boxes(reading) == [
        ("img/00a1.jpg", "Person", [0.25 * WIDTH, 0.125 * HEIGHT, 0.5 * WIDTH, HEIGHT]),
        ("img/00b2.jpg", "/m/0abc", [0, 0, WIDTH, HEIGHT]),
    ]
    assert reading.dataset.boxes.crowd.tolist() == [True, False]
    assert not reading.problems


def test_csv_of_retinanet_has_no_header_and_backgrounds(tmp_path):
    for name in ("a", "b"):
        picture(tmp_path / "data" / f"{name}.jpg")
    written(tmp_path / "train.csv", "data/a.jpg,8,6,40,30,Ten\ndata/b.jpg,,,,,\n")
    written(tmp_path / "classes.csv", "Ten,0\n")
    reading = formats.read("auto", tmp_path)
    assert boxes(reading) == [("data/a.jpg", "Ten", [8, 6, 40, 30])]
    assert names(reading) == ["data/a.jpg", "data/b.jpg"]


def test_csv_columns_can_be_named(tmp_path):
    picture(tmp_path / "a.jpg")
    written(tmp_path / "t.csv", "사진;분류;l;t;r;b\na.jpg;만원;8;6;40;30\n")
    fields = {"image": "사진", "label": "분류", "x1": "l", "y1": "t", "x2": "r", "y2": "b"}
    reading = formats.read("csv", tmp_path, ReadOptions(fields=fields))
    assert boxes(reading) == [("a.jpg", "만원", [8, 6, 40, 30])]


def test_csv_without_columns_of_boxes_names_those_it_has(tmp_path):
    picture(tmp_path / "a.jpg")
    written(tmp_path / "t.csv", "picture,what\na.jpg,Ten\n")
    with pytest.raises(DataErrors, match="its columns: picture, what"):
        formats.read("csv", tmp_path)


def test_csv_rows_that_are_wrong_are_told_by_their_lines(tmp_path):
    picture(tmp_path / "a.jpg")
    written(
        tmp_path / "t.csv",
        "image,x1,y1,x2,y2,label\na.jpg,8,6,40\na.jpg,8,x,40,30,Ten\n"
        "a.jpg,8,6,40,30,Ten\nb.jpg,8,6,40,30,Ten\na.jpg,8,6,4_0,30,Ten\n",
    )
    reading = formats.read("csv", tmp_path)
    assert len(reading.dataset.boxes) == 1
    told = problems(reading)
    assert any("line 2: has 4 columns where 6 are due" in one for one in told)
    assert any("line 3, y1: is 'x', not a finite number" in one for one in told)
    assert any("line 6, x2: is '4_0', not a finite number" in one for one in told)
    assert any("names the picture 'b.jpg', which is not there" in one for one in told)


def test_a_picture_whose_boxes_are_all_wrong_is_no_background(tmp_path):
    for name in ("a", "b"):
        picture(tmp_path / f"{name}.jpg")
    written(tmp_path / "t.csv", "image,x1,y1,x2,y2,label\na.jpg,8,x,40,30,Ten\nb.jpg,,,,,\n")
    assert names(formats.read("csv", tmp_path)) == ["b.jpg"]


# A record's picture


def test_of_pictures_with_one_name_the_said_folders_decide(tmp_path):
    for folder in ("x", "y"):
        picture(tmp_path / "images" / folder / "a.jpg")
    written(
        tmp_path / "t.csv",
        "image,x1,y1,x2,y2,label\nx/a.jpg,1,1,9,9,Ten\ny\\a.jpg,2,2,9,9,Ten\n",
    )
    reading = formats.read("csv", tmp_path)
    assert boxes(reading) == [
        ("images/x/a.jpg", "Ten", [1, 1, 9, 9]),
        ("images/y/a.jpg", "Ten", [2, 2, 9, 9]),
    ]


def test_a_path_out_of_the_source_is_not_followed(tmp_path):
    picture(tmp_path / "src" / "a.jpg")
    picture(tmp_path / "b.jpg")
    written(
        tmp_path / "src" / "t.csv",
        "image,x1,y1,x2,y2,label\n../b.jpg,1,1,9,9,Ten\na.jpg,1,1,9,9,Ten\n",
    )
    reading = formats.read("csv", tmp_path / "src")
    assert names(reading) == ["a.jpg"]
    assert any("points outside the source" in one for one in problems(reading))


def test_of_one_file_the_pictures_around_it_are_taken_and_the_others_counted(tmp_path):
    for name in ("a", "b"):
        picture(tmp_path / "images" / f"{name}.jpg")
    file = written(tmp_path / "labels" / "t.csv", "image,x1,y1,x2,y2,label\na.jpg,1,1,9,9,Ten\n")
    reading = formats.read("auto", file)
    assert names(reading) == ["a.jpg"]
    assert reading.notes == {"pictures that the file does not speak of; left out": 1}


# Which format


def test_auto_names_the_format_and_why(tmp_path, caplog):
    picture(tmp_path / "a.jpg")
    voc(tmp_path / "a.xml", "Ten 3 5 10 20")
    with caplog.at_level(logging.INFO):
        assert formats.detect(tmp_path) == "voc"
    assert "format: voc (1 of 1 .xml files begin with <annotation>)" in caplog.text


def test_two_formats_in_one_folder_are_not_guessed_between(tmp_path):
    picture(tmp_path / "a.jpg")
    voc(tmp_path / "a.xml", "Ten 3 5 10 20")
    labelme(tmp_path / "a.json", rectangle("Ten", 8, 6, 40, 30))
    with pytest.raises(BoxwrightError, match=r"more than one format(?s:.*)--from"):
        formats.detect(tmp_path)


def test_other_json_beside_a_format_is_passed_over(tmp_path):
    voc(tmp_path / "a.xml", "Ten 3 5 10 20")
    written(tmp_path / "settings.json", "{}")
    assert formats.detect(tmp_path) == "voc"


def test_an_unknown_format_is_refused_with_the_known_ones(tmp_path):
    run = boxwright("convert", tmp_path, tmp_path.parent / "out", "--from", "vic")
    assert run.returncode == 1
    assert "'vic' is unknown; known: auto, corners, coco" in run.stderr


def test_convert_says_what_it_saw(tmp_path):
    source, out = tmp_path / "src", tmp_path / "out"
    for number in range(5):
        picture(source / f"{number}.jpg")
        voc(source / f"{number}.xml", "Ten 9 7 40 30")
    run = boxwright("convert", source, out, "--group", "none")
    assert run.returncode == 0, run.stderr
    assert "format: voc (5 of 5 .xml files begin with <annotation>)" in run.stderr
    lines = {path.read_text() for path in (out / "labels").rglob("*.txt")}
    assert lines == {"0 0.375000 0.375000 0.500000 0.500000\n"}


def test_folders_of_splits_are_kept_as_splits(tmp_path):
    for folder in ("train", "valid"):
        picture(tmp_path / folder / "a.jpg")
        voc(tmp_path / folder / "a.xml", "Ten 3 5 10 20")
    reading = formats.read("auto", tmp_path)
    assert names(reading) == ["train/a.jpg", "valid/a.jpg"]
    assert list(reading.dataset.images.split) == ["train", "val"]


# COCO


def coco(path: Path, pictures: list[str], annotations: list[dict], **changes) -> Path:
    """A COCO file of pictures with ids from 1; categories 3 and 7, as gaps in the ids allow."""
    content = {
        "images": [
            {"id": n, "file_name": name, "width": WIDTH, "height": HEIGHT}
            for n, name in enumerate(pictures, 1)
        ],
        "annotations": [
            {"id": n, "category_id": 7, "bbox": [8, 6, 32, 24], "iscrowd": 0} | one
            for n, one in enumerate(annotations, 1)
        ],
        "categories": [{"id": 7, "name": "Ten"}, {"id": 3, "name": "Fifty"}],
    }
    return written(path, json.dumps(content | changes, ensure_ascii=False))


def rle(mask: np.ndarray) -> dict:
    """A mask as pycocotools packs it."""
    packed = masks.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(map(int, packed["size"])), "counts": packed["counts"].decode()}


def runs(mask: np.ndarray) -> dict:
    """The same mask unpacked."""
    flat = mask.T.ravel().astype(int)
    edges = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff([0, *edges, len(flat)]).tolist()
    return {"size": list(mask.shape), "counts": [0, *lengths] if flat[0] else lengths}


def test_coco_ids_with_gaps(tmp_path):
    picture(tmp_path / "a.jpg")
    coco(tmp_path / "x.json", ["a.jpg"], [{"image_id": 1}, {"image_id": 1, "category_id": 3}])
    written(tmp_path / "manifest.json", '{"images": []}')
    reading = formats.read("auto", tmp_path)
    assert [label for _, label, _ in boxes(reading)] == ["Ten", "Fifty"]
    assert not reading.problems


@pytest.mark.parametrize("pack", [rle, runs])
def test_coco_masks_of_one_piece_become_outlines(tmp_path, pack):
    picture(tmp_path / "a.jpg")
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[6:30, 8:40] = True
    coco(tmp_path / "x.json", ["a.jpg"], [{"image_id": 1, "segmentation": pack(mask)}])
    reading = formats.read("coco", tmp_path)
    assert sorted(reading.dataset.boxes.outline[0].tolist()) == [
        [8, 6],
        [8, 30],
        [40, 6],
        [40, 30],
    ]
    assert reading.notes == {"RLE masks of one piece; taken as outlines": 1}


def test_coco_crowds_of_several_pieces_keep_their_box_and_are_counted(tmp_path):
    picture(tmp_path / "a.jpg")
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[6:30, 8:12] = mask[6:30, 36:40] = True
    one = {"image_id": 1, "iscrowd": 1, "segmentation": runs(mask)}
    coco(tmp_path / "x.json", ["a.jpg"], [one])
    reading = formats.read("coco", tmp_path)
    assert boxes(reading) == [("a.jpg", "Ten", [8, 6, 40, 30])]
    assert reading.dataset.boxes.crowd.tolist() == [True]
    assert not len(reading.dataset.boxes.outline[0])
    assert list(reading.notes) == [
        "RLE masks of several pieces or with holes; their boxes are kept"
    ]


@given(st.integers(0, 2**32 - 1), st.integers(2, 30), st.integers(2, 30))
def test_the_box_of_any_mask_is_that_of_pycocotools(seed, height, width):
    mask = np.random.default_rng(seed).random((height, width)) < 0.1
    mask[height // 2, width // 2] = True
    x, y, w, h = masks.toBbox(masks.encode(np.asfortranarray(mask.astype(np.uint8))))
    for packed in (rle(mask), runs(mask)):
        box, _ = rle_masks.outline(packed["counts"], packed["size"])
        assert box == (x, y, x + w, y + h)


@pytest.mark.parametrize(
    "mask",
    [
        {"size": [10**9, 10**9], "counts": [10**18]},
        {"size": [HEIGHT, WIDTH], "counts": [5, -5, WIDTH * HEIGHT]},
        {"size": [HEIGHT, WIDTH], "counts": "PPPPPPPPPPPPPPPPPPPPPPPPP"},
        {"size": [HEIGHT, WIDTH], "counts": "한"},
        {"size": [HEIGHT, WIDTH], "counts": [WIDTH * HEIGHT]},
        {"size": "big", "counts": None},
    ],
)
def test_coco_masks_that_cannot_be_keep_their_box_and_are_counted(tmp_path, mask):
    picture(tmp_path / "a.jpg")
    coco(tmp_path / "x.json", ["a.jpg"], [{"image_id": 1, "segmentation": mask}])
    reading = formats.read("coco", tmp_path)
    assert len(boxes(reading)) == 1
    assert reading.notes["RLE masks that cannot be read; their boxes are kept"] == 1


def test_coco_files_of_splits_are_read_together(tmp_path):
    for split in ("train2017", "val2017"):
        picture(tmp_path / split / "a.jpg")
        coco(tmp_path / "annotations" / f"instances_{split}.json", ["a.jpg"], [{"image_id": 1}])
        written(tmp_path / "annotations" / f"captions_{split}.json", '{"images": [], "info": {}}')
    reading = formats.read("auto", tmp_path)
    assert list(reading.dataset.images.split) == ["train", "val"]
    assert names(reading) == ["a.jpg", "a.jpg"]
    assert len(reading.dataset.boxes) == 2


def test_coco_of_roboflow_has_a_file_a_split_and_a_category_above_all(tmp_path):
    above = [
        {"id": 0, "name": "coins", "supercategory": "none"},
        {"id": 7, "name": "Ten", "supercategory": "coins"},
    ]
    for split in ("train", "valid", "test"):
        picture(tmp_path / split / "a.jpg")
        file = tmp_path / split / "_annotations.coco.json"
        coco(file, ["a.jpg"], [{"image_id": 1}], categories=above)
    reading = formats.read("auto", tmp_path)
    assert list(reading.dataset.images.split) == ["test", "train", "val"]
    assert reading.dataset.classes == ("Ten",)


def test_coco_files_that_tell_no_splits_are_not_guessed_between(tmp_path):
    picture(tmp_path / "a.jpg")
    for name in ("x", "y"):
        coco(tmp_path / f"{name}.json", ["a.jpg"], [])
    with pytest.raises(BoxwrightError, match=r"here are 2 \(x.json, y.json\)"):
        formats.read("coco", tmp_path)


def test_coco_at_another_scale_is_rescaled(tmp_path):
    picture(tmp_path / "a.jpg")
    images = [{"id": 1, "file_name": "a.jpg", "width": 10 * WIDTH, "height": 10 * HEIGHT}]
    coco(tmp_path / "x.json", [], [{"image_id": 1, "bbox": [80, 60, 320, 240]}], images=images)
    reading = formats.read("coco", tmp_path)
    assert boxes(reading) == [("a.jpg", "Ten", [8, 6, 40, 30])]
    assert reading.notes == {"pictures whose COCO file was at another scale; boxes rescaled": 1}


def test_coco_drawn_before_the_exif_turn_is_turned(tmp_path):
    picture(tmp_path / "a.jpg", orientation=6)  # shown as 48 x 64
    coco(tmp_path / "x.json", ["a.jpg"], [{"image_id": 1, "bbox": [0, 0, 10, 5]}])
    assert boxes(formats.read("coco", tmp_path)) == [("a.jpg", "Ten", [43, 0, 48, 10])]


def test_coco_of_another_aspect_is_told_and_is_no_background(tmp_path):
    for name in ("a.jpg", "b.jpg"):
        picture(tmp_path / name)
    images = [
        {"id": 1, "file_name": "a.jpg", "width": 500, "height": 100},
        {"id": 2, "file_name": "b.jpg"},
    ]
    coco(tmp_path / "x.json", [], [{"image_id": 1}, {"image_id": 2}], images=images)
    reading = formats.read("coco", tmp_path)
    assert names(reading) == ["b.jpg"]
    assert any("say 500x100, but the picture is 64x48" in one for one in problems(reading))


def test_coco_without_bbox_takes_the_box_of_its_outline(tmp_path):
    picture(tmp_path / "a.jpg")
    parts = [[1, 2, 10, 2, 10, 9], [20, 20, 30, 20, 30, 28]]
    one = {"image_id": 1, "bbox": None, "segmentation": parts}
    coco(tmp_path / "x.json", ["a.jpg"], [one])
    reading = formats.read("coco", tmp_path)
    assert boxes(reading) == [("a.jpg", "Ten", [1, 2, 30, 28])]
    assert list(reading.notes) == ["outlines of several parts; their boxes are kept"]


def test_coco_pictures_that_it_does_not_speak_of_are_counted(tmp_path):
    for name in ("a", "b"):
        picture(tmp_path / f"{name}.jpg")
    coco(tmp_path / "x.json", ["a.jpg"], [{"image_id": 1}])
    assert formats.read("coco", tmp_path).notes == {
        "pictures that no COCO file speaks of; left out": 1
    }


def test_coco_rows_of_wrong_types_are_told_by_their_places(tmp_path):
    picture(tmp_path / "a.jpg")
    picture(tmp_path / "b.jpg")
    rows = [{"image_id": 1, "bbox": ["8", 6, 32, 24]}, {"image_id": 2}, {"image_id": 9}]
    coco(tmp_path / "x.json", ["a.jpg", "b.jpg"], rows)
    reading = formats.read("coco", tmp_path)
    assert names(reading) == ["b.jpg"]
    assert any("annotations[0]" in one for one in problems(reading))
    assert any("annotations[2]: image_id 9: no such one" in one for one in problems(reading))


# YOLO

LINE = "{} 0.375 0.375 0.5 0.5\n"  # 8, 6, 40, 30


def test_yolo_of_labelimg_has_classes_beside_the_labels(tmp_path):
    for name in ("a", "b"):
        picture(tmp_path / f"{name}.jpg")
    written(tmp_path / "a.txt", LINE.format(1))
    written(tmp_path / "classes.txt", "Ten\n만원 지폐\n")
    reading = formats.read("auto", tmp_path)
    assert boxes(reading) == [("a.jpg", "만원 지폐", [8, 6, 40, 30])]
    assert names(reading) == ["a.jpg", "b.jpg"]
    assert reading.notes == {"pictures without a label file; taken as background": 1}


def test_yolo_without_any_names_numbers_its_classes(tmp_path):
    picture(tmp_path / "images" / "a.jpg")
    written(tmp_path / "labels" / "a.txt", LINE.format(2))
    reading = formats.read("auto", tmp_path)
    assert boxes(reading) == [("images/a.jpg", "2", [8, 6, 40, 30])]
    assert any("tells no class names" in note for note in reading.notes)


def test_darknet_of_cvat(tmp_path):
    for stem in ("a", "b"):
        picture(tmp_path / "obj_train_data" / f"{stem}.jpg")
        written(tmp_path / "obj_train_data" / f"{stem}.txt", LINE.format(0))
    data = "classes = 1\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n"
    written(tmp_path / "obj.data", data)
    written(tmp_path / "obj.names", "Ten\n")
    lines = "data/obj_train_data/a.jpg\ndata/obj_train_data/b.jpg\ndata/obj_train_data/c.jpg\n"
    written(tmp_path / "train.txt", lines)
    reading = formats.read("auto", tmp_path)
    assert [(name, label) for name, label, _ in boxes(reading)] == [
        ("obj_train_data/a.jpg", "Ten"),
        ("obj_train_data/b.jpg", "Ten"),
    ]
    assert len(problems(reading)) == 1
    assert "line 3: 'data/obj_train_data/c.jpg' is not there" in problems(reading)[0]


def test_darknet_lists_are_splits(tmp_path):
    for split in ("train", "valid"):
        picture(tmp_path / split / "a.jpg")
        written(tmp_path / split / "a.txt", LINE.format(0))
        written(tmp_path / f"{split}.txt", f"{split}/a.jpg\n")
    written(tmp_path / "my.data", "names=my.names\ntrain=train.txt\nvalid=valid.txt\n")
    written(tmp_path / "my.names", "Ten\n")
    reading = formats.read("yolo", tmp_path)
    assert list(reading.dataset.images.split) == ["train", "val"]


def test_darknet_lists_do_not_leave_the_source(tmp_path):
    picture(tmp_path / "secret.jpg")
    picture(tmp_path / "s" / "a.jpg")
    written(tmp_path / "s" / "a.txt", LINE.format(0))
    written(tmp_path / "s" / "obj.data", "names=obj.names\ntrain=train.txt\n")
    written(tmp_path / "s" / "obj.names", "Ten\n")
    outside = f"../secret.jpg\n{tmp_path}/secret.jpg\na.jpg\n"
    written(tmp_path / "s" / "train.txt", outside)
    reading = formats.read("yolo", tmp_path / "s")
    assert names(reading) == ["a.jpg"]
    assert len(problems(reading)) == 2


def test_yolo_classes_that_have_no_name_are_told(tmp_path):
    picture(tmp_path / "a.jpg")
    written(tmp_path / "a.txt", LINE.format(5) + LINE.format(0))
    written(tmp_path / "classes.txt", "Ten\n")
    told = problems(formats.read("yolo", tmp_path))
    assert any("line 1: class 5 is not in classes.txt" in one for one in told)


def test_a_data_yaml_goes_by_any_name(tmp_path):
    picture(tmp_path / "images" / "train" / "a.jpg")
    written(tmp_path / "labels" / "train" / "a.txt", LINE.format(0))
    yaml = "path: ../datasets/coins\ntrain: images/train\nnames: {0: Ten}\n"
    written(tmp_path / "coins.yaml", yaml)
    reading = formats.read("auto", tmp_path)
    assert boxes(reading) == [("a.jpg", "Ten", [8, 6, 40, 30])]


def test_yolo_lists_of_paths(tmp_path):
    for stem in ("a", "b"):
        picture(tmp_path / "images" / f"{stem}.jpg")
        written(tmp_path / "labels" / f"{stem}.txt", LINE.format(0))
    written(tmp_path / "train.txt", "./images/a.jpg\n")
    written(tmp_path / "val.txt", f"{tmp_path}/images/b.jpg\n")
    written(tmp_path / "data.yaml", "train: train.txt\nval: val.txt\nnames: [Ten]\n")
    reading = formats.read("auto", tmp_path)
    assert list(reading.dataset.images.split) == ["train", "val"]
    assert len(reading.dataset.boxes) == 2


def test_yolo_key_points_are_left_out_and_counted(tmp_path):
    picture(tmp_path / "images" / "a.jpg")
    written(tmp_path / "labels" / "a.txt", LINE.format(0).strip() + " 0.1 0.2 0.9 0.3 0.4 0.8\n")
    written(tmp_path / "data.yaml", "train: images\nnames: [Ten]\nkpt_shape: [3, 2]\n")
    reading = formats.read("auto", tmp_path)
    assert boxes(reading) == [("a.jpg", "Ten", [8, 6, 40, 30])]
    assert reading.notes == {"boxes with key points, which are left out": 1}


# Corner JSON in any shape


def flat(name: str, label: str = "Ten") -> dict:
    return {"image": name, "label": label, "x1": 8, "y1": 6, "x2": 40, "y2": 30}


def two_pictures(root: Path) -> list[tuple[str, str, list[float]]]:
    """Two pictures, and what `read` should say of a box in each."""
    for name in ("a.jpg", "b.jpg"):
        picture(root / name)
    return [("a.jpg", "Ten", [8, 6, 40, 30]), ("b.jpg", "Fifty", [8, 6, 40, 30])]


@pytest.mark.parametrize("name", ["all.jsonl", "all.ndjson", "all.json"])
def test_json_lines_are_records(tmp_path, name):
    due = two_pictures(tmp_path)
    lines = [json.dumps(flat("a.jpg")), "", json.dumps(flat("b.jpg", "Fifty"))]
    written(tmp_path / name, "\n".join(lines) + "\n")
    assert boxes(formats.read("auto", tmp_path)) == due


def test_a_broken_line_of_json_is_told_by_its_number(tmp_path):
    two_pictures(tmp_path)
    written(tmp_path / "all.jsonl", f'{json.dumps(flat("a.jpg"))}\n{{"image": \n')
    reading = formats.read("auto", tmp_path)
    assert names(reading) == ["a.jpg"]
    assert any("all.jsonl: line 2: is cut short" in one for one in problems(reading))


@pytest.mark.parametrize(
    "content",
    [
        {"images": [{"file_name": "a.jpg", "objects": [flat("")]}, flat("b.jpg", "Fifty")]},
        {"a.jpg": [flat("")], "b.jpg": {"shapes": [flat("", "Fifty")]}},
    ],
)
def test_one_big_json_of_all_pictures(tmp_path, content):
    due = two_pictures(tmp_path)
    written(tmp_path / "all.json", json.dumps(content))
    reading = formats.read("corners", tmp_path)
    assert boxes(reading) == due
    assert not reading.problems


def test_nested_json_of_aihub_by_paths(tmp_path):
    picture(tmp_path / "원천데이터" / "a.jpg")
    content = {
        "Source data Info.": {"source_data_ID": "a", "file_extension": "jpg"},
        "Learning data info.": {
            "path": "x",
            "annotation": [{"class": {"id": "만원"}, "type": "bbox", "coord": [8, 6, 32, 24]}],
        },
    }
    written(tmp_path / "라벨링데이터" / "a.json", json.dumps(content, ensure_ascii=False))
    fields = {
        "image": "Source data Info..source_data_ID",
        "boxes": "Learning data info..annotation",
        "label": "class.id",
        "x1": "coord.0",
        "y1": "coord.1",
        "w": "coord.2",
        "h": "coord.3",
    }
    reading = formats.read("corners", tmp_path, ReadOptions(fields=fields))
    assert boxes(reading) == [("원천데이터/a.jpg", "만원", [8, 6, 40, 30])]
    assert not reading.problems


def test_a_path_with_a_star_joins_the_lists_that_it_leads_to(tmp_path):
    picture(tmp_path / "a.jpg")
    layers = {"cars": {"items": [flat("")]}, "people": {"items": [flat("", "Fifty")]}}
    written(tmp_path / "a.json", json.dumps({"layers": layers}))
    fields = {"boxes": "layers.*.items"}
    reading = formats.read("corners", tmp_path, ReadOptions(fields=fields))
    assert [label for _, label, _ in boxes(reading)] == ["Ten", "Fifty"]


def test_records_stand_where_the_config_says(tmp_path):
    due = two_pictures(tmp_path)
    written(
        tmp_path / "all.json", json.dumps({"x": {"y": [flat("a.jpg"), flat("b.jpg", "Fifty")]}})
    )
    reading = formats.read("corners", tmp_path, ReadOptions(fields={"records": "x.y"}))
    assert boxes(reading) == due


@pytest.mark.parametrize(
    "points", [[8, 6, 40, 6, 40, 30], [{"x": 8, "y": 6}, {"x": 40, "y": 6}, {"x": 40, "y": 30}]]
)
def test_points_in_one_row_or_as_objects(tmp_path, points):
    picture(tmp_path / "a.jpg")
    labelme(tmp_path / "a.json", {"label": "Ten", "points": points, "shape_type": "polygon"})
    reading = formats.read("corners", tmp_path)
    assert reading.dataset.boxes.outline[0].tolist() == [[8, 6], [40, 6], [40, 30]]


def test_boxes_without_known_corners_name_their_keys(tmp_path):
    picture(tmp_path / "a.jpg")
    written(tmp_path / "a.json", '{"shapes": [{"label": "Ten", "bbox": [1, 2, 3, 4]}]}')
    with pytest.raises(DataErrors, match="its keys: label, bbox"):
        raise DataErrors(formats.read("corners", tmp_path).problems)


def test_labelme_outlines_of_one_group_are_one_object(tmp_path):
    picture(tmp_path / "a.jpg")
    shape = {"label": "Ten", "shape_type": "polygon", "group_id": 1}
    labelme(
        tmp_path / "a.json",
        shape | {"points": [[8, 6], [20, 6], [20, 30]]},
        shape | {"points": [[30, 6], [40, 6], [40, 30]]},
        shape | {"points": [[1, 1], [4, 1], [4, 4]], "group_id": None},
    )
    reading = formats.read("corners", tmp_path)
    assert sorted(xyxy for _, _, xyxy in boxes(reading)) == [[1, 1, 4, 4], [8, 6, 40, 30]]
    assert reading.notes == {
        "objects of several outlines (one group_id); the box around all is taken": 1
    }


# Other commands


@pytest.fixture
def voc_source(tmp_path):
    source = tmp_path / "src"
    for number in range(5):
        picture(source / f"{number}.jpg")
        voc(source / f"{number}.xml", "Ten 9 7 40 30")
    voc(source / "0.xml", "Ten 9 7 40 30", "Ten 9 7 9 30")
    return source


def test_check_looks_at_any_format(voc_source):
    run = boxwright("check", voc_source, "--json")
    found = json.loads(run.stdout)["findings"]
    assert "sliver" in {one["kind"] for one in found}


def test_fix_does_not_edit_what_it_does_not_know(voc_source, tmp_path):
    findings = tmp_path / "f.json"
    findings.write_text(boxwright("check", voc_source, "--json").stdout)
    run = boxwright("fix", voc_source, findings, "-o", tmp_path / "mended", "--above", 0)
    assert run.returncode == 1
    assert "labels of this format (voc) are read, but not edited" in run.stderr


def test_stats_and_groups_read_any_format(voc_source, tmp_path):
    assert boxwright("stats", voc_source).returncode == 0
    out = ("--out", tmp_path / "g.csv", "--sheet", tmp_path / "g.jpg")
    assert boxwright("groups", voc_source, "--from", "voc", *out).returncode == 0


def test_pictures_in_labelme_files_are_unpacked_where_they_are_not_there(tmp_path):
    source, out = tmp_path / "src", tmp_path / "out"
    for number in range(5):
        path = picture(source / "x" / f"{number}.jpg")
        data = base64.b64encode(path.read_bytes()).decode()
        labelme(path.with_suffix(".json"), rectangle("Ten", 8, 6, 40, 30), imageData=data)
        if number:
            path.unlink()
    run = boxwright("convert", source, out, "--group", "none")
    assert run.returncode == 0, run.stderr
    assert "4 pictures that are not there; taken from their JSON" in run.stderr
    assert {path.name for path in (out / "images").rglob("*.jpg")} == {f"{n}.jpg" for n in range(5)}


def test_a_picture_in_labelme_that_cannot_be_unpacked_is_not_there(tmp_path):
    picture(tmp_path / "b.jpg")
    labelme(tmp_path / "b.json", rectangle("Ten", 8, 6, 40, 30))
    labelme(tmp_path / "a.json", rectangle("Ten", 8, 6, 40, 30), imageData="not base64!")
    reading = formats.read("corners", tmp_path)
    assert names(reading) == ["b.jpg"]
    assert any("names the picture 'a.jpg', which is not there" in one for one in problems(reading))
