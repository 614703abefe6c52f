"""Shapes told by the pixels: on pictures drawn here, whose truth is known. About 10 seconds."""

from __future__ import annotations

import logging
from dataclasses import replace
from itertools import product

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.augment import search as searching
from pipeline.augment.auto import choose
from pipeline.augment.evidence import Evidence
from pipeline.augment.quads import mean, quads
from pipeline.dataset import Boxes, Dataset, Images, strings
from pipeline.engine import shards
from pipeline.polygons import part_in

SIZE = (320, 240)
CARD = np.array([[-60, -30], [60, -30], [60, 30], [-60, 30]], dtype=np.float64)
TURNS = np.deg2rad(np.arange(-45, 46, 5))


def turned(points, degrees):
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return points @ np.array([[c, s], [-s, c]])


def card(degrees, at=(160, 120)):
    return turned(CARD, degrees) + at


def disc(radius=50, at=(160, 120)):
    turn = np.linspace(0, 2 * np.pi, 65)[:-1]
    return np.stack([np.cos(turn), np.sin(turn)], axis=1) * radius + at


def cloth(seed, size=SIZE):
    """A background with texture: noise of two sizes about a colour."""
    rng = np.random.default_rng(seed)
    large = cv2.resize(rng.normal(0, 14, (size[1] // 20, size[0] // 20, 3)), size)
    return rng.uniform(60, 200, 3) + large + rng.normal(0, 8, (size[1], size[0], 3))


def paint(picture, points, seed):
    """A thing in another colour, with a print on it."""
    rng = np.random.default_rng([seed, 1])
    whole = np.round(np.asarray(points) * 16).astype(np.int32)
    at = picture[tuple(np.clip(points.mean(axis=0).astype(int)[::-1], 0, None))]
    colour = np.where(at > 128, at - 70, at + 70) + rng.normal(0, 10, 3)
    cv2.fillPoly(picture, [whole], colour.tolist(), cv2.LINE_AA, 4)
    middle = points.mean(axis=0)
    for share in (0.2, 0.5):
        part = np.round(((points - middle) * share + middle) * 16).astype(np.int32)
        tint = (colour * 0.6).tolist()
        cv2.polylines(picture, [part], isClosed=True, color=tint, thickness=2, shift=4)


def save(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    data = cv2.imencode(".png", np.clip(picture, 0, 255).astype(np.uint8))[1]
    path.write_bytes(data.tobytes())


def scenes(folder, outlines, labels=None, *, paint_all=True):
    """A data set of one thing a picture, and what of each outline lies in its picture."""
    border = np.array([0, 0, *SIZE], dtype=np.float64)
    seen = [part_in(points, border) for points in outlines]
    names = [f"{row} 지폐.png" for row in range(len(outlines))]
    for row, (name, points) in enumerate(zip(names, outlines, strict=True)):
        picture = cloth(row)
        if paint_all:
            paint(picture, points, row)
        save(folder / name, picture)
    paths = [str(folder / name) for name in names]
    rows = range(len(outlines))
    xyxy = [[*points.min(axis=0), *points.max(axis=0)] for points in seen]
    labels = [0] * len(outlines) if labels is None else labels
    images = Images.of(names, paths, [SIZE] * len(names))
    classes = tuple(f"class {label}" for label in range(max(labels) + 1))
    return Dataset(folder, classes, images, Boxes.of(rows, labels, xyxy)), seen


def all_rows(data):
    return np.arange(len(data.boxes))


def hulls(points):
    spun = np.stack([turned(points, np.rad2deg(turn)) for turn in TURNS])
    return np.concatenate([spun.min(axis=1), spun.max(axis=1)], axis=1)


def iou(outline, truth):
    """Mean IoU of the boxes of both, turned within 45 degrees."""
    a, b = hulls(outline), hulls(truth)
    low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    both = np.clip(high - low, 0, None).prod(axis=1)
    areas = [(box[:, 2:] - box[:, :2]).prod(axis=1) for box in (a, b)]
    return float((both / (areas[0] + areas[1] - both)).mean())


def corners(xyxy):
    x1, y1, x2, y2 = xyxy
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])


# The tilted rectangle


@pytest.mark.parametrize("degrees", [-80, -45, -30, -10, -3, 0, 7, 20, 40, 60, 90])
def test_a_tilted_card_is_found(tmp_path, degrees):
    data, truth = scenes(tmp_path, [card(degrees)])
    outlines, sure = quads(data, all_rows(data))
    assert iou(outlines[0], truth[0]) > 0.94
    assert sure[0] > 0.9


def test_a_card_seen_at_a_slant_is_found(tmp_path):
    slant = np.array([[95, 70], [250, 90], [220, 190], [80, 150]], dtype=np.float64)
    data, truth = scenes(tmp_path, [slant])
    assert iou(quads(data, all_rows(data))[0][0], truth[0]) > 0.94


@pytest.mark.parametrize("at", [(20, 120), (160, 15), (300, 120), (160, 225)])
@pytest.mark.parametrize("degrees", [-25, 25])
def test_a_card_cut_by_the_border_is_found(tmp_path, at, degrees):
    data, truth = scenes(tmp_path, [card(degrees, at)])
    assert iou(quads(data, all_rows(data))[0][0], truth[0]) > 0.92


def test_a_card_cut_by_a_corner_of_its_picture_is_found(tmp_path):
    """More often than not: a line printed on it may pass for its side."""
    places = [(25, 20), (300, 20), (300, 222), (20, 222), (40, 40), (280, 190)]
    cards = [card(degrees, at) for at in places for degrees in (-25, 25)]
    data, truth = scenes(tmp_path, cards)
    outlines, _ = quads(data, all_rows(data))
    found = [iou(outlines[row], truth[row]) for row in range(12)]
    boxes = [iou(corners(data.boxes.xyxy[row]), truth[row]) for row in range(12)]
    assert np.mean(found) > 0.93
    assert np.mean(found) > np.mean(boxes) + 0.1


def test_what_lies_across_a_card_does_not_mislead(tmp_path):
    data, truth = scenes(tmp_path, [card(turn) for turn in (-30, -25, -20, 15, 20, 25, 30)])
    picture = cv2.imread(str(tmp_path / "6 지폐.png"))
    cv2.line(picture, (100, 30), (220, 210), (40, 90, 220), 26)
    save(tmp_path / "6 지폐.png", picture)
    assert iou(quads(data, all_rows(data))[0][6], truth[6]) > 0.9


@given(st.integers(0, 10_000))
def test_the_hull_of_an_outline_is_its_box(tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    folder = tmp_path_factory.mktemp("cards")
    data, _ = scenes(folder, [card(rng.uniform(-90, 90), rng.uniform(0, SIZE))])
    outline = quads(data, all_rows(data))[0][0]
    hull = [*outline.min(axis=0), *outline.max(axis=0)]
    assert np.allclose(hull, data.boxes.xyxy[0], atol=1e-6)


def test_where_nothing_is_seen_the_outline_lies_between_the_tilts(tmp_path):
    """The class's aspect, from the cards that are seen, leaves two tilts: the mean of both."""
    tilts = [-35, -25, -15, 15, 25, 35, 20, -20]
    data, truth = scenes(tmp_path, [card(tilt) for tilt in tilts])
    for row in (6, 7):
        save(tmp_path / f"{row} 지폐.png", np.full((SIZE[1], SIZE[0], 3), 120.0))
    outlines, sure = quads(data, all_rows(data))
    for row in (6, 7):
        wrong = iou(card(-tilts[row]), truth[row])
        box = iou(corners(data.boxes.xyxy[row]), truth[row])
        assert iou(outlines[row], truth[row]) > max(wrong, box) + 0.05
    assert sure[6:].max() < 0.9 < sure[:6].min()


def test_how_sure_it_is_says_how_good_it_is(tmp_path):
    """Cards of less and less contrast: the IoU expected is about the IoU that is."""
    tilts = np.random.default_rng(0).uniform(-40, 40, 60)
    data, truth = scenes(tmp_path, [card(tilt) for tilt in tilts])
    for row in range(20, 60):
        path = tmp_path / f"{row} 지폐.png"
        faint = cv2.imread(str(path)) * 0.05 + cloth(1000 + row) * 0.95
        save(path, faint)
    outlines, sure = quads(data, all_rows(data))
    real = np.array([iou(outlines[row], truth[row]) for row in range(60)])
    assert sure[:20].mean() > sure[20:].mean() + 0.01
    assert abs(sure.mean() - real.mean()) < 0.04


def test_a_picture_that_cannot_be_read_leaves_its_box_and_is_told(tmp_path, caplog):
    data, _ = scenes(tmp_path, [card(20), card(30)])
    (tmp_path / "0 지폐.png").write_bytes(b"no picture")
    with caplog.at_level(logging.WARNING):
        outlines, sure = quads(data, all_rows(data))
    assert np.array_equal(outlines[0], corners(data.boxes.xyxy[0]))
    assert sure[0] == 0 < sure[1]
    assert "cannot be read keep their corners: 1" in caplog.text


def test_boxes_of_no_size_or_outside_do_no_harm(tmp_path):
    data, _ = scenes(tmp_path, [card(20)] * 4)
    odd = [[50, 50, 50, 50], [10, 10, 11, 200], [-90, -90, -50, -60], [0, 0, *SIZE]]
    data = replace(data, boxes=replace(data.boxes, xyxy=np.array(odd, dtype=np.float64)))
    outlines, sure = quads(data, all_rows(data))
    assert np.isfinite(outlines.points).all()
    assert all(len(outlines[row]) for row in range(4))
    assert np.isfinite(sure).all()


def test_a_large_turned_photo_gives_what_the_small_one_gives(tmp_path):
    """Decoded at a quarter of its size, and turned by EXIF."""
    data, truth = scenes(tmp_path, [card(25)])
    small = cv2.cvtColor(cv2.imread(str(tmp_path / "0 지폐.png")), cv2.COLOR_BGR2RGB)
    large = Image.fromarray(cv2.resize(small, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC))
    exif = Image.Exif()
    exif[274] = 6  # to be turned clockwise
    large.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "0.jpg", exif=exif, quality=90)
    images = replace(
        data.images, path=strings([str(tmp_path / "0.jpg")]), size=data.images.size * 8
    )
    boxes = replace(data.boxes, xyxy=data.boxes.xyxy * 8)
    outlines, _ = quads(replace(data, images=images, boxes=boxes), all_rows(data))
    assert iou(outlines[0], truth[0] * 8) > 0.94


def test_workers_change_nothing(tmp_path):
    data, _ = scenes(tmp_path, [card(turn) for turn in (-30, 10, 35)])
    with shards(workers=2) as mapped:
        there = quads(data, all_rows(data), mapped)
    here = quads(data, all_rows(data))
    assert there[0].points.tobytes() == here[0].points.tobytes()
    assert there[1].tobytes() == here[1].tobytes()


def test_only_the_rows_asked_for_are_looked_at(tmp_path):
    data, _ = scenes(tmp_path, [card(turn) for turn in (-30, 10, 35)])
    (tmp_path / "1 지폐.png").unlink()
    some, sure = quads(data, np.array([0, 2]))
    assert len(some) == 2
    assert sure.min() > 0.9


def test_no_boxes_give_no_outlines(tmp_path):
    data, _ = scenes(tmp_path, [card(0)])
    outlines, sure = quads(data, np.zeros(0, dtype=np.int64))
    assert len(outlines) == len(sure) == 0


# The search


def best_by_trying(evidence, size, cut, angle):
    """The best score of all quadrilaterals, one after the other."""
    count = evidence.straight.shape[1]
    left, top, right, bottom = cut
    at = np.linspace(0, 1, count)

    def worth(corner, i, j):
        nothing = i == j == 0
        both = ((top, left), (top, right), (bottom, right), (bottom, left))[corner]
        if nothing:
            return searching.WHOLE_CORNER if all(both) else -np.inf
        wanted = angle if corner % 2 == 0 else np.pi / 2 - angle
        off = np.arctan2(at[j] * size[1], at[i] * size[0]) - wanted
        return evidence.straight[corner, i, j] - off**2 / (2 * searching.SPREAD**2)

    def pairs(is_open):
        return [(a, b) for a, b in product(range(count), repeat=2) if a == b or (is_open and a < b)]

    last = count - 1
    best = -np.inf
    for (t1, t2), (r1, r2), (b1, b2) in product(pairs(top), pairs(right), pairs(bottom)):
        right_half = worth(1, last - t2, r1) + worth(2, last - b2, last - r2)
        if right_half == -np.inf:
            continue
        left_half = max(worth(0, t1, l1) + worth(3, b1, last - l2) for l1, l2 in pairs(left))
        best = max(best, right_half + left_half)
    return best


@pytest.mark.parametrize(
    "cut", [(0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (1, 1, 0, 0)]
)
def test_the_best_quadrilateral_of_all_is_found(monkeypatch, cut):
    monkeypatch.setattr(searching, "PLACES", 5)
    monkeypatch.setattr(searching, "ANGLES", np.deg2rad([30.0]))
    draw = np.random.default_rng(sum(cut))
    evidence = Evidence(draw.normal(0, 1, (4, 5, 5)), np.zeros(4))
    size = np.array([80.0, 50.0])
    score, _ = searching.search(evidence, size, np.array(cut, dtype=bool))
    assert score[0] == pytest.approx(best_by_trying(evidence, size, cut, np.deg2rad(30)))


# The mean of outlines


@given(st.integers(0, 10_000))
def test_a_mean_outline_turned_is_the_mean_of_the_outlines_turned(seed):
    rng = np.random.default_rng(seed)
    ends = rng.uniform(0, 1, (3, 4))
    ends = np.stack([ends[:, [0, 3]], ends[:, [0, 1]], ends[:, [2, 1]], ends[:, [2, 3]]], axis=1)
    outlines = searching.polygon(ends.reshape(3, 8), np.array([10.0, 20.0, 110.0, 90.0]))
    share = rng.dirichlet(np.ones(3))
    wanted = sum(part * hulls(points) for part, points in zip(share, outlines, strict=True))
    assert np.abs(hulls(mean(outlines, share)) - wanted).max() < 1  # of 100 pixels


def test_the_mean_of_one_outline_is_itself():
    one = card(25)
    found = mean(one[None], np.ones(1))
    assert np.allclose(
        found, one[np.lexsort(one.T)[0] :].tolist() + one[: np.lexsort(one.T)[0]].tolist()
    )


# The shape of a class


def random_spots(seed, count):
    rng = np.random.default_rng(seed)
    return [rng.uniform((90, 80), (230, 160)) for _ in range(count)]


def test_discs_are_ellipses_and_tilted_cards_quads(tmp_path):
    rng = np.random.default_rng(0)
    spots = random_spots(1, 24)
    things = [disc(rng.uniform(30, 60), at) for at in spots[:12]]
    things += [card(rng.uniform(-80, 80), at) for at in spots[12:]]
    data, _ = scenes(tmp_path, things, [0] * 12 + [1] * 12)
    round_, flat = choose(data)
    assert (round_.shape, flat.shape) == ("ellipse", "quad")
    assert (round_.looked, round_.telling) == (12, 12)
    assert "round" in round_.why
    assert "tilted" in flat.why


def test_ovals_in_boxes_that_are_not_exact_are_ellipses(tmp_path):
    rng = np.random.default_rng(1)
    ovals = [(disc(40) - (160, 120)) * (1.3, 0.9) + at for at in random_spots(2, 14)]
    data, _ = scenes(tmp_path, ovals)
    side = np.tile(data.boxes.xyxy[:, 2:] - data.boxes.xyxy[:, :2], 2)
    off = rng.uniform(-0.04, 0.04, side.shape) * side
    data = replace(data, boxes=replace(data.boxes, xyxy=data.boxes.xyxy + off))
    assert choose(data)[0].shape == "ellipse"


def test_upright_cards_are_boxes(tmp_path):
    data, _ = scenes(tmp_path, [card(0, at) for at in random_spots(3, 14)])
    found = choose(data)[0]
    assert (found.shape, found.tilted) == ("box", 0)
    assert found.telling == 14


def test_boxes_around_nothing_tell_nothing(tmp_path):
    things = [card(0, at) for at in random_spots(4, 20)]
    data, _ = scenes(tmp_path, things, paint_all=False)
    found = choose(data)[0]
    assert found.shape == "box"
    assert "too few" in found.why or "not clear" in found.why


def test_two_discs_are_too_few_to_say(tmp_path):
    data, _ = scenes(tmp_path, [disc(), disc()])
    found = choose(data)[0]
    assert (found.shape, found.share) == ("box", 1)
    assert "not clear" in found.why


def test_shots_of_one_thing_count_as_one(tmp_path):
    data, _ = scenes(tmp_path, [disc(at=at) for at in random_spots(5, 12)])
    one = replace(data, images=replace(data.images, group=strings(["the same coin"] * 12)))
    assert choose(data)[0].shape == "ellipse"
    assert choose(one)[0].shape == "box"


def test_as_many_groups_as_there_are_come_into_the_sample(tmp_path):
    """Of ten shots of a coin and one of each of nine others, ten boxes show ten coins."""
    data, _ = scenes(tmp_path, [disc(at=at) for at in random_spots(6, 19)])
    groups = ["often"] * 10 + [f"coin {number}" for number in range(9)]
    data = replace(data, images=replace(data.images, group=strings(groups)))
    few = choose(data, count=10)[0]
    assert few.looked == 10
    assert few.low == pytest.approx(0.7225, abs=0.001)  # Wilson, 10 of 10


def test_cut_and_crowded_and_tiny_things_are_not_looked_at(tmp_path):
    data, _ = scenes(tmp_path, [disc(), disc(at=(10, 120)), disc(), disc(5)])
    crowd = np.array([False, False, True, False])
    data = replace(data, boxes=replace(data.boxes, crowd=crowd))
    assert choose(data)[0].looked == 1


def test_a_class_without_boxes_is_a_box(tmp_path):
    data, _ = scenes(tmp_path, [disc()], [1])
    found = choose(data)[0]
    assert (found.shape, found.looked) == ("box", 0)
    assert "0 of 0" in found.why
