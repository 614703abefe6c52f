"""`boxwright ablate`: what it claims, on made scores and on short trainings. About 50 s."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import training
import yaml
from making import boxwright, labelme, picture, rectangle

from pipeline import config, manifest
from pipeline.ablate import job, measure, page, spread, table, words
from pipeline.errors import BoxwrightError
from pipeline.training.run import Audience, TrainOptions, train

# How far chance goes


@pytest.mark.parametrize(
    ("level", "freedom", "expected"),
    [
        (0.95, 1, 12.706),
        (0.95, 2, 4.303),
        (0.95, 3, 3.182),
        (0.95, 6, 2.447),
        (0.99, 5, 4.032),
        (0.995, 10, 3.581),
        (0.95, 1000, 1.962),
    ],
)
def test_student_is_that_of_the_tables(level, freedom, expected):
    assert spread.student(level, freedom) == pytest.approx(expected, abs=1e-3)


def test_a_summary_is_mean_deviation_and_interval():
    found = spread.summary(np.array([0.5, 0.6, 0.7]))
    assert (found["mean"], found["sd"]) == (0.6, 0.1)
    assert found["interval"] == pytest.approx([0.6 - 0.2484, 0.6 + 0.2484], abs=1e-4)


def test_a_training_without_a_number_leaves_no_summary():
    assert spread.summary(np.array([0.5, np.nan]))["mean"] is None


def test_one_training_has_no_spread():
    found = spread.summary(np.array([0.5]))
    assert (found["mean"], found["sd"], found["interval"]) == (0.5, None, None)


def test_what_a_seed_does_to_all_presets_alike_does_not_widen_the_interval():
    noise = np.array([[0.01, -0.01, 0.0], [-0.005, 0.0, 0.005]])
    seeds = np.array([0.0, 0.3, -0.3])
    alone = spread.half_widths(spread.Measured(0.5 + noise, np.zeros((2, 0))), 1)
    paired = spread.half_widths(spread.Measured(0.5 + noise + seeds, np.zeros((2, 0))), 1)
    assert paired == pytest.approx(alone)


def test_two_presets_are_compared_by_the_paired_t_interval():
    values = np.array([[0.5, 0.6, 0.55], [0.58, 0.64, 0.66]])
    apart = values[1] - values[0]
    expected = 4.3027 * apart.std(ddof=1) / np.sqrt(3)
    found = spread.half_widths(spread.Measured(values, np.zeros((2, 0))), 1)
    assert found[0, 1] == pytest.approx(expected, rel=1e-4)


def test_chance_in_the_pictures_adds_at_a_right_angle():
    draw = np.random.default_rng(0)
    values = 0.5 + draw.normal(0, 0.02, (2, 3))
    draws = np.stack([draw.normal(0.5, 0.03, 4000), np.full(4000, 0.5)])
    only = spread.half_widths(spread.Measured(values, np.zeros((2, 0))), 1)[0, 1]
    both = spread.half_widths(spread.Measured(values, draws), 1)[0, 1]
    assert both == pytest.approx(np.hypot(only, 1.96 * 0.03), rel=0.03)


def test_pictures_that_are_hard_for_all_presets_do_not_widen_the_interval():
    draws = np.tile(np.random.default_rng(0).normal(0.5, 0.1, 300), (2, 1))
    values = np.array([[0.5, 0.6], [0.55, 0.6]])
    found, without = (
        spread.half_widths(spread.Measured(values, part), 1) for part in (draws, draws[:, :0])
    )
    assert found == pytest.approx(without)


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_equal_presets_are_called_different_at_most_once_in_twenty(seeds):
    """All differences at once, as the finding uses them."""
    draw = np.random.default_rng(seeds)
    wrong = 0
    for _ in range(1000):
        values = draw.normal(0, 0.02, (4, seeds)) + draw.normal(0, 0.1, seeds)
        half = spread.half_widths(spread.Measured(values, np.zeros((4, 0))), 6)
        mean = values.mean(axis=1)
        wrong += (np.abs(mean[:, None] - mean) > half).any()
    assert 0 < wrong <= 60


# What the finding claims


def measures(values, classes=("a", "b"), draws=200, noise=0.0):
    """By preset what `Measurer.measure` gives, from (upright, turned) mAP50 of each seed."""
    drawn = np.random.default_rng(0).normal(0, noise, draws)
    found = {}
    for hyp, trainings in values.items():
        rows = found.setdefault(hyp, [])
        for pair in trainings:
            views = zip(measure.VIEWS, pair, strict=True)
            rows.append({view: _view(score, classes, drawn) for view, score in views})
    return found


def _view(score, classes, drawn):
    scores = {"mAP50": score, "mAP50-95": score * 0.7}
    row = {"boxes": 9, "AP50": score, "AP50-95": score * 0.7, "recall": score, "precision": 0.5}
    return {
        **scores,
        "recall": score,
        "precision": 0.5,
        "classes": [{"class": name, **row} for name in classes],
        "draws": {name: (value + drawn).tolist() for name, value in scores.items()},
    }


def found(values, **changes):
    """What ablation.json holds, but for the sentences."""
    own = measures(values)
    seeds = list(range(len(next(iter(values.values())))))
    kinds = {"drawn": 18, "guessed": 0, "box": 0}
    pictures = {"pictures": 40, "independent": 20, "resampled": True, "outlines": kinds}
    runs = [
        {"hyp": hyp, "seed": seed, "run": f"runs/{hyp}-{seed}", "epochs": 9}
        for hyp in values
        for seed in seeds
    ]
    made = {"name": "<b>won</b>", "hyps": list(values), "seeds": seeds, "degrees": 45.0}
    made |= {"metric": "mAP50", "pictures": pictures, "runs": runs, **table.table(own)}
    return made | changes


CLEAR = {
    "none": [(0.80, 0.40), (0.81, 0.42), (0.79, 0.41)],
    "rotated": [(0.80, 0.75), (0.80, 0.77), (0.80, 0.76)],
}
TIE = {
    "none": [(0.80, 0.70), (0.70, 0.60), (0.75, 0.65)],
    "rotated": [(0.70, 0.69), (0.80, 0.72), (0.77, 0.60)],
}
TRADE = {
    "none": [(0.90, 0.40), (0.91, 0.42), (0.89, 0.41)],
    "rotated": [(0.70, 0.75), (0.71, 0.77), (0.69, 0.76)],
}


def test_a_clear_winner_is_named_with_how_far_the_others_are_behind():
    first, turned, upright, change = words.sentences(found(CLEAR))
    assert first.startswith("Take rotated:")
    said = r"rotated \(0\.76\) is best: none is 0\.35 behind rotated \(0\.\d\d to 0\.\d\d\)\.$"
    assert re.search(said, turned)
    assert "none (0.80) and rotated (0.80) cannot be told apart." in upright
    assert change.startswith("rotated against none: turned +0.35 (+0.")
    assert change.endswith("which may be chance.")


def test_what_lies_within_the_spread_is_not_called_better():
    said = " ".join(words.sentences(found(TIE)))
    assert said.startswith("No preset is clearly better than another")
    assert "is best" not in said
    assert "Take" not in said
    assert said.count("may be chance") == 2


def test_a_preset_that_wins_turned_and_loses_upright_is_told_as_a_trade():
    first = words.sentences(found(TRADE))[0]
    assert first == (
        "No preset is best on both: none where things lie upright, rotated where they lie any way "
        "round."
    )


def test_several_that_are_unbeaten_are_named_and_none_of_them_is_recommended():
    values = CLEAR | {"extreme": [(0.80, 0.76), (0.81, 0.75), (0.79, 0.77)]}
    first = words.sentences(found(values))[0]
    assert first.startswith("rotated and extreme are clearly behind on neither")


def test_of_one_training_each_nothing_is_claimed():
    values = {hyp: pairs[:1] for hyp, pairs in CLEAR.items()}
    turned, upright, why = words.sentences(found(values))
    assert turned == "On pictures turned by up to 45°, mAP50: rotated 0.75, none 0.40."
    assert upright.startswith("On upright pictures, mAP50: ")
    assert "no preset is called better" in why


def test_one_preset_alone_is_compared_with_nothing():
    assert "nothing to compare" in words.sentences(found({"none": CLEAR["none"]}))[0]


def test_a_difference_on_few_pictures_is_not_clear_for_all_that_the_seeds_agree():
    """The presets differ on some resamples far more than on others."""
    own = measures(CLEAR)
    shaky = np.random.default_rng(1).normal(0, 0.3, 200)
    for one in own["rotated"]:
        one["turned"]["draws"] = {
            k: (np.array(v) + shaky).tolist() for k, v in one["turned"]["draws"].items()
        }
    row = next(r for r in table.table(own)["differences"] if r["view"] == "turned")
    assert row["value"] == pytest.approx(0.35, abs=1e-6)
    assert not row["clear"]


def test_the_limits_tell_of_budgets_pictures_and_boxes():
    plain = found(CLEAR)
    kinds = {"drawn": 10, "guessed": 5, "box": 3}
    plain["pictures"] |= {"resampled": False, "independent": 3, "outlines": kinds}
    plain["runs"][0]["epochs"] = 5
    said = " ".join(words.limits(plain))
    assert "5 to 9 epochs" in said
    assert "40 pictures of 3 independent groups are too few" in said
    assert "3 of 18 boxes have no outline" in said
    assert "5 of 18 outlines are not drawn, but guessed" in said


def test_the_page_is_escaped_needs_nothing_else_and_marks_only_what_is_clear(tmp_path):
    made = found(CLEAR)
    made |= {"sentences": words.sentences(made), "limits": words.limits(made)}
    text = page.write(tmp_path, made).read_text("utf-8")
    assert "<h1>&lt;b&gt;won&lt;/b&gt;</h1>" in text
    assert not re.search(r"(?:src|href)=\"(?!data:)", text)
    assert [float(v) for v in re.findall(r"<td><b>([^<]+)</b>", text)] == [0.35, 0.245]


# What turned boxes are made from


def test_outlines_are_told_apart_as_drawn_guessed_or_missing(tmp_path):
    polygon = {"points": [[5, 5], [50, 8], [30, 40]], "shape_type": "polygon"}
    for number in range(8):
        picture(tmp_path / "source" / f"a{number}.jpg")
        shapes = [
            {"label": "sheet", **polygon},
            rectangle("coin", 8, 6, 40, 30),
            rectangle("note", 2, 2, 30, 20),
        ]
        labelme(tmp_path / "source" / f"a{number}.json", *shapes)
    file = tmp_path / "c.yaml"
    shapes = {"coin": "ellipse", "note": "box"}
    block = {"val": 0.5, "shapes": shapes}
    content = {"name": "a", "source": str(tmp_path / "source"), "prepared": str(tmp_path / "tree")}
    file.write_text(yaml.safe_dump({**content, "convert": block}))
    assert boxwright("convert", file, "-q").returncode == 0
    seen = measure.truth(tmp_path / "tree")
    assert seen.kinds == {"drawn": 4, "guessed": 4, "box": 4}
    counts = dict(
        zip(
            [seen.upright.classes[label] for label in seen.upright.boxes.label],
            np.diff(seen.upright.boxes.outline.start).tolist(),
            strict=True,
        )
    )
    assert (counts["sheet"], counts["note"]) == (3, 0)
    assert counts["coin"] > 8


# The command, on trainings of a second each


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return training.prepare(tmp_path_factory.mktemp("data") / 'it\'s "준비된" #1 <b>', 24, 16)


@pytest.fixture(scope="module")
def learnt(prepared, tmp_path_factory):
    """Options of a training that begins with a model that finds something already."""
    out = tmp_path_factory.mktemp("learnt") / "run"
    train(prepared, config.options(TrainOptions, training.SMALL, {"epochs": 14}), out)
    small = {key: value for key, value in training.SMALL.items() if key != "hyp"}
    return small | {"model": str(out / "weights" / "best.pt"), "lr0": 0.001}


@pytest.fixture(scope="module")
def todo(prepared, learnt):
    def plan(runs, hyps="none,rotated", seeds=2, **changes):
        flags = {"hyps": hyps.split(","), "seeds": seeds, "rounds": 100}
        return job.plan(prepared, flags, learnt | changes, job.Places(runs=runs))

    return plan


@pytest.fixture(scope="module")
def whole(todo, tmp_path_factory):
    """An ablation that nothing interrupted: its runs' folder, which no test changes."""
    runs = tmp_path_factory.mktemp("runs") / "그 <b>runs</b>"
    job.do(todo(runs))
    return runs


