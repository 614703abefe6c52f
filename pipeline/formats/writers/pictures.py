"""What writers take: pictures and their labels as plain data, one by one.

No NumPy at import: pictures are linked in workers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from pipeline.images import link_or_copy

if TYPE_CHECKING:
    from pipeline.dataset import Dataset

Point = Sequence[float]
Corners = tuple[float, float, float, float]
FITS = 0.005  # pixels by which an outline's hull may miss its box and still stand for it


class Label(NamedTuple):
    """A box to write.

    Attributes:
        name: Its class.
        xyxy: Corners in pixels as shown, half-open.
        outline: Points x, y; none where nobody drew one.
        crowd: Whether it covers a crowd.
        score: Confidence; None of what is no prediction.
        notes: What is told of it to whoever opens the file.
    """

    name: str
    xyxy: Corners
    outline: Sequence[Point] = ()
    crowd: bool = False
    score: float | None = None
    notes: Sequence[str] = ()

    @property
    def drawn(self) -> Sequence[Point]:
        """The outline where it may stand for the box: its hull is the box; else no points."""
        if not self.outline:
            return ()
        xs, ys = [x for x, _ in self.outline], [y for _, y in self.outline]
        hull = (min(xs), min(ys), max(xs), max(ys))
        fits = all(abs(a - b) <= FITS for a, b in zip(hull, self.xyxy, strict=True))
        return self.outline if fits else ()


class Picture(NamedTuple):
    """A picture to write.

    Attributes:
        name: Below the folder of its split, "/" between folders; without its ending unique there.
        split: "train", "val", ...; "" for none.
        size: Width and height as shown.
        labels: Its boxes.
        notes: What is told of it to whoever opens the file.
        suggested: Boxes that are only suggested, where the format can say so.
    """

    name: str
    split: str
    size: tuple[int, int]
    labels: Sequence[Label] = ()
    notes: Sequence[str] = ()
    suggested: Sequence[Label] = ()

    @property
    def folder(self) -> str:
        return f"{self.split}/" if self.split else ""

    @property
    def full(self) -> str:
        """The name with the split before it: unique."""
        return self.folder + self.name


def of_dataset(dataset: Dataset) -> Iterator[Picture]:
    """The pictures of a data set, in its order; scores only where they say something."""
    images = dataset.images
    columns = zip(images.name, images.split, images.size.tolist(), strict=True)
    for (name, split, (width, height)), rows in zip(columns, dataset.per_image(), strict=True):
        yield Picture(name, split, (width, height), _labels(dataset, rows))


def _labels(dataset: Dataset, rows: slice) -> list[Label]:
    boxes = dataset.boxes
    start = boxes.outline.start[rows.start : rows.stop + 1].tolist()
    columns = zip(
        boxes.label[rows].tolist(),
        boxes.xyxy[rows].tolist(),
        boxes.crowd[rows].tolist(),
        boxes.score[rows].tolist(),
        pairwise(start),
        strict=True,
    )
    return [
        Label(
            dataset.classes[label],
            (x1, y1, x2, y2),
            boxes.outline.points[first:last].tolist() if last > first else (),
            crowd,
            None if score == 1 else score,
        )
        for label, (x1, y1, x2, y2), crowd, score, (first, last) in columns
    ]


def number(value: float) -> str:
    """Four decimals at most, and no more than are needed: "12.5", "12"."""
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


class Link(NamedTuple):
    """A picture's file to put in its place; `copy`: never link it."""

    source: str
    target: str
    copy: bool


def link(links: Sequence[Link]) -> int:
    """Put a shard of pictures in their places; gives how many were copied rather than linked.

    Raises:
        OSError: The disk refuses.
    """
    copied = 0
    for source, target, copy in links:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        copied += not link_or_copy(source, target, copy=copy)
    return copied
