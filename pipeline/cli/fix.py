"""`boxwright fix`: decisions about findings, applied to the annotations as a new set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli import show

_PROGRAMS = ("page", "labelme", "cvat", "labelstudio")


def fix_cli(
    checked: Annotated[
        Path,
        typer.Argument(
            help="What was checked: a config, a prepared folder, or annotations; with --reverse "
            "what `fix` made.",
            metavar="PREPARED|CONFIG|SOURCE",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="The new set, beside the old: a new folder.")
    ],
    decisions: Annotated[
        Path | None,
        typer.Argument(
            help="decisions.json from the page; the findings of `boxwright check --json`; or "
            "labels that were mended after --to: a folder, or a COCO file.",
            metavar="DECISIONS",
        ),
    ] = None,
    above: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Of findings: accept, unseen, each fix at least this sure (0 to 1), and those of "
            "errors that are certain.",
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            help="Apply nothing; write what is open for: page, labelme, cvat, labelstudio."
        ),
    ] = None,
    source: Annotated[
        Path | None, typer.Option(help="Where the source of a prepared folder is, if it was moved.")
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder of the pictures, if not beside the annotations.")
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out decisions that cannot be applied.")
    ] = False,
    reverse: Annotated[
        bool, typer.Option("--reverse", help="Write the set as it was before `fix` made this one.")
    ] = False,
    as_json: show.Json = False,
    quiet: show.Quiet = False,
    force: show.Force = False,
) -> None:
    """Apply what was decided about findings to the source's annotations, as a new set.

    The originals are not touched. The new set tells of every change (changes.json); --reverse
    undoes them.
    """
    show.listen(quiet=quiet)
    track = show.track(quiet=quiet)
    from pipeline.check import fix

    if reverse:
        made = fix.reverse(checked, out, force=force)
    else:
        job = fix.Job(checked, _given(decisions), out, above, source, images)
        _check_program(to)
        if to is None:
            made = fix.do(job, skip_bad=skip_bad, force=force, track=track)
        else:
            made = fix.hand_over(job, to, force=force, track=track)
    if as_json:
        show.as_json({**made, "out": str(out)})
    else:
        _show(made, out)


def _given(decisions: Path | None) -> Path:
    if decisions is None:
        raise typer.BadParameter("decisions.json, or findings, must be given.")
    return decisions


def _check_program(to: str | None) -> None:
    if to is not None and to not in _PROGRAMS:
        raise typer.BadParameter(f"{to!r} is none of {', '.join(_PROGRAMS)}.", param_hint="--to")


def _show(made: dict[str, Any], out: Path) -> None:
    if "page" in made:
        show.line(f"{made['findings']:,} findings to go through: open {out / made['page']}")
    elif "program" in made:
        show.line(
            f"{made['pictures']:,} pictures with {made['findings']:,} open findings, for "
            f"{made['program']}: {out}"
        )
    elif "changes" in made:
        _show_changes(made)
        show.line(f"\nEvery change, as it was and as it is: {out / 'changes.json'}")
        images = f" --images {made['images']}" if made["images"] else ""
        show.line(f"Next: boxwright convert {out / made['next']}{images} ...")
    else:
        show.line(f"{made['files']:,} files are as they were: {out}")


def _show_changes(made: dict[str, Any]) -> None:
    show.table(("of kind", "changes"), made["kinds"].items())
    changes = ", ".join(
        f"{count:,} labels {_DONE[name]}" for name, count in made["changes"].items()
    )
    show.line(f"{changes}, in {made['files']:,} files.")
    for key, words in (("overruled", "overruled by another one"), ("not_applied", "not applied")):
        if made[key]:
            show.line(f"{made[key]:,} accepted findings {words}: changes.json tells why.")


_DONE = {"change": "changed", "remove": "removed", "add": "added"}
