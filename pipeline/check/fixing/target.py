"""From what was checked to the annotations that it was made of."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import config, formats, manifest
from pipeline.check.findings import Finding
from pipeline.convert import KIND as PREPARED
from pipeline.convert import ConvertOptions, class_map, read_options
from pipeline.dataset import Floats, Ints
from pipeline.engine import shards
from pipeline.errors import BoxwrightError
from pipeline.formats import yolo
from pipeline.formats.reading import Reading
from pipeline.progress import Track, silent
from pipeline.steps import labels, names

_NEAR = 2.0  # pixels that a label may have been moved by rounding and by the hull of its outline
_NUMBER = re.compile(r"\d+(?=\D*$)")


@dataclass(frozen=True, eq=False)
class Target:
    """What was checked, and where it came from.

    Attributes:
        checked: The folder that was checked, as read: findings are of its pictures and boxes.
        source: The annotations to mend, as written.
        steps: The source after the steps that made the checked folder; its `place` is the row of
            each box in `source`. The source itself where that was checked.
        picture: (N,) row in `steps` of each checked picture; -1 where the source has it no more.
        format: Of the source: "corners", "coco" or "yolo".
        root: Of the source.
        options: That the source was read with.
    """

    checked: Reading
    source: Reading
    steps: Reading
    picture: Ints
    format: str
    root: Path
    options: ConvertOptions

    @cached_property
    def _row_of(self) -> dict[tuple[str, str], int]:
        images = self.checked.dataset.images
        return {pair: k for k, pair in enumerate(zip(images.split, images.name, strict=True))}

    def _checked_picture(self, found: Finding) -> int:
        """Row in `checked`; a COCO file alone does not know the split that its folder gave it."""
        row = self._row_of.get((found.split, found.image), -1)
        return self._row_of.get(("", found.image), -1) if row < 0 else row

    @cached_property
    def _rows(self) -> tuple[list[slice], list[slice]]:
        return self.checked.dataset.per_image(), self.steps.dataset.per_image()

    @cached_property
    def of_file(self) -> dict[str, int]:
        """Row in the source of a picture of each file of labels."""
        return {str(file): row for row, file in enumerate(self.source.source)}

    @cached_property
    def source_row(self) -> dict[tuple[str, str], int]:
        """Row of each picture of the source by its split and name."""
        images = self.source.dataset.images
        return {pair: k for k, pair in enumerate(zip(images.split, images.name, strict=True))}

    def picture_of(self, found: Finding) -> int:
        """Row in the source of a finding's picture; -1 where there is none."""
        row = self._checked_picture(found)
        row = int(self.picture[row]) if row >= 0 else -1
        if row < 0 or self.steps is self.source:
            return row
        images = self.steps.dataset.images
        return self.source_row.get((images.split[row], images.name[row]), -1)

    def box_of(self, found: Finding) -> int:
        """Row in the source of the label that a finding is of; -1 where it is not there (now)."""
        box = self.checked_box(found)
        if box < 0 or self.steps is self.source:
            return box
        picture = int(self.checked.dataset.boxes.image[box])
        if self.picture[picture] < 0:
            return -1
        return self._source_box(box, self._rows[0][picture], int(self.picture[picture]))

    def checked_box(self, found: Finding) -> int:
        """Row in `checked`: what the place says, if that is the box; else the nearest alike."""
        picture = self._checked_picture(found)
        if picture < 0 or found.xyxy is None:
            return -1
        own, dataset = self._rows[0][picture], self.checked.dataset
        alike = np.array([dataset.classes[k] for k in dataset.boxes.label[own]]) == found.label
        apart = np.abs(dataset.boxes.xyxy[own] - np.array(found.xyxy)).max(axis=1, initial=0.0)
        fits = (apart <= _NEAR) & (alike if found.label else True)
        if not fits.any():
            return -1
        said = self.checked.place[own] == place_number(found.place)
        if not found.place:
            said = np.arange(own.start, own.stop) == found.box
        score = np.where(fits, apart - _NEAR * said, np.inf)
        return own.start + int(score.argmin())

    def _source_box(self, box: int, own: slice, picture: int) -> int:
        """Row in `source` of a box of a prepared picture.

        A prepared picture has the source's boxes in their order, so that the first of several equal
        ones is the first there, too.
        """
        checked, steps = self.checked.dataset, self.steps.dataset
        there = self._rows[1][picture]
        name = checked.classes[checked.boxes.label[box]]
        same = np.array([steps.classes[k] == name for k in steps.boxes.label[there]], dtype=bool)
        apart = _apart(steps.boxes.xyxy[there], checked.boxes.xyxy[box])
        fits = np.flatnonzero(same & (apart <= _NEAR))
        if not len(fits):
            return -1
        nearest = apart[fits] <= apart[fits].min() + 1e-3
        equal = (checked.boxes.label[own] == checked.boxes.label[box]) & (
            _apart(checked.boxes.xyxy[own], checked.boxes.xyxy[box]) <= 1e-3
        )
        before = int(equal[: box - own.start].sum())
        among = fits[nearest]
        return int(self.steps.place[there][among[min(before, len(among) - 1)]])


