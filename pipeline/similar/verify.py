"""Compare pairs of picture files: runs in workers, free of NumPy at import."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.errors import DataError
from pipeline.similar.align import SIDE, View, agreement, view
from pipeline.similar.fingerprint import File, decode_small, load, one_thread

_KEPT = 256  # pictures that are kept decoded: about 50 MB


class Candidate(NamedTuple):
    """Two pictures that may show the same; `alike` where their looks are equal."""

    a: File
    b: File
    alike: bool


class Verdict(NamedTuple):
    """How well two pictures agree, 0 to 1, and whether their pixels are equal."""

    similarity: float
    exact: bool


def verdicts(candidates: Sequence[Candidate]) -> list[Verdict | DataError]:
    """Compare many pairs; those that share pictures should follow each other.

    An error stands in the place of a verdict where a file went away since it was looked at.
    """
    views: OrderedDict[str, View] = OrderedDict()
    with one_thread():
        return [_verdict(candidate, views) for candidate in candidates]


def _verdict(candidate: Candidate, views: OrderedDict[str, View]) -> Verdict | DataError:
    try:
        if candidate.alike and _is_equal(candidate.a, candidate.b):
            return Verdict(1.0, exact=True)
        a, b = _view(candidate.a, views), _view(candidate.b, views)
    except DataError as error:
        return error
    return Verdict(agreement(a, b), exact=False)


def _is_equal(a: File, b: File) -> bool:
    import numpy as np

    from pipeline.images import decode

    return np.array_equal(decode(a.path), decode(b.path))


def _view(file: File, views: OrderedDict[str, View]) -> View:
    """The view of a file; the last ones are kept."""
    if file.path in views:
        views.move_to_end(file.path)
        return views[file.path]
    views[file.path] = found = view(decode_small(file, load(file), SIDE))
    if len(views) > _KEPT:
        views.popitem(last=False)
    return found
