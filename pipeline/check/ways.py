"""What pictures can have in common without looking alike: a video, a burst, a group."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from pipeline.check.trees import split_of
from pipeline.dataset import Dataset, Images, Ints, Strings, strings
from pipeline.engine import shards
from pipeline.errors import BoxwrightError
from pipeline.grouping import exif, names, videos
from pipeline.progress import Track, silent

UNKNOWN = -1
_NUMBER = re.compile(r"(\d+)")


def keys(
    dataset: Dataset, chosen: Sequence[str], gap: float, track: Track = silent
) -> dict[str, Strings]:
    """For each way (N,) names that are equal where pictures belong together; "" for unknown.

    Args:
        dataset: The pictures of all splits.
        chosen: Which of "video", "burst" and "group".
        gap: Seconds between two shots of one burst, at most.
        track: Shows progress.
    """
    images = dataset.images
    found: dict[str, Callable[[], Iterable[str]]] = {
        "video": lambda: videos.video_of(images.name.tolist()),
        "burst": lambda: _bursts(images.path.tolist(), gap, track),
        "group": lambda: images.group,
    }
    return {way: strings(found[way]()) for way in chosen}


def group(images: Images, pattern: str) -> Strings:
    """(N,) groups by names: "folder", or a pattern; folders that splits are called by do not count.

    Raises:
        BoxwrightError: No regular expression, or it matches no name.
    """
    plain = ["/".join(_own_folders(name)) for name in images.name]
    found = names.parts(plain, pattern, "group")
    if not any(found):
        raise BoxwrightError(
            f"group: {pattern!r} matches no picture's name, such as {plain[0]!r}."
            "\n    -> it is searched in the name without its ending."
        )
    return strings(found)


def _own_folders(name: str) -> list[str]:
    *folders, file = name.split("/")
    return [one for one in folders if one and one != "images" and not split_of(one)] + [file]


def order(told: Sequence[str]) -> Ints:
    """(N,) each picture's place when names are sorted as people do: frame 9 before frame 10."""
    parts = [
        [(int(part), "") if part.isdecimal() else (-1, part) for part in _NUMBER.split(name)]
        for name in told
    ]
    place = np.empty(len(told), dtype=np.int64)
    place[sorted(range(len(told)), key=parts.__getitem__)] = np.arange(len(told))
    return place


def numbers(told: Iterable[str]) -> Ints:
    """A number for each name, the same for the same; -1 for ""."""
    known = {"": UNKNOWN}
    return np.array([known.setdefault(name, len(known)) for name in told], dtype=np.int64)


def _bursts(paths: list[str], gap: float, track: Track) -> list[str]:
    with shards(track=track) as mapped:
        shots = exif.read(paths, mapped)
    return [""] * len(paths) if np.isnan(shots.time).all() else exif.bursts(shots, gap)
