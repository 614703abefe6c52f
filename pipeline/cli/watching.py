"""How a training is shown: a bar of epochs on a terminal, a line an epoch in a pipe."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from pipeline.progress import Track
from pipeline.training.run import Audience

if TYPE_CHECKING:
    from rich.progress import Progress

    from pipeline.models import Epoch

T = TypeVar("T")


@contextlib.contextmanager
def audience(track: Track, *, quiet: bool) -> Iterator[Audience]:
    """Who watches: nobody with ``--quiet``, a terminal, or a pipe."""
    if quiet:
        yield Audience()
    elif not sys.stderr.isatty():
        yield InPipe(track)
    else:
        terminal = OnTerminal(track)
        try:
            yield terminal
        finally:
            terminal.close()


def row(epoch: Epoch) -> str:
    """An epoch in one line: losses on train, scores on val."""
    scores = {name: epoch.metrics[name] for name in ("mAP50", "mAP50-95")}
    shown = "  ".join(f"{name} {value:.3f}" for name, value in {**epoch.losses, **scores}.items())
    return f"epoch {epoch.number}/{epoch.of}  {shown}{'  best' if epoch.best else ''}"


class InPipe(Audience):
    """A line an epoch on stderr."""

    def epoch(self, epoch: Epoch) -> None:
        sys.stderr.write(row(epoch) + "\n")
        sys.stderr.flush()


class OnTerminal(Audience):
    """A bar over all batches, and a line above it for each epoch."""

    def __init__(self, track: Track) -> None:
        super().__init__(self._track_alone)
        self._track = track
        self._bar: Progress | None = None

    def batch(self, epoch: int, epochs: int, done: int, batches: int) -> None:
        bar = self._bar or self._open()
        bar.update(
            bar.task_ids[0],
            description=f"epoch {epoch}/{epochs}",
            completed=(epoch - 1) * batches + done,
            total=epochs * batches,
        )

    def epoch(self, epoch: Epoch) -> None:
        (self._bar or self._open()).console.print(row(epoch), highlight=False, markup=False)

    def close(self) -> None:
        """Take the bar away; another may be shown then."""
        if self._bar is not None:
            self._bar.stop()
        self._bar = None

    def _open(self) -> Progress:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

        columns = ("{task.description}", BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(stderr=True))
        self._bar.add_task("training", total=None)
        self._bar.start()
        return self._bar

    def _track_alone(self, items: Iterable[T], what: str, total: int | None = None) -> Iterable[T]:
        self.close()
        return self._track(items, what, total)
