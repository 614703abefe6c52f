"""`boxwright train`: a prepared folder to a trained and evaluated model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli import show

if TYPE_CHECKING:
    from pipeline.training.places import Again


def train_cli(
    source: Annotated[
        Path, typer.Argument(help="A config, or a prepared folder.", metavar="CONFIG|PREPARED")
    ],
    model: Annotated[
        str | None,
        typer.Option(
            help="yolov8n (default), yolov5su, rtdetr-l, …; a .pt; a .yaml: from scratch."
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Times every picture is shown (100).")] = None,
    imgsz: Annotated[int | None, typer.Option(help="Side in pixels, of 32s (640).")] = None,
    batch: Annotated[int | None, typer.Option(help="Pictures a step (16); -1 fills a GPU.")] = None,
    device: Annotated[str | None, typer.Option(help="auto (default), cpu, 0, mps.")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that load pictures; default: what suits.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random (0).")] = None,
    patience: Annotated[
        int | None, typer.Option(help="Epochs without progress before it stops (50); 0 never.")
    ] = None,
    freeze: Annotated[int | None, typer.Option(help="Keep the first this many layers (0).")] = None,
    optimizer: Annotated[
        str | None, typer.Option(help="auto (default), SGD, AdamW, Adam, RMSprop and more.")
    ] = None,
    lr0: Annotated[float | None, typer.Option(help="Learning rate at the start (0.01).")] = None,
    lrf: Annotated[float | None, typer.Option(help="At the end, as a share of it (0.01).")] = None,
    momentum: Annotated[float | None, typer.Option(help="Of SGD; beta1 of Adam (0.937).")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="L2 penalty (0.0005).")] = None,
    cos_lr: Annotated[
        bool | None, typer.Option("--cos-lr/--no-cos-lr", help="Learning rate along a cosine.")
    ] = None,
    warmup_epochs: Annotated[float | None, typer.Option(help="Of rising rate (3).")] = None,
    nbs: Annotated[int | None, typer.Option(help="Nominal batch size (64).")] = None,
    amp: Annotated[
        bool | None, typer.Option("--amp/--no-amp", help="Half precision on a GPU (on).")
    ] = None,
    cache: Annotated[
        str | None, typer.Option(help="Where decoded pictures are kept: none, ram, small, disk.")
    ] = None,
    hyp: Annotated[
        str | None,
        typer.Option(
            help="Augmentation: moderate (default), rotated, … (configs/hyp), or a .yaml."
        ),
    ] = None,
    transforms: Annotated[
        str | None,
        typer.Option(help="A .yaml with a list of Albumentations' transforms (none)."),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Folder with pretrained weights (weights).")
    ] = None,
    download: Annotated[
        bool | None, typer.Option("--download", help="Fetch pretrained weights that are missing.")
    ] = None,
    mismatch: Annotated[
        bool | None,
        typer.Option(
            "--mismatch/--no-mismatch", help="Compare train, train_dev, val and test after it (on)."
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="The run's name; default: the config's.")] = None,
    runs: Annotated[Path | None, typer.Option(help="Folder of run folders (runs).")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an unfinished run.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Begin an unfinished run anew, or a finished one again.")
    ] = False,
    as_json: show.Json = False,
    quiet: show.Quiet = False,
) -> None:
    """Train a detector, evaluate it, and leave a run folder with weights, metrics and a report.

    Everything is checked before it starts. A run that is there already is not made again; one that
    differs gets a name of its own.
    """
    flags = dict(locals())
    if resume and force:
        raise typer.BadParameter("--resume and --force exclude each other")
    show.listen(quiet=quiet)
    from pipeline import config
    from pipeline.cli import watching
    from pipeline.evaluation.mismatch import MismatchOptions
    from pipeline.evaluation.run import EvaluateOptions
    from pipeline.training.run import TrainOptions, train

    blocks: dict[str, dict[str, Any]] = {}
    prepared, out = source, Path(runs or "runs", name or source.absolute().name)
    if config.is_config(source):
        run = config.load(source)
        blocks, prepared = {**run.blocks, "train": run.training()}, run.prepared
        out = Path(runs or run.runs, name or run.name)
    given = {key: flags[key] for key in TrainOptions.__dataclass_fields__}
    options = config.options(TrainOptions, blocks.get("train", {}), given)
    measured = config.options(EvaluateOptions, blocks.get("evaluate", {}), {"device": device})
    compared = config.options(
        MismatchOptions, blocks.get("mismatch", {}), {"after_training": mismatch}
    )
    again: Again = "resume" if resume else "force" if force else ""
    with watching.audience(show.track(quiet=quiet), quiet=quiet) as told:
        made = train(
            prepared,
            options,
            out,
            again=again,
            evaluation=measured,
            mismatch=compared,
            audience=told,
        )
    if as_json:
        show.as_json(made)
    else:
        _show(made)


def _show(made: dict[str, Any]) -> None:
    run = Path(made["run"])
    scores = "  ".join(f"{key} {value:.3f}" for key, value in made["metrics"].items())
    epochs = made["epochs"]
    show.line(f"{made['model']['name']}, {epochs['done']} of {epochs['asked']} epochs: {scores}")
    _show_mismatch(run / "mismatch.json")
    places = {
        "weights": run / "weights" / "best.pt",
        "metrics": run / "metrics.json",
        "pictures": run / "train_batch0.jpg",
        "samples": run / "samples",
        "report": run / "report.html",
    }
    for what, path in places.items():
        show.line(f"  {what:9} {path}")


def _show_mismatch(file: Path) -> None:
    """Where the score is lost, if that was measured."""
    if not file.exists():
        return
    import json

    from pipeline.cli.mismatch import show_gaps

    show_gaps(json.loads(file.read_text(encoding="utf-8"))["table"])
