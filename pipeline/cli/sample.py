"""`boxwright sample`: draw the built-in data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli import show


def sample_cli(
    out: Annotated[Path, typer.Argument(help="The folder to make, or a config (.yaml).")],
    images: Annotated[int | None, typer.Option(help="Pictures, backgrounds included.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same bytes.")] = None,
    errors: Annotated[
        float | None,
        typer.Option(help="Share of the boxes that get a planted label error, told in truth.json."),
    ] = None,
    outlines: Annotated[
        bool | None,
        typer.Option(
            "--outlines",
            help="True outlines (polygons) in the JSON instead of two corners.",
            show_default=False,
        ),
    ] = None,
    force: show.Force = False,
    as_json: show.Json = False,
    quiet: show.Quiet = False,
) -> None:
    """Draw won coins and banknotes: pictures, labelme JSON, true outlines, a video.

    In the layout and with the habits of a real data set; groups of shots, backgrounds, labels at
    five times the pictures' scale.
    """
    from pipeline import config
    from pipeline.sample import SampleOptions, make_sample

    show.listen(quiet=quiet)
    block: dict[str, Any] = {}
    if config.is_config(out):
        run = config.load(out)
        out, block = run.source, run.block("sample")
    given = {"images": images, "seed": seed, "errors": errors, "outlines": outlines}
    options = config.options(SampleOptions, block, given)
    made = make_sample(out, options, show.track(quiet=quiet), force=force)
    if as_json:
        show.as_json(made)
        return
    told = "unchanged" if made["unchanged"] else "drawn"
    show.line(f"{made['folder']}: {told}")
    show.line(
        f"  {made['images']} pictures of {made['groups']} scenes, {made['boxes']} boxes,"
        f" {made['backgrounds']} backgrounds"
    )
