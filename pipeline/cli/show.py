"""What the commands share in showing: progress, tables, JSON, messages.

Results go to stdout, everything else (progress, notes) to stderr, so that ``--json | jq`` works.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, TypeVar

import typer

from pipeline.progress import Track

T = TypeVar("T")

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only errors and the result.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an output folder, whatever it is.")]


def track(*, quiet: bool = False) -> Track:
    """A progress bar on a terminal; nothing in a pipe or with ``--quiet``."""

    def show(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
        if quiet or not sys.stderr.isatty():
            yield from items
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as progress:
            yield from progress.track(items, total=total, description=what)

    return show


def listen(*, quiet: bool) -> None:
    """Show what the core logs (notes and warnings) on stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Plain())
    handler.setLevel(logging.ERROR if quiet else logging.INFO)
    log = logging.getLogger("pipeline")
    log.handlers[:] = [handler]
    log.setLevel(logging.INFO)


class _Plain(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        mark = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        return mark + record.getMessage()


def as_json(result: Any) -> None:
    """Print a result for other programs."""
    sys.stdout.write(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


def line(text: str = "") -> None:
    """Print a line of the result; whatever it holds is shown as it is, no markup."""
    sys.stdout.write(text + "\n")


def table(header: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> None:
    """Print a table; the first column is text, the others are numbers."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left")
    for place, name in enumerate(header):
        shown.add_column(name, justify="left" if place == 0 else "right", overflow="fold")
    for row in rows:
        shown.add_row(*(Text(str(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else 100).print(shown)
