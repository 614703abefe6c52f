"""What to do about leaks: the command that deals a tree anew, or the pictures to leave out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.check.leaks import LeaksOptions
from pipeline.check.trees import Tree
from pipeline.grouping.exif import BURST

_NO_FLAG = ("fields", "group", "workers")


def command(
    tree: Tree, root: Path, config: Path | None, options: LeaksOptions, found: Mapping[str, Any]
) -> str:
    """The `boxwright convert` that keeps together what leaks; "" for trees of others.

    Args:
        tree: What was looked at.
        root: Where it is.
        config: Of the run, if it was given.
        options: What was looked for.
        found: As from `shares`.
    """
    if tree.made.get("kind") != "prepared" or "source" not in tree.made:
        return ""
    made = dict(tree.made.get("options", {}))
    words = ["boxwright", "convert"]
    if config or made.get("fields"):  # fields can be given in a config alone
        words.append(str(config or "CONFIG"))
    else:
        out = root.parent if made.get("folds") else root
        words += [str(tree.made["source"]), str(out), *_flags(made)]
    for way in _groups(made.get("group"), options, found):
        words += ["--group", way]
    return shlex.join([*words, *_ratios(tree, made)])


def _groups(
    given: str | Sequence[str] | None, options: LeaksOptions, found: Mapping[str, Any]
) -> list[str]:
    """The ways of grouping that were asked for, and those that the leaks ask for."""
    before = [given] if isinstance(given, str) else given or []
    kinds = {way for part in found.values() for way, count in part["kinds"].items() if count}
    burst = "exif:burst" if options.gap == BURST else f"exif:burst={options.gap:g}"
    by_kind = {"exact": "found", "near": "found", "video": "video", "burst": burst}
    wanted = [way for kind, way in by_kind.items() if kind in kinds]
    wanted += [options.group] if options.group and "group" in kinds else []
    return list(dict.fromkeys([way for way in before if way != "none"] + wanted))


def _ratios(tree: Tree, options: Mapping[str, Any]) -> list[str]:
    """Shares to ask for where the source's own splits were kept, so that they are dealt anew."""
    if "shares" in tree.made or any(options.get(name) for name in ("val", "test", "folds")):
        return []
    splits = tree.dataset.images.split
    sizes = {name: float((splits == name).mean()) for name in ("val", "test")}
    return [w for name, share in sizes.items() if share for w in (f"--{name}", f"{share:.2g}")]


def _flags(options: Mapping[str, Any]) -> list[str]:
    """The options that are not the defaults, as flags of `boxwright convert`."""
    from pipeline.convert import ConvertOptions

    usual = asdict(ConvertOptions())
    words: list[str] = []
    for name, value in options.items():
        if name in usual and name not in _NO_FLAG and value != usual[name]:
            words += _flag(name.replace("_", "-"), value)
    return words


def _flag(name: str, value: Any) -> list[str]:
    if name == "classes":
        return ["--classes", _classes(value)]
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    values = value if isinstance(value, list) else [value]
    return [word for one in values for word in (f"--{name}", str(one))]


def _classes(value: Mapping[str, Any] | Sequence[Any]) -> str:
    if not isinstance(value, Mapping):
        return ",".join(map(str, value))
    return ",".join(
        f"{name}={'|'.join(map(str, labels))}" if isinstance(labels, list) else str(name)
        for name, labels in value.items()
    )
