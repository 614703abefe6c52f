"""Albumentations' transforms, from a list in a config: read, checked by their signatures, built.

Nothing here imports albumentations before a list is there to be read, and the library never asks
the network whether there is a newer one. See https://albumentations.ai/docs/ for what there is.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from pipeline.augment import moving
from pipeline.dataset import Floats
from pipeline.errors import BoxwrightError

log = logging.getLogger(__name__)
Entry = dict[str, dict[str, Any]]  # one transform: its name and its parameters
Given = list[Any] | str | None  # as a config has it: the list, or the path of a file with one
_TRIES = 5
_REFUSED = {
    "Lambda": "is Python code, which a config cannot hold",
    "RandomGridShuffle": "tears objects apart: no box is true of the pieces",
}


class _WrongError(Exception):
    """What is wrong with one entry, in words."""


@functools.cache
def library() -> Any:
    """Albumentations, imported once and without its question for a newer version.

    Raises:
        BoxwrightError: It is not installed, or cannot be imported.
    """
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # for worker processes too
    try:
        import albumentations
    except ImportError as error:
        raise BoxwrightError(
            f"transforms: albumentations cannot be imported: {error}"
            "\n    -> pip install 'albumentations>=2.0.8,<2.1', or run `boxwright doctor`."
        ) from error
    return albumentations


def load(given: Given, side: int | None = None) -> list[Entry]:
    """Read a list of transforms and check all of it.

    Args:
        given: A list whose entries are names, or ``{Name: {parameter: value}}``, in the order in
            which they are applied; OneOf, SomeOf, Sequential and RandomOrder hold a list of their
            own, ``transforms``. Or the path of a YAML file: such a list, or a config with one.
        side: Pictures are squares of this many pixels and have to stay so, as in training; None:
            they may change their size.

    Returns:
        A name and its parameters for each entry, as written; [] where nothing is given.

    Raises:
        BoxwrightError: With everything that is wrong: unknown names and parameters (with the near
            one), values that do not fit, transforms that fail on a picture or give no picture to
            train on.
    """
    entries = _from_file(given) if isinstance(given, str) else given or []
    if not isinstance(entries, list):
        raise BoxwrightError("transforms: is no list of `- Name: {parameter: value}`.")
    problems = [
        problem
        for number, entry in enumerate(entries)
        for problem in _problems(entry, f"transforms[{number}]", side or 640)
    ]
    if not problems and entries and side:
        problems = _resized(entries, side)
    if problems:
        raise BoxwrightError("\n".join(problems))
    return [_plain(entry) for entry in entries]


def build(entries: Sequence[Any]) -> moving.Pipeline:
    """The transforms of a list that `load` has given, ready to be applied."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # told when the list was checked
        return moving.Pipeline(library(), [_built(entry) for entry in entries])


def versions(entries: Sequence[Any]) -> dict[str, str]:
    """What a result depends on, where transforms are used; read without importing it."""
    return {"albumentations": metadata.version("albumentations")} if entries else {}


