"""The training loader: outlines of few points, and pictures kept by `cache`."""

import os
import random
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import boxwright
from PIL import Image
from training import SMALL, flags, prepare, tree

from pipeline import config, images
from pipeline.augment import shapes
from pipeline.dataset import Boxes, Dataset, Images, Outlines
from pipeline.errors import BoxwrightError
from pipeline.models.ultralytics import kept, library, outlines
from pipeline.training import checks
from pipeline.training.run import TrainOptions, train

library.load()

import torch  # noqa: E402
from ultralytics.data import YOLODataset  # noqa: E402
from ultralytics.data.augment import RandomPerspective  # noqa: E402
from ultralytics.utils import DEFAULT_CFG, IterableSimpleNamespace  # noqa: E402
from ultralytics.utils.ops import segment2box  # noqa: E402

from pipeline.models.ultralytics import loader  # noqa: E402

IMGSZ = 96
KINDS = {"yolo": loader.YoloPictures, "rtdetr": loader.RtdetrPictures}
PHOTOS = {  # name: width, height, EXIF orientation
    "가방/사진 'a'.jpg": (200, 150, 1),
    "turned.jpg": (150, 201, 6),
    "small.png": (50, 40, 1),
    "exact.jpg": (96, 64, 1),
}


@pytest.fixture
def photos(tmp_path):
    """Pictures as a phone takes them, and a box in each."""
    root = tmp_path / "photos <b>"
    for number, (name, (width, height, orientation)) in enumerate(PHOTOS.items()):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        save(root / name, number, (width, height), orientation)
    return dataset(root)


