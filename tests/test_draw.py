"""Fonts, drawn boxes, contact sheets: on real pictures and real font files."""

import logging
import subprocess
import sys

import cv2
import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from hypothesis import given
from hypothesis import strategies as st

from pipeline import draw, fonts
from pipeline.dataset import Boxes, Dataset, Images, Outlines
from pipeline.errors import BoxwrightError, DataError
from pipeline.preview import PreviewOptions, choose, preview

GREY = 127


def plain(width=640, height=480):
    return np.full((height, width, 3), GREY, dtype=np.uint8)


def one(box=(100, 100, 300, 200), label=0, **columns):
    return Boxes.of([0], [label], [box], **columns)


@pytest.fixture
def font_with(tmp_path):
    """Make a font file that has these characters, each a filled square."""

    def make(chars, name="made.ttf"):
        pen = TTGlyphPen(None)
        pen.moveTo((0, 0))
        for point in ((0, 700), (700, 700), (700, 0)):
            pen.lineTo(point)
        pen.closePath()
        names = [".notdef", *(f"u{ord(c):04X}" for c in chars)]
        builder = FontBuilder(1000, isTTF=True)
        builder.setupGlyphOrder(names)
        builder.setupCharacterMap({ord(c): f"u{ord(c):04X}" for c in chars})
        builder.setupGlyf(dict.fromkeys(names, pen.glyph()))
        builder.setupHorizontalMetrics(dict.fromkeys(names, (800, 0)))
        builder.setupHorizontalHeader(ascent=800, descent=-200)
        builder.setupNameTable({"familyName": "Made", "styleName": "Regular"})
        builder.setupOS2()
        builder.setupPost()
        builder.save(tmp_path / name)
        return tmp_path / name

    return make


@pytest.fixture
def installed(monkeypatch):
    """A machine on which just these fonts are installed."""

    def install(*paths):
        from matplotlib import font_manager

        monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(p) for p in paths])
        for cached in (fonts._installed, fonts.font_for, fonts.warn_of_missing):
            cached.cache_clear()

    yield install
    for cached in (fonts._installed, fonts.font_for, fonts.warn_of_missing):
        cached.cache_clear()


# Fonts


@pytest.mark.parametrize("text", ["오만원 50000", "Ten_front <b>", "똠방각하 뷁", "1,000원…", ""])
def test_the_packaged_font_draws_korean_and_latin(text):
    assert fonts.font_for(text) == fonts.packaged()
    assert fonts.missing([text]) == ""


@pytest.mark.parametrize("text", ["ґривня", "τράπεζα", "דולר", "دينار"])
def test_matplotlibs_font_draws_what_the_packaged_one_has_not(text):
    assert fonts.font_for(text).name == "DejaVuSans.ttf"


def test_an_installed_font_is_found_for_a_script_that_neither_has(font_with, installed):
    other, thai = font_with("abc", "abc.ttf"), font_with("ไทย", "thai.ttf")
    installed(other, thai)
    assert fonts.font_for("ไทย") == thai


def test_a_plain_style_is_taken_before_a_bold_one(font_with, installed):
    bold, plain_one = font_with("ไทย", "A-Bold.ttf"), font_with("ไทย", "B-Regular.ttf")
    installed(bold, plain_one)
    assert fonts.font_for("ไทย") == plain_one


def test_a_broken_font_file_is_passed_over(font_with, installed, tmp_path):
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    installed(tmp_path / "broken.ttf", font_with("ไทย"))
    assert fonts.font_for("ไทย").name == "made.ttf"


def test_a_font_that_draws_only_placeholders_is_not_taken(font_with, installed):
    installed(font_with("ไทย", "LastResort.ttf"))
    assert fonts.missing(["ไทย"]) == "".join(sorted("ไทย"))


def test_the_font_of_the_users_choice_comes_first(font_with):
    mine = font_with("abc")
    assert fonts.font_for("abc", mine) == mine
    assert fonts.font_for("원", mine) == fonts.packaged()


def test_a_text_of_several_scripts_changes_its_font_on_the_way(font_with, installed):
    installed(font_with("ไทย", "thai.ttf"))
    runs = fonts.runs("5만원 ไทย Ґ")
    assert [path.name for _, path in runs] == ["NanumGothic.ttf", "thai.ttf", "DejaVuSans.ttf"]
    assert "".join(text for text, _ in runs) == "5만원 ไทย Ґ"


