"""Compare pairs of picture files: runs in workers, free of NumPy at import."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.errors import DataError
from pipeline.similar import align, apart
from pipeline.similar.fingerprint import File, decode_small, load, one_thread
from pipeline.similar.moves import Item, Shot

_KEPT = 256  # pictures that are kept decoded: about 80 MB
_DOUBTFUL = 0.6  # agreement of whole pictures below which their items are looked at


class Shown(NamedTuple):
    """A picture file, and the items that are boxed in it, in pixels of the picture as shown."""

    file: File
    items: tuple[Item, ...] = ()


class Candidate(NamedTuple):
    """Two pictures that may show the same; `alike` where their looks are equal."""

    a: Shown
    b: Shown
    alike: bool


class Verdict(NamedTuple):
    """How well two pictures agree, 0 to 1, and whether their pixels are equal."""

    similarity: float
    exact: bool


def verdicts(candidates: Sequence[Candidate]) -> list[Verdict | DataError]:
    """Compare many pairs; those that share pictures should follow each other.

    An error stands in the place of a verdict where a file went away since it was looked at.
    """
    shots: OrderedDict[Shown, Shot] = OrderedDict()
    with one_thread():
        return [_verdict(candidate, shots) for candidate in candidates]


def _verdict(candidate: Candidate, shots: OrderedDict[Shown, Shot]) -> Verdict | DataError:
    try:
        if candidate.alike and _is_equal(candidate.a.file, candidate.b.file):
            return Verdict(1.0, exact=True)
        a, b = _shot(candidate.a, shots), _shot(candidate.b, shots)
    except DataError as error:
        return error
    found = align.agreement(a.view, b.view)
    return Verdict(found if found >= _DOUBTFUL else max(found, apart.agreement(a, b)), exact=False)


def _is_equal(a: File, b: File) -> bool:
    import numpy as np

    from pipeline.images import decode

    return np.array_equal(decode(a.path), decode(b.path))


def _shot(shown: Shown, shots: OrderedDict[Shown, Shot]) -> Shot:
    """The view of a file with its items; the last ones are kept."""
    if shown in shots:
        shots.move_to_end(shown)
        return shots[shown]
    file = shown.file
    view = align.view(decode_small(file, load(file), align.SIDE))
    height, width = view.picture.shape[:2]
    x, y = width / max(file.width, 1), height / max(file.height, 1)
    items = [
        Item(label, (x1 * x, y1 * y, x2 * x, y2 * y)) for label, (x1, y1, x2, y2) in shown.items
    ]
    shots[shown] = found = apart.shot(view, items)
    if len(shots) > _KEPT:
        shots.popitem(last=False)
    return found
