"""What pixels are measured, and the page: one file, whole, whatever the names. Ten seconds."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import cv2
import numpy as np
import pytest
from evaluating import CLASSES, dataset, make_prepared, shaken
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipeline import manifest
from pipeline.cli.app import app
from pipeline.dataset import Boxes, Dataset, Images, strings
from pipeline.errors import BoxwrightError
from pipeline.stats import page, pixels, plots, run, words


def scene(width=1024, height=768):
    """Stripes and spots with edges at every scale."""
    coarse = np.random.default_rng(0).integers(60, 200, (48, 64), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)


def measured(folder, pictures, count=None, suffix=".png"):
    """What `pixels.measure` finds in pictures (H, W); None in the place of one is a broken file."""
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{place:02d}{suffix}" for place in range(len(pictures))]
    for path, picture in zip(paths, pictures, strict=True):
        path.write_bytes(
            b"\x89PNG" if picture is None else cv2.imencode(suffix, picture)[1].tobytes()
        )
    sizes = [(9, 9) if one is None else one.shape[1::-1] for one in pictures]
    names = [path.name for path in paths]
    images = Images.of(names, [str(path) for path in paths], sizes, split=["train"] * len(names))
    data = Dataset(folder, ("a",), images, Boxes.of([], [], []))
    return data, pixels.measure(data, count)


@given(st.integers(1, 500), st.integers(1, 500), st.integers(0, 9))
def test_a_sample_takes_one_picture_of_each_equal_stretch(total, count, seed):
    count = min(count, total)
    stretches = pairwise(place * total // count for place in range(count + 1))
    rows = pixels.sample(total, count, seed).tolist()
    assert all(low <= row < high for row, (low, high) in zip(rows, stretches, strict=True))


def test_the_same_seed_reads_the_same_pictures():
    assert pixels.sample(999, 9, 5).tolist() == pixels.sample(999, 9, 5).tolist()
    assert pixels.sample(999, 9, 5).tolist() != pixels.sample(999, 9, 6).tolist()


def test_brightness_and_contrast_are_mean_and_spread_of_the_greys(tmp_path):
    half = np.zeros((512, 512), np.uint8)
    half[:, 256:] = 100
    _, found = measured(tmp_path, [half, np.full((512, 512), 77, np.uint8)])
    assert found.values.tolist() == [
        [50, 50, pytest.approx(2 * 100**2 / 512, abs=1e-3)],
        [77, 0, 0],
    ]


def test_a_blurred_picture_is_less_sharp(tmp_path):
    sharp = scene()
    _, found = measured(tmp_path, [sharp, cv2.GaussianBlur(sharp, None, 6)])
    assert found.values[1, 2] < found.values[0, 2] / 8


def test_sharpness_compares_between_sizes(tmp_path):
    large = cv2.GaussianBlur(scene(2048, 1536), None, 4)
    small = cv2.resize(large, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    _, found = measured(tmp_path, [large, small])
    assert found.values[0] == pytest.approx(found.values[1], rel=0.1)


def test_decoding_at_a_part_of_the_size_measures_the_same(tmp_path):
    large = cv2.GaussianBlur(scene(4096, 3072), None, 8)
    _, jpeg = measured(tmp_path / "j", [large], suffix=".jpg")  # at an eighth
    _, png = measured(tmp_path / "p", [cv2.resize(large, (512, 384), interpolation=3)])
    assert jpeg.values[0] == pytest.approx(png.values[0], rel=0.1)


def test_odd_pictures_are_named(tmp_path):
    usual, flat = scene(), np.full((90, 90), 128, np.uint8)
    black, white = np.full((90, 90), 9, np.uint8), np.full((90, 90), 240, np.uint8)
    data, found = measured(tmp_path, [usual, usual, usual, usual, flat, black, white])
    odd = pixels.odd(data, found)
    named = {kind: [one["picture"][6:8] for one in own["worst"]] for kind, own in odd.items()}
    blank = ["04", "05", "06"]
    assert named == {"dark": ["05"], "bright": ["06"], "flat": blank, "blurred": blank}


def test_a_picture_that_cannot_be_decoded_is_told_and_the_others_measured(tmp_path):
    data, found = measured(tmp_path, [scene(), None])
    assert found.row.tolist() == [0]
    assert "01.png" in pixels.summary(data, found, 0)["unreadable"][0]


def dimmed(data, share):
    """Splits train and val of which val is as bright as `share` of train."""
    values = np.full((len(data.images), 3), 100.0) + np.arange(len(data.images))[:, None] % 7
    val = data.images.split == "val"
    values[val] *= share
    return pixels.summary(data, pixels.Pixels(np.arange(len(val)), values, []), 0)


@pytest.mark.parametrize(("share", "said"), [(0.5, "darker"), (1.5, "brighter"), (1, None)])
def test_a_split_of_other_light_is_told(share, said):
    data = dataset([], count=80)
    data = replace(data, images=replace(data.images, split=strings(["train", "val"] * 40)))
    sentences = [one for one in words.pixels(dimmed(data, share)) if "of val are" in one]
    assert [said in one for one in sentences] == [True] * (said is not None)


class Outline(HTMLParser):
    """The tags of a page, what it loads, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.sources, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [value for name, value in attrs if name in {"src", "href", "srcset"}]

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    truth, _ = shaken(0, count=6, boxes=60)
    return make_prepared(tmp_path_factory.mktemp("통계 <b>") / "p $x$", truth)


