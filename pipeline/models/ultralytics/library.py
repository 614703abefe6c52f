"""Ultralytics, imported without what its import does to the process and to the user's home.

Its import writes a settings file, asks two name servers whether it is online, lets usage events be
sent where it is, replaces `torch.save` and `PIL.Image.open` (the new one installs a package when a
file is no picture), turns off OpenCV's threads and sets OMP_NUM_THREADS to 1. Here it gets a
settings folder of its own that goes away with the process, everything that talks to the outside is
off, and what it changed in other libraries is put back. Every file of this package imports the
library through `load`.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib
import json
import logging
import os
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline import fonts

_HOME = "boxwright-ultralytics-"
_TRACKERS = ("clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb")
_MODULES = ("models.yolo.detect", "models.rtdetr", "nn.tasks", "engine.trainer", "utils.nms")
_ENVIRONMENT = {
    "YOLO_OFFLINE": "1",  # no question to a name server, no check for updates
    "YOLO_AUTOINSTALL": "false",  # no pip behind the user's back
    "YOLO_VERBOSE": "false",  # no text and no progress bars of its own on stdout
}
_NOISE = ("cache='ram' may produce",)  # a warning that holds for worker processes only
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")

log = logging.getLogger("pipeline.models.ultralytics")


@functools.cache
def load() -> Any:
    """Import ultralytics once, quietly; returns the module.

    The environment variables that keep it offline stay set, for the worker processes. Weights are
    opened with torch's restricted unpickler, which builds known model classes only and runs no code
    from the file; ULTRALYTICS_SAFE_LOAD=0 in the environment turns that off.
    """
    if "ultralytics" in sys.modules:
        log.warning("ultralytics was imported before boxwright and keeps its own settings.")
    _import_torch()
    os.environ.update(_ENVIRONMENT, YOLO_CONFIG_DIR=str(_home()))
    os.environ.setdefault("ULTRALYTICS_SAFE_LOAD", "1")
    _keep_matplotlib_out_of_home()
    with _nothing_else_changed():
        library = importlib.import_module("ultralytics")
        for name in _MODULES:
            importlib.import_module(f"ultralytics.{name}")
        downloads = importlib.import_module("ultralytics.utils.downloads")
    # The loader of weights takes quotes out of a path and downloads what it does not find.
    vars(downloads)["attempt_download_asset"] = _existing
    _silence(logging.getLogger("ultralytics"))
    return library


def _import_torch() -> None:
    """Import torch before ultralytics sets OMP_NUM_THREADS: it keeps all cores.

    Its threads spin for some microseconds while they wait for each other, and then sleep. A batch
    (two cores, a narrow model at 160 pixels, 16 pictures) takes so 119 ms alone and 501 ms beside a
    busy process; 111 and 5,900 as libgomp chooses, which spins for long; 219 and 309 without.
    """
    with _environment(GOMP_SPINCOUNT="3000"):
        importlib.import_module("torch")


@contextlib.contextmanager
def _environment(**defaults: str) -> Iterator[None]:
    """Environment variables for a while, where the user has not set them."""
    missing = {name: value for name, value in defaults.items() if name not in os.environ}
    os.environ.update(missing)
    try:
        yield
    finally:
        for name in missing:
            os.environ.pop(name, None)


@functools.cache
def threads() -> int:
    """The CPU threads that torch chose by itself, before ultralytics sets it to fewer."""
    load()
    import torch

    return int(torch.get_num_threads())


def versions() -> dict[str, str]:
    """The versions that a result depends on; read without importing anything."""
    from importlib.metadata import version

    return {name: version(name) for name in ("torch", "torchvision", "ultralytics")}


@contextlib.contextmanager
def session(record: Path) -> Iterator[None]:
    """Surroundings for a training: what ultralytics and torch say goes into the file `record`.

    Its warnings are passed on to our own log too. Threads and environment are put back at the end.
    """
    threads()
    import cv2
    import torch

    torch_threads, cv_threads = torch.get_num_threads(), cv2.getNumThreads()
    environment = dict(os.environ)
    cv2.setNumThreads(0)  # OpenCV's threads do not survive the fork of a data loader's worker
    try:
        with _recorded(record):
            yield
    finally:
        cv2.setNumThreads(cv_threads)
        torch.set_num_threads(torch_threads)
        os.environ.clear()
        os.environ.update(environment)


@contextlib.contextmanager
def _recorded(record: Path) -> Iterator[None]:
    file = logging.FileHandler(record, mode="a", encoding="utf-8")
    file.setFormatter(_Plain())
    theirs, python = logging.getLogger("ultralytics"), logging.getLogger("py.warnings")
    propagate = python.propagate
    handlers = [(theirs, file), (python, file), (theirs, _PassOn())]
    for logger, handler in handlers:
        logger.addHandler(handler)
    theirs.setLevel(logging.INFO)
    python.propagate = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            logging.captureWarnings(capture=True)
            yield
    finally:
        logging.captureWarnings(capture=False)
        for logger, handler in handlers:
            logger.removeHandler(handler)
        theirs.setLevel(logging.ERROR)
        python.propagate = propagate
        file.close()


class _Plain(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        mark = "" if record.levelno < logging.WARNING else f"{record.levelname}: "
        return mark + _ANSI.sub("", record.getMessage()).rstrip()


class _PassOn(logging.Handler):
    """Ultralytics' warnings, as ours."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith(_NOISE):
            return
        log.log(record.levelno, "%s", " ".join(_ANSI.sub("", record.getMessage()).split()))


