"""Two shots of a scene whose items moved against its background; free of NumPy at import.

A coin that is pushed or turned between two shots lies on the same cloth, but no one move lays one
picture on the other. Where the items are boxed, the background and each item are laid on one
another by moves of their own. Both must agree: the same item on another background is another
scene, and so is another item on the same one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from pipeline.similar import align
from pipeline.similar.moves import (
    Fit,
    Item,
    Region,
    Shot,
    by_corners,
    moved_to,
    refined,
    searched,
    turn_and_scale,
    turned,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.similar.moves import Matrix

    Array = NDArray[np.float32]
    Mask = NDArray[np.bool_]

_MOST = 12  # items: of more, each says too little
_SMALLEST = 12  # pixels of a view: side of an item of which something can be seen
_LEAST_GROUND, _LEAST_ITEM = 0.4, 0.62  # mean correlations of what is the same
_LEAST_SHARED_GROUND = 0.08  # of the picture
_BRIGHTER, _TINT = 0.1, 0.06  # of the ground beside an item: logarithms of ratios
_SCALES = 1.14  # times larger: an item at most, where its background is not
_ENOUGH = 0.6  # agreement that is looked at the other way round as well
_GOOD = 0.85  # mean correlation that needs no further search
_CORE = 0.85  # of an item's box: inside of its rim, which looks the same in any turn
_GROUND_REACH, _ITEM_REACH = 10, 4  # half-size pixels
_GROUND_TURNS = range(-16, 17, 4)  # degrees
_ITEM_TURNS = range(-28, 29, 4)


@dataclass(frozen=True, eq=False)
class _Two:
    """Two shots, of which the second is laid on the first."""

    a: Shot
    b: Shot

    @cached_property
    def choices(self) -> list[list[tuple[Item, Item]]]:
        """For each item of the shot with fewer, the pairs that it may be in: of one class."""
        mine, theirs = self.a.items, self.b.items
        if len(mine) <= len(theirs):
            return [[(one, it) for it in theirs if it.label == one.label] for one in mine]
        return [[(it, one) for it in mine if it.label == one.label] for one in theirs]

    @cached_property
    def whole(self) -> list[Matrix]:
        """The moves that lay the whole pictures on one another by matching corners."""
        return align.moves(self.a.view, self.b.view)


class _Match(NamedTuple):
    """An item of the first shot, one of the second, and how one lies on the other."""

    mine: Item
    theirs: Item
    fit: Fit


def shot(view: align.View, items: Sequence[Item]) -> Shot:
    """A view with those of the items that can be told from one another in it."""
    height, width = view.picture.shape[:2]
    cut = [
        Item(label, (max(x1, 0.0), max(y1, 0.0), min(x2, width), min(y2, height)))
        for label, (x1, y1, x2, y2) in items
    ]
    large = [one for one in cut if min(_sides(one)) >= _SMALLEST]
    return Shot(view, tuple(large) if len(large) <= _MOST else ())


def _sides(item: Item) -> tuple[float, float]:
    x1, y1, x2, y2 = item.box
    return x2 - x1, y2 - y1


def agreement(a: Shot, b: Shot) -> float:
    """How well two shots agree when background and items are laid on one another apart.

    Returns:
        0 to 1; 0 where either has no items, or where an item of the one with fewer has none of its
        class in the other that looks the same.
    """
    two = _Two(a, b)
    if not two.choices or not all(two.choices):
        return 0.0
    lead = min(two.choices, key=len)[0]
    if min(a.ground.mean(), b.ground.mean()) < _LEAST_SHARED_GROUND or _is_other(two, *lead):
        return 0.0
    ground = _ground(two, *lead)
    if ground is None:
        return 0.0
    return _judged(two, ground)


def _is_other(two: _Two, mine: Item, theirs: Item) -> bool:
    """Whether the ground has another colour, given that the item has not: light changes both."""
    import numpy as np

    a, b = two.a.colours, two.b.colours
    item = a[1 + two.a.items.index(mine)] - b[1 + two.b.items.index(theirs)]
    more = a[0] - b[0] - item
    brightness = float(more.mean())
    return bool(abs(brightness) > _BRIGHTER or np.abs(more - brightness).max() > _TINT)


def _ground(two: _Two, mine: Item, theirs: Item) -> Matrix | None:
    """The background's move, looked for where an item of both is about at its place."""
    region = Region(two.a.ground, ground=True)
    scale = (mine.area / theirs.area) ** 0.5
    starts = [turned(theirs.middle, mine.middle, turn, scale) for turn in _GROUND_TURNS]
    same = align.same_frame(two.a.view.picture, two.b.view.picture)
    corners = by_corners(two.a.ground_corners, two.b.ground_corners)
    fit = _best(two, [same, *two.whole, *corners], starts, region)
    return None if fit is None or fit.value < _LEAST_GROUND else fit.move


def _best(
    two: _Two, moves: Sequence[Matrix], starts: Sequence[Matrix], region: Region
) -> Fit | None:
    """The best of some moves; only if that is not good, the best near `starts` as well."""
    fit = refined(two.a, two.b, moves, region)
    if fit is not None and fit.value > _GOOD:
        return fit
    reach = _GROUND_REACH if region.ground else _ITEM_REACH
    near = refined(two.a, two.b, searched(two.a, two.b, starts, region, reach), region)
    return max((one for one in (fit, near) if one), key=lambda one: one.value, default=None)


def _core(shot: Shot, item: Item) -> Array:
    """(h / 2, w / 2) 1 in the ellipse within an item's box, but for its rim."""
    import cv2
    import numpy as np

    found = np.zeros(shot.fine.shape, dtype=np.uint8)
    middle = (item.middle[0] / 2 - 0.25, item.middle[1] / 2 - 0.25)
    width, height = _sides(item)
    cv2.ellipse(found, (middle, (_CORE * width / 2, _CORE * height / 2), 0), 1, -1)
    return found.astype(np.float32)


