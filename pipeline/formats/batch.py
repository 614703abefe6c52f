"""What a shard of annotation files says, as flat columns that travel cheaply between processes.

No NumPy here: this runs in workers.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.errors import DataError

Point = tuple[float, float]
Corners = tuple[float, float, float, float]

NO_SIZE = (math.nan, math.nan)  # a record that claims none: its boxes are in the picture's pixels
FRACTIONS = (0.0, 0.0)  # a record whose coordinates are divided by the picture's width and height


@dataclass
class Batch:
    """The records of many files, and their boxes.

    Attributes:
        file: Index of each record's file in the shard.
        image: What each record calls its picture; "" where it says nothing.
        flat: Whether each record is one of many of its picture, not the picture's whole list.
        size: Width and height that each record claims, flat; or `NO_SIZE`, or `FRACTIONS`.
        group: Each record's group.
        origin: Each record's origin.
        counts: Boxes of each record.
        failed: Whether something in each record could not be read.
        place: Index of each box within its file, as the format counts.
        label: Index of each box's label in `labels`; the label is "" where it has none.
        corners: x1, y1, x2, y2 of each box as written, flat, in no order.
        crowd: Whether each box covers a crowd.
        outline: Points of each box's outline as x, y, flat; how many: `outline_counts`.
        problems: What could not be read.
        notes: What was met and is worth telling, counted.
    """

    file: array[int] = field(default_factory=lambda: array("q"))
    image: list[str] = field(default_factory=list)
    flat: bytearray = field(default_factory=bytearray)
    size: array[float] = field(default_factory=lambda: array("d"))
    group: list[str] = field(default_factory=list)
    origin: list[str] = field(default_factory=list)
    counts: array[int] = field(default_factory=lambda: array("q"))
    failed: bytearray = field(default_factory=bytearray)
    place: array[int] = field(default_factory=lambda: array("q"))
    label: array[int] = field(default_factory=lambda: array("q"))
    labels: dict[str, int] = field(default_factory=dict)
    corners: array[float] = field(default_factory=lambda: array("d"))
    crowd: bytearray = field(default_factory=bytearray)
    outline: array[float] = field(default_factory=lambda: array("d"))
    outline_counts: array[int] = field(default_factory=lambda: array("q"))
    problems: list[DataError] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)

    def note(self, what: str, count: int = 1) -> None:
        """Count something that is worth telling: "masks; their boxes are kept"."""
        self.notes[what] = self.notes.get(what, 0) + count

    def record(
        self,
        file: int,
        image: str,
        size: Point = NO_SIZE,
        kin: tuple[str, str] = ("", ""),
        *,
        flat: bool = False,
    ) -> None:
        """Begin a record; its boxes follow.

        Args:
            file: Index of its file in the shard.
            image: What it calls its picture: a name, or a path that counts from the file's folder
                or the pictures' root; "" where it says nothing (the file's own name is taken).
            size: Width and height that it claims, in the unit of its coordinates: the boxes are
                brought to the picture's own; `NO_SIZE` or `FRACTIONS`.
            kin: Its group and its origin.
            flat: Whether several records, also of other files, may speak of its picture.
        """
        self.file.append(file)
        self.image.append(image)
        self.flat.append(flat)
        self.size.extend(size)
        self.group.append(kin[0])
        self.origin.append(kin[1])
        self.counts.append(0)
        self.failed.append(0)

    def box(
        self,
        place: int,
        label: str,
        corners: Corners,
        outline: Sequence[Point] = (),
        *,
        crowd: bool = False,
    ) -> None:
        """Add a box to the last record.

        Args:
            place: Its index in the file, as the format counts; see `records.Kind.place`.
            label: As written; "" where it has none.
            corners: Two opposite corners x, y, x, y, in the record's unit, half-open.
            outline: Three points or more, where somebody drew it; its `hull` is the box.
            crowd: Whether it covers a crowd.
        """
        self.place.append(place)
        self.label.append(self.labels.setdefault(label, len(self.labels)))
        self.corners.extend(corners)
        self.crowd.append(crowd)
        self.outline_counts.append(len(outline))
        for point in outline:
            self.outline.extend(point)
        self.counts[-1] += 1

    def fail(self, problem: DataError) -> None:
        """Tell of something in the last record that could not be read.

        Without any box that could be read, its picture is left out rather than taken for
        background. What is wrong with a whole file, or before its record has begun, goes into
        `problems` alone.
        """
        self.problems.append(problem)
        self.failed[-1] = True


def hull(points: Sequence[Point]) -> Corners:
    """The box around points."""
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return min(xs), min(ys), max(xs), max(ys)
