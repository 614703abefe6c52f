"""Dealing groups to splits so that each split gets its share of everything at once.

The problem is multi-label stratification (Sechidis, Tsoumakas and Vlahavas, "On the
Stratification of Multi-label Data", ECML PKDD 2011) with groups that are never parted. Groups are
dealt the holders of the rarest kind first, as there, the largest of them first; each goes where
the squared errors of all shares grow least; then groups are moved as long as that helps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline import boxes as geometry
from pipeline.dataset import Bools, Dataset, Floats, Ints

SIZES = ("small third", "middle third", "large third")  # of all boxes, by the share of the picture
_PASSES = 20  # over the groups, to move and swap them
_GAIN = 1e-9
_DENSE = 100_000  # groups times kinds: with more groups than that, dealing alone comes out even


@dataclass(frozen=True)
class Holdings:
    """How much of each kind each group holds; sparse, group by group.

    Kinds are the classes (boxes), then `SIZES` (boxes), background (pictures) and images
    (pictures), the last.

    Attributes:
        start: (G + 1,) where each group's rows begin.
        kind: (R,) the kind.
        count: (R,) how many.
        kinds: How many kinds there are.
    """

    start: Ints
    kind: Ints
    count: Ints
    kinds: int

    def __len__(self) -> int:
        return len(self.start) - 1

    @property
    def classes(self) -> int:
        return self.kinds - len(SIZES) - 2

    @property
    def group(self) -> Ints:
        """(R,) the group of each row."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))

    def alone(self) -> Bools:
        """(G,) the groups that hold a class which no other group holds."""
        holders = np.bincount(self.kind, minlength=self.kinds)
        rows = (holders[self.kind] == 1) & (self.kind < self.classes)
        return np.bincount(self.group[rows], minlength=len(self)) > 0

    def take(self, keep: Bools) -> Holdings:
        """Only the groups where `keep` (G,) is true."""
        rows = keep[self.group]
        start = np.concatenate([[0], np.cumsum(np.diff(self.start)[keep])])
        return Holdings(start, self.kind[rows], self.count[rows], self.kinds)

    def emphasis(self) -> Floats:
        """(K,) how much each kind counts: the sizes, which are the same boxes again, as one."""
        weight = np.ones(self.kinds)
        weight[self.classes : self.classes + len(SIZES)] = 1 / len(SIZES)
        return weight

    def totals(self) -> Floats:
        """(K,) how much there is of each kind."""
        return np.asarray(np.bincount(self.kind, self.count, self.kinds), dtype=np.float64)

    def dealt(self, where: Ints, splits: int) -> Floats:
        """(splits, K) how much of each kind each split holds, by the split (G,) of each group."""
        rows = where[self.group]
        there = rows >= 0
        flat = rows[there] * self.kinds + self.kind[there]
        held = np.bincount(flat, weights=self.count[there], minlength=splits * self.kinds)
        return np.asarray(held.reshape(splits, self.kinds))


def holdings(dataset: Dataset, group: Ints, *, stratify: bool) -> Holdings:
    """What each group holds.

    Args:
        dataset: Pictures and boxes.
        group: (N,) the group of each picture, numbered without gaps.
        stratify: Count kinds; else pictures only.
    """
    classes = len(dataset.classes)
    kinds = classes + len(SIZES) + 2
    of_group, kind = [group], [np.full(len(group), kinds - 1)]
    if stratify:
        boxes = dataset.boxes
        empty = np.bincount(boxes.image, minlength=len(group)) == 0
        share = geometry.area(boxes.xyxy) / dataset.images.size.prod(axis=1)[boxes.image]
        size = np.digitize(share, np.quantile(share, [1 / 3, 2 / 3])) if len(share) else boxes.label
        of_group += [group[boxes.image], group[boxes.image], group[empty]]
        kind += [boxes.label, classes + size, np.full(int(empty.sum()), kinds - 2)]
    key, count = np.unique(
        np.concatenate(of_group) * kinds + np.concatenate(kind), return_counts=True
    )
    held_by, kind_ = np.divmod(key, kinds)
    start = np.searchsorted(held_by, np.arange(int(group.max(initial=-1)) + 2))
    return Holdings(start.astype(np.int64), kind_, count, kinds)


def deal(held: Holdings, ratios: Sequence[float], where: Ints, order: Ints) -> Ints:
    """Deal groups to splits.

    Args:
        held: What each group holds.
        ratios: The share of each split; they sum to 1.
        where: (G,) the split of the groups that are dealt already, which stay; -1 for the others.
        order: (G,) the groups in the order that breaks ties.

    Returns:
        (G,) the split of each group; a class that one group alone holds is in the first split.
    """
    free = where < 0
    dealt = where.copy()
    holders = np.bincount(held.kind, minlength=held.kinds)
    only = free & held.alone()
    dealt[only] = 0
    table = _Table(held, ratios, dealt)
    todo = _rarest_first(held, holders, order, free & ~only)
    for group in todo:
        dealt[group] = table.add(group)
    _improve(held, ratios, dealt, todo)
    return dealt


