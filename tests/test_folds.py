"""Predictions out of fold, of weights, and from a file. About 45 s on two cores of one's own."""

from __future__ import annotations

import json
import logging
import shutil
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from training import CLASSES, SMALL, prepare

from pipeline import config, manifest, models
from pipeline.check import folds, judges, looking, predictions_file
from pipeline.check.predictions import Predictions
from pipeline.dataset import Boxes, Dataset, Images, strings
from pipeline.errors import BoxwrightError, DataError, DataErrors
from pipeline.formats import pictures_csv, yolo
from pipeline.models.details import Details
from pipeline.models.ultralytics import library
from pipeline.training.options import TrainOptions
from pipeline.training.run import Audience, train

library.load()  # before torch: its threads then wait in peace
import torch  # noqa: E402

TRAINING = {"epochs": 14, "batch": 8, "nbs": 8, "lr0": 0.01}


def options(**changes):
    training = config.options(TrainOptions, SMALL, TRAINING)
    return folds.FoldOptions(folds=2, training=folds.short(training, 12), **changes)


def grouped(root, size=2):
    """The prepared folder with groups of `size` pictures that follow each other."""
    images = yolo.read(root).images
    group = strings(f"thing {row // size}" for row in range(len(images)))
    pictures_csv.write(root, replace(images, group=group))
    return yolo.read(root)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "준비 'b'"
    prepare(folder, train=40, val=20)
    grouped(folder)
    return folder


@pytest.fixture(scope="module")
def labels(root):
    return yolo.read(root)


@pytest.fixture(scope="module")
def made(labels, tmp_path_factory):
    """The folder of two folds, and what they said; no test changes it."""
    folder = tmp_path_factory.mktemp("runs") / "it's <b>"
    return folder, folds.out_of_fold(labels, options(), folder)


def same(one: Predictions, other: Predictions) -> bool:
    columns = [
        [getattr(said.found.boxes, name) for name in ("image", "label", "xyxy", "score")]
        + [said.details.probability, said.details.spread, said.unseen]
        for said in (one, other)
    ]
    pairs = zip(*columns, strict=True)
    return all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in pairs)


# What a model tells


def untrained(path, architecture, change=None, end2end=False):
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(0)
    model = DetectionModel(str(architecture), nc=2, verbose=False)
    model.names, model.args = dict(enumerate(CLASSES)), {"imgsz": 64}
    if change is not None:
        change(model.model[-1])
    if end2end:
        model.end2end = True
        model = model.eval().fuse(verbose=False)
    torch.save({"model": model, "train_args": {"imgsz": 64}, "epoch": -1}, path)
    return models.load(path, device="cpu")


def noise(*sizes):
    draw = np.random.default_rng(0)
    return [draw.integers(0, 255, (*size, 3), dtype=np.uint8) for size in sizes]


def sides_say(logits):
    """A change of a head after which every side of every box has these logits."""

    def change(head):
        for branch in head.cv2:
            branch[-1].weight.data.zero_()
            branch[-1].bias.data[:] = torch.tensor(logits, dtype=torch.float32).repeat(4)

    return change


def test_a_model_without_an_idea_of_a_side_says_so(tmp_path):
    even = [0.0] * 16
    detector = untrained(tmp_path / "a.pt", SMALL["model"], sides_say(even))
    _, told = detector.detect_fully(noise((64, 128)), conf=0.0, max_det=2000, iou=1.0)
    # The standard deviation of 16 equal steps, of the anchors' 8 and 16 pixels, shown at half size.
    step = np.sqrt((16**2 - 1) / 12)
    assert np.allclose(np.unique(told.spread.round(3)), [step * 8 * 2, step * 16 * 2], atol=0.01)


def test_a_model_that_is_sure_of_its_sides_says_so(tmp_path):
    sure = [0.0] * 15 + [100.0]
    detector = untrained(tmp_path / "a.pt", SMALL["model"], sides_say(sure))
    _, told = detector.detect_fully(noise((64, 64)), conf=0.0)
    assert len(told) > 0
    assert (told.spread < 0.001).all()


def test_each_side_has_its_own_spread(tmp_path):
    def change(head):
        for branch in head.cv2:
            branch[-1].weight.data.zero_()
            branch[-1].bias.data[:] = 0
            branch[-1].bias.data[16:32] = torch.tensor([0.0] * 15 + [100.0])  # of the top

    detector = untrained(tmp_path / "a.pt", SMALL["model"], change)
    _, told = detector.detect_fully(noise((64, 64)), conf=0.0)
    assert (told.spread[:, 1] < 0.001).all()
    assert (told.spread[:, [0, 2, 3]] > 30).all()


