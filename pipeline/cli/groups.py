"""`boxwright groups`: which pictures belong together, as a contact sheet and a CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli import show


def groups_cli(
    source: Annotated[
        Path,
        typer.Argument(
            help="A config (.yaml), or the folder to read: annotated, or pictures alone.",
            metavar="SRC|CONFIG",
        ),
    ],
    by: Annotated[
        list[str] | None,
        typer.Option(
            help="How; repeatable: found (pictures that show the same; the default), folder, a "
            "pattern on the name, csv:FILE, json:FIELD, exif:camera, exif:burst[=SECONDS], video."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The CSV to write (groups.csv).")] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="The contact sheet, .jpg or .png (groups.jpg).")
    ] = None,
    count: Annotated[int | None, typer.Option(help="Groups on the sheet (24).")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed shows other groups (0).")] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder of the pictures, where it is another one.")
    ] = None,
    background: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of pictures without annotations; repeatable."),
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Pattern of file names to leave out; repeatable.")
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option("--from", "--format", help="Format of the source, as for `convert`."),
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; 0 chooses.")] = None,
    font: Annotated[Path | None, typer.Option(help="A font file for the names.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the CSV that is there.")] = False,
    as_json: show.Json = False,
    quiet: show.Quiet = False,
) -> None:
    """Show which pictures belong together, and must not be parted by a split.

    Writes an editable CSV: correct it, and give it to `convert --group csv:groups.csv`.
    """
    flags = {
        "by": by or None, "out": out, "sheet": sheet, "count": count, "seed": seed,
        "format": format_, "workers": workers, "font": font,
    }  # fmt: skip
    from pipeline import config
    from pipeline.convert import ConvertOptions, read_options
    from pipeline.errors import BoxwrightError
    from pipeline.grouping.job import GroupsOptions, groups

    show.listen(quiet=quiet)
    block: dict[str, Any] = {}
    if config.is_config(source):
        run = config.load(source)
        source, block = run.source, run.block("convert")
        if run.sources:
            raise BoxwrightError(
                f"{run.name}: has several sources.\n    -> find the groups of each by itself, or"
                " leave them to `convert`."
            )
    place = {"images": images, "background": background, "exclude": exclude, "format": format_}
    reading = config.options(ConvertOptions, block, {k: v or None for k, v in place.items()})
    given = [reading.group] if isinstance(reading.group, str) else reading.group
    known = {"format": reading.format, "workers": reading.workers}
    options = config.options(GroupsOptions, known | ({"by": given} if given else {}), flags)
    track = show.track(quiet=quiet)
    found = groups(source, options, read_options(reading), force=force, track=track)
    if as_json:
        show.as_json(found)
    else:
        _show(found)


def _show(found: dict[str, Any]) -> None:
    counts = [("pictures", found["pictures"]), ("groups", found["groups"])]
    show.table(("", ""), [*counts, ("of one picture", found["singles"])])
    show.table(("pictures in a group", "groups"), found["sizes"].items())
    largest = [(one["group"], one["pictures"]) for one in found["largest"] if one["pictures"] > 1]
    if largest:
        show.table(("largest groups", "pictures"), largest)
    for sentence in found["notes"]:
        show.line(sentence)
    for sentence in found["warnings"]:
        show.line(f"Warning: {sentence}")
    if found["csv"]:
        show.line(f"{found['csv']}: written; correct it, then `convert --group csv:{found['csv']}`")
    show.line(f"{found['sheet']}: look at it")