def _judged(two: _Two, ground: Matrix) -> float:
    """The agreement, given the background's move, either way; 0 where an item is not found."""
    matches: list[_Match] = []
    for pairs in two.choices:
        taken = {id(item) for match in matches for item in (match.mine, match.theirs)}
        free = [pair for pair in pairs if not taken & {id(pair[0]), id(pair[1])}]
        match = _match(two, ground, free)
        if match is None:
            return 0.0
        matches.append(match)
    found = _compared(two, ground, matches)
    return found if found < _ENOUGH else min(found, _compared(*_reversed(two, ground, matches)))


def _reversed(
    two: _Two, ground: Matrix, matches: Sequence[_Match]
) -> tuple[_Two, Matrix, list[_Match]]:
    """The first shot laid on the second by the same moves: one of them may show more."""
    import numpy as np

    def back(move: Matrix) -> Matrix:
        return np.asarray(np.linalg.inv(move))

    swapped = [
        _Match(theirs, mine, Fit(fit.value, back(fit.move))) for mine, theirs, fit in matches
    ]
    return _Two(two.b, two.a), back(ground), swapped


def _match(two: _Two, ground: Matrix, pairs: list[tuple[Item, Item]]) -> _Match | None:
    """The better of the two nearest of the pairs; None where they do not show the same."""

    def away(pair: tuple[Item, Item]) -> float:
        x, y = moved_to(pair[1].middle, ground)
        return (x - pair[0].middle[0]) ** 2 + (y - pair[0].middle[1]) ** 2

    best: _Match | None = None
    for mine, theirs in sorted(pairs, key=away)[:2]:
        fit = _item(two, ground, mine, theirs)
        if fit and fit.value >= (best.fit.value if best else _LEAST_ITEM):
            best = _Match(mine, theirs, fit)
    return best


def _item(two: _Two, ground: Matrix, mine: Item, theirs: Item) -> Fit | None:
    """How one item lies on another: as large as the background makes it, for the camera is one."""
    region = Region(_core(two.a, mine), ground=False)
    turn, scale = turn_and_scale(ground)
    starts = [turned(theirs.middle, mine.middle, turn + more, scale) for more in _ITEM_TURNS]
    i, j = two.a.items.index(mine), two.b.items.index(theirs)
    moves = [ground, *two.whole, *by_corners(two.a.item_corners[i], two.b.item_corners[j])]
    alike = [one for one in moves if 1 / _SCALES < turn_and_scale(one)[1] / scale < _SCALES]
    return _best(two, alike, starts, region)


def _compared(two: _Two, ground: Matrix, matches: Sequence[_Match]) -> float:
    """The worst place of the background, or its mean, or the worst item."""
    import numpy as np

    picture = two.a.view.picture
    laid = align.warped(two.b.view.picture, ground, picture.shape)
    flowed = align.flowed(picture, laid)
    mine, theirs = align.smooth(picture), _composed(two, laid, matches)
    same = np.maximum(
        *(align.correlation(mine, align.smooth(one)) for one in (laid.picture, flowed.picture))
    )
    items = [two.a.mask(match.mine) & theirs.seen for match in matches]
    known = theirs.seen & (np.any(items, axis=0) | ~_hidden(two, ground, matches))
    inner = align.inside(known)
    rest = inner & ~np.any(items, axis=0)
    if known.mean() < align.LEAST_SHARED or rest.mean() < _LEAST_SHARED_GROUND:
        return 0.0
    colour = align.same_colour(mine, align.smooth(theirs.picture), inner)
    agreeing = np.clip(same * colour, 0, 1)
    for match, place in zip(matches, items, strict=True):
        if place.any():
            agreed = np.float32(match.fit.value * np.median(colour[place]))
            agreeing[place] = np.maximum(agreeing[place], agreed)
    return min(align.worst_patch(agreeing, inner), float(agreeing[rest].mean()))


def _composed(two: _Two, laid: align.Laid, matches: Sequence[_Match]) -> align.Laid:
    """The background as laid, and each item by its own move on top of it."""
    picture, seen = laid.picture.copy(), laid.seen.copy()
    for match in matches:
        item = align.warped(two.b.view.picture, match.fit.move, picture.shape)
        both = (
            two.a.mask(match.mine)
            & item.seen
            & _laid_box(two.b, match, match.fit.move, picture.shape)
        )
        oval = both & _oval(match.mine, picture.shape)
        picture[oval] = item.picture[oval]
        seen |= both
    return align.Laid(picture, seen)


def _hidden(two: _Two, ground: Matrix, matches: Sequence[_Match]) -> Mask:
    """(h, w) where an item of the second shot hides its background."""
    import numpy as np

    shape = two.a.view.picture.shape
    return np.any([_laid_box(two.b, match, ground, shape) for match in matches], axis=0)


def _laid_box(b: Shot, match: _Match, move: Matrix, shape: tuple[int, ...]) -> Mask:
    """(h, w) where the box of the second shot's item comes to lie."""
    import cv2
    import numpy as np

    box = b.mask(match.theirs).astype(np.uint8)
    found: Mask = cv2.warpPerspective(255 * box, move, (shape[1], shape[0])) > 127
    return found


def _oval(item: Item, shape: tuple[int, ...]) -> Mask:
    """(h, w) the ellipse within an item's box."""
    import cv2
    import numpy as np

    found = np.zeros(shape[:2], dtype=np.uint8)
    cv2.ellipse(found, (item.middle, _sides(item), 0), 1, -1)
    return found > 0
