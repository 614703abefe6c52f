"""The run of `boxwright check`: annotations -> findings of all layers, the worst first.

A layer is a module with ``find(dataset, options, track) -> list[Finding]`` and ``KINDS``, named in
`LAYERS`. The structure layer is the exception: it looks at the annotations as they are written, of
which the data set that the others see is a part.
"""

from __future__ import annotations

import difflib
import importlib
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline import config, manifest
from pipeline.check import findings as told
from pipeline.check import structure, trees
from pipeline.check.conventions import ConventionsOptions
from pipeline.check.findings import SEVERITIES, Finding
from pipeline.check.structure.options import Options
from pipeline.dataset import Dataset
from pipeline.engine import shards
from pipeline.errors import BoxwrightError
from pipeline.progress import Track, silent

log = logging.getLogger(__name__)

LAYERS = {"conventions": "pipeline.check.conventions"}
COLUMNS = ("severity", "kind", "split", "image", "file", "place", "label", "message", "advice")


@dataclass(frozen=True)
class CheckOptions(Options, ConventionsOptions):
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
    """One check: what to read, and how."""

    source: Path
    options: CheckOptions


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Attributes:
        dataset: What was checked; a finding's `box` is a row of its boxes.
        findings: The worst first.
        failed: Whether one of them is as bad as `fail_on`.
    """

    dataset: Dataset
    findings: list[Finding]
    failed: bool


def plan(source: Path, flags: Mapping[str, Any]) -> Job:
    """The prepared folder of a config; or any annotations that can be read.

    Raises:
        BoxwrightError: A config or an option that is wrong, or a kind that there is not.
    """
    block: Mapping[str, Any] = {}
    if trees.is_config(source):
        run = config.load(source)
        source, block = run.prepared, run.block("check")
    options = config.options(CheckOptions, block, flags)
    _check_kinds([*options.only, *options.ignore], kinds())
    return Job(source, options)


def kinds() -> list[str]:
    """Every kind of finding that there is, of all layers."""
    layers = [importlib.import_module(module) for module in LAYERS.values()]
    return list(dict.fromkeys(kind for layer in (structure, *layers) for kind in layer.KINDS))


def _check_kinds(wanted: Sequence[str], known: Collection[str]) -> None:
    for kind in wanted:
        if kind not in known:
            near = difflib.get_close_matches(kind, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            raise BoxwrightError(f"no such kind of finding: {kind!r}; {hint}")


def do(todo: Job, track: Track = silent) -> Checked:
    """Read annotations as they are, and find what is wrong with them.

    Raises:
        BoxwrightError: Nothing there that could be annotations.
    """
    with shards(track=track) as mapped:
        sheet = structure.read(todo.source, todo.options, mapped)
    found = structure.find(sheet, todo.options, track)
    for module in LAYERS.values():
        found += importlib.import_module(module).find(sheet.dataset, todo.options, track)
    kept = told.ordered([one for one in found if _wanted(one.kind, todo.options)])
    return Checked(sheet.dataset, kept, _failed(kept, todo.options.fail_on))


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
        [*(getattr(one, name) for name in COLUMNS), *(one.xyxy or [""] * len(corners))]
        for one in found
    ]
    manifest.write_csv(path, [*COLUMNS, *corners], rows)
