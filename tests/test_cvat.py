"""CVAT's XML: pictures, subsets, tracks, and XML that is wrong or means harm."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from making import HEIGHT, WIDTH, picture, written
from seen import boxes, corners, read, told

from pipeline.errors import BoxwrightError


def cvat(root: Path, *content: str, meta: str = "", name: str = "annotations.xml") -> Path:
    text = f"<annotations><version>1.1</version><meta>{meta}</meta>{''.join(content)}</annotations>"
    return written(root / name, f'<?xml version="1.0" encoding="utf-8"?>\n{text}')


def image(*shapes: str, name: str = "a.jpg", **more: Any) -> str:
    about = {"id": 0, "name": name, "width": WIDTH, "height": HEIGHT} | more
    listed = " ".join(f'{key}="{value}"' for key, value in about.items())
    return f"<image {listed}>{''.join(shapes)}</image>"


def box(*xyxy: float, inside: str = "", label: str = "Ten", **more: Any) -> str:
    sides = zip(("xtl", "ytl", "xbr", "ybr"), xyxy, strict=True)
    listed = " ".join(f'{key}="{value}"' for key, value in [*sides, *more.items()])
    return f'<box label="{label}" occluded="0" {listed} z_order="0">{inside}</box>'


CUBOID = """<cuboid label="Ten" xtl1="5" ytl1="6" xbl1="5" ybl1="20" xtr1="15" ytr1="7" xbr1="15"
 ybr1="21" xtl2="18" ytl2="5" xbl2="18" ybl2="18" xtr2="9" ytr2="4" xbr2="9" ybr2="17"/>"""
SHAPES = {
    "box": (box(8, 6, 40, 30), (8, 6, 40, 30), 0),
    "corners the other way": (box(40, 30, 8, 6), (8, 6, 40, 30), 0),
    "box turned by a quarter": (box(10, 10, 30, 20, rotation="90.00"), (15, 5, 25, 25), 4),
    "box turned by an eighth": (
        box(10, 10, 30, 30, rotation=45),
        (20 - math.sqrt(200), 20 - math.sqrt(200), 20 + math.sqrt(200), 20 + math.sqrt(200)),
        4,
    ),
    "polygon": ('<polygon label="Ten" points="8.5,6;40,7;20,30.25"/>', (8.5, 6, 40, 30.25), 3),
    "ellipse": ('<ellipse label="Ten" cx="20" cy="15" rx="10" ry="5"/>', (10, 10, 30, 20), 64),
    "turned ellipse": (
        '<ellipse label="Ten" cx="20" cy="15" rx="10" ry="5" rotation="90"/>',
        (15, 5, 25, 25),
        64,
    ),
    "mask": (
        '<mask label="Ten" rle="5, 2, 3, 1, 1" left="7" top="9" width="4" height="3"/>',
        (8, 10, 10, 12),
        0,
    ),
    "cuboid": (
        CUBOID,
        (5, 4, 18, 21),
        0,
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_cvat_shapes_give_the_box_around_them(tmp_path, shape):
    drawn, expected, points = SHAPES[shape]
    picture(tmp_path / "images/a.jpg")
    cvat(tmp_path, image(drawn))
    (found,) = boxes(read("cvat", tmp_path))
    assert found.picture == "images/a.jpg"
    assert found.xyxy == pytest.approx(expected, abs=0.01)
    assert abs(found.points - points) <= 4  # of an ellipse, its extreme points besides


@pytest.mark.parametrize("tag", ["points", "polyline", "skeleton"])
def test_cvat_shapes_without_a_box_are_told_and_the_others_kept(tmp_path, tag):
    picture(tmp_path / "a.jpg")
    drawn = f'<{tag} label="Ten" points="1,2;3,4"><points label="1" points="9,9"/></{tag}>'
    cvat(tmp_path, image(drawn, box(8, 6, 40, 30)))
    reading = read("cvat", tmp_path)
    assert corners(reading) == [(8, 6, 40, 30)]
    assert f"line 2: is a <{tag}>, which has no box" in told(reading)


def test_cvat_picture_whose_only_shape_cannot_be_read_is_no_background(tmp_path):
    picture(tmp_path / "a.jpg")
    picture(tmp_path / "b.jpg")
    cvat(
        tmp_path, image('<points label="Ten" points="1,2"/>'), image(box(1, 2, 9, 9), name="b.jpg")
    )
    assert read("cvat", tmp_path).dataset.images.name.tolist() == ["b.jpg"]


def test_cvat_image_without_shapes_is_background(tmp_path):
    picture(tmp_path / "a.jpg")
    cvat(tmp_path, image('<tag label="blurred" source="manual"></tag>'))
    reading = read("cvat", tmp_path)
    assert (len(reading.dataset.images), len(reading.dataset.boxes)) == (1, 0)
    assert reading.notes == {"tags of whole pictures; left out": 1}


@pytest.mark.parametrize(("value", "crowd"), [("true", True), ("1", True), ("false", False)])
def test_cvat_crowd_is_an_attribute(tmp_path, value, crowd):
    picture(tmp_path / "a.jpg")
    told_so = (
        f'<attribute name="colour">red</attribute><attribute name="is_crowd">{value}</attribute>'
    )
    cvat(tmp_path, image(box(8, 6, 40, 30, inside=told_so), box(1, 2, 9, 9)))
    assert [one.crowd for one in boxes(read("cvat", tmp_path))] == [crowd, False]


def test_cvat_box_is_brought_to_the_pictures_scale(tmp_path):
    picture(tmp_path / "a.jpg")
    cvat(tmp_path, image(box(80, 60, 400, 300), width=10 * WIDTH, height=10 * HEIGHT))
    assert corners(read("cvat", tmp_path)) == [(8, 6, 40, 30)]


def test_cvat_subsets_are_the_folders_of_their_pictures_and_splits(tmp_path):
    for subset in ("Train", "Validation"):
        picture(tmp_path / "images" / subset / "a.jpg")
    cvat(
        tmp_path,
        image(box(1, 2, 9, 9), subset="Train", task_id=3),
        image(box(8, 6, 40, 30), subset="Validation", task_id=4),
    )
    reading = read("cvat", tmp_path, group="task_id")
    images = reading.dataset.images
    assert [(one.picture, one.xyxy) for one in boxes(reading)] == [
        ("images/Train/a.jpg", (1, 2, 9, 9)),
        ("images/Validation/a.jpg", (8, 6, 40, 30)),
    ]
    assert images.split.tolist() == ["train", "val"]
    assert images.group.tolist() == ["3", "4"]


def test_cvat_image_twice_is_told(tmp_path):
    picture(tmp_path / "a.jpg")
    cvat(tmp_path, image(box(1, 2, 9, 9)), image(box(8, 6, 40, 30)))
    reading = read("cvat", tmp_path)
    assert corners(reading) == [(1, 2, 9, 9)]
    assert "speaks of 'a.jpg', as an <image> before does" in told(reading)


VIDEO = """<task><id>5</id><name>street</name><size>4</size><mode>interpolation</mode>
<start_frame>10</start_frame><stop_frame>19</stop_frame><frame_filter>step=3</frame_filter>
<labels><label><name>car</name></label></labels>
<original_size><width>64</width><height>48</height></original_size></task>"""
TRACKS = """<track id="0" label="car">
<box frame="10" outside="0" occluded="1" keyframe="1" xtl="3" ytl="4" xbr="10" ybr="5"></box>
<box frame="13" outside="0" occluded="0" keyframe="0" xtl="5" ytl="6" xbr="14" ybr="8"></box>
<box frame="16" outside="1" occluded="0" keyframe="1" xtl="5" ytl="6" xbr="14" ybr="8"></box>
</track><track id="1" label="van">
<box frame="13" outside="0" occluded="0" keyframe="1" xtl="1" ytl="2" xbr="9" ybr="9"></box>
<track id="0" label="wheel"><points frame="13" outside="0" points="1,2"/></track>
</track>"""


def test_cvat_tracks_give_each_frame_its_boxes(tmp_path):
    for frame in (10, 13, 16, 19):
        picture(tmp_path / f"images/frame_{frame:06d}.PNG")
    cvat(tmp_path, TRACKS, meta=VIDEO)
    reading = read("cvat", tmp_path)
    assert [(one.picture[-8:-4], one.label, one.xyxy) for one in boxes(reading)] == [
        ("0010", "car", (3, 4, 10, 5)),
        ("0013", "car", (5, 6, 14, 8)),
        ("0013", "van", (1, 2, 9, 9)),
    ]
    assert len(reading.dataset.images) == 4  # 16 and 19 are background
    assert set(reading.dataset.images.group) == {"street #5"}
    assert not reading.problems


def test_cvat_frames_whose_pictures_are_elsewhere_are_counted(tmp_path):
    picture(tmp_path / "frame_000013.jpg")
    cvat(tmp_path, TRACKS, meta=VIDEO)
    reading = read("cvat", tmp_path)
    assert len(reading.dataset.boxes) == 2
    assert reading.notes["frames of videos whose pictures are not here; left out"] == 3


def test_cvat_video_without_its_frames_says_what_they_are_called(tmp_path):
    picture(tmp_path / "a.jpg")
    cvat(tmp_path, TRACKS, meta=VIDEO)
    with pytest.raises(BoxwrightError, match=r"frame_000010\.png"):
        read("cvat", tmp_path)


def test_cvat_frames_of_a_video_as_images_have_no_ending(tmp_path):
    for frame in (0, 1):
        picture(tmp_path / f"images/frame_{frame:06d}.jpg")
    images = [image(box(1, 2, 9, 9), name=f"frame_{frame:06d}") for frame in (0, 1)]
    cvat(tmp_path, *images, meta=VIDEO)
    reading = read("cvat", tmp_path)
    assert len(reading.dataset.boxes) == 2
    assert set(reading.dataset.images.group) == {"street #5"}


def test_cvat_in_korean_windows_encoding(tmp_path):
    picture(tmp_path / "사진.jpg")
    text = f"<annotations>{image(box(1, 2, 9, 9, label='만원'), name='사진.jpg')}</annotations>"
    declared = f'<?xml version="1.0" encoding="euc-kr"?>{text}'
    written(tmp_path / "annotations.xml", declared.encode("euc-kr"))
    (found,) = boxes(read("cvat", tmp_path))
    assert (found.picture, found.label) == ("사진.jpg", "만원")


BOMB = "<!DOCTYPE a [<!ENTITY a 'aa'><!ENTITY b '&a;&a;'>]><annotations>&b;</annotations>"
FETCH = "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><annotations></annotations>"
BAD_XML = {
    "entities": (BOMB, "has a document type"),
    "external": (FETCH, "has a document type"),
    "cut short": ("<annotations><image", "cut short or no XML"),
    "no XML": ("hello", "cut short or no XML"),
    "empty": ("", "cut short or no XML"),
    "VOC": ("<annotation></annotation>", "is no CVAT file"),
    "unknown encoding": ('<?xml version="1.0" encoding="x-klingon"?><annotations/>', "unknown enc"),
    "an encoding of no alphabet": (
        '<?xml version="1.0" encoding="undefined"?><annotations/>',
        "unknown encoding, 'undefined'",
    ),
    "an image without a name": ('<annotations><image id="0"/></annotations>', "has no name"),
    "a size of text": (f"<annotations>{image(width='wide')}</annotations>", "'wide', not a finite"),
    "a size of nothing": (f"<annotations>{image(width=0)}</annotations>", "no size"),
    "a corner of text": (f"<annotations>{image(box(1, 2, 9, 'x'))}</annotations>", "ybr: is 'x'"),
    "a corner of NaN": (
        f"<annotations>{image(box(1, 2, 9, 'nan'))}</annotations>",
        "ybr: is 'nan'",
    ),
    "a corner beyond all": (
        f"<annotations>{image(box(-1e308, 2, 1e308, 9, rotation=45))}</annotations>",
        "xtl: is '-1e+308', farther than any picture",
    ),
    "a polygon of one point": (
        "<annotations>" + image('<polygon label="a" points="1,2"/>') + "</annotations>",
        "is a polygon of '1,2'",
    ),
    "a mask of another size": (
        "<annotations>"
        + image('<mask label="a" rle="1, 2" left="1" top="1" width="4" height="3"/>')
        + "</annotations>",
        "line 1 rle: is a mask of another size",
    ),
    "a mask of text": (
        "<annotations>"
        + image('<mask label="a" rle="x" left="1" top="1" width="4" height="3"/>')
        + "</annotations>",
        "rle: is no list of numbers",
    ),
    "deep": ("<annotations>" + "<a>" * 100_000, "cut short or no XML"),
}


@pytest.mark.parametrize("case", BAD_XML)
def test_cvat_that_is_wrong_is_told(tmp_path, case):
    content, expected = BAD_XML[case]
    picture(tmp_path / "b.jpg")
    cvat(tmp_path, image(box(1, 2, 9, 9), name="b.jpg"), name="good.xml")
    picture(tmp_path / "a.jpg")
    written(tmp_path / "bad.xml", content)
    reading = read("cvat", tmp_path)
    assert corners(reading) == [(1, 2, 9, 9)]
    assert expected in told(reading)
    assert "bad.xml" in told(reading)
