"""The run of `boxwright ablate`: trainings, their measures, the finding, the page."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline import config, fonts, manifest
from pipeline.ablate import page, plots, runs, table, words
from pipeline.ablate.measure import Measurer, Truth, truth
from pipeline.ablate.options import AblateOptions
from pipeline.dataset import Dataset
from pipeline.evaluation import resampling, written
from pipeline.evaluation.run import EvaluateOptions
from pipeline.progress import Track, silent
from pipeline.training.options import TrainOptions
from pipeline.training.run import Audience

log = logging.getLogger(__name__)

KIND = "ablation"
FILE = "ablation.json"
CSV = "ablation.csv"


@dataclass(frozen=True)
class Job:
    """One ablation.

    Attributes:
        prepared: What `boxwright convert` made.
        options: What to compare.
        training: How to train; preset and seed are those of `options`.
        looking: How the models look at the validation pictures.
        base: The runs' folders are `base`-`preset`-seed`n`.
        out: The folder to make.
    """

    prepared: Path
    options: AblateOptions
    training: TrainOptions
    looking: EvaluateOptions
    base: Path
    out: Path


@dataclass(frozen=True)
class Places:
    """Where things go; None: as the config or the prepared folder is called.

    Attributes:
        runs: The folder of run folders.
        name: What the runs' names begin with.
        out: The folder to make.
    """

    runs: Path | None = None
    name: str | None = None
    out: Path | None = None


def plan(
    source: Path,
    flags: Mapping[str, Any],
    training: Mapping[str, Any],
    places: Places | None = None,
) -> Job:
    """What the arguments of the command mean.

    Args:
        source: A config, or a prepared folder.
        flags: Options of the ablation from the command line; None where it gave nothing.
        training: Options of `boxwright train`, likewise. `patience` is 0 unless it is given here or
            in the config: an early stop would give presets different budgets.
        places: Where things go.

    Raises:
        BoxwrightError: A wrong config or option.
    """
    places = places or Places()
    blocks: dict[str, dict[str, Any]] = {}
    prepared, folder, name = source, places.runs or Path("runs"), source.absolute().name
    if config.is_config(source):
        run = config.load(source)
        blocks, prepared = {**run.blocks, "train": run.training()}, run.prepared
        folder, name = places.runs or run.runs, run.name
    base = folder / (places.name or name)
    return Job(
        prepared=prepared,
        options=config.options(AblateOptions, blocks.get("ablate", {}), flags),
        training=config.options(TrainOptions, {"patience": 0, **blocks.get("train", {})}, training),
        looking=config.options(
            EvaluateOptions,
            {**blocks.get("evaluate", {}), "split": "val"},
            {"device": training.get("device")},
        ),
        base=base,
        out=places.out or base.with_name(f"{base.name}-ablation"),
    )


def do(
    todo: Job, *, force: bool = False, track: Track = silent, watched: runs.Watched | None = None
) -> dict[str, Any]:
    """Train what is not there yet, measure it, and leave the finding in a folder.

    The folder holds ablation.json, ablation.csv (every number of every training), ablation.html,
    scores.png, classes.png and turned.jpg (some of the turned pictures with their boxes). The runs
    lie beside it. Interrupted, the same call goes on.

    Args:
        todo: From `plan`.
        force: Replace the output folder, whatever it is, and begin those trainings anew that were
            interrupted and cannot go on.
        track: Shows progress.
        watched: Gives who is told of one training; None: nobody.

    Returns:
        What ablation.json holds.

    Raises:
        BoxwrightError: Everything that is wrong, before any training; or what ended one.
    """
    manifest.check_replaceable(todo.out, KIND, force=force)
    planned = runs.planned(todo.options.hyps, todo.options.seeds, todo.training, todo.base)
    seen = truth(todo.prepared, track)
    how = runs.check(todo.prepared, planned, force=force, track=track)
    made = runs.make(
        todo.prepared, planned, how, todo.looking, watched or (lambda: nullcontext(Audience(track)))
    )
    with manifest.new_folder(todo.out, KIND, force=force) as folder:
        found = _measured(todo, seen, made, folder, track)
        page.write(folder, found)
        manifest.write(folder, KIND, _record(todo, made))
    return found


def _measured(
    todo: Job, seen: Truth, made: Sequence[runs.Made], folder: Path, track: Track
) -> dict[str, Any]:
    """Everything that ablation.json holds; writes it, the CSV and the pictures."""
    pictures = folder / "turned"
    measurer = Measurer(seen.upright, todo.options, todo.looking, pictures, track)
    measures: table.Measures = {}
    for one in made:
        log.info("Measuring %s upright and turned", one.folder)
        measures.setdefault(one.hyp, []).append(measurer.measure(one.folder))
    found = _found(todo, seen, made, measures)
    written.write_json(folder / FILE, found)
    seeds = list(dict.fromkeys(one.seed for one in made))
    manifest.write_csv(folder / CSV, table.HEADER, table.rows(measures, seeds))
    fonts.warn_of_missing((*seen.upright.classes, *found["hyps"]))
    plots.draw(found, folder)
    plots.turned_sheet(measurer.some_turned(plots.TILES), folder)
    shutil.rmtree(pictures, ignore_errors=True)
    return found


def _found(
    todo: Job, seen: Truth, made: Sequence[runs.Made], measures: table.Measures
) -> dict[str, Any]:
    found = {
        "name": todo.base.name,
        "hyps": list(measures),
        "seeds": list(dict.fromkeys(one.seed for one in made)),
        "degrees": todo.options.degrees,
        "metric": todo.options.metric,
        "pictures": _pictures(seen.upright, seen.kinds),
        **table.table(measures),
        "runs": [
            {"hyp": one.hyp, "seed": one.seed, "run": str(one.folder), "epochs": one.epochs}
            for one in made
        ],
    }
    return {**found, "sentences": words.sentences(found), "limits": words.limits(found)}


def _pictures(upright: Dataset, kinds: Mapping[str, int]) -> dict[str, Any]:
    """What the scores were measured on."""
    independent = len(set(resampling.units(upright.images.group).tolist()))
    return {
        "pictures": len(upright.images),
        "independent": independent,
        "resampled": independent >= resampling.FEWEST,
        "outlines": dict(kinds),
    }


def _record(todo: Job, made: Sequence[runs.Made]) -> dict[str, Any]:
    """How the folder was made."""
    return {
        "prepared": str(todo.prepared),
        "content": (manifest.read(todo.prepared) or {}).get("content"),
        "options": asdict(todo.options),
        "runs": [
            {
                "hyp": one.hyp,
                "seed": one.seed,
                "run": str(one.folder),
                "fingerprint": (manifest.read(one.folder) or {}).get("fingerprint"),
            }
            for one in made
        ],
    }
