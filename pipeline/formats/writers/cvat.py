"""CVAT: annotations.xml, "CVAT for images 1.1", and labels.json for the task's labels.

See https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/. Two decimals, as CVAT has
them. A crowd is the attribute ``is_crowd`` (Datumaro's name for it); ``score`` and ``finding``
are attributes too. An attribute must be among those of its label in CVAT: labels.json lists them,
for the "Raw" tab of a new task.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from pipeline.formats.writers import xml
from pipeline.formats.writers.pictures import Label, Picture, number

NOTE = "finding"  # a label of whole pictures, and what is told of a box
_ATTRIBUTES: dict[str, dict[str, Any]] = {
    "is_crowd": {"input_type": "checkbox", "values": ["false"]},
    "score": {"input_type": "text", "values": [""]},
    NOTE: {"input_type": "text", "values": [""]},
}


def write(folder: Path, pictures: Iterable[Picture], classes: Sequence[str]) -> None:
    """Write annotations.xml and labels.json; pictures lie in images.

    Raises:
        BoxwrightError: A class or a picture has a name that XML cannot hold.
        OSError: The disk refuses.
    """
    every = list(pictures)
    with (folder / "annotations.xml").open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(f"{xml.HEAD}<annotations>\n <version>1.1</version>\n")
        _lines(stream, _task(len(every), classes))
        for row, picture in enumerate(every):
            _lines(stream, _image(row, picture))
        stream.write("</annotations>\n")
    listed = json.dumps(_labels(classes), indent=1, ensure_ascii=False)
    (folder / "labels.json").write_text(listed + "\n", encoding="utf-8", newline="\n")


def _lines(stream: TextIO, lines: Iterable[str]) -> None:
    stream.writelines(f" {line}\n" for line in lines)


def _labels(classes: Sequence[str]) -> list[dict[str, Any]]:
    """What a task is made with."""
    told = [{"name": name, "mutable": False, **kind} for name, kind in _ATTRIBUTES.items()]
    labels: list[dict[str, Any]] = [{"name": name, "attributes": told} for name in classes]
    return [*labels, {"name": NOTE, "type": "tag", "attributes": told[-1:]}]


def _task(pictures: int, classes: Sequence[str]) -> Iterator[str]:
    """What readers of the format (CVAT, Datumaro) want to know first."""
    yield "<meta>"
    yield " <task>"
    yield f"  <name>boxwright</name><size>{pictures}</size><mode>annotation</mode>"
    yield "  <labels>"
    for label in _labels(classes):
        yield "   <label>"
        yield f"    {xml.element('name', label['name'])}"
        yield "    <attributes>"
        for attribute in label["attributes"]:
            yield f"     <attribute>{_described(attribute)}</attribute>"
        yield "    </attributes>"
        yield "   </label>"
    yield "  </labels>"
    yield " </task>"
    yield "</meta>"


def _described(attribute: Mapping[str, Any]) -> str:
    values = {
        "name": attribute["name"],
        "mutable": "False",
        "input_type": attribute["input_type"],
        "default_value": attribute["values"][0],
        "values": attribute["values"][0],
    }
    return "".join(xml.element(tag, value) for tag, value in values.items())


def _image(row: int, picture: Picture) -> Iterator[str]:
    width, height = picture.size
    about = {"id": row, "name": picture.full, "width": width, "height": height}
    yield f"<image{xml.attributes(about)}>"
    for label in picture.labels:
        yield from _shape(label)
    for note in picture.notes:
        yield f" <tag{xml.attributes({'label': NOTE, 'source': 'auto'})}>"
        yield f"  {_attribute(NOTE, note)}"
        yield " </tag>"
    yield "</image>"


def _shape(label: Label) -> Iterator[str]:
    outline, source = label.drawn, "manual" if label.score is None else "auto"
    about = {"label": label.name, "source": source, "occluded": 0}
    tag = "polygon" if outline else "box"
    if outline:
        about["points"] = ";".join(f"{x:.2f},{y:.2f}" for x, y in outline)
    else:
        sides = zip(("xtl", "ytl", "xbr", "ybr"), label.xyxy, strict=True)
        about |= {side: f"{value:.2f}" for side, value in sides}
    yield f" <{tag}{xml.attributes({**about, 'z_order': 0})}>"
    yield from (f"  {_attribute(name, value)}" for name, value in _told(label).items())
    yield f" </{tag}>"


def _told(label: Label) -> dict[str, str]:
    told = {
        "is_crowd": "true" if label.crowd else "",
        "score": "" if label.score is None else number(label.score),
        NOTE: "; ".join(label.notes),
    }
    return {name: value for name, value in told.items() if value}


def _attribute(name: str, value: str) -> str:
    return f"<attribute{xml.attributes({'name': name})}>{xml.text(value)}</attribute>"