def test_a_head_without_distributions_tells_no_spread(tmp_path):
    detector = untrained(tmp_path / "a.pt", "yolo26n.yaml")
    boxes, told = detector.detect_fully(noise((64, 64)), conf=0.0, max_det=9)
    assert np.isnan(told.spread).all()
    assert (told.probability[np.arange(9), boxes.label] == boxes.score).all()
    assert (told.probability > 0).all()


def test_a_head_that_gives_its_best_boxes_only_tells_one_class_of_each(tmp_path):
    detector = untrained(tmp_path / "a.pt", "yolo26n.yaml", end2end=True)
    boxes, told = detector.detect_fully(noise((64, 64)), conf=0.0, max_det=9)
    assert (told.probability.max(axis=1) == boxes.score).all()
    assert (told.probability.min(axis=1) == 0).all()


def test_the_boxes_are_those_of_detect(made, labels):
    detector = models.load(made[0] / "fold-1" / "weights" / "last.pt")
    pictures = noise((48, 200), (200, 48), (64, 64), (7, 300))
    boxes, told = detector.detect_fully(pictures, conf=0.0001)
    plain = detector.detect(pictures, conf=0.0001, max_det=100)
    assert len(boxes) > 0
    assert (boxes.xyxy == plain.xyxy).all()
    assert np.allclose(told.probability[np.arange(len(boxes)), boxes.label], boxes.score)
    assert told.probability.shape[1] == len(labels.classes)


def test_details_stay_with_their_boxes_in_company(made):
    detector = models.load(made[0] / "fold-1" / "weights" / "last.pt")
    pictures = noise((48, 200), (200, 48), (64, 64))
    boxes, together = detector.detect_fully(pictures, conf=0.0001)
    _, alone = detector.detect_fully(pictures[1:2], conf=0.0001)
    mine = together.take(boxes.image == 1)
    assert np.allclose(mine.spread, alone.spread, atol=0.01)
    assert np.allclose(mine.probability, alone.probability, atol=1e-4)


def test_a_picture_in_which_nothing_is_found_has_no_details(made):
    detector = models.load(made[0] / "fold-1" / "weights" / "last.pt")
    boxes, told = detector.detect_fully([np.zeros((64, 64, 3), dtype=np.uint8)], conf=0.999)
    assert (len(boxes), told.probability.shape, told.spread.shape) == (0, (0, 2), (0, 4))


# Folds


def test_every_picture_is_judged_by_the_model_that_did_not_see_it(made, labels):
    folder, said = made
    fold = folds.deal(labels, options())
    for number in (1, 2):
        part = labels.keep_images(fold == number)
        last = folder / f"fold-{number}" / "weights" / "last.pt"
        found, details = looking.look(last, part, looking.LookOptions())
        mine = np.flatnonzero(fold == number)
        rows = np.isin(said.found.boxes.image, mine)
        assert rows.sum() == len(found.boxes) > 0
        assert (said.found.boxes.image[rows] == mine[found.boxes.image]).all()
        assert np.allclose(said.found.boxes.xyxy[rows], found.boxes.xyxy, atol=0.01)
        assert np.allclose(said.details.spread[rows], details.spread, atol=0.01)
    assert said.unseen.all()


def test_a_model_never_saw_the_groups_of_its_fold(made, labels):
    for number in (1, 2):
        tree = yolo.read(made[0] / "data" / f"fold-{number}")
        learnt, judged = (set(tree.of_split(split).images.group) for split in ("train", "val"))
        assert learnt
        assert judged
        assert not learnt & judged
        assert learnt | judged == set(labels.images.group)


def test_a_model_knows_something(made, labels):
    """What is found is mostly where a label is: the pictures and their predictions fit together."""
    found = made[1].found
    sure = found.boxes.take(found.boxes.score > 0.3)
    centre = (sure.xyxy[:, :2] + sure.xyxy[:, 2:]) / 2
    own = [labels.boxes.xyxy[labels.boxes.image == row] for row in sure.image]
    hits = [
        bool(((box[:, :2] <= point) & (point <= box[:, 2:])).all(axis=1).any())
        for box, point in zip(own, centre, strict=True)
    ]
    assert len(hits) > 10
    assert np.mean(hits) > 0.8