def test_characters_that_cannot_be_drawn_are_told_once(installed, caplog):
    installed()
    for _ in range(3):
        draw.draw_boxes(plain(), one(), ("원", "ไท"))
    (record,) = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert "ท ไ (U+0E17, U+0E44)" in record.getMessage()
    assert "--font" in record.getMessage()


def test_a_font_that_is_none_is_refused(tmp_path):
    (tmp_path / "mine.ttf").write_bytes(b"no font")
    with pytest.raises(BoxwrightError, match=r"mine\.ttf: is no font"):
        draw.draw_boxes(plain(), one(), ("원",), font=tmp_path / "mine.ttf")


# Boxes


def test_the_line_runs_inside_the_box():
    drawn = draw.draw_boxes(plain(), one(), ("a",)) != GREY
    rows, columns = np.flatnonzero(drawn.any(axis=(1, 2))), np.flatnonzero(drawn.any(axis=(0, 2)))
    assert (columns[0], columns[-1]) == pytest.approx((100, 299), abs=1)
    assert rows[-1] == pytest.approx(199, abs=1)
    assert not drawn[110:190, 110:290].any()


def test_the_picture_that_is_given_is_not_drawn_on():
    picture = plain()
    draw.draw_boxes(picture, one(), ("a",))
    assert (picture == GREY).all()


def test_a_korean_name_is_drawn_as_letters(installed):
    installed()
    korean, boxes = (draw.draw_boxes(plain(), one(), (name,)) for name in ("원", "ไ"))
    assert (korean[80:100, 100:125] != boxes[80:100, 100:125]).any()


def test_different_names_look_different():
    one_, other = (draw.draw_boxes(plain(), one(), (name,)) for name in ("오만원", "오천원"))
    assert (one_ != other).any()


def test_the_score_can_be_left_out():
    with_, without = (
        draw.draw_boxes(plain(), one(), ("a",), scores=scores) != GREY for scores in (True, False)
    )
    assert with_[:95].sum() > without[:95].sum() > 0


