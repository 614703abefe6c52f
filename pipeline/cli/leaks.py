"""`boxwright leaks`: pictures that stand on both sides of a split."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli import show

LEAKED = 3  # the exit code where more is leaked than --max-share; 1 is an error, 2 wrong usage


def leaks_cli(
    source: Annotated[
        Path,
        typer.Argument(
            help="A config, or a tree: a YOLO folder or data.yaml, or a folder of COCO files.",
            metavar="PREPARED|CONFIG",
        ),
    ],
    weights: Annotated[
        Path | None,
        typer.Option(
            "--weights",
            "-w",
            help="A model: its score on leaked and on clean pictures; a config's own if trained.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Output folder; default: leaks in the run's folder."),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(help="exact, near, video, burst or group; repeatable (default: all)."),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(help="Groups by names, not by pictures.csv: 'folder' or a pattern."),
    ] = None,
    max_share: Annotated[
        float | None, typer.Option(help="Share of a split that may be leaked (0); above: exit 3.")
    ] = None,
    gap: Annotated[
        float | None, typer.Option(help="Seconds between two shots of a burst (2).")
    ] = None,
    shown: Annotated[int | None, typer.Option(help="Pairs to draw on the page (36).")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the resampling (0).")] = None,
    split: Annotated[
        str | None, typer.Option(help="What to measure the model on: val (default) or test.")
    ] = None,
    imgsz: Annotated[int | None, typer.Option(help="Side in pixels; default: as trained.")] = None,
    batch: Annotated[int | None, typer.Option(help="Pictures at a time (16).")] = None,
    device: Annotated[str | None, typer.Option(help="auto (default), cpu, 0, mps.")] = None,
    as_json: show.Json = False,
    quiet: show.Quiet = False,
    force: show.Force = False,
) -> None:
    """Find pictures that stand on both sides of a split, and what they do to the score.

    Ends with exit code 0 where nothing (or no more than --max-share) is leaked, 3 where more is.
    """
    flags = {
        "by": by or None,
        "group": group,
        "max_share": max_share,
        "gap": gap,
        "shown": shown,
        "seed": seed,
        "split": split,
        "imgsz": imgsz,
        "batch": batch,
        "device": device,
    }
    show.listen(quiet=quiet)
    from pipeline.check import job

    todo = job.plan(source, weights, flags, out)
    found = job.do(todo, force=force, track=show.track(quiet=quiet))
    if as_json:
        show.as_json({**found, "out": str(todo.out)})
    else:
        _show(found, todo.out)
    if not found["ok"]:
        raise typer.Exit(LEAKED)


def _show(found: dict[str, Any], out: Path) -> None:
    from pipeline.check import page, words

    header = ("split", "against", "pictures", "leaked", "share", *found["ways"])
    rows = [
        [name, before, f"{part['pictures']:,}", *_counts(row)]
        for name, part in found["splits"].items()
        for before, row in part["against"].items()
    ]
    show.table(header, rows, "Leaked pictures")
    for sentence in (*words.verdict(found), words.labels(found), *_words(found)):
        if sentence:
            show.line(sentence)
    for text in words.advice(found):
        show.line(f"\n{text}")
    show.line(f"\nThe pairs side by side: {out / page.FILE}")


def _counts(row: dict[str, Any]) -> list[str]:
    kinds = (f"{count:,}" for count in row["kinds"].values())
    return [f"{row['leaked']:,}", f"{row['share']:.1%}", *kinds]


def _words(found: dict[str, Any]) -> list[str]:
    return found["inflation"]["words"] if found["inflation"] else []
