"""Gaps between the splits and differences between sources, planted and found. About 15 s."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import training
import typer
import yaml
from evaluating import CLASSES, shaken, with_crowds
from hypothesis import given, settings
from hypothesis import strategies as st
from making import boxwright

from pipeline.cli.app import app
from pipeline.dataset import Boxes, Dataset, Images, strings
from pipeline.errors import DataErrors
from pipeline.evaluation import advice, distance, effects, gaps, measures, mismatch, resampling
from pipeline.evaluation import run as evaluation
from pipeline.evaluation.distance import OneSourceError, Pictures
from pipeline.evaluation.metrics import metrics
from pipeline.evaluation.mismatch import MismatchOptions
from pipeline.evaluation.resampling import Score, interval

# --- scores and how they vary


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_evaluate(seed):
    truth, predictions = shaken(seed)
    truth = with_crowds(truth)
    found = resampling.scores(truth, predictions, [0, 1, 2], 20, 0)
    own = metrics(truth, predictions)
    assert found["mAP50"].value == pytest.approx(own["mAP50"], abs=1e-6)
    assert found["mAP50-95"].value == pytest.approx(own["mAP50-95"], abs=1e-6)


def test_a_picture_that_counts_twice_is_as_if_it_were_there_twice():
    truth, predictions = shaken(3, count=12, boxes=80, false=40)
    weight = np.arange(12) % 3
    found = [
        resampling.average_precision(
            resampling.match(truth, predictions, label), weight.astype(float)
        )
        for label in range(3)
    ]
    many = [repeated(data, weight) for data in (truth, predictions)]
    rows = metrics(*many)["classes"]
    assert [one.mean() for one in found] == pytest.approx([r["AP50-95"] for r in rows], abs=1e-6)


def repeated(data, times):
    rows = np.repeat(np.arange(len(times)), times)
    parts = [np.arange(s.start, s.stop) for s in data.per_image()]
    boxes = data.boxes.take(np.concatenate([parts[row] for row in rows]))
    image = np.repeat(np.arange(len(rows)), [len(parts[row]) for row in rows])
    return replace(data, images=data.images.take(rows), boxes=replace(boxes, image=image))


def test_the_interval_holds_the_score_and_is_the_same_again():
    truth, predictions = shaken(0)
    first, second = (resampling.scores(truth, predictions, [0, 1], 100, 5)["mAP50"] for _ in "ab")
    low, high = interval(first.draws)
    assert low < first.value < high
    assert (first.draws == second.draws).all()


def test_shots_of_one_thing_are_drawn_as_one():
    truth, predictions = shaken(0, count=60)
    good = np.arange(60) < 30  # half of the pictures are found, group by group
    predictions = predictions.keep_boxes(good[predictions.boxes.image])
    groups = strings([f"g{i // 6}" for i in range(60)])
    grouped = replace(truth, images=replace(truth.images, group=groups))
    wide, narrow = (
        np.subtract(
            *interval(resampling.scores(data, predictions, [0, 1, 2], 100, 0)["mAP50"].draws)
        )
        for data in (grouped, truth)
    )
    assert wide < 1.5 * narrow < 0


def test_too_few_groups_give_no_interval():
    truth, predictions = shaken(0)
    one = replace(truth, images=replace(truth.images, group=strings(["film"] * 40)))
    assert interval(resampling.scores(one, predictions, [0], 20, 0)["mAP50"].draws) is None


@given(st.integers(1, 60), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_a_sample_is_of_whole_groups_but_for_one(count, seed):
    group = strings([f"g{i // 4}" for i in range(40)])
    rows = mismatch.sample(np.arange(40), group, count, seed)
    assert len(rows) == len(set(rows.tolist())) == min(count, 40)
    sizes = np.unique(group[rows].astype(str), return_counts=True)[1]
    assert np.count_nonzero(sizes < 4) <= 1


# --- the reading


def made_up(spread=0.01, **values):
    draw = np.random.default_rng(0)
    return {name: Score(v, v + draw.normal(0, spread, 400)) for name, v in values.items()}


def read(scores, wanted=1.0):
    found = gaps.gaps(scores, wanted)
    verdict = gaps.judge(found)
    return found, verdict, advice.sentences(found, verdict)


@pytest.mark.parametrize(
    ("largest", "values"),
    [
        ("bias", (0.6, 0.58, 0.55, 0.55)),
        ("variance", (0.95, 0.7, 0.68, 0.66)),
        ("data mismatch", (0.95, 0.9, 0.6, 0.58)),
        ("over-tuning", (0.95, 0.92, 0.88, 0.6)),
    ],
)
def test_the_largest_gap_is_named_with_what_to_try(largest, values):
    scores = made_up(**dict(zip(gaps.STEPS, values, strict=True)))
    found, verdict, said = read(scores)
    assert [gap.name for gap in found] == ["bias", "variance", "data mismatch", "over-tuning"]
    assert verdict.largest.name == largest
    assert not verdict.rivals
    assert said[:2] == [
        f"The largest gap is {largest} ({advice.told(verdict.largest)}).",
        advice.MEANS[largest],
    ]
    assert list(advice.to_try(verdict)) == [largest]


def test_gaps_add_up_to_what_is_lost_in_all():
    found, _, _ = read(made_up(train=0.9, train_dev=0.8, val=0.7, test=0.65))
    assert sum(gap.score.value for gap in found) == pytest.approx(1 - 0.65)


def test_without_train_dev_variance_and_mismatch_are_one_and_how_to_part_them_is_told():
    found, verdict, said = read(made_up(train=0.95, val=0.6, test=0.6))
    assert verdict.largest.name == "variance or data mismatch"
    assert any("boxwright convert --train-dev 0.05" in line for line in said)
    assert list(advice.to_try(verdict)) == ["variance", "data mismatch"]
    assert [gap.end for gap in found] == ["train", "val", "test"]


def test_without_test_over_tuning_is_said_to_be_unknown():
    _, _, said = read(made_up(train=0.95, train_dev=0.9, val=0.6))
    assert advice.NO_TEST in said


def test_gaps_whose_intervals_overlap_cannot_be_told_apart():
    _, verdict, said = read(made_up(0.05, train=0.95, train_dev=0.75, val=0.58, test=0.57))
    assert {gap.name for gap in verdict.rivals} >= {"data mismatch"}
    assert "cannot be told apart from" in said[0]


def test_small_gaps_are_called_chance():
    _, verdict, said = read(made_up(0.05, train=0.99, train_dev=0.98, val=0.99, test=0.98))
    assert verdict.largest is None
    assert said[0] == "No gap is larger than chance makes."


def test_a_val_that_is_easier_is_said_to_be():
    _, _, said = read(made_up(train=0.7, train_dev=0.6, val=0.8, test=0.8))
    assert "val scores 0.200 better than train_dev: its pictures are easier." in said


def test_a_lower_wanted_score_is_less_bias():
    found, verdict, _ = read(made_up(train=0.8, train_dev=0.7, val=0.69, test=0.69), wanted=0.82)
    assert found[0].score.value == pytest.approx(0.02)
    assert verdict.largest.name == "variance"


def test_without_intervals_nothing_is_called_largest():
    scores = {name: Score(v, np.full(20, np.nan)) for name, v in (("train", 0.9), ("val", 0.1))}
    _, verdict, said = read(scores)
    assert verdict.largest is None
    assert "cannot be told: a split has too few pictures" in said[0]


# --- the table


def known(monkeypatch, data, right):
    """A model that finds the boxes of the pictures where `right` is true."""

    def predict(_weights, truth, _looking, _track):
        rows = np.flatnonzero(np.isin(data.images.name, truth.images.name))
        kept = truth.keep_boxes(right[rows][truth.boxes.image])
        return replace(kept, boxes=replace(kept.boxes, score=np.full(len(kept.boxes), 0.9)))

    monkeypatch.setattr(evaluation, "predict", predict)


def splits_and_origins(count=40):
    names = [f"{i:04d}.jpg" for i in range(4 * count)]
    split = np.repeat(list(gaps.STEPS), count)
    origin = np.where(np.arange(4 * count) % 2, "shop", "<b>phone</b>")
    images = Images.of(names, names, [[100, 100]] * 4 * count, split=split.tolist())
    images = replace(images, origin=strings(origin.tolist()))
    label = np.arange(4 * count) % 4 // 2
    boxes = Boxes.of(np.arange(4 * count), label, [[10, 10, 60, 60]] * 4 * count)
    return Dataset(Path("none"), CLASSES, images, boxes)


def test_the_table_scores_every_split_and_val_by_origin(monkeypatch):
    data = splits_and_origins()
    split, origin = data.images.split, data.images.origin
    known(monkeypatch, data, ~np.isin(split, ["val", "test"]) | (origin == "shop"))
    table = mismatch.compare(Path("w.pt"), data, MismatchOptions(), evaluation.EvaluateOptions())
    scores = {row["split"]: row["mAP50"]["value"] for row in table["splits"]}
    assert scores["train"] == scores["train_dev"] == 1
    assert scores["val"] < 0.6
    assert table["largest"] == "data mismatch"
    by_origin = {row["origin"]: row["mAP50"]["value"] for row in table["val_by_origin"]}
    assert by_origin == {"<b>phone</b>": 0, "shop": 1}


def test_only_classes_that_every_split_has_count(monkeypatch):
    data = splits_and_origins()
    label = np.where((data.images.split == "test") & (data.boxes.label == 1), 2, data.boxes.label)
    data = replace(data, boxes=replace(data.boxes, label=label))
    known(monkeypatch, data, np.ones(160, dtype=bool))
    table = mismatch.compare(Path("w.pt"), data, MismatchOptions(), evaluation.EvaluateOptions())
    assert table["classes"] == [CLASSES[0]]
    assert table["left_out"] == list(CLASSES[1:])


def test_splits_without_a_common_class_are_said_to_be_so(monkeypatch):
    data = splits_and_origins()
    label = np.where(data.images.split == "test", 2, data.boxes.label)
    data = replace(data, boxes=replace(data.boxes, label=label))
    known(monkeypatch, data, np.ones(160, dtype=bool))
    table = mismatch.compare(Path("w.pt"), data, MismatchOptions(), evaluation.EvaluateOptions())
    assert table["sentences"] == [advice.NOTHING]
    assert {row["mAP50"]["value"] for row in table["splits"]} == {None}


def test_no_more_pictures_are_looked_at_than_asked_for_and_of_train_no_more_than_of_val(
    monkeypatch,
):
    data = splits_and_origins()
    data = data.keep_images((data.images.split != "val") | (np.arange(160) % 2 == 0))
    known(monkeypatch, data, np.ones(len(data.images), dtype=bool))
    options = MismatchOptions(pictures=30)
    table = mismatch.compare(Path("w.pt"), data, options, evaluation.EvaluateOptions())
    looked = {row["split"]: (row["pictures"], row["of"]) for row in table["splits"]}
    assert looked == {"train": (20, 40), "train_dev": (30, 40), "val": (20, 20), "test": (30, 40)}


# --- effects


def way_of(second, unit=None, permutations=20, seed=0):
    second = np.asarray(second, dtype=bool)
    unit = np.arange(len(second)) if unit is None else np.asarray(unit)
    return effects.deal(unit, second, permutations, seed)


samples = st.lists(st.integers(-5, 5), min_size=1, max_size=20)


@given(samples, samples)
def test_cliffs_delta_is_that_of_all_pairs_and_turns_its_sign(first, second):
    values = np.array([*first, *second], dtype=float)[:, None]
    later = np.arange(len(values)) >= len(first)
    plain = np.mean([np.sign(b - a) for a in first for b in second])
    found = effects.cliffs_delta(values, way_of(later))[0, 0]
    assert found == pytest.approx(plain)
    assert effects.cliffs_delta(values, way_of(~later))[0, 0] == pytest.approx(-plain)


@given(samples)
def test_nothing_differs_from_itself(values):
    twice = np.array(values * 2, dtype=float)
    later = np.arange(len(twice)) >= len(values)
    counts = np.abs(twice[:, None]) * [1, 2]
    assert effects.cliffs_delta(twice[:, None], way_of(later))[0, 0] == pytest.approx(0)
    assert effects.total_variation(counts, way_of(later))[0] == pytest.approx(0)
    assert effects.energy(counts, way_of(later))[0] <= 1e-9


@given(samples, samples, st.randoms(use_true_random=False))
def test_distances_are_symmetric_and_know_no_order(first, second, shuffle):
    values = np.array([*first, *second], dtype=float)
    later = np.arange(len(values)) >= len(first)
    order = list(range(len(values)))
    shuffle.shuffle(order)
    points = np.column_stack([values, np.abs(values)])
    for distance_of in (effects.energy, effects.total_variation):
        given_points = np.abs(points)
        found = distance_of(given_points, way_of(later))[0]
        assert distance_of(given_points, way_of(~later))[0] == pytest.approx(found, abs=1e-9)
        mixed = distance_of(given_points[order], way_of(later[order]))[0]
        assert mixed == pytest.approx(found, abs=1e-9)


def test_a_measure_that_is_missing_is_left_out():
    values = np.array([[1.0], [np.nan], [3.0], [np.nan]])
    assert effects.cliffs_delta(values, way_of([0, 0, 1, 1]))[0, 0] == 1
    assert np.isnan(effects.cliffs_delta(values, way_of([0, 1, 0, 1]))[0, 0])


def test_samples_far_apart_have_an_energy_distance_near_one():
    points = np.vstack([np.random.default_rng(0).normal(at, 0.1, (20, 2)) for at in (0, 50)])
    assert effects.energy(points, way_of(np.arange(40) >= 20))[0] > 0.99


# --- sources


def measured(draw, groups=20, shots=5, spread=1.0):
    """Two equal sources of pictures that are alike within a group."""
    unit = np.repeat(np.arange(2 * groups), shots)
    middle = draw.normal(0, spread, (2 * groups, len(measures.ALL)))
    look = draw.normal(0, spread, (2 * groups, 10))
    return Pictures(
        by="origin",
        sources=["a", "b"],
        source=strings(np.where(unit < groups, "a", "b").tolist()),
        unit=unit,
        values=middle[unit] + draw.normal(0, 0.2, (len(unit), len(measures.ALL))),
        classes=draw.multinomial(3, [0.5, 0.3, 0.2], 2 * groups)[unit].astype(float),
        descriptor=look[unit] + draw.normal(0, 0.2, (len(unit), 10)),
        names=CLASSES,
    )


def test_equal_sources_are_seldom_said_to_differ():
    draw, options = np.random.default_rng(0), MismatchOptions(permutations=199)
    pairs = [distance.differences(measured(draw), options)["pairs"][0] for _ in range(60)]
    assert sum(pair["differ"] for pair in pairs) <= 4
    assert "no difference that chance does not make" in next(
        pair["sentence"] for pair in pairs if not pair["differ"]
    )


def test_a_mix_of_rare_classes_hides_no_other_measure():
    draw = np.random.default_rng(0)
    pictures = measured(draw, shots=1)
    second = pictures.source == "b"
    classes = draw.multinomial(1, np.full(40, 1 / 40), len(second)).astype(float)
    values = pictures.values + 1.6 * second[:, None] * (np.arange(len(measures.ALL)) == 0)
    names = tuple(f"c{i}" for i in range(40))
    pictures = replace(pictures, classes=classes, values=values, names=names)
    rows = distance.differences(pictures, MismatchOptions())["pairs"][0]["measures"]
    assert [row["measure"] for row in rows if row["differs"]] == ["brightness"]
    assert max(rows, key=lambda row: row["effect"])["measure"] in {"brightness", "class mix"}


def test_shots_taken_for_independent_would_raise_false_alarms():
    draw, options = np.random.default_rng(0), MismatchOptions(permutations=199)
    pictures = [measured(draw) for _ in range(10)]
    loose = [replace(one, unit=np.arange(len(one.unit))) for one in pictures]
    alarms = [distance.differences(one, options)["pairs"][0]["differ"] for one in loose]
    assert sum(alarms) > 5


def test_too_few_groups_tell_nothing():
    pictures = measured(np.random.default_rng(0), groups=3, shots=30)
    values = pictures.values + 50 * (pictures.source == "b")[:, None]
    pair = distance.differences(replace(pictures, values=values), MismatchOptions())["pairs"][0]
    assert not pair["differ"]
    assert "too few to tell a difference from chance (3 and 3" in pair["sentence"]


def scene(seed):
    """A picture with texture and colour, and two boxes in it."""
    draw = np.random.default_rng(seed)
    coarse = draw.integers(60, 200, (6, 8, 3)).astype(np.float32)
    grains = draw.normal(0, 20, (24, 32, 3)).astype(np.float32).repeat(4, axis=0).repeat(4, axis=1)
    pixels = cv2.resize(coarse, (128, 96), interpolation=cv2.INTER_CUBIC) + grains
    corner = draw.uniform(0, 40, (2, 2))
    return pixels, np.hstack([corner, corner + draw.uniform(25, 45, (2, 2))])


@pytest.fixture(scope="module")
def scenes():
    return [scene(seed) for seed in range(60)]


def planted(folder, scenes, change=lambda p: p, size=1.0, label=None, quality=90):
    """Two sources of 30 pictures; the second is changed."""
    rows, boxes = [], []
    for number, (pixels, xyxy) in enumerate(scenes):
        second = number >= 30
        picture = change(pixels) if second else pixels
        path = folder / f"{number}.jpg"
        how = [cv2.IMWRITE_JPEG_QUALITY, quality if second else 90]
        path.write_bytes(
            cv2.imencode(".jpg", picture.clip(0, 255).astype(np.uint8), how)[1].tobytes()
        )
        rows.append(str(path))
        scale = size if second else 1.0
        labels = label if second and label else (number % 2, 1)
        boxes += [
            (number, kind, *one[:2], *(one[:2] + (one[2:] - one[:2]) * scale))
            for kind, one in zip(labels, xyxy, strict=True)
        ]
    images = Images.of(rows, rows, [[128, 96]] * len(rows), split=["train"] * len(rows))
    origin = strings(["가게" if i < 30 else "<i>phone</i>" for i in range(len(rows))])
    columns = np.array(boxes)
    found = Boxes.of(columns[:, 0], columns[:, 1], columns[:, 2:])
    return Dataset(folder, CLASSES, replace(images, origin=origin), found)


PLANTED = {
    "nothing": ({}, set()),
    "dark": ({"change": lambda p: p * 0.6}, {"brightness": -1, "contrast": -1, "saturation": -1}),
    "blurred": (
        {"change": lambda p: cv2.GaussianBlur(p, (0, 0), 2)},
        {"sharpness": -1, "noise": -1},
    ),
    "yellow": ({"change": lambda p: p * [0.7, 1, 1]}, {"blue to yellow": 1}),
    "noisy": (
        {"change": lambda p: p + np.random.default_rng(9).normal(0, 25, p.shape)},
        {"noise": 1, "sharpness": 1},
    ),
    "small": ({"size": 0.5}, {"object size": -1}),
    "classes": ({"label": (2, 2)}, {"class mix": 1}),
    "compressed": ({"quality": 40}, {"JPEG quality": -1}),
}


@pytest.mark.parametrize("what", PLANTED)
def test_what_was_planted_is_named_with_its_direction(tmp_path, scenes, what):
    how, expected = PLANTED[what]
    pictures = distance.look(planted(tmp_path, scenes, **how), MismatchOptions())
    pair = distance.differences(pictures, MismatchOptions())["pairs"][0]
    named = {row["measure"]: np.sign(row["effect"]) for row in pair["measures"] if row["differs"]}
    assert expected.items() <= named.items() if expected else not named
    untouched = {"object size", "class mix", "objects", "JPEG quality"} - set(expected)
    assert not untouched & set(named)


def test_a_dark_source_is_called_neither_blurred_nor_sharp(tmp_path, scenes):
    data = planted(tmp_path, scenes, change=lambda p: p * 0.4)
    found = distance.differences(distance.look(data, MismatchOptions()), MismatchOptions())
    assert "darker (brightness" in found["pairs"][0]["sentence"]
    assert "sharpness" not in found["pairs"][0]["sentence"]


def test_the_words_say_in_which_way_and_by_how_much(tmp_path, scenes):
    data = planted(tmp_path, scenes, size=0.5, label=(2, 2))
    found = distance.differences(distance.look(data, MismatchOptions()), MismatchOptions())
    said = found["pairs"][0]["sentence"]
    assert said.startswith("<i>phone</i>, compared with 가게, is ")
    assert "with smaller objects (object size 0.1" in said
    assert f"{CLASSES[2]} 100% of the objects against 0%" in said


def test_a_broken_picture_is_told_and_left_out(tmp_path, scenes, caplog):
    data = planted(tmp_path, scenes)
    Path(data.images.path[3]).write_bytes(b"no picture")
    pictures = distance.look(data, MismatchOptions())
    assert len(pictures.source) == 59
    assert "3.jpg" in caplog.text


def test_a_source_of_broken_pictures_only_is_an_error(tmp_path, scenes):
    data = planted(tmp_path, scenes)
    for path in data.images.path[30:]:
        Path(path).write_bytes(b"")
    with pytest.raises(DataErrors, match="30 problems"):
        distance.look(data, MismatchOptions())


def test_one_source_is_an_error(tmp_path, scenes):
    data = planted(tmp_path, scenes)
    data = data.keep_images(np.arange(60) < 30)
    with pytest.raises(OneSourceError, match="nothing to compare"):
        distance.look(data, MismatchOptions())


@pytest.mark.parametrize("quality", [25, 50, 75, 95])
def test_jpeg_quality_is_that_it_was_saved_at(quality):
    picture = scene(0)[0].clip(0, 255).astype(np.uint8)
    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    assert measures.jpeg_quality(data) == pytest.approx(quality, abs=1.5)


def test_a_png_has_no_jpeg_quality():
    data = cv2.imencode(".png", np.zeros((9, 9, 3), dtype=np.uint8))[1].tobytes()
    assert np.isnan(measures.jpeg_quality(data))


# --- the whole


def tree(folder, splits=("train_dev", "test"), count=8):
    """A prepared folder with more splits, groups and two origins."""
    training.prepare(folder, train=12, val=count)
    names = {"train": "images/train", "val": "images/val"}
    for number, split in enumerate(splits, 2):
        for place in range(count):
            training._write(folder, split, 1000 * number + place)
        names[split] = f"images/{split}"
    content = {**names, "names": dict(enumerate(training.CLASSES))}
    (folder / "data.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    lines = ["picture,group,origin"]
    for path in sorted((folder / "images").rglob("*.png")):
        name = path.relative_to(folder / "images").as_posix()
        origin = "공방 <b>1</b>" if "/가방 1/" in name else "shop"
        lines.append(f'{name},"{path.stem}",{origin}')
    (folder / "pictures.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on such a folder."""
    folder = tmp_path_factory.mktemp("mismatch")
    prepared = tree(folder / "data 1")
    made = boxwright("train", prepared, *training.flags(), "--runs", folder / "runs", "-q")
    assert made.returncode == 0, made.stderr
    assert "train_dev" in made.stdout
    return prepared, folder / "runs" / "data 1"


