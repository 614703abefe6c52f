"""Kills, full disks and two commands at once: an output is whole or absent, and never mixed.

A minute on a quiet machine: fifty kills, and a run after each.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from bad.running import Moment, watched
from making import boxwright, labelme, photos, rectangle

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals, mounts, file locks")
KILLS = 25  # of each kind
PICTURES = 40
FLAGS = ("--group", "none", "--copy", "--workers", "1")
_context = multiprocessing.get_context("forkserver")
_OPERATIONS = {"open", "os.link", "os.mkdir", "os.rename", "os.rmdir", "shutil.rmtree"}


def state(out: Path) -> dict[str, str] | None:
    """Every file of a tree and the hash of what is in it; None where there is no tree."""
    files = [path for path in sorted(out.rglob("*")) if path.is_file()]
    found = {str(p.relative_to(out)): hashlib.blake2b(p.read_bytes()).hexdigest() for p in files}
    return found if out.exists() else None


def relabel(source: Path, version: int) -> None:
    """Give the source one of two contents."""
    for number in range(PICTURES):
        labelme(source / f"a{number}.json", rectangle("Ten", 1 + version, 1, 40, 30))


class Kill:
    """The source in two versions, the tree of each, and how to be killed on the way."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out = folder, folder / "dest/out"
        self.source = photos(folder / "photos", PICTURES)
        self.trees = [self._tree(version) for version in (0, 1)]
        relabel(self.source, 0)
        shutil.rmtree(self.out)
        self.operations = self.run()
        shutil.rmtree(self.out)
        self.run()
        self.seconds = self.took
        shutil.rmtree(self.out)

    def words(self) -> list[str]:
        return ["convert", str(self.source), str(self.out), *FLAGS]

    def _tree(self, version: int) -> dict[str, str] | None:
        relabel(self.source, version)
        assert boxwright(*self.words()).returncode == 0
        return state(self.out)

    def run(self, at: int = -1, after: float | None = None) -> int:
        """Convert, killed at a file operation or after some seconds; how many operations."""
        here, there = _context.Pipe(duplex=False)
        child = _context.Process(target=_convert, args=(there, self.words(), str(self.folder), at))
        child.start()
        there.close()
        here.poll(60)  # it begins
        began = time.perf_counter()
        if after is not None:
            time.sleep(after)
            child.kill()
        child.join()
        self.took = time.perf_counter() - began
        self.killed = child.exitcode == -signal.SIGKILL
        assert self.killed or child.exitcode == 0
        return 0 if self.killed else [here.recv(), here.recv()][1]


def _convert(result: Connection, words: list[str], folder: str, at: int) -> None:
    os.chdir(folder)
    count = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal count
        if event in _OPERATIONS and str(arguments[0]).startswith(folder):
            count += 1
            if count == at:
                os.kill(os.getpid(), signal.SIGKILL)

    result.send("begun")
    sys.addaudithook(hook)
    code = boxwright(*words).returncode
    result.send(count)
    sys.exit(code)


@pytest.fixture(scope="module")
def kill(tmp_path_factory) -> Kill:
    return Kill(tmp_path_factory.mktemp("kill"))


def moments(kill: Kill, how: str) -> Iterator[dict[str, float]]:
    chance = random.Random(how)  # noqa: S311 - the same moments each time
    for _ in range(KILLS):
        if how == "operation":
            yield {"at": chance.randint(1, kill.operations)}
        else:
            yield {"after": chance.uniform(0, 0.8 * kill.seconds)}


@pytest.mark.parametrize("how", ["operation", "time"])
def test_a_kill_at_any_moment_leaves_a_whole_tree_or_none_and_the_next_run_makes_it(kill, how):
    deaths = 0
    for number, moment in enumerate(moments(kill, how)):
        before, version = state(kill.out), number % 2
        relabel(kill.source, version)
        kill.run(**moment)
        deaths += kill.killed
        assert state(kill.out) in (before, kill.trees[version], None), moment
        kill.run()
        assert state(kill.out) == kill.trees[version], moment
        assert [path.name for path in kill.out.parent.iterdir()] == ["out"], moment
        if number % 5 == 4:
            shutil.rmtree(kill.out)
    assert deaths == KILLS if how == "operation" else deaths >= KILLS // 4


# --- a full disk ---------------------------------------------------------------------------------

