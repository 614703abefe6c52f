"""Edits of a YOLO label file: line by line; all other lines stay as they are, to the byte."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.boxes import clip, xyxy_to_xywhn
from pipeline.check.fixing.edits import About, Edit, Record, corners, follow, gone
from pipeline.dataset import Floats
from pipeline.errors import DataError


def edit(data: bytes, edits: Sequence[Edit], about: About) -> tuple[bytes, list[Record]]:
    """A label file with the edits made; an outline follows its box.

    Raises:
        DataError: No such line, no such class, or no UTF-8.
    """
    try:
        lines: list[str | None] = list(data.decode("utf-8").splitlines(keepends=True))
    except UnicodeDecodeError as error:
        raise DataError(about.path, "", f"is no text: {error}") from error
    outlined = any(len((line or "").split()) > 5 for line in lines)
    records: list[Record] = []
    for one in edits:
        if one.action == "add":
            new = _line(one, about, [], outlined=outlined)
            lines.append(new + "\n")
            records.append((None, new))
            continue
        was = _at(lines, one, about)
        after = (
            None if one.action == "remove" else _line(one, about, was.split(), outlined=outlined)
        )
        lines[one.place - 1] = None if after is None else after + was[len(was.rstrip("\r\n")) :]
        records.append((was.rstrip("\r\n"), after))
    return _joined(lines).encode(), records


def _at(lines: Sequence[str | None], one: Edit, about: About) -> str:
    line = lines[one.place - 1] if 1 <= one.place <= len(lines) else None
    if line is None or not line.strip():
        raise gone(about, one)
    return line


def _joined(lines: Sequence[str | None]) -> str:
    """The lines that are left; the last of old may have had no end."""
    kept = [line for line in lines if line is not None]
    return "".join(
        line if line.endswith(("\n", "\r")) or k == len(kept) - 1 else line + "\n"
        for k, line in enumerate(kept)
    )


def _line(one: Edit, about: About, words: Sequence[str], *, outlined: bool) -> str:
    """A line without its end: class, and centre and size, or an outline's points."""
    if one.label is not None and one.label not in about.classes:
        raise DataError(about.path, "", f"class {one.label!r} is not in data.yaml", "add it there")
    first = words[0] if one.label is None else str(about.classes.index(one.label))
    if one.xyxy is None:
        return " ".join([first, *words[1:]])
    size = np.array(one.size)
    new = clip(np.array([one.xyxy]), size)
    values = _outline(words[1:], new[0], size) if outlined else xyxy_to_xywhn(new, size)
    return " ".join([first, *(f"{value:.6f}" for value in values.ravel().tolist())])


def _outline(words: Sequence[str], new: Floats, size: Floats) -> Floats:
    """(K, 2) the line's outline, or the box's corners, at its new place, by the picture's size."""
    points = np.array(list(map(float, words))).reshape(-1, 2) * size if len(words) > 4 else None
    if points is not None:
        hull = np.concatenate([points.min(axis=0), points.max(axis=0)])
        points = follow(points, hull, new)
    return (corners(new) if points is None else points) / size
