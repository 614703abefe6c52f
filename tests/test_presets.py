"""The presets of augmentation: their files, their ranges, what they cannot do. Under a second."""

from __future__ import annotations

import re
from typing import get_args, get_type_hints

import msgspec
import pytest

from pipeline.augment import mirror
from pipeline.errors import BoxwrightError
from pipeline.training import presets
from pipeline.training.presets import Hyp

NAMES = ["extreme", "light", "moderate", "money", "none", "perspective", "rotated", "short"]
LOSSES = {"box", "cls", "dfl", "cls_pw"}
HINTS = get_type_hints(Hyp, include_extras=True)


def lines(name):
    """Key, value and comment of every line of a preset's file."""
    text = (presets.configs() / "hyp" / f"{name}.yaml").read_text("utf-8")
    body = [line for line in text.splitlines() if line and not line.startswith("#")]
    found = [re.fullmatch(r"(\w+): (\S+) # (.+)", line) for line in body]
    assert all(found), "a line without a value and a comment"
    return [match.groups() for match in found]


def span(key):
    """The range of a key as the files say it."""
    words = get_args(HINTS[key])
    if all(isinstance(word, str) for word in words):
        return " or ".join(words)
    low, high = (getattr(words[1], end) for end in ("ge", "le"))
    return f"{low:g} or more" if high is None else f"{low:g} to {high:g}"


def test_there_are_these_presets():
    assert presets.names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_line_says_its_range(name):
    for key, _, comment in lines(name):
        assert comment.startswith(span(key)), key


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_names_every_change_of_pictures(name):
    assert {key for key, *_ in lines(name)} | LOSSES == set(HINTS)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_preset_loads_is_what_its_file_says(name):
    values = presets.load(name)
    for key, value, _ in lines(name):
        assert str(values[key]) == value or float(values[key]) == float(value)


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_says_how_to_look_at_it(name):
    text = (presets.configs() / "hyp" / f"{name}.yaml").read_text("utf-8")
    assert f"boxwright augment PREPARED --hyp {name}" in text
    assert f"`hyp: {name}`" in text


def test_none_changes_nothing():
    off = {key: value for key, value in presets.load("none").items() if key not in LOSSES}
    assert set(off.values()) == {0, "flip"}


def test_money_is_as_the_first_team_had_it():
    money = presets.load("money")
    assert (money["degrees"], money["perspective"]) == (90, 0.001)
    assert min(money["fliplr"], money["flipud"], money["copy_paste"]) > 0


def test_presets_for_things_with_numerals_mirror_nothing():
    for name in ("light", "short", "rotated", "perspective"):
        assert not mirror.warnings(["Ten"], presets.load(name))


def out_of_range():
    for key, hint in HINTS.items():
        limits = [part for part in get_args(hint) if isinstance(part, msgspec.Meta)]
        for limit in limits:
            yield key, limit.ge - 1
            if limit.le is not None:
                yield key, limit.le * 1.01 + 0.001
    yield "copy_paste_mode", "sideways"


@pytest.mark.parametrize(("key", "value"), [*out_of_range()])
def test_a_value_out_of_its_range_is_refused(tmp_path, key, value):
    file = tmp_path / "mine.yaml"
    file.write_text(f"{key}: {value}\n")
    with pytest.raises(BoxwrightError, match=rf"{key}: .*does not fit"):
        presets.load(str(file))


def test_everything_wrong_is_said_at_once_with_the_near_name(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("degree: 5\nmosiac: 1\nfliplr: x\n")
    with pytest.raises(BoxwrightError) as raised:
        presets.load(str(file))
    said = str(raised.value)
    assert "did you mean 'degrees'" in said
    assert "did you mean 'mosaic'" in said
    assert "fliplr: 'x' does not fit" in said


def test_an_unknown_preset_is_refused_with_those_there_are():
    with pytest.raises(BoxwrightError, match="money, none, perspective"):
        presets.load("rotate")


# What a preset cannot do


@pytest.mark.parametrize(
    "name", ["none", "light", "short", "moderate", "rotated", "perspective", "extreme"]
)
def test_our_own_presets_do_what_they_are_meant_to_at_640(name):
    assert not presets.doubts(presets.load(name), 640, outlined=False)


@pytest.mark.parametrize(("mosaic", "imgsz", "said"), [(1.0, 512, 1), (1.0, 480, 0), (0.0, 960, 0)])
def test_a_perspective_that_turns_over_the_corners_is_said(mosaic, imgsz, said):
    hyp = {**presets.load("none"), "perspective": 0.001, "mosaic": mosaic}
    assert len(presets.doubts(hyp, imgsz, outlined=True)) == said


def test_copy_paste_without_outlines_is_said():
    hyp = {**presets.load("none"), "copy_paste": 0.3}
    assert "no label has an outline" in presets.doubts(hyp, 640, outlined=False)[0]
    assert not presets.doubts(hyp, 640, outlined=True)


# Classes that read differently in a mirror

READS = {
    "left or right": ["left_hand", "TurnRight", "arrow left", "왼손", "우회전 표시"],
    "numerals": ["Ten", "FiveHundred_front", "speed limit 50", "7", "천원", "만 원", "#2"],
    "text": ["stop sign", "logo", "B", "license plate", "번호판", "coin"],
}


@pytest.mark.parametrize(
    ("name", "why"), [(name, why) for why, names in READS.items() for name in names]
)
def test_a_class_that_reads_differently_in_a_mirror_is_known_by_its_name(name, why):
    assert mirror.reads(name) == why


@pytest.mark.parametrize(
    "name",
    ["RBC", "tennis ball", "person", "class 2", "class_0", "type-3", "A", "0", "plate", "bright",
     "Weight", "사과", "cleft", "signal"],
)  # fmt: skip
def test_other_classes_are_not(name):
    assert mirror.reads(name) == ""


@pytest.mark.parametrize(
    ("hyp", "named"),
    [
        ({"fliplr": 0.5}, "fliplr 0.5"),
        ({"flipud": 0.1}, "flipud 0.1"),
        ({"copy_paste": 0.3}, "copy_paste 0.3"),
    ],
)
def test_what_mirrors_is_warned_of_by_name(hyp, named):
    values = {**presets.load("none"), **hyp}
    (said,) = mirror.warnings(["apple", "Ten"], values)
    assert said.startswith(named)
    assert "Ten (numerals)" in said
    assert "apple" not in said


@pytest.mark.parametrize(
    "hyp", [{}, {"quarter_turns": 1.0}, {"copy_paste": 0.3, "copy_paste_mode": "mixup"}]
)
def test_what_does_not_mirror_is_not_warned_of(hyp):
    assert not mirror.warnings(["Ten"], {**presets.load("none"), **hyp})


def test_up_and_down_are_warned_of_when_pictures_are_turned_over():
    hyp = presets.load("none")
    assert not mirror.warnings(["arrow up"], {**hyp, "fliplr": 0.5})
    assert "up or down" in mirror.warnings(["arrow up"], {**hyp, "flipud": 0.5})[0]


def test_many_classes_are_counted_not_listed():
    (said,) = mirror.warnings([f"no {n} won" for n in range(30)], {"fliplr": 0.5})
    assert "and 22 more" in said
