"""`boxwright augment`: what a preset makes of pictures and labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli import show


def augment_cli(
    source: Annotated[
        Path, typer.Argument(help="A prepared folder, or a config.", metavar="PREPARED|CONFIG")
    ],
    hyp: Annotated[
        str | None,
        typer.Option(help="A preset (the config's, or moderate) or a .yaml like one."),
    ] = None,
    imgsz: Annotated[
        int | None, typer.Option(help="Side of the training pictures (the config's, or 640).")
    ] = None,
    stretch: Annotated[
        bool | None,
        typer.Option("--stretch/--no-stretch", help="To squares, as for an RT-DETR (off)."),
    ] = None,
    count: Annotated[int | None, typer.Option(help="Pictures on the sheet (16).")] = None,
    boxes: Annotated[
        int | None, typer.Option(help="Of each class to follow for the table (300); 0: no table.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed draws others (0).")] = None,
    transforms: Annotated[
        str | None,
        typer.Option(help="A .yaml with a list of Albumentations' transforms (the config's)."),
    ] = None,
    write: Annotated[
        int | None,
        typer.Option(
            help="Instead: a new folder with this many variants, by the transforms alone, of each"
            " training picture.",
            min=1,
        ),
    ] = None,
    min_visible: Annotated[
        float | None,
        typer.Option(
            help="--write: an object of which less than this share is left has no label (0.1)."
        ),
    ] = None,
    font: Annotated[Path | None, typer.Option(help="A font file for the class names.")] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Output folder; default: among the runs."),
    ] = None,
    as_json: show.Json = False,
    quiet: show.Quiet = False,
    force: show.Force = False,
) -> None:
    """Show what training will see with a preset, and count the boxes it loses, cuts and inflates.

    Leaves a contact sheet and a table, both from the trainer's own loader. No model is needed.
    """
    flags = {
        "hyp": hyp,
        "imgsz": imgsz,
        "stretch": stretch,
        "count": count,
        "boxes": boxes,
        "seed": seed,
        "transforms": transforms,
        "min_visible": min_visible,
        "font": font,
    }
    show.listen(quiet=quiet)
    from pipeline.augment import show as run

    if write is not None:
        made = run.write(source, flags, write, out, force=force, track=show.track(quiet=quiet))
        show.as_json(made) if as_json else _show_written(made)
        return
    job = run.plan(source, flags, out)
    found = run.show(job, force=force, track=show.track(quiet=quiet))
    if as_json:
        show.as_json({**found, "out": str(job.out)})
    else:
        _show(found, job.out)


def _show_written(made: dict[str, Any]) -> None:
    rows = [[row[key] for key in ("class", "before", "new", "lost")] for row in made["boxes"]]
    show.table(["class", "boxes", "in variants", "lost"], rows, "Training boxes")
    pictures, out = made["pictures"], made["out"]
    total = pictures["before"] + pictures["new"]
    show.line(f"Training pictures: {pictures['before']:,} → {total:,}. The other splits stay.")
    show.line(f"{out}: written. Next: boxwright preview {out}; boxwright train {out}")


_SHARES = ("lost", "cut", "inflated")


def _show(found: dict[str, Any], out: Path) -> None:
    if found["account"]:
        _table(found)
    for sentence in found["notes"]:
        show.line(f"Note: {sentence}")
    show.line(f"\nSheet: {out / 'sheet.jpg'}")
    if found["account"]:
        show.line(f"Table: {out / 'account.csv'}")


def _table(found: dict[str, Any]) -> None:
    header = ["transform", *_SHARES, "IoU", "an epoch"]
    lines = [[name, *_cells(rows[-1])] for name, rows in found["account"].items()]
    show.table(header, lines, f"What becomes of the labels: {found['preset']}")
    *_, (name, rows) = found["account"].items()
    classes = zip(found["classes"], rows, strict=False)  # the last row is that of all
    cells = [[label, *_cells(row)] for label, row in classes]
    show.table(["class", *header[1:]], cells, f"Each class: {name}")
    own, ellipse = found["outlines"]["own"], found["outlines"]["ellipse"]
    show.line("Lost: boxes without a label. Of labels, cut: under 95 % of the object is seen;")
    show.line(
        "inflated: over 1.1 times the area of the tight box around what is seen of the outline"
    )
    show.line(f"({own:,} boxes) or, where there is only a box, of the ellipse in it ({ellipse:,}).")
    show.line("IoU: of label and tight box, the mean. An epoch: how often a box is in its labels.")


def _cells(row: dict[str, Any]) -> list[str]:
    shares = ["-" if row[key] is None else f"{row[key]:.1%}" for key in _SHARES]
    others = ["-" if row[key] is None else f"{row[key]:.2f}" for key in ("iou", "times")]
    return [*shares, *others]
