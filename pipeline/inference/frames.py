"""Pictures out of sources: photos decoded ahead, videos frame by frame, cameras as they come.

What cannot be read is handed on as an `Unread` in its place, so that the rest goes on.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import DataError
from pipeline.images import decode, read_header
from pipeline.inference import ahead
from pipeline.inference.sources import Source

RATE = 25.0  # frames per second where a video or camera does not say
_GIVE_UP = 250  # undecodable frames in a row: the rest of the file is lost


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture to look at.

    Attributes:
        picture: (H, W, 3) BGR, as shown (EXIF and video rotation applied).
        source: Where it comes from.
        index: Number of the frame in its video, from 0; None for a photo.
        tick: Place of the frame in the annotated video, in frames; ticks left out are filled.
        rate: Frames per second of the annotated video; 0 for a photo.
    """

    picture: NDArray[np.uint8]
    source: Source
    index: int | None = None
    tick: int = 0
    rate: float = 0.0


@dataclass(frozen=True)
class Unread:
    """A source, or a part of one, that could not be read, and why."""

    source: Source
    problem: str


Item: TypeAlias = Frame | Unread


def photos(sources: Sequence[Source], workers: int = 4) -> Iterator[Item]:
    """Decoded photos, in order, a few ahead."""
    return ahead.each(_photo, sources, workers)


def video(source: Source, stride: int = 1, limit: int | None = None) -> ahead.Stream[Item]:
    """The frames of a video file, or of a camera or stream until it ends.

    Frames of a file are all given, in order. From a camera they are given as they come; where
    the model is slower than the camera, the newest few wait and those before are dropped, and
    `tick` follows the clock, so that the recording is as long as the time it took.

    Args:
        source: A video or stream.
        stride: Look at every n-th frame only.
        limit: At most this many frames.
    """
    capture = _open(source)
    if not capture.isOpened():
        yield Unread(source, _cannot_open(source))
        return
    live = source.kind == "stream" and length(capture) == 0 and ".m3u8" not in source.where
    if live:
        items = ahead.of(_live(capture, source, stride), size=3, newest=True)
    else:
        items = ahead.of(_whole(capture, source, stride), size=16)
    with contextlib.closing(items):
        yield from islice(items, limit)


def count(source: Source, stride: int = 1, limit: int | None = None) -> int | None:
    """How many frames `video` will give, as the file promises; None where nobody knows."""
    if source.kind == "stream":
        return limit
    capture = _open(source)
    promised = math.ceil(length(capture) / stride)
    capture.release()
    return min(promised, limit or promised) or None


def length(capture: Any) -> int:
    """The number of frames that an opened video promises; 0 where it does not say."""
    import cv2

    frames = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return int(frames) if math.isfinite(frames) and 0 < frames < 1e8 else 0


def _photo(source: Source) -> Item:
    try:
        read_header(source.where)  # refuses a file that is cut short, which OpenCV would fill grey
        return Frame(decode(source.where), source)
    except DataError as error:
        return Unread(source, error.problem)


def _open(source: Source) -> Any:
    import cv2

    quiet()
    return cv2.VideoCapture(int(source.where) if source.camera else source.where)


def quiet() -> None:
    """Keep OpenCV and its FFmpeg from writing to the terminal; what matters we say ourselves."""
    import cv2

    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # read when the first video is opened
    if hasattr(cv2, "setLogLevel"):
        cv2.setLogLevel(0)
    else:  # OpenCV 5
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def _cannot_open(source: Source) -> str:
    if source.kind == "video":
        return "is no video that OpenCV can read (or is cut short)"
    return "cannot be opened: is it connected, free, and allowed to this user?"


def _rate(capture: Any) -> float:
    """Frames per second, no finer than MPEG-4's clock can tell (a denominator below 65,536)."""
    import cv2

    rate = float(capture.get(cv2.CAP_PROP_FPS))
    if not 0 < rate < 1000:  # nor NaN
        return RATE
    return round(rate, 3 if rate < 65 else 2)


def _whole(capture: Any, source: Source, stride: int) -> ahead.Stream[Item]:
    """Every frame of a file; what cannot be decoded is skipped, and told at the end."""
    promised, rate = length(capture), _rate(capture)
    lost: list[int] = []
    index = -1
    for index, (there, picture) in enumerate(_reads(capture, promised, stride)):
        if picture is not None:
            yield Frame(picture, source, index, index // stride, rate / stride)
        elif not there:
            lost.append(index)
    lost += range(index + 1, promised)
    if lost:
        yield Unread(source, f"{len(lost)} of {promised} frames cannot be decoded: {ranges(lost)}")
    elif index < 0:
        yield Unread(source, "holds no frame that can be decoded")


def _reads(capture: Any, promised: int, stride: int) -> Iterator[tuple[bool, Any]]:
    """For each frame whether it is there, and its picture where it is wanted.

    After a frame that cannot be decoded OpenCV goes on with the next one when asked again; only
    the number of frames promised tells that from the end.
    """
    failed = index = 0
    try:
        while failed < _GIVE_UP:
            wanted = index % stride == 0
            there, picture = capture.read() if wanted else (capture.grab(), None)
            if not there and index >= promised:
                return
            failed = 0 if there else failed + 1
            yield there, picture
            index += 1
    finally:
        capture.release()


def _live(capture: Any, source: Source, stride: int) -> ahead.Stream[Item]:
    """The frames of a camera until it gives none, timed by the clock."""
    rate, start = _rate(capture), time.monotonic()
    index = 0
    try:
        while capture.grab():
            if index % stride == 0:
                there, picture = capture.retrieve()
                tick = int((time.monotonic() - start) * rate)
                if there:
                    yield Frame(picture, source, index, tick, rate)
            index += 1
    finally:
        capture.release()
    if index == 0:
        yield Unread(source, "gives no picture")


def ranges(numbers: Sequence[int]) -> str:
    """Rising numbers in short: "3-5, 9"."""
    runs = [
        [number for _, number in run]
        for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])
    ]
    return ", ".join(f"{r[0]}-{r[-1]}" if len(r) > 1 else str(r[0]) for r in runs)
