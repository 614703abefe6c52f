"""`boxwright mismatch`: where a model's score is lost, and in what sources of pictures differ."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli import show


def mismatch_cli(
    source: Annotated[
        Path, typer.Argument(help="A prepared folder, or a config.", metavar="PREPARED|CONFIG")
    ],
    weights: Annotated[
        Path | None,
        typer.Option(help="The model; with a config, its run's. Without: only the sources."),
    ] = None,
    pictures: Annotated[
        int | None, typer.Option(help="Of each split and source, at most (500).")
    ] = None,
    wanted: Annotated[
        float | None, typer.Option(help="The score that could be reached (1), or people's.")
    ] = None,
    metric: Annotated[
        str | None, typer.Option(help="To judge by: mAP50 (default), mAP50-95.")
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Sources are: auto (default), origin, split.")
    ] = None,
    rounds: Annotated[int | None, typer.Option(help="Resamples for the intervals (300).")] = None,
    permutations: Annotated[
        int | None, typer.Option(help="For the floor under the distances (999).")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random (0).")] = None,
    imgsz: Annotated[int | None, typer.Option(help="Side in pixels; default: as trained.")] = None,
    batch: Annotated[int | None, typer.Option(help="Pictures at a time (16).")] = None,
    device: Annotated[str | None, typer.Option(help="auto (default), cpu, 0, mps.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder to make; default: mismatch in the run's folder.")
    ] = None,
    as_json: show.Json = False,
    quiet: show.Quiet = False,
    force: show.Force = False,
) -> None:
    """Tell bias, variance, data mismatch and over-tuning apart, and in what sources differ.

    With weights, the model is scored on train, train_dev, val and test; the largest gap says what
    to work on. Sources are those named by `origin` in convert, else the splits.
    """
    flags = {
        "pictures": pictures,
        "wanted": wanted,
        "metric": metric,
        "by": by,
        "rounds": rounds,
        "permutations": permutations,
        "seed": seed,
        "imgsz": imgsz,
        "batch": batch,
        "device": device,
    }
    show.listen(quiet=quiet)
    from pipeline.evaluation import mismatch_job as job

    todo = job.plan(source, weights, flags, out)
    found = job.do(todo, force=force, track=show.track(quiet=quiet))
    if as_json:
        show.as_json({**found, "out": str(todo.out)})
        return
    if found["table"]:
        show_table(found["table"])
    if found["distance"]:
        _show_distance(found["distance"])
    show.line(f"\nReport: {todo.out / 'mismatch.html'}")


def show_table(table: dict[str, Any]) -> None:
    """Print the scores of the splits, what their gaps say, and what to try."""
    show_gaps(table)
    for reason, ideas in table["to_try"].items():
        show.line(f"What to try against {reason}:")
        for idea in ideas:
            show.line(f"  - {idea}")
    if table["left_out"]:
        show.line(f"Not in every split, so left out: {', '.join(table['left_out'])}.")


def show_gaps(table: dict[str, Any]) -> None:
    """Print the scores of the splits and what their gaps say."""
    _scores("split", table["splits"], "Scores, and where 95 of 100 resamples lie")
    if table["val_by_origin"]:
        _scores("origin", table["val_by_origin"], "Val by origin")
    rows = [(gap["gap"], gap["from"], gap["to"], _score(gap)) for gap in table["gaps"]]
    show.table((f"lost ({table['metric']})", "from", "to", "gap"), rows)
    for sentence in table["sentences"]:
        show.line(sentence)


def _scores(key: str, rows: list[dict[str, Any]], title: str) -> None:
    header = (key, "pictures", "independent", "boxes", "mAP50", "mAP50-95")
    lines = [
        [
            row[key] or "(no origin)",
            f"{row['pictures']:,}",
            f"{row['independent']:,}",
            f"{row['boxes']:,}",
            _score(row["mAP50"]),
            _score(row["mAP50-95"]),
        ]
        for row in rows
    ]
    show.table(header, lines, title)


def _score(score: dict[str, Any]) -> str:
    if score["value"] is None:
        return "-"
    found = score["interval"]
    return f"{score['value']:.3f}" + (f" ({found[0]:.3f} to {found[1]:.3f})" if found else "")


def _show_distance(found: dict[str, Any]) -> None:
    show.line()
    show.line(f"In what the {found['by']}s differ:")
    for pair in found["pairs"]:
        seen = [row["words"] for row in pair["measures"] if row["differs"]]
        if not seen:
            show.line(f"- {pair['sentence']}")
            continue
        show.line(f"- {pair['second']}, compared with {pair['first']}, is")
        for words in seen:
            show.line(f"    {words}")
