"""`boxwright check`: what is wrong with annotations, where, and why."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli import show

FAILED = 1
TOLD = 5  # findings of a kind to name on the terminal; --all, --csv and --json have the rest


def check_cli(
    source: Annotated[
        Path,
        typer.Argument(
            help="A config, a prepared folder, a YOLO tree, a COCO file, or a folder of labelme.",
            metavar="PREPARED|CONFIG|SOURCE",
        ),
    ],
    only: Annotated[
        list[str] | None, typer.Option(help="Tell only findings of this kind; repeatable.")
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(help="Tell no findings of this kind; repeatable.")
    ] = None,
    fail_on: Annotated[
        str | None,
        typer.Option(help="Exit code 1 from: error (default), warning, hint; or never."),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write all findings as a table here.")] = None,
    page: Annotated[
        Path | None,
        typer.Option(help="A folder to write a page in, to accept or reject the findings on."),
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder of the pictures, if not beside the annotations.")
    ] = None,
    form: Annotated[
        str | None,
        typer.Option("--from", "--format", help="Format of the annotations, as for `convert`."),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            help="Hold labels against predictions: train so many models, each on all folds but the "
            "one that it judges."
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Of each fold's training (30).")] = None,
    predictions: Annotated[
        Path | None, typer.Option(help="The predictions.npz that --folds left, instead.")
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="A model that was not trained on these pictures, instead."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Another seed deals and plants otherwise (0).")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Name every finding, not the worst 5 of a kind.")
    ] = (False),
    as_json: show.Json = False,
    quiet: show.Quiet = False,
    force: show.Force = False,
) -> None:
    """Find what is wrong with annotations: each defect with its file, its place and its cause.

    Nothing is changed. Ends with exit code 0 where nothing, or only warnings and hints, are found;
    with 1 where there are errors (see --fail-on), or nothing that can be checked. Thresholds stand
    in a config's block `check`; folds are trained as its block `train` says. --force trains them
    anew, and replaces the page.
    """
    flags = {
        "only": only or None,
        "ignore": ignore or None,
        "fail_on": fail_on,
        "images": images,
        "format": form,
        "folds": folds,
        "epochs": epochs,
        "predictions": predictions,
        "weights": weights,
        "seed": seed,
    }
    show.listen(quiet=quiet)
    from pipeline.check import fix, run
    from pipeline.cli import watching

    todo = run.plan(source, flags)
    track = show.track(quiet=quiet)
    checked = run.do(
        todo,
        track,
        again="force" if force else "resume",
        watched=lambda: watching.audience(track, quiet=quiet),
    )
    if csv:
        run.write_csv(csv, checked.findings)
    if page:
        fix.page(checked.findings, checked.dataset, source, page, force=force, track=track)
    if as_json:
        show.as_json(run.as_json(todo, checked))
    else:
        _show(run.as_json(todo, checked), None if every else TOLD)
        if csv:
            show.line(f"\nAll of them: {csv}")
        if page:
            show.line(f"\nTo go through: {page / 'review.html'}")
    if checked.failed:
        raise typer.Exit(FAILED)


def _show(found: dict[str, Any], most: int | None) -> None:
    looked = f"{found['pictures']:,} pictures and {found['boxes']:,} boxes looked at"
    if found["judged"]:
        looked += f", {found['judged']:,} pictures held against predictions"
    if not found["findings"]:
        show.line(f"{looked}: nothing found.")
        return
    rows = [
        [kind, *(count or "" for count in row.values())] for kind, row in found["kinds"].items()
    ]
    show.table(("found", "errors", "warnings", "hints"), rows, looked)
    shown = _worst(found["findings"], most)
    for one in shown:
        _tell(one)
    left = len(found["findings"]) - len(shown)
    if left:
        show.line(f"\nand {left:,} more: --all names them, --csv and --json write them.")


def _worst(found: list[dict[str, Any]], most: int | None) -> list[dict[str, Any]]:
    """The first few of each kind."""
    told: Counter[str] = Counter()
    shown = []
    for one in found:
        told[one["kind"]] += 1
        if most is None or told[one["kind"]] <= most:
            shown.append(one)
    return shown


def _tell(one: dict[str, Any]) -> None:
    where = ": ".join(one[key] for key in ("file", "place") if key in one) or "the whole set"
    sure = f" (P = {one['sureness']:.2f})" if "sureness" in one else ""
    show.line(f"{one['severity']}: {where}: {one['kind']}{sure}: {one['message']}")
    if "advice" in one:
        show.line(f"    -> {one['advice']}")
