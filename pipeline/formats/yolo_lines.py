"""YOLO label files to flat columns. No NumPy here: this runs in workers."""

from __future__ import annotations

import errno
import math
import os
import stat
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.errors import DataError


@dataclass
class Lines:
    """The boxes of many label files, as flat columns that travel cheaply between processes.

    Attributes:
        counts: Boxes of each file.
        place: Line number of each box in its file, from 1.
        label: Class index of each box.
        xywhn: Normalised centre and size of each box, flat; the hull's of an outline.
        outline: Normalised points of each box's outline, flat; how many: `outline_counts`. None
            where it is the box's four corners.
        problems: What could not be read.
    """

    counts: array[int] = field(default_factory=lambda: array("q"))
    place: array[int] = field(default_factory=lambda: array("q"))
    label: array[int] = field(default_factory=lambda: array("q"))
    xywhn: array[float] = field(default_factory=lambda: array("d"))
    outline: array[float] = field(default_factory=lambda: array("d"))
    outline_counts: array[int] = field(default_factory=lambda: array("q"))
    problems: list[DataError] = field(default_factory=list)


class Rules(NamedTuple):
    """How to read label files.

    Attributes:
        classes: How many there are.
        named: The file that names them, for messages.
        points: Whether key points follow each box, which are left out.
    """

    classes: float
    named: str = "data.yaml"
    points: bool = False


def parse(files: Sequence[str], rules: Rules) -> Lines:
    """Read label files; a file that is missing is a background picture, as YOLO itself has it."""
    lines = Lines()
    for path in files:
        before = len(lines.label)
        for number, line in enumerate(_read(path, lines.problems), 1):
            if line.strip():
                _add(lines, path, number, line, rules)
        lines.counts.append(len(lines.label) - before)
    return lines


def _read(path: str, problems: list[DataError]) -> list[str]:
    try:
        with open(path, encoding="utf-8-sig", opener=_opened) as stream:
            return stream.read().splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        problems.append(DataError(path, "", f"cannot be read: {error}"))
        return []


def _opened(path: str, flags: int) -> int:
    """Open a file, as `open` does; what is none is refused: a pipe would be waited for."""
    opened = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise OSError(errno.EINVAL, "is no file")
    return opened


def _add(lines: Lines, path: str, number: int, line: str, rules: Rules) -> None:
    try:
        label, *values = map(float, line.split())
    except ValueError:
        label, values = math.nan, []
    if rules.points and len(values) > 4:
        values = values[:4]
    is_box, is_outline = len(values) == 4, len(values) >= 6 and len(values) % 2 == 0
    problem = ""
    if not (is_box or is_outline) or not all(map(math.isfinite, (label, *values))):
        problem = f"{line!r} is not `class xc yc w h`"
    elif not 0 <= label < rules.classes or label != int(label):
        problem = f"class {label:g} is not in {rules.named}"
    if problem:
        lines.problems.append(DataError(path, f"line {number}", problem))
        return
    lines.place.append(number)
    lines.label.append(int(label))
    lines.xywhn.extend(values if is_box else _hull(values))
    outline = [] if is_box or _are_corners(values) else values
    lines.outline_counts.append(len(outline) // 2)
    lines.outline.extend(outline)


def _hull(points: Sequence[float]) -> tuple[float, float, float, float]:
    xs, ys = points[0::2], points[1::2]
    x1, y1, x2, y2 = min(xs), min(ys), max(xs), max(ys)
    return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1


def _are_corners(points: Sequence[float]) -> bool:
    """Whether an outline is a box again, written so because its neighbours have outlines."""
    xs, ys = points[0::2], points[1::2]
    return (
        len(points) == 8 and len({*xs}) == len({*ys}) == 2 and len({*zip(xs, ys, strict=True)}) == 4
    )
