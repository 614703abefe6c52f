"""VIA and Supervisely; and what holds for all the annotation programs whose files are read."""

from __future__ import annotations

import base64
import copy
import io
import json
import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import HEIGHT, WIDTH, boxwright, picture, written
from PIL import Image
from seen import boxes, corners, read, told

from pipeline.errors import BoxwrightError
from pipeline.formats import figures

# VIA

RECT = {"name": "rect", "x": 8, "y": 6, "width": 32, "height": 24}


def entry(*regions: Any, name: str = "a.jpg", **more: Any) -> dict[str, Any]:
    return {"filename": name, "size": 7, "regions": list(regions), "file_attributes": {}, **more}


def region(shape: Any = None, **attributes: Any) -> dict[str, Any]:
    return {"shape_attributes": shape or RECT, "region_attributes": attributes or {"class": "Ten"}}


def exported(root: Path, *entries: Any, **project: Any) -> Path:
    """Annotations as VIA 2 exports them, or a project that holds them."""
    picture(root / "a.jpg")
    content: Any = {f"{one['filename']}{one['size']}": one for one in entries}
    if project:
        content = {"_via_settings": {}, "_via_img_metadata": content, **project}
    written(root / "via.json", json.dumps(content, ensure_ascii=False))
    return root


def table(root: Path, *rows: tuple[str, int, Any, Any]) -> Path:
    """The CSV of VIA 2: name, region, shape, attributes."""
    lines = ["filename,file_size,file_attributes,region_count,region_id,"]
    lines[0] += "region_shape_attributes,region_attributes"
    for name, number, shape, attributes in rows:
        cells = (json.dumps(one).replace('"', '""') for one in (shape, attributes))
        shaped, told_of = (f'"{cell}"' for cell in cells)
        lines.append(f'{name},7,"{{}}",{len(rows)},{number},{shaped},{told_of}')
    written(root / "via.csv", "\n".join(lines) + "\n")
    return root


