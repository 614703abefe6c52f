"""Pictures to look at: the truth on the left, what the model said on the right, worst first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline import manifest
from pipeline.dataset import Bools, Boxes, Dataset, Ints, Outlines
from pipeline.evaluation.confusion import NOBODY, Matching, Mistakes, wrong_class
from pipeline.images import decode
from pipeline.progress import Track, silent

if TYPE_CHECKING:
    from pipeline.draw import Picture

SIDE = 720  # of each half, in pixels
GAP = 12
QUALITY = 80  # they go into the report; at 95 they are three times as large
WORST = 2 / 3  # of the pictures are those with the worst mistakes
_RED, _WHITE = (40, 40, 230), (255, 255, 255)


def choose(mistakes: Mistakes, count: int) -> tuple[Ints, Ints]:
    """Which pictures to show.

    Returns:
        Rows of the worst, worst first; and rows of others, evenly spread over the rest.
    """
    worst = np.argsort(-mistakes.weight, kind="stable")[: round(count * WORST)]
    worst = worst[mistakes.weight[worst] > 0]
    rest = np.setdiff1d(np.arange(len(mistakes.weight)), worst)
    places = np.linspace(0, len(rest) - 1, min(count - len(worst), len(rest))).astype(int)
    return worst, rest[places]


def write(
    folder: Path, truth: Dataset, matching: Matching, rows: Ints, track: Track = silent
) -> list[Path]:
    """Write a picture for each of `rows`; mistakes are framed in red on the side they are on.

    Returns:
        The files, in the order of `rows`.

    Raises:
        DataError: A picture that cannot be read.
        BoxwrightError: The disk refuses.
    """
    folder.mkdir(exist_ok=True)
    missed = matching.found_by == NOBODY
    wrong = (matching.found == NOBODY) | wrong_class(truth, matching)
    slices = list(zip(truth.per_image(), matching.predictions.per_image(), strict=True))
    files = []
    for place, row in enumerate(track(rows.tolist(), "drawing samples", len(rows)), 1):
        picture, (left, right) = decode(truth.images.path[row]), slices[row]
        halves = [
            _half(picture, truth.boxes, left, missed, truth.classes),
            _half(picture, matching.predictions.boxes, right, wrong, truth.classes),
        ]
        gap = np.full((halves[0].shape[0], GAP, 3), 255, dtype=np.uint8)
        files.append(folder / f"{place:02d}-{Path(truth.images.name[row]).stem}.jpg")
        _save(files[-1], np.hstack([halves[0], gap, halves[1]]))
    return files


def _save(path: Path, picture: Picture) -> None:
    import cv2

    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
    try:
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise manifest.cannot_write(path, error) from error


def _half(
    picture: Picture, boxes: Boxes, rows: slice, bad: Bools, classes: tuple[str, ...]
) -> Picture:
    from pipeline import draw

    index = np.arange(rows.start, rows.stop)
    plain = replace(boxes.take(index), outline=Outlines.none(len(index)))  # boxes are measured
    small, own = draw.fit(picture, plain, SIDE)
    _frame(small, own.take(bad[index]))  # before the labels, which stay readable on top
    return draw.draw_boxes(small, own, classes, scores=bool((own.score < 1).any()))


def _frame(picture: Picture, boxes: Boxes) -> None:
    """Frame boxes from outside, white within red, so that they stand out on any ground."""
    import cv2

    for x1, y1, x2, y2 in np.rint(boxes.xyxy).astype(int).tolist():
        for away, colour in ((3, _WHITE), (6, _RED)):
            cv2.rectangle(picture, (x1 - away, y1 - away), (x2 + away, y2 + away), colour, 3)
