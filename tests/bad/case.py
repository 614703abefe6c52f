"""What a case of bad input is, and how it is judged.

A case is a good source of six pictures with a box each, spoilt in one way. `boxwright convert`
must either stop and say what is wrong (then `--skip-bad` must leave out just that), or take it.
Whatever it does it must not crash, hang, eat memory, leave half an output, read files that the
source only names but does not hold, or write outside its destination.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bad.running import CRASHED, SECONDS, Moment, Outcome, watched

MEGABYTES = 1500  # that a case may take; the program itself takes 60
MANY_SECONDS = 60  # that a case may take on a busy machine; nearly all take a tenth of one
Make = Callable[[Path], Path]
_FLAGS = ("--group", "none", "--val", "0.34", "--workers", "1")


@dataclass(frozen=True)
class Case:
    """One way in which input is bad.

    Attributes:
        format: Whose input it is.
        name: What is bad.
        make: Makes it in a folder, gives the source.
        says: What must be said where it must stop; "" where it is taken.
        left: How many pictures and boxes are left, with `--skip-bad` or where it is taken; None
            where nothing can be.
        told: What must be told where it is taken.
        flags: Of `convert`, besides the usual.
        moment: What happens meanwhile, in the case's folder.
    """

    format: str
    name: str
    make: Make
    says: str
    left: tuple[int, int] | None
    told: str = ""
    flags: Sequence[str] = ()
    moment: Callable[[Path], Moment] | None = None

    @property
    def id(self) -> str:
        return f"{self.format}: {self.name}"


@dataclass
class Verdict:
    """What was done about a case.

    Attributes:
        stopped: What was said when it stopped; "" where it was taken.
        told: What was told where it was taken.
        left: Pictures and boxes in the output, of the run with `--skip-bad` where it stopped.
        named: How many things the manifest names as left out.
        seconds: Of the longest run.
        megabytes: Of the largest run.
        faults: What must never happen, and did.
    """

    stopped: str = ""
    told: str = ""
    left: tuple[int, int] | None = None
    named: int = 0
    seconds: float = 0.0
    megabytes: float = 0.0
    faults: list[str] = field(default_factory=list)


def judge(case: Case, folder: Path) -> Verdict:
    """Make a case in an empty folder, and see what `convert` does about it."""
    for name in ("outside/secret.jpg", "outside/secret.json", "outside/secret.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("secret")
    source = case.make(folder / "made")
    verdict = Verdict()
    first = _run(case, source, folder, [], verdict)
    if first.code == 0:
        verdict.told = first.err
    else:
        verdict.stopped = first.err
        if case.moment:  # what happened has happened: there is no second time
            shutil.rmtree(folder / "made", ignore_errors=True)
            source = case.make(folder / "made")
        _run(case, source, folder, ["--skip-bad"], verdict)
    return verdict


def _run(case: Case, source: Path, folder: Path, more: list[str], verdict: Verdict) -> Outcome:
    into = folder / ("skipping" if more else "stopping")
    into.mkdir()
    words = ["convert", source, into / "out", *_FLAGS, *case.flags, *more]
    run = watched(words, folder, case.moment(folder) if case.moment else None)
    verdict.faults += _faults(run, into, folder)
    verdict.seconds = max(verdict.seconds, run.seconds)
    verdict.megabytes = max(verdict.megabytes, run.megabytes)
    if run.code == 0:
        made = json.loads((into / "out/manifest.json").read_text(encoding="utf-8"))
        splits = made["splits"].values()
        verdict.left = sum(s["images"] for s in splits), sum(s["boxes"] for s in splits)
        verdict.named = len(made["left_out"])
    return run


def _faults(run: Outcome, into: Path, folder: Path) -> list[str]:
    """What must never happen, whatever the input."""
    faults = []
    if run.code is None:
        faults.append(f"still running after {SECONDS:g} s")
    elif run.code == CRASHED:
        faults.append(f"crashed: {run.err}")
    elif run.code not in {0, 1}:
        faults.append(f"ended with status {run.code}")
    elif "Traceback" in run.err or "Warning" in run.err:
        faults.append(f"said to a user: {run.err}")
    if run.seconds > MANY_SECONDS or run.megabytes > MEGABYTES:
        faults.append(f"took {run.seconds:.0f} s and {run.megabytes:.0f} MB")
    there = sorted(path.name for path in into.iterdir())
    if there != (["out"] if run.code == 0 else []):
        faults.append(f"left {there} in the output's folder")
    ours = (str(into), str(folder / "temporary"))
    faults += [f"wrote {path}" for path in run.written if not _below(path, ours)]
    theirs = (str(folder / "outside"), "/etc")
    faults += [f"read {path}" for path in run.read if _below(path, theirs)]
    return faults


def _below(path: str, folders: Sequence[str]) -> bool:
    allowed = ("/dev/null", *folders)
    return any(path == folder or path.startswith(folder + "/") for folder in allowed)
