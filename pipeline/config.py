"""A run's YAML file, checked in full before any work.

The signature is the schema: a block is checked against the frozen dataclass that it configures,
key by key, so that a misspelt key is refused by name with the likely right one, and a value out
of its range (``Annotated[float, msgspec.Meta(ge=0, le=1)]``) is refused with the range.
Paths are relative to the folder that the command runs in.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
import yaml

from pipeline import manifest
from pipeline.errors import BoxwrightError

T = TypeVar("T")

BLOCKS = {
    "sample": "pipeline.sample:SampleOptions",
    "convert": "pipeline.convert:ConvertOptions",
    "stats": "pipeline.stats.run:StatsOptions",
    "leaks": "pipeline.check.leaks:LeaksOptions",
    "check": "pipeline.check.run:CheckOptions",
    "balance": "pipeline.balance.run:BalanceOptions",
    "augment": "pipeline.augment.show:AugmentOptions",
    "train": "pipeline.training.run:TrainOptions",
    "ablate": "pipeline.ablate.options:AblateOptions",
    "evaluate": "pipeline.evaluation.run:EvaluateOptions",
    "mismatch": "pipeline.evaluation.mismatch:MismatchOptions",
    "predict": "pipeline.inference.run:PredictOptions",
}

_GROWN = 1_000_000  # values of a YAML file, aliases followed: ten lines can mean a billion


@dataclasses.dataclass(frozen=True)
class Source:
    """One of several sources, an item of the list `source`.

    Attributes:
        path: Its folder, or file.
        format: As for `convert`; `from` in the file.
        images: Folder of the pictures, where it is not the annotations'.
        background: Folders of pictures that need no annotation.
        exclude: Patterns of file names to leave out.
        fields: Paths of fields by name, where a vendor's differ.
        scale: How many times larger coordinates are than the picture, where no size is told.
        pair: "name" pairs pictures and annotations by file name.
        corners_from: What Pascal VOC's corners are counted from.
        classes: What its labels are called in all: {"Ten": ["bill_10", "bill_10_back"]}; labels
            that are not named keep their names.
        origin: The origin of all its pictures (a camera, a shop).
        prefix: A folder to name its pictures below.
    """

    path: Path
    format: str = "auto"
    images: Path | None = None
    background: list[Path] = dataclasses.field(default_factory=list)
    exclude: list[str] = dataclasses.field(default_factory=list)
    fields: dict[str, str] = dataclasses.field(default_factory=dict)
    scale: float | None = None
    pair: Literal["auto", "name"] | None = None
    corners_from: Literal[0, 1] | None = None
    classes: dict[Any, Any] | None = None
    origin: str = ""
    prefix: str = ""


@dataclasses.dataclass(frozen=True)
class Config:
    """One run: where things are, and a block of options for each command.

    Attributes:
        name: The run's name; `runs`/`name` is its folder.
        source: Folder of pictures and annotations; of the first of several sources.
        prepared: Folder that `convert` makes and `train` reads.
        runs: Folder of run folders.
        blocks: The options of each command, as written.
        sources: Where `source` is a list: what `convert` reads as one.
    """

    name: str
    source: Path
    prepared: Path
    runs: Path = Path("runs")
    blocks: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    sources: tuple[Source, ...] = ()

    def block(self, command: str) -> dict[str, Any]:
        return self.blocks.get(command, {})

    def training(self) -> dict[str, Any]:
        """The options of a training: the block `train`, and the transforms of `augment`."""
        shared = {k: v for k, v in self.block("augment").items() if k == "transforms"}
        return {**shared, **self.block("train")}

    def trained(self) -> Path:
        """The weights of the run, the newest of its name.

        Raises:
            BoxwrightError: It has not been trained yet.
        """
        weights = manifest.newest(self.runs / self.name, "run") / "weights" / "best.pt"
        if not weights.exists():
            raise BoxwrightError(
                f"{weights}: the run {self.name!r} has no trained model yet."
                "\n    -> run `boxwright train` first."
            )
        return weights


def is_config(path: Path) -> bool:
    """Whether a command's first argument is a config: a YAML file that is no data.yaml."""
    return path.suffix.lower() in {".yaml", ".yml"} and path.name != "data.yaml"


def load(path: Path) -> Config:
    """Read and check a run's YAML file.

    Raises:
        BoxwrightError: With everything that is wrong in the file.
    """
    values = read_yaml(path)
    fields = {f.name for f in dataclasses.fields(Config)} - {"blocks", "sources"}
    problems = _unknown_keys(values, fields | set(BLOCKS), "")
    sources, wrong = _sources(values.get("source"))
    problems += wrong
    problems += [
        f"{key}: is missing" for key in ("name", "source", "prepared") if key not in values
    ]
    top = {key: value for key, value in values.items() if key in fields}
    if isinstance(values.get("source"), list):
        del top["source"]
    problems += _mistyped(Config, top, "")
    blocks: dict[str, dict[str, Any]] = {}
    for name in sorted(BLOCKS.keys() & values.keys()):
        block = {} if values[name] is None else values[name]
        if isinstance(block, dict):
            block = _with_format(block) if name == "convert" else block
            problems += check(_schema(name), block, f"{name}.")
            blocks[name] = block
        else:
            problems.append(f"{name}: is not a block of `option: value` lines")
    _raise(path, problems)
    if sources:
        top["source"] = sources[0].path
    paths = {key: Path(top[key]) for key in ("source", "prepared", "runs") if key in top}
    return Config(name=top["name"], blocks=blocks, sources=sources, **paths)


