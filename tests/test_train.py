"""`boxwright train`, on real trainings of a second each. About 45 s on two cores of one's own."""

from __future__ import annotations

import csv
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from making import boxwright
from training import CLASSES, SMALL, flags, prepare, tree

from pipeline import config, manifest, models
from pipeline.errors import BoxwrightError
from pipeline.evaluation import run as evaluation
from pipeline.formats import yolo
from pipeline.models import ultralytics as family
from pipeline.training import presets
from pipeline.training.options import arguments
from pipeline.training.run import Audience, TrainOptions, train

REPO = Path(__file__).parents[1]
# A path that YAML, shells and ultralytics' own loader stumble over.
AWKWARD = 'it\'s "준비된" #1 <b>'


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("data") / AWKWARD / "images")


@pytest.fixture(scope="module")
def finished(prepared, tmp_path_factory):
    """A finished run: its folder, which no test changes."""
    out = tmp_path_factory.mktemp("runs") / AWKWARD
    train(prepared, options(), out)
    return out


@pytest.fixture
def run(finished, tmp_path):
    """A copy of the finished run, to do things to."""
    return Path(shutil.copytree(finished, tmp_path / "runs" / finished.name))


def options(**changes):
    return config.options(TrainOptions, SMALL, changes)


def rows(run):
    with (run / "results.csv").open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def manifest_of(run):
    return json.loads((run / "manifest.json").read_text("utf-8"))


# The run folder


def test_a_run_folder_has_everything(finished):
    expected = """weights/best.pt weights/last.pt metrics.json results.csv training.png train.log
        train_batch0.jpg config.yaml manifest.json report.html"""
    assert [name for name in expected.split() if not (finished / name).is_file()] == []


def test_no_file_names_where_it_was_made(finished):
    texts = [
        p for p in finished.iterdir() if p.suffix in {".yaml", ".csv"} or p.name == "manifest.json"
    ]
    assert [p.name for p in texts if ".partial" in p.read_text("utf-8")] == []


def test_nothing_is_left_beside_it(finished):
    assert [path.name for path in finished.parent.iterdir()] == [finished.name]


def test_the_manifest_says_how_it_was_made(finished):
    made = manifest_of(finished)
    assert (made["kind"], made["data"]["classes"]) == ("run", list(CLASSES))
    assert made["epochs"] == {"asked": 2, "done": 2}
    assert made["model"]["start"] == "scratch"
    assert set(made["versions"]) == {"torch", "torchvision", "ultralytics"}


def test_the_config_trains_the_same_run_again(finished):
    block = config.read_yaml(finished / "config.yaml")["train"]
    assert config.options(TrainOptions, block, {}) == options()


def test_what_ultralytics_says_is_in_the_log(finished):
    log = (finished / "train.log").read_text("utf-8")
    assert "Starting training for 2 epochs" in log
    assert "\x1b" not in log


def test_sample_batches_show_labels(finished, monkeypatch, prepared, tmp_path):
    monkeypatch.setattr("pipeline.draw.draw_boxes", lambda picture, *_, **__: picture)
    bare = train(prepared, options(), tmp_path / "bare")
    with_labels, without = (
        cv2.imread(str(Path(run) / "train_batch0.jpg")) for run in (finished, bare["run"])
    )
    assert (cv2.absdiff(with_labels, without).max(axis=2) > 100).mean() > 0.002


def test_class_names_survive_into_the_weights(finished):
    assert models.load(finished / "weights" / "best.pt").classes == CLASSES


def test_the_prepared_folder_is_not_touched(prepared, tmp_path):
    before = tree(prepared)
    train(prepared, options(epochs=1), tmp_path / "run")
    assert tree(prepared) == before


def test_the_weights_name_no_folder_of_this_machine(finished):
    for name in ("best.pt", "last.pt"):
        assert (
            str(finished.parent.parent).encode() not in (finished / "weights" / name).read_bytes()
        )


