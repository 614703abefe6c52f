"""The device that a model runs on, by the name a user gives it."""

from __future__ import annotations

import os
from typing import Any

from pipeline.errors import BoxwrightError
from pipeline.models.ultralytics import library


def pick(device: str) -> Any:
    """The torch device for "auto", "cpu", "mps", "0" or "cuda:0".

    Raises:
        BoxwrightError: There is no such device here.
    """
    library.load()
    import torch

    name = device.strip().lower().removeprefix("cuda:")
    if name == "auto":
        best = "cuda:0" if torch.cuda.is_available() else _best_without_cuda()
        return torch.device(best)
    if name == "cpu":
        return torch.device("cpu")
    if name == "mps" and torch.backends.mps.is_available():
        return torch.device("mps")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name.isdigit() and int(name) < count:
        return torch.device(f"cuda:{int(name)}")
    raise BoxwrightError(f"device {device!r}: {_why_not(name, count)}")


def _best_without_cuda() -> str:
    import torch

    return "mps" if torch.backends.mps.is_available() else "cpu"


def _why_not(name: str, count: int) -> str:
    if "," in name:
        return "training and prediction run on one device.\n    -> name one of them."
    seen = f"0 to {count - 1}" if count > 1 else "0" if count else "none"
    return (
        f"there is no such device; torch {_torch_version()} sees these GPUs: {seen}."
        "\n    -> `auto`, `cpu`" + (" or one of these." if count else ".")
    )


def _torch_version() -> str:
    import torch

    return str(torch.__version__)


def workers_for(kind: str) -> int:
    """How many processes load pictures, where the user does not say.

    None without a GPU: there the model takes most of the time, more processes brought nothing on
    two cores, and the result would depend on their number.
    """
    return min(8, os.cpu_count() or 1) if kind == "cuda" else 0