SHAPES = {
    "rect": (RECT, (8, 6, 40, 30), 0),
    "circle": ({"name": "circle", "cx": 24, "cy": 20, "r": 10.5}, (13.5, 9.5, 34.5, 30.5), 64),
    "ellipse": ({"name": "ellipse", "cx": 24, "cy": 20, "rx": 10, "ry": 5}, (14, 15, 34, 25), 64),
    "turned ellipse": (
        {"name": "ellipse", "cx": 24, "cy": 20, "rx": 10, "ry": 5, "theta": math.pi / 2},
        (19, 10, 29, 30),
        64,
    ),
    "polygon": (
        {"name": "polygon", "all_points_x": [8, 40, 20], "all_points_y": [6, 7.5, 30]},
        (8, 6, 40, 30),
        3,
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["JSON", "CSV"])
def test_via_shapes_give_the_box_around_them(tmp_path, shape, kind):
    drawn, expected, points = SHAPES[shape]
    if kind == "JSON":
        exported(tmp_path, entry(region(drawn)))
    else:
        picture(tmp_path / "a.jpg")
        table(tmp_path, ("a.jpg", 0, drawn, {"class": "Ten"}))
    (found,) = boxes(read("via", tmp_path))
    assert (found.picture, found.label) == ("a.jpg", "Ten")
    assert found.xyxy == pytest.approx(expected, abs=0.01)
    assert abs(found.points - points) <= 4  # of an ellipse, its extreme points besides


def test_via_project_and_its_folder(tmp_path):
    settings_ = {"core": {"default_filepath": "photos/"}}
    picture(tmp_path / "photos/a.jpg")
    exported(tmp_path, entry(region()), _via_settings=settings_)
    (tmp_path / "a.jpg").unlink()
    assert [one.picture for one in boxes(read("via", tmp_path))] == ["photos/a.jpg"]


def test_via_1_has_regions_by_number(tmp_path):
    old = entry(fileref="", base64_img_data="") | {"regions": {"0": region(), "1": region()}}
    assert len(boxes(read("via", exported(tmp_path, old)))) == 2


def test_via_3_project(tmp_path):
    picture(tmp_path / "a.jpg")
    picture(tmp_path / "b.jpg")
    classes = {"aname": "kind", "anchor_id": "FILE1_Z0_XY1", "type": 4, "options": {"0": "Ten"}}
    whole = {"aname": "weather", "anchor_id": "FILE1_Z0_XY0", "type": 1, "options": {}}
    content = {
        "project": {"pid": "__VIA_PROJECT_ID__", "data_format_version": "3.1.0"},
        "config": {},
        "attribute": {"1": classes, "2": whole},
        "file": {str(k): {"fid": str(k), "fname": f"{'ab'[k]}.jpg", "type": 2} for k in (0, 1)},
        "view": {str(k): {"fid_list": [str(k)]} for k in (0, 1)},
        "metadata": {
            "0_a": {"vid": "0", "flg": 0, "z": [], "xy": [2, 8, 6, 32, 24], "av": {"1": "0"}},
            "0_b": {"vid": "0", "flg": 0, "z": [], "xy": [7, 1, 2, 9, 2, 9, 8], "av": {"1": "0"}},
            "0_c": {"vid": "0", "flg": 0, "z": [], "xy": [], "av": {"2": "rain"}},
        },
    }
    written(tmp_path / "via.json", json.dumps(content))
    reading = read("auto", tmp_path)
    found = [(one.picture, one.label, one.xyxy, one.points) for one in boxes(reading)]
    assert found == [("a.jpg", "Ten", (8, 6, 40, 30), 0), ("a.jpg", "Ten", (1, 2, 9, 8), 3)]
    assert len(reading.dataset.images) == 2  # b.jpg is background


@pytest.mark.parametrize(
    "name", ["http://example.com/photos/a.jpg?x=1", "http://example.com/%61.jpg"]
)
def test_via_pictures_of_the_web_are_found_by_their_names(tmp_path, name):
    reading = read("via", exported(tmp_path, entry(region(), name=name)))
    assert [one.picture for one in boxes(reading)] == ["a.jpg"]


def test_via_picture_without_regions_is_background(tmp_path):
    reading = read("via", exported(tmp_path, entry()))
    assert (len(reading.dataset.images), len(reading.problems)) == (1, 0)


def test_via_csv_row_without_a_region_is_background(tmp_path):
    picture(tmp_path / "a.jpg")
    picture(tmp_path / "b.jpg")
    table(tmp_path, ("a.jpg", 0, {}, {}), ("b.jpg", 0, RECT, {"class": "Ten"}))
    reading = read("via", tmp_path)
    assert reading.dataset.images.name.tolist() == ["a.jpg", "b.jpg"]
    assert [one.picture for one in boxes(reading)] == ["b.jpg"]


CLASSES = {
    "the only attribute": ({"가격": "만원"}, {}, "만원"),
    "the one that is called so": (
        {"name": "x1", "type": "Ten", "quality": {"good": True}},
        {},
        "Ten",
    ),
    "the one that fields name": (
        {"name": "x1", "type": "Ten", "kind": "bird"},
        {"fields": {"label": "kind"}},
        "bird",
    ),
    "the option that is ticked": ({"class": {"Ten": True, "Fifty": False}}, {}, "Ten"),
    "a number": ({"class": 7}, {}, "7"),
    "nothing": ({"class": ""}, {}, ""),
}


@pytest.mark.parametrize("case", CLASSES)
def test_via_class_is(tmp_path, case):
    attributes, options, expected = CLASSES[case]
    reading = read("via", exported(tmp_path, entry(region(**attributes))), **options)
    assert [one.label for one in boxes(reading)] == [expected]


def test_via_class_is_the_attribute_that_the_project_declares(tmp_path):
    declared = {"region": {"price": {"type": "text"}}, "file": {}}
    drawn = region(price="Ten", stale="x")
    reading = read("via", exported(tmp_path, entry(drawn), _via_attributes=declared))
    assert [one.label for one in boxes(reading)] == ["Ten"]


BAD_VIA = {
    "a point": (entry(region({"name": "point", "cx": 1, "cy": 2})), "is a 'point', which has no"),
    "a side of text": (entry(region(RECT | {"x": "8"})), "regions[0] x: is '8', not a number"),
    "no width": (
        entry(region({"name": "rect", "x": 1, "y": 2, "height": 3})),
        "width: is missing",
    ),
    "a polygon of one x": (
        entry(region({"name": "polygon", "all_points_x": [1], "all_points_y": [1, 2, 3]})),
        "polygon of 1 x and 3 y",
    ),
    "no shape": (entry({"region_attributes": {"class": "Ten"}}), "is null where an object is due"),
    "a region of text": (entry("abc"), "is 'abc' where an object is due"),
    "two options": (
        entry(region(**{"class": {"Ten": True, "Fifty": True}})),
        "is ticked as 'Ten', 'Fifty', where one is due",
    ),
    "a class of a list": (entry(region(**{"class": [1]})), "which is no class"),
}


@pytest.mark.parametrize("case", BAD_VIA)
def test_via_regions_that_are_wrong_are_told_and_the_others_kept(tmp_path, case):
    bad, expected = BAD_VIA[case]
    picture(tmp_path / "b.jpg")
    reading = read("via", exported(tmp_path, bad, entry(region(), name="b.jpg")))
    assert [(one.picture, one.xyxy) for one in boxes(reading)] == [("b.jpg", (8, 6, 40, 30))]
    assert expected in told(reading)


BAD_FILES = {
    "several attributes": (json.dumps({"a": entry(region(a="x", b="y"))}), "which one it is"),
    "a video of VIA 3": (
        json.dumps(
            {"project": {}, "metadata": {}, "view": {"1": {"fid_list": ["1"]}}}
            | {"file": {"1": {"fname": "a.mp4", "type": 4}}}
        ),
        "shows a video or a sound",
    ),
    "a view of no file": (
        json.dumps({"project": {}, "metadata": {}, "view": {"1": {"fid_list": []}}, "file": {}}),
        "shows 0 files, where one is due",
    ),
    "a list": ("[]", "is a list where an object is due"),
    "a name of a number": ('{"a": {"filename": 7, "regions": []}}', "filename: is 7 where text"),
    "a key twice": ('{"a": {}, "a": {}}', "has the key 'a' twice"),
    "a very long number": ('{"a": ' + "9" * 5000 + "}", "a number that cannot be one"),
    "deep": ('{"a":' * 100_000, "nested too deep"),
    "a picture twice": (
        json.dumps({"a": entry(region()), "b": entry(region())}),
        "stands there twice",
    ),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_via_files_that_are_wrong_are_told_and_the_others_kept(tmp_path, case):
    content, expected = BAD_FILES[case]
    picture(tmp_path / "b.jpg")
    exported(tmp_path, entry(region(), name="b.jpg"))
    written(tmp_path / "bad.json", content)
    reading = read("via", tmp_path)
    assert "b.jpg" in {one.picture for one in boxes(reading)}
    assert expected in told(reading)


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda text: text.replace("region_attributes", "x"), "has no column region_attributes"),
        (lambda text: text + 'b.jpg,7,"{}",1\n', "line 3: is cut short: it has no region_shape"),
        (lambda text: text + 'b.jpg,7,"{}",1,0,"{""a""","{}"\n', "line 3: is cut short or no JSON"),
        (lambda text: text + 'b.jpg,"', "is no table (unexpected end of data)"),
    ],
)
def test_via_tables_that_are_wrong_are_told(tmp_path, spoil, expected):
    picture(tmp_path / "a.jpg")
    file = table(tmp_path, ("a.jpg", 0, RECT, {"class": "Ten"})) / "via.csv"
    written(file, spoil(file.read_text()))
    picture(tmp_path / "good/c.jpg")
    table(tmp_path / "good", ("c.jpg", 0, RECT, {"class": "Ten"}))
    assert expected in told(read("via", tmp_path))


