"""What is in a data set as one HTML page that needs nothing else, neither files nor a network."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pipeline import fonts, manifest
from pipeline.errors import BoxwrightError, DataError
from pipeline.images import decode
from pipeline.progress import Track, silent
from pipeline.report.page import environment
from pipeline.stats import plots, words

CLASSES = 1000  # rows of the table
THUMBS = 6  # of each kind
THUMB = 220  # pixels of a small picture's longer side
KINDS = {
    "dark": "Darkest",
    "bright": "Brightest",
    "flat": "Least contrast",
    "blurred": "Least sharp",
}


class Thumb(NamedTuple):
    """A picture in small: its name, what was measured, and it itself as a data URI."""

    name: str
    value: float
    uri: str


def write(file: Path, found: dict[str, Any], track: Track = silent) -> None:
    """Write the page.

    Args:
        file: The .html to write; its folder is made where it is missing.
        found: As from `run.look`.
        track: Shows progress.

    Raises:
        BoxwrightError: `file` is no name of a page, or the disk refuses.
    """
    check(file)
    fonts.warn_of_missing(tuple(found["classes"]))
    text = render(found, list(track(plots.draw(found), "drawing")))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise manifest.cannot_write(file.parent, error) from error
    manifest.write_text(file, text)


def check(file: Path) -> None:
    """Refuse a name that no browser would open, before any work.

    Raises:
        BoxwrightError: It does not end in .html, or is a folder.
    """
    if file.suffix.lower() not in {".html", ".htm"} or file.is_dir():
        raise BoxwrightError(f"{file}: the page is an .html file.\n    -> e.g. --page stats.html")


def render(found: dict[str, Any], drawn: Iterable[plots.Plot]) -> str:
    """The page as text."""
    return (
        environment("pipeline.stats")
        .get_template("stats.html")
        .render(
            found=found,
            rows=_rows(found),
            drawn=list(drawn),
            uri=_uri,
            thumbs=list(_thumbs(found["pixels"])),
            listed=words.listed,
        )
    )


def _rows(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The classes, the most frequent first, each with its boxes by split."""
    rows = [
        {**row, "splits": [part["classes"][place]["boxes"] for part in found["splits"].values()]}
        for place, row in enumerate(found["all"]["classes"])
    ]
    return sorted(rows, key=lambda row: -row["boxes"])[:CLASSES]


def _thumbs(pixels: dict[str, Any] | None) -> Iterator[tuple[str, str, Any, list[Thumb]]]:
    """For each kind of odd picture: the kind, its title, its numbers, the worst in small."""
    for kind, title in KINDS.items():
        odd = pixels["odd"][kind] if pixels else {"worst": []}
        worst = odd["worst"][:THUMBS]
        if worst:
            small = [Thumb(one["picture"], one["value"], _small(one["path"])) for one in worst]
            yield kind, title, odd, small


def _small(path: str) -> str:
    import cv2

    try:
        picture = decode(path)
    except DataError:  # its pixels were read a moment ago
        return ""
    scale = min(1.0, THUMB / max(picture.shape[:2]))
    size = [max(1, round(side * scale)) for side in picture.shape[1::-1]]
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return _uri(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 82])[1].tobytes(), "jpeg")


def _uri(data: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
