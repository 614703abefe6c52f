r"""The score that a random split gives, beside the one that groups give, beside the truth.

    python benchmarks/lie.py --out benchmarks/results/lie.md        # or: make lie

Draws the built-in sample, sets a third of its scenes aside as the judge, and splits the rest
twice: picture by picture, as most tools do, and by groups. The same training on both; each model
is judged by its own val split, which is all that its maker would see, and by the scenes set aside,
which neither has seen. By hand, with P='^(.+)_\d+$' and B the backgrounds of the sample:

    boxwright convert sample judge --group "$P" --background B --val 0.33
    boxwright convert judge/annotations/train.json random --images judge/images/train --group none
    boxwright convert judge/annotations/train.json groups --images judge/images/train --group "$P"
    boxwright train random; boxwright train groups
    boxwright evaluate runs/random/weights/best.pt judge; boxwright evaluate runs/groups/...
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline import config
from pipeline.convert import ConvertOptions, convert
from pipeline.evaluation.run import EvaluateOptions, evaluate
from pipeline.sample import SampleOptions, make_sample
from pipeline.training.run import TrainOptions, train

CONFIG = Path(__file__).parents[1] / "configs" / "sample.yaml"
SCORES = ("mAP50", "mAP50-95")
ARMS = {"picture by picture": "none", "by groups": r"^(.+)_\d+$"}


def main() -> None:
    """Draw, split twice, train, judge, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument(
        "--seeds", type=int, default=3, help="judges, splits and trainings of each kind"
    )
    parser.add_argument("--work", type=Path, help="a folder to keep everything in")
    parser.add_argument("--out", type=Path, help="a Markdown file to write as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = options.work or Path(folder)
        make_sample(work / "sample", SampleOptions(images=options.images, video=0))
        scores: dict[str, list[dict[str, Any]]] = {arm: [] for arm in ARMS}
        for seed in range(options.seeds):
            judge = prepare(work, seed)
            for arm, group in ARMS.items():
                scores[arm].append(measure(work, judge, group, seed, options.epochs))
    text = report(scores, options)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")


def prepare(work: Path, seed: int) -> Path:
    """The sample as a tree whose val split is the judge."""
    source, judge = work / "sample", work / f"judge-{seed}"
    block = config.load(CONFIG).block("convert")
    options = config.options(ConvertOptions, block, {"val": 0.33, "seed": seed})
    convert(source, judge, replace(options, background=[source / "background"]))
    return judge


def measure(work: Path, judge: Path, group: str, seed: int, epochs: int) -> dict[str, Any]:
    """Split, train, and judge: by the split's own val, and by the judge."""
    name = f"{'random' if group == 'none' else 'groups'}-{seed}"
    options = ConvertOptions(
        images=judge / "images/train",
        classes=list(config.load(CONFIG).block("convert")["classes"]),
        group=group,
        seed=seed,
    )
    convert(judge / "annotations/train.json", work / name, options)
    block = config.load(CONFIG).block("train")
    flags = {"epochs": epochs, "seed": seed, "imgsz": 160, "hyp": "light"}
    training = config.options(TrainOptions, block, flags)
    run = train(work / name, training, work / "runs" / name)
    weights = Path(run["run"]) / "weights" / "best.pt"
    found = work / f"judged-{name}"
    found.mkdir(exist_ok=True)
    truth = evaluate(weights, judge, EvaluateOptions(samples=0), found)
    return {"val": run["metrics"], "truth": truth}


def report(scores: dict[str, list[dict[str, Any]]], options: argparse.Namespace) -> str:
    """The table, in Markdown; means over the seeds."""
    lines = [
        "| the split | "
        + " | ".join(f"val {s} | scenes never seen | told too much" for s in SCORES)
        + " |",
        "| --- |" + " ---: |" * 3 * len(SCORES),
    ]
    for arm, runs in scores.items():
        cells = []
        for score in SCORES:
            val = statistics.mean(run["val"][score] for run in runs)
            truth = statistics.mean(run["truth"][score] for run in runs)
            cells += [f"{val:.3f}", f"{truth:.3f}", f"{val - truth:+.3f}"]
        lines.append(f"| {arm} | {' | '.join(cells)} |")
    made = (
        f"{options.images} pictures drawn, {options.epochs} epochs of configs/sample.yaml,"
        f" the mean of {options.seeds} judges, splits and trainings."
    )
    return "\n".join([*lines, "", made])


if __name__ == "__main__":
    main()