def _from_file(path: str) -> Any:
    """The list in a YAML file, or in the `augment` block of a config.

    Raises:
        BoxwrightError: No such file, or no YAML.
    """
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BoxwrightError(f"transforms {path}: cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        told = " ".join(str(error).split())
        raise BoxwrightError(f"transforms {path}: is not YAML: {told}") from error
    if isinstance(values, Mapping):
        values = (values.get("augment") or values).get("transforms")
    return values


def _named(entry: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(entry, str):
        return entry, {}
    if isinstance(entry, Mapping) and len(entry) == 1:
        ((name, parameters),) = entry.items()
        if parameters is None or isinstance(parameters, Mapping):
            return str(name), dict(parameters or {})
    raise _WrongError(
        f"{entry!r} is neither a name nor `Name: {{parameter: value}}`"
        " (parameters are indented below their name)"
    )


def _plain(entry: Any) -> Entry:
    name, parameters = _named(entry)
    return {name: parameters}


# ---- checking


def _problems(entry: Any, place: str, side: int) -> list[str]:
    """Everything wrong with an entry and with those that it holds."""
    try:
        name, parameters = _named(entry)
        place = f"{place} {name}"
        kind = _kind(name)
        wrong = _unknown(kind, parameters)
        if wrong:
            return [f"{place}: {problem}" for problem in wrong]
        if not _holds_others(kind):
            _try(kind, parameters, side, place)
            return []
        return _inner_problems(kind, parameters, place, side)
    except _WrongError as error:
        return [f"{place}: {line}" for line in str(error).splitlines()]


def _inner_problems(kind: type, parameters: dict[str, Any], place: str, side: int) -> list[str]:
    inner = parameters.get("transforms")
    if not isinstance(inner, list) or not inner:
        raise _WrongError("`transforms` is no list of transforms")
    found = [
        problem
        for number, entry in enumerate(inner)
        for problem in _problems(entry, f"{place}.transforms[{number}]", side)
    ]
    if not found:
        _made(kind, {**parameters, "transforms": [_built(one) for one in inner]})
    return found


def _kind(name: str) -> type:
    kinds = _kinds()
    if name in _REFUSED:
        raise _WrongError(_REFUSED[name])
    if name not in kinds:
        near = difflib.get_close_matches(name, kinds, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "see https://explore.albumentations.ai"
        raise _WrongError(f"albumentations {library().__version__} has no such transform; {hint}")
    return kinds[name]


@functools.cache
def _kinds() -> dict[str, type]:
    """What a list may name: transforms of pictures, and what holds a list of them."""
    a = library()
    wanted = (a.ImageOnlyTransform, a.DualTransform, a.BaseCompose)
    abstract = {a.ImageOnlyTransform, a.DualTransform, a.BaseCompose, a.Compose, a.ReplayCompose}
    return {
        name: moving.exact(kind)
        for name, kind in vars(a).items()
        if inspect.isclass(kind)
        and issubclass(kind, wanted)
        and kind not in abstract
        and (not issubclass(kind, a.BaseCompose) or "transforms" in _signature(kind))
        and not name.startswith("Base")
    }


def _holds_others(kind: type) -> bool:
    return issubclass(kind, library().BaseCompose)


def _signature(kind: type) -> list[str]:
    return [name for name in inspect.signature(kind).parameters if name != "self"]


def _unknown(kind: type, parameters: Mapping[str, Any]) -> list[str]:
    known = _signature(kind)
    problems = []
    for key in parameters:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            problems.append(f"{key}: no such parameter; {hint}")
    return problems


def _try(kind: type, parameters: dict[str, Any], side: int, place: str) -> None:
    """Build a transform and apply it to a picture with an object.

    Raises:
        _WrongError: What it says of its values, or that it does not give a picture to train on.
    """
    for told in _made(kind, parameters)[1]:
        log.warning("%s: %s", place, told)
    always = _made(kind, {**parameters, "p": 1.0})[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            changed = moving.Pipeline(library(), [always])(*_sample(side))
        except Exception as error:  # a library's own, of any kind: the user has to see it
            told = " ".join(str(error).split())[:300]
            raise _WrongError(f"fails on a picture of {side}x{side}: {told}") from error
    problem = moving.no_picture(changed.picture)
    if problem:
        raise _WrongError(f"gives {problem}, not a picture of 3 colours from 0 to 255")


def _sample(side: int) -> tuple[np.ndarray, list[Floats]]:
    """A picture of noise with an object in its middle."""
    picture = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    corners = np.array([[0.3, 0.3], [0.7, 0.3], [0.7, 0.7], [0.3, 0.7]]) * side
    return picture, [corners]


def _resized(entries: Sequence[Any], side: int) -> list[str]:
    """Whether the whole list changes the size of pictures, where it must not."""
    pipeline = build(entries)
    for seed in range(_TRIES):
        pipeline.seed(seed)
        height, width = pipeline(*_sample(side)).picture.shape[:2]
        if (height, width) != (side, side):
            problem = (
                f"transforms: make pictures of {width}x{height} out of {side}x{side};"
                f" training shows squares of {side} pixels"
                f"\n    -> end the list with `- Resize: {{height: {side}, width: {side}}}`."
            )
            return [problem]
    return []


# ---- building


def _built(entry: Any) -> Any:
    name, parameters = _named(entry)
    kind = _kinds()[name]
    if _holds_others(kind):
        parameters["transforms"] = [_built(one) for one in parameters["transforms"]]
    return _made(kind, parameters)[0]


def _made(kind: type, parameters: Mapping[str, Any]) -> tuple[Any, list[str]]:
    """A transform, and what its library warned of.

    Raises:
        _WrongError: Its values do not fit.
    """
    values = {key: _value(value) for key, value in parameters.items()}
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            made = kind(**values)
        except (ValueError, TypeError) as error:
            raise _WrongError(_why(error)) from error
    return made, [" ".join(str(one.message).split()) for one in told]


def _value(value: Any) -> Any:
    """OpenCV's constants by their names: BORDER_REFLECT, cv2.INTER_CUBIC."""
    import cv2

    if isinstance(value, str) and value.removeprefix("cv2.").startswith(("BORDER_", "INTER_")):
        return getattr(cv2, value.removeprefix("cv2."), value)
    return value


def _why(error: Exception) -> str:
    """What pydantic, which checks the values, found: a line for each parameter."""
    found: dict[str, list[str]] = {}
    cause: Any = error.__cause__
    if not hasattr(cause, "errors"):
        return " ".join(str(error).split())
    for one in cause.errors():
        key = str(one["loc"][0]) if one["loc"] else ""
        missing = one["type"] == "missing"
        told = "is missing" if missing else f"{one['input']!r} does not fit: {one['msg']}"
        found.setdefault(key, []).append(told)
    return "\n".join(
        (f"{key}: " if key else "") + "; or ".join(dict.fromkeys(told))
        for key, told in found.items()
    )
