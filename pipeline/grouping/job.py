"""`boxwright groups`: which pictures belong together, to look at and to edit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np

from pipeline import draw, formats
from pipeline.dataset import Boxes, Dataset, strings
from pipeline.engine import Map, shards
from pipeline.errors import BoxwrightError
from pipeline.formats.reading import Reading, ReadOptions, read_pictures, scan
from pipeline.grouping import sheet, table
from pipeline.grouping.summary import summarise
from pipeline.grouping.ways import CSV, group, json_field
from pipeline.progress import Track, silent


@dataclass(frozen=True)
class GroupsOptions:
    """How to group, and what to show.

    Attributes:
        by: The ways; see `pipeline.grouping.ways`.
        out: The CSV to write.
        sheet: The contact sheet to draw, .jpg or .png.
        count: Groups on the sheet.
        seed: Another seed shows other small groups, and other pictures of large ones.
        format: "auto", or one of `formats.FORMATS`; pictures without annotations need none.
        workers: Processes; 0 chooses.
        font: A font file to prefer for the names.
    """

    by: list[str] = field(default_factory=lambda: ["found"])
    out: Path = Path("groups.csv")
    sheet: Path = Path("groups.jpg")
    count: Annotated[int, msgspec.Meta(ge=1, le=200)] = 24
    seed: int = 0
    format: str = "auto"
    workers: Annotated[int, msgspec.Meta(ge=0)] = 0
    font: Path | None = None


def groups(
    source: Path,
    options: GroupsOptions,
    read: ReadOptions | None = None,
    *,
    force: bool = False,
    track: Track = silent,
) -> dict[str, Any]:
    """Group the pictures of a source; write the CSV and the contact sheet.

    Args:
        source: What `convert` reads, or a folder of pictures alone; never modified.
        options: See `GroupsOptions`.
        read: How to read the source.
        force: Replace a CSV that is there.
        track: Shows progress.

    Returns:
        What `summarise` gives, and ``by``, ``notes``, ``csv`` and ``sheet``. ``csv`` is None where
        the groups come from that very file.

    Raises:
        BoxwrightError: No pictures, a way that is none or matches none, or a CSV in the way.
        DataErrors: Not one picture can be read.
    """
    again = options.by == [f"{CSV}{options.out}"]
    _check(options, force=force or again)
    read = replace(read or ReadOptions(), group=json_field(options.by))
    with shards(options.workers, track) as mapped:
        reading = _read(source, options.format, read, mapped)
        grouped = group(reading, options.by, mapped, track)
    dataset = reading.dataset
    if not again:
        table.write(options.out, dataset.images, list(grouped.key))
    blocks = sheet.choose(dataset, grouped, options.count, options.seed)
    draw.save(options.sheet, sheet.draw_sheet(dataset, blocks, options.font, track))
    return {
        **summarise(grouped.key),
        "by": list(options.by),
        "notes": [*_unread(reading), *grouped.notes],
        "csv": None if again else str(options.out),
        "sheet": str(options.sheet),
    }


def _check(options: GroupsOptions, *, force: bool) -> None:
    """What can be known to be wrong before anything is read: finding groups takes its time."""
    if options.out.exists() and not force:
        raise BoxwrightError(
            f"{options.out}: is there already, perhaps with your corrections; it was left alone."
            "\n    -> give another --out, or --force to replace it."
        )
    draw.encode(options.sheet, draw.caption("1", 12, 100, options.font))
    if not options.sheet.parent.is_dir():
        raise BoxwrightError(f"{options.sheet.parent}: no such folder.")


def _unread(reading: Reading) -> list[str]:
    problems = reading.problems
    if not problems:
        return []
    first = str(problems[0]).splitlines()[0]
    return [f"{len(problems)} problems in the source, what they touch is left out; first: {first}"]


def _read(source: Path, name: str, options: ReadOptions, mapped: Map) -> Reading:
    """A source with annotations; or a folder of pictures alone."""
    if name == "auto" and _unannotated(source, options.exclude):
        return _pictures(source, options, mapped)
    return formats.read(name, source, options, mapped)


def _unannotated(source: Path, exclude: Sequence[str]) -> bool:
    """Whether a folder holds pictures and nothing that tells of boxes."""
    if not source.is_dir() or (source / "data.yaml").exists():
        return False
    tree = scan(source, ".json", exclude)
    return bool(tree.pictures) and not tree.annotations


def _pictures(source: Path, options: ReadOptions, mapped: Map) -> Reading:
    found = scan(source, "", options.exclude).pictures
    images, headers, problems = read_pictures(found, mapped)
    if not len(images):
        raise problems[0]
    none = np.zeros(0, dtype=np.int64)
    return Reading(
        dataset=Dataset(source.absolute(), (), images, Boxes.of(none, none, [])),
        source=strings([""] * len(images)),
        place=none,
        place_name="",
        headers=headers,
        problems=problems,
    )
