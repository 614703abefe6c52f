"""The types that every stage takes and gives: columns of equal length, frozen.

A row number is the id: nothing else identifies a picture or a box inside the program, and the
writers number from 1 where a format wants ids. Predictions are a `Dataset` too, with scores.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Strings = NDArray[np.object_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def strings(values: Iterable[str]) -> Strings:
    """A column of str; an object array, so that no value is ever cut to a fixed width."""
    column = list(values)
    out = np.empty(len(column), dtype=object)
    out[:] = column
    return out


def _all_of(rows: Ints | Bools, count: int) -> bool:
    """Whether all rows are taken, in their order, as is often so; nothing need be copied then."""
    if len(rows) != count:
        return False
    return bool((rows if rows.dtype == np.bool_ else rows == np.arange(count)).all())


@dataclass(frozen=True, eq=False)
class Images:
    """One row a picture.

    Attributes:
        name: (N,) path below the images root, "/" between folders, unique.
        path: (N,) where the source file is.
        size: (N, 2) width and height in pixels as shown (EXIF turn applied).
        group: (N,) what a split must not part: a video, a person, the shots of one note.
        split: (N,) "train", "val", "test", "train_dev", or "" while unassigned.
        origin: (N,) the source that it comes from (a camera, a shop, a scraper), or "".
    """

    name: Strings
    path: Strings
    size: Ints
    group: Strings
    split: Strings
    origin: Strings

    def __len__(self) -> int:
        return len(self.name)

    def take(self, rows: Ints | Bools) -> Images:
        if _all_of(rows, len(self)):
            return self
        return Images(
            self.name[rows],
            self.path[rows],
            self.size[rows],
            self.group[rows],
            self.split[rows],
            self.origin[rows],
        )

    @staticmethod
    def of(
        name: Sequence[str],
        path: Sequence[str],
        size: Any,
        group: Sequence[str] | None = None,
        split: Sequence[str] | None = None,
    ) -> Images:
        """Columns from plain sequences; what is not given is ""."""
        none = [""] * len(name)
        return Images(
            name=strings(name),
            path=strings(path),
            size=np.asarray(size, dtype=np.int64).reshape(-1, 2),
            group=strings(none if group is None else group),
            split=strings(none if split is None else split),
            origin=strings(none),
        )

    @staticmethod
    def joined(parts: Sequence[Images]) -> Images:
        """The rows of several tables, one after the other."""
        names = [one.name for one in fields(Images)]
        return Images(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})


@dataclass(frozen=True, eq=False)
class Outlines:
    """A ragged column of polygons: row i is ``points[start[i] : start[i + 1]]``, empty for none.

    Attributes:
        points: (P, 2) x, y in pixels of the picture as shown.
        start: (M + 1,) where each row's points begin.
    """

    points: Floats
    start: Ints

    def __len__(self) -> int:
        return len(self.start) - 1

    def __getitem__(self, row: int) -> Floats:
        return self.points[self.start[row] : self.start[row + 1]]

    def take(self, rows: Ints | Bools) -> Outlines:
        if _all_of(rows, len(self)):
            return self
        index = np.arange(len(self))[rows]
        counts = np.diff(self.start)[index]
        first = np.cumsum(counts) - counts
        within = np.arange(counts.sum()) - np.repeat(first, counts)
        points = self.points[np.repeat(self.start[index], counts) + within]
        return Outlines.of_counts(points, counts)

    @staticmethod
    def of(polygons: Sequence[Any]) -> Outlines:
        """From one (K, 2) sequence a row; an empty one where there is no outline."""
        filled = [np.asarray(p, dtype=np.float64).reshape(-1, 2) for p in polygons if len(p)]
        points = np.concatenate(filled) if filled else np.zeros((0, 2))
        return Outlines.of_counts(points, [len(p) for p in polygons])

    @staticmethod
    def of_flat(polygons: Sequence[Sequence[float]]) -> Outlines:
        """From one [x1, y1, x2, y2, ...] a row; an empty one where there is no outline."""
        counts = [len(polygon) // 2 for polygon in polygons]
        numbers = chain.from_iterable(polygons)
        points = np.fromiter(numbers, dtype=np.float64, count=2 * sum(counts))
        return Outlines.of_counts(points.reshape(-1, 2), counts)

    @staticmethod
    def of_counts(points: Floats, counts: Any) -> Outlines:
        """From all points (P, 2), row after row, and how many each row has (M,)."""
        return Outlines(points, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))

    @staticmethod
    def joined(parts: Sequence[Outlines]) -> Outlines:
        """The rows of several columns, one after the other."""
        points = np.concatenate([part.points for part in parts])
        return Outlines.of_counts(points, np.concatenate([np.diff(part.start) for part in parts]))

    @staticmethod
    def none(rows: int) -> Outlines:
        return Outlines(np.zeros((0, 2)), np.zeros(rows + 1, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class Boxes:
    """One row a box, in the order of the pictures.

    Attributes:
        image: (M,) row of the box's picture in `Images`, non-decreasing.
        label: (M,) index in the data set's `classes`.
        xyxy: (M, 4) x1, y1, x2, y2 in pixels as shown, half-open like COCO.
        crowd: (M,) whether the box covers a crowd (COCO's `iscrowd`).
        score: (M,) confidence; 1 for ground truth.
        outline: (M) polygons, empty where nobody drew one.
    """

    image: Ints
    label: Ints
    xyxy: Floats
    crowd: Bools
    score: Floats
    outline: Outlines

    def __len__(self) -> int:
        return len(self.image)

    def take(self, rows: Ints | Bools) -> Boxes:
        if _all_of(rows, len(self)):
            return self
        return Boxes(
            self.image[rows],
            self.label[rows],
            self.xyxy[rows],
            self.crowd[rows],
            self.score[rows],
            self.outline.take(rows),
        )

    @staticmethod
    def of(
        image: Any,
        label: Any,
        xyxy: Any,
        *,
        score: Any = None,
        crowd: Any = None,
        outline: Outlines | None = None,
    ) -> Boxes:
        """Columns from plain sequences; ground truth without outlines unless said otherwise."""
        rows = len(image)
        return Boxes(
            image=np.asarray(image, dtype=np.int64),
            label=np.asarray(label, dtype=np.int64),
            xyxy=np.asarray(xyxy, dtype=np.float64).reshape(-1, 4),
            crowd=np.zeros(rows, dtype=bool) if crowd is None else np.asarray(crowd, dtype=bool),
            score=np.ones(rows) if score is None else np.asarray(score, dtype=np.float64),
            outline=Outlines.none(rows) if outline is None else outline,
        )

    @staticmethod
    def joined(parts: Sequence[Boxes]) -> Boxes:
        """The rows of several tables, one after the other; `image` stays as it is."""
        names = [one.name for one in fields(Boxes) if one.name != "outline"]
        columns = {name: np.concatenate([getattr(p, name) for p in parts]) for name in names}
        return Boxes(**columns, outline=Outlines.joined([part.outline for part in parts]))


@dataclass(frozen=True, eq=False)
class Dataset:
    """Pictures and their boxes.

    Attributes:
        root: The folder that the pictures' names were taken below.
        classes: Class names; a box's label is an index here.
        images: One row a picture.
        boxes: One row a box.
    """

    root: Path
    classes: tuple[str, ...]
    images: Images
    boxes: Boxes

    def keep_boxes(self, mask: Bools) -> Dataset:
        """Only the boxes where `mask` (M,) is true; every picture stays."""
        return replace(self, boxes=self.boxes.take(mask))

    def keep_images(self, mask: Bools) -> Dataset:
        """Only the pictures where `mask` (N,) is true, with their boxes."""
        row = np.cumsum(mask) - 1
        boxes = self.boxes.take(mask[self.boxes.image])
        return replace(
            self, images=self.images.take(mask), boxes=replace(boxes, image=row[boxes.image])
        )

    @staticmethod
    def joined(root: Path, parts: Sequence[Dataset]) -> Dataset:
        """One after the other, their classes matched by name; no picture is renamed.

        Args:
            root: The folder of all.
            parts: One or more.
        """
        classes = list(dict.fromkeys(name for part in parts for name in part.classes))
        number = {name: index for index, name in enumerate(classes)}
        first = np.cumsum([0, *(len(part.images) for part in parts)]).tolist()
        boxes = []
        for part, before in zip(parts, first, strict=False):
            label = np.array([number[name] for name in part.classes], dtype=np.int64)
            moved = part.boxes.image + before
            boxes.append(replace(part.boxes, image=moved, label=label[part.boxes.label]))
        images = Images.joined([part.images for part in parts])
        return Dataset(root, tuple(classes), images, Boxes.joined(boxes))

    def of_split(self, split: str) -> Dataset:
        """Only the pictures of one split, with their boxes."""
        return self.keep_images(np.asarray(self.images.split == split, dtype=bool))

    def per_image(self) -> list[slice]:
        """For each picture the slice of its rows in `boxes`."""
        edges = np.searchsorted(self.boxes.image, np.arange(len(self.images) + 1))
        return [slice(int(a), int(b)) for a, b in pairwise(edges)]
