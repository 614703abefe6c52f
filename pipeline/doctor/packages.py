"""The packages, by their metadata: all there, in versions that the others accept."""

from __future__ import annotations

import re
import shlex
from importlib import metadata
from typing import Any

from pipeline.doctor.check import Check, pip
from pipeline.doctor.gpu import torch_again


def requirements() -> list[Check]:
    """Whether every package that boxwright needs is there, in a version that the others accept."""
    unmet = [*_unmet("boxwright", set())]
    if not unmet:
        return [Check("packages", "ok", "all there, versions fit")]
    return [Check("packages", "problem", said, fix) for said, fix in unmet]


def _unmet(name: str, seen: set[str]) -> list[tuple[str, str]]:
    """What a package, and what it needs, lack: in words, and the command that mends it."""
    from packaging.requirements import Requirement

    seen.add(name)
    lacking = []
    for line in metadata.requires(name) or []:
        need = Requirement(line)
        if need.marker and not need.marker.evaluate({"extra": ""}):
            continue
        there = installed(need.name)
        if there is None:
            fix = f"{pip()} install {shlex.quote(_plain(need))}"
            lacking.append((f"{name} needs {_plain(need)}, which is not installed", fix))
        elif not need.specifier.contains(there[1], prereleases=True):
            said = f"{name} {metadata.version(name)} needs {_plain(need)}, but {there[1]} is there"
            lacking.append((said, _upgrade(name, need)))
        if there and there[0] not in seen:
            lacking += _unmet(there[0], seen)
    return lacking


def installed(name: str) -> tuple[str, str] | None:
    """The package that serves for `name`, and its version; one OpenCV is as good as another."""
    twins = [name, *opencvs()] if name.startswith("opencv-") else [name]
    for twin in twins:
        try:
            return twin, metadata.version(twin)
        except metadata.PackageNotFoundError:
            continue
    return None


def _upgrade(name: str, need: Any) -> str:
    if {name, need.name} == {"torch", "torchvision"}:
        return torch_again("")
    return f"{pip()} install --upgrade {shlex.quote(_plain(need))}"


def _plain(need: Any) -> str:
    return f"{need.name}{need.specifier}"


def opencvs() -> list[str]:
    names = {str(found.metadata["Name"] or "").lower() for found in metadata.distributions()}
    return sorted(name for name in names if re.fullmatch(r"opencv-(contrib-)?python.*", name))