def _rarest_first(held: Holdings, holders: Ints, order: Ints, free: Bools) -> list[int]:
    """Groups by the rarest kind that they hold, the largest first."""
    share = held.count / held.totals()[held.kind]
    rarest = np.minimum.reduceat(holders[held.kind], held.start[:-1])
    largest = np.maximum.reduceat(share, held.start[:-1])
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    by = np.lexsort((place, -largest, rarest))
    return by[free[by]].tolist()


class _Table:
    """How far each split is from its share of each kind, kept while groups are added."""

    def __init__(self, held: Holdings, ratios: Sequence[float], dealt: Ints) -> None:
        scale = np.sqrt(held.emphasis()) / np.maximum(held.totals(), 1)
        self.start = held.start.tolist()
        share = (held.count * scale[held.kind]).tolist()
        self.held = list(zip(held.kind.tolist(), share, strict=True))
        self.weight = [1 / ratio for ratio in ratios]
        self.off = _off(held, ratios, dealt, scale).tolist()

    def add(self, group: int) -> int:
        """Put a group where the weighted squared errors grow least; the first of equals."""
        pairs = self.held[self.start[group] : self.start[group + 1]]
        best, least = 0, float("inf")
        for split, (off, weight) in enumerate(zip(self.off, self.weight, strict=True)):
            cost = 0.0
            for kind, share in pairs:
                cost += share * (2 * off[kind] + share)
            cost *= weight
            if cost < least - 1e-15:
                best, least = split, cost
        gained = self.off[best]
        for kind, share in pairs:
            gained[kind] += share
        return best


def _off(held: Holdings, ratios: Sequence[float], dealt: Ints, scale: Floats) -> Floats:
    """(splits, K) how much more of each kind each split has than it should, scaled."""
    wanted = np.outer(ratios, held.totals())
    return np.asarray((held.dealt(dealt, len(ratios)) - wanted) * scale)


def _improve(held: Holdings, ratios: Sequence[float], dealt: Ints, todo: list[int]) -> None:
    """Move groups, or swap two, as long as that brings the shares nearer to their targets.

    Many groups come out even without it; each step looks at all pairs with one group.
    """
    if not todo or len(held) * held.kinds > _DENSE:
        return
    scale = np.sqrt(held.emphasis()) / np.maximum(held.totals(), 1)
    share = np.zeros((len(held), held.kinds))
    share[held.group, held.kind] = held.count * scale[held.kind]
    weight = 1 / np.asarray(ratios)
    off = _off(held, ratios, dealt, scale)
    free = np.array(todo)
    for _ in range(_PASSES):
        if not sum([_best_step(group, share, off, weight, dealt, free) for group in todo]):
            return


def _best_step(
    group: int, share: Floats, off: Floats, weight: Floats, dealt: Ints, free: Ints
) -> bool:
    """Take the best step that one group can do; whether there was a good one.

    A step gives split `here` the difference `change` (of the swapped group and this one), and
    takes it from split `there`; what that does to the weighted squared errors is computed for all
    partners at once.
    """
    here = int(dealt[group])
    splits = np.arange(len(weight))
    there = np.concatenate([dealt[free], splits])
    change = np.concatenate([share[free], np.zeros((len(splits), share.shape[1]))]) - share[group]
    square = (change**2).sum(axis=1)
    gained = weight[here] * (2 * change @ off[here] + square)
    gained += weight[there] * (square - 2 * (change * off[there]).sum(axis=1))
    gained[there == here] = 0
    best = int(gained.argmin())
    if gained[best] > -_GAIN:
        return False
    off[here] += change[best]
    off[there[best]] -= change[best]
    dealt[group] = there[best]
    if best < len(free):
        dealt[free[best]] = here
    return True


def spread(held: Holdings, dealt: Ints, splits: int, order: Ints, free: Bools) -> Ints:
    """Give each split a group of every class that it has none of, where one can be spared.

    A group can be spared where its split keeps another one of each class in it; the lightest goes.

    Args:
        held: What each group holds.
        dealt: (G,) the split of each group, as `deal` gives it.
        splits: How many splits there are.
        order: (G,) the groups in the order that breaks ties.
        free: (G,) the groups that may be moved.

    Returns:
        (G,) the split of each group.
    """
    dealt = dealt.copy()
    there = np.zeros((held.kinds, splits), dtype=np.int64)
    np.add.at(there, (held.kind, dealt[held.group]), 1)
    weight = np.bincount(held.group, weights=held.count, minlength=len(held))
    place = np.argsort(order)
    for kind, split in np.argwhere(there[: held.classes] == 0).tolist():
        groups = held.group[held.kind == kind]
        groups = groups[free[groups]]
        for group in groups[np.lexsort((place[groups], weight[groups]))].tolist():
            kinds = held.kind[held.start[group] : held.start[group + 1]]
            kinds = kinds[kinds < held.classes]
            giver = int(dealt[group])
            if there[kind, split] == 0 and (there[kinds, giver] > 1).all():
                there[kinds, giver] -= 1
                there[kinds, split] += 1
                dealt[group] = split
    return dealt
