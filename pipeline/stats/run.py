"""The run of `boxwright stats`: read a data set, count it, look at some of its pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from pipeline import config, formats
from pipeline.dataset import Dataset
from pipeline.engine import shards
from pipeline.errors import DataError
from pipeline.formats.reading import ReadOptions
from pipeline.progress import Track, silent
from pipeline.stats import numbers, words
from pipeline.stats import pixels as light

TOLD = 3  # problems to name in a sentence; the document has all


@dataclass(frozen=True)
class StatsOptions:
    """What to look at.

    Attributes:
        pixels: Pictures whose pixels are read, spread evenly over all; 0 for none, "all".
        seed: Another seed reads other pictures.
        imgsz: The longer side that pictures will be trained at, in pixels.
        images: Folder of the pictures, where it is not the annotations'.
    """

    pixels: Annotated[int, msgspec.Meta(ge=0)] | Literal["all"] = 500
    seed: int = 0
    imgsz: Annotated[int, msgspec.Meta(ge=32)] = numbers.IMGSZ
    images: Path | None = None


@dataclass(frozen=True)
class Plan:
    """What to read, in which format, with which options."""

    source: Path
    format: str
    options: StatsOptions


def plan(source: Path, flags: Mapping[str, Any]) -> Plan:
    """The prepared folder of a config, trained at its `imgsz`; or any source that can be read.

    Raises:
        BoxwrightError: A config or a flag that is wrong.
    """
    if not config.is_config(source):
        return Plan(source, "auto", config.options(StatsOptions, {}, flags))
    run = config.load(source)
    sizes = {key: value for key, value in run.block("train").items() if key == "imgsz"}
    options = config.options(StatsOptions, {**sizes, **run.block("stats")}, flags)
    return Plan(run.prepared, "yolo", options)


def look(todo: Plan, track: Track = silent) -> dict[str, Any]:
    """Read and count a data set.

    Returns:
        Plain data for JSON: ``source``; what `numbers.stats` gives, with all ``warnings``;
        ``pixels`` (see `pixels.summary`), None where none were to be read; ``problems``: what
        could not be read and is not counted.

    Raises:
        BoxwrightError: Nothing that can be read.
        DataErrors: Not one picture that can be read.
    """
    options = todo.options
    with shards(track=track) as mapped:
        wanted = ReadOptions(images=options.images)
        reading = formats.read(todo.format, todo.source, wanted, mapped)
    found = numbers.stats(reading.dataset, options.imgsz)
    pixels = _pixels(reading.dataset, options, track) if options.pixels else None
    told = [*_unread(reading.problems), *found["warnings"]]
    return {
        "source": str(todo.source),
        **found,
        "warnings": told + (words.pixels(pixels) if pixels else []),
        "pixels": pixels,
        "problems": [str(problem) for problem in reading.problems],
    }


def _pixels(dataset: Dataset, options: StatsOptions, track: Track) -> dict[str, Any]:
    count = None if options.pixels == "all" else options.pixels
    measured = light.measure(dataset, count, options.seed, track)
    return light.summary(dataset, measured, options.seed)


def _unread(problems: list[DataError]) -> list[str]:
    if not problems:
        return []
    names = [f"{p.path} {p.place}".rstrip() + f" {p.problem}" for p in problems[:TOLD]]
    what = "1 thing" if len(problems) == 1 else f"{len(problems):,} things"
    return [f"{what} could not be read or counted: {words.listed(names, TOLD, len(problems))}."]