def _home() -> Path:
    """A settings folder for this process: shared with its workers, removed at its end."""
    inherited = Path(os.environ.get("YOLO_CONFIG_DIR", ""))
    if inherited.name.startswith(_HOME) and inherited.is_dir():
        return inherited
    home = Path(tempfile.mkdtemp(prefix=_HOME))
    atexit.register(_remove, home, os.getpid())
    folder = home / "Ultralytics"
    folder.mkdir()
    places = {f"{name}_dir": str(home / name) for name in ("datasets", "weights", "runs")}
    off = dict.fromkeys((*_TRACKERS, "sync", "vscode_msg"), False)
    (folder / "settings.json").write_text(json.dumps({**off, **places}), encoding="utf-8")
    for name in ("Arial.ttf", "Arial.Unicode.ttf"):  # what it would download
        _link(fonts.packaged(), folder / name)
    return home


def _remove(home: Path, owner: int) -> None:
    if os.getpid() == owner:  # a forked worker ends without taking the folder along
        shutil.rmtree(home, ignore_errors=True)


def _link(source: Path, target: Path) -> None:
    try:
        target.symlink_to(source)
    except OSError:  # Windows, without the right to link
        shutil.copyfile(source, target)


def _keep_matplotlib_out_of_home() -> None:
    """Matplotlib's list of fonts goes to our folder too, unless its own is there already."""
    home = Path.home()
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    used = (config / "matplotlib", cache / "matplotlib", home / ".matplotlib")
    if not any(folder.is_dir() for folder in used):
        ours = Path(os.environ["YOLO_CONFIG_DIR"]) / "matplotlib"
        os.environ.setdefault("MPLCONFIGDIR", str(ours))


@contextlib.contextmanager
def _nothing_else_changed() -> Iterator[None]:
    """Put back what an import changes in other libraries and in the environment."""
    import cv2
    import numpy as np
    import torch
    from PIL import Image

    environment, threads = dict(os.environ), cv2.getNumThreads()
    open_picture, save = Image.open, torch.save
    try:
        with warnings.catch_warnings(), np.printoptions():
            yield
    finally:
        Image.open, torch.save = open_picture, save
        torch.set_printoptions(profile="default")
        cv2.setNumThreads(threads)
        os.environ.clear()
        os.environ.update(environment)


def _silence(logger: logging.Logger) -> None:
    """Take its handler from stdout; outside a session only errors are kept, for nobody to see."""
    logger.handlers[:] = [logging.NullHandler()]
    logger.setLevel(logging.ERROR)
    logger.propagate = False


def _existing(file: str | Path, *_args: object, **_options: object) -> str:
    if not Path(file).is_file():
        raise FileNotFoundError(str(file))
    return str(file)