@pytest.fixture
def runs(whole, tmp_path):
    """A copy of it, to do things to."""
    return Path(shutil.copytree(whole, tmp_path / whole.name))


def result(runs, prepared):
    return runs / f"{prepared.name}-ablation"


def run(runs, prepared, hyp, seed):
    return runs / f"{prepared.name}-{hyp}-seed{seed}"


def of_trainings(runs, prepared):
    return {
        name: facts
        for name, facts in training.tree(runs).items()
        if not name.startswith(f"{prepared.name}-ablation")
    }


def test_every_preset_is_trained_with_every_seed_alike(whole, prepared):
    made = json.loads((result(whole, prepared) / "ablation.json").read_text("utf-8"))
    assert [(r["hyp"], r["seed"], r["epochs"]) for r in made["runs"]] == [
        ("none", 0, 2),
        ("rotated", 0, 2),
        ("none", 1, 2),
        ("rotated", 1, 2),
    ]
    options = [
        manifest.read(run(whole, prepared, hyp, seed))["options"]
        for hyp in ("none", "rotated")
        for seed in (0, 1)
    ]
    for one in options:
        del one["hyp"], one["seed"]
    assert options == [options[0]] * 4
    assert options[0]["patience"] == 0  # an early stop is another budget


def test_the_folder_holds_all_that_is_told(whole, prepared):
    names = {path.name for path in result(whole, prepared).iterdir()}
    assert names == {
        *("ablation.json", "ablation.csv", "ablation.html", "manifest.json"),
        *("scores.png", "classes.png", "turned.jpg"),
    }