@pytest.fixture(scope="module")
def written(prepared, tmp_path_factory):
    """The page as text, made by the command."""
    file = tmp_path_factory.mktemp("out") / "new folder" / "stats <i>.html"
    result = CliRunner().invoke(app, ["stats", str(prepared), "--page", str(file), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["page"] == str(file)
    return file.read_text(encoding="utf-8")


def test_the_page_loads_nothing(written):
    sources = Outline(written).sources
    assert len(sources) > 5
    assert all(source.startswith("data:image/") for source in sources)


def test_every_plot_is_a_picture_that_opens(prepared):
    found = run.look(run.plan(prepared, {}))
    shown = [cv2.imdecode(np.frombuffer(one.png, np.uint8), 1) for one in plots.draw(found)]
    assert len(shown) == 9
    assert all(one is not None and one.std() > 5 for one in shown)


def test_names_are_shown_as_they_are(written):
    outline = Outline(written)
    assert all(name in outline.text for name in CLASSES)
    assert "통계 <b>" in outline.text
    assert "<b>B</b>" not in written


def test_the_page_is_the_same_twice(prepared, written, tmp_path):
    page.write(tmp_path / "again.html", run.look(run.plan(prepared, {})))
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == written


def test_every_warning_stands_on_the_page(prepared, written):
    text = " ".join(Outline(written).text.split())
    warnings = run.look(run.plan(prepared, {}))["warnings"]
    assert warnings
    assert all(sentence in text for sentence in warnings)


def rendered(found, drawn=()):
    return Outline(page.render(found, drawn))


def test_a_page_without_pixels_says_so(prepared):
    found = run.look(run.plan(prepared, {"pixels": 0}))
    assert found["pixels"] is None
    assert "No pixels were read" in rendered(found).text


def test_a_sample_of_the_pixels_is_said_to_be_one(prepared):
    text = " ".join(rendered(run.look(run.plan(prepared, {"pixels": 2}))).text.split())
    assert "From the pixels of 2 of the 6 pictures, spread evenly over them (seed 0" in text


def test_all_pictures_can_be_read(prepared):
    assert run.look(run.plan(prepared, {"pixels": "all"}))["pixels"]["sampled"] == 6


def test_groups_and_origins_have_their_tables(prepared):
    rows = [f"val/{place:03d}.jpg,group {place // 2},shop {place % 2}" for place in range(6)]
    csv = prepared / "pictures.csv"
    csv.write_text("\n".join(["picture,group,origin", *rows, ""]), encoding="utf-8")
    try:
        text = rendered(run.look(run.plan(prepared, {}))).text
    finally:
        csv.unlink()
    assert "largest groups" in text
    assert "shop 1" in text


def test_a_thousand_classes_stay_readable(tmp_path):
    names = tuple(f"class {place} $_{place}" for place in range(1200))
    draw = np.random.default_rng(0)
    label = np.sort(draw.zipf(1.5, 3000) % 1200)
    truth = dataset([[0, one, 0, 0, 50, 60] for one in label.tolist()], 1, names)
    found = run.look(run.plan(make_prepared(tmp_path / "p", truth), {"pixels": 0}))
    outline = rendered(found, list(plots.draw(found)))
    assert outline.tags.count("img") == 9  # the tail beside the usual ones, but no light
    assert "The 1,000 most frequent of 1,200 classes" in " ".join(outline.text.split())


def test_a_set_without_boxes_has_a_page(tmp_path):
    truth = dataset([], count=2)
    found = run.look(run.plan(make_prepared(tmp_path / "p", truth), {}))
    assert "There is no box at all." in rendered(found, list(plots.draw(found))).text


@pytest.mark.parametrize("flags", [["--pixels", "few"], ["--pixels", "-1"], ["--imgsz", "0"]])
def test_wrong_options_are_refused_by_name(prepared, flags):
    result = CliRunner().invoke(app, ["stats", str(prepared), *flags])
    assert isinstance(result.exception, BoxwrightError)
    assert flags[0].strip("-") in str(result.exception)


def test_a_page_that_no_browser_would_open_is_refused_before_any_work(tmp_path):
    result = CliRunner().invoke(app, ["stats", str(tmp_path / "no"), "--page", "stats.png"])
    assert "the page is an .html file" in str(result.exception)


def test_the_sources_are_left_as_they_are(prepared, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in prepared.rglob("*")}
    page.write(tmp_path / "s.html", run.look(run.plan(prepared, {})))
    assert {path: path.stat().st_mtime_ns for path in prepared.rglob("*")} == before
    assert manifest.read(prepared) is not None