def test_what_is_done_is_not_done_again(made, labels):
    folder, said = made
    files = [*folder.glob("fold-*/weights/*.pt"), *folder.glob("fold-*.npz")]
    before = {path: path.stat().st_mtime_ns for path in files}
    again = folds.out_of_fold(labels, options(), folder)
    assert len(before) == 6
    assert {path: path.stat().st_mtime_ns for path in files} == before
    assert same(again, said)


class Stops(Audience):
    """Ends a training as Ctrl-C would: the first after an epoch, or the second at its beginning.

    Attributes:
        after: Epochs of the first training; None: it is not ended.
    """

    def __init__(self, after=None):
        super().__init__()
        self.after = after
        self.trainings = 0

    def __call__(self):
        self.trainings += 1
        return nullcontext(self)

    def batch(self, *_):
        if self.trainings == 2:
            raise KeyboardInterrupt

    def epoch(self, epoch):
        if epoch.number == self.after:
            raise KeyboardInterrupt


def test_a_run_that_was_stopped_between_trainings_ends_the_same(made, labels, tmp_path, caplog):
    with pytest.raises(KeyboardInterrupt):
        folds.out_of_fold(labels, options(), tmp_path / "out", watched=Stops())
    assert not (tmp_path / "out" / "manifest.json").exists()
    caplog.set_level(logging.INFO)
    again = folds.out_of_fold(labels, options(), tmp_path / "out")
    assert "fold-1: unchanged" in caplog.text
    assert same(again, made[1])
    kept, now = (f / "predictions.npz" for f in (made[0], tmp_path / "out"))
    assert kept.read_bytes() == now.read_bytes()


def test_a_training_that_was_stopped_goes_on_where_it_was(labels, tmp_path, caplog):
    with pytest.raises(KeyboardInterrupt):
        folds.out_of_fold(labels, options(), tmp_path / "out", watched=Stops(after=9))
    caplog.set_level(logging.INFO)
    with pytest.raises(KeyboardInterrupt):
        folds.out_of_fold(labels, options(), tmp_path / "out", watched=Stops())
    assert "going on after epoch 9" in caplog.text
    assert (tmp_path / "out" / "fold-1.npz").exists()


@pytest.mark.parametrize(("worst", "warned"), [(0.1, True), (0.7, False)])
def test_models_that_know_little_are_told(worst, warned, labels, tmp_path, monkeypatch, caplog):
    """Of models that are given, one of which is as bad as that."""
    scores = iter([worst, 0.8])

    def trained(*_, **__):
        found = {"run": str(tmp_path / "run"), "fingerprint": "f"}
        return {**found, "metrics": {"mAP50": next(scores), "mAP50-95": 0.1}}

    nothing = Boxes.of([], [], [], score=[])
    monkeypatch.setattr(folds, "train", trained)
    monkeypatch.setattr(
        folds,
        "look",
        lambda _weights, part, *_: (
            replace(part, boxes=nothing),
            Details.of(nothing.score, nothing.label, len(CLASSES)),
        ),
    )
    caplog.set_level(logging.INFO)
    folds.out_of_fold(labels, options(), tmp_path / "out")
    assert f"mAP50 {worst:.2f} to 0.80" in caplog.text
    assert ("learnt too little" in caplog.text) == warned


def test_the_folder_says_how_good_its_models_are(made):
    told = manifest.read(made[0])
    assert told["kind"] == "folds"
    assert [run["run"] for run in told["runs"]] == ["fold-1", "fold-2"]
    assert all(0 < run["mAP50"] <= 1 for run in told["runs"])


# Dealing, without a training


def test_no_group_is_parted(labels):
    fold = folds.deal(labels, options())
    of_group = {(group, number) for group, number in zip(labels.images.group, fold, strict=True)}
    assert len(of_group) == len(set(labels.images.group))
    assert sorted(set(fold)) == [1, 2]


def test_fewer_groups_than_folds_are_refused(labels):
    one = replace(labels, images=replace(labels.images, group=strings(["a"] * 60)))
    with pytest.raises(BoxwrightError, match="too few"):
        folds.deal(one, options())


def test_pictures_without_groups_are_told(labels, caplog):
    none = replace(labels, images=replace(labels.images, group=strings([""] * 60)))
    assert len(set(folds.deal(none, options()))) == 2
    assert "60 of 60 pictures have no group" in caplog.text