# Supervisely


def annotated(root: Path, *objects: Any, name: str = "a.jpg", **changes: Any) -> Path:
    picture(root / "img" / name)
    content = {"description": "", "tags": [], "size": {"height": HEIGHT, "width": WIDTH}}
    written(root / f"ann/{name}.json", json.dumps(content | {"objects": list(objects)} | changes))
    return root


def drawn(kind: str, *points: Any, **more: Any) -> dict[str, Any]:
    held = {"points": {"exterior": list(points), "interior": []}} if points else {}
    return {"classTitle": "Ten", "geometryType": kind, **held, **more}


def bitmap(mask: Any, mode: str) -> str:
    """A mask as Supervisely packs it: a PNG, in zlib, in base64."""
    stream = io.BytesIO()
    grey = Image.fromarray(np.uint8(mask) * 255)
    if mode == "palette":  # as its own library writes them
        grey = grey.convert("P", palette=Image.Palette.ADAPTIVE, colors=2)
        clear = grey.getpixel(tuple(np.argwhere(np.asarray(mask) == 0)[0][::-1].tolist()))
        grey.save(stream, "PNG", transparency=clear)
    else:
        grey.save(stream, "PNG")
    return base64.b64encode(zlib.compress(stream.getvalue())).decode()


MASK = np.zeros((9, 12), dtype=int)
MASK[2:6, 3:11] = 1
TURN = math.sqrt(2) / 2 * 11
FIGURES = {
    "rectangle of whole pixels": (drawn("rectangle", [8, 6], [39, 29]), (8, 6, 40, 30), 0),
    "corners the other way": (drawn("rectangle", [39, 29], [8, 6]), (8, 6, 40, 30), 0),
    "rectangle of fractions": (drawn("rectangle", [8.5, 6], [40, 30.25]), (8.5, 6, 40, 30.25), 0),
    "polygon of whole pixels": (
        drawn("polygon", [8, 6], [39, 7], [20, 29]),
        (8.5, 6.5, 39.5, 29.5),
        3,
    ),
    "polygon of fractions": (drawn("polygon", [8.2, 6], [39, 7], [20, 29]), (8.2, 6, 39, 29), 3),
    "turned box": (
        drawn("oriented_bbox", angle=math.pi / 4) | {"points": [[10, 10], [20, 20]]},
        (15.5 - TURN, 15.5 - TURN, 15.5 + TURN, 15.5 + TURN),
        4,
    ),
    "mask of a palette": (
        drawn("bitmap", bitmap={"origin": [5, 4], "data": bitmap(MASK, "palette")}),
        (8, 6, 16, 10),
        0,
    ),
    "mask of grey": (
        drawn("bitmap", bitmap={"origin": [5, 4], "data": bitmap(MASK, "grey")}),
        (8, 6, 16, 10),
        0,
    ),
    "cuboid": (
        drawn("cuboid", faces=[]) | {"points": [[8, 6], [20, 6], [8, 29], [39, 20]]},
        (8, 6, 40, 30),
        0,
    ),
}


