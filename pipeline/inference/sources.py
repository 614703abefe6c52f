"""What `predict` looks at: photos, folders, globs, videos, a camera, a stream; found, not read."""

from __future__ import annotations

import glob
import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import urlsplit

from pipeline.errors import BoxwrightError, DataError, DataErrors
from pipeline.images import SUFFIXES

log = logging.getLogger(__name__)

VIDEOS = frozenset(
    {".3gp", ".asf", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg"}
    | {".mpg", ".mts", ".ogv", ".ts", ".webm", ".wmv"}
)
_OTHER_PHOTOS = frozenset(
    {".arw", ".avif", ".cr2", ".cr3", ".dng", ".heic", ".heif", ".jxl", ".nef", ".orf", ".rw2"}
)
_URL = re.compile(r"(?:rtsps?|rtmps?|https?|udp|tcp|srt)://", re.IGNORECASE)


class Source(NamedTuple):
    """One thing to look at.

    Attributes:
        kind: "photo", "video" or "stream" (a camera or a URL).
        where: A path, a URL, or a camera's number.
        name: Its name in the output folder, sub-folders kept, unique; a video's ends in ".mp4".
    """

    kind: str
    where: str
    name: str

    @property
    def shown(self) -> str:
        """What to call it in front of others."""
        return f"camera {self.where}" if self.camera else shown(self.where)

    @property
    def camera(self) -> bool:
        return self.kind == "stream" and self.where.isdecimal()


def shown(name: str) -> str:
    """A source's name as the user gave it; a URL without its password and its query."""
    if not _URL.match(name):
        return name
    parts = urlsplit(name)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def find(wanted: Sequence[str]) -> list[Source]:
    """Everything that the given names stand for: photos first, then videos, then the stream.

    Args:
        wanted: Files, folders (searched with all their sub-folders), globs (``**`` too), camera
            numbers, URLs. A name that exists is never taken for a glob or a number.

    Raises:
        DataErrors: With every name that stands for nothing.
        BoxwrightError: More than one camera or stream.
    """
    found: dict[str, Source] = {}
    problems = []
    for name in wanted:
        try:
            for source in _expand(name):
                found.setdefault(source.where, source)
        except DataError as error:
            problems.append(error)
    if problems:
        raise DataErrors(problems)
    streams = [source for source in found.values() if source.kind == "stream"]
    if len(streams) > 1:
        raise BoxwrightError(
            f"{' and '.join(s.shown for s in streams)}: one camera or stream at a time."
            "\n    -> start another `boxwright predict` for the other."
        )
    order = ("photo", "video", "stream")
    return list(_unique(sorted(found.values(), key=lambda s: order.index(s.kind))))


def _expand(name: str) -> Iterable[Source]:
    if _URL.match(name):
        return [Source("stream", name, _stream_name(name))]
    path = Path(name)
    if path.is_dir():
        return _inside(path)
    if path.exists():
        return [_file(path, path.name)]
    if name.isdecimal():
        return [Source("stream", name, f"camera-{name}.mp4")]
    if glob.has_magic(name):
        return _matching(name)
    raise DataError(name, "", "no such file or folder")


def _inside(folder: Path, base: Path | None = None) -> list[Source]:
    """The photos and videos in a folder and below, hidden ones left out, by name."""
    files = [p for p in sorted(folder.rglob("*")) if not _hidden(p.relative_to(folder))]
    fit = [p for p in files if p.suffix.lower() in SUFFIXES | VIDEOS and p.is_file()]
    others = Counter(p.suffix.lower() for p in files if p.suffix.lower() in _OTHER_PHOTOS)
    if others:
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in sorted(others.items()))
        log.warning("%s: photos that cannot be read were left out (%s): export as JPEG.",
                    folder, kinds)  # fmt: skip
    if not fit:
        raise DataError(folder, "", "holds no photo and no video", _readable())
    return [_file(p, p.relative_to(base or folder).as_posix()) for p in fit]


def _matching(pattern: str) -> list[Source]:
    """What a glob matches; names are kept below its last folder without a wildcard."""
    parts = Path(pattern).parts
    plain = next(at for at, part in enumerate(parts) if glob.has_magic(part))
    base = Path(*parts[:plain])
    found: list[Source] = []
    for path in sorted(Path(match) for match in glob.glob(pattern, recursive=True)):  # noqa: PTH207
        if path.is_dir():
            if "**" not in pattern:
                found += _inside(path, base)
        elif path.suffix.lower() in SUFFIXES | VIDEOS:
            found.append(_file(path, path.relative_to(base).as_posix()))
    if not found:
        raise DataError(pattern, "", "matches no photo and no video", _readable())
    return found


def _file(path: Path, name: str) -> Source:
    if path.suffix.lower() in SUFFIXES:
        return Source("photo", str(path), name)
    if path.suffix.lower() in VIDEOS:
        return Source("video", str(path), str(PurePosixPath(name).with_suffix(".mp4")))
    raise DataError(path, "", f"is no photo or video by its name ({path.suffix!r})", _readable())


def _unique(sources: Iterable[Source]) -> Iterator[Source]:
    """Names that no file system takes for the same, not even without their suffixes."""
    taken: set[str] = set()
    for source in sources:
        name = PurePosixPath(source.name)
        stem, number = name.stem, 1
        while str(name.with_suffix("")).casefold() in taken:
            number += 1
            name = name.with_name(f"{stem}-{number}{name.suffix}")
        taken.add(str(name.with_suffix("")).casefold())
        if number > 1:
            log.info("%s: written as %s, as there is another %s.", source.where, name, source.name)
        yield source._replace(name=str(name))


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _readable() -> str:
    return f"photos: {' '.join(sorted(SUFFIXES))}; videos: {' '.join(sorted(VIDEOS))}"


def _stream_name(url: str) -> str:
    plain = re.sub(r"[^\w.-]+", "-", shown(url).split("://", 1)[1]).strip("-.")
    return f"{plain or 'stream'}.mp4"