def test_a_training_leaves_the_table_in_its_run_and_on_its_page(trained):
    _, run = trained
    table = json.loads((run / "mismatch.json").read_text("utf-8"))["table"]
    assert [row["split"] for row in table["splits"]] == ["train", "train_dev", "val", "test"]
    assert len(table["val_by_origin"]) == 2
    page = (run / "report.html").read_text("utf-8")
    assert "Where the score is lost" in page
    assert "공방 &lt;b&gt;1&lt;/b&gt;" in page


def test_all_that_is_to_try_is_there():
    commands = typer.main.get_command(app).commands
    known = {name for one in commands.values() for p in one.params for name in p.opts}
    ideas = [idea for part in advice.TRY.values() for idea in part]
    words = " ".join([*ideas, advice.NO_TRAIN_DEV, advice.NO_TEST])
    assert set(re.findall(r"--[a-z-]+", words)) <= known
    assert set(re.findall(r"`boxwright (\w+)", words)) <= set(commands)


def test_the_option_leaves_the_table_out(tmp_path):
    words = [*training.flags(epochs=1), "--no-mismatch", "--runs", tmp_path, "--name", "r", "-q"]
    assert boxwright("train", tree(tmp_path / "data"), *words).returncode == 0
    assert not (tmp_path / "r" / "mismatch.json").exists()
    assert "Where the score is lost" not in (tmp_path / "r" / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("more", "expected"), [((), False), (("train_dev",), True), (("test",), True)]
)
def test_there_is_something_to_compare_with_a_train_dev_or_a_test_split(more, expected):
    data = splits_and_origins(1)
    data = data.keep_images(np.isin(data.images.split, ["train", "val", *more]))
    assert mismatch.worth_it(data) == expected


