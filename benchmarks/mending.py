"""What mending labels buys: the same short training on dirty, mended and clean labels.

    python benchmarks/mending.py --out benchmarks/results/mending.md    # an hour and a half

For each seed the built-in sample is drawn, and drawn again with a tenth of its labels wrong. The
wrong ones are checked with models of folds, and every suggestion above a threshold is accepted
unseen: nobody looks. Then three models are trained, on the same pictures and the same split, and
judged by the right labels of pictures of other scenes. What runs are the commands that a user runs.
With --work everything is kept, and what is there already is not made again.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from pipeline import config
from pipeline.evaluation.metrics import metrics
from pipeline.evaluation.run import EvaluateOptions, predict
from pipeline.formats import yolo
from pipeline.progress import silent

CONFIG = Path(__file__).parents[1] / "configs" / "sample.yaml"
ARMS = ("dirty", "mended", "clean")
SCORES = ("mAP50-95", "mAP50")
TEST_SEED = 1000  # of the pictures that judge: other scenes than any seed's


def main() -> None:
    """Draw, check, mend, train, judge, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--errors", type=float, default=0.1, help="share of labels that are wrong")
    parser.add_argument("--above", type=float, default=0.5, help="suggestions accepted unseen")
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=24, help="of every training")
    parser.add_argument("--imgsz", type=int, default=192)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--work", type=Path, help="a folder to keep everything in")
    parser.add_argument("--out", type=Path, help="a Markdown file to write as well")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = given.work or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        test = prepared(work, "test", given, TEST_SEED)
        runs = [one(work, seed, test, given) for seed in range(given.seeds)]
    text = report(runs, given)
    print(text)
    if given.out:
        given.out.write_text(text + "\n", encoding="utf-8")


def one(work: Path, seed: int, test: Path, given: argparse.Namespace) -> dict[str, Any]:
    """The scores of the three arms of one seed, and what was mended."""
    place = work / f"seed-{seed}"
    found: dict[str, Any] = {}
    for arm in ("clean", "dirty"):
        prepared(place, arm, given, seed)
    found["mending"] = mend(place, given)
    prepared(place, "mended", given, seed)
    for arm in ARMS:
        boxwright("train", place / f"{arm}.yaml", "--name", arm, done=place / "runs" / arm)
        found[arm] = judge(place / "runs" / arm / "weights" / "best.pt", test)
        told = f"seed {seed}, {arm}: {found[arm][SCORES[0]]:.3f}"
        print(told, file=sys.stderr, flush=True)
    return found


def prepared(place: Path, arm: str, given: argparse.Namespace, seed: int) -> Path:
    """The prepared tree of one arm, from a config of its own."""
    file, source = place / f"{arm}.yaml", place / arm
    place.mkdir(parents=True, exist_ok=True)
    block = config.read_yaml(CONFIG)
    block |= {"name": arm, "source": str(source), "prepared": str(place / f"{arm}-tree")}
    block["runs"] = str(place / "runs")
    block["convert"] |= {
        "background": [str(source / "background")],
        "seed": seed,
        "stratify": False,  # wrong classes would change the split
        "skip_bad": True,  # nobody trains on labels without area
    }
    block["train"] |= {"epochs": given.epochs, "imgsz": given.imgsz, "seed": seed}
    file.write_text(yaml.safe_dump(block, allow_unicode=True), encoding="utf-8")
    if arm != "mended":
        errors = ["--errors", given.errors] if arm == "dirty" else []
        drawn = ["--images", given.images, "--seed", seed, *errors]
        boxwright("sample", source, *drawn, done=source)
    boxwright("convert", file, done=place / f"{arm}-tree")
    return place / f"{arm}-tree"


def mend(place: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Check the dirty labels and accept what is sure enough; how much that was."""
    findings, mended = place / "findings.json", place / "mended"
    dirty = place / "dirty.yaml"
    if not findings.exists():
        asked = ["--folds", given.folds, "--epochs", given.epochs, "--fail-on", "never", "--json"]
        findings.write_text(boxwright("check", dirty, *asked), encoding="utf-8")
    accepted = ["--above", given.above, "--skip-bad", "--out", mended]
    boxwright("fix", dirty, findings, *accepted, done=mended)
    changes = json.loads((mended / "changes.json").read_text(encoding="utf-8"))
    truth = json.loads((place / "dirty" / "truth.json").read_text(encoding="utf-8"))
    return {"changes": len(changes["changes"]), "errors": len(truth)}


def boxwright(*arguments: object, done: Path | None = None) -> str:
    """What a command prints; nothing where `done`, which it makes, is there already."""
    if done is not None and (done / "manifest.json").exists():
        return ""
    command = [sys.executable, "-m", "pipeline", *map(str, arguments), "--quiet"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"{' '.join(command)}\n{ran.stderr}")
    return ran.stdout


def judge(weights: Path, test: Path) -> dict[str, Any]:
    """The scores of a model on all pictures of the test."""
    truth = yolo.read(test)
    return metrics(truth, predict(weights, truth, EvaluateOptions(), silent))


def report(runs: list[dict[str, Any]], given: argparse.Namespace) -> str:
    """The table, and how it was made, in Markdown."""
    rows = [f"| labels | {' | '.join(SCORES)} |", "| --- | ---: | ---: |"]
    for arm in ARMS:
        cells = [told([run[arm][score] for run in runs]) for score in SCORES]
        rows.append(f"| {arm} | {' | '.join(cells)} |")
    gains = ", ".join(f"{run['mended'][SCORES[0]] - run['dirty'][SCORES[0]]:+.3f}" for run in runs)
    mended = "; ".join(
        f"{run['mending']['changes']} changes for {run['mending']['errors']} errors" for run in runs
    )
    made = (
        f"{given.images} pictures drawn, {given.errors:.0%} of their labels wrong; {given.folds}"
        f" folds; suggestions of {given.above:g} and more accepted unseen: {mended}."
        f" Every training {given.epochs} epochs at {given.imgsz} pixels, else as"
        f" configs/sample.yaml; judged by the right labels of {given.images} pictures of other"
        f" scenes. Mean of {given.seeds} seeds (standard deviation); mended over dirty, seed by"
        f" seed: {gains} {SCORES[0]}. Made by `make mending`."
    )
    return "\n".join(rows) + "\n\n" + made


def told(values: list[float]) -> str:
    spread = f" ({statistics.stdev(values):.3f})" if len(values) > 1 else ""
    return f"{statistics.mean(values):.3f}{spread}"


if __name__ == "__main__":
    main()
