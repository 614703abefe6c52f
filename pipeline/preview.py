"""A contact sheet of a data set: pictures with their boxes, to look at before training."""

from __future__ import annotations

import math
import random
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from pipeline import draw
from pipeline.dataset import Dataset
from pipeline.errors import BoxwrightError
from pipeline.images import decode
from pipeline.progress import Track, silent


@dataclass(frozen=True)
class PreviewOptions:
    """What to show.

    Attributes:
        split: Only this split; "" for all.
        count: At most this many pictures.
        seed: Another seed shows other pictures.
        class_name: Only pictures that hold this class; "" for any.
        font: A font file to prefer for the names.
    """

    split: str = ""
    count: Annotated[int, msgspec.Meta(ge=1, le=400)] = 16
    seed: int = 0
    class_name: str = ""
    font: Path | None = None


def preview(dataset: Dataset, options: PreviewOptions, track: Track = silent) -> draw.Picture:
    """Draw some pictures of a data set, spread over its classes, with boxes and names.

    Returns:
        (H, W, 3) BGR.

    Raises:
        BoxwrightError: No such split or class, or nothing to show.
        DataError: A picture that cannot be decoded.
    """
    rows = choose(dataset, options)
    slices = dataset.per_image()
    cells = []
    for row in track(rows, "drawing", len(rows)):
        picture, boxes = draw.fit(
            decode(dataset.images.path[row]), dataset.boxes.take(np.r_[slices[row]]), side=400
        )
        cells.append(
            draw.draw_boxes(picture, boxes, dataset.classes, font=options.font, scores=False)
        )
    captions = [str(dataset.images.name[row]) for row in rows]
    return draw.contact_sheet(cells, captions, columns=_columns(len(rows)), font=options.font)


def choose(dataset: Dataset, options: PreviewOptions) -> list[int]:
    """Rows in `images`: each class in turn gives a picture, and so do the backgrounds.

    Raises:
        BoxwrightError: No such split or class, or nothing to show.
    """
    _check(dataset, options)
    count = len(dataset.images)
    fit = np.ones(count, dtype=bool)
    if options.split:
        fit = np.asarray(dataset.images.split == options.split, dtype=bool)
    holds = np.zeros((count, len(dataset.classes)), dtype=bool)
    holds[dataset.boxes.image, dataset.boxes.label] = True
    if options.class_name:
        fit &= holds[:, dataset.classes.index(options.class_name)]
    rows = np.flatnonzero(fit).tolist()
    if not rows:
        raise BoxwrightError("no picture fits that choice of split and class.")
    random.Random(options.seed).shuffle(rows)  # noqa: S311 - no secret
    kinds = [*holds.T, ~holds.any(axis=1)]
    return _in_turn([[row for row in rows if kind[row]] for kind in kinds], options.count)


def _check(dataset: Dataset, options: PreviewOptions) -> None:
    splits = sorted(set(dataset.images.split.tolist()))
    if options.split and options.split not in splits:
        raise BoxwrightError(f"no split {options.split!r}; there is {', '.join(splits)}.")
    if options.class_name and options.class_name not in dataset.classes:
        known = ", ".join(dataset.classes)
        raise BoxwrightError(f"no class {options.class_name!r}; there is {known}.")


def _in_turn(piles: list[list[int]], count: int) -> list[int]:
    """The first of each pile in turn, none twice, until there are `count` or no more."""
    left = deque(deque(pile) for pile in piles if pile)
    taken: dict[int, None] = {}
    while left and len(taken) < count:
        pile = left.popleft()
        while pile and pile[0] in taken:
            pile.popleft()
        if pile:
            taken[pile.popleft()] = None
            left.append(pile)
    return list(taken)


def _columns(count: int) -> int:
    """About as many columns as rows, a few more for wide screens."""
    return max(1, round(math.sqrt(count * 1.3)))
