"""One command in a process of its own, watched: what it said, read, wrote and used.

The processes fork from a clean server (`multiprocessing`'s own) that has imported the program
already, so that one takes a tenth of a second; memory and time are limited, and root's power to
read and write everything is dropped, so that file permissions hold.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

MEMORY = 3 << 30  # bytes of address space; the program and its libraries take half of one
SECONDS = 120.0
CRASHED = 70
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = {  # events that change files, and which of their arguments are the paths
    "os.link": (1,),
    "os.mkdir": (0,),
    "os.remove": (0,),
    "os.rename": (0, 1),
    "os.rmdir": (0,),
    "os.symlink": (1,),
    "shutil.rmtree": (0,),
}
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["bad.running", "making", "pipeline.convert", "cv2"])


@dataclass
class Outcome:
    """What became of a command.

    Attributes:
        code: Exit status; negative for the signal that ended it, None where it was still running.
        out: What it printed.
        err: What it printed on stderr.
        seconds: Wall-clock time.
        megabytes: Most memory that it held.
        read: Files that it opened to read, links resolved.
        written: Files and folders that it opened to write, made, moved or removed.
    """

    code: int | None
    out: str = ""
    err: str = ""
    seconds: float = 0.0
    megabytes: float = 0.0
    read: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Moment:
    """Something that happens while the command runs.

    Attributes:
        opened: When a file whose path holds this is first opened.
        then: What happens, with the arguments that follow.
        arguments: Paths.
        times: How often such a file is opened before.
    """

    opened: str
    then: Callable[..., object]
    arguments: tuple[str, ...]
    times: int = 0


def watched(words: Sequence[object], folder: Path, moment: Moment | None = None) -> Outcome:
    """Run `boxwright` with the arguments `words`; temporary files go below `folder`."""
    here, there = _context.Pipe(duplex=False)
    started = time.perf_counter()
    child = _context.Process(target=_child, args=(there, [*map(str, words)], str(folder), moment))
    child.start()
    there.close()
    outcome = Outcome(None)
    if here.poll(SECONDS):
        try:
            outcome = Outcome(*here.recv())
        except EOFError:  # it died
            child.join()
            outcome = Outcome(child.exitcode)
    child.kill()
    child.join()
    outcome.seconds = time.perf_counter() - started
    return outcome


def _child(result: Connection, words: list[str], folder: str, moment: Moment | None) -> None:
    from making import Run, boxwright

    os.chdir(folder)
    os.environ["TMPDIR"] = str(Path(folder, "temporary"))
    Path(os.environ["TMPDIR"]).mkdir(exist_ok=True)
    _limit()
    read: set[str] = set()
    written: set[str] = set()
    sys.addaudithook(_Hook(read, written, moment))
    try:
        run = boxwright(*words)
    except Exception:  # noqa: BLE001 - it must not happen: the test tells of it
        run = Run(CRASHED, "", traceback.format_exc())
    usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result.send((*run, 0.0, usage, set(read), set(written)))


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if os.geteuid() == 0:
        header, powers = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
        if ctypes.CDLL(None, use_errno=True).capset(header, powers):
            raise OSError(ctypes.get_errno(), "capset")


class _Hook:
    """Notes the files that Python opens and changes; see the table of audit events."""

    def __init__(self, read: set[str], written: set[str], moment: Moment | None) -> None:
        self.read, self.written, self.moment = read, written, moment
        self.left = moment.times if moment else 0
        self.acting = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.acting:
            return
        if event == "open":
            path, mode, flags = arguments
            if isinstance(path, str | bytes | os.PathLike):
                self._opened(os.fsdecode(path), str(mode or ""), flags)
        elif event in _CHANGES and arguments[-1] in {-1, None}:  # else told from an open folder
            for place in _CHANGES[event]:
                self.written.add(os.path.realpath(os.fsdecode(arguments[place])))

    def _opened(self, path: str, mode: str, flags: int) -> None:
        moment, writes = self.moment, bool(flags & _WRITES) or any(c in mode for c in "wax+")
        (self.written if writes else self.read).add(os.path.realpath(path))
        if moment and moment.opened in path:
            self.left -= 1
            if self.left < 0:
                self.acting, self.moment = True, None
                moment.then(*moment.arguments)
                self.acting = False