def save(path, seed, size, orientation=1):
    pixels = np.random.default_rng(seed).integers(0, 255, (*size[::-1], 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(cv2.GaussianBlur(pixels, (5, 5), 0)).save(path, exif=exif)


def dataset(root, times=1, outlined=False):
    names = list(PHOTOS) * times
    size = [images.read_header(root / name)[:2] for name in names]
    boxes = np.array([[0.2 * w, 0.3 * h, 0.7 * w, 0.9 * h] for w, h in size])
    drawn = Outlines.of(list(shapes.ellipse(boxes))) if outlined else None
    shown = Images.of(names, [str(root / n) for n in names], size, split=["train"] * len(names))
    rows = np.arange(len(names))
    return Dataset(root, ("x",), shown, Boxes.of(rows, rows * 0, boxes, outline=drawn))


def loading(data, cache=None, shelf=None, kind="yolo", imgsz=IMGSZ, base=None, **hyp):
    still = dict.fromkeys(("mosaic", "translate", "scale", "fliplr", "hsv_h", "hsv_s", "hsv_v"), 0)
    return (base or KINDS[kind])(
        img_path="train",
        imgsz=imgsz,
        augment=True,
        hyp=IterableSimpleNamespace(**{**vars(DEFAULT_CFG), **still, **hyp}),
        batch_size=4,
        cache=cache,
        shelf=kept.Shelf(shelf) if shelf else None,
        data={
            "names": dict(enumerate(data.classes)),
            "channels": 3,
            "quarter_turns": 0,
            loader.KEY: {"train": data},
        },
    )


# Outlines


def star(angles, radii, centre):
    turned = np.sort(angles)
    way = np.stack([np.cos(turned), np.sin(turned)], axis=-1)
    return (np.array(centre) + np.array(radii)[:, None] * way).astype(np.float32)


POINT = st.tuples(st.floats(0, 6.28), st.floats(5, 400))
CENTRE = st.tuples(st.floats(-200, 840), st.floats(-200, 680))


@given(st.lists(POINT, min_size=3, max_size=40), CENTRE)
def test_the_visible_box_is_the_one_that_ultralytics_finds_box_by_box(points, centre):
    polygon = star(*zip(*points, strict=True), centre)
    expected = segment2box(polygon, 640, 480)
    assert np.abs(outlines.visible(polygon[None], 640, 480)[0] - expected).max() < 0.01


def test_a_picture_that_lies_within_an_outline_is_its_box():
    around = np.array([[[-10, -10], [700, -10], [700, 500], [-10, 500]]], dtype=np.float32)
    assert outlines.visible(around, 640, 480).tolist() == [[0, 0, 640, 480]]


@pytest.mark.parametrize("perspective", [0.0, 0.001])
def test_outlines_turn_as_ultralytics_turns_them(perspective):
    draw = np.random.default_rng(1)
    random.seed(1)
    theirs = RandomPerspective(degrees=45, shear=10, perspective=perspective)
    for _ in range(40):
        centres = draw.uniform(-100, 700, (20, 1, 2))
        polygons = (centres + draw.uniform(-80, 80, (20, 12, 2))).astype(np.float32)
        matrix, _ = theirs._compute_affine_matrix(np.zeros((480, 640, 3)), (640, 480))
        expected = theirs.apply_segments(polygons, matrix, (640, 480))
        for ours, wanted in zip(
            outlines.turned(polygons, matrix, (640, 480)), expected, strict=True
        ):
            assert ours.dtype == np.float32
            assert np.abs(ours - wanted).max() < 0.01


def test_outlines_of_a_few_points_are_filled_up_with_their_last_one():
    triangle, corners = [[1, 1], [5, 1], [3, 4]], [[0, 0], [2, 0], [2, 2], [0, 2]]
    boxes = Boxes.of(
        [0, 0], [0, 0], [[1, 1, 5, 4], [0, 0, 2, 2]], outline=Outlines.of([triangle, []])
    )
    assert outlines.few(boxes).tolist() == [[*triangle, triangle[-1]], corners]


def test_boxes_without_any_outline_stay_boxes(photos):
    assert outlines.few(photos.boxes) is None
    assert loading(photos).get_image_and_label(0)["instances"].segments.shape == (0, 0, 2)


@given(
    st.lists(POINT, min_size=outlines.MOST + 1, max_size=300),
    st.integers(1, 4),
    st.sampled_from([1, 40]),
)
def test_an_outline_of_many_points_keeps_its_box(points, repeated, coarse):
    polygon = star(*zip(*points, strict=True), (500, 500)).astype(np.float64)
    polygon = np.repeat(np.round(polygon / coarse) * coarse, repeated, axis=0)
    thin = outlines.thinned(polygon)
    assert len(thin) <= outlines.MOST
    assert (thin.min(axis=0) == polygon.min(axis=0)).all()
    assert (thin.max(axis=0) == polygon.max(axis=0)).all()


def test_an_outline_of_many_points_keeps_its_shape():
    angle = np.linspace(0, 2 * np.pi, 500, endpoint=False)
    radius = 100 + 20 * np.cos(3 * angle)
    drawn = 200 + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    masks = [
        cv2.fillPoly(np.zeros((400, 400)), [np.round(each).astype(int)], 1)
        for each in (drawn, outlines.thinned(drawn))
    ]
    assert np.minimum(*masks).sum() / np.maximum(*masks).sum() > 0.97


class Thousand(loader.YoloPictures):
    """As it would be with ultralytics' own way of handling outlines."""

    update_labels_info = YOLODataset.update_labels_info

    def build_transforms(self, hyp):
        transforms = super().build_transforms(hyp)
        for each in loader._perspectives(transforms):
            vars(each).pop("apply_segments", None)
        return transforms

    def get_labels(self):
        return [{**label, "segments": list(label["segments"])} for label in super().get_labels()]


def test_training_labels_are_those_that_ultralytics_makes_of_a_thousand_points(photos):
    data = dataset(photos.root, outlined=True)
    hyp = {"degrees": 45, "mosaic": 0.5, "translate": 0.2, "scale": 0.4, "augmentations": []}
    labels = []
    for base in (loader.YoloPictures, Thousand):
        pictures = loading(data, "ram", base=base, **hyp)
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002
        drawn = [pictures[row] for _ in range(10) for row in range(len(pictures))]
        labels.append(torch.cat([one["bboxes"] for one in drawn]))
    assert len(labels[0]) > 30
    assert (labels[0] - labels[1]).abs().max() < 1e-4


def test_training_handles_as_many_points_as_were_drawn(photos):
    data = dataset(photos.root, outlined=True)
    assert loading(data).get_image_and_label(0)["instances"].segments.shape == (1, shapes.POINTS, 2)


# Kept pictures


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cache", ["ram", "small", "disk"])
def test_kept_pictures_are_the_pictures(photos, tmp_path, cache, kind):
    plain = loading(photos, kind=kind)
    cached = loading(photos, cache, tmp_path / "kept", kind=kind)
    for row in range(len(PHOTOS)):
        (pixels, *sizes), (expected, *wanted) = cached.load_image(row), plain.load_image(row)
        assert (pixels == expected).all()
        assert [tuple(size) for size in sizes] == [tuple(size) for size in wanted]


def test_boxes_of_a_small_picture_are_exact(photos, tmp_path):
    plain, small = loading(photos), loading(photos, "small", tmp_path / "kept")
    for row in range(len(PHOTOS)):
        one, other = plain.get_image_and_label(row), small.get_image_and_label(row)
        assert (one["instances"].bboxes == other["instances"].bboxes).all()
        assert one["ratio_pad"] == other["ratio_pad"]


@pytest.mark.parametrize("cache", ["ram", "small", "disk"])
def test_nothing_is_written_beside_the_pictures(photos, tmp_path, cache):
    before = tree(photos.root)
    loading(photos, cache, tmp_path / "kept")
    assert tree(photos.root) == before


@pytest.mark.parametrize("cache", [None, "ram", "small", "disk"])
def test_an_array_beside_a_picture_is_not_taken_for_it(photos, tmp_path, cache):
    np.save((photos.root / "exact.npy"), np.zeros((64, 96, 3), dtype=np.uint8))
    pixels, *_ = loading(photos, cache, tmp_path / "kept").load_image(
        list(PHOTOS).index("exact.jpg")
    )
    assert pixels.mean() > 50


def test_small_pictures_are_made_once(photos, tmp_path, caplog):
    caplog.set_level("INFO")
    loading(photos, "small", tmp_path / "kept")
    before = tree(tmp_path / "kept")
    loading(photos, "small", tmp_path / "kept")
    assert [line.split("; ")[1] for line in caplog.messages] == [
        "4 made now, 0 were there.",
        "0 made now, 4 were there.",
    ]
    files = {name: at for name, at in tree(tmp_path / "kept").items() if name.endswith(".bgr")}
    assert files == {name: at for name, at in before.items() if name.endswith(".bgr")}


def test_a_picture_that_is_shown_several_times_is_kept_once(photos, tmp_path):
    cached = loading(dataset(photos.root, times=3), "small", tmp_path / "kept")
    assert len(list((tmp_path / "kept").glob("*.bgr"))) == len(PHOTOS)
    assert (cached.load_image(0)[0] == cached.load_image(8)[0]).all()


@pytest.mark.parametrize("cache", ["small", "disk"])
def test_a_changed_picture_is_not_taken_for_the_old_one(photos, tmp_path, cache):
    name, (width, height, _) = "small.png", PHOTOS["small.png"]
    path, row = photos.root / name, list(PHOTOS).index(name)
    old, *_ = loading(photos, cache, tmp_path / "kept").load_image(row)
    before = path.stat()
    pixels = 255 - np.asarray(Image.open(path))
    Image.fromarray(pixels).save(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    new, *_ = loading(photos, cache, tmp_path / "kept").load_image(row)
    assert new.shape == old.shape
    assert np.abs(new.astype(int) + old - 255).max() <= 2
    assert (width, height) == pixels.shape[1::-1]


def test_another_size_is_another_picture(photos, tmp_path):
    for imgsz in (IMGSZ, 64):
        cached = loading(photos, "small", tmp_path / "kept", imgsz=imgsz)
        assert max(cached.load_image(0)[0].shape) == imgsz


def test_yolo_and_rtdetr_do_not_take_each_others_pictures(photos, tmp_path):
    shown = [
        loading(photos, "small", tmp_path / "kept", kind=kind).load_image(0)[0].shape
        for kind in KINDS
    ]
    assert shown == [(72, 96, 3), (96, 96, 3)]


@pytest.mark.parametrize("cache", ["small", "disk"])
def test_a_file_that_was_cut_short_is_made_again(photos, tmp_path, cache):
    loading(photos, cache, tmp_path / "kept")
    for path in (tmp_path / "kept").iterdir():
        path.write_bytes(path.read_bytes()[:-7])
    expected, *_ = loading(photos).load_image(0)
    assert (loading(photos, cache, tmp_path / "kept").load_image(0)[0] == expected).all()


@pytest.mark.parametrize("cache", ["small", "disk"])
def test_what_is_deleted_while_training_is_decoded_again(photos, tmp_path, cache):
    cached = loading(photos, cache, tmp_path / "kept")
    shutil.rmtree(tmp_path / "kept")
    pixels, shown, resized = cached.load_image(1)
    expected, *sizes = loading(photos).load_image(1)
    assert (pixels == expected).all()
    assert [shown, resized] == sizes


def test_several_trainings_may_keep_the_same_pictures_at_once(photos, tmp_path):
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: loading(photos, "small", tmp_path / "kept"), range(4)))
    expected, *_ = loading(photos).load_image(0)
    assert all((one.load_image(0)[0] == expected).all() for one in made)
    assert len(list((tmp_path / "kept").iterdir())) == len(PHOTOS) + 1


def test_what_a_kill_left_half_written_goes_after_a_day(photos, tmp_path):
    old, new = (tmp_path / f".{name}.part" for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, time.time() - 90000))
    loading(photos, "small", tmp_path)
    assert (old.exists(), new.exists()) == (False, True)


