"""The ultralytics family: YOLOv3 to YOLO26, RT-DETR, and what the installed version has more.

Only the files of this package import ultralytics and torch, and only inside functions that need
them. Ultralytics is AGPL-3.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.dataset import Dataset
from pipeline.models import Detector, Watch
from pipeline.models.ultralytics.zoo import Source, find

__all__ = ["Source", "describe", "epochs_done", "find", "finish", "load", "train", "versions"]


def load(weights: Path, *, imgsz: int | None = None, device: str = "auto") -> Detector:
    """Open a weights file; see `pipeline.models.load`."""
    from pipeline.models.ultralytics.detector import UltralyticsDetector

    return UltralyticsDetector(weights, imgsz=imgsz, device=device)


def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    from pipeline.models.ultralytics import library

    return library.versions()


def describe(device: str) -> str:
    """A device in words: "cpu (2 threads)", "cuda:0 (NVIDIA H200)".

    Raises:
        BoxwrightError: There is no such device here.
    """
    from pipeline.models.ultralytics.devices import pick

    picked = pick(device)
    import torch

    if picked.type == "cuda":
        return f"{picked} ({torch.cuda.get_device_name(picked)})"
    return f"{picked} ({torch.get_num_threads()} threads)" if picked.type == "cpu" else str(picked)


def epochs_done(checkpoint: Path) -> int | None:
    """How many epochs a checkpoint has behind it; None when its training had finished."""
    from pipeline.models.ultralytics import weights

    return weights.epochs_done(checkpoint)


def finish(out: Path) -> None:
    """Tidy up after a training whose last epoch is done: slim checkpoints, no file of its paths."""
    from pipeline.models.ultralytics import weights

    for name in ("best", "last"):
        weights.slim(out / "weights" / f"{name}.pt")
    (out / "args.yaml").unlink(missing_ok=True)


def train(
    source: Source,
    data: Dataset,
    arguments: Mapping[str, Any],
    out: Path,
    *,
    watch: Watch,
    resume: bool = False,
) -> None:
    """Train a detector into ``out/weights`` (best.pt, last.pt), ``results.csv`` and ``train.log``.

    Args:
        source: The model to start from, see `find`.
        data: Pictures and labels; the splits train and val are used.
        arguments: device, workers (None for what suits it), quarter_turns (share of pictures that
            are turned), transforms (as `augment.transforms.load` gives them), and ultralytics' own
            by their names: epochs, imgsz, batch, seed, optimizer, degrees, mosaic and so on.
        out: The run's folder, which exists.
        watch: Told after every batch and epoch.
        resume: Go on from ``out/weights/last.pt``.

    Raises:
        BoxwrightError: What went wrong and what to do; the whole story is in train.log.
    """
    from pipeline.models.ultralytics import failures, library
    from pipeline.models.ultralytics.devices import pick, workers_for

    device = pick(arguments["device"])
    settings = {
        **arguments,
        **_FIXED,
        "model": f"{source.name}.yaml",
        "save_dir": str(out),
        "device": "cpu" if device.type == "cpu" else str(device).removeprefix("cuda:"),
        "resume": str(out / "weights" / "last.pt") if resume else False,
    }
    wanted, turns = settings.pop("workers"), settings.pop("quarter_turns")
    transforms = settings.pop("transforms", None) or []
    workers = workers_for(device.type) if wanted is None else wanted
    with failures.explained(out / "train.log", arguments), library.session(out / "train.log"):
        from pipeline.models.ultralytics import trainer

        job = trainer.Job(source, data, turns, transforms, library.threads(), workers, watch)
        trainer.run(job, settings)
        finish(out)


_FIXED: dict[str, Any] = {
    "task": "detect",
    "mode": "train",
    "data": "data.yaml",  # a name only: the pictures and labels are given
    "pretrained": False,  # likewise the weights
    "plots": True,
    "deterministic": True,
}
