"""`boxwright ablate`: which augmentation helps, upright and turned, and how surely that is so."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli import show

TRAINING = (
    *("model", "epochs", "imgsz", "batch", "device", "workers", "patience", "freeze"),
    *("optimizer", "lr0", "cache", "weights", "download"),
)
SHOWN = ("mAP50", "mAP50-95", "recall", "precision")


def ablate_cli(
    source: Annotated[
        Path, typer.Argument(help="A prepared folder, or a config.", metavar="PREPARED|CONFIG")
    ],
    hyps: Annotated[
        str | None,
        typer.Option(
            help="Presets or .yaml files, with commas (none,moderate,rotated,extreme); the others "
            "are compared with the first."
        ),
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="Trainings of each (3).")] = None,
    degrees: Annotated[
        float | None, typer.Option(help="Val pictures are turned by up to this, either way (45).")
    ] = None,
    metric: Annotated[
        str | None, typer.Option(help="To judge by: mAP50 (default), mAP50-95.")
    ] = None,
    rounds: Annotated[int | None, typer.Option(help="Resamples for the intervals (300).")] = None,
    model: Annotated[str | None, typer.Option(help="As in train (yolov8n).")] = None,
    epochs: Annotated[int | None, typer.Option(help="Of each training (100).")] = None,
    imgsz: Annotated[int | None, typer.Option(help="Side in pixels, of 32s (640).")] = None,
    batch: Annotated[int | None, typer.Option(help="Pictures a step (16).")] = None,
    device: Annotated[str | None, typer.Option(help="auto (default), cpu, 0, mps.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that load pictures.")] = None,
    patience: Annotated[
        int | None, typer.Option(help="Epochs without progress before it stops (0: never).")
    ] = None,
    freeze: Annotated[int | None, typer.Option(help="Keep the first this many layers (0).")] = None,
    optimizer: Annotated[str | None, typer.Option(help="As in train (auto).")] = None,
    lr0: Annotated[float | None, typer.Option(help="Learning rate at the start (0.01).")] = None,
    cache: Annotated[
        str | None, typer.Option(help="none (default), ram, small, disk: see train.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Folder with pretrained weights.")] = None,
    download: Annotated[
        bool | None, typer.Option("--download", help="Fetch pretrained weights that are missing.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What the runs' names begin with; default: the config's.")
    ] = None,
    runs: Annotated[Path | None, typer.Option(help="Folder of run folders (runs).")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder to make (RUNS/NAME-ablation).")
    ] = None,
    as_json: show.Json = False,
    quiet: show.Quiet = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Replace an output folder, whatever it is; begin stuck trainings anew."
        ),
    ] = False,
) -> None:
    """Train with each augmentation preset and several seeds, and say which helps, and how surely.

    Same data, same budget; measured on the validation pictures as they are and turned. Trainings
    that are there are taken as they are; interrupted, the same command goes on where it was.
    """
    flags = dict(locals())
    show.listen(quiet=quiet)
    from pipeline.ablate import job
    from pipeline.cli import watching

    ours = {key: flags[key] for key in ("seeds", "degrees", "metric", "rounds")}
    ours["hyps"] = [hyp.strip() for hyp in hyps.split(",")] if hyps is not None else None
    training = {key: flags[key] for key in TRAINING}
    todo = job.plan(source, ours, training, job.Places(runs, name, out))
    track = show.track(quiet=quiet)
    found = job.do(
        todo, force=force, track=track, watched=lambda: watching.audience(track, quiet=quiet)
    )
    if as_json:
        show.as_json({**found, "out": str(todo.out)})
        return
    _show(found)
    show.line(f"\nReport: {todo.out / 'ablation.html'}")


def _show(found: dict[str, Any]) -> None:
    rows = [
        [row["hyp"], row["view"], *(_spread(row[name]) for name in SHOWN)]
        for hyp in found["hyps"]
        for row in found["scores"]
        if row["hyp"] == hyp
    ]
    title = f"Mean ± standard deviation of {len(found['seeds'])} trainings"
    show.table(("preset", "measured", *SHOWN), rows, title)
    for view in ("upright", "turned"):
        _show_recalls(found, view)
    for sentence in (*found["sentences"], *found["limits"]):
        show.line(f"- {sentence}")


def _show_recalls(found: dict[str, Any], view: str) -> None:
    by_class: dict[str, list[str]] = {}
    for row in found["classes"]:
        if row["view"] == view:
            by_class.setdefault(row["class"], []).append(_spread(row["recall"]))
    rows = [[name, *cells] for name, cells in by_class.items()]
    show.table(("class", *found["hyps"]), rows, f"Recall, {view}")


def _spread(summary: dict[str, Any]) -> str:
    if summary["mean"] is None:
        return "-"
    return f"{summary['mean']:.3f}" + ("" if summary["sd"] is None else f" ± {summary['sd']:.3f}")