@pytest.mark.parametrize("figure", FIGURES)
def test_supervisely_figures_give_the_box_around_them(tmp_path, figure):
    shape, expected, points = FIGURES[figure]
    (found,) = boxes(read("supervisely", annotated(tmp_path / "ds", shape)))
    assert (found.picture, found.label, found.points) == ("img/a.jpg", "Ten", points)
    assert found.xyxy == pytest.approx(expected, abs=0.01)


def test_supervisely_project_keeps_to_its_folders(tmp_path):
    box = drawn("rectangle", [8, 6], [39, 29])
    for split, name in (("train", "a.jpg"), ("val", "a.jpg"), ("val", "b.jpeg")):
        annotated(tmp_path / split, box, name=name)
    written(tmp_path / "meta.json", '{"classes": [{"title": "Ten", "shape": "rectangle"}]}')
    written(tmp_path / "val/img_info/a.jpg.json", '{"id": 7}')
    reading = read("supervisely", tmp_path)
    assert reading.dataset.images.name.tolist() == [
        "train/img/a.jpg",
        "val/img/a.jpg",
        "val/img/b.jpeg",
    ]
    assert reading.dataset.images.split.tolist() == ["train", "val", "val"]
    assert not reading.problems


def test_supervisely_files_of_old_have_no_picture_ending(tmp_path):
    root = annotated(tmp_path / "ds", drawn("rectangle", [8, 6], [39, 29]))
    (root / "ann/a.jpg.json").rename(root / "ann/a.json")
    assert corners(read("supervisely", tmp_path)) == [(8, 6, 40, 30)]


def test_supervisely_needs_its_folders(tmp_path):
    picture(tmp_path / "a.jpg")
    written(tmp_path / "a.jpg.json", '{"objects": []}')
    with pytest.raises(BoxwrightError, match="no JSON in a folder called ann"):
        read("supervisely", tmp_path)