def test_upright_scores_are_those_of_each_run(whole, prepared):
    made = json.loads((result(whole, prepared) / "ablation.json").read_text("utf-8"))
    assert made["scores"][0]["mAP50"]["mean"] > 0.05  # there is something to compare
    for hyp in ("none", "rotated"):
        rows = [
            json.loads((run(whole, prepared, hyp, seed) / "metrics.json").read_text("utf-8"))
            for seed in (0, 1)
        ]
        row = next(r for r in made["scores"] if (r["view"], r["hyp"]) == ("upright", hyp))
        for name in ("mAP50", "mAP50-95", "recall"):
            assert row[name]["values"] == pytest.approx([r[name] for r in rows], abs=6e-5)


def test_the_csv_has_every_class_of_every_training_in_both_views(whole, prepared):
    import csv

    text = (result(whole, prepared) / "ablation.csv").read_text("utf-8").splitlines()
    rows = list(csv.DictReader(text))
    assert len(rows) == 2 * 2 * 2 * (1 + len(training.CLASSES))
    assert {row["class"] for row in rows} == {"", *training.CLASSES}


def test_done_twice_it_trains_and_measures_nothing_again(runs, prepared, monkeypatch, todo):
    before = of_trainings(runs, prepared)
    text = (result(runs, prepared) / "ablation.json").read_bytes()
    shutil.rmtree(result(runs, prepared))
    monkeypatch.setattr(measure, "predict", None)
    # The runs were copied: their paths are others.
    job.do(todo(runs))
    assert of_trainings(runs, prepared) == before
    after = (result(runs, prepared) / "ablation.json").read_text("utf-8")
    told = json.dumps(str(runs), ensure_ascii=False)[1:-1]
    assert after.replace(told, "") == re.sub(r'"run": "[^"]*/', '"run": "/', text.decode())


