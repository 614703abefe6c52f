"""annotations.csv: a row a box, with a header; a row without a box is a background picture.

The first eight columns are those of TensorFlow's and Roboflow's CSV; a path counts from the
file's folder. Corners are in pixels, half-open, with fractions. UTF-8, RFC 4180.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pipeline.formats.writers.pictures import Picture, number

FILE = "annotations.csv"
COLUMNS = (
    *("filename", "width", "height", "class"),
    *("xmin", "ymin", "xmax", "ymax"),
    *("crowd", "score"),
)


def write(folder: Path, pictures: Iterable[Picture], classes: Sequence[str]) -> None:  # noqa: ARG001 - the format has no list of them
    """Write annotations.csv; pictures lie in images.

    Raises:
        OSError: The disk refuses.
    """
    with (folder / FILE).open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)  # with \r\n, so that both of them are quoted
        rows.writerow(COLUMNS)
        for picture in pictures:
            rows.writerows(_rows(picture))


def _rows(picture: Picture) -> Iterator[tuple[object, ...]]:
    about = (f"images/{picture.full}", *picture.size)
    if not picture.labels:
        yield (*about, *[""] * 7)
    for label in picture.labels:
        score = "" if label.score is None else number(label.score)
        yield (*about, label.name, *map(number, label.xyxy), int(label.crowd), score)
