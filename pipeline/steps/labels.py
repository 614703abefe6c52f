"""Steps on boxes: what their classes are called, and whether they can be boxes at all."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from pipeline import boxes as geometry
from pipeline import polygons
from pipeline.dataset import Bools, Boxes, Floats, Ints, Outlines
from pipeline.errors import DataError
from pipeline.formats.reading import Reading
from pipeline.grouping import names

_HULL = 0.5  # pixels by which a box may differ from the hull of its outline, being rounded
_SMALLEST = 1e-6  # of the picture's side: what six decimals of a YOLO line can hold
Classes = Mapping[str, Sequence[str]]


class BoxError(DataError):
    """A box that cannot be one: no area, or wholly outside its picture. `--drop-bad` drops it."""


def label_by_name(reading: Reading, pattern: str) -> Reading:
    """Take every box's label from its picture's folder or name.

    Args:
        reading: The source as read.
        pattern: "folder", or a regular expression searched in the name without its ending
            ("50000/50000_F_1"); its first group, or the whole match, is the label.

    Raises:
        BoxwrightError: No regular expression.
    """
    dataset = reading.dataset
    labels = names.parts(dataset.images.name.tolist(), pattern, "label")
    classes = sorted({label for label in labels if label})
    index = np.array([classes.index(label) if label else -1 for label in labels], dtype=np.int64)
    label = index[dataset.boxes.image]
    unknown = np.unique(dataset.boxes.image[label < 0])
    problems = [
        DataError(dataset.images.path[row], "", f"its name has no label by {pattern!r}")
        for row in unknown.tolist()
    ]
    boxes = replace(dataset.boxes, label=np.maximum(label, 0))
    named = replace(
        reading,
        dataset=replace(dataset, classes=tuple(classes), boxes=boxes),
        problems=reading.problems + problems,
    )
    return named.keep_boxes(label >= 0)


def merge(
    reading: Reading,
    classes: Classes | None,
    ignore: Sequence[str] = (),
    keep: Sequence[str] = (),
) -> Reading:
    """Give boxes their classes.

    Args:
        reading: The source as read; its classes are labels as written.
        classes: The labels that each class takes, in the order of the class ids; None: every
            label is a class: those of `keep` first, then the new ones, sorted.
        ignore: Labels to leave out on purpose.
        keep: Classes of an earlier run, so that new data never renumbers old.

    Returns:
        The boxes with a class; the others are problems, but for those of labels in `ignore`.
    """
    written = reading.dataset.classes
    if classes is None:
        new = sorted(set(written) - {"", *ignore, *keep})
        classes = {label: [label] for label in [*keep, *new]}
    names = list(classes)
    class_of = {label: names.index(name) for name in names for label in classes[name]}
    index = np.array([class_of.get(label, -1) for label in written], dtype=np.int64)
    ignored = np.array([label in ignore for label in written], dtype=bool)
    boxes = reading.dataset.boxes
    label = index[boxes.label] if len(boxes) else boxes.label
    left_out = ignored[boxes.label] if len(boxes) else np.zeros(0, dtype=bool)
    unknown = (label < 0) & ~left_out
    problems = [
        DataError(*reading.where(box), *_unknown(written[boxes.label[box]], class_of))
        for box in np.flatnonzero(unknown).tolist()
    ]
    dataset = replace(
        reading.dataset, classes=tuple(names), boxes=replace(boxes, label=np.maximum(label, 0))
    )
    merged = replace(reading, dataset=dataset, problems=reading.problems + problems)
    return merged.without(unknown).keep_boxes(~left_out[~unknown])


def _unknown(label: str, known: Mapping[str, int]) -> tuple[str, str]:
    if not label:
        return "has no label", "`label: folder`, or a pattern, takes it from the picture's name"
    near = difflib.get_close_matches(label, known, n=1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    return f"{label!r} is not in `classes`", f"{meant}add it to `classes`, or to `ignore`"


def clip(reading: Reading) -> Reading:
    """Cut boxes at the borders of their pictures; those that cannot be boxes become problems.

    An outline is cut too, and a box that was its outline's hull is the hull of what is left of it:
    of a disc with its middle outside, less than the cut box. What was cut is counted in the notes:
    boxes that lose more than half of their area on the way are counted apart, since they tell of
    coordinates at another scale.
    """
    dataset = reading.dataset
    boxes, size = dataset.boxes, dataset.images.size[dataset.boxes.image]
    seen = _seen(boxes, size)
    inside = geometry.clip(seen.xyxy, size)
    before, after = geometry.area(boxes.xyxy), geometry.area(inside)
    bad: Bools = np.asarray(((inside[:, 2:] - inside[:, :2]) / size < _SMALLEST).any(axis=1))
    problems: list[DataError] = [
        BoxError(*reading.where(box), *_not_a_box(boxes.xyxy[box], size[box]))
        for box in np.flatnonzero(bad).tolist()
    ]
    cut = ~bad & (inside != boxes.xyxy).any(axis=1)
    halved = cut & (after < before / 2)
    notes = {
        "boxes cut at the border of their picture": int(cut.sum()),
        "of them, boxes that lost over half of their area (another scale?)": int(halved.sum()),
    }
    clipped = replace(
        reading,
        dataset=replace(dataset, boxes=replace(seen, xyxy=inside)),
        problems=reading.problems + problems,
        notes=reading.notes | {what: count for what, count in notes.items() if count},
    )
    return clipped.without(bad)


def _seen(boxes: Boxes, size: Ints) -> Boxes:
    """The boxes with the part of their outlines in the picture, and the hulls of such parts."""
    hulls = polygons.hulls(boxes.outline)
    beyond = np.flatnonzero(
        (geometry.clip(hulls, size) != hulls).any(axis=1) & ~np.isnan(hulls[:, 0])
    )
    if not len(beyond):
        return boxes
    frames = np.concatenate([np.zeros_like(size), size], axis=1).astype(np.float64)
    parts = Outlines.of(
        [polygons.part_in(boxes.outline[row], frames[row]) for row in beyond.tolist()]
    )
    others = np.setdiff1d(np.arange(len(boxes)), beyond)
    whole = [(others, boxes.outline.take(others)), (beyond, parts)]
    xyxy = boxes.xyxy.copy()
    is_hull = (np.abs(xyxy[beyond] - hulls[beyond]) <= _HULL).all(axis=1) & polygons.has(parts)
    xyxy[beyond[is_hull]] = polygons.hulls(parts)[is_hull]
    return replace(boxes, xyxy=xyxy, outline=polygons.gathered(len(boxes), whole))


def _not_a_box(xyxy: Floats, size: Ints) -> tuple[str, str]:
    x1, y1, x2, y2 = xyxy
    written = f"({x1:g}, {y1:g}) to ({x2:g}, {y2:g})"
    if x1 < size[0] and y1 < size[1] and x2 > 0 and y2 > 0:
        return f"has no area: {written}", "draw it again, or --drop-bad leaves it out"
    return (
        f"lies wholly outside its picture of {size[0]}x{size[1]}: {written}",
        "correct it (`scale`, if all are so), or --drop-bad leaves it out",
    )