class Looking:
    """Keeps the batches that a model is shown."""

    def __init__(self):
        self.batches = []

    def batch(self, *_):
        pass

    def epoch(self, _):
        pass

    def sample(self, _number, _names, pictures, boxes):
        self.batches.append((pictures, boxes))


@pytest.mark.parametrize(
    "hyp",
    [
        {"quarter_turns": 1.0},
        {"quarter_turns": 0.5, "fliplr": 0.5, "flipud": 0.5, "translate": 0.2, "scale": 0.3},
    ],
)
def test_labels_stay_tight_when_pictures_are_changed(prepared, tmp_path, hyp):
    seen = Looking()
    chosen = {**presets.load("none"), **hyp}
    source = family.find(SMALL["model"], tmp_path)
    given = arguments(options(epochs=1, batch=8), chosen)
    family.train(source, yolo.read(prepared), given, tmp_path, watch=seen)
    (pictures, boxes), *_ = seen.batches
    assert len(boxes) >= 5
    for row, box in zip(boxes.image, boxes.xyxy, strict=True):
        bright = pictures[row].max(axis=2) > 150
        ys, xs = np.nonzero(bright)
        shape = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
        assert np.abs(box - shape).max() < 2.5


# The same again, and other runs


def test_the_same_seed_gives_the_same_weights(finished, prepared, tmp_path):
    train(prepared, options(), tmp_path / finished.name)
    names = ("weights/best.pt", "weights/last.pt", "metrics.json", "train_batch0.jpg")
    for name in names:
        assert (tmp_path / finished.name / name).read_bytes() == (finished / name).read_bytes()


def test_the_same_run_again_is_not_made_again(run, prepared):
    before = tree(run)
    made = train(prepared, options(workers=0, device="auto"), run)
    assert made["unchanged"]
    assert tree(run) == before


def test_another_run_gets_a_name_of_its_own(run, prepared):
    before = tree(run)
    made = train(prepared, options(epochs=1), run)
    assert Path(made["run"]) == run.with_name(f"{run.name}-2") == manifest.newest(run, "run")
    assert tree(run) == before


def test_changed_labels_are_another_run(run, prepared, tmp_path):
    changed = Path(shutil.copytree(prepared, tmp_path / "images"))
    next(changed.glob("labels/train/*/*.txt")).write_text("1 0.5 0.5 0.2 0.2\n")
    assert train(changed, options(), run)["run"] == f"{run}-2"


def test_force_makes_it_again(run, prepared):
    before = tree(run)
    assert train(prepared, options(), run, again="force")["run"] == str(run)
    assert tree(run)["weights/best.pt"] != before["weights/best.pt"]
    assert manifest.newest(run, "run") == run


