"""Turned pictures: what is in them, and boxes that stay tight. About 5 s."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.augment.turned import angles, inflated, turned
from pipeline.dataset import Boxes, Dataset, Images, Outlines, strings
from pipeline.engine import shards
from pipeline.errors import BoxwrightError, DataErrors
from pipeline.images import decode


def written(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, picture)[1].tobytes())
    return path


def dataset(folder, polygons, size=(120, 80), names=("a.png",), image=None):
    """Pictures on which each polygon is drawn in white, with its outline and box."""
    image = [0] * len(polygons) if image is None else image
    paths = []
    for row, name in enumerate(names):
        picture = np.zeros((size[1], size[0], 3), dtype=np.uint8)
        for own in (p for p, of in zip(polygons, image, strict=True) if of == row):
            fine = np.rint(np.asarray(own, float) * 16 - 8).astype(np.int32)  # pixel centres
            cv2.fillPoly(picture, [fine], (255, 255, 255), lineType=cv2.LINE_AA, shift=4)
        paths.append(str(written(folder / "source" / name, picture)))
    images = Images.of(list(names), paths, [size] * len(names), split=["val"] * len(names))
    hulls = [[*np.min(p, axis=0), *np.max(p, axis=0)] for p in polygons]
    outline = Outlines.of([np.asarray(p, float) for p in polygons])
    boxes = Boxes.of(image, [0] * len(polygons), hulls, outline=outline)
    return Dataset(folder, ("thing",), images, boxes)


def white(path):
    """The box of what is white in a picture."""
    ys, xs = np.nonzero(decode(path).min(axis=2) > 190)  # the grey beside the picture is 114
    return np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])


NOTE = [[30, 25], [90, 35], [85, 60], [25, 50]]


@pytest.mark.parametrize("seed", range(6))
def test_boxes_lie_tight_around_what_is_in_the_turned_picture(seed, tmp_path):
    found = turned(dataset(tmp_path, [NOTE]), 180, seed, tmp_path / "out")
    assert np.abs(found.boxes.xyxy[0] - white(found.images.path[0])).max() < 1.5


def test_a_photo_that_exif_turns_is_turned_as_it_is_shown(tmp_path):
    from PIL import Image

    plain = dataset(tmp_path, [NOTE])
    lying = Image.fromarray(np.rot90(decode(plain.images.path[0]), 1).copy())
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise brings it up again
    lying.save(tmp_path / "phone.jpg", exif=exif, quality=95)
    photo = replace(
        plain, images=replace(plain.images, path=strings([str(tmp_path / "phone.jpg")]))
    )
    found = turned(photo, 45, 1, tmp_path / "out")
    assert np.abs(found.boxes.xyxy[0] - white(found.images.path[0])).max() < 1.5


def test_a_box_without_an_outline_holds_its_thing_but_is_larger_and_that_is_told(tmp_path, caplog):
    plain = dataset(tmp_path, [NOTE])
    plain = replace(plain, boxes=replace(plain.boxes, outline=Outlines.none(1)))
    with caplog.at_level(logging.WARNING):
        found = turned(plain, 45, 4, tmp_path / "out")
    box, thing = found.boxes.xyxy[0], white(found.images.path[0])
    assert abs(angles(plain.images, 45, 4)[0]) > 15
    assert (box[:2] < thing[:2] + 1).all()
    assert (box[2:] > thing[2:] - 1).all()
    assert np.prod(box[2:] - box[:2]) > 1.1 * np.prod(thing[2:] - thing[:2])
    assert inflated(plain.boxes).tolist() == [True]
    assert "1 of 1 boxes have no outline" in caplog.text


def test_things_keep_their_size_for_the_detector(tmp_path):
    found = turned(dataset(tmp_path, [NOTE]), 45, 0, tmp_path / "out")
    assert found.images.size.tolist() == [[120, 120]]  # as wide as the longer side
    assert decode(found.images.path[0]).shape == (120, 120, 3)
    before, after = (
        cv2.contourArea(np.float32(NOTE)),
        cv2.contourArea(np.float32(found.boxes.outline[0])),
    )
    assert after == pytest.approx(before, rel=1e-5)


def test_what_the_border_takes_half_of_counts_neither_way_and_what_it_takes_is_gone(tmp_path):
    side = 100
    lies_in = [[40, 40], [60, 40], [60, 60], [40, 60]]
    mostly_out = [[90, 40], [130, 40], [130, 60], [90, 60]]
    out = [[101, 40], [130, 40], [130, 60], [101, 60]]
    plain = dataset(tmp_path, [lies_in, mostly_out, out], size=(side, side))
    found = turned(plain, 1e-9, 0, tmp_path / "out").boxes
    assert np.rint(found.xyxy).tolist() == [[40, 40, 60, 60], [90, 40, 100, 60]]
    assert found.crowd.tolist() == [False, True]


@given(
    st.lists(st.tuples(st.floats(0.3, 1), st.floats(0.05, 1)), min_size=3, max_size=9),
    st.tuples(st.integers(-20, 120), st.integers(-20, 120)),
)
def test_the_box_of_a_thing_that_is_cut_is_that_of_its_visible_part(shape, centre):
    steps = np.cumsum([step for step, _ in shape])
    angle = 2 * np.pi * steps / steps[-1]
    radius = 70 * np.array([share for _, share in shape])
    star = np.array(centre) + radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    found = turned_square(star)
    dense = edges(star)
    seen = dense[((dense >= 0) & (dense <= 100)).all(axis=1)]
    corners = np.array([[0, 0], [100, 0], [0, 100], [100, 100]], dtype=float)
    outline = np.float32(star).reshape(-1, 1, 2)
    inside = [
        cv2.pointPolygonTest(outline, tuple(map(float, c)), measureDist=True) for c in corners
    ]
    if any(abs(depth) < 0.5 for depth in inside):
        return  # too near to say
    seen = np.vstack([seen, corners[np.array(inside) > 0]])
    if len(seen) < 3 or np.ptp(seen, axis=0).min() < 1:
        return
    hull = np.concatenate([seen.min(axis=0), seen.max(axis=0)])
    assert len(found) == 1
    assert np.abs(found[0] - hull).max() < 0.2


def test_a_dented_thing_that_goes_around_a_corner_is_not_widened_to_that_corner():
    hook = [[-20, 50], [30, 50], [30, 60], [-30, 60], [-30, -30], [60, -30], [60, -20], [-20, -20]]
    assert turned_square(np.array(hook, dtype=float)).tolist() == [[0, 50, 30, 60]]


def edges(polygon):
    """Many points on the line of a polygon."""
    share = np.linspace(0, 1, 2001)[:, None, None]
    return (polygon * (1 - share) + np.roll(polygon, -1, axis=0) * share).reshape(-1, 2)


_SQUARE = {}


def turned_square(polygon):
    """The boxes of an outline in a picture of 100 x 100 that is turned by nothing."""
    import tempfile

    if not _SQUARE:
        _SQUARE["folder"] = tempfile.TemporaryDirectory()
        written(Path(_SQUARE["folder"].name) / "a.png", np.zeros((100, 100, 3), np.uint8))
    folder = Path(_SQUARE["folder"].name)
    images = Images.of(["a.png"], [str(folder / "a.png")], [[100, 100]], split=["val"])
    hull = [[*polygon.min(axis=0), *polygon.max(axis=0)]]
    boxes = Boxes.of([0], [0], hull, outline=Outlines.of([polygon]))
    return turned(Dataset(folder, ("a",), images, boxes), 0, 0, folder / "out").boxes.xyxy


def test_an_angle_depends_on_no_other_picture_and_no_worker(tmp_path):
    names = [f"가방 {i % 2}/사진 '{i}'.png" for i in range(6)]
    plain = dataset(tmp_path, [NOTE] * 6, names=names, image=list(range(6)))
    every = turned(plain, 45, 3, tmp_path / "every")
    part = plain.keep_images(np.arange(6) == 4)
    with shards(workers=2) as mapped:
        alone = turned(part, 45, 3, tmp_path / "alone", mapped)
    assert (alone.boxes.xyxy[0] == every.boxes.xyxy[4]).all()
    first, second = Path(alone.images.path[0]), Path(every.images.path[4])
    assert first.read_bytes() == second.read_bytes()
    assert first == tmp_path / "alone" / "val" / f"{names[4]}.jpg"


def test_angles_fill_the_range_evenly():
    images = Images.of([str(i) for i in range(4000)], [""] * 4000, [[1, 1]] * 4000)
    found = angles(images, 30, 0)
    assert np.histogram(found, 6, (-30, 30))[0] == pytest.approx([667] * 6, rel=0.12)
    assert (found != angles(images, 30, 1)).all()


def test_every_picture_that_cannot_be_decoded_is_named(tmp_path):
    plain = dataset(tmp_path, [NOTE] * 3, names=("a.png", "b.png", "c.png"), image=[0, 1, 2])
    for name in ("a.png", "c.png"):
        (tmp_path / "source" / name).write_bytes(b"no picture")
    with pytest.raises(DataErrors, match=r"(?s)a\.png.*c\.png"):
        turned(plain, 45, 0, tmp_path / "out")


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BoxwrightError, match="cannot write here"):
        turned(dataset(tmp_path, [NOTE]), 45, 0, tmp_path / "file" / "out")


def test_pictures_without_boxes_are_turned_too(tmp_path):
    found = turned(dataset(tmp_path, []), 45, 0, tmp_path / "out")
    assert len(found.boxes) == 0
    assert Path(found.images.path[0]).is_file()
