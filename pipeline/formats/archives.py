"""Archives as sources: `.zip`, `.tar`, and `.tar` packed with gzip, bzip2 or xz.

An archive is unpacked into a temporary folder of our own (below TMPDIR), once a process, and
removed when the process ends; what a killed one left there is removed by the next. Messages name
files as the archive does. What is refused and why: `unpacking`, docs/bad-input.md.
"""

from __future__ import annotations

import atexit
import contextlib
import copy
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from pipeline import lock
from pipeline.dataset import strings
from pipeline.errors import BoxwrightError, DataError, DataErrors
from pipeline.formats.reading import Reading, ReadOptions

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_OTHERS = (".7z", ".rar", ".alz", ".egg", ".gz", ".bz2", ".xz", ".zst")
_PREFIX = "boxwright-"
_LOCK, _INSIDE = ".lock", "in"

_unpacked: dict[tuple[str, int, int], Path] = {}  # by path, time and size of the archive
_named: dict[str, str] = {}  # the archives by the folders that hold their members


def is_archive(path: Path) -> bool:
    """Whether a path is a file that is read as an archive.

    Raises:
        BoxwrightError: It is an archive of a kind that is not.
    """
    name = path.name.lower()
    if not path.is_file():
        return False
    if not name.endswith(SUFFIXES) and name.endswith(_OTHERS):
        raise BoxwrightError(
            f"{path}: archives of this kind are not read.\n    -> unpack it and give the folder."
        )
    return name.endswith(SUFFIXES)


def folder(path: Path) -> Path:
    """The folder to read: an archive's, unpacked; any other path as it is.

    Of an archive that holds one folder and nothing beside it, that folder.

    Raises:
        DataError: The archive is damaged, or holds what must not be unpacked.
        BoxwrightError: The disk is full, or it is an archive of a kind that is not read.
    """
    if not is_archive(path):
        return path
    about = path.stat()
    key = (os.path.realpath(path), about.st_mtime_ns, about.st_size)
    if key not in _unpacked:
        from pipeline.formats.unpacking import unpack

        place = new_folder(str(path))
        try:
            unpack(path, place)
        except BoxwrightError:
            shutil.rmtree(place)
            raise
        _unpacked[key] = _lone(place)
    return _unpacked[key]


def told(text: str) -> str:
    """A path or a message, with the archive's name in the place of its temporary folder's."""
    for here, archive in _named.items():
        text = text.replace(here, archive)
    return text


@contextlib.contextmanager
def telling() -> Iterator[None]:
    """Errors raised in the block name files as the archives do that they came from."""
    try:
        yield
    except DataErrors as errors:
        raise DataErrors([_renamed(error) for error in errors.errors], errors.advice) from errors
    except DataError as error:
        raise _renamed(error) from error
    except BoxwrightError as error:
        raise BoxwrightError(told(str(error))) from error


def renamed(reading: Reading) -> Reading:
    """A reading whose files are named as the archives do that they came from."""
    if not _named:
        return reading
    source = strings(map(told, reading.source))
    return replace(reading, source=source, problems=[_renamed(e) for e in reading.problems])


def opened(options: ReadOptions) -> ReadOptions:
    """Options whose folders of pictures may be archives: the folders to read.

    Raises:
        DataError: As for `folder`.
        BoxwrightError: The same.
    """
    images = options.images and folder(options.images)
    return replace(options, images=images, backgrounds=[folder(b) for b in options.backgrounds])


def keep_inside(file: Path, pictures: Iterable[str]) -> None:
    """Refuse pictures that a file of an archive names outside of it.

    Args:
        file: A file or a folder, of an archive or not.
        pictures: Paths that it names.

    Raises:
        DataError: One of them leads out.
    """
    inside = next((here for here in _named if f"{file}{os.sep}".startswith(here + os.sep)), None)
    if inside is None:
        return
    for path in pictures:
        if not os.path.abspath(path).startswith(inside + os.sep):
            problem = f"names {path!r}, outside of the archive; it is not followed"
            raise DataError(file, "", problem, _BY_HAND)


_BY_HAND = "unpack the archive yourself, and give the folder"


def _renamed(error: DataError) -> DataError:
    renamed = copy.copy(error)
    renamed.path, renamed.problem = told(error.path), told(error.problem)
    return renamed


def _lone(place: Path) -> Path:
    """Where the content begins: archives often hold one folder that holds all."""
    inside = list(place.iterdir())
    return _lone(inside[0]) if len(inside) == 1 and inside[0].is_dir() else place


def new_folder(name: str) -> Path:
    """A temporary folder that goes when this process does, and is seen to be in use till then.

    Args:
        name: What it is called in messages.

    Raises:
        BoxwrightError: The disk refuses.
    """
    try:
        _remove_left_over()
        place = Path(tempfile.mkdtemp(prefix=_PREFIX))
        file = os.open(place / f"{_LOCK}.new", os.O_RDWR | os.O_CREAT, 0o600)
        lock.take(file)
        (place / f"{_LOCK}.new").rename(place / _LOCK)  # from here on it can be told from others
        (place / _INSIDE).mkdir()
    except OSError as error:
        raise BoxwrightError(
            f"{tempfile.gettempdir()}: cannot write here: {error.strerror}."
            "\n    -> archives are unpacked there; TMPDIR names another place."
        ) from error
    atexit.register(_remove, place, file)
    _named[str(place / _INSIDE)] = name
    return place / _INSIDE


def _remove(place: Path, file: int) -> None:
    shutil.rmtree(place, ignore_errors=True)
    os.close(file)


def _remove_left_over() -> None:
    """Remove the folders of our own processes that were killed: nobody holds their locks."""
    for held in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_LOCK}"):
        with contextlib.suppress(OSError):  # in use, somebody else's, or gone by now
            file = os.open(held, os.O_RDWR)
            try:
                if lock.take(file):
                    shutil.rmtree(held.parent)
            finally:
                os.close(file)
