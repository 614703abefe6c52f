"""What is wrong with an installation, and the command that mends it.

Libraries are tried in processes of their own: one that cannot be imported, or crashes, is a finding
and not the end. Nothing but the standard library is imported here.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipeline import __version__
from pipeline.doctor import disk, gpu, libraries, packages
from pipeline.doctor.check import Check, pip
from pipeline.progress import Track, silent

__all__ = ["Check", "examine"]


def examine(folder: Path, track: Track = silent) -> list[Check]:
    """Look at this Python, its libraries, the GPU, the fonts and the disk.

    Args:
        folder: Where the user works: outputs go below it.
        track: Shows progress.
    """
    looks: dict[str, Callable[[], list[Check]]] = {
        "Python": _python,
        "packages": packages.requirements,
        "libraries": libraries.imports,
        "OpenCV": libraries.opencv,
        "torch": gpu.torch,
        "fonts": libraries.fonts,
        "writing": lambda: disk.writing(folder),
        "space": lambda: disk.space(folder),
    }
    with ThreadPoolExecutor(4) as pool:
        waiting = {name: pool.submit(_guarded, name, look) for name, look in looks.items()}
        steps = track(waiting.items(), "checking", len(waiting))
        return [check for _, future in steps for check in future.result()]


def _guarded(name: str, look: Callable[[], list[Check]]) -> list[Check]:
    """A check that fails is a finding too."""
    try:
        return look()
    except Exception as error:  # noqa: BLE001 - whatever it is, the user has to see it
        said = f"cannot be checked: {type(error).__name__}: {error}"
        return [Check(name, "problem", said, f"{pip()} install --force-reinstall boxwright")]


def _python() -> list[Check]:
    found = f"{platform.python_version()} at {sys.executable}, {platform.platform(terse=True)}"
    return [Check("boxwright", "ok", __version__), Check("Python", "ok", found)]
