"""Where a run goes: `runs/name`, whole or absent; a new experiment never overwrites an old one.

A run is trained in `runs/name.partial` and renamed when it is whole. A run that differs from the
finished one of the same name becomes `name-2`, `name-3` and so on.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline import manifest
from pipeline.errors import BoxwrightError

KIND = "run"
Again = Literal["", "resume", "force"]
_IDENTITY = "identity.json"
_LOCK = ".lock"


@dataclass(frozen=True)
class Place:
    """Where one run goes.

    Attributes:
        final: The run's folder.
        done: Whether it holds this very run already, finished.
        resume: Whether an unfinished training is to go on.
    """

    final: Path
    done: bool = False
    resume: bool = False

    @property
    def partial(self) -> Path:
        """The folder that the run is made in."""
        return self.final.with_name(f"{self.final.name}.partial")

    @property
    def checkpoint(self) -> Path:
        """What an unfinished training goes on from."""
        return self.partial / "weights" / "last.pt"


def choose(out: Path, fingerprint: str, identity: Mapping[str, Any], again: Again) -> Place:
    """The place for a run.

    Args:
        out: The folder asked for.
        fingerprint: Of the run that is to be made.
        identity: What the fingerprint is of.
        again: "resume" an unfinished run, "force" a new beginning; else "".

    Raises:
        BoxwrightError: An unfinished run is there, or another one than is to be resumed, or a
            folder that is no run of ours.
    """
    for final in manifest.numbered(out):
        made = _made(final)
        if made is not None and made.get("fingerprint") != fingerprint:
            continue
        if made is None:
            manifest.check_replaceable(final, KIND, force=False)
        elif again != "force":
            return Place(final, done=True)
        return _begin_or_resume(Place(final), identity, again)
    raise AssertionError  # there is always a free number


def _begin_or_resume(place: Place, identity: Mapping[str, Any], again: Again) -> Place:
    if again == "force" or not place.checkpoint.exists():
        return place
    if again != "resume":
        raise BoxwrightError(
            f"{place.partial}: an unfinished run is here."
            "\n    -> --resume goes on with it, --force begins anew."
        )
    changed = list(_differences(_read(place.partial / _IDENTITY), identity))
    if changed:
        raise BoxwrightError(
            f"{place.partial}: cannot go on, this is another run now:"
            + "".join(f"\n    {line}" for line in changed)
            + "\n    -> put back what changed, or --force begins anew."
        )
    return Place(place.final, resume=True)


@contextlib.contextmanager
def building(place: Place, identity: Mapping[str, Any]) -> Iterator[Path]:
    """The folder to make a run in; it becomes `place.final` when the block ends without an error.

    After an error, a kill or Ctrl-C it stays, to be resumed.

    Raises:
        BoxwrightError: Another process trains in it, or the disk refuses.
    """
    partial = place.partial
    try:
        partial.mkdir(parents=True, exist_ok=True)
        with _alone(partial):
            if not place.resume:
                _empty(partial)
                text = json.dumps(identity, indent=2, ensure_ascii=False, default=str)
                manifest.write_text(partial / _IDENTITY, text + "\n")
            yield partial
            (partial / _IDENTITY).unlink()
        manifest.swap(partial, place.final)
    except OSError as error:
        raise manifest.cannot_write(Path(error.filename or partial), error) from error


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; the system lets go of it when the process is killed."""
    with (folder / _LOCK).open("w") as file:
        try:
            _lock(file.fileno())
        except BlockingIOError as error:
            raise BoxwrightError(
                f"{folder}: another boxwright is training here.\n    -> wait, or give a --name."
            ) from error
        yield
    (folder / _LOCK).unlink()


def _lock(file: int) -> None:
    with contextlib.suppress(ImportError):  # Windows has no fcntl; there the user must take care
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != _LOCK:
            path.unlink()


def _made(folder: Path) -> dict[str, Any] | None:
    made = manifest.read(folder)
    return made if made is not None and made.get("kind") == KIND else None


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What is not the same in two nested mappings, a line each."""
    flat_before, flat_now = _flat(before), _flat(json.loads(json.dumps(now, default=str)))
    for key in [*flat_now, *(k for k in flat_before if k not in flat_now)]:
        if flat_before.get(key) != flat_now.get(key):
            yield f"{key}: was {flat_before.get(key)!r}, is {flat_now.get(key)!r}"


def _flat(nested: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        inner = value if isinstance(value, Mapping) else None
        flat.update({f"{above}{key}": value} if inner is None else _flat(inner, f"{above}{key}."))
    return flat
