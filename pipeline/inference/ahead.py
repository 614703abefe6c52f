"""Work done ahead in threads, a bounded number of items, so that a model never waits for a disk.

OpenCV lets go of Python's lock while it decodes and encodes: threads are enough.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeAlias, TypeVar

A = TypeVar("A")
B = TypeVar("B")
Stream: TypeAlias = Generator[A, None, None]

_END = object()
_POLL = 0.5  # seconds; a wait without an end could not be interrupted on Windows


def each(function: Callable[[A], B], items: Iterable[A], workers: int = 4) -> Iterator[B]:
    """`map` in threads, in order, at most an item a worker ahead."""
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[B]] = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def of(items: Stream[A], size: int, *, newest: bool = False) -> Stream[A]:
    """Iterate in a thread, at most `size` items ahead.

    Args:
        items: Used, and closed, in the thread alone.
        size: How many items may wait.
        newest: Where they come faster than they are taken (a camera), drop the oldest; else wait.
    """
    waiting: queue.Queue[object] = queue.Queue(size)
    gone = threading.Event()
    put = _put_newest if newest else _put

    def fill() -> None:
        last: object = _END
        try:
            with contextlib.closing(items):
                for item in items:
                    put(waiting, item, gone)
                    if gone.is_set():
                        break
        except BaseException as error:  # noqa: BLE001 - raised again where the items are taken
            last = _Failed(error)
        _put(waiting, last, gone)

    thread = threading.Thread(target=fill, daemon=True)
    thread.start()
    try:
        yield from _taken(waiting)
    finally:
        gone.set()
        thread.join(timeout=10)


class _Failed:
    def __init__(self, error: BaseException) -> None:
        self.error = error


def _taken(waiting: queue.Queue[object]) -> Iterator[A]:
    while True:
        try:
            item = waiting.get(timeout=_POLL)
        except queue.Empty:
            continue
        if isinstance(item, _Failed):
            raise item.error
        if item is _END:
            return
        yield item  # type: ignore[misc]  # what `items` gave


def _put(waiting: queue.Queue[object], item: object, gone: threading.Event) -> None:
    while not gone.is_set():
        with contextlib.suppress(queue.Full):
            waiting.put(item, timeout=_POLL)
            break


def _put_newest(waiting: queue.Queue[object], item: object, gone: threading.Event) -> None:
    while not gone.is_set():
        with contextlib.suppress(queue.Full):
            waiting.put_nowait(item)
            break
        with contextlib.suppress(queue.Empty):  # it was taken just now
            waiting.get_nowait()
