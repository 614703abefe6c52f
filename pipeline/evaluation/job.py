"""`boxwright evaluate` on its own: which model, which data, where to, and how it was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline import config, manifest
from pipeline.errors import BoxwrightError
from pipeline.evaluation.run import EvaluateOptions, evaluate, run_folder
from pipeline.progress import Track, silent

KIND = "evaluation"


@dataclass(frozen=True)
class Job:
    """One evaluation.

    Attributes:
        weights: The model's file.
        prepared: What `boxwright convert` made.
        options: How to evaluate.
        out: The folder to make.
    """

    weights: Path
    prepared: Path
    options: EvaluateOptions
    out: Path


def plan(source: Path, prepared: Path | None, flags: Mapping[str, Any], out: Path | None) -> Job:
    """What the arguments of the command mean.

    Args:
        source: A config, or a weights file.
        prepared: The prepared folder; None: the config's.
        flags: Options from the command line; None where it gave nothing.
        out: The folder to make; None: evaluate-<split> in the folder of the run.

    Raises:
        BoxwrightError: A wrong config or option, or the config's run has not been trained.
    """
    block: Mapping[str, Any] = {}
    weights = source
    if config.is_config(source):
        run = config.load(source)
        block, prepared = run.block("evaluate"), prepared or run.prepared
        weights = run.trained()
    if prepared is None:
        raise BoxwrightError(f"{source}: which prepared folder should it be evaluated on?")
    options = config.options(EvaluateOptions, block, flags)
    place = run_folder(weights) or Path("runs", weights.stem)
    return Job(weights, prepared, options, out or place / f"evaluate-{options.split}")


def do(todo: Job, *, force: bool = False, track: Track = silent) -> dict[str, Any]:
    """Evaluate into a folder that is whole or absent; returns the numbers of metrics.json.

    Args:
        todo: From `plan`.
        force: Replace the output folder, whatever it is.
        track: Shows progress.

    Raises:
        BoxwrightError: See `evaluate`; or the output folder is not ours to replace.
    """
    with manifest.new_folder(todo.out, KIND, force=force) as folder:
        metrics = evaluate(todo.weights, todo.prepared, todo.options, folder, track=track)
        data = manifest.read(todo.prepared) or {}
        made = {
            "weights": str(todo.weights),
            "prepared": str(todo.prepared),
            "content": data.get("content"),
            "options": asdict(todo.options),
            "mAP50-95": metrics["mAP50-95"],
            "mAP50": metrics["mAP50"],
        }
        manifest.write(folder, KIND, made)
    return metrics
