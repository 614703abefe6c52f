"""`boxwright mismatch`: which model, which data, where to; the table, the distances, the page."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline import config, fonts, manifest
from pipeline.dataset import Dataset
from pipeline.evaluation import distance, mismatch, written
from pipeline.evaluation.mismatch import MismatchOptions
from pipeline.evaluation.run import EvaluateOptions, run_folder
from pipeline.formats import yolo
from pipeline.progress import Track, silent

log = logging.getLogger(__name__)

KIND = "mismatch"


@dataclass(frozen=True)
class Job:
    """One comparison.

    Attributes:
        prepared: What `boxwright convert` made.
        weights: The model's file; None: only the sources are compared.
        options: How to compare.
        looking: How the model looks at pictures.
        out: The folder to make.
    """

    prepared: Path
    weights: Path | None
    options: MismatchOptions
    looking: EvaluateOptions
    out: Path


def plan(
    source: Path, weights: Path | None, flags: Mapping[str, Any], out: Path | None = None
) -> Job:
    """What the arguments of the command mean.

    Args:
        source: A config, or a prepared folder.
        weights: The model; None: that of the config's run, if it has been trained.
        flags: Options from the command line; None where it gave nothing.
        out: The folder to make; None: mismatch in the folder of the run, else runs/mismatch.

    Raises:
        BoxwrightError: A wrong config or option.
    """
    blocks: dict[str, dict[str, Any]] = {}
    prepared, runs = source, Path("runs")
    if config.is_config(source):
        run = config.load(source)
        blocks, prepared, runs = run.blocks, run.prepared, run.runs
        weights = weights or _trained(run)
    looks = ("imgsz", "batch", "device")
    options = config.options(
        MismatchOptions,
        blocks.get("mismatch", {}),
        {key: value for key, value in flags.items() if key not in looks},
    )
    looking = config.options(
        EvaluateOptions, blocks.get("evaluate", {}), {key: flags.get(key) for key in looks}
    )
    place = (run_folder(weights) if weights else None) or runs
    return Job(prepared, weights, options, looking, out or place / KIND)


def _trained(run: config.Config) -> Path | None:
    """The weights of a config's run; None, and said so, where it has not been trained."""
    weights = manifest.newest(run.runs / run.name, "run") / "weights" / "best.pt"
    if weights.exists():
        return weights
    log.info("The run %r has no trained model yet: only the sources are compared.", run.name)
    return None


def do(todo: Job, *, force: bool = False, track: Track = silent) -> dict[str, Any]:
    """Compare into a folder that is whole or absent: mismatch.json, mismatch.html, distance.png.

    Args:
        todo: From `plan`.
        force: Replace the output folder, whatever it is.
        track: Shows progress.

    Returns:
        ``table`` (see `mismatch.compare`; None without weights) and ``distance`` (see
        `distance.differences`; None where there are no two sources, but weights).

    Raises:
        BoxwrightError: See there; or the output folder is not ours to replace.
    """
    from pipeline.report import mismatch as page

    with manifest.new_folder(todo.out, KIND, force=force) as folder:
        dataset = yolo.read(todo.prepared, track)
        found: dict[str, Any] = {"table": None, "distance": None}
        if todo.weights:
            found["table"] = mismatch.compare(
                todo.weights, dataset, todo.options, todo.looking, track
            )
        found["distance"] = _distance(todo, dataset, folder / page.PLOT, track)
        written.write_json(folder / mismatch.FILE, found)
        page.write(folder, todo.prepared.absolute().name, found)
        manifest.write(folder, KIND, _made(todo))
    return found


def _distance(todo: Job, dataset: Dataset, plot: Path, track: Track) -> dict[str, Any] | None:
    try:
        pictures = distance.look(dataset, todo.options, track)
    except distance.OneSourceError as error:
        if not todo.weights:
            raise
        log.info("Sources are not compared: %s", error)
        return None
    from pipeline.evaluation import distance_plots

    fonts.warn_of_missing((*dataset.classes, *pictures.sources), None)
    found = distance.differences(pictures, todo.options, track)
    distance_plots.draw(pictures, found, plot)
    return found


def _made(todo: Job) -> dict[str, Any]:
    return {
        "weights": str(todo.weights) if todo.weights else None,
        "prepared": str(todo.prepared),
        "content": (manifest.read(todo.prepared) or {}).get("content"),
        "options": asdict(todo.options),
    }
