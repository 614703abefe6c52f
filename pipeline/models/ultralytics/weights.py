"""Weights files: opened without running what is in them, built, and slimmed when a run ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.errors import BoxwrightError
from pipeline.models.ultralytics import library

HEADS = frozenset({"Detect", "v10Detect", "RTDETRDecoder"})  # of models that give boxes
# What a checkpoint's arguments say about the machine it was made on, and not about the model.
_PLACES = ("data", "model", "save_dir", "project", "name", "resume", "pretrained", "device")


def read(path: Path) -> Any:
    """Open a weights file: the detection model in it, float32 on the CPU, ready to look.

    Raises:
        BoxwrightError: No such file, no weights, or weights of another task.
    """
    library.load()
    from ultralytics.nn.tasks import DetectionModel, load_checkpoint

    if not path.is_file():
        raise BoxwrightError(f"{path}: there is no such weights file.\n    -> check the path.")
    try:
        model, _ = load_checkpoint(str(path.absolute()))
    except Exception as error:  # unpicklers fail in every way there is
        raise BoxwrightError(
            f"{path}: is no weights file that can be opened: {_first_line(error)}"
            "\n    -> it should be a .pt file that `boxwright train` or ultralytics wrote."
        ) from error
    head = type(model.model[-1]).__name__ if isinstance(model, DetectionModel) else ""
    if head not in HEADS:
        raise BoxwrightError(f"{path}: holds a {type(model).__name__}, which is no detector.")
    return model


def build(architecture: dict[str, Any], file: Path) -> None:
    """Build a model once, to see that its architecture can be built.

    Raises:
        BoxwrightError: It cannot.
    """
    library.load()
    from ultralytics.nn.tasks import DetectionModel, RTDETRDetectionModel

    transformer = "RTDETRDecoder" in str(architecture["head"][-1])
    kind = RTDETRDetectionModel if transformer else DetectionModel
    try:
        kind(dict(architecture), verbose=False)
    except Exception as error:  # as many kinds as there are mistakes in an architecture
        raise BoxwrightError(
            f"{file}: ultralytics cannot build this architecture: {_first_line(error)}"
        ) from error


def epochs_done(path: Path) -> int | None:
    """How many epochs a checkpoint has behind it; None when its training had finished."""
    library.load()
    from ultralytics.nn.tasks import torch_safe_load

    checkpoint, _ = torch_safe_load(str(path.absolute()))
    done = int(checkpoint.get("epoch", -1)) + 1
    finished = done == 0 or done >= int(checkpoint["train_args"]["epochs"])
    return None if finished else done


def slim(path: Path) -> None:
    """Turn a checkpoint into plain weights: half precision, no optimizer, no paths, no dates.

    The same training gives the same bytes. Done when it was done before.
    """
    library.load()
    import torch
    from ultralytics.nn.tasks import torch_safe_load

    checkpoint, _ = torch_safe_load(str(path.absolute()))
    model = checkpoint.get("ema") or checkpoint["model"]
    arguments = {k: v for k, v in checkpoint["train_args"].items() if k not in _PLACES}
    model.args, model.pt_path, model.criterion = arguments, path.name, None
    model.half().requires_grad_(requires_grad=False)
    kept = {key: checkpoint.get(key) for key in ("train_metrics", "version", "license", "docs")}
    beside = path.with_name(f".{path.name}.part")
    torch.save({"epoch": -1, "model": model, "train_args": arguments, **kept}, beside)
    beside.replace(path)


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
