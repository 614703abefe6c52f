"""The run of `boxwright check`: annotations -> findings of all layers, the worst first.

A layer is a module with ``find(dataset, options, track) -> list[Finding]`` and ``KINDS``, named in
`LAYERS`. Two are exceptions: the structure layer looks at the annotations as they are written, of
which the data set that the others see is a part; and the consensus layer needs predictions, so that
it is asked only where a judge is named.
"""

from __future__ import annotations

import difflib
import importlib
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pipeline import config, manifest
from pipeline.check import consensus, judging, structure, trees
from pipeline.check import findings as told
from pipeline.check.consensus import ConsensusOptions
from pipeline.check.conventions import ConventionsOptions
from pipeline.check.findings import SEVERITIES, Finding
from pipeline.check.folds import Watched
from pipeline.check.judges import JUDGES, JudgeOptions
from pipeline.check.structure.options import Options
from pipeline.dataset import Dataset
from pipeline.engine import shards
from pipeline.errors import BoxwrightError
from pipeline.progress import Track, silent
from pipeline.training.options import TrainOptions
from pipeline.training.places import Again

log = logging.getLogger(__name__)

LAYERS = {"conventions": "pipeline.check.conventions"}
COLUMNS = (
    *("severity", "sureness", "kind", "split", "image", "file", "place", "label", "message"),
    "advice",
)


@dataclass(frozen=True)
class CheckOptions(Options, ConventionsOptions, JudgeOptions, ConsensusOptions):
    """What to look for, and how strictly.

    Attributes:
        only: Kinds to tell; all where it is empty.
        ignore: Kinds not to tell.
        fail_on: The least severity for which the command ends with exit code 1.
    """

    only: Sequence[str] = ()
    ignore: Sequence[str] = ()
    fail_on: Literal["error", "warning", "hint", "never"] = "error"


@dataclass(frozen=True)
class Job:
    """One check.

    Attributes:
        source: What to read.
        options: How.
        folder: Where the models of folds go.
        training: How they are trained, but for the epochs.
    """

    source: Path
    options: CheckOptions
    folder: Path = Path("runs/folds")
    training: TrainOptions = field(default_factory=TrainOptions)


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Attributes:
        dataset: What was checked; a finding's `box` is a row of its boxes.
        findings: The worst first.
        failed: Whether one of them is as bad as `fail_on`.
        judged: How many pictures' labels were held against predictions.
    """

    dataset: Dataset
    findings: list[Finding]
    failed: bool
    judged: int = 0


def plan(source: Path, flags: Mapping[str, Any]) -> Job:
    """The prepared folder of a config; or any annotations that can be read.

    Raises:
        BoxwrightError: A config or an option that is wrong, or a kind that there is not.
    """
    block: Mapping[str, Any] = {}
    training, folder = TrainOptions(), Path("runs", f"{source.absolute().name}-folds")
    if trees.is_config(source):
        run = config.load(source)
        source, block, folder = run.prepared, run.block("check"), run.runs / f"{run.name}-folds"
        training = config.options(TrainOptions, run.training(), {})
    if any(flags.get(name) for name in JUDGES):  # the one that is asked for now, not the config's
        block = {key: value for key, value in block.items() if key not in JUDGES}
    options = config.options(CheckOptions, block, flags)
    _check_kinds([*options.only, *options.ignore], kinds())
    return Job(source, options, folder, training)


def kinds() -> list[str]:
    """Every kind of finding that there is, of all layers."""
    layers = [importlib.import_module(module) for module in LAYERS.values()]
    every = (structure, *layers, consensus)
    return list(dict.fromkeys(kind for layer in every for kind in layer.KINDS))


def _check_kinds(wanted: Sequence[str], known: Collection[str]) -> None:
    for kind in wanted:
        if kind not in known:
            near = difflib.get_close_matches(kind, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            raise BoxwrightError(f"no such kind of finding: {kind!r}; {hint}")


def do(
    todo: Job,
    track: Track = silent,
    *,
    again: Again = "resume",
    watched: Watched | None = None,
) -> Checked:
    """Read annotations as they are, and find what is wrong with them.

    Args:
        todo: From `plan`.
        track: Shows progress.
        again: "resume" or, to train all folds anew, "force".
        watched: Gives who is told of one training of a fold.

    Raises:
        BoxwrightError: Nothing there that could be annotations; or as `judges.ask` does.
    """
    with shards(track=track) as mapped:
        sheet = structure.read(todo.source, todo.options, mapped)
    found = structure.find(sheet, todo.options, track)
    for module in LAYERS.values():
        found += importlib.import_module(module).find(sheet.dataset, todo.options, track)
    who = judging.Judges(todo.options, todo.source, todo.folder, todo.training)
    more, judged = judging.find(sheet, who, todo.options, again=again, track=track, watched=watched)
    found += judging.besides(more, found, todo.options.near)
    kept = told.ordered([one for one in found if _wanted(one.kind, todo.options)])
    return Checked(sheet.dataset, kept, _failed(kept, todo.options.fail_on), judged)


def _wanted(kind: str, options: CheckOptions) -> bool:
    return kind not in options.ignore and (not options.only or kind in options.only)


def _failed(found: Sequence[Finding], fail_on: str) -> bool:
    if fail_on == "never":
        return False
    rank: dict[str, int] = {name: place for place, name in enumerate(SEVERITIES)}
    return any(rank[one.severity] <= rank[fail_on] for one in found)


def as_json(todo: Job, checked: Checked) -> dict[str, Any]:
    """Plain data for other programs."""
    severities = [one.severity for one in checked.findings]
    return {
        "source": str(todo.source),
        "pictures": len(checked.dataset.images),
        "boxes": len(checked.dataset.boxes),
        "judged": checked.judged,
        "failed": checked.failed,
        **{f"{name}s": severities.count(name) for name in SEVERITIES},
        "kinds": told.counts(checked.findings),
        "findings": [told.as_json(one) for one in checked.findings],
    }


def write_csv(path: Path, found: Sequence[Finding]) -> None:
    """Write the findings as a table, a row each.

    Raises:
        BoxwrightError: The disk refuses.
    """
    corners = ("x1", "y1", "x2", "y2")
    rows = [
        [*(_cell(one, name) for name in COLUMNS), *(one.xyxy or [""] * len(corners))]
        for one in found
    ]
    manifest.write_csv(path, [*COLUMNS, *corners], rows)


def _cell(found: Finding, name: str) -> Any:
    value = getattr(found, name)
    return "" if value is None else value
