"""Decoded pictures kept on disk: `cache: small`, as the loader resizes them, and `cache: disk`.

A phone's photo of 12 megapixels takes a tenth of a second to decode, for the 0.3 megapixels that a
model looks at. `small` keeps what the loader itself made of it, uncompressed, so that the pixels
are the very same; `disk` keeps the whole decoded photo.

A kept picture's name is a hash of the whole file that it was made of and of how it was made: a
changed picture, another size or another OpenCV has another name and is never taken for the old one.
Files are written beside their place and renamed, so that each is whole or absent, also where two
trainings make the same at once. They lie in a folder of their own, which may be deleted when no
training runs.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline import images, manifest
from pipeline.errors import BoxwrightError, DataError
from pipeline.progress import Track, silent

FOLDER = ".pictures"  # in the folder of runs
Pixels = NDArray[np.uint8]
Size = tuple[int, int]  # height, width

_HEAD = 16  # bytes before the pixels of a small picture: both sizes, as int32
_PART, _DAY = ".part", 24 * 3600
_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# Decoded pictures of boxwright.\n"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shelf:
    """Where pictures are kept.

    Attributes:
        folder: Made where it is missing; several trainings may share it.
        track: Shows progress.
    """

    folder: Path
    track: Track = silent


@dataclass(frozen=True)
class Kind:
    """One way to keep pictures.

    Attributes:
        words: What it is, for messages.
        recipe: All that a kept picture depends on but for its file.
        suffix: Of its name.
        make: What to keep of the picture of a row.
        whole: Whether a file is there and what `make` gave, not cut short by a power failure.
        needs: About how many bytes the picture of a row takes.
    """

    words: str
    recipe: str
    suffix: str
    make: Callable[[int], bytes]
    whole: Callable[[Path], bool]
    needs: Callable[[int], int]


class Small:
    """Small pictures, read from disk when asked for; stands in for the list of them.

    Args:
        places: A file for each picture, as `packed` made it.
    """

    def __init__(self, places: Sequence[Path]) -> None:
        self.places = places

    def __getitem__(self, row: int) -> Pixels | None:
        """(h, w, 3) BGR; None where the file is gone: then the loader decodes the picture again."""
        try:
            content = np.fromfile(self.places[row], dtype=np.uint8)
        except FileNotFoundError:
            return None
        height, width = content[:_HEAD].view(np.int32)[2:]
        return content[_HEAD:].reshape(height, width, 3)


def packed(pixels: Pixels, shown: Size, resized: Size) -> bytes:
    """A small picture as it is kept: its sizes, as shown and resized, then the pixels."""
    return np.array([*shown, *resized], dtype=np.int32).tobytes() + pixels.tobytes()


def sizes(place: Path) -> tuple[Size, Size]:
    """The size of a small picture as shown, and resized."""
    head = np.fromfile(place, dtype=np.int32, count=_HEAD // 4).tolist()
    return (head[0], head[1]), (head[2], head[3])


def is_small(place: Path) -> bool:
    """Whether a file is a whole small picture."""
    length = place.stat().st_size if place.exists() else 0
    return length > _HEAD and length == _HEAD + 3 * int(np.prod(sizes(place)[1]))


def is_npy(place: Path) -> bool:
    """Whether a file is a whole array."""
    try:
        np.load(place, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return False
    return True


def keep(files: Sequence[str], kind: Kind, shelf: Shelf) -> list[Path]:
    """Make what is not kept yet.

    Args:
        files: Pictures; the same may stand there several times.
        kind: How to keep them.
        shelf: Where.

    Returns:
        The kept file of each picture.

    Raises:
        BoxwrightError: A picture cannot be read, or the disk is too small or refuses.
    """
    rows = {file: row for row, file in enumerate(files)}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        hashed = pool.map(lambda file: _name(file, kind), rows)
        names = shelf.track(hashed, "looking for kept pictures", len(rows))
        places = {file: shelf.folder / name for file, name in zip(rows, names, strict=True)}
        missing = {place: rows[file] for file, place in places.items() if not kind.whole(place)}
        _prepare(shelf.folder, sum(map(kind.needs, missing.values())), kind)
        made = pool.map(lambda place: _write(place, kind.make(missing[place])), missing)
        for _ in shelf.track(made, f"keeping pictures {kind.words}", len(missing)):
            pass
    _tell(places, len(missing), kind)
    return [places[file] for file in files]


def _tell(places: Mapping[str, Path], made: int, kind: Kind) -> None:
    unique = set(places.values())
    log.info(
        "%d pictures %s are kept in %s: %s; %d made now, %d were there.",
        len(unique),
        kind.words,
        next(iter(unique)).parent,
        _amount(sum(place.stat().st_size for place in unique)),
        made,
        len(unique) - made,
    )


def _amount(count: float) -> str:
    """Bytes in words."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _name(file: str, kind: Kind) -> str:
    content = images.load(file)
    if isinstance(content, DataError):
        raise content
    recipe = hashlib.sha256(kind.recipe.encode()).digest()
    return hashlib.blake2b(content.data, key=recipe, digest_size=16).hexdigest() + kind.suffix


def _prepare(folder: Path, needed: int, kind: Kind) -> None:
    """Make the folder, and refuse what does not fit on its disk."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "CACHEDIR.TAG").write_text(_TAG, encoding="utf-8")  # backups then pass it by
        _sweep(folder)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise manifest.cannot_write(folder, error) from error
    if needed > free:
        raise BoxwrightError(
            f"{folder}: pictures {kind.words} would take {_amount(needed)} more here, and"
            f" {_amount(free)} are free.\n    -> free some space, or `--cache none`."
        )


def _write(place: Path, content: bytes) -> None:
    """Write a file whole or not at all, whoever else writes the same."""
    beside = place.with_name(f".{place.name}.{uuid.uuid4().hex}{_PART}")
    try:
        beside.write_bytes(content)
        beside.replace(place)
    except OSError as error:
        raise manifest.cannot_write(place.parent, error) from error
    finally:
        beside.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Remove what a kill left half-written; a day old, so that nobody is writing it."""
    for part in folder.glob(f".*{_PART}"):
        with contextlib.suppress(FileNotFoundError):  # another training has just removed it
            if time.time() - part.stat().st_mtime > _DAY:
                part.unlink()
