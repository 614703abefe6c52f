"""The `boxwright` command: one file a command; this one only puts them together.

Nothing heavy is imported here or at the top of a command's file: `boxwright --help` answers in
under 0.3 s.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Annotated

import typer

from pipeline import __version__

COMMANDS = (
    "sample",
    "convert",
    "balance",
    "stats",
    "preview",
    "leaks",
    "check",
    "fix",
    "groups",
    "augment",
    "train",
    "ablate",
    "evaluate",
    "mismatch",
    "predict",
    "doctor",
)


def program(given: Sequence[str] = ()) -> typer.Typer:
    """The program; with one command only where it is the first word given.

    To build all of them takes longer than to convert a thousand pictures.
    """
    app = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in given[:1] if given and given[0] in COMMANDS else COMMANDS:
        module = importlib.import_module(f"pipeline.cli.{name}")
        app.command(name)(getattr(module, f"{name}_cli"))
    return app


def _version(value: bool) -> None:
    if value:
        typer.echo(f"boxwright {__version__}")
        raise typer.Exit


def _root(
    _version_flag: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """From a folder of photos and JSON corner boxes to an object detector that can be trusted."""
