"""The pictures with open findings, for mending in another program (`programs` has the formats).

Labels are as they were checked, with the accepted fixes made; what was found stands beside them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import manifest
from pipeline.check.findings import Finding, Fix
from pipeline.check.fixing import programs
from pipeline.check.fixing.decisions import Decision
from pipeline.check.fixing.edits import follow
from pipeline.check.fixing.output import check_apart
from pipeline.check.fixing.programs import Label, Picture, Program
from pipeline.check.fixing.target import Target
from pipeline.errors import BoxwrightError
from pipeline.images import link_or_copy
from pipeline.progress import Track, silent

KIND = "to mend"


def export(
    target: Target,
    decisions: Sequence[Decision],
    out: Path,
    program: Program,
    *,
    force: bool = False,
    track: Track = silent,
) -> dict[str, Any]:
    """Write the pictures with open findings for another program.

    Open is what is neither rejected nor accepted with a fix.

    Args:
        target: What was checked.
        decisions: From `decisions.read`.
        out: The folder to make.
        program: What for.
        force: Replace `out`, whatever it is.
        track: Shows progress.

    Returns:
        Counts of pictures, labels and findings.

    Raises:
        BoxwrightError: Nothing is open, or `out` is not ours to replace.
    """
    check_apart(target.checked.dataset.root, out)
    pictures = list(_pictures(target, decisions))
    if not pictures:
        raise BoxwrightError("no finding of a picture is open: there is nothing to mend elsewhere.")
    classes = list(target.checked.dataset.classes)
    with manifest.new_folder(out, KIND, force=force) as folder:
        for picture in track(pictures, "linking", len(pictures)):
            there = folder / programs.place(program, picture)
            there.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(picture.path, str(there), copy=True)  # other programs may rewrite them
        programs.write(program, folder, pictures, classes)
        made = {
            "source": str(target.checked.dataset.root),
            "program": program,
            "pictures": len(pictures),
            "labels": sum(len(picture.labels) for picture in pictures),
            "findings": sum(len(picture.open) for picture in pictures),
        }
        manifest.write(folder, KIND, made)
    return made


def is_open(decision: Decision) -> bool:
    """Whether a finding still waits for somebody to mend it."""
    return decision.word in {"skip", "open"} or (decision.word == "accept" and not decision.fix)


def _pictures(target: Target, decisions: Sequence[Decision]) -> Iterator[Picture]:
    of_picture: defaultdict[tuple[str, str], list[Decision]] = defaultdict(list)
    for decision in decisions:
        of_picture[decision.finding.split, decision.finding.image].append(decision)
    images = target.checked.dataset.images
    own = target.checked.dataset.per_image()
    pairs = zip(images.split, images.name, strict=True)
    for row, (split, name) in enumerate(pairs):
        here = of_picture.get((split, name), [])
        waiting = [decision for decision in here if is_open(decision)]
        if not waiting:
            continue
        labels = {box: _label(target, box) for box in range(own[row].start, own[row].stop)}
        notes = _note(labels, waiting, target)
        for decision in here:
            if decision.applies:
                _mend(labels, decision, target)
        width, height = images.size[row].tolist()
        full = f"{split}/{name}" if split else name
        yield Picture(full, images.path[row], (width, height), [*labels.values()], notes, waiting)


def _label(target: Target, box: int) -> Label:
    dataset = target.checked.dataset
    boxes = dataset.boxes
    name, crowd = dataset.classes[boxes.label[box]], bool(boxes.crowd[box])
    return Label(name, boxes.xyxy[box], boxes.outline[box], crowd)


def _note(labels: dict[int, Label], waiting: Sequence[Decision], target: Target) -> list[str]:
    """Write findings to the labels that they are of; give those that are of none."""
    others: list[str] = []
    for decision in waiting:
        box = target.checked_box(decision.finding)
        notes = labels[box].notes if box in labels else others
        notes.append(words(decision.finding))
    return others


def words(found: Finding) -> str:
    """A finding in a line."""
    sure = "" if found.sureness is None else f" ({found.sureness:.0%} sure)"
    fix = found.fix
    return f"{found.kind}{sure}: {found.message}" + (f"; suggested: {_told(fix)}" if fix else "")


def _told(fix: Fix) -> str:
    at = "at " + ", ".join(f"{value:.0f}" for value in fix.xyxy) if fix.xyxy else ""
    return " ".join(part for part in (fix.action, fix.label, at) if part)


def _mend(labels: dict[int, Label], decision: Decision, target: Target) -> None:
    """Make an accepted fix."""
    fix, box = decision.fix, target.checked_box(decision.finding)
    if fix is None:
        return
    if fix.action == "add" and fix.xyxy is not None and fix.label is not None:
        key = max([-1, *labels]) + 1
        labels[key] = Label(fix.label, np.array(fix.xyxy), np.zeros((0, 2)))
    elif fix.action == "remove":
        labels.pop(box, None)
    elif box in labels:
        old, new = labels[box], labels[box].xyxy if fix.xyxy is None else np.array(fix.xyxy)
        moved = follow(old.outline, old.xyxy, new)
        outline = old.outline[:0] if moved is None else moved
        labels[box] = replace(old, name=fix.label or old.name, xyxy=new, outline=outline)