def test_a_preset_more_takes_the_others_as_they_are(runs, prepared, todo):
    before = of_trainings(runs, prepared)
    made = job.do(todo(runs, hyps="none,rotated,light", seeds=1))
    after = of_trainings(runs, prepared)
    assert {name: after[name] for name in before} == before
    assert made["hyps"] == ["none", "rotated", "light"]
    assert run(runs, prepared, "light", 0).is_dir()


def scores(made, hyp, seed):
    """mAP50 of one training, upright and turned."""
    return [r["mAP50"]["values"][seed] for r in made["scores"] if r["hyp"] == hyp]


class Interrupting(Audience):
    """Ctrl-C after the first epoch of the n-th training."""

    trainings = 0
    at = 2

    def epoch(self, epoch):
        if epoch.number == 1:
            type(self).trainings += 1
            if self.trainings == self.at:
                raise KeyboardInterrupt


def test_interrupted_in_a_training_it_goes_on_there_and_all_that_was_done_stays(
    whole, prepared, tmp_path, caplog, todo
):
    plan = todo(tmp_path / "runs")
    Interrupting.trainings = 0
    with pytest.raises(KeyboardInterrupt):
        job.do(plan, watched=lambda: contextlib.nullcontext(Interrupting()))
    first = run(tmp_path / "runs", prepared, "none", 0)
    second = first.with_name(f"{prepared.name}-rotated-seed0.partial")
    assert (first / "manifest.json").exists()
    assert (second / "weights" / "last.pt").exists()
    done = training.tree(first)
    with caplog.at_level("INFO"):
        made = job.do(plan)
    assert "4 trainings: 1 there already, 1 to go on with, 2 to make." in caplog.text
    assert "going on after epoch 1" in caplog.text
    kept = training.tree(first)
    kept.pop("ablation.json")
    assert kept == done
    undisturbed = json.loads((result(whole, prepared) / "ablation.json").read_text("utf-8"))
    # Begun anew in its middle, a training draws other augmentations; all else is as it was.
    assert made["runs"][0]["run"] == str(first)
    for hyp, seed in (("none", 0), ("none", 1), ("rotated", 1)):
        assert scores(made, hyp, seed) == scores(undisturbed, hyp, seed)


