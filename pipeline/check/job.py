"""The run of `boxwright leaks`: a tree, and perhaps a model -> findings, a page, a verdict."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import config, manifest
from pipeline.check import mend, trees, words, written
from pipeline.check.inflation import inflation
from pipeline.check.leaks import Found, LeaksOptions, find
from pipeline.check.page import write_page
from pipeline.check.shares import leaked, shares
from pipeline.dataset import Bools, Dataset
from pipeline.errors import BoxwrightError
from pipeline.evaluation import coco_file
from pipeline.evaluation.run import EvaluateOptions, predict, run_folder
from pipeline.evaluation.written import write_json
from pipeline.progress import Track, silent

log = logging.getLogger(__name__)
KIND = "leaks"
_EVALUATION = ("split", "imgsz", "batch", "device")


@dataclass(frozen=True)
class Job:
    """One search for leaks.

    Attributes:
        root: The tree: a folder, or a data.yaml.
        options: What to look for.
        evaluation: How to measure the model.
        out: The folder to make.
        weights: A model whose score is to be split in leaked and clean; None for none.
        config: The config that was given, if one was.
    """

    root: Path
    options: LeaksOptions
    evaluation: EvaluateOptions
    out: Path
    weights: Path | None = None
    config: Path | None = None


def plan(source: Path, weights: Path | None, flags: Mapping[str, Any], out: Path | None) -> Job:
    """What the arguments of the command mean.

    Args:
        source: A config, or a tree.
        weights: A model's file; None: the config's, if it has been trained.
        flags: Options from the command line; None where it gave nothing.
        out: The folder to make; None: `leaks` in the run's folder, or runs/leaks-<tree>.

    Raises:
        BoxwrightError: A wrong config or option.
    """
    given = None
    root, runs, block, measuring = source, Path("runs"), {}, {}
    if trees.is_config(source):
        given = source
        run = config.load(source)
        root, runs = run.prepared, run.runs
        block, measuring = run.block("leaks"), run.block("evaluate")
        weights = weights or _trained(run)
    own = {key: value for key, value in flags.items() if key not in _EVALUATION}
    measured = {key: flags.get(key) for key in _EVALUATION}
    place = run_folder(weights) if weights else None
    name = (root.parent if root.is_file() else root).resolve().name
    return Job(
        root=root,
        options=config.options(LeaksOptions, block, own),
        evaluation=config.options(EvaluateOptions, measuring, measured),
        out=out or (place / "leaks" if place else runs / f"leaks-{name}"),
        weights=weights,
        config=given,
    )


def _trained(run: config.Config) -> Path | None:
    try:
        return run.trained()
    except BoxwrightError:
        log.info(
            "%s has no trained model yet: what leaks do to its score is not measured", run.name
        )
        return None


def do(todo: Job, *, force: bool = False, track: Track = silent) -> dict[str, Any]:
    """Look for leaks, into a folder that is whole or absent.

    leaks.json, pairs.csv, labels.csv, leaked.txt, leaks.html and, for YOLO trees, clean/ (a
    data.yaml whose val and test are without the leaked pictures).

    Args:
        todo: From `plan`.
        force: Replace the output folder, whatever it is.
        track: Shows progress.

    Returns:
        What leaks.json holds.

    Raises:
        BoxwrightError: No tree that is read here, a tree without splits, a model of other classes,
            or an output folder that is not ours to replace.
    """
    manifest.check_replaceable(todo.out, KIND, force=force)
    tree = trees.read(todo.root, track)
    result = find(tree.dataset, todo.options, track)
    told = summary(tree, result, todo)
    if todo.weights:
        told["inflation"] = _inflation(todo.weights, tree, result, todo, track)
    with manifest.new_folder(todo.out, KIND, force=force) as folder:
        _write(folder, tree, result, told)
        write_page(folder, tree.dataset, result, told, todo.options.shown, track)
        manifest.write(folder, KIND, _made(todo, tree, told))
    return told


def summary(tree: trees.Tree, result: Found, todo: Job) -> dict[str, Any]:
    """What leaks.json holds, but for the inflation."""
    dataset, images = tree.dataset, tree.dataset.images
    found = shares(dataset, result.leaks)
    worst = max(part["share"] for part in found.values())
    rows = [
        (images.split[a], images.name[a], images.split[b], images.name[b], problem)
        for a, b, problem in result.wrong
    ]
    return {
        "name": todo.root.resolve().name,
        "tree": str(todo.root),
        "pictures": len(images),
        "ways": list(result.leaks.ways),
        "splits": found,
        "pairs": len(result.leaks),
        "share": worst,
        "max_share": todo.options.max_share,
        "ok": worst <= todo.options.max_share,
        "labelled_otherwise": [dict(zip(written.LABELS, row, strict=True)) for row in rows],
        "not_compared": [problem.path for problem in result.problems],
        "command": mend.command(tree, todo.root, todo.config, todo.options, found) if worst else "",
        "clean": tree.file is not None,
        "inflation": None,
    }


def _inflation(
    weights: Path, tree: trees.Tree, result: Found, todo: Job, track: Track
) -> dict[str, Any] | None:
    """The model's score on what training has seen of a split, and on what it has not."""
    split, images = todo.evaluation.split, tree.dataset.images
    own = np.asarray(images.split == split, dtype=bool)
    if not own.any() or split == "train":
        log.warning("%s: has no split %r to measure the model on", todo.root, split)
        return None
    of_train = leaked(result.leaks.against(images.split, "train"), len(images))
    truth = _truth(tree, split)
    found = predict(weights, truth, todo.evaluation, track)
    seed = todo.options.seed
    return inflation(truth, found, of_train[own], result.unit[own], seed=seed, track=track)


def _truth(tree: trees.Tree, split: str) -> Dataset:
    """A split as `boxwright evaluate` sees it: YOLO's labels cannot say what is a crowd."""
    truth = tree.dataset.of_split(split)
    if tree.file is None:
        return truth
    known = coco_file.read(truth.root / "annotations" / f"{split}.json", truth)
    return coco_file.mark_crowds(truth, known)


def _write(
    folder: Path,
    tree: trees.Tree,
    result: Found,
    told: Mapping[str, Any],
) -> None:
    images = tree.dataset.images
    bad: Bools = leaked(result.leaks, len(images))
    write_json(folder / "leaks.json", told)
    written.write_pairs(folder / "pairs.csv", images, result.leaks)
    written.write_labels(folder / "labels.csv", images, result.wrong)
    written.write_leaked(folder / "leaked.txt", tree.dataset, bad)
    if told["clean"]:
        written.write_clean(folder / "clean", tree, bad)


def _made(todo: Job, tree: trees.Tree, told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "tree": str(todo.root),
        "content": tree.made.get("content"),
        "weights": str(todo.weights) if todo.weights else None,
        "options": asdict(todo.options),
        "words": words.verdict(told),
    }
