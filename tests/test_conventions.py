"""Conventions of a whole set, told by its pixels. All of it takes about half a minute."""

from __future__ import annotations

import logging
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline import config
from pipeline.check import conventions, profile, registration
from pipeline.check.conventions import ConventionsOptions, find
from pipeline.check.readings import READINGS
from pipeline.dataset import Boxes, Dataset, Images, strings
from pipeline.errors import BoxwrightError

CLASSES = ("동전", "a <b>'note'</b>")
WIDTH, HEIGHT = 260, 180
PICTURES = 60
OPTIONS = ConventionsOptions()


def things(rng):
    """Two boxes (2, 4), one in either half of a picture."""
    side = rng.integers(24, 56, (2, 2)) * (1, 2)
    room = (WIDTH // 2, HEIGHT) - side - 8
    low = rng.integers(4, 4 + room) + np.array([(0, 0), (WIDTH // 2, 0)])
    return np.concatenate([low, low + side], axis=1)


def drawn(boxes, rng, *, smooth):
    """A round thing and a square one, rough on smooth ground or the other way round."""
    ground = np.linspace(90, 150, WIDTH)[None] * np.ones((HEIGHT, 1))
    rough = cv2.GaussianBlur(rng.normal(0, 60, (HEIGHT, WIDTH)), (0, 0), 1.2)
    inside = np.zeros((HEIGHT, WIDTH), np.uint8)
    (a, b, c, d), (x1, y1, x2, y2) = boxes.tolist()
    inside[y1:y2, x1:x2] = 1
    ys, xs = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    round_one = ((2 * xs - a - c) / (c - a)) ** 2 + ((2 * ys - b - d) / (d - b)) ** 2 <= 1
    inside[round_one] = 1
    where = 1 - inside if smooth else inside
    return np.clip(ground + where * rough + 30 * inside, 0, 255).astype(np.uint8)


def made(folder, *, pictures=PICTURES, smooth=False, seed=0):
    """A data set whose boxes are right to the pixel."""
    rng = np.random.default_rng(seed)
    names, boxes = [], []
    for number in range(pictures):
        boxes.append(things(rng))
        names.append(f"{'ab'[number % 2]}/그림 {number}.png")
        path = folder / names[-1]
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = drawn(boxes[-1], rng, smooth=smooth)
        Image.fromarray(picture).save(path)
    images = Images.of(names, [str(folder / n) for n in names], [(WIDTH, HEIGHT)] * pictures)
    rows = np.repeat(np.arange(pictures), 2)
    found = Boxes.of(rows, np.tile([0, 1], pictures), np.concatenate(boxes))
    return Dataset(folder, CLASSES, images, found)


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    return made(tmp_path_factory.mktemp("clean"))


def with_boxes(dataset, change, only=slice(None)):
    """The data set with the boxes of the pictures `only` changed: xyxy, size -> xyxy."""
    boxes = dataset.boxes
    chosen = np.zeros(len(dataset.images), dtype=bool)
    chosen[only] = True
    size = dataset.images.size[boxes.image].astype(float)
    changed = np.where(chosen[boxes.image][:, None], change(boxes.xyxy, size), boxes.xyxy)
    return replace(dataset, boxes=replace(boxes, xyxy=changed))


def columns(*places):
    """A change that gives each column of (x1, y1, x2, y2, width, height) combined."""

    def change(xyxy, size):
        values = (*xyxy.T, *size.T)
        return np.stack([place(*values) for place in places], axis=1)

    return change


def in_fractions(change):
    """A change of boxes as shares of the picture's sides."""
    return lambda xyxy, size: change(xyxy / np.tile(size, 2), size) * np.tile(size, 2)


def half(xyxy):
    return np.tile((xyxy[:, 2:] - xyxy[:, :2]) / 2, 2)


def moved(x, y):
    return lambda xyxy, size: xyxy + np.array([x, y, x, y], dtype=float)  # noqa: ARG005


def swapped(xyxy, size):  # noqa: ARG001
    return xyxy[:, [1, 0, 3, 2]]


def stored_pixels(xyxy, size):
    """Boxes on the stored pixels of EXIF orientation 6, which is shown a quarter turned right."""
    x1, y1, x2, y2 = xyxy.T
    return np.stack([y1, size[:, 0] - x2, y2, size[:, 0] - x1], axis=1)


def on_square(xyxy, size):
    side = size.max(axis=1, keepdims=True)
    return (xyxy + np.tile((side - size) / 2, 2)) / side * np.tile(size, 2)


PLANTED = {
    "x from the right": (
        "mirrored",
        columns(lambda *v: v[4] - v[2], lambda *v: v[1], lambda *v: v[4] - v[0], lambda *v: v[3]),
    ),
    "y from the bottom": (
        "mirrored",
        columns(lambda *v: v[0], lambda *v: v[5] - v[3], lambda *v: v[2], lambda *v: v[5] - v[1]),
    ),
    "half a turn": (
        "turned",
        columns(*(lambda *v, a=a, b=b: v[a] - v[b] for a, b in ((4, 2), (5, 3), (4, 0), (5, 1)))),
    ),
    "a quarter turn": ("turned", stored_pixels),
    "a quarter turn, fractions": (
        "turned",
        lambda xyxy, size: stored_pixels(xyxy, size) / np.tile(size[:, ::-1], 2) * np.tile(size, 2),
    ),
    "swapped": ("x and y swapped", swapped),
    "swapped fractions": ("x and y swapped", in_fractions(swapped)),
    "corner as centre": ("top left as centre", lambda xyxy, _: xyxy - half(xyxy)),
    "centre as corner": ("centre as top left", lambda xyxy, _: xyxy + half(xyxy)),
    "far corner as size": (
        "corners as size",
        lambda xyxy, _: np.concatenate([xyxy[:, :2], xyxy[:, :2] + xyxy[:, 2:]], axis=1),
    ),
    "corners as centre": (
        "corners as centre",
        lambda xyxy, _: np.concatenate(
            [xyxy[:, :2] - xyxy[:, 2:] / 2, xyxy[:, :2] + xyxy[:, 2:] / 2], axis=1
        ),
    ),
    "width for height": (
        "sides swapped",
        lambda xyxy, _: (
            (xyxy + xyxy[:, [2, 3, 0, 1]]) / 2 + half(xyxy)[:, [1, 0, 3, 2]] * (-1, -1, 1, 1)
        ),
    ),
    "divided by the other side": (
        "picture's sides swapped",
        lambda xyxy, size: xyxy / np.tile(size[:, ::-1], 2) * np.tile(size, 2),
    ),
    "square with two borders": ("letterboxed", on_square),
    "square with one border": (
        "letterboxed",
        lambda xyxy, size: xyxy / size.max(axis=1, keepdims=True) * np.tile(size, 2),
    ),
    "half as large": ("other scale", lambda xyxy, _: xyxy / 2),
    "a little larger": ("other scale", lambda xyxy, _: xyxy * 1.08),
    "two pixels to the right": ("shifted", moved(2, 0)),
    "five pixels up and left": ("shifted", moved(-5, -5)),
    "sixteen pixels down": ("shifted", moved(0, 16)),
}


def test_nothing_is_wrong_with_right_boxes(clean):
    assert find(clean, OPTIONS) == []


def test_right_boxes_are_judged_right_as_a_whole_and_by_class(clean):
    judged = conventions.look(clean, OPTIONS)
    assert {one.verdict.decision for one in judged if one.part.by != "folder"} == {"right"}


@pytest.mark.parametrize("planted", PLANTED)
def test_an_error_of_the_whole_set_is_found_and_named(clean, planted):
    kind, change = PLANTED[planted]
    assert [one.kind for one in find(with_boxes(clean, change), OPTIONS)] == [kind]


def test_every_kind_that_is_found_is_announced():
    kinds = {kind for kind, _ in PLANTED.values()}
    assert kinds <= set(conventions.KINDS)


def test_an_error_of_the_whole_set_is_no_single_labels(clean):
    found = find(with_boxes(clean, PLANTED["swapped"][1]), OPTIONS)[0]
    assert (found.severity, found.image, found.box, found.fix) == ("error", "", -1, None)
    assert found.message.startswith("the whole set: ")


@pytest.mark.parametrize("by", [(1, 0), (0, 2), (-3, 1.5), (5, -5)])
def test_a_shift_is_measured_to_a_third_of_a_pixel(clean, by):
    whole = conventions.look(with_boxes(clean, moved(*by)), OPTIONS)[0]
    assert np.abs(whole.verdict.shift.value + by).max() < 1 / 3


def test_a_shift_does_not_depend_on_the_room_around_things(clean):
    loose = with_boxes(clean, lambda xyxy, _: xyxy + np.array([-3, -3, 3, 3]) + 2)
    assert np.abs(conventions.look(loose, OPTIONS)[0].verdict.shift.value + 2).max() < 0.5


def test_the_advice_moves_boxes_back(clean):
    found = find(with_boxes(clean, moved(3, 0)), OPTIONS)[0]
    assert "(-3." in found.advice or "(-2.9" in found.advice


def test_another_scale_is_told_with_its_factor(clean):
    found = find(with_boxes(clean, lambda xyxy, _: xyxy / 2.5), OPTIONS)[0]
    assert "(times 2.5)" in found.message


def test_smooth_things_on_rough_ground_are_no_less_clear(tmp_path):
    dataset = made(tmp_path, smooth=True)
    assert find(dataset, OPTIONS) == []
    wrong = with_boxes(dataset, PLANTED["x from the right"][1])
    assert [one.kind for one in find(wrong, OPTIONS)] == ["mirrored"]


def test_one_folder_of_two_is_told_alone(clean):
    wrong = with_boxes(clean, PLANTED["y from the bottom"][1], only=slice(1, None, 2))
    found = find(wrong, OPTIONS)
    assert [(one.kind, one.file) for one in found] == [("mirrored", str(clean.root / "b"))]
    assert "folder 'b'" in found[0].message


def test_one_source_of_two_is_told_before_its_folders(clean):
    origin = strings(["shop", "phone \u00e9"] * (PICTURES // 2))
    sources = replace(clean, images=replace(clean.images, origin=origin))
    found = find(with_boxes(sources, swapped, only=slice(0, None, 2)), OPTIONS)
    assert [one.message.split(":")[0] for one in found] == ["source 'shop'"]


def test_an_error_of_all_folders_is_told_once(clean):
    found = find(with_boxes(clean, PLANTED["half a turn"][1]), OPTIONS)
    assert [one.message.split(":")[0] for one in found] == ["the whole set"]


def test_a_class_that_is_wrong_by_itself_is_told(clean):
    boxes = clean.boxes
    right, wrong = boxes.xyxy, PLANTED["x from the right"][1](boxes.xyxy, np.array([[260.0, 180]]))
    planted = np.where((boxes.label == 1)[:, None], wrong, right)
    found = find(replace(clean, boxes=replace(boxes, xyxy=planted)), OPTIONS)
    assert [(one.kind, one.label) for one in found] == [("mirrored", CLASSES[1])]


def test_a_pixel_between_two_sources_is_seen_where_a_pixel_of_all_is_not(clean):
    assert find(with_boxes(clean, moved(1.2, 0)), OPTIONS) == []
    found = find(with_boxes(clean, moved(1.2, 0), only=slice(0, None, 2)), OPTIONS)
    assert [one.kind for one in found] == ["shifted against the others"]
    assert "folder 'a'" in found[0].message


def test_pictures_that_exif_turns_are_told_alone(clean, tmp_path):
    """Half of the pictures are stored turned, and were labelled as stored."""
    paths = list(clean.images.path)
    for row in range(0, PICTURES, 2):
        exif = Image.Exif()
        exif[0x0112] = 6
        paths[row] = str(tmp_path / f"{row}.jpg")
        with Image.open(clean.images.path[row]) as shown:
            stored = shown.transpose(Image.Transpose.ROTATE_90)
            stored.save(paths[row], exif=exif, quality=95)
    names = strings(name.rpartition("/")[2] for name in clean.images.name)
    turned = replace(clean, images=replace(clean.images, path=strings(paths), name=names))
    assert find(turned, OPTIONS) == []
    found = find(with_boxes(turned, stored_pixels, only=slice(0, None, 2)), OPTIONS)
    assert [(one.kind, one.message.split(":")[0]) for one in found] == [("turned", "EXIF turn '6'")]


def test_boxes_anywhere_lie_on_nothing(tmp_path):
    dataset = made(tmp_path, pictures=110)
    rng = np.random.default_rng(5)
    anywhere = np.concatenate([things(rng) for _ in range(110)]).astype(float)
    lost = replace(dataset, boxes=replace(dataset.boxes, xyxy=anywhere))
    found = find(lost, OPTIONS)
    assert [(one.kind, one.severity) for one in found] == [("lie on nothing", "hint")]


def test_of_too_few_boxes_nothing_is_said(clean):
    few = clean.keep_images(np.arange(PICTURES) < 8)
    wrong = with_boxes(few, swapped)
    assert find(wrong, OPTIONS) == []
    assert {one.verdict.decision for one in conventions.look(wrong, OPTIONS)} == {"unknown"}


def test_shots_of_one_scene_are_one_witness(clean):
    """Sixty shots of four scenes are four pictures."""
    group = strings(str(row % 4) for row in range(PICTURES))
    alike = replace(clean, images=replace(clean.images, group=group))
    assert conventions.look(with_boxes(alike, swapped), OPTIONS)[0].verdict.decision == "unknown"


def test_the_same_seed_finds_the_same(clean):
    wrong = with_boxes(clean, moved(4, 1))
    few = ConventionsOptions(pixels=40, seed=3)
    assert find(wrong, few) == find(wrong, few)


def test_no_more_pictures_are_looked_at_than_asked_for(clean):
    whole = conventions.look(clean, ConventionsOptions(pixels=30))[0]
    assert whole.verdict.boxes == 60


def test_nothing_is_looked_at_where_none_are_asked_for(clean):
    assert conventions.look(with_boxes(clean, swapped), ConventionsOptions(pixels=0)) == []


def test_a_set_without_boxes_is_right(clean):
    assert find(clean.keep_boxes(np.zeros(len(clean.boxes), dtype=bool)), OPTIONS) == []


def test_a_picture_that_cannot_be_decoded_is_told_and_left_out(clean, tmp_path, caplog):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    paths = strings([str(broken), *clean.images.path[1:]])
    spoilt = replace(clean, images=replace(clean.images, path=paths))
    with caplog.at_level(logging.WARNING):
        found = find(with_boxes(spoilt, swapped), OPTIONS)
    assert [one.kind for one in found] == ["x and y swapped"]
    assert "broken.png" in caplog.text


def test_boxes_that_are_no_boxes_do_no_harm(clean):
    xyxy = clean.boxes.xyxy.copy()
    xyxy[:4] = [[np.nan] * 4, [np.inf, 0, 1, 1], [9, 9, 9, 9], [-5e5, -5e5, 5e5, 5e5]]
    assert find(replace(clean, boxes=replace(clean.boxes, xyxy=xyxy)), OPTIONS) == []


@pytest.mark.parametrize("block", [{"pixels": -1}, {"shift": 0}, {"apart": -1}, {"pixel": 5}])
def test_options_out_of_range_are_refused(block):
    with pytest.raises(BoxwrightError, match=next(iter(block))):
        config.options(ConventionsOptions, block, {})


@given(st.integers(0, 2**31), st.floats(-5, 5), st.floats(-5, 5))
@settings(max_examples=40)
def test_profiles_are_laid_over_each_other_whatever_they_look_like(seed, x, y):
    """Two mirrored steps with a ridge, of any width and with any room, moved by x and by y."""
    rng = np.random.default_rng(seed)
    room, width, ridge = rng.uniform(-3, 3), rng.uniform(1, 4), rng.uniform(0, 1)
    at = np.arange(-profile.REACH, profile.REACH + 1.0)

    def seen(outwards):
        edge = outwards - room
        return 1 / (1 + np.exp(edge / width)) + ridge * np.exp(-((edge / width) ** 2)) + 0.2

    sides = np.stack([seen(-(at - x)), seen(at - x), seen(-(at - y)), seen(at - y)])
    found = registration.shift(
        np.repeat(sides[None], 6, axis=0).astype(np.float32),
        np.arange(6),
        np.ones(6),
        np.ones((2, 6)),
    )
    assert np.abs(found.value - (x, y)).max() < 0.25


@given(st.integers(0, 2**31), st.integers(10, 900), st.integers(10, 900))
def test_what_is_read_once_too_often_comes_back(seed, width, height):
    """Mirrors and swaps are their own inverse."""
    rng = np.random.default_rng(seed)
    size = np.array([[width, height]] * 3)
    low = rng.uniform(0, 0.5, (3, 2)) * size
    xyxy = np.concatenate([low, low + rng.uniform(0.05, 0.5, (3, 2)) * size], axis=1)
    twice = {"mirrored", "sides swapped", "x and y swapped"}
    for reading in (one for one in READINGS if one.kind in twice):
        back = reading.undo(reading.undo(xyxy, size), size)
        assert np.allclose(back, xyxy, atol=1e-6)


def test_the_gradient_along_a_side_peaks_where_it_lies():
    """A bright square from column 40 on: its left side is seen at 40, whatever its fraction."""
    grey = np.zeros((90, 120), np.uint8)
    grey[20:70, 40:90] = 200
    tables = profile.gradients(grey)
    for off in (0, 0.5, -3, 6):
        box = np.array([[40.0 + off, 20, 90 + off, 70]])
        found = profile.profiles(tables, box)[0, 0]
        middle = (found * np.arange(-profile.REACH, profile.REACH + 1)).sum() / found.sum()
        assert middle == pytest.approx(-off, abs=0.05)


def test_a_side_near_the_border_has_no_profile():
    tables = profile.gradients(np.random.default_rng(0).integers(0, 255, (90, 120), np.uint8))
    found = profile.profiles(tables, np.array([[4.0, 30, 60, 60]]))
    assert np.isnan(found[0]).all(axis=1).tolist() == [True, False, False, False]