BAD_FIGURES = {
    "a line": (drawn("line", [1, 2], [3, 4]), "is a 'line', which has no box"),
    "a point": (drawn("point", [1, 2]), "is a 'point', which has no box"),
    "no kind": ({"classTitle": "Ten"}, "is a null, which has no box"),
    "one corner": (drawn("rectangle", [1, 2]), "has 1 points where 2 are due"),
    "a corner of text": (drawn("rectangle", [1, "2"], [3, 4]), "is '2', not a number"),
    "a class of a number": (drawn("rectangle", [1, 2], [3, 4]) | {"classTitle": 7}, "7 where text"),
    "a polygon of two": (drawn("polygon", [1, 2], [3, 4]), "a polygon of 2 points"),
    "an empty mask": (
        drawn("bitmap", bitmap={"origin": [0, 0], "data": bitmap(MASK * 0, "grey")}),
        "is an empty mask",
    ),
    "a mask of no zlib": (
        drawn("bitmap", bitmap={"origin": [0, 0], "data": "aGVsbG8="}),
        "cannot be unpacked",
    ),
    "a mask of no PNG": (
        drawn(
            "bitmap",
            bitmap={"origin": [0, 0], "data": base64.b64encode(zlib.compress(b"x" * 99)).decode()},
        ),
        "is no PNG",
    ),
    "a mask of no base64": (drawn("bitmap", bitmap={"origin": [0, 0], "data": "a"}), "unpacked"),
}


@pytest.mark.parametrize("case", BAD_FIGURES)
def test_supervisely_figures_that_are_wrong_are_told_and_the_others_kept(tmp_path, case):
    bad, expected = BAD_FIGURES[case]
    reading = read("supervisely", annotated(tmp_path, bad, drawn("rectangle", [8, 6], [39, 29])))
    assert corners(reading) == [(8, 6, 40, 30)]
    assert expected in told(reading)


# All of them


def label_studio(root: Path) -> Path:
    picture(root / "a.jpg")
    value = {"x": 12.5, "y": 12.5, "width": 50, "height": 50, "rectanglelabels": ["Ten"]}
    result = {"type": "rectanglelabels", "value": value, "rotation": 0, "id": "r"}
    result |= {"original_width": WIDTH, "original_height": HEIGHT}
    task = {"id": 1, "data": {"image": "a.jpg"}, "annotations": [{"result": [result]}]}
    written(root / "file.json", json.dumps([task]))
    return root / "file.json"


def via(root: Path) -> Path:
    written(root / "file.json", (exported(root, entry(region())) / "via.json").read_bytes())
    (root / "via.json").unlink()
    return root / "file.json"


def supervisely(root: Path) -> Path:
    annotated(root, drawn("rectangle", [8, 6], [39, 29]), FIGURES["mask of grey"][0])
    return root / "ann/a.jpg.json"


MADE = {"labelstudio": label_studio, "via": via, "supervisely": supervisely}
VALUES = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        10**400,
        1e308,
        -1e300,
        math.nan,
        math.inf,
        "",
        "a" * 999,
        [],
        {},
        [[]],
        {"a": {}},
        [None],
    ]
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a JSON value: what holds it, and its key."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, held in inside:
        yield value, key
        if isinstance(held, dict | list):
            yield from places(held)


@pytest.mark.parametrize("name", MADE)
@settings(max_examples=120)
@given(data=st.data())
def test_whatever_stands_in_a_place_is_read_or_told(tmp_path_factory, name, data):
    file = MADE[name](tmp_path_factory.mktemp(name, numbered=True))
    content = copy.deepcopy(json.loads(file.read_text()))
    held, key = data.draw(st.sampled_from(list(places(content))))
    held[key] = data.draw(VALUES)
    written(file, json.dumps(content))
    try:
        reading = read(name, file.parent.parent if name == "supervisely" else file)
    except BoxwrightError:
        return
    assert np.isfinite(reading.dataset.boxes.xyxy).all()


@given(
    centre=st.tuples(st.floats(-99, 99), st.floats(-99, 99)),
    radii=st.tuples(st.floats(0.1, 500), st.floats(0.1, 500)),
    degrees=st.floats(-360, 360),
)
def test_hull_of_an_ellipse_is_exact(centre, radii, degrees):
    points = np.array(figures.ellipse(centre, radii, degrees))
    turn = math.radians(degrees)
    cos, sin = math.cos(turn), math.sin(turn)
    half = np.hypot(radii[0] * np.array([cos, sin]), radii[1] * np.array([sin, cos]))
    np.testing.assert_allclose(points.max(axis=0) - centre, half, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(centre - points.min(axis=0), half, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", MADE)
def test_auto_knows_the_format(tmp_path, name):
    file = MADE[name](tmp_path / "source")
    out = tmp_path / "out"
    run = boxwright("convert", tmp_path / "source", out, "--group", "none", "--val", "0.5")
    assert f"format: {name} (" in run.stderr, (run.stderr, file)
