"""Map a function over shards of work: in this process, or in several.

Workers are started by `spawn` on every platform (no threads or locks are inherited), so what they
run should import little: the functions that are mapped live in modules without NumPy.
"""

from __future__ import annotations

import gc
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pipeline.progress import Track, silent

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

Item = TypeVar("Item")
Result = TypeVar("Result")

SHARD = 1000  # items: some hundredths of a second of work, so that a progress bar moves
WORTH_A_WORKER = 3000  # items: below that, starting a process costs more than it saves


class Map(Protocol):
    """Maps a function of a shard over a list, cut into shards of `SHARD`; results in order."""

    def __call__(
        self, function: Callable[[Sequence[Item]], Result], items: Sequence[Item], what: str
    ) -> list[Result]: ...


def in_process(
    function: Callable[[Sequence[Item]], Result],
    items: Sequence[Item],
    what: str,  # noqa: ARG001
) -> list[Result]:
    """The simplest `Map`: in this process, nothing shown."""
    return [function(shard) for shard in _cut(items)]


@contextmanager
def shards(workers: int = 0, track: Track = silent) -> Iterator[Map]:
    """Give a `Map` that starts workers once there is enough to do for them.

    Args:
        workers: Processes; 0 chooses by the number of items and of CPU cores.
        track: Shows progress.
    """
    with ExitStack() as stack:
        pool: list[tuple[Executor, int]] = []

        def mapped(
            function: Callable[[Sequence[Item]], Result], items: Sequence[Item], what: str
        ) -> list[Result]:
            cut = _cut(items)
            count = workers or min(os.cpu_count() or 1, len(items) // WORTH_A_WORKER)
            if not pool and count > 1:
                pool.append((stack.enter_context(_workers(count)), count))
            results = _in_order(*pool[0], function, cut) if pool else map(function, cut)
            return list(track(results, what, -(-len(items) // SHARD)))

        yield mapped


def _workers(count: int) -> Executor:
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    return ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"))


@contextmanager
def uncollected() -> Iterator[None]:
    """Without Python's cyclic garbage collector meanwhile: for work on data that stays alive.

    It would walk through millions of small objects again and again: up to half of the time.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _cut(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    return (items[at : at + SHARD] for at in range(0, len(items), SHARD))


def _in_order(
    pool: Executor, workers: int, function: Callable[[Any], Result], cut: Iterable[Any]
) -> Iterator[Result]:
    """Results in order, with only a few shards under way: memory stays small."""
    waiting: deque[Future[Result]] = deque()
    for shard in cut:
        waiting.append(pool.submit(function, shard))
        if len(waiting) > 3 * workers:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
