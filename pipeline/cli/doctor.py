"""`boxwright doctor`: what is wrong with the installation, and the command that mends it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipeline.cli import show

if TYPE_CHECKING:
    from pipeline.doctor import Check

_COLOURS = {"ok": typer.colors.GREEN, "warning": typer.colors.YELLOW, "problem": typer.colors.RED}


def doctor_cli(as_json: show.Json = False, quiet: show.Quiet = False) -> None:
    """Check Python, libraries, GPU, fonts, disk: what is wrong, and the command that mends it."""
    import dataclasses

    from pipeline.doctor import examine

    show.listen(quiet=quiet)
    checks = examine(Path.cwd(), show.track(quiet=quiet))
    bad = [check for check in checks if check.level == "problem"]
    if as_json:
        shown = [dataclasses.asdict(check) for check in checks]
        show.as_json({"checks": shown, "problems": len(bad)})
    else:
        _show([check for check in checks if not quiet or check.level != "ok"], len(bad))
    if bad:
        raise typer.Exit(1)


def _show(checks: Sequence[Check], problems: int) -> None:
    for check in checks:
        mark = typer.style(f"{check.level:<8}", fg=_COLOURS[check.level])
        typer.echo(f"{mark} {check.name:<16} {check.found}")
        if check.fix:
            typer.echo(f"{'':<25} -> {check.fix}")
    end = f"{problems} problem{'s' if problems > 1 else ''} to mend" if problems else "ready"
    show.line(end)