@pytest.mark.parametrize("size", [(64, 48), (320, 240), (1920, 1080), (4000, 3000)])
def test_letters_are_legible_on_pictures_of_every_size(size):
    picture = draw.draw_boxes(plain(*size), one((0, size[1] // 2, 30, size[1] - 1)), ("원",))
    plate = np.flatnonzero((picture[: size[1] // 2] != GREY).any(axis=(1, 2)))
    assert len(plate) >= max(12, size[1] * 0.02)


def test_a_label_at_the_top_goes_into_its_box():
    picture = draw.draw_boxes(plain(), one((100, 0, 300, 200)), ("원",))
    assert (picture[2:15, 105:140] != GREY).any(axis=2).all()


def test_labels_do_not_cover_each_other():
    boxes = Boxes.of([0, 0], [0, 1], [(100, 100, 300, 200), (102, 101, 302, 201)], score=[0.9, 0.8])
    picture = draw.draw_boxes(plain(), boxes, ("first", "second"))
    alone = draw.draw_boxes(plain(), boxes.take(np.array([0])), ("first", "second"))
    assert (picture[84:98, 100:170] == alone[84:98, 100:170]).all()


def test_a_long_name_is_cut_in_the_middle_to_fit():
    name = "a" + "m" * 300 + "z"
    picture = draw.draw_boxes(plain(200, 100), one((10, 50, 60, 90)), (name,))
    assert picture.shape == (100, 200, 3)
    assert draw._shortened(name, 7) == "ammm…mmz"


def test_an_outline_is_drawn():
    outline = Outlines.of([[(100, 200), (200, 100), (300, 150)]])
    picture = draw.draw_boxes(plain(), one(outline=outline), ("a",))
    assert (picture[149:152, 149:152] != GREY).any()


@given(
    st.integers(1, 200), st.integers(1, 200),
    st.lists(st.tuples(*[st.floats(-300, 500)] * 4, st.integers(0, 2)), max_size=5),
)  # fmt: skip
def test_any_box_on_any_picture(width, height, rows):
    boxes = Boxes.of([0] * len(rows), [r[4] for r in rows], [r[:4] for r in rows])
    drawn = draw.draw_boxes(plain(width, height), boxes, ("원", "x" * 50, ""))
    assert drawn.shape == (height, width, 3)
    assert bool(rows) == bool((drawn != GREY).any())


def test_colours_of_neighbours_are_far_apart_and_stay():
    colours = np.array([draw.colour(i) for i in range(20)], dtype=float)
    apart = np.linalg.norm(colours[1:] - colours[:-1], axis=1)
    assert apart.min() > 100
    assert len({draw.colour(i) for i in range(80)}) == 80
    assert draw.colour(0) == (25, 53, 255)


# Sheets


def test_a_contact_sheet_holds_every_picture():
    pictures = [np.full((60, 80, 3), value, dtype=np.uint8) for value in (10, 20, 30, 40, 50)]
    sheet = draw.contact_sheet(pictures, ["한글 이름.jpg"] * 5, columns=3, side=100)
    for picture in pictures:
        assert (sheet == picture[0, 0]).all(axis=2).sum() >= 60 * 80
    assert sheet.shape[1] == 3 * (100 + 2 * 4)


def test_a_file_with_an_unknown_ending_is_refused(tmp_path):
    with pytest.raises(BoxwrightError, match=r"\.jpg or \.png"):
        draw.save(tmp_path / "sheet.doc", plain())
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(BoxwrightError, match="cannot write here"):
        draw.save(tmp_path / "gone" / "sheet.png", plain())


# Preview


@pytest.fixture
def dataset(tmp_path):
    """Thirty pictures: 24 of class a, 3 of b, 2 of c, a background; the last ten are val."""
    labels = ["a"] * 24 + ["b"] * 3 + ["c"] * 2 + [""]
    paths = [str(tmp_path / f"{i}.png") for i in range(30)]
    for path in paths:
        cv2.imwrite(path, plain(64, 48))
    held = [i for i, label in enumerate(labels) if label]
    boxes = Boxes.of(held, ["abc".index(labels[i]) for i in held], [(10, 20, 40, 40)] * len(held))
    images = Images.of(
        [f"{i}.png" for i in range(30)], paths, [(64, 48)] * 30,
        split=["train"] * 20 + ["val"] * 10,
    )  # fmt: skip
    return Dataset(tmp_path, ("a", "b", "c"), images, boxes)


def test_rare_classes_and_backgrounds_are_shown_too(dataset):
    rows = choose(dataset, PreviewOptions(count=8))
    assert len(set(rows)) == 8
    assert {27, 28, 29} < set(rows)
    assert sum(row < 24 for row in rows) == 3


def test_the_seed_chooses(dataset):
    chosen = [choose(dataset, PreviewOptions(seed=seed)) for seed in (0, 0, 1)]
    assert chosen[0] == chosen[1] != chosen[2]


def test_only_a_split_or_a_class(dataset):
    assert set(choose(dataset, PreviewOptions(split="val", count=40))) == set(range(20, 30))
    assert set(choose(dataset, PreviewOptions(class_name="b"))) == {24, 25, 26}


@pytest.mark.parametrize(
    ("options", "said"), [({"split": "test"}, "train, val"), ({"class_name": "d"}, "a, b, c")]
)
def test_an_unknown_split_or_class_is_refused_with_those_there_are(dataset, options, said):
    with pytest.raises(BoxwrightError, match=said):
        preview(dataset, PreviewOptions(**options))


def test_a_picture_that_is_gone_is_named(dataset, tmp_path):
    (tmp_path / "3.png").unlink()
    with pytest.raises(DataError, match=r"3\.png"):
        preview(dataset, PreviewOptions(count=30))


def test_the_command_writes_a_sheet(tmp_path):
    for split in ("train", "val"):
        (tmp_path / "images" / split / "한글").mkdir(parents=True)
        (tmp_path / "labels" / split / "한글").mkdir(parents=True)
        data = cv2.imencode(".jpg", plain())[1].tobytes()
        (tmp_path / "images" / split / "한글" / "오 만.jpg").write_bytes(data)
        (tmp_path / "labels" / split / "한글" / "오 만.txt").write_text("0 0.5 0.5 0.4 0.4\n")
    (tmp_path / "data.yaml").write_text(
        "names: ['오만원 <b>']\ntrain: images/train\nval: images/val\n", encoding="utf-8"
    )
    command = [sys.executable, "-m", "pipeline", "preview", ".", "--split", "val", "--out", "a.png"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    sheet = cv2.imread(str(tmp_path / "a.png"))
    assert f"a.png: {sheet.shape[1]}x{sheet.shape[0]} pixels" in done.stdout
    assert done.stderr == ""
