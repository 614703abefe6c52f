"""The trainings of an ablation: one for each preset and seed, alike in all else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from pipeline.errors import BoxwrightError
from pipeline.evaluation.mismatch import MismatchOptions
from pipeline.evaluation.run import EvaluateOptions
from pipeline.progress import Track, silent
from pipeline.training import checks, places, presets
from pipeline.training.options import TrainOptions
from pipeline.training.places import Again, Place
from pipeline.training.run import Audience, train

log = logging.getLogger(__name__)

T = TypeVar("T")
Watched = Callable[[], AbstractContextManager[Audience]]


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        hyp: The preset, as it is called in tables.
        options: How to train.
        out: The run's folder, as asked for.
    """

    hyp: str
    options: TrainOptions
    out: Path


@dataclass(frozen=True)
class Made:
    """One training that is done.

    Attributes:
        hyp: The preset.
        seed: Of the training.
        folder: The run's folder.
        epochs: How many were trained.
    """

    hyp: str
    seed: int
    folder: Path
    epochs: int


def planned(hyps: Sequence[str], seeds: int, options: TrainOptions, base: Path) -> list[Run]:
    """All trainings, every preset with the first seed before any with the second.

    Args:
        hyps: Presets or files like them.
        seeds: How many trainings of each.
        options: Of all of them; the first seed is theirs.
        base: The runs' folders are `base`-`preset`-seed`n`.

    Raises:
        BoxwrightError: Two of the same name.
    """
    names = [Path(hyp).stem if hyp.endswith((".yaml", ".yml")) else hyp for hyp in hyps]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BoxwrightError(
            f"hyps: {', '.join(twice)} is there twice.\n    -> give files names of their own."
        )
    return [
        Run(
            hyp=name,
            options=replace(options, hyp=hyp, seed=seed),
            out=base.with_name(f"{base.name}-{name}-seed{seed}"),
        )
        for seed in range(options.seed, options.seed + seeds)
        for name, hyp in zip(names, hyps, strict=True)
    ]


def check(
    prepared: Path, runs: Sequence[Run], *, force: bool, track: Track = silent
) -> list[Again]:
    """Check every training before the first begins, and say how each is to begin.

    Args:
        prepared: What `boxwright convert` made.
        runs: From `planned`.
        force: Begin those anew that were interrupted and are other runs now, so cannot go on.
        track: Shows progress.

    Returns:
        For each "resume" (which also begins what has not begun), or "force".

    Raises:
        BoxwrightError: Everything that is wrong.
    """
    first: dict[str, Run] = {}
    for run in runs:
        first.setdefault(run.hyp, run)
    _all(partial(presets.load, run.options.hyp) for run in first.values())
    plans = {
        hyp: checks.plan(prepared, run.options, run.out.parent, track) for hyp, run in first.items()
    }
    found = _all(partial(_place, plans[run.hyp], run, force=force) for run in runs)
    _tell([place for place, _ in found])
    return [again for _, again in found]


def _all(steps: Iterable[Callable[[], T]]) -> list[T]:
    """What each step gives, or all their errors in one."""
    done: list[T] = []
    problems: dict[str, None] = {}
    for step in steps:
        try:
            done.append(step())
        except BoxwrightError as error:
            problems[str(error)] = None
    if problems:
        raise BoxwrightError("\n".join(problems))
    return done


def _place(plan: checks.Plan, run: Run, *, force: bool) -> tuple[Place, Again]:
    """Where a run goes, and how it begins. Presets were planned with the first seed alone."""
    options = {**plan.identity["options"], "seed": run.options.seed}
    own = replace(plan, identity={**plan.identity, "options": options})
    try:
        return places.choose(run.out, own.fingerprint, own.identity, "resume"), "resume"
    except BoxwrightError:
        if not force:
            raise
        return places.choose(run.out, own.fingerprint, own.identity, "force"), "force"


def _tell(found: Sequence[Place]) -> None:
    done, under_way = sum(p.done for p in found), sum(p.resume for p in found)
    log.info(
        "%d trainings: %d there already, %d to go on with, %d to make.",
        len(found),
        done,
        under_way,
        len(found) - done - under_way,
    )


def make(
    prepared: Path,
    runs: Sequence[Run],
    how: Sequence[Again],
    looking: EvaluateOptions,
    watched: Watched,
) -> list[Made]:
    """Train what is not there yet, in order; interrupted, all that is done stays.

    Args:
        prepared: What `boxwright convert` made.
        runs: From `planned`.
        how: From `check`.
        looking: How each run is evaluated.
        watched: Gives who is told of one training.
    """
    done = []
    for number, (run, again) in enumerate(zip(runs, how, strict=True), 1):
        log.info("Training %d of %d: %s, seed %d", number, len(runs), run.hyp, run.options.seed)
        with watched() as audience:
            made = train(
                prepared,
                run.options,
                run.out,
                again=again,
                evaluation=looking,
                mismatch=MismatchOptions(after_training=False),
                audience=audience,
            )
        done.append(Made(run.hyp, run.options.seed, Path(made["run"]), made["epochs"]["done"]))
    return done