def _apart(xyxy: Floats, one: Floats) -> Floats:
    apart: Floats = np.abs(xyxy - one).max(axis=1, initial=0.0)
    return apart


def place_number(place: str) -> int:
    """The last number of "line 7", "shapes[3]", "[2]shapes[3]"; -1 for none."""
    found = _NUMBER.search(place)
    return int(found[0]) if found else -1


def find(
    checked: Path, moved: Path | None = None, images: Path | None = None, track: Track = silent
) -> Target:
    """Read what was checked and what it was made of.

    Args:
        checked: A config, a folder that `convert` made, or annotations themselves.
        moved: Where the source of a prepared folder is now.
        images: The pictures of annotations that are checked themselves.
        track: Shows progress.

    Raises:
        BoxwrightError: No such folder, a source that is gone, or a folder made of another one.
    """
    if config.is_config(checked):
        checked = config.load(checked).prepared
    made = manifest.read(checked) or {}
    if made.get("kind") == PREPARED:
        return _prepared(checked, made, moved, track)
    if (checked / "data.yaml").exists() and "source" in made:
        raise BoxwrightError(
            f"{checked}: is a {made['kind']} folder, made of {made['source']}."
            "\n    -> check and mend what it was made of."
        )
    options = ConvertOptions(images=images)
    with shards(track=track) as mapped:
        format_ = formats.detect(checked)
        source = formats.read(format_, checked, read_options(options), mapped)
    every = np.arange(len(source.dataset.images))
    return Target(source, source, source, every, format_, checked, options)


def _prepared(checked: Path, made: dict[str, Any], moved: Path | None, track: Track) -> Target:
    if "sources" in made:
        raise BoxwrightError(
            f"{checked}: was made of several sources.\n    -> mend each of them by itself: "
            + ", ".join(one["path"] for one in made["sources"])
        )
    root = moved or Path(made["source"])
    if not root.exists():
        raise BoxwrightError(
            f"{root}: the source of {checked} is not there.\n    -> give its folder as --source."
        )
    known = {field.name for field in fields(ConvertOptions)}
    given = {key: value for key, value in made["options"].items() if key in known}
    options = config.options(ConvertOptions, given, {})
    with shards(track=track) as mapped:
        prepared = yolo.read_source(checked, mapped=mapped)
        format_ = formats.detect(root) if options.format == "auto" else options.format
        source = formats.read(format_, root, read_options(options), mapped)
    steps = _steps(source, options, made["classes"])
    picture = _pictures(prepared, steps, flat=options.flat)
    return Target(prepared, source, steps, picture, format_, root, options)


def _steps(source: Reading, options: ConvertOptions, known: Sequence[str]) -> Reading:
    """What `convert` does with the boxes; a box's place becomes its row in the source."""
    reading = replace(source, place=np.arange(len(source.place)))
    if options.label:
        reading = labels.label_by_name(reading, options.label)
    merged = labels.merge(reading, class_map(options.classes), options.ignore, known)
    return labels.clip(merged)


def _pictures(prepared: Reading, steps: Reading, *, flat: bool) -> Ints:
    """Row of each prepared picture in the source, which its name was made from."""
    named, _ = names.tree_names(steps.dataset, flat=flat)
    there = named.images
    splits = there.split if any(there.split) else [""] * len(there)
    row_of = {pair: row for row, pair in enumerate(zip(splits, there.name, strict=True))}
    by_name = {name: row for row, name in enumerate(there.name)}
    images = prepared.dataset.images
    pairs = zip(images.split, images.name, strict=True)
    found = [row_of.get(pair, by_name.get(pair[1], -1)) for pair in pairs]
    return np.array(found, dtype=np.int64)


def inside(path: str, root: Path) -> str:
    """A path below a folder, "/" between its parts; "" for one outside."""
    full, above = Path(os.path.abspath(path)), Path(os.path.abspath(root))  # noqa: PTH100 - links
    below = os.path.relpath(full, above).replace(os.sep, "/")
    return "" if below.startswith("../") or below == ".." else below
