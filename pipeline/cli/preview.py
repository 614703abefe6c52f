"""`boxwright preview`: a contact sheet of a prepared data set, with its boxes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli import show


def preview_cli(
    prepared: Annotated[
        Path, typer.Argument(help="A prepared folder, or a config.", metavar="PREPARED|CONFIG")
    ],
    split: Annotated[str | None, typer.Option(help="Only this split: train, val, test.")] = None,
    count: Annotated[int | None, typer.Option(help="How many pictures (16).")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed shows other pictures (0).")] = None,
    class_name: Annotated[
        str | None, typer.Option("--class", help="Only pictures that hold this class.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The picture to write, .jpg or .png.")] = Path(
        "preview.jpg"
    ),
    font: Annotated[Path | None, typer.Option(help="A font file for the class names.")] = None,
    as_json: show.Json = False,
    quiet: show.Quiet = False,
) -> None:
    """A contact sheet: pictures with their boxes drawn on them, spread over the classes."""
    from pipeline import config, draw
    from pipeline.formats import yolo
    from pipeline.preview import PreviewOptions, preview

    show.listen(quiet=quiet)
    track = show.track(quiet=quiet)
    flags = {
        "split": split, "count": count, "seed": seed, "class_name": class_name, "font": font,
    }  # fmt: skip
    options = config.options(PreviewOptions, {}, flags)
    folder = config.load(prepared).prepared if config.is_config(prepared) else prepared
    sheet = preview(yolo.read(folder, track), options, track)
    draw.save(out, sheet)
    if as_json:
        show.as_json({"picture": str(out), "width": sheet.shape[1], "height": sheet.shape[0]})
    else:
        show.line(f"{out}: {sheet.shape[1]}x{sheet.shape[0]} pixels")