def test_a_folder_that_is_no_run_is_left_alone(prepared, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(BoxwrightError, match="did not make it"):
        train(prepared, options(), tmp_path / "mine", again="force")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


# Killed, and resumed


def boxwright_process(*words, cwd, **environment):
    command = [sys.executable, "-m", "pipeline", "train", *map(str, words)]
    variables = {**os.environ, "PYTHONPATH": str(REPO), **environment}
    return subprocess.Popen(
        command, cwd=cwd, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for_rows(process, partial, count):
    end = time.monotonic() + 90
    while time.monotonic() < end and process.poll() is None:
        file = partial / "results.csv"
        if file.is_file() and len(file.read_text("utf-8").splitlines()) > count:
            return
        time.sleep(0.005)
    process.kill()
    pytest.fail(f"no epoch {count}: {process.communicate()[1]}")


def test_a_killed_run_is_resumed_where_it_was(prepared, tmp_path):
    process = boxwright_process(prepared, *flags(epochs=8), "--name", "run", cwd=tmp_path)
    wait_for_rows(process, tmp_path / "runs" / "run.partial", 2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    out = tmp_path / "runs" / "run"
    assert not out.exists()
    with pytest.raises(BoxwrightError, match=r"(?s)--resume.*--force"):
        train(prepared, options(epochs=8), out)
    train(prepared, options(epochs=8), out, again="resume")
    assert [int(row["epoch"]) for row in rows(out)] == list(range(1, 9))
    assert "Resuming training" in (out / "train.log").read_text("utf-8")
    assert manifest_of(out)["epochs"] == {"asked": 8, "done": 8}


class Stop(Audience):
    """Ends a training after an epoch, as Ctrl-C or an error would."""

    def __init__(self, after, error=None):
        super().__init__()
        self.after, self.error, self.seen = after, error or KeyboardInterrupt(), []

    def epoch(self, epoch):
        self.seen.append(epoch.number)
        if epoch.number == self.after:
            raise self.error


def unfinished(prepared, out, **changes):
    with pytest.raises(KeyboardInterrupt):
        train(prepared, options(epochs=3, **changes), out, audience=Stop(1))


def test_resuming_another_run_is_refused_and_says_what_changed(prepared, tmp_path):
    unfinished(prepared, tmp_path / "run")
    with pytest.raises(BoxwrightError, match=r"options\.imgsz: was 64, is 96"):
        train(prepared, options(epochs=3, imgsz=96), tmp_path / "run", again="resume")


def test_force_begins_an_unfinished_run_anew(prepared, tmp_path):
    unfinished(prepared, tmp_path / "run")
    train(prepared, options(epochs=1), tmp_path / "run", again="force")
    assert [row["epoch"] for row in rows(tmp_path / "run")] == ["1"]


def test_a_run_stopped_after_its_last_epoch_is_only_finished(prepared, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(evaluation, "evaluate", stop)
        with pytest.raises(KeyboardInterrupt):
            train(prepared, options(), tmp_path / "run")
    audience = Stop(99)
    train(prepared, options(), tmp_path / "run", again="resume", audience=audience)
    assert audience.seen == []
    assert manifest_of(tmp_path / "run")["epochs"]["done"] == 2


def test_a_row_without_its_checkpoint_is_not_written_twice(prepared, tmp_path):
    unfinished(prepared, tmp_path / "run")
    table = tmp_path / "run.partial" / "results.csv"
    header, first = table.read_text("utf-8").splitlines()
    table.write_text("\n".join([header, first, f"2{first[1:]}", ""]))
    train(prepared, options(epochs=3), tmp_path / "run", again="resume")
    assert [row["epoch"] for row in rows(tmp_path / "run")] == ["1", "2", "3"]


def test_two_trainings_of_one_name_do_not_mix(prepared, tmp_path):
    class Second(Audience):
        def epoch(self, epoch):  # noqa: ARG002
            with pytest.raises(BoxwrightError, match="another boxwright is training here"):
                train(prepared, options(), tmp_path / "run", again="force")

    assert train(prepared, options(), tmp_path / "run", audience=Second())["epochs"]["done"] == 2


# What a training does not do


OFFLINE = """
import socket
def refuse(*arguments, **options):
    raise AssertionError(f"network: {arguments}")
socket.getaddrinfo = socket.create_connection = socket.socket.connect = refuse
socket.socket.sendto = socket.socket.connect_ex = refuse
from pipeline.__main__ import main
main()
"""


def test_nothing_goes_to_the_network_the_home_or_stdout(prepared, tmp_path):
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    spared = ("XDG_", "YOLO_", "MPLCONFIGDIR", "ULTRALYTICS")
    variables = {k: v for k, v in os.environ.items() if not k.startswith(spared)}
    words = ["train", str(prepared), *flags(cache="ram"), "--json"]
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, *words],
        cwd=work,
        env={**variables, "HOME": str(home), "PYTHONPATH": str(REPO)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(home.iterdir()) == []
    assert [path.name for path in work.iterdir()] == ["runs"]
    assert json.loads(done.stdout)["epochs"]["done"] == 2
    assert [line.split()[1] for line in done.stderr.splitlines()[1:]] == ["1/2", "2/2"]


IMPORTED = """
import json, os, sys, warnings
import cv2, numpy, torch
from PIL import Image
def state():
    kept = ("OMP_NUM_THREADS", "NUMEXPR_MAX_THREADS", "TF_CPP_MIN_LOG_LEVEL", "KINETO_LOG_LEVEL")
    return [cv2.getNumThreads(), numpy.get_printoptions(), id(torch.save), id(Image.open),
            torch.get_num_threads(), len(warnings.filters), [os.environ.get(k) for k in kept]]
before = state()
from pipeline.models.ultralytics import library
library.load()
assert "ultralytics" in sys.modules
assert str(state()) == str(before), (before, state())
from ultralytics.utils import SETTINGS, ONLINE, AUTOINSTALL
assert not ONLINE and not AUTOINSTALL and not any(SETTINGS[k] for k in ("sync", "wandb", "mlflow"))
from ultralytics.utils.events import events
assert not events.enabled
"""


def test_importing_ultralytics_changes_nothing_else(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED],
        env={**os.environ, "PYTHONPATH": str(REPO), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_quiet_says_only_the_result(prepared, tmp_path):
    words = [*flags(epochs=1), "--runs", tmp_path, "--quiet"]
    done = boxwright("train", prepared, *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{tmp_path / 'images'}/weights/best.pt" in done.stdout


# Where a training starts


def test_pretrained_weights_are_the_start(finished, prepared, tmp_path):
    best = finished / "weights" / "best.pt"
    made = train(prepared, options(model=str(best), epochs=1), tmp_path / "run")
    assert made["model"]["start"] == "best.pt"
    log = (tmp_path / "run" / "train.log").read_text("utf-8")
    transferred = next(line for line in log.splitlines() if line.startswith("Transferred"))
    some, every = transferred.split()[1].split("/")
    assert some == every


def test_frozen_layers_keep_their_weights(finished, prepared, tmp_path):
    from pipeline.models.ultralytics import weights

    best = finished / "weights" / "best.pt"
    train(prepared, options(model=str(best), freeze=6, epochs=1), tmp_path / "run")
    last = tmp_path / "run" / "weights" / "last.pt"
    before, after = (dict(weights.read(file).named_parameters()) for file in (best, last))
    same = {name for name in before if (before[name] == after[name]).all()}
    head = {name for name in before if name.startswith("model.6.")}
    assert before.keys() - head <= same
    assert not head <= same


def test_a_model_without_weights_at_hand_is_trained_from_scratch_and_said(prepared, tmp_path):
    words = [*flags(model="yolov5nu", epochs=1, imgsz=32), "--runs", tmp_path]
    done = boxwright("train", prepared, *words)
    assert done.returncode == 0, done.stderr
    assert "yolov5nu.pt is not here: training from scratch" in done.stderr
    assert "--download" in done.stderr


def test_a_transformer_is_trained_too(prepared, tmp_path):
    small = config.read_yaml(REPO / "configs" / "models" / "yolov8-narrow.yaml")
    head = [*small["head"][:-1], [[15, 18, 21], 1, "RTDETRDecoder", ["nc", 32, 20, 4, 4, 1]]]
    architecture = tmp_path / "small-rtdetr.yaml"
    architecture.write_text(json.dumps({**small, "head": head}))
    made = train(prepared, options(model=str(architecture), epochs=1), tmp_path / "run")
    assert made["epochs"]["done"] == 1
    assert (tmp_path / "run" / "metrics.json").is_file()


# What is wrong is said before anything starts


def test_everything_wrong_is_said_at_once_and_nothing_is_made(tmp_path):
    words = ["--model", "yolov8q", "--imgsz", 170, "--device", 7, "--hyp", "wild", "--batch", 0]
    done = boxwright("train", tmp_path / "nowhere", *words, "--runs", tmp_path / "runs")
    assert done.returncode == 1
    said = ("nowhere: is no prepared folder", "did you mean", "yolov8", "take 160 or 192",
            "device '7'", "moderate, money, none", "batch 0")  # fmt: skip
    assert [text for text in said if text not in done.stderr] == []
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_missing_split_is_said(prepared, tmp_path):
    broken = Path(shutil.copytree(prepared, tmp_path / "data"))
    for file in broken.glob("labels/val/*/*.txt"):
        file.write_text("")
    with pytest.raises(BoxwrightError, match="has no box in the split 'val'"):
        train(broken, options(), tmp_path / "run")


def test_weights_that_are_missing_are_said(prepared, tmp_path):
    with pytest.raises(BoxwrightError, match=r"--download fetches it, or `yolov8n\.yaml`"):
        train(prepared, options(model="yolov8n.pt", weights=tmp_path), tmp_path / "run")


def test_freezing_everything_is_refused(prepared, tmp_path):
    with pytest.raises(BoxwrightError, match="the model has 7 layers"):
        train(prepared, options(freeze=7), tmp_path / "run")


def test_an_architecture_that_cannot_be_built_is_said(prepared, tmp_path):
    small = (REPO / "configs" / "models" / "yolov8-narrow.yaml").read_text("utf-8")
    broken = tmp_path / "broken.yaml"
    broken.write_text(small.replace("SPPF, [1024, 5]", "SPPX, [1024, 5]"))
    with pytest.raises(BoxwrightError, match=r"broken\.yaml: ultralytics cannot build"):
        train(prepared, options(model=str(broken)), tmp_path / "run")


def test_a_wrong_preset_is_said_by_key_and_range(prepared, tmp_path):
    preset = tmp_path / "mine.yaml"
    preset.write_text("degres: 5\nfliplr: 1.5\n")
    with pytest.raises(
        BoxwrightError, match=r"(?s)did you mean 'degrees'.*fliplr: 1\.5 does not fit"
    ):
        train(prepared, options(hyp=str(preset)), tmp_path / "run")


@pytest.mark.parametrize("name", presets.names())
def test_every_preset_is_in_range_and_explained(name):
    assert presets.load(name)
    text = (presets.configs() / "hyp" / f"{name}.yaml").read_text("utf-8")
    assert text.startswith("#")
    assert set(presets.names()) >= {"none", "moderate", "rotated", "extreme"}


# What goes wrong on the way


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), "a smaller --batch"),
        (OSError(28, "No space left on device", "last.pt"), "cannot write here: No space left"),
        (RuntimeError("DataLoader worker (pid 7) is killed by signal"), "--workers 0"),
        (ValueError("something of theirs"), "ValueError: something of theirs"),
    ],
)
def test_an_error_on_the_way_says_what_to_do(prepared, tmp_path, error, said):
    with pytest.raises(BoxwrightError, match=said):
        train(prepared, options(), tmp_path / "run", audience=Stop(1, error))
    assert type(error).__name__ in (tmp_path / "run.partial" / "train.log").read_text("utf-8")


def test_a_full_disk_ends_in_words_and_no_run(prepared, tmp_path):
    limit = 100_000  # bytes a file may have: less than a checkpoint

    def full():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    words = ["-m", "pipeline", "train", str(prepared), *flags(), "--name", "run"]
    done = subprocess.run(
        [sys.executable, *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPO)},
        preexec_fn=full,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "cannot write here: File too large" in done.stderr
    assert not (tmp_path / "runs" / "run").exists()


def test_worker_processes_load_the_same_pictures(prepared, tmp_path):
    made = train(prepared, options(workers=2, batch=2, epochs=1), tmp_path / "run")
    assert made["epochs"]["done"] == 1
    assert "Using 2 dataloader workers" in (tmp_path / "run" / "train.log").read_text("utf-8")


def test_a_picture_that_went_bad_is_named(prepared, tmp_path):
    broken = Path(shutil.copytree(prepared, tmp_path / "images"))
    victim = next(broken.glob("images/train/*/*.png"))
    content = bytearray(victim.read_bytes())
    content[60:-40] = bytes(len(content) - 100)
    victim.write_bytes(content)
    with pytest.raises(BoxwrightError, match="cannot be decoded") as raised:
        train(broken, options(), tmp_path / "run")
    assert victim.name in str(raised.value)
