"""`boxwright convert`: photos and annotations to a prepared tree."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli import show


def convert_cli(
    source: Annotated[Path, typer.Argument(help="A config (.yaml), or the folder to read.")],
    out: Annotated[
        Path | None, typer.Argument(help="The prepared tree to write.", show_default=False)
    ] = None,
    val: Annotated[float | None, typer.Option(help="Share of the validation split.")] = None,
    test: Annotated[float | None, typer.Option(help="Share of the test split.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the split.")] = None,
    group: Annotated[
        str | None,
        typer.Option(
            help="What a split must not part: a pattern on the name, 'folder', or 'json:FIELD'."
        ),
    ] = None,
    stratify: Annotated[
        bool | None,
        typer.Option("--stratify/--no-stratify", help="Keep the classes' shares in all splits."),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(help="Classes in the order of their ids: 'Ten=Ten_front|Ten_back,Fifty'."),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(help="A label to leave out on purpose; repeatable.")
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="Labels from names: 'folder', or a pattern.")
    ] = None,
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
        str | None, typer.Option("--format", help="auto, corners, coco or yolo.")
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(help="How many times larger coordinates are, where the JSON has no size."),
    ] = None,
    pair: Annotated[
        str | None, typer.Option(help="'name': pair by file name, whatever the JSON says.")
    ] = None,
    flat: Annotated[bool | None, typer.Option("--flat", help="No sub-folders.")] = None,
    copy: Annotated[bool | None, typer.Option("--copy", help="Copy pictures, no links.")] = None,
    drop_bad: Annotated[
        bool | None,
        typer.Option("--drop-bad", help="Leave out boxes without area or outside the picture."),
    ] = None,
    skip_bad: Annotated[
        bool | None,
        typer.Option("--skip-bad", help="Leave out whatever is wrong, name it, and go on."),
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; 0 chooses.")] = None,
    force: show.Force = False,
    as_json: show.Json = False,
    quiet: show.Quiet = False,
) -> None:
    """Turn photos and their JSON corner boxes (or COCO, or YOLO) into a tree to train on.

    Everything is checked first: where anything is wrong, all of it is listed and nothing written.
    """
    flags = dict(locals())
    from pipeline import config
    from pipeline.convert import ConvertOptions, convert

    show.listen(quiet=quiet)
    block: dict[str, Any] = {}
    if out is None or config.is_config(source):
        run = config.load(source)
        source, out, block = run.source, out or run.prepared, run.block("convert")
    names = set(ConvertOptions.__dataclass_fields__)
    given = {k.rstrip("_"): v for k, v in flags.items() if k.rstrip("_") in names and v != []}
    given["classes"] = _classes(classes)
    options = config.options(ConvertOptions, block, given)
    made = convert(source, out, options, force=force, track=show.track(quiet=quiet))
    if as_json:
        show.as_json({"prepared": str(out), **made})
    else:
        _show(made, out)


def _classes(text: str | None) -> dict[str, list[str] | None] | None:
    """The mapping in "Ten=Ten_front|Ten_back,Fifty"."""
    if text is None:
        return None
    parts = [part.strip().partition("=") for part in text.split(",") if part.strip()]
    return {name: labels.split("|") if labels else None for name, _, labels in parts}


def _show(made: dict[str, Any], out: Path) -> None:
    splits = made["splits"]
    header = ["", *splits, "all"]
    kinds = ("images", "backgrounds", "groups", "boxes")
    counts = {kind: [part[kind] for part in splits.values()] for kind in kinds}
    counts |= {
        f"  {name}": [part["classes"][name] for part in splits.values()] for name in made["classes"]
    }
    rows = [[what, *count, sum(count)] for what, count in counts.items()]
    show.table(header, rows)
    if made["left_out"]:
        show.line(f"{len(made['left_out'])} left out; all are named in {out}/manifest.json")
    show.line(f"{out}: {'unchanged' if made['unchanged'] else 'written'}")
