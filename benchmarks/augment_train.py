"""What tight labels buy: a short training on plain boxes and on shapes, on turned pictures.

    python benchmarks/augment_train.py --out benchmarks/results/augment_train.md    # an hour or two

Draws the built-in sample, sets a quarter of its scenes aside as the test, and trains with rotation
on plain boxes, on boxes with shapes and on drawn outlines; the same pictures, the same budget. Each
model is judged by tight boxes, on the test pictures as they are and on the same turned. With --work
everything is kept, and a training that is there already is not made again.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml
from augment import CONFIG, OUTLINED, PLAIN, SHAPED, drawn, table, trees

from pipeline import config
from pipeline.augment.turned import inflated, turned
from pipeline.dataset import Dataset
from pipeline.engine import shards
from pipeline.evaluation.metrics import metrics
from pipeline.evaluation.mismatch import MismatchOptions
from pipeline.evaluation.run import EvaluateOptions, predict
from pipeline.formats import yolo
from pipeline.progress import silent
from pipeline.training.run import TrainOptions, train

ARMS = (PLAIN, SHAPED, OUTLINED)
SCORES = ("mAP50-95", "mAP50")
Scores = dict[str, list[dict[str, dict[str, Any]]]]
"""Of each arm, run by run, the metrics on each test."""


def main() -> None:
    """Draw, convert, train, judge, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=3, help="splits and trainings of each kind")
    parser.add_argument(
        "--degrees", type=float, default=45, help="of training and test, either way"
    )
    parser.add_argument(
        "--no-drawn", action="store_true", help="no training on drawn outlines: a third less"
    )
    parser.add_argument("--work", type=Path, help="a folder to keep everything in")
    parser.add_argument("--out", type=Path, help="a Markdown file to write as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = options.work or Path(folder)
        sources = drawn(work, options.images, 0)
        arms = [arm.name for arm in ARMS if arm is not OUTLINED or not options.no_drawn]
        scores: Scores = {name: [] for name in arms}
        for seed in range(options.seeds):
            for name, tests in compare(work / f"seed-{seed}", sources, options, seed).items():
                scores[name].append(tests)
    text = report(scores, options)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")


def compare(
    place: Path, sources: dict[str, Path], options: argparse.Namespace, seed: int
) -> dict[str, dict[str, dict[str, Any]]]:
    """One split, a training of each arm on it, and its metrics on each test."""
    flags = {"val": 0.15, "test": 0.25, "seed": seed}
    made = trees(place, sources, ARMS, flags)
    tests = judges(made[OUTLINED.name], place / "turned", options.degrees, seed)
    found = {}
    for name, tree in made.items():
        if name == OUTLINED.name and options.no_drawn:
            continue
        weights = fit(tree, place, options, seed)
        found[name] = {test: judge(weights, truth) for test, truth in tests.items()}
        told = ", ".join(f"{test} {one[SCORES[0]]:.3f}" for test, one in found[name].items())
        print(f"seed {seed}, {name}: {told}", file=sys.stderr, flush=True)
    return found


def judges(tree: Path, folder: Path, degrees: float, seed: int) -> dict[str, Dataset]:
    """The test pictures as they are and turned, with tight boxes."""
    upright = yolo.read(tree).of_split("test")
    if inflated(upright.boxes).any():
        raise SystemExit(f"{tree}: has boxes without an outline: it cannot judge.")
    with shards() as mapped:
        return {"upright": upright, "turned": turned(upright, degrees, seed, folder, mapped)}


def fit(tree: Path, place: Path, options: argparse.Namespace, seed: int) -> Path:
    """The weights of the sample's training with rotation on a tree."""
    hyp = place / "hyp.yaml"
    light = config.read_yaml(CONFIG.parent / "hyp" / "light.yaml")
    hyp.write_text(yaml.safe_dump({**light, "degrees": options.degrees}), encoding="utf-8")
    flags = {"epochs": options.epochs, "seed": seed, "hyp": str(hyp), "imgsz": 160}
    training = config.options(TrainOptions, config.load(CONFIG).block("train"), flags)
    no_gaps = MismatchOptions(after_training=False)
    run = train(tree, training, place / "runs" / tree.name, again="resume", mismatch=no_gaps)
    return Path(run["run"]) / "weights" / "best.pt"


def judge(weights: Path, truth: Dataset) -> dict[str, Any]:
    """The scores of a model on a data set."""
    return metrics(truth, predict(weights, truth, EvaluateOptions(), silent))


def report(scores: Scores, options: argparse.Namespace) -> str:
    """The table, and what each seed says, in Markdown."""
    columns = [(test, score) for test in ("turned", "upright") for score in SCORES]
    rows = []
    for name, runs in scores.items():
        values = [[run[test][score] for run in runs] for test, score in columns]
        rows.append([name, *map(_mean_and_deviation, values)])
    made = (
        f"{options.images} pictures drawn, a quarter of the scenes set aside as the test;"
        f" {options.epochs} epochs of configs/sample.yaml with rotation within"
        f" ±{options.degrees:g}°; the test pictures turned within ±{options.degrees:g}°, their"
        f" boxes from the true outlines. Mean of {options.seeds} splits and trainings"
        " (standard deviation)."
    )
    columns_head = [f"{test} {score}" for test, score in columns]
    return "\n\n".join([table(["labels", *columns_head], rows), differences(scores), made])


def _mean_and_deviation(values: list[float]) -> str:
    spread = f" ({statistics.stdev(values):.3f})" if len(values) > 1 else ""
    return f"{statistics.mean(values):.3f}{spread}"


def differences(scores: Scores) -> str:
    """What each seed says of each way, against plain boxes on turned pictures."""
    said = []
    for name in [name for name in scores if name != PLAIN.name]:
        pairs = zip(scores[name], scores[PLAIN.name], strict=True)
        gains = [ours["turned"][SCORES[0]] - theirs["turned"][SCORES[0]] for ours, theirs in pairs]
        each = ", ".join(f"{gain:+.3f}" for gain in gains)
        said.append(f"{name}: {statistics.mean(gains):+.3f} (seed by seed {each})")
    return f"Turned {SCORES[0]} against plain boxes: {'; '.join(said)}."


if __name__ == "__main__":
    main()
