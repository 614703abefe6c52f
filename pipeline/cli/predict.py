"""`boxwright predict`: a trained model on photos, videos, a camera or a stream."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from pipeline.cli import show
from pipeline.errors import BoxwrightError
from pipeline.progress import Track

T = TypeVar("T")
_SHOWN = 20  # of what was passed over; the manifest has them all


def predict_cli(
    model: Annotated[
        Path,
        typer.Argument(
            help="Weights (best.pt), or a config: the weights of its run.", metavar="WEIGHTS|CONFIG"
        ),
    ],
    source: Annotated[
        list[str] | None,
        typer.Argument(
            help="Photos, folders, globs, videos, a camera's number, a stream's URL. With a"
            " config: its `predict.source`, else the validation pictures.",
            metavar="SOURCE",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The folder to make; earlier predictions in it are replaced. Without:"
            " runs/predict, runs/predict-2, and so on."
        ),
    ] = None,
    conf: Annotated[float | None, typer.Option(help="Leave out less sure boxes (0.25).")] = None,
    iou: Annotated[
        float | None, typer.Option(help="Of two boxes that overlap more, keep one (0.7).")
    ] = None,
    imgsz: Annotated[int | None, typer.Option(help="Side in pixels (as trained).")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, 0, mps.")] = None,
    classes: Annotated[
        list[str] | None, typer.Option("--classes", help="Only this class; may be repeated.")
    ] = None,
    max_det: Annotated[int | None, typer.Option(help="Boxes a picture at most (300).")] = None,
    batch: Annotated[int | None, typer.Option(help="Pictures looked at together (8).")] = None,
    vid_stride: Annotated[int | None, typer.Option(help="Every n-th frame only (1).")] = None,
    max_frames: Annotated[
        int | None, typer.Option(help="At most this many frames of each video or stream.")
    ] = None,
    pictures: Annotated[
        bool | None, typer.Option("--pictures/--no-pictures", help="Annotated pictures, videos.")
    ] = None,
    save_json: Annotated[
        bool | None, typer.Option("--save-json", help="predictions.json: COCO with scores.")
    ] = None,
    save_csv: Annotated[
        bool | None, typer.Option("--save-csv", help="predictions.csv: a line a box.")
    ] = None,
    save_txt: Annotated[
        bool | None, typer.Option("--save-txt", help="labels/: YOLO lines with scores.")
    ] = None,
    save_crops: Annotated[
        bool | None, typer.Option("--save-crops", help="crops/<class>/: each box cut out.")
    ] = None,
    font: Annotated[Path | None, typer.Option(help="A font file for the class names.")] = None,
    force: show.Force = False,
    as_json: show.Json = False,
    quiet: show.Quiet = False,
) -> None:
    """Find objects in photos, videos, a camera or a stream; write annotated copies and lists."""
    flags = {
        "source": source or None, "classes": classes or None, "conf": conf, "iou": iou,
        "imgsz": imgsz, "device": device, "max_det": max_det, "batch": batch, "font": font,
        "vid_stride": vid_stride, "max_frames": max_frames, "pictures": pictures,
        "save_json": save_json, "save_csv": save_csv, "save_txt": save_txt,
        "save_crops": save_crops,
    }  # fmt: skip
    show.listen(quiet=quiet)
    result = _predict(model, flags, out, force, _track(quiet=quiet))
    if as_json:
        show.as_json(result)
    else:
        _show(result)


def _predict(
    model: Path, flags: dict[str, Any], out: Path | None, force: bool, track: Track
) -> dict[str, Any]:
    import dataclasses

    from pipeline import config, manifest, models
    from pipeline.inference.run import PredictOptions, predict

    run = config.load(model) if config.is_config(model) else None
    options = config.options(PredictOptions, run.block("predict") if run else {}, flags)
    sources, weights = list(options.source), options.weights or model
    if run:
        sources = sources or [str(run.prepared / "images" / "val")]
        weights = options.weights or run.trained()
    if not sources:
        raise BoxwrightError("no source.\n    -> name photos, folders, videos or a camera.")
    places = manifest.numbered((run.runs if run else Path("runs")) / "predict")
    folder = out or next(place for place in places if not place.exists())
    detector = models.load(weights, imgsz=options.imgsz, device=options.device)
    options = dataclasses.replace(options, weights=weights)
    result = predict(detector, sources, options, folder, track, force=force)
    return {"folder": str(folder), **result}


def _track(*, quiet: bool) -> Track:
    """A progress bar with frames per second on a terminal; nothing in a pipe."""

    def shown(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
        if quiet or not sys.stderr.isatty():
            yield from items
            return
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        columns = (
            "{task.description}", BarColumn(), MofNCompleteColumn(),
            "{task.fields[speed]}", TimeRemainingColumn(),
        )  # fmt: skip
        with Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task(escape(what), total=total, speed="")
            for item in items:
                yield item
                speed = progress.tasks[0].speed
                progress.update(task, advance=1, speed=f"{speed:.1f} fps" if speed else "")

    return shown


def _show(result: dict[str, Any]) -> None:
    video = f"{_many(result['frames'], 'frame')} of {_many(result['videos'], 'video')}"
    looked = [_many(result["photos"], "photo")] * bool(result["photos"])
    looked += [video] * bool(result["frames"])
    end = " (stopped by Ctrl-C)" if result["stopped"] else ""
    speed = f"{result['per_second']:.1f} a second{end}"
    show.line(f"{_many(result['boxes'], 'box', 'es')} in {' and '.join(looked)}; {speed}")
    found = {name: count for name, count in result["classes"].items() if count}
    if found:
        show.table(("class", "boxes"), sorted(found.items(), key=lambda pair: -pair[1]))
    passed = result["passed_over"]
    if passed:
        show.line(f"Passed over ({len(passed)}):")
    for item in passed[:_SHOWN]:
        show.line(f"  {item['source']}: {item['problem']}")
    if len(passed) > _SHOWN:
        show.line(f"  and {len(passed) - _SHOWN} more: see {result['folder']}/manifest.json")
    show.line(f"Written: {result['folder']}")


def _many(count: int, what: str, plural: str = "s") -> str:
    return f"{count:,} {what}{plural if count != 1 else ''}"
