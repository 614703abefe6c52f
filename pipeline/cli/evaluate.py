"""`boxwright evaluate`: how good a model is, in numbers, plots and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli import show


def evaluate_cli(
    source: Annotated[
        Path, typer.Argument(help="A config, or a weights file.", metavar="CONFIG|WEIGHTS")
    ],
    prepared: Annotated[
        Path | None,
        typer.Argument(help="The prepared folder; with a config, its own.", metavar="PREPARED"),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="What to measure on: val (default), test, train.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Output folder; default: evaluate-<split> in the run."),
    ] = None,
    conf: Annotated[float | None, typer.Option(help="Least confidence (0.001).")] = None,
    iou: Annotated[
        float | None, typer.Option(help="Overlap above which the surer of two boxes stays (0.7).")
    ] = None,
    max_det: Annotated[int | None, typer.Option(help="Most predictions a picture (300).")] = None,
    imgsz: Annotated[int | None, typer.Option(help="Side in pixels; default: as trained.")] = None,
    batch: Annotated[int | None, typer.Option(help="Pictures at a time (16).")] = None,
    device: Annotated[str | None, typer.Option(help="auto (default), cpu, 0, mps.")] = None,
    samples: Annotated[int | None, typer.Option(help="Pictures to draw (12).")] = None,
    as_json: show.Json = False,
    quiet: show.Quiet = False,
    force: show.Force = False,
) -> None:
    """Measure a model: mAP, precision and recall, per class and size, with plots and a report."""
    flags = {
        "split": split,
        "conf": conf,
        "iou": iou,
        "max_det": max_det,
        "imgsz": imgsz,
        "batch": batch,
        "device": device,
        "samples": samples,
    }
    show.listen(quiet=quiet)
    from pipeline import config

    if prepared is None and not config.is_config(source):
        raise typer.BadParameter("a weights file needs the prepared folder as second argument")
    from pipeline.evaluation import job

    todo = job.plan(source, prepared, flags, out)
    metrics = job.do(todo, force=force, track=show.track(quiet=quiet))
    if as_json:
        show.as_json({**metrics, "out": str(todo.out)})
    else:
        show_metrics(metrics, todo.options.split)
        show.line(f"\nReport: {todo.out / 'report.html'}")


def show_metrics(metrics: dict[str, Any], split: str) -> None:
    """Print a table of the classes and what the numbers say in words."""
    from pipeline.report import words

    header = ("class", "boxes", "AP50-95", "AP50", "precision", "recall")
    mean = {**metrics, "class": "all", "AP50-95": metrics["mAP50-95"], "AP50": metrics["mAP50"]}
    show.table(header, [_row(row) for row in [*metrics["classes"], mean]])
    for sentence in words.score(metrics, split):
        show.line(sentence)


def _row(row: dict[str, Any]) -> list[str]:
    precision = row["precision"] if row["drawn"] else None
    shares = (row["AP50-95"], row["AP50"], precision, row["recall"])
    shown = ("-" if share is None else f"{share:.3f}" for share in shares)
    return [row["class"], f"{row['boxes']:,}", *shown]
