"""The ways to group pictures, by the words that name them in a config and on the command line.

folder, a regular expression on the name, json:FIELD, csv:FILE, exif:camera, exif:burst[=SECONDS],
video, found, none.
"""

from __future__ import annotations

import difflib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pipeline.dataset import Images, Strings, strings
from pipeline.engine import Map
from pipeline.errors import BoxwrightError
from pipeline.formats.reading import Reading
from pipeline.grouping import names
from pipeline.grouping.combine import combine
from pipeline.progress import Track, silent

if TYPE_CHECKING:
    from pipeline.similar import Pairs

CSV, JSON, EXIF = "csv:", "json:", "exif:"
_WORDS = ("folder", "video", "found", "none", "exif:camera", "exif:burst")
_FOR_ORIGIN = "folder, a pattern on the name, json:FIELD, csv:FILE and exif:camera"


class Grouped(NamedTuple):
    """Which pictures belong together.

    Attributes:
        key: (N,) the group of each picture, never "": a picture alone has its own name.
        notes: What a user should hear: sentences.
        pairs: What `found` rested on; None where that was no way.
    """

    key: Strings
    notes: list[str]
    pairs: Pairs | None


@dataclass
class _Job:
    """What the ways work on, and what they leave besides keys."""

    reading: Reading
    mapped: Map
    track: Track
    pairs: Pairs | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def images(self) -> Images:
        return self.reading.dataset.images


def group(reading: Reading, ways: Sequence[str], mapped: Map, track: Track = silent) -> Grouped:
    """Group pictures: those that share a key by any of the ways are together.

    Args:
        reading: The source.
        ways: See the module; none keeps the groups that the source brings.
        mapped: Maps over files (`engine.shards`).
        track: Shows progress.

    Raises:
        BoxwrightError: A way that is none, or that matches no picture.
        DataError: A CSV that cannot be read; DataErrors for all of its bad rows.
    """
    job = _Job(reading, mapped, track)
    columns = [_keys(way, job, "group") for way in ways]
    told = [_told(way, column) for way, column in zip(ways, columns, strict=True)] + job.notes
    own = names.unique(job.images)
    key = combine(columns or [job.images.group.tolist()], own)
    if len(ways) != 1:
        told.append(f"together: {_pictures(len(key))} in {len(set(key))} groups")
    return Grouped(key, told, job.pairs)


def tag(reading: Reading, way: str, mapped: Map) -> Strings:
    """Where each picture comes from, by one of the ways that tell that.

    Args:
        reading: The source.
        way: folder, a pattern on the name, json:FIELD, exif:camera, or csv:FILE with a column
            "origin".
        mapped: Maps over files (`engine.shards`).

    Returns:
        (N,) the origin of each picture; "" where it is not told.

    Raises:
        BoxwrightError: Another way, or one that matches no picture.
        DataError: A CSV that cannot be read; DataErrors for all of its bad rows.
    """
    word = way.partition("=")[0]
    if word in {"video", "found", "none", "exif:burst"}:
        raise BoxwrightError(f"origin: {way!r} tells no origin; {_FOR_ORIGIN} do.")
    return strings(_keys(way, _Job(reading, mapped, silent), "origin"))


def json_field(ways: Sequence[str]) -> str:
    """The JSON field among the ways, for `ReadOptions`; "" for none.

    Raises:
        BoxwrightError: More than one.
    """
    fields = [way.removeprefix(JSON) for way in ways if way.startswith(JSON)]
    if len(set(fields)) > 1:
        raise BoxwrightError(f"group: one JSON field is read, not {len(fields)}: {fields}.")
    return fields[0] if fields else ""


def _keys(way: str, job: _Job, what: str) -> list[str]:
    """The key of each picture by one way; "" for none.

    Raises:
        BoxwrightError: No picture has one.
    """
    prefix = way.partition(":")[0] + ":"
    read = _PREFIXES.get(prefix) or _WORD.get(way) or _by_name
    keys = read(way, job, what)
    if way not in {"none", "found"} and not way.startswith("exif:burst") and not any(keys):
        raise BoxwrightError(f"{what}: {way!r} matches none of the pictures.{_hint(way, job)}")
    return keys


def _by_name(way: str, job: _Job, what: str) -> list[str]:
    return names.parts(job.images.name.tolist(), way, what)


