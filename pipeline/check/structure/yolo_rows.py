"""YOLO label files to flat columns, whatever is in them. No NumPy here: this runs in workers."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

FULL, EMPTY, MISSING, UNREADABLE = range(4)


class Problem(NamedTuple):
    """What is wrong with a line that cannot be taken as it is, or with a file."""

    file: int
    place: str
    kind: str
    message: str
    advice: str = ""


@dataclass
class Rows:
    """The lines of many label files, as flat columns.

    Attributes:
        state: Of each file: `FULL`, `EMPTY`, `MISSING` or `UNREADABLE`.
        counts: Lines of each file that hold a box.
        place: Line number of each box, from 1.
        said: Class of each box as written.
        values: Centre and size of each box as written, flat; the hull's of an outline.
        problems: What is wrong; `file` is an index in the shard.
    """

    state: array[int] = field(default_factory=lambda: array("q"))
    counts: array[int] = field(default_factory=lambda: array("q"))
    place: array[int] = field(default_factory=lambda: array("q"))
    said: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))
    problems: list[Problem] = field(default_factory=list)


def parse(files: Sequence[str]) -> Rows:
    """Read the label files of a shard; no defect of a line hides another one."""
    rows = Rows()
    for index, path in enumerate(files):
        before = len(rows.said)
        text, state = _read(rows, index, path)
        rows.state.append(state)
        for number, line in enumerate(text.splitlines(), 1):
            words = line.split()
            if words:
                _add(rows, index, number, words)
        rows.counts.append(len(rows.said) - before)
    return rows


def _read(rows: Rows, index: int, path: str) -> tuple[str, int]:
    try:
        with open(path, "rb", buffering=0) as stream:
            text = stream.read().decode("utf-8-sig")
    except FileNotFoundError:
        return "", MISSING
    except OSError as error:
        rows.problems.append(
            Problem(index, "", "unreadable file", f"cannot be read: {error.strerror}")
        )
        return "", UNREADABLE
    except UnicodeDecodeError as error:
        what = f"is no text (byte {error.start})"
        rows.problems.append(Problem(index, "", "unreadable file", what, "export it again"))
        return "", UNREADABLE
    return text, FULL if text.strip() else EMPTY


def _add(rows: Rows, index: int, number: int, words: Sequence[str]) -> None:
    try:
        said, *values = map(float, words)
    except ValueError:
        rows.problems.append(_no_numbers(index, number, words))
        return
    if not all(map(math.isfinite, (said, *values))):
        what = f"{' '.join(words)!r} holds what is no finite number"
        rows.problems.append(Problem(index, f"line {number}", "not a number", what, "remove it"))
        return
    if len(values) >= 6 and len(values) % 2 == 0:
        values = _hull(values)
    elif len(values) != 4 and not _scored(rows, index, number, values):
        return
    rows.place.append(number)
    rows.said.append(said)
    rows.values.extend(values[:4])


def _scored(rows: Rows, index: int, number: int, values: Sequence[float]) -> bool:
    """Whether a line of the wrong length still holds a box: a prediction's, with its score."""
    place = f"line {number}"
    if len(values) == 5 and 0 <= values[4] <= 1:
        what = f"has a sixth number, {values[4]:g}: a prediction with its score, not a label"
        rows.problems.append(
            Problem(index, place, "wrong columns", what, "remove the score; were these checked?")
        )
        return True
    what = f"has {len(values) + 1} numbers where `class xc yc w h` are due"
    rows.problems.append(Problem(index, place, "wrong columns", what, "write the line again"))
    return False


def _no_numbers(index: int, number: int, words: Sequence[str]) -> Problem:
    line, place = " ".join(words), f"line {number}"
    if "," in line:
        fix = "write spaces between the numbers, and points in them"
        return Problem(index, place, "unreadable line", f"{line!r} holds commas", fix)
    try:
        list(map(float, words[1:]))
    except ValueError:
        what = f"{line!r} is not `class xc yc w h`"
        return Problem(index, place, "unreadable line", what, "write it again or remove it")
    what = f"{words[0]!r} is a name where the number of a class is due"
    return Problem(index, place, "class out of range", what, "write its place in data.yaml's names")


def _hull(points: Sequence[float]) -> list[float]:
    xs, ys = points[0::2], points[1::2]
    x1, y1, x2, y2 = min(xs), min(ys), max(xs), max(ys)
    return [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]
