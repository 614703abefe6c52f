"""The page of a search for leaks: the pairs side by side, and what to do."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import draw, manifest
from pipeline.check import words
from pipeline.check.leaks import Found, Leaks
from pipeline.dataset import Dataset
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
        uri: The picture with its boxes, as text to put into the page.
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


def choose(leaks: Leaks, count: int, bad: set[int]) -> dict[str, list[int]]:
    """Rows of the pairs to draw, by their surest way; the most alike first.

    No picture is shown twice, and every way gets its share of the room.

    Args:
        leaks: Sorted, as `find` gives them.
        count: At most this many.
        bad: Rows of pictures that cannot be drawn.
    """
    surest = leaks.kinds.argmax(axis=1)
    there = [at for at in range(len(leaks.ways)) if (surest == at).any()]
    room = [count // len(there) + (n < count % len(there)) for n in range(len(there))]
    seen = set(bad)
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
    leaks, broken = result.leaks, {problem.path for problem in result.problems}
    bad = {row for row, path in enumerate(dataset.images.path) if path in broken}
    rows = choose(leaks, shown, bad)
    pictures = _Pictures(dataset)
    total = sum(map(len, rows.values()))
    drawn = iter(track([r for part in rows.values() for r in part], "drawing pairs", total))
    surest = leaks.kinds.argmax(axis=1)
    sections = [
        Section(
            words.WAYS[way],
            [_pair(pictures, leaks, next(drawn)) for _ in part],
            int(np.count_nonzero(surest == leaks.ways.index(way))),
        )
        for way, part in rows.items()
    ]
    copies = [
        Pair(pictures.show(one.a), pictures.show(one.b), one.problem)
        for one in result.wrong[:COPIES]
    ]
    page = folder / FILE
    manifest.write_text(page, _render(told, sections, Section("", copies, len(result.wrong))))
    return page


@dataclass(frozen=True, eq=False)
class _Pictures:
    """Pictures of a data set, drawn with their boxes when asked for."""

    dataset: Dataset

    def show(self, row: int) -> Shown:
        import cv2

        images, boxes = self.dataset.images, self.dataset.boxes
        first, last = np.searchsorted(boxes.image, [row, row + 1])
        own = boxes.take(np.arange(first, last))
        picture, own = draw.fit(decode(images.path[row]), own, SIDE)
        drawn = draw.draw_boxes(picture, own, self.dataset.classes, scores=False)
        data = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
        text = base64.b64encode(data).decode("ascii")
        return Shown(images.split[row], images.name[row], f"data:image/jpeg;base64,{text}")


def _pair(pictures: _Pictures, leaks: Leaks, row: int) -> Pair:
    kinds = [leaks.ways[at] for at in np.flatnonzero(leaks.kinds[row])]
    alike = leaks.similarity[row]
    told = ", ".join(kinds) + ("" if np.isnan(alike) else f"; alike {alike:.2f}")
    return Pair(pictures.show(int(leaks.image[row])), pictures.show(int(leaks.partner[row])), told)


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
