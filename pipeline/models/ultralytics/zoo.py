"""Which models there are, and where one's architecture or pretrained weights come from.

A model is asked for as a name (`yolov8n`: pretrained weights where they are at hand, else from
scratch), as a weights file (`best.pt`) or as an architecture (`yolov8n.yaml`: from scratch). The
names are read from the architectures in the installed ultralytics, so that a newer one brings its
models along.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.config import read_yaml
from pipeline.errors import BoxwrightError
from pipeline.models.ultralytics import library, weights

OURS = "configs/models"
_NO_SIZE = re.compile(r"(yolov?\d+)(-.*)?")


@dataclass(frozen=True)
class Source:
    """What a training starts from.

    Attributes:
        name: As asked for, without folder or suffix.
        architecture: The model as ultralytics' YAML describes it.
        weights: The pretrained weights file; None from scratch.
        model: The pretrained model; None from scratch.
        note: What the user should know about the choice.
    """

    name: str
    architecture: dict[str, Any]
    weights: Path | None = None
    model: Any = None
    note: str = ""

    @property
    def transformer(self) -> bool:
        """Whether it is an RT-DETR, which ultralytics trains in another way."""
        return _head(self.architecture) == "RTDETRDecoder"

    @property
    def start(self) -> str:
        """What the training starts from, in words: "scratch" or the weights' file name."""
        return self.weights.name if self.weights else "scratch"

    def fingerprint(self) -> str:
        """A hash of all that the training starts from."""
        content = repr(sorted(self.architecture.items(), key=lambda item: item[0])).encode()
        content += self.weights.read_bytes() if self.weights else b""
        return hashlib.sha256(content).hexdigest()


def find(model: str, folder: Path, *, download: bool = False, shelf: Path | None = None) -> Source:
    """Find a model by name, weights file or architecture file.

    Args:
        model: "yolov8n", "yolov8n.yaml", "runs/mine/weights/best.pt", "configs/models/small.yaml".
        folder: Where pretrained weights lie, beside the current folder, and are downloaded to.
        download: Whether missing weights may be fetched from the network.
        shelf: A folder with architectures of our own.

    Raises:
        BoxwrightError: No such model, no weights file, no architecture for detection.
    """
    if model.endswith(".pt"):
        return _from_weights(Path(model), folder, download=download)
    if model.endswith((".yaml", ".yml")):
        return Source(Path(model).stem, _architecture(model, shelf), note="from scratch")
    architecture = _architecture(f"{model}.yaml", shelf)
    name = weights_name(model)
    found = _at_hand(name, folder)
    if found is None and download and name in _downloadable():
        found = _download(name, folder)
    if found is not None:
        return _pretrained(found)
    advice = "--download fetches it" if name in _downloadable() else f"put it into {folder}/"
    note = f"{name} is not here: training from scratch. To start from pretrained weights: {advice}."
    return Source(model, architecture, note=note)


def weights_name(model: str) -> str:
    """The file that a model's pretrained weights are published as: yolov5n is yolov5nu.pt."""
    short = re.sub(r"^(yolov5[nsmlx])-p6$", r"\g<1>6", model)
    old = re.fullmatch(r"(yolov5[nsmlx]6?|yolov3(-spp|-tiny)?)", short)
    return f"{short}u.pt" if old else f"{model}.pt"


@functools.cache
def names() -> dict[str, tuple[Path, str]]:
    """Every detection model of the installed ultralytics: its architecture's file and its size."""
    spec = importlib.util.find_spec("ultralytics")
    root = Path(spec.origin).parent if spec and spec.origin else Path()
    found: dict[str, tuple[Path, str]] = {}
    for file in sorted((root / "cfg" / "models").rglob("*.yaml")):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        if _head(content) not in weights.HEADS:
            continue
        match = _NO_SIZE.fullmatch(file.stem)
        sizes = content.get("scales") if match else None
        for size in sizes or [""]:
            stem = f"{match[1]}{size}{match[2] or ''}" if match else file.stem
            found[stem] = found[weights_name(stem).removesuffix(".pt")] = (file, size)
    return found


def _from_weights(path: Path, folder: Path, *, download: bool) -> Source:
    found = _at_hand(str(path), folder)
    published = len(path.parts) == 1 and path.name in _downloadable()
    if found is None and published and download:
        found = _download(path.name, folder)
    if found is None:
        scratch = f", or `{path.stem}.yaml` trains from scratch" if path.stem in names() else ""
        advice = f"--download fetches it{scratch}" if published else f"check the path{scratch}"
        raise BoxwrightError(f"{path}: there is no such weights file.\n    -> {advice}.")
    return _pretrained(found)


def _pretrained(path: Path) -> Source:
    model = weights.read(path)
    note = f"starting from the weights in {path}"
    return Source(path.stem, dict(model.yaml), path, model, note)


def _at_hand(name: str, folder: Path) -> Path | None:
    return next((p.absolute() for p in (Path(name), folder / name) if p.is_file()), None)


def _architecture(name: str, shelf: Path | None) -> dict[str, Any]:
    """An architecture from a file, from our shelf, or by name from ultralytics' own."""
    places = [Path(name), *([shelf / name] if shelf else [])]
    file = next((p for p in places if p.is_file()), None)
    if file is not None:
        return _checked({**read_yaml(file), "yaml_file": file.name}, file)
    known = names().get(Path(name).stem)
    if known is None or Path(name).name != name:
        raise _unknown(name, shelf)
    return {**read_yaml(known[0]), "yaml_file": name, "scale": known[1]}


def _checked(architecture: dict[str, Any], file: Path) -> dict[str, Any]:
    if _head(architecture) not in weights.HEADS:
        raise BoxwrightError(
            f"{file}: is no detection architecture: its `head` does not end in one of "
            f"{', '.join(sorted(weights.HEADS))}."
        )
    weights.build(architecture, file)
    return architecture


def _head(architecture: Any) -> str:
    """The name of the last module: what the model gives out."""
    try:
        return str(architecture["head"][-1][2])
    except (TypeError, KeyError, IndexError):
        return ""


def _unknown(name: str, shelf: Path | None) -> BoxwrightError:
    ours = [p.stem for p in sorted(shelf.glob("*.yaml"))] if shelf else []
    stem = Path(name).stem
    known = sorted([*names(), *ours])
    near = difflib.get_close_matches(stem, known, n=4)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}."
    return BoxwrightError(f"model {stem!r}: there is no such model; {hint}")


def _downloadable() -> frozenset[str]:
    library.load()
    from ultralytics.utils.downloads import GITHUB_ASSETS_NAMES

    published: frozenset[str] = GITHUB_ASSETS_NAMES
    return published


def _download(name: str, folder: Path) -> Path:
    """Fetch published weights; the one place of boxwright that goes to the network."""
    library.load()
    from ultralytics.utils.downloads import safe_download

    url = f"https://github.com/ultralytics/assets/releases/download/v8.4.0/{name}"
    library.log.info("downloading %s to %s", url, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        safe_download(url, file=name, dir=folder, unzip=False, min_bytes=1e5, progress=False)
    except Exception as error:  # requests, urllib, curl and the disk each have their own
        raise BoxwrightError(
            f"{name}: could not be downloaded: {' '.join(str(error).split())}"
            f"\n    -> fetch {url} by other means into {folder}/,"
            f" or train {Path(name).stem}.yaml from scratch."
        ) from error
    return (folder / name).absolute()
