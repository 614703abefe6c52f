"""The files of other programs, for mending labels there; `formats.writers` writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pipeline.check.fixing.decisions import Decision
from pipeline.check.fixing.edits import Box
from pipeline.dataset import Floats
from pipeline.formats import writers
from pipeline.formats.writers import pictures as plain

Program = Literal["labelme", "cvat", "labelstudio"]


@dataclass
class Label:
    """A label of an exported picture: class, box, outline ((0, 2) for none) and what was found."""

    name: str
    xyxy: Floats
    outline: Floats
    crowd: bool = False
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Picture:
    """A picture to mend.

    Attributes:
        name: "<split>/<name>", or the name alone.
        path: Its file.
        size: Width and height as shown.
        labels: As they were checked, with accepted fixes.
        notes: What was found that is of no label.
        open: The open findings.
    """

    name: str
    path: str
    size: tuple[int, int]
    labels: list[Label]
    notes: list[str]
    open: list[Decision]


def place(program: Program, picture: Picture) -> str:
    """Where a picture's file lies below the folder."""
    return writers.place(program, "", picture.name)


def write(
    program: Program, folder: Path, pictures: Sequence[Picture], classes: Sequence[str]
) -> None:
    """Write the labels of pictures, with what was found; suggestions where the program has them.

    Raises:
        BoxwrightError: A class has a name that the format cannot hold.
        OSError: The disk refuses.
    """
    writers.write(program, folder, map(_plain, pictures), classes)


def _plain(picture: Picture) -> plain.Picture:
    labels = [_label(label) for label in picture.labels]
    suggested = [
        plain.Label(_class(one), one.fix.xyxy) for one in picture.open if one.fix and one.fix.xyxy
    ]
    return plain.Picture(picture.name, "", picture.size, labels, picture.notes, suggested)


def _label(label: Label) -> plain.Label:
    x1, y1, x2, y2 = label.xyxy.tolist()
    box: Box = (x1, y1, x2, y2)
    outline = label.outline.tolist()
    return plain.Label(label.name, box, outline, label.crowd, notes=label.notes)


def _class(decision: Decision) -> str:
    return (decision.fix and decision.fix.label) or decision.finding.label