def test_a_stuck_training_is_told_before_any_other_begins_and_force_begins_it_anew(
    prepared, tmp_path, todo
):
    place = tmp_path / "runs"
    Interrupting.trainings = 0
    with pytest.raises(KeyboardInterrupt):
        job.do(
            todo(place, seeds=1, epochs=2),
            watched=lambda: contextlib.nullcontext(Interrupting()),
        )
    before = training.tree(place)
    changed = todo(place, seeds=1, epochs=1)
    with pytest.raises(BoxwrightError, match=r"(?s)rotated-seed0\.partial.*epochs: was 2, is 1"):
        job.do(changed)
    assert training.tree(place) == before
    made = job.do(changed, force=True)
    assert {row["epochs"] for row in made["runs"]} == {1}
    assert manifest.read(run(place, prepared, "none", 0))["epochs"]["done"] == 2  # the old one


def test_other_options_measure_again(runs, prepared, todo):
    plan = todo(runs)
    before = json.loads((result(runs, prepared) / "ablation.json").read_text("utf-8"))
    made = job.do(replace(plan, options=replace(plan.options, degrees=10.0)))
    turned = [[r for r in one["scores"] if r["view"] == "turned"] for one in (before, made)]
    assert turned[0] != turned[1]
    assert made["degrees"] == 10.0


@pytest.mark.parametrize(
    ("hyps", "said"),
    [
        ("none,rotatet,extrem", "(?s)'rotatet'.*'extrem'"),
        ("none,rotated,none", "none is there twice"),
    ],
)
def test_wrong_presets_are_all_told_before_anything_is_made(tmp_path, hyps, said, todo):
    with pytest.raises(BoxwrightError, match=said):
        job.do(todo(tmp_path / "runs", hyps=hyps))
    assert not list(tmp_path.rglob("*.pt"))


def test_a_folder_that_is_not_ours_is_left_alone(prepared, tmp_path, todo):
    other = tmp_path / "runs" / f"{prepared.name}-ablation"
    other.mkdir(parents=True)
    (other / "thesis.txt").write_text("mine")
    with pytest.raises(BoxwrightError, match="boxwright did not make it"):
        job.do(todo(tmp_path / "runs"))
    assert not list(tmp_path.rglob("*.pt"))


@pytest.fixture
def configured(runs, prepared, learnt, tmp_path):
    """A config of the finished ablation, but for its presets."""
    content = {
        "name": prepared.name,
        "source": "unused",
        "prepared": str(prepared),
        "runs": str(runs),
        "train": learnt,
        "ablate": {"hyps": ["none", "extreme"], "seeds": 2, "rounds": 100},
    }
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump(content, allow_unicode=True))
    return file


def test_the_command_prints_json_alone(configured):
    done = boxwright("ablate", configured, "--hyps", "none, rotated", "--json", "-q")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["hyps"] == ["none", "rotated"]  # the flag wins
    assert done.stderr == ""


def test_the_command_shows_scores_recalls_and_the_finding(configured, runs, prepared):
    done = boxwright("ablate", configured, "--hyps", "none,rotated")
    assert done.returncode == 0, done.stderr
    made = json.loads((result(runs, prepared) / "ablation.json").read_text("utf-8"))
    score = made["scores"][0]["mAP50"]
    assert f"{score['mean']:.3f} ± {score['sd']:.3f}" in done.stdout
    assert "Recall, turned" in done.stdout
    for sentence in (*made["sentences"], *made["limits"]):
        assert f"- {sentence}\n" in done.stdout
    assert "4 there already" in done.stderr


def test_wrong_options_are_told_with_what_fits(configured):
    done = boxwright("ablate", configured, "--degrees", 200, "--metric", "map")
    assert done.returncode == 1
    assert "degrees: 200" in done.stderr
    assert "one of 'mAP50', 'mAP50-95'" in done.stderr
