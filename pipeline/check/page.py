"""The page of a search for leaks: the pairs side by side, and what to do."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import draw, manifest
from pipeline.check import words
from pipeline.check.copies import Disagreement
from pipeline.check.leaks import Found, Leaks
from pipeline.dataset import Dataset
from pipeline.errors import DataError
from pipeline.images import decode
from pipeline.progress import Track, silent
from pipeline.report.page import environment

FILE = "leaks.html"
SIDE = 400  # of each picture, in pixels
QUALITY = 75
COPIES = 12  # pairs of copies labelled otherwise that are drawn


@dataclass(frozen=True)
class Shown:
    """One picture of a pair.

    Attributes:
        split: Where it is.
        name: Of the picture.
        uri: The picture with its boxes, as text to put into the page; "" where there is none.
    """

    split: str
    name: str
    uri: str


@dataclass(frozen=True)
class Pair:
    """Two pictures side by side, the judged one first, and what they have in common."""

    image: Shown
    partner: Shown
    told: str


@dataclass(frozen=True)
class Section:
    """Pairs of one kind: those that are drawn, and how many there are."""

    title: str
    pairs: list[Pair]
    count: int


def choose(leaks: Leaks, count: int) -> dict[str, list[int]]:
    """Rows of the pairs to draw, by their surest way; the most alike first.

    No picture is shown twice, and every way gets its share of the room.

    Args:
        leaks: Sorted, as `find` gives them.
        count: At most this many.
    """
    surest = leaks.kinds.argmax(axis=1)
    there = [at for at in range(len(leaks.ways)) if (surest == at).any()]
    room = [count // len(there) + (n < count % len(there)) for n in range(len(there))]
    seen: set[int] = set()
    chosen: dict[str, list[int]] = {}
    for at, most in zip(there, room, strict=True):
        taken = chosen.setdefault(leaks.ways[at], [])
        for row in np.flatnonzero(surest == at).tolist():
            pair = {int(leaks.image[row]), int(leaks.partner[row])}
            if len(taken) < most and not pair & seen:
                taken.append(row)
                seen |= pair
    return chosen


def write_page(
    folder: Path,
    dataset: Dataset,
    result: Found,
    told: Mapping[str, Any],
    shown: int,
    track: Track = silent,
) -> Path:
    """Write `folder`/leaks.html, which needs no other file; returns its path.

    Args:
        folder: Where to.
        dataset: All splits.
        result: What `find` gives.
        told: What leaks.json holds.
        shown: At most this many pairs are drawn.
        track: Shows progress.
    """
    sections = _sections(_Pictures(dataset), result, shown, track)
    copies = _copies(_Pictures(dataset), result.wrong)
    page = folder / FILE
    manifest.write_text(page, _render(told, sections, copies))
    return page


def _sections(pictures: _Pictures, result: Found, shown: int, track: Track) -> list[Section]:
    leaks, chosen = result.leaks, choose(result.leaks, shown)
    rows = [row for part in chosen.values() for row in part]
    drawn = (_pair(pictures, result, row) for row in track(rows, "drawing pairs", len(rows)))
    counts = np.bincount(leaks.kinds.argmax(axis=1), minlength=len(leaks.ways))
    return [
        Section(words.WAYS[way], list(islice(drawn, len(part))), int(counts[leaks.ways.index(way)]))
        for way, part in chosen.items()
    ]


def _copies(pictures: _Pictures, wrong: Sequence[Disagreement]) -> Section:
    shown = [Pair(pictures.show(a), pictures.show(b), problem) for a, b, problem in wrong[:COPIES]]
    return Section("", shown, len(wrong))


@dataclass(frozen=True, eq=False)
class _Pictures:
    """Pictures of a data set, drawn with their boxes when asked for."""

    dataset: Dataset

    def show(self, row: int) -> Shown:
        """A picture of the page; one that cannot be decoded is shown by its name alone."""
        images = self.dataset.images
        try:
            return Shown(images.split[row], images.name[row], self._uri(row))
        except DataError:
            return Shown(images.split[row], images.name[row], "")

    def _uri(self, row: int) -> str:
        import cv2

        boxes = self.dataset.boxes
        first, last = np.searchsorted(boxes.image, [row, row + 1])
        own = boxes.take(np.arange(first, last))
        picture, own = draw.fit(decode(self.dataset.images.path[row]), own, SIDE)
        drawn = draw.draw_boxes(picture, own, self.dataset.classes, scores=False)
        data = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
        return "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii")


def _pair(pictures: _Pictures, result: Found, row: int) -> Pair:
    leaks = result.leaks
    image, partner = int(leaks.image[row]), int(leaks.partner[row])
    kinds = [leaks.ways[at] for at in np.flatnonzero(leaks.kinds[row])]
    parts = [
        f"{kind} {result.keys[kind][image]}" if kind in result.keys else kind for kind in kinds
    ]
    if not np.isnan(leaks.similarity[row]):
        parts.append(f"alike {leaks.similarity[row]:.2f}")
    return Pair(pictures.show(image), pictures.show(partner), "; ".join(parts))


def _render(found: Mapping[str, Any], sections: Sequence[Section], copies: Section) -> str:
    return (
        environment("pipeline.check")
        .get_template("leaks.html")
        .render(
            found=found,
            verdict=words.verdict(found),
            advice=[text.split("\n") for text in words.advice(found)],
            ways=words.WAYS,
            sections=sections,
            copies=copies,
        )
    )
