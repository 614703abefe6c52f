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
    train_dev: Annotated[
        float | None,
        typer.Option(help="Share of a split like train that is never trained on."),
    ] = None,
    folds: Annotated[
        int | None, typer.Option(help="So many trees, OUT/fold-1 and on, each with another val.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the split.")] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            help="What a split must not part; repeatable. A pattern on the name, 'folder',"
            " 'json:FIELD', 'csv:FILE', 'exif:camera', 'exif:burst', 'video', 'none', or 'found':"
            " pictures that show the same (where nothing is given)."
        ),
    ] = None,
    stratify: Annotated[
        bool | None,
        typer.Option(
            "--stratify/--no-stratify", help="Keep the shares of classes, sizes and background."
        ),
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option(help="Where a picture's origin is found (its camera, shop): as --group."),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(help="Origin that the detector is for: val and test are of it; repeatable."),
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
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Format of the source: auto (looks, and says what it saw), corners (labelme and"
            " its relatives), coco, yolo, voc, cvat, labelstudio, via, supervisely, csv, kitti,"
            " parquet.",
        ),
    ] = None,
    format_: Annotated[str | None, typer.Option("--format", hidden=True)] = None,
    to: Annotated[
        str | None,
        typer.Option(
            help="What to write: yolo (a tree to train on), coco, voc, labelme, csv, cvat,"
            " labelstudio, parquet or fiftyone."
        ),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(help="How many times larger coordinates are, where the JSON has no size."),
    ] = None,
    pair: Annotated[
        str | None, typer.Option(help="'name': pair by file name, whatever the JSON says.")
    ] = None,
    corners_from: Annotated[
        int | None,
        typer.Option(help="What Pascal VOC's corners count from, 0 or 1, where it is not told."),
    ] = None,
    shapes: Annotated[
        str | None,
        typer.Option(
            help="What turns with the boxes in training: box, ellipse, polygon, quad or auto; for"
            " all, or by class: 'Ten=ellipse,Thousand=quad'. Drawn outlines are always taken, but"
            " for box."
        ),
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
    """Turn photos and their annotations, of any common format, into a tree to train on.

    Everything is checked first: where anything is wrong, all of it is listed and nothing written.
    """
    flags = dict(locals())
    from pipeline import config
    from pipeline.convert import ConvertOptions, convert

    show.listen(quiet=quiet)
    block: dict[str, Any] = {}
    sources: tuple[config.Source, ...] = ()
    if out is None or config.is_config(source):
        run = config.load(source)
        source, out, block = run.source, out or run.prepared, run.block("convert")
        sources = run.sources
    names = set(ConvertOptions.__dataclass_fields__)
    given = {k.rstrip("_"): v for k, v in flags.items() if k.rstrip("_") in names and v != []}
    given |= {"format": from_ or format_}
    given |= {"classes": _classes(classes), "shapes": _shapes(shapes)}
    options = config.options(ConvertOptions, block, given)
    track = show.track(quiet=quiet)
    made = convert(sources or source, out, options, force=force, track=track)
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


def _shapes(text: str | None) -> str | dict[str, str] | None:
    """The mapping in "Ten=ellipse,Thousand=quad"; or the one word."""
    if text is None or "=" not in text:
        return text
    pairs = [part.rpartition("=") for part in text.split(",") if part.strip()]
    return {name.strip(): shape.strip() for name, _, shape in pairs}


def _show(made: dict[str, Any], out: Path) -> None:
    splits, shares = made["splits"], made.get("shares", {})
    header = ["", *(_asked(name, shares) for name in splits), "all"]
    kinds = {"images": "images", "backgrounds": "background", "groups": "", "boxes": ""}
    rows = [
        _row(kind, {name: part[kind] for name, part in splits.items()}, shares, (told,))
        for kind, told in kinds.items()
    ]
    rows += [
        _row(
            f"  {label}",
            {name: part["classes"][label] for name, part in splits.items()},
            shares,
            ("classes", label),
        )
        for label in made["classes"]
    ]
    if list(splits) == [""]:
        header, rows = ["", "all"], [[row[0], row[-1]] for row in rows]
    show.table(header, rows)
    _show_shapes(made.get("shapes", {}))
    for what, count in made.get("lost", {}).items():
        show.line(f"{made['format']} has no place for {count} {what}")
    if made["left_out"]:
        show.line(f"{len(made['left_out'])} left out; all are named in {out}/manifest.json")
    show.line(f"{out}: {'unchanged' if made['unchanged'] else 'written'}")


def _show_shapes(shapes: dict[str, Any]) -> None:
    """What turns with the boxes of each class, where that is more than the boxes."""
    if not any(told["drawn"] or told["guessed"] for told in shapes.values()):
        return
    kinds = ("drawn", "guessed", "box")
    rows = [[name, told["shape"], *(told[kind] for kind in kinds)] for name, told in shapes.items()]
    show.table(["labels turn as", "shape", "outline drawn", "guessed", "box only"], rows)


def _asked(name: str, shares: dict[str, Any]) -> str:
    return f"{name}  of {shares[name]['asked']:.0%}" if name in shares else name


def _row(
    what: str, counts: dict[str, int], shares: dict[str, Any], place: tuple[str, ...]
) -> list[object]:
    """Counts by split, each with the share that the split got of what there was to deal."""
    cells = []
    for name, count in counts.items():
        share = shares.get(name)
        for key in place:
            share = (share or {}).get(key)
        cells.append(f"{count}" if share is None else f"{count}  {share:.1%}")
    return [what, *cells, sum(counts.values())]
