"""A contact sheet of training pictures, as the model is shown them, with their labels."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pipeline import draw
from pipeline.augment import follow
from pipeline.augment.follow import Shown
from pipeline.dataset import Bools, Boxes, Dataset, Floats, Outlines
from pipeline.preview import PreviewOptions, choose

SIDE = 400  # pixels of a training picture on the sheet
COLUMNS = 4


def chosen(data: Dataset, count: int, seed: int) -> list[int]:
    """Rows of pictures to show, spread over the classes; again from the first if there are few."""
    rows = choose(data, PreviewOptions(count=count, seed=seed))
    return [int(row) for row in np.resize(rows, count)]


def cell(
    data: Dataset, own: Bools, shown: Shown, font: Path | None = None
) -> tuple[draw.Picture, str]:
    """One training picture with its labels, and a caption.

    Args:
        data: Every box with an outline, see `account.truth`.
        own: (M,) which outlines to draw too: those that the labels have.
        shown: The picture, with its pixels.
        font: A font file to prefer for the names.
    """
    small, boxes = draw.fit(shown.picture, labels(data, own, shown), SIDE)
    name, *others = shown.names
    caption = f"{name} + {len(others)} more" if others else str(name)
    return draw.draw_boxes(small, boxes, data.classes, font=font, scores=False), caption


def sheet(cells: Iterable[tuple[draw.Picture, str]], font: Path | None = None) -> draw.Picture:
    """Training pictures side by side."""
    pictures, captions = zip(*cells, strict=True)
    return draw.contact_sheet(pictures, captions, columns=COLUMNS, side=SIDE, font=font)


def labels(data: Dataset, own: Bools, shown: Shown) -> Boxes:
    """The labels of a training picture in its pixels, with what is seen of the outlines."""
    kept = np.flatnonzero(~np.isnan(shown.xyxy[:, 0]))
    rows = shown.row[kept]
    outlines = [
        _outline(data.boxes.outline[row], shown, way)
        if own[row] and shown.exact
        else np.zeros((0, 2))
        for row, way in zip(rows, shown.way[kept], strict=True)
    ]
    return Boxes.of(
        np.zeros(len(kept)),
        data.boxes.label[rows],
        shown.xyxy[kept],
        outline=Outlines.of(outlines),
    )


def _outline(points: Floats, shown: Shown, way: int) -> Floats:
    return follow.placed(follow.seen(points, shown.ways[way]), shown.ways[way])
