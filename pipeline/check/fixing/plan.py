"""From decisions to edits of files: what is done, what is overruled, and what cannot be done."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.boxes import iou
from pipeline.check.findings import Finding, Fix
from pipeline.check.fixing.decisions import Decision
from pipeline.check.fixing.edits import Box, Edit
from pipeline.check.fixing.target import Target, inside, place_number
from pipeline.convert import class_map
from pipeline.formats import yolo

_SAME = 0.7  # IoU from which two new labels of a class are of one object


class Planned(NamedTuple):
    """An edit, its file, and the finding that it comes from (the surest of them)."""

    file: str
    edit: Edit
    finding: Finding


class Left(NamedTuple):
    """An accepted finding that is not applied, and why."""

    finding: Finding
    why: str
    overruled: bool = False


@dataclass
class Plan:
    """What to do.

    Attributes:
        edits: In the order of the decisions.
        left: What is not done.
    """

    edits: list[Planned] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)


class _Cannot(Exception):  # noqa: N818 - it is no error of the program
    """A decision that cannot be applied; says why."""


class _Needless(_Cannot):
    """A decision that changes nothing."""


def plan(decisions: Sequence[Decision], target: Target) -> Plan:
    """What the accepted decisions mean for the source's files.

    Several decisions about one label become one edit: removing it wins; of two boxes or two classes
    the first one given does.

    Args:
        decisions: The first one wins.
        target: From `target.find`.
    """
    made = Plan()
    new: defaultdict[tuple[str, str, str | None], list[Planned]] = defaultdict(list)
    one_label: defaultdict[tuple[str, int, int], list[Planned]] = defaultdict(list)
    for decision in decisions:
        done = _tried(decision, target) if decision.applies else None
        if isinstance(done, Left):
            made.left.append(done)
        elif done is not None and done.edit.action == "add":
            _plan_new(done, new[done.file, done.edit.picture, done.edit.label], made)
        elif done is not None:
            one_label[done.file, target.box_of(done.finding), done.edit.place].append(done)
    for several in one_label.values():
        made.edits.append(_one(several, made.left))
    return made


def _tried(decision: Decision, target: Target) -> Planned | Left:
    """The edit that a decision comes to, or why there is none."""
    found, fix = decision.finding, decision.fix
    if fix is None:
        return Left(found, "nobody said how to mend it", overruled=True)
    if _of_another_file(found, target):
        return Left(found, "it is of another file", overruled=True)
    try:
        return _planned(found, fix, target)
    except _Cannot as why:
        return Left(found, str(why), overruled=isinstance(why, _Needless))


def _of_another_file(found: Finding, target: Target) -> bool:
    """Whether a finding is of another COCO file: they are mended one by one."""
    alone = target.format == "coco" and target.steps is target.source
    return alone and bool(found.file) and not _same_file(found.file, target.source.source[0])


def _plan_new(planned: Planned, others: list[Planned], made: Plan) -> None:
    """Add a label, unless `others`, of the same class in the same picture, have the object."""
    box = np.array([planned.edit.xyxy])
    if any(iou(box, np.array([other.edit.xyxy]))[0, 0] >= _SAME for other in others):
        made.left.append(Left(planned.finding, "the label is added already", overruled=True))
        return
    others.append(planned)
    made.edits.append(planned)


def _one(several: Sequence[Planned], left: list[Left]) -> Planned:
    """The edit that all decisions about one label come to."""
    edits = [one.edit for one in several]
    first = several[0]
    removing = next((one for one in several if one.edit.action == "remove"), None)
    if removing is not None:
        rest = [one for one in several if one.edit.action != "remove"]
        left += [Left(one.finding, "the label is removed", overruled=True) for one in rest]
        return removing
    xyxy = next((edit.xyxy for edit in edits if edit.xyxy is not None), None)
    label = next((edit.label for edit in edits if edit.label is not None), None)
    for one in several[1:]:
        if one.edit.xyxy not in {None, xyxy} or one.edit.label not in {None, label}:
            left.append(Left(one.finding, "a surer finding changes the label", overruled=True))
    place, edit = first.edit.place, first.edit
    together = Edit(
        "change",
        edit.picture,
        edit.size,
        edit.orientation,
        place,
        edit.old,
        edit.old_label,
        xyxy,
        label,
    )
    return Planned(first.file, together, first.finding)


def _planned(found: Finding, fix: Fix, target: Target) -> Planned:
    picture = target.picture_of(found)
    if picture < 0:
        raise _Cannot("its picture is not in the source (any more)")
    images = target.source.dataset.images
    path = images.path[picture]
    width, height = images.size[picture].tolist()
    box = -1 if fix.action == "add" else target.box_of(found)
    edit = Edit(
        action=fix.action,
        picture=images.name[picture],
        size=(width, height),
        orientation=target.source.headers[path].orientation,
        place=_place(found, fix, box, picture, target),
        old=_old(box, target),
        old_label=_old_label(box, target),
        xyxy=fix.xyxy,
        label=_label(fix, box, target),
    )
    if fix.action == "add" and (edit.xyxy is None or edit.label is None):
        raise _Cannot("a new label needs a box and a class")
    if fix.action == "change" and edit.xyxy is None and edit.label is None:
        raise _Needless("nothing is changed")
    return Planned(_file(picture, target), edit, found)


def _place(found: Finding, fix: Fix, box: int, picture: int, target: Target) -> int:
    """Where the label is in its file."""
    if fix.action == "add":
        return -1
    if box >= 0:
        return int(target.source.place[box])
    place, reading = place_number(found.place), target.source
    unread = target.steps is reading and _same_file(found.file, _file(picture, target))
    if not unread or place < 0 or _is_read(place, picture, target):
        raise _Cannot("the label is not in the source as it was checked")
    return place


def _same_file(a: str, b: str) -> bool:
    return bool(a) and Path(a).resolve() == Path(b).resolve()


def _is_read(place: int, picture: int, target: Target) -> bool:
    """Whether there is a label at that place that could be read, so that it is another one now."""
    reading = target.source
    of_file = reading.source[reading.dataset.boxes.image] == reading.source[picture]
    return bool((of_file & (reading.place == place)).any())


def _old(box: int, target: Target) -> Box | None:
    if box < 0:
        return None
    x1, y1, x2, y2 = target.source.dataset.boxes.xyxy[box].tolist()
    return x1, y1, x2, y2


def _old_label(box: int, target: Target) -> str:
    dataset = target.source.dataset
    return "" if box < 0 else dataset.classes[dataset.boxes.label[box]]


def _file(picture: int, target: Target) -> str:
    """The file that holds, or will hold, a picture's labels."""
    file = str(target.source.source[picture])
    if file:
        return file
    path = target.source.dataset.images.path[picture]
    if target.format == "yolo":
        return str(yolo.label_path(path))
    beside = str(Path(path).with_suffix(".json"))
    if target.format == "corners" and inside(beside, target.root):
        return beside
    raise _Cannot("its picture lies outside the source: there is no file for its labels")


def _label(fix: Fix, box: int, target: Target) -> str | None:
    """A class as the source writes it: of several labels that the class takes, the likely one."""
    if fix.label is None or fix.action == "remove":
        return None
    if target.options.label:
        raise _Cannot("its class comes from the picture's name: move the picture")
    taken = class_map(target.options.classes)
    if taken is None or target.steps is target.source:
        return None if box >= 0 and fix.label == _old_label(box, target) else fix.label
    if fix.label not in taken:
        raise _Cannot(f"{fix.label!r} is no class of the data")
    old = _old_label(box, target)
    old_class = next((name for name, labels in taken.items() if old in labels), "")
    labels = taken[fix.label]
    if old in labels:
        return None  # it is that class already, as the source has it
    wished = old.replace(old_class, fix.label) if old_class else fix.label
    return wished if wished in labels else labels[0]