def test_a_class_that_only_one_fold_has_is_told(labels, caplog):
    rare = np.flatnonzero(labels.boxes.label == 1)[1:]
    only = labels.keep_boxes(~np.isin(np.arange(len(labels.boxes)), rare))
    folds.deal(only, options())
    assert f"holds all labels of {CLASSES[1]}" in caplog.text


class Enough(Exception):  # noqa: N818
    pass


def stop(*_, **__):
    raise Enough


def trees_of(dataset, folder, monkeypatch):
    """The trees that models would be trained on."""
    monkeypatch.setattr(folds, "train", stop)
    with pytest.raises(Enough):
        folds.out_of_fold(dataset, options(), folder)
    return [yolo.read(folder / "data" / f"fold-{number}") for number in (1, 2)]


def test_labels_that_are_no_boxes_are_not_learnt(labels, tmp_path, monkeypatch):
    xyxy = labels.boxes.xyxy.copy()
    xyxy[0, 2] = xyxy[0, 0]  # no width
    xyxy[1] += 200  # outside
    xyxy[2, 0] = -30.0  # reaches out
    broken = replace(labels, boxes=replace(labels.boxes, xyxy=xyxy))
    for tree in trees_of(broken, tmp_path / "out", monkeypatch):
        assert len(tree.boxes) == len(labels.boxes) - 2
        assert tree.boxes.xyxy.min() >= 0


def test_two_splits_may_hold_the_same_names(labels, tmp_path, monkeypatch):
    rows = labels.images.split == "val"
    name = labels.images.name.copy()
    name[rows] = labels.images.name[np.flatnonzero(~rows)[: rows.sum()]]
    twins = replace(labels, images=replace(labels.images, name=name))
    for tree in trees_of(twins, tmp_path / "out", monkeypatch):
        assert len(set(tree.images.name)) == len(labels.images)
        assert len(tree.boxes) == len(labels.boxes)


def test_changed_labels_are_learnt_anew(made, labels, tmp_path, monkeypatch):
    folder = Path(shutil.copytree(made[0], tmp_path / "out", symlinks=True))
    label = 1 - labels.boxes.label
    changed = replace(labels, boxes=replace(labels.boxes, label=label))
    first, _ = trees_of(changed, folder, monkeypatch)
    before = yolo.read(made[0] / "data" / "fold-1")
    assert np.bincount(first.boxes.label).tolist() == np.bincount(before.boxes.label).tolist()[::-1]


def test_a_picture_that_cannot_be_read_is_named(labels, tmp_path):
    path = labels.images.path.copy()
    path[3] = str(tmp_path / "gone.png")
    broken = replace(labels, images=replace(labels.images, path=path))
    with pytest.raises(DataErrors, match=r"gone\.png"):
        folds.out_of_fold(broken, options(), tmp_path / "out")


