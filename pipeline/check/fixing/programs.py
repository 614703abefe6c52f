"""The files of other programs, for mending labels there.

``labelme``: pictures with a JSON each. ``cvat``: images/, annotations.xml ("CVAT for images 1.1",
https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/) and labels.json for the task.
``labelstudio``: images/, tasks.json and config.xml
(https://labelstud.io/guide/predictions and /guide/tasks); suggestions are its predictions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote
from xml.etree import ElementTree as ET

import numpy as np

from pipeline import manifest
from pipeline.check.fixing.decisions import Decision
from pipeline.check.fixing.edits import Box, corners, plain
from pipeline.dataset import Floats

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
    _cvat_task(root, len(pictures), classes)
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


def _cvat_task(root: ET.Element, pictures: int, classes: Sequence[str]) -> None:
    """What readers of the format (CVAT, Datumaro) want to know first."""
    task = ET.SubElement(ET.SubElement(root, "meta"), "task")
    ET.SubElement(task, "name").text = "boxwright"
    ET.SubElement(task, "size").text = str(pictures)
    ET.SubElement(task, "mode").text = "annotation"
    labels = ET.SubElement(task, "labels")
    for name in (*classes, _NOTE):
        label = ET.SubElement(labels, "label")
        ET.SubElement(label, "name").text = name
        attribute = ET.SubElement(ET.SubElement(label, "attributes"), "attribute")
        values = {"name": _NOTE, "mutable": "False", "input_type": "text", "default_value": ""}
        for key, value in values.items():
            ET.SubElement(attribute, key).text = value


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


WRITERS: dict[str, Callable[[Path, Sequence[Picture], Sequence[str]], None]] = {
    "labelme": _labelme,
    "cvat": _cvat,
    "labelstudio": _labelstudio,
}
