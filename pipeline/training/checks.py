"""Everything that a training needs, checked before it starts; all that is wrong at once."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline import manifest
from pipeline.errors import BoxwrightError
from pipeline.progress import Track, silent
from pipeline.training import presets
from pipeline.training.options import TrainOptions, arguments, identity

if TYPE_CHECKING:
    from pipeline.dataset import Dataset
    from pipeline.models.ultralytics import Source

T = TypeVar("T")
STRIDE = 32  # the models halve a picture five times

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """A training that can start.

    Attributes:
        data: The prepared data set; each picture as many times as its list names it.
        source: The model to start from.
        device: In words.
        arguments: What the model family is given.
        identity: All that the result depends on; runs with the same are the same run.
    """

    data: Dataset
    source: Source
    device: str
    arguments: dict[str, Any]
    identity: dict[str, Any]

    @property
    def fingerprint(self) -> str:
        """A hash of `identity`."""
        text = json.dumps(self.identity, sort_keys=True, ensure_ascii=False, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def plan(prepared: Path, options: TrainOptions, runs: Path, track: Track = silent) -> Plan:
    """Check everything and gather what the training needs.

    Args:
        prepared: What `boxwright convert` made.
        options: How to train.
        runs: The folder that the run's folder will be in.
        track: Shows progress.

    Raises:
        BoxwrightError: Everything that is wrong.
    """
    from pipeline.augment import transforms
    from pipeline.formats import yolo
    from pipeline.models import ultralytics as family

    problems: list[str] = []
    shelf = presets.configs() / "models"
    data = _try(
        problems, lambda: _whole(yolo.as_listed(yolo.read(prepared, track), prepared), prepared)
    )
    hyp = _try(problems, lambda: presets.load(options.hyp))
    entries = _try(problems, lambda: transforms.load(options.transforms, options.imgsz))
    source = _try(
        problems,
        lambda: family.find(options.model, options.weights, download=options.download, shelf=shelf),
    )
    device = _try(problems, lambda: family.describe(options.device))
    _try(problems, lambda: _writable(runs))
    problems += _sizes(options)
    if source is not None:
        problems += _frozen(options, source)
    if data is None or hyp is None or source is None or device is None or problems:
        raise BoxwrightError(_told(problems))
    if options.optimizer == "auto" and options.lr0 != TrainOptions.lr0:
        log.warning("lr0 has no effect: the optimizer `auto` chooses its own; name one, like SGD.")
    options = replace(options, transforms=entries)
    for sentence in _doubts(options, hyp, data):
        log.warning("%s", sentence)
    of_data = {"classes": list(data.classes), "content": content(prepared, data)}
    made_of = {
        "options": identity(options, hyp),
        "data": of_data,
        "model": {"name": source.name, "start": source.start, "hash": source.fingerprint()},
        "versions": family.versions() | transforms.versions(entries or ()),
    }
    return Plan(data, source, device, _arguments(options, hyp, device), made_of)


def _try(problems: list[str], step: Callable[[], T]) -> T | None:
    try:
        return step()
    except BoxwrightError as error:
        problems.append(str(error))
        return None


def _told(problems: list[str]) -> str:
    if len(problems) == 1:
        return problems[0]
    listed = "\n".join("  " + problem.replace("\n", "\n  ") for problem in problems)
    return f"{len(problems)} problems; nothing was started:\n{listed}"


def _whole(data: Dataset, prepared: Path) -> Dataset:
    """Both splits are there and have labels."""
    for split in ("train", "val"):
        part = data.of_split(split)
        if not len(part.boxes):
            missing = "no box" if len(part.images) else "no picture"
            raise BoxwrightError(
                f"{prepared}: has {missing} in the split {split!r}."
                "\n    -> run `boxwright convert` with a --val share between 0 and 1."
            )
    return data


def _sizes(options: TrainOptions) -> list[str]:
    problems = []
    if options.imgsz % STRIDE:
        low = options.imgsz // STRIDE * STRIDE
        near = f"{low} or {low + STRIDE}" if low else f"{STRIDE}"
        problems.append(f"imgsz {options.imgsz}: is no multiple of {STRIDE}; take {near}.")
    if options.batch == 0:
        problems.append("batch 0: must be at least 1, or -1 to fill the GPU's memory.")
    return problems


def _frozen(options: TrainOptions, source: Source) -> list[str]:
    layers = len(source.architecture["backbone"]) + len(source.architecture["head"])
    if options.freeze < layers:
        return []
    return [f"freeze {options.freeze}: the model has {layers} layers; nothing would be trained."]


def _writable(runs: Path) -> None:
    """Raise unless files can be made in `runs`, which is made where it is missing."""
    try:
        runs.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=runs) as file:
            file.write(b"\0" * 4096)
    except OSError as error:
        raise manifest.cannot_write(runs, error) from error


def _doubts(options: TrainOptions, hyp: dict[str, Any], data: Dataset) -> list[str]:
    """What the preset will do to these classes and labels that nobody may want."""
    from pipeline.augment import mirror

    outlined = bool(len(data.boxes.outline.points))
    return [
        *mirror.warnings(data.classes, hyp),
        *presets.doubts(hyp, options.imgsz, outlined=outlined),
    ]


def content(prepared: Path, data: Dataset) -> str:
    """A hash of pictures and labels: what convert says of the files, and the labels as they are."""
    images, boxes = data.images, data.boxes
    told = hashlib.sha256(str((manifest.read(prepared) or {}).get("content", "")).encode())
    told.update("\0".join([*images.split, *images.name]).encode())
    for column in (images.size, boxes.image, boxes.label, boxes.xyxy, boxes.outline.points):
        told.update(column.tobytes())
    return told.hexdigest()


def _arguments(options: TrainOptions, hyp: dict[str, Any], device: str) -> dict[str, Any]:
    given = arguments(options, hyp)
    if hyp["mosaic"] and hyp["close_mosaic"] >= options.epochs:
        log.info("mosaic is off: it ends %s epochs before the last.", hyp["close_mosaic"])
    if options.batch == -1 and not device.startswith("cuda"):
        log.info("batch -1 fills a GPU's memory; without one it is 16.")
        given["batch"] = 16
    return given
