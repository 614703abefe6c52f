"""Output folders that are whole or absent, and the record of how each was made.

Every output folder holds a ``manifest.json``, written last: where it exists, the rest is whole.
It holds no time and no host name, so that the same input, seed and version give the same bytes.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import count, takewhile
from pathlib import Path
from typing import Any

from pipeline import __version__, lock
from pipeline.errors import BoxwrightError

FILE = "manifest.json"


def write(folder: Path, kind: str, made: dict[str, Any]) -> None:
    """Write `folder`/manifest.json: what kind of folder this is, and how it was made."""
    record = {"boxwright": __version__, "kind": kind, **made}
    write_text(folder / FILE, json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def read(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder that boxwright made; None where there is none of ours."""
    try:
        record = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and "boxwright" in record else None


def numbered(folder: Path) -> Iterator[Path]:
    """`folder`, `folder`-2, `folder`-3, ... without end."""
    yield folder
    yield from (folder.with_name(f"{folder.name}-{number}") for number in count(2))


def newest(folder: Path, kind: str) -> Path:
    """The newest whole folder of a name: `folder`-3 before `folder`-2 before `folder`.

    `folder` itself where there is none.
    """
    there = takewhile(Path.exists, numbered(folder))
    whole = [one for one in there if (read(one) or {}).get("kind") == kind]
    return whole[-1] if whole else folder


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all: beside its place first, then renamed into it."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """The same of what is no text."""
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise cannot_write(path, error) from error


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table whole or not at all."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    write_text(path, text.getvalue())


def cannot_write(path: Path, error: OSError) -> BoxwrightError:
    """The error of a disk that is full, read-only or not ours, in words."""
    return BoxwrightError(
        f"{path}: cannot write here: {error.strerror}."
        "\n    -> free some space or choose another output folder; nothing was left half-written."
    )


def _stopped(out: Path, error: OSError) -> BoxwrightError:
    """The same of a whole folder, for which files are linked that may vanish meanwhile."""
    path = Path(error.filename or out)
    if not isinstance(error, FileNotFoundError):
        return cannot_write(path, error)
    return BoxwrightError(
        f"{path}: is gone; it was there a moment ago."
        "\n    -> let nothing change the folders while this runs, and run it again."
    )


@contextlib.contextmanager
def new_folder(out: Path, kind: str, *, force: bool = False) -> Iterator[Path]:
    """A folder to build in, which becomes `out` when the block ends without an error.

    It is built beside `out` and renamed; an old `out` is moved aside first and deleted last, so
    that a kill at any moment leaves the old output, or none, or the whole new one.

    Args:
        out: The folder to make or replace.
        kind: What is made ("prepared", "sample", ...). An existing folder is replaced only where
            its manifest names the same kind.
        force: Replace whatever is there.

    Raises:
        BoxwrightError: `out` is not ours to replace, somebody else is writing it, or the disk
            refuses.
    """
    check_replaceable(out, kind, force=force)
    new_parent = not out.parent.exists()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with _alone(out), _beside(out) as beside:
            yield beside
            swap(beside, out)
    except OSError as error:
        raise _stopped(out, error) from error
    finally:
        if new_parent and not out.exists():
            with contextlib.suppress(OSError):  # somebody else has put something there since
                out.parent.rmdir()


@contextlib.contextmanager
def changed_folder(out: Path) -> Iterator[Path]:
    """A folder for the files of `out` that change; they are put in place when the block ends.

    That is done where nobody sees it: `out` is moved aside, changed and moved back, so that a kill
    at any moment leaves the old output, or none, or the whole new one.

    Raises:
        BoxwrightError: Somebody else is writing `out`, or the disk refuses.
    """
    try:
        with _alone(out), _beside(out) as fresh:
            yield fresh
            names = [path.relative_to(fresh) for path in fresh.rglob("*") if path.is_file()]
            with _beside(out, tidy=False) as aside:
                out.rename(aside / "was")
                for name in names:
                    (fresh / name).replace(aside / "was" / name)
                (aside / "was").rename(out)
    except OSError as error:
        raise _stopped(out, error) from error


@contextlib.contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Let nobody else write `out` meanwhile.

    Raises:
        BoxwrightError: Somebody does already.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(lock.alone(out.with_name(f".{out.name}.lock")))
        except BlockingIOError as error:
            raise BoxwrightError(
                f"{out}: another boxwright is writing this folder; it was left to it."
                "\n    -> wait until it has ended, or choose another output folder."
            ) from error
        yield


@contextlib.contextmanager
def _beside(out: Path, *, tidy: bool = True) -> Iterator[Path]:
    """A new folder beside `out`, which is gone after the block unless it was moved.

    Args:
        out: The folder.
        tidy: Remove what earlier, killed runs left.
    """
    if tidy:
        _remove_left_over(out)
    beside = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent))
    try:
        beside.chmod(0o777 & ~_umask())
        yield beside
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def check_replaceable(out: Path, kind: str, *, force: bool) -> None:
    """Refuse an output folder that holds something that boxwright did not make.

    Raises:
        BoxwrightError: It does, and `force` is not given.
    """
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise BoxwrightError(
            f"{out}: is not a folder.\n    -> remove it or choose another output folder."
        )
    if force or not out.exists() or not any(out.iterdir()):
        return
    made = read(out)
    if made is None or made.get("kind") != kind:
        what = "boxwright did not make it" if made is None else f"it is a {made.get('kind')} folder"
        raise BoxwrightError(
            f"{out}: the output folder is not empty and {what}; it was left as it is."
            "\n    -> choose another output folder, or --force to replace this one."
        )


def swap(new: Path, out: Path) -> None:
    """Put `new` in the place of `out`; the old tree is deleted last."""
    old = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".old", dir=out.parent))
    if out.exists():
        out.rename(old / "was")
    new.rename(out)
    shutil.rmtree(old, ignore_errors=True)


def _remove_left_over(out: Path) -> None:
    """Delete what an earlier, killed run left beside `out`; put back an old tree it had moved."""
    for left in sorted(out.parent.glob(f".{_escape(out.name)}.*.old")):
        if (left / "was").is_dir() and not out.exists():
            (left / "was").rename(out)
        shutil.rmtree(left, ignore_errors=True)
    for left in sorted(out.parent.glob(f".{_escape(out.name)}.*.part")):
        shutil.rmtree(left, ignore_errors=True)


def _escape(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
