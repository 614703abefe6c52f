"""Label Studio: tasks.json and config.xml; regions in percent of the picture's sides.

See https://labelstud.io/guide/tasks and /guide/predictions. Labels are a task's annotation;
suggestions, and labels with a score, are its prediction, which Label Studio shows to be accepted
or mended. A crowd is a region with the word "crowd" in its ``meta``. Pictures are served from
local files: LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT is the folder itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipeline.formats.writers import xml
from pipeline.formats.writers.pictures import Label, Picture


def write(folder: Path, pictures: Iterable[Picture], classes: Sequence[str]) -> None:
    """Write tasks.json and config.xml; pictures lie in images.

    Raises:
        BoxwrightError: A class has a name that XML cannot hold.
        OSError: The disk refuses.
    """
    every = list(pictures)
    is_predicted = _is_predicted(every)
    with (folder / "tasks.json").open("w", encoding="utf-8", newline="\n") as stream:
        before = "[\n"
        for number, picture in enumerate(every, 1):
            task = _task(number, picture, is_predicted=is_predicted)
            stream.write(before + json.dumps(task, indent=1, ensure_ascii=False))
            before = ",\n"
        stream.write("\n]\n" if before != "[\n" else "[]\n")
    text = "\n".join(_config(classes))
    (folder / "config.xml").write_text(text + "\n", encoding="utf-8", newline="\n")


def _config(classes: Sequence[str]) -> list[str]:
    """The labelling interface."""
    lines = [
        "<View>",
        ' <Text name="findings" value="$findings"/>',
        ' <Image name="image" value="$image" zoom="true"/>',
    ]
    for kind in ("RectangleLabels", "PolygonLabels"):
        lines.append(f' <{kind} name="{kind.lower()}" toName="image">')
        lines += [f"  <Label{xml.attributes({'value': name})}/>" for name in classes]
        lines.append(f" </{kind}>")
    return [*lines, "</View>"]


def _is_predicted(pictures: Sequence[Picture]) -> bool:
    """Whether nobody has drawn any of the labels: then no task counts as annotated."""
    scores = [label.score for picture in pictures for label in picture.labels]
    return bool(scores) and None not in scores


def _task(number: int, picture: Picture, *, is_predicted: bool) -> dict[str, Any]:
    notes = [*picture.notes, *(note for label in picture.labels for note in label.notes)]
    sure = [label for label in picture.labels if label.score is None]
    guessed = [*(label for label in picture.labels if label.score is not None), *picture.suggested]
    result = [_region(f"{number}-{k}", one, picture) for k, one in enumerate(sure)]
    return {
        "id": number,
        "data": {
            "image": f"/data/local-files/?d={quote(f'images/{picture.full}')}",
            "findings": "\n".join(notes),
        },
        "annotations": [] if is_predicted else [{"result": result}],
        "predictions": [_prediction(number, picture, guessed)] if guessed or is_predicted else [],
    }


def _prediction(number: int, picture: Picture, labels: Sequence[Label]) -> dict[str, Any]:
    result = [_region(f"{number}-s{k}", one, picture) for k, one in enumerate(labels)]
    scores = [label.score for label in labels if label.score is not None]
    score = {"score": min(scores)} if scores else {}
    return {"model_version": "boxwright", **score, "result": result}


def _region(name: str, label: Label, picture: Picture) -> dict[str, Any]:
    width, height = picture.size
    outline = label.drawn
    kind = "polygonlabels" if outline else "rectanglelabels"
    value: dict[str, Any] = {kind: [label.name]}
    if outline:
        value["points"] = [[x / width * 100, y / height * 100] for x, y in outline]
    else:
        x1, y1, x2, y2 = label.xyxy
        value |= {"x": x1 / width * 100, "y": y1 / height * 100}
        value |= {"width": (x2 - x1) / width * 100, "height": (y2 - y1) / height * 100}
        value["rotation"] = 0
    region: dict[str, Any] = {
        "id": name,
        "type": kind,
        "from_name": kind,
        "to_name": "image",
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "value": value,
    }
    region |= {"meta": {"text": ["crowd"]}} if label.crowd else {}
    return region if label.score is None else {**region, "score": label.score}
