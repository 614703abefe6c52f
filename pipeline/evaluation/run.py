"""The run of `boxwright evaluate`: a model and one split of a prepared folder -> findings."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from pipeline import manifest
from pipeline.dataset import Dataset, Ints
from pipeline.errors import BoxwrightError
from pipeline.evaluation import coco, coco_file, written
from pipeline.evaluation.findings import assess
from pipeline.formats import yolo
from pipeline.progress import Track, silent
from pipeline.report.facts import facts
from pipeline.report.page import write_report
from pipeline.report.training import draw_training

log = logging.getLogger(__name__)

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=1)]


@dataclass(frozen=True)
class EvaluateOptions:
    """How to evaluate.

    Attributes:
        split: What to measure on.
        conf: The least confidence; low, because AP looks at the whole range.
        iou: Of two predictions of a class that overlap more, only the surer one stays.
        max_det: At most this many predictions a picture.
        imgsz: Side in pixels that pictures are resized to; None: what the model was trained at.
        batch: Pictures at a time.
        device: "auto", "cpu", "0", "mps".
        samples: How many pictures to draw for the report.
    """

    split: Literal["val", "test", "train", "train_dev"] = "val"
    conf: Share = 0.001
    iou: Share = 0.7
    max_det: Count = 300
    imgsz: Annotated[int, msgspec.Meta(ge=32)] | None = None
    batch: Count = 16
    device: str = "auto"
    samples: Annotated[int, msgspec.Meta(ge=0)] = 12


def evaluate(
    weights: Path,
    prepared: Path,
    options: EvaluateOptions,
    out: Path,
    *,
    track: Track = silent,
    run: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Measure a model on one split of a prepared folder.

    Args:
        weights: The model's file.
        prepared: What `boxwright convert` made.
        options: How to evaluate.
        out: An existing folder; metrics.json, predictions.json (COCO results), confusion.csv,
            mistakes.csv, plots, samples/ and report.html are written into it.
        track: Shows progress.
        run: How the model was trained, for the report; None: the manifest of the weights' run.

    Returns:
        The numbers of metrics.json.

    Raises:
        BoxwrightError: No such split, no box in it, no weights file, or other classes.
    """
    dataset = yolo.read(prepared, track)
    truth = _of_split(dataset, options.split)
    known = coco_file.read(dataset.root / "annotations" / f"{options.split}.json", truth)
    truth = coco_file.mark_crowds(truth, known)
    coco.check(truth)
    predictions = predict(weights, truth, options, track)
    findings = assess(truth, predictions, out, pictures=options.samples, track=track)
    written.write_results(out / "predictions.json", predictions, known)
    draw_training((out, run_folder(weights) or out), out / "training.png")
    made = _made(weights, prepared, options, run)
    if weights.is_relative_to(out):  # a run that is being built, in a folder of another name
        made["weights"] = weights.relative_to(out).as_posix()
    write_report(out, facts(out, findings, dataset, made))
    return findings.metrics


def predict(weights: Path, truth: Dataset, options: EvaluateOptions, track: Track) -> Dataset:
    """What the model says of the pictures, as it will be written, in the classes of the data.

    Raises:
        BoxwrightError: No weights file, or other classes than those of the data.
    """
    from pipeline import models

    detector = models.load(weights, imgsz=options.imgsz, device=options.device)
    labels = match_classes(detector.classes, truth.classes, weights, truth.root)
    found = models.predict(
        detector,
        truth,
        conf=options.conf,
        iou=options.iou,
        max_det=options.max_det,
        batch=options.batch,
        track=track,
    )
    boxes = replace(found.boxes, label=labels[found.boxes.label])
    return replace(truth, boxes=written.rounded(boxes))


def run_folder(weights: Path) -> Path | None:
    """The run folder that a weights file belongs to (`run`/weights/best.pt); None without one."""
    return weights.parent.parent if weights.absolute().parent.name == "weights" else None


def match_classes(model: Sequence[str], data: Sequence[str], weights: Path, prepared: Path) -> Ints:
    """For each class of the model its index in the data.

    Raises:
        BoxwrightError: They are not the same classes.
    """
    if sorted(model) != sorted(data):
        raise BoxwrightError(
            "the model and the data do not have the same classes, so they cannot be compared:"
            f"\n    {weights}: {_listed(model)}"
            f"\n    {prepared}: {_listed(data)}"
            "\n    -> evaluate on data that was converted with the classes of the model."
        )
    if tuple(model) != tuple(data):
        log.info("The classes of model and data are in different orders; matched by name.")
    return np.array([list(data).index(name) for name in model], dtype=np.int64)


def _listed(classes: Sequence[str]) -> str:
    return f"{len(classes)} classes: " + ", ".join(classes)


def _of_split(dataset: Dataset, split: str) -> Dataset:
    there = list(dict.fromkeys(dataset.images.split.tolist()))
    if split not in there:
        raise BoxwrightError(
            f"{dataset.root}: has no picture in the split {split!r}; it has {', '.join(there)}."
            f"\n    -> --split {there[0]}, or run `boxwright convert` with a {split} split."
        )
    return dataset.of_split(split)


def _made(
    weights: Path, prepared: Path, options: EvaluateOptions, run: Mapping[str, Any] | None
) -> dict[str, Any]:
    """How the findings came about, for the report."""
    folder = run_folder(weights)
    if run is None and folder is not None:
        run = manifest.read(folder)
    return {
        "run": (run or {}).get("name") or (folder.name if folder else weights.stem),
        "weights": str(weights),
        "data": str(prepared),
        "evaluation": asdict(options),
        "training": dict(run or {}),
        "prepared": manifest.read(prepared) or {},
    }
