"""torch, torchvision and ultralytics: whether they fit each other, and what they compute on."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from typing import Any

from pipeline.doctor.check import Check, pip
from pipeline.doctor.probe import Probe, probe

_TORCH = """
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import torch
    cuda = torch.cuda.is_available()
    devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    say("torch", {
        "version": torch.__version__, "cuda": torch.version.cuda, "usable": cuda,
        "devices": devices if cuda else [], "threads": torch.get_num_threads(),
        "mps": bool(torch.backends.mps.is_available()),
        "warnings": [str(w.message) for w in caught],
    })
device = "cuda" if cuda else "cpu"
say("sum", float((torch.ones(2, device=device) * 2).sum()))
import torchvision
say("torchvision", torchvision.__version__)
box, score = torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([1.0])
say("nms", torchvision.ops.nms(box.to(device), score.to(device), 0.5).tolist())
try:
    import cv2
except Exception:
    sys.exit()  # the check of OpenCV tells it
from pipeline.models.ultralytics import library
say("ultralytics", library.load().__version__)
"""


def torch() -> list[Check]:
    """Whether torch, torchvision and ultralytics fit each other, and what they compute on."""
    seen = probe(_TORCH)
    if "torch" not in seen.said:
        return [Check("torch", "problem", f"cannot be imported: {seen.error}", torch_again(""))]
    values = seen.said["torch"]
    tag = values["version"].partition("+")[2]
    checks = [_device(values, seen)]
    if "sum" in seen.said:
        checks.append(_torchvision(seen, tag))
    if "nms" in seen.said and (seen.error or "ultralytics" in seen.said):
        checks.append(_ultralytics(seen))
    return checks


def _device(values: dict[str, Any], seen: Probe) -> Check:
    found, cards = f"torch {values['version']}", _nvidia()
    if "sum" not in seen.said:
        where = _joined(cards) if values["usable"] else "the CPU"
        said = f"{found} cannot compute on {where}: {seen.error}"
        return Check("GPU", "problem", said, torch_again(""))
    if values["usable"]:
        return Check("GPU", "ok", f"{found} on {_joined(cards or values['devices'])}")
    if values["mps"]:
        return Check("GPU", "ok", f"{found} on Apple's GPU (mps)")
    if not cards:
        return Check("GPU", "ok", f"none; {found} on {values['threads']} CPU threads")
    if values["cuda"] is None:
        said = f"{_joined(cards)} is not used: {found} is built for CPUs only"
        index = "cu128" if platform.system() == "Windows" else ""  # PyPI's is for CPUs there
        return Check("GPU", "warning", said, torch_again(index))
    why = _joined(values["warnings"]) or "no CUDA device is visible"
    said = f"{_joined(cards)} is not used by {found} (CUDA {values['cuda']}): {why}"
    return Check(
        "GPU", "warning", said, "nvidia-smi; update its driver, or unset CUDA_VISIBLE_DEVICES"
    )


def _torchvision(seen: Probe, tag: str) -> Check:
    version = str(seen.said.get("torchvision", ""))
    if "nms" not in seen.said:
        torch_version = seen.said["torch"]["version"]
        said = f"torchvision {version} does not fit torch {torch_version}: {seen.error}"
        return Check("torchvision", "problem", said, torch_again(tag))
    other = version.partition("+")[2]
    if tag and other and tag != other:
        said = f"{version} is built for {other}, torch for {tag}"
        return Check("torchvision", "warning", said, torch_again(tag))
    return Check("torchvision", "ok", version)


def _ultralytics(seen: Probe) -> Check:
    if "ultralytics" in seen.said:
        return Check("ultralytics", "ok", seen.said["ultralytics"])
    fix = f"{pip()} install --upgrade --force-reinstall --no-deps ultralytics"
    return Check("ultralytics", "problem", f"cannot be loaded: {seen.error}", fix)


def torch_again(tag: str) -> str:
    """Both together, of one build: a build tag is an index of pytorch.org's."""
    known = re.fullmatch(r"cpu|cu\d+|rocm[\d.]+", tag)
    index = f" --index-url https://download.pytorch.org/whl/{tag}" if known else ""
    return f"{pip()} install --force-reinstall torch torchvision{index}"


def _nvidia() -> list[str]:
    """The NVIDIA GPUs that the driver knows: name, memory, driver."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    ask = [tool, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    done = subprocess.run(ask, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    lines = done.stdout.splitlines() if done.returncode == 0 else []
    return [f"{line}" for line in lines if line.strip()]


def _joined(parts: list[str]) -> str:
    return "; ".join(" ".join(part.split()) for part in parts)
