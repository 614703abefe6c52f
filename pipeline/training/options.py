"""The options of `boxwright train`, and of the config's block `train`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

Count = Annotated[int, msgspec.Meta(ge=1)]
Whole = Annotated[int, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Cache = Literal["none", "ram", "small", "disk"]
Optimizer = Literal["auto", "SGD", "MuSGD", "Adam", "Adamax", "AdamW", "NAdam", "RAdam", "RMSprop"]

# Where things are and how they are fetched: no part of what a run is.
_SURROUNDINGS = ("device", "workers", "weights", "download")


@dataclass(frozen=True)
class TrainOptions:
    """How to train.

    Attributes:
        model: A name (yolov8n: pretrained weights where they are at hand, else from scratch), a
            weights file (.pt), or an architecture (.yaml: from scratch).
        epochs: Times that every picture is shown.
        imgsz: Side in pixels that pictures are resized to; a multiple of 32.
        batch: Pictures a step; -1 takes what fills 60 % of the GPU's memory.
        device: "auto" (a GPU where there is one), "cpu", "0", "mps".
        workers: Processes that load pictures; none: what suits the device.
        seed: The same seed, data and machine give the same weights on a CPU.
        patience: Stop when this many epochs brought nothing better; 0 never stops early.
        freeze: The first this many layers keep their weights.
        optimizer: "auto" chooses the optimizer and lr0 by itself.
        lr0: Learning rate at the start.
        lrf: Learning rate at the end, as a share of lr0.
        momentum: Of SGD; beta1 of the Adams.
        weight_decay: L2 penalty on the weights.
        cos_lr: Whether the learning rate falls along a cosine instead of a line.
        warmup_epochs: Epochs in which the learning rate rises from nothing.
        nbs: Nominal batch size: gradients of smaller batches are gathered up to this many pictures.
        amp: Half precision on a GPU.
        cache: Where decoded pictures are kept: "none", "ram" (true), "small" (as the model looks at
            them, on disk beside the runs), "disk" (of their full size, likewise).
        hyp: Augmentation: a preset of configs/hyp (none, light, moderate, ...) or a file like one.
        transforms: Transforms of Albumentations, besides those of `hyp`: a list, or the YAML file
            with it; in a config those of the block `augment`, unless it says otherwise.
        weights: Folder where pretrained weights lie and are downloaded to.
        download: Whether missing pretrained weights may be fetched from the network.
    """

    model: str = "yolov8n"
    epochs: Count = 100
    imgsz: Annotated[int, msgspec.Meta(ge=32, le=8192)] = 640
    batch: Annotated[int, msgspec.Meta(ge=-1, le=4096)] = 16
    device: str = "auto"
    workers: Whole | None = None
    seed: Whole = 0
    patience: Whole = 50
    freeze: Whole = 0
    optimizer: Optimizer = "auto"
    lr0: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.01
    lrf: Share = 0.01
    momentum: Share = 0.937
    weight_decay: Share = 0.0005
    cos_lr: bool = False
    warmup_epochs: Annotated[float, msgspec.Meta(ge=0)] = 3.0
    nbs: Count = 64
    amp: bool = True
    cache: Cache | bool = "none"
    hyp: str = "moderate"
    transforms: list[Any] | str | None = None
    weights: Path = Path("weights")
    download: bool = False


def arguments(options: TrainOptions, hyp: dict[str, Any]) -> dict[str, Any]:
    """What the model family is given."""
    ours = ("model", "hyp", "weights", "download")
    return {**{k: v for k, v in _plain(options).items() if k not in ours}, **hyp}


def identity(options: TrainOptions, hyp: dict[str, Any]) -> dict[str, Any]:
    """What makes a run another run: the options without the machine's affairs."""
    kept = {k: v for k, v in _plain(options).items() if k not in _SURROUNDINGS}
    return {**kept, "hyp": hyp}


def _plain(options: TrainOptions) -> dict[str, Any]:
    """The options as a mapping, in which `cache: true` is "ram" and false is "none"."""
    words = {True: "ram", False: "none"}
    cache = words[options.cache] if isinstance(options.cache, bool) else options.cache
    return {**asdict(options), "cache": cache}