def test_the_command_makes_table_distances_and_a_page(trained, tmp_path):
    prepared, run = trained
    words = ["--weights", run / "weights" / "best.pt", "--out", tmp_path / "m", "--json"]
    made = boxwright("mismatch", prepared, *words, "--permutations", 199)
    assert made.returncode == 0, made.stderr
    found = json.loads(made.stdout)
    assert {**found, "out": None} == {
        **json.loads((tmp_path / "m" / "mismatch.json").read_text("utf-8")),
        "out": None,
    }
    assert found["distance"]["by"] == "origin"
    assert found["table"]["largest"] in {"bias", None}
    page = (tmp_path / "m" / "mismatch.html").read_text("utf-8")
    assert "공방 &lt;b&gt;1&lt;/b&gt;" in page
    assert "<b>1" not in page
    assert cv2.imread(str(tmp_path / "m" / "distance.png")).std() > 5


def test_without_weights_only_the_sources_are_compared(trained, tmp_path):
    prepared, _ = trained
    made = boxwright("mismatch", prepared, "--out", tmp_path / "m", "--by", "split")
    assert made.returncode == 0, made.stderr
    assert "In what the splits differ" in made.stdout
    assert "mAP50" not in made.stdout


def test_a_config_gives_the_options_and_the_run(trained, tmp_path):
    prepared, run = trained
    values = {"name": run.name, "source": "s", "prepared": str(prepared), "runs": str(run.parent)}
    block = {"pictures": 5, "wanted": 0.9}
    file = tmp_path / "c.yaml"
    file.write_text(yaml.safe_dump({**values, "mismatch": block}, allow_unicode=True), "utf-8")
    made = boxwright("mismatch", file, "--json", "--wanted", 0.8, "--out", tmp_path / "m")
    table = json.loads(made.stdout)["table"]
    assert {row["pictures"] for row in table["splits"]} == {5}
    assert table["wanted"] == 0.8


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--metric", "mAP"], 1, "mAP50-95"),
        (["--by", "origin", "--wanted", "2"], 1, "wanted"),
        (["--nonsense"], 2, "nonsense"),
        (["--weights", "none.pt"], 1, "none.pt"),
    ],
)
def test_wrong_options_are_refused(trained, tmp_path, words, code, said):
    prepared, _ = trained
    made = boxwright("mismatch", prepared, *words, "--out", tmp_path / "m")
    assert made.returncode == code
    assert said in made.stderr
    assert not (tmp_path / "m").exists()


def test_one_source_and_no_weights_end_with_what_to_do(tmp_path):
    prepared = training.prepare(tmp_path / "data", val=0)
    content = {"train": "images/train", "names": dict(enumerate(training.CLASSES))}
    (prepared / "data.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    made = boxwright("mismatch", prepared, "--out", tmp_path / "m")
    assert made.returncode == 1
    assert "`origin`" in made.stderr
