"""How long work says how far it is, without knowing who watches.

A function that may take more than a second accepts ``track: Track = silent`` and wraps what it
loops over: ``for item in track(items, "reading", len(items))``. The command line passes a rich
progress bar; notebooks and tests pass nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Track(Protocol):
    """Wraps an iterable so that its progress is shown; `total` is the number of items."""

    def __call__(self, items: Iterable[T], what: str, total: int | None = None) -> Iterable[T]: ...


def silent(items: Iterable[T], what: str, total: int | None = None) -> Iterable[T]:  # noqa: ARG001
    """Show nothing."""
    return items