def test_a_folder_that_is_something_else_is_left_alone(labels, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.txt").write_text("mine")
    with pytest.raises(BoxwrightError, match="boxwright did not make it"):
        folds.out_of_fold(labels, options(), tmp_path)


# Weights that are there


@pytest.fixture(scope="module")
def run(root, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    train(root, config.options(TrainOptions, SMALL, TRAINING), out)
    return out


def test_weights_trained_on_these_pictures_are_told_loudly(run, root, labels, caplog):
    best = run / "weights" / "best.pt"
    said = looking.by_weights(best, labels, root, looking.LookOptions(conf=0.1))
    trained = labels.images.split == "train"
    assert (said.unseen == ~trained).all()
    assert "WAS TRAINED ON 40 OF THESE 60 PICTURES" in caplog.text
    assert said.found.images is labels.images


def test_the_groups_of_what_was_trained_on_are_seen_too(run, root, labels):
    group = labels.images.group.copy()
    group[-1] = group[0]  # a picture of val shows what one of train shows
    linked = replace(labels, images=replace(labels.images, group=group))
    seen = looking.seen_by(run / "weights" / "best.pt", linked, root)
    assert seen[-1]
    assert seen.sum() == 41


@pytest.mark.parametrize("change", ["no manifest", "other labels"])
def test_weights_of_which_nothing_is_known_are_told(change, run, root, labels, tmp_path, caplog):
    weights = Path(shutil.copytree(run, tmp_path / "run")) / "weights" / "best.pt"
    source = Path(shutil.copytree(root, tmp_path / "data"))
    if change == "no manifest":
        (tmp_path / "run" / "manifest.json").unlink()
    else:
        next(source.rglob("labels/train/*/*.txt")).write_text("1 0.5 0.5 0.1 0.1\n")
    said = looking.by_weights(weights, labels, source, looking.LookOptions(conf=0.1))
    assert "nothing says which pictures it was trained on" in caplog.text
    assert said.unseen.all()


def test_weights_of_other_classes_are_refused(run, root, labels):
    other = replace(labels, classes=("a", "b"))
    with pytest.raises(BoxwrightError, match="do not have the same classes"):
        looking.by_weights(run / "weights" / "best.pt", other, root, looking.LookOptions())


# Who judges

MANY = 10  # numbers on the line of a label that is neither a box nor four corners


def asked(labels, root, folder, **who):
    training = config.options(TrainOptions, SMALL, TRAINING)
    options = config.options(judges.JudgeOptions, {}, who)
    return judges.ask(labels, judges.Judges(options, root, folder, training))


def test_folds_judge_where_they_are_asked_for(made, labels, root, tmp_path):
    folder = Path(shutil.copytree(made[0], tmp_path / made[0].name))
    assert same(asked(labels, root, folder, folds=2, epochs=12, views=1), made[1])


def test_labels_without_groups_get_those_of_their_folder(labels, root, tmp_path, monkeypatch):
    none = replace(labels, images=replace(labels.images, group=strings([""] * 60)))
    dealt = []

    def deal(dataset, _):
        dealt.append(dataset.images.group)
        raise Enough

    monkeypatch.setattr(folds, "deal", deal)
    with pytest.raises(Enough):
        asked(none, root, tmp_path, folds=2)
    assert dealt[0].tolist() == labels.images.group.tolist()


@pytest.mark.parametrize(
    ("manifest_says", "columns"),
    [
        ({}, {5}),
        ({"options": {"shapes": "ellipse"}}, {MANY}),
        ({"options": {"shapes": {CLASSES[0]: "ellipse"}}}, {9, MANY}),
    ],
)
def test_models_learn_labels_that_turn_as_those_of_the_tree(
    manifest_says, columns, labels, root, tmp_path, monkeypatch
):
    tree = Path(shutil.copytree(root, tmp_path / "tree"))
    known = json.loads((tree / "manifest.json").read_text("utf-8"))
    (tree / "manifest.json").write_text(json.dumps(known | manifest_says), "utf-8")
    monkeypatch.setattr(folds, "train", stop)
    with pytest.raises(Enough):
        asked(labels, tree, tmp_path / "out", folds=2)
    files = (tmp_path / "out" / "data" / "fold-1" / "labels").rglob("*.txt")
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert {min(len(line.split()), MANY) for line in lines} == columns


def test_a_file_judges(made, labels, root, tmp_path):
    assert same(asked(labels, root, tmp_path, predictions=made[0] / "predictions.npz"), made[1])


def test_weights_judge(run, labels, root, tmp_path):
    said = asked(labels, root, tmp_path, weights=run / "weights" / "best.pt")
    assert said.unseen.sum() == 20


def test_nobody_judges_unasked(labels, root, tmp_path):
    assert asked(labels, root, tmp_path) is None


def test_two_judges_are_refused(labels, root, tmp_path):
    with pytest.raises(BoxwrightError, match="folds and weights: one at a time"):
        asked(labels, root, tmp_path, folds=2, weights="best.pt")


# The file


def pictures(count=6):
    names = [f"가 {row // 2}/a '{row}'.png" for row in range(count)]
    split = ["train"] * (count - 2) + ["val"] * 2
    images = Images.of(names, names, [(64 + row, 48) for row in range(count)], split=split)
    return Dataset(Path("x"), CLASSES, images, Boxes.of([], [], []))


def said_of(dataset, image, seed=0):
    draw = np.random.default_rng(seed)
    image, count = np.sort(image), len(image)
    xyxy = draw.uniform(0, 48, (count, 4)).astype(np.float32)
    probability = draw.uniform(0, 1, (count, len(dataset.classes))).astype(np.float32)
    boxes = Boxes.of(image, probability.argmax(axis=1), xyxy, score=probability.max(axis=1))
    spread = draw.uniform(0, 9, (count, 4)).astype(np.float32)
    spread[::3] = np.nan
    unseen = np.arange(len(dataset.images)) % 2 == 0
    details = Details(probability.astype(np.float64), spread.astype(np.float64))
    return Predictions(replace(dataset, boxes=boxes), details, unseen, {"why": "시험"})


@given(image=st.lists(st.integers(0, 5), max_size=20))
def test_a_file_gives_back_what_was_written(image, tmp_path_factory):
    path = tmp_path_factory.mktemp("f") / "p.npz"
    said = said_of(pictures(), image)
    predictions_file.write(path, said)
    read = predictions_file.read(path, pictures())
    assert same(read, said)
    assert read.made == said.made


def test_the_same_predictions_give_the_same_bytes(tmp_path):
    said = said_of(pictures(), [0, 2, 2, 5])
    files = [tmp_path / "a.npz", tmp_path / "b.npz"]
    for path in files:
        predictions_file.write(path, said)
    assert files[0].read_bytes() == files[1].read_bytes()


@given(image=st.lists(st.integers(0, 5), max_size=20), rows=st.permutations(range(6)))
def test_pictures_are_found_in_any_order(image, rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("f") / "p.npz"
    said = said_of(pictures(), image)
    predictions_file.write(path, said)
    some = rows[:4]
    fewer = replace(pictures(), images=pictures().images.take(np.array(some)))
    read = predictions_file.read(path, fewer)
    for place, row in enumerate(some):
        was, now = said.found.boxes.image == row, read.found.boxes.image == place
        assert (said.found.boxes.xyxy[was] == read.found.boxes.xyxy[now]).all()
        assert (said.details.probability[was] == read.details.probability[now]).all()
        assert said.unseen[row] == read.unseen[place]


def test_a_picture_that_changed_its_split_is_found(tmp_path):
    said = said_of(pictures(), [0, 1, 5])
    predictions_file.write(tmp_path / "p.npz", said)
    moved = replace(pictures(), images=replace(pictures().images, split=strings(["test"] * 6)))
    assert same(predictions_file.read(tmp_path / "p.npz", moved), said)


def test_classes_in_another_order_are_matched_by_name(tmp_path):
    said = said_of(pictures(), [0, 1, 5, 5])
    predictions_file.write(tmp_path / "p.npz", said)
    turned = predictions_file.read(
        tmp_path / "p.npz", replace(pictures(), classes=tuple(reversed(CLASSES)))
    )
    assert (turned.found.boxes.label == 1 - said.found.boxes.label).all()
    assert (turned.details.probability == said.details.probability[:, ::-1]).all()


def test_pictures_that_it_says_nothing_of_are_named(tmp_path):
    fewer = replace(pictures(), images=pictures().images.take(np.arange(4)))
    predictions_file.write(tmp_path / "p.npz", said_of(fewer, [0]))
    with pytest.raises(BoxwrightError, match=r"says nothing of 2 of 6 pictures: .*'4'"):
        predictions_file.read(tmp_path / "p.npz", pictures())


def test_a_picture_of_another_size_is_named(tmp_path):
    predictions_file.write(tmp_path / "p.npz", said_of(pictures(), [0]))
    size = pictures().images.size.copy()
    size[3, 1] += 7
    other = replace(pictures(), images=replace(pictures().images, size=size))
    with pytest.raises(DataError, match=r"1 pictures had another size .*'3'"):
        predictions_file.read(tmp_path / "p.npz", other)


@pytest.mark.parametrize("harm", ["gone", "cut", "text", "array", "other", "columns", "bytes"])
def test_a_damaged_file_is_told(harm, tmp_path):
    path = tmp_path / "p.npz"
    predictions_file.write(path, said_of(pictures(), [0, 1, 2]))
    content = path.read_bytes()
    columns = dict(np.load(path))
    if harm == "gone":
        path.unlink()
    elif harm == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif harm == "text":
        path.write_text("[]")
    elif harm == "array":
        with path.open("wb") as file:
            np.save(file, np.zeros(3))
    elif harm == "other":
        np.savez(path, x=np.zeros(3))
    elif harm == "columns":
        np.savez(path, **{**columns, "image": np.array([0, 1, 9])})
    else:
        path.write_bytes(content[:80] + b"\x00\xff" * 20 + content[120:])
    assert predictions_file.made(path) == {}
    with pytest.raises(DataError):
        predictions_file.read(path, pictures())