def _by_json(way: str, job: _Job, what: str) -> list[str]:  # noqa: ARG001
    """As the format has read it."""
    images = job.images
    column: list[str] = (images.group if what == "group" else images.origin).tolist()
    return column


def _by_csv(way: str, job: _Job, what: str) -> list[str]:
    from pipeline.grouping import table

    file = Path(way.removeprefix(CSV))
    return table.read(file, what, job.images, job.reading.dataset.root)


def _by_exif(way: str, job: _Job, what: str) -> list[str]:
    from pipeline.grouping import exif

    word, _, value = way.partition("=")
    if word not in {"exif:camera", "exif:burst"} or (value and word != "exif:burst"):
        raise BoxwrightError(
            f"{what}: {way!r} is unknown; exif:camera, exif:burst and exif:burst=SECONDS are."
        )
    gap = _seconds(value, way, what) if value else exif.BURST
    shots = exif.read(job.images.path.tolist(), job.mapped)
    if word == "exif:camera":
        return list(shots.camera)
    if np.isnan(shots.time).all():
        raise BoxwrightError(f"{what}: {way!r}: no picture says when it was taken.{_NO_EXIF}")
    return exif.bursts(shots, gap)


def _seconds(value: str, way: str, what: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise BoxwrightError(f"{what}: {way!r}: {value!r} is no number of seconds.")
    return seconds


def _by_video(way: str, job: _Job, what: str) -> list[str]:  # noqa: ARG001
    from pipeline.grouping import videos

    return videos.video_of(job.images.name.tolist(), numbered=True)


def _by_look(way: str, job: _Job, what: str) -> list[str]:  # noqa: ARG001
    """Near-duplicates, chained; the key is the smallest name among them."""
    from pipeline import similar

    found = similar.find(job.reading.dataset, track=job.track)
    job.pairs = found.pairs
    if found.problems:
        job.notes.append(
            f"{_pictures(len(found.problems))} cannot be decoded, and each is a group of its own: "
            f"{found.problems[0].path}{', ...' if len(found.problems) > 1 else ''}"
        )
    component = similar.chain(len(job.images), found.pairs).tolist()
    size = Counter(component)
    least: dict[int, str] = {}
    own = names.unique(job.images)
    for one, name in zip(component, own, strict=True):
        least[one] = min(name, least.get(one, name))
    return [least[one] if size[one] > 1 else "" for one in component]


def _by_none(way: str, job: _Job, what: str) -> list[str]:  # noqa: ARG001
    return [""] * len(job.images)


_Read = Callable[[str, _Job, str], list[str]]
_PREFIXES: dict[str, _Read] = {JSON: _by_json, CSV: _by_csv, EXIF: _by_exif}
_WORD: dict[str, _Read] = {"video": _by_video, "found": _by_look, "none": _by_none}
_NO_EXIF = (
    "\n    -> messengers and editors drop the EXIF; `found` compares the pictures themselves."
)


def _hint(way: str, job: _Job) -> str:
    """What to do where a way matches nothing."""
    if way.startswith(EXIF):
        return _NO_EXIF
    if way.startswith(JSON):
        return "\n    -> only corner JSON has such fields."
    if way.startswith(CSV):
        return "\n    -> its column is empty."
    name = job.images.name[0] if len(job.images) else ""
    near = difflib.get_close_matches(way, _WORDS, n=1)
    meant = f"did you mean {near[0]!r}? else " if near and near[0] != way else ""
    if way == "video":
        return (
            f"\n    -> a pattern tells the video's part of a name, such as {name!r}: '^(.+)-\\d+$'."
        )
    if way == "folder":
        return f"\n    -> they lie in no folders below the source: {name!r}."
    return f"\n    -> {meant}it is searched in the name without its ending, such as {name!r}."


def _told(way: str, keys: Sequence[str]) -> str:
    """How many groups a way gives, in a sentence."""
    sizes = Counter(key for key in keys if key)
    several = sum(size > 1 for size in sizes.values())
    alone = len(keys) - sum(sizes.values())
    if way == "none":
        return f"none: each of {_pictures(len(keys))} is a group of its own"
    rest = f"; {_pictures(alone)} in none" if alone else ""
    return f"{way}: {len(sizes)} groups, {several} of two pictures or more{rest}"


def _pictures(count: int) -> str:
    return f"{count} picture{'' if count == 1 else 's'}"