def test_pictures_that_do_not_fit_on_the_disk_are_refused(photos, tmp_path, monkeypatch):
    free = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    with pytest.raises(BoxwrightError, match=r"would take 0\.1 MB more here, and 0\.0 MB are free"):
        loading(photos, "small", tmp_path / "kept")
    assert not list((tmp_path / "kept").glob("*.bgr"))


def test_a_folder_that_cannot_be_written_is_named(photos, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BoxwrightError, match="file/kept: cannot write here"):
        loading(photos, "small", tmp_path / "file" / "kept")


def test_no_draw_of_a_seed_is_lost_to_looking_for_memory(photos, tmp_path):
    after = []
    for cache in (None, "ram", "small"):
        random.seed(0)
        loading(photos, cache, tmp_path / "kept")
        after.append(random.random())  # noqa: S311
    assert len(set(after)) == 1


# In training


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("it's 준비된"))


def test_training_from_small_pictures_gives_the_same_weights(prepared, tmp_path):
    weights = []
    for cache in ("ram", "small"):
        options = config.options(
            TrainOptions, SMALL, {"cache": cache, "workers": 0, "epochs": 1, "hyp": "moderate"}
        )
        made = train(prepared, options, tmp_path / cache)
        last = torch.load(Path(made["run"]) / "weights" / "last.pt", weights_only=False)
        weights.append(torch.cat([p.flatten() for p in last["model"].parameters()]))
    assert (weights[0] == weights[1]).all()


def test_small_pictures_lie_beside_the_runs_and_are_told_of(prepared, tmp_path):
    words = ["train", prepared, *flags(cache="small", epochs=1, workers=1)]
    done = boxwright(*words, "--runs", tmp_path / "runs", "--name", "a")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [".pictures", "a"]
    assert f"8 pictures of 64 pixels along the longer side are kept in {tmp_path}" in done.stderr


@pytest.mark.parametrize(("old", "new"), [(True, "ram"), (False, "none")])
def test_true_and_false_are_old_names(prepared, tmp_path, old, new):
    plans = [
        checks.plan(prepared, config.options(TrainOptions, SMALL, {"cache": cache}), tmp_path)
        for cache in (old, new)
    ]
    assert plans[0].fingerprint == plans[1].fingerprint


def test_an_unknown_cache_is_refused(prepared):
    done = boxwright("train", prepared, "--cache", "smal")
    assert done.returncode == 1
    assert "one of 'none', 'ram', 'small', 'disk'" in done.stderr