def _sources(value: Any) -> tuple[tuple[Source, ...], list[str]]:
    """The sources in a list, and everything that is wrong in it, a line each."""
    if not isinstance(value, list):
        return (), []
    if not value:
        return (), ["source: is an empty list"]
    problems: list[str] = []
    items = []
    for index, item in enumerate(value):
        place = f"source[{index}]."
        item = {"path": item} if isinstance(item, str) else item  # noqa: PLW2901 - the short form
        if not isinstance(item, dict) or "path" not in item:
            problems.append(f"{place}path: is missing")
            continue
        item = _with_format(item)  # noqa: PLW2901
        problems += check(Source, item, place)
        items.append(item)
    if problems:
        return (), problems
    hints = get_type_hints(Source, include_extras=True)
    read = [{key: _convert(told, hints[key]) for key, told in item.items()} for item in items]
    return tuple(Source(**one) for one in read), []


def _with_format(values: dict[str, Any]) -> dict[str, Any]:
    """The values with `format` by its name on the command line, which is a word of Python's."""
    return {"format" if key == "from" else key: value for key, value in values.items()}


def read_yaml(path: Path) -> dict[Any, Any]:
    """The mapping in a YAML file.

    Raises:
        BoxwrightError: No such file, no YAML, or no mapping.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
        grown = _grown(values, {})
    except OSError as error:
        raise BoxwrightError(f"{path}: cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise BoxwrightError(f"{path}: is not YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise BoxwrightError(f"{path}: is nested too deep to be meant.") from error
    if grown > _GROWN:
        raise BoxwrightError(f"{path}: its aliases (*name) grow to over {_GROWN:,} values.")
    if not isinstance(values, dict):
        raise BoxwrightError(f"{path}: is not a file of `key: value` lines.")
    return values


def _grown(values: Any, known: dict[int, int]) -> int:
    """How many values there are once each alias is followed, as printing would; by id in `known`.

    Raises:
        RecursionError: A value holds itself.
    """
    if not isinstance(values, dict | list):
        return 1
    if id(values) not in known:
        inside = values.values() if isinstance(values, dict) else values
        known[id(values)] = 1 + sum(_grown(value, known) for value in inside)
    return known[id(values)]


def options(kind: type[T], block: Mapping[str, Any], flags: Mapping[str, Any]) -> T:
    """The options of one command: the dataclass's defaults, then the config's, then the flags.

    Args:
        kind: The options' dataclass.
        block: The config's block, already checked.
        flags: What the command line gave; None where it gave nothing.

    Raises:
        BoxwrightError: With every flag whose value is wrong.
    """
    given = {key: value for key, value in flags.items() if value is not None}
    merged = {**block, **given}
    problems = check(kind, merged, "")
    if problems:
        raise BoxwrightError("wrong options:\n" + "\n".join(f"  {p}" for p in problems))
    hints = get_type_hints(kind, include_extras=True)
    values = {key: _convert(value, hints[key]) for key, value in merged.items()}
    return kind(**values)


def check(kind: type, values: Mapping[str, Any], place: str) -> list[str]:
    """Everything wrong with `values` as arguments of the dataclass `kind`, a line each."""
    names = {f.name for f in dataclasses.fields(kind)}
    return _unknown_keys(values, names, place) + _mistyped(kind, values, place)


def _schema(block: str) -> type:
    module, name = BLOCKS[block].split(":")
    kind: type = getattr(importlib.import_module(module), name)
    return kind


def _unknown_keys(values: Mapping[Any, Any], known: Iterable[str], place: str) -> list[str]:
    names = sorted(known)
    problems = []
    for key in values:
        if key not in names:
            near = difflib.get_close_matches(str(key), names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
            problems.append(f"{place}{key}: no such option; {hint}")
    return problems


def _mistyped(kind: type, values: Mapping[str, Any], place: str) -> list[str]:
    hints = get_type_hints(kind, include_extras=True)
    problems = []
    for key, value in values.items():
        if key not in hints:
            continue
        try:
            _convert(value, hints[key])
        except msgspec.ValidationError as error:
            problems.append(f"{place}{key}: {value!r} does not fit: {error}{_allowed(hints[key])}")
    return problems


def _allowed(hint: Any) -> str:
    """The values that may stand there, where they are a fixed few."""
    values = [
        v for part in (hint, *get_args(hint)) if get_origin(part) is Literal for v in get_args(part)
    ]
    return f"; one of {', '.join(map(repr, values))}" if values else ""


def _convert(value: Any, hint: Any) -> Any:
    return msgspec.convert(value, hint, dec_hook=_from_plain)


def _from_plain(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    raise msgspec.ValidationError(f"Expected `{kind.__name__}`, got `{type(value).__name__}`")


def _raise(path: Path, problems: list[str]) -> None:
    if problems:
        raise BoxwrightError(
            f"{path}: {len(problems)} problem{'s' if len(problems) > 1 else ''}:\n"
            + "\n".join(f"  {p}" for p in problems)
        )
