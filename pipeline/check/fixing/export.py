"""The pictures with open findings, for mending in another program.

``labelme``: pictures with a JSON each. ``cvat``: images/, annotations.xml ("CVAT for images 1.1",
https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/) and labels.json for the task.
``labelstudio``: images/, tasks.json and config.xml
(https://labelstud.io/guide/predictions and /guide/tasks); suggestions are its predictions.

Labels are as they were checked, with the accepted fixes made; what was found stands beside them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote
from xml.etree import ElementTree as ET

import numpy as np

from pipeline import manifest
from pipeline.check.findings import Finding, Fix
from pipeline.check.fixing.decisions import Decision
from pipeline.check.fixing.edits import Box, corners, follow, plain
from pipeline.check.fixing.output import check_apart
from pipeline.check.fixing.target import Target
from pipeline.dataset import Floats
from pipeline.errors import BoxwrightError
from pipeline.images import link_or_copy
from pipeline.progress import Track, silent

KIND = "to mend"
Program = Literal["labelme", "cvat", "labelstudio"]
_NOTE = "finding"


@dataclass
class Label:
    """A label of an exported picture: class, box, outline ((0, 2) for none) and what was found."""

    name: str
    xyxy: Floats
    outline: Floats
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
        below = "" if program == "labelme" else "images"
        for picture in track(pictures, "linking", len(pictures)):
            there = folder / below / picture.name
            there.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(picture.path, str(there), copy=True)  # other programs may rewrite them
        _WRITERS[program](folder, pictures, classes)
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
    return Label(dataset.classes[boxes.label[box]], boxes.xyxy[box], boxes.outline[box])


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


def _labelme(folder: Path, pictures: Sequence[Picture], classes: Sequence[str]) -> None:
    for picture in pictures:
        path = folder / picture.name
        record = {
            "version": "5.0.1",
            "flags": dict.fromkeys(picture.notes, False),
            "shapes": [_shape(label) for label in picture.labels],
            "imagePath": path.name,
            "imageData": None,
            "imageHeight": picture.size[1],
            "imageWidth": picture.size[0],
        }
        _write(path.with_suffix(".json"), json.dumps(record, indent=2, ensure_ascii=False))
    _write(folder / "labels.txt", "\n".join(classes))


def _shape(label: Label) -> dict[str, Any]:
    drawn = len(label.outline) > 0
    return {
        "label": label.name,
        "points": plain(label.outline if drawn else label.xyxy.reshape(2, 2)),
        "group_id": None,
        "description": "\n".join(label.notes),
        "shape_type": "polygon" if drawn else "rectangle",
        "flags": {},
    }


def _cvat(folder: Path, pictures: Sequence[Picture], classes: Sequence[str]) -> None:
    root = ET.Element("annotations")
    ET.SubElement(root, "version").text = "1.1"
    for number, picture in enumerate(pictures):
        width, height = map(str, picture.size)
        about = {"id": str(number), "name": picture.name, "width": width, "height": height}
        image = ET.SubElement(root, "image", about)
        for label in picture.labels:
            _cvat_label(image, label)
        for note in picture.notes:
            tag = ET.SubElement(image, "tag", {"label": _NOTE, "source": "auto"})
            ET.SubElement(tag, "attribute", {"name": _NOTE}).text = note
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    _write(folder / "annotations.xml", f'<?xml version="1.0" encoding="utf-8"?>\n{text}')
    told: dict[str, Any] = {"name": _NOTE, "input_type": "text", "mutable": False, "values": [""]}
    labels: list[dict[str, Any]] = [{"name": name, "attributes": [told]} for name in classes]
    labels.append({"name": _NOTE, "type": "tag", "attributes": [told]})
    _write(folder / "labels.json", json.dumps(labels, indent=1, ensure_ascii=False))


def _cvat_label(image: ET.Element, label: Label) -> None:
    at = {"label": label.name, "source": "manual", "occluded": "0"}
    if len(label.outline):
        at["points"] = ";".join(f"{x:.2f},{y:.2f}" for x, y in label.outline)
    else:
        sides = zip(("xtl", "ytl", "xbr", "ybr"), label.xyxy, strict=True)
        at |= {name: f"{value:.2f}" for name, value in sides}
    drawn = ET.SubElement(image, "polygon" if "points" in at else "box", at | {"z_order": "0"})
    if label.notes:
        ET.SubElement(drawn, "attribute", {"name": _NOTE}).text = "; ".join(label.notes)


def _labelstudio(folder: Path, pictures: Sequence[Picture], classes: Sequence[str]) -> None:
    tasks = [_task(number, picture) for number, picture in enumerate(pictures, 1)]
    _write(folder / "tasks.json", json.dumps(tasks, indent=1, ensure_ascii=False))
    view = ET.Element("View")
    ET.SubElement(view, "Text", {"name": "findings", "value": "$findings"})
    ET.SubElement(view, "Image", {"name": "image", "value": "$image", "zoom": "true"})
    for kind in ("RectangleLabels", "PolygonLabels"):
        choice = ET.SubElement(view, kind, {"name": kind.lower(), "toName": "image"})
        for name in classes:
            ET.SubElement(choice, "Label", {"value": name})
    ET.indent(view)
    _write(folder / "config.xml", ET.tostring(view, encoding="unicode"))


def _task(number: int, picture: Picture) -> dict[str, Any]:
    notes = [*picture.notes, *(note for label in picture.labels for note in label.notes)]
    fixes = [one for one in picture.open if one.fix and one.fix.xyxy]
    regions = [_region(f"{number}-{k}", one, picture) for k, one in enumerate(picture.labels)]
    return {
        "id": number,
        "data": {
            "image": f"/data/local-files/?d={quote(f'images/{picture.name}')}",
            "findings": "\n".join(notes),
        },
        "annotations": [{"result": regions}],
        "predictions": [_prediction(number, picture, fixes)] if fixes else [],
    }


def _prediction(number: int, picture: Picture, fixes: Sequence[Decision]) -> dict[str, Any]:
    labels = [_suggested(one) for one in fixes]
    regions = [_region(f"{number}-s{k}", one, picture) for k, one in enumerate(labels)]
    return {"model_version": "boxwright check", "result": regions}


def _suggested(decision: Decision) -> Label:
    fix = decision.fix
    box: Box = (fix and fix.xyxy) or (0.0, 0.0, 0.0, 0.0)
    name = (fix and fix.label) or decision.finding.label
    return Label(name, np.array(box), np.zeros((0, 2)))


def _region(name: str, label: Label, picture: Picture) -> dict[str, Any]:
    """A region of Label Studio: percent of the picture's sides."""
    width, height = picture.size
    drawn = len(label.outline) > 0
    percent = (label.outline if drawn else corners(label.xyxy)[[0, 2]]) / picture.size * 100
    kind = "polygonlabels" if drawn else "rectanglelabels"
    value: dict[str, Any] = {kind: [label.name]}
    if drawn:
        value["points"] = plain(percent)
    else:
        (x, y), (right, bottom) = percent.tolist()
        value |= {"x": x, "y": y, "width": right - x, "height": bottom - y, "rotation": 0}
    return {
        "id": name,
        "type": kind,
        "from_name": kind,
        "to_name": "image",
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "value": value,
    }


def _write(path: Path, text: str) -> None:
    manifest.write_text(path, text + "\n")


_WRITERS: dict[str, Callable[[Path, Sequence[Picture], Sequence[str]], None]] = {
    "labelme": _labelme,
    "cvat": _cvat,
    "labelstudio": _labelstudio,
}
