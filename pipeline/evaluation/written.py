"""The files of an evaluation that other programs read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from pipeline import boxes as geometry
from pipeline import manifest
from pipeline.dataset import Boxes, Dataset, Images, Ints
from pipeline.evaluation.coco_file import Annotations
from pipeline.evaluation.confusion import Mistakes

BACKGROUND = "(background)"


def write_json(path: Path, values: Any) -> None:
    """Write plain data for people and programs."""
    manifest.write_text(path, json.dumps(values, indent=2, ensure_ascii=False) + "\n")


def rounded(boxes: Boxes) -> Boxes:
    """The boxes as `write_results` writes them, so that what is measured is what is in the file."""
    return replace(boxes, xyxy=np.round(boxes.xyxy, 2), score=np.round(boxes.score, 5))


def write_results(path: Path, predictions: Dataset, annotations: Annotations) -> None:
    """Write predictions of one split in COCO's results format, with the ids of its annotations."""
    boxes = predictions.boxes
    columns = zip(
        annotations.images[boxes.image].tolist(),
        annotations.categories[boxes.label].tolist(),
        np.round(geometry.xyxy_to_xywh(boxes.xyxy), 2).tolist(),
        boxes.score.tolist(),
        strict=True,
    )
    keys = ("image_id", "category_id", "bbox", "score")
    rows = [dict(zip(keys, row, strict=True)) for row in columns]
    manifest.write_text(path, msgspec.json.encode(rows).decode("ascii") + "\n")


def write_confusion(path: Path, counts: Ints, classes: Sequence[str]) -> None:
    """Write the confusion matrix: a row for what is there, a column for what the model said."""
    names = [*classes, BACKGROUND]
    rows = [[name, *row] for name, row in zip(names, counts.tolist(), strict=True)]
    manifest.write_csv(path, ["there \\ said", *names], rows)


def write_mistakes(path: Path, mistakes: Mistakes, images: Images) -> None:
    """Write every picture with a mistake, worst first."""
    order = np.argsort(-mistakes.weight, kind="stable")
    order = order[mistakes.weight[order] > 0]
    columns = (images.name, mistakes.missed, mistakes.false, mistakes.confused)
    weight = np.round(mistakes.weight[order], 3).tolist()
    rows = zip(*(column[order].tolist() for column in columns), weight, strict=True)
    manifest.write_csv(path, ["picture", "missed", "false", "wrong class", "weight"], rows)