ON_A_SMALL_DISK = """
import subprocess, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from making import boxwright
from test_faults import FLAGS, relabel, state

source, dest = Path(sys.argv[1]), Path(sys.argv[2])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(dest)], check=True)
words = ["convert", str(source), str(dest / "out"), *FLAGS]
first = boxwright(*words)
assert first.returncode == 0, first.stderr
before = state(dest / "out")
relabel(source, 1)
for free in (0, 4, 16, 64, 128, 256, 300, 330, 340, 350, 360):
    filler = dest / "filler"
    filler.write_bytes(b"")
    with filler.open("wb", buffering=0) as out:
        try:
            while True:
                out.write(bytes(4096))
        except OSError:
            pass
        size = out.tell()
        out.truncate(max(0, size - free * 1024))
    run = boxwright(*words)
    if run.returncode == 0:
        break
    assert run.returncode == 1, run.stderr
    assert "cannot write here: No space left on device" in run.stderr, run.stderr
    assert state(dest / "out") == before, free
    assert sorted(path.name for path in dest.iterdir()) == ["filler", "out"], free
    print("full", free)
filler.unlink()
assert boxwright(*words).returncode == 0
assert state(dest / "out") != before
"""


def may_mount() -> bool:
    probe = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs none /mnt"]
    try:
        return subprocess.run(probe, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not may_mount(), reason="no file systems can be mounted here")
def test_a_disk_that_fills_up_anywhere_is_told_and_the_old_tree_stays(tmp_path):
    source = photos(tmp_path / "photos", PICTURES)
    (tmp_path / "dest").mkdir()
    here = str(Path(__file__).parent)
    words = [sys.executable, "-c", ON_A_SMALL_DISK, str(source), str(tmp_path / "dest"), here]
    run = subprocess.run(["unshare", "-rm", *words], check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("full") >= 5, run.stdout


def archive(folder: Path) -> Path:
    """A good source as a zip."""
    with zipfile.ZipFile(folder / "a.zip", "w") as out:
        for path in photos(folder / "photos", 6).iterdir():
            out.write(path, path.name)
    return folder / "a.zip"


def command(folder: Path, *words: object, **more: object) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, its temporary files below `folder`."""
    (folder / "tmp").mkdir(exist_ok=True)
    environment = {**os.environ, "TMPDIR": str(folder / "tmp")}
    line = [sys.executable, "-m", "pipeline", *map(str, words)]
    return subprocess.run(
        line, check=False, capture_output=True, text=True, env=environment, **more
    )


def test_no_room_to_unpack_an_archive_is_told(tmp_path):
    small = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))  # noqa: E731
    source = archive(tmp_path)
    run = command(tmp_path, "convert", source, tmp_path / "out", preexec_fn=small)
    assert run.returncode == 1
    assert "TMPDIR names another place" in run.stderr
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "out").exists()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_what_a_killed_run_unpacked_is_removed_by_the_next(tmp_path):
    source = archive(tmp_path)
    (tmp_path / "tmp").mkdir()
    die = (
        "import os, sys; from pathlib import Path; from pipeline.formats import archives\n"
        "archives.folder(Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    subprocess.run([sys.executable, "-c", die, str(source)], check=False, env=environment)
    assert len(list((tmp_path / "tmp").iterdir())) == 1
    run = command(tmp_path, "convert", source, tmp_path / "out", "--group", "none")
    assert run.returncode == 0, run.stderr
    assert list((tmp_path / "tmp").iterdir()) == []


# --- two at once ---------------------------------------------------------------------------------


def wait_for(file: str) -> None:
    deadline = time.monotonic() + 60
    while not Path(file).exists():
        assert time.monotonic() < deadline, f"{file} never came"
        time.sleep(0.02)


def test_of_two_that_write_one_folder_one_wins_and_the_other_says_so(tmp_path):
    source = photos(tmp_path / "photos", 6)
    words = ["convert", source, tmp_path / "dest/out", "--group", "none"]
    go = tmp_path / "go"
    held = Moment("/labels/", _say_and_wait, (str(tmp_path / "there"), str(go)))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(watched, words, tmp_path, held)
        wait_for(str(tmp_path / "there"))
        second = boxwright(*words)
        go.touch()
    assert first.result().code == 0, first.result().err
    assert second.returncode == 1
    assert "another boxwright is writing this folder" in second.stderr
    assert [path.name for path in (tmp_path / "dest").iterdir()] == ["out"]
    assert len(list((tmp_path / "dest/out").rglob("*.jpg"))) == 6


def _say_and_wait(said: str, awaited: str) -> None:
    Path(said).touch()
    wait_for(awaited)


def test_of_four_that_begin_together_all_end_and_the_tree_is_whole(tmp_path):
    source = photos(tmp_path / "photos", PICTURES)
    words = ["convert", source, tmp_path / "dest/out", *FLAGS, "--force"]
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: watched(words, tmp_path), range(4)))
    assert 0 in [run.code for run in runs]
    for run in runs:
        assert run.code == 0 or "another boxwright is writing" in run.err, run.err
    alone = tmp_path / "alone/out"
    assert boxwright(*words[:2], alone, *words[3:]).returncode == 0
    assert state(tmp_path / "dest/out") == state(alone)
    assert [path.name for path in (tmp_path / "dest").iterdir()] == ["out"]
