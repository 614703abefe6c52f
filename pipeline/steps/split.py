"""Splitting by ratio: stratified by class, never through a group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from pipeline.dataset import Dataset, Ints, strings
from pipeline.errors import BoxwrightError

TRAIN = "train"


def split(
    dataset: Dataset, ratios: Mapping[str, float], *, seed: int = 0, stratify: bool = True
) -> Dataset:
    """Assign every picture to a split; the pictures of a group go to the same one.

    Groups are dealt class by class, the rarest class first (iterative stratification, Sechidis et
    al. 2011, at the level of groups): a group is dealt with the rarest class in it, and each
    split is filled up to its share of that class's boxes, counting what rarer classes brought.
    Then each class that has a group to spare gets one in every split that has none of it; train
    comes first.

    Args:
        dataset: Its groups are set.
        ratios: The share of each split but train: {"val": 0.2, "test": 0.1}.
        seed: Of the shuffle.
        stratify: Deal class by class; else all groups alike, by their pictures.

    Raises:
        BoxwrightError: Fewer groups than splits.
    """
    wanted = {name: ratio for name, ratio in ratios.items() if ratio > 0}
    names, group = np.unique(dataset.images.group.astype(str), return_inverse=True)
    if len(names) < len(wanted) + 1:
        raise BoxwrightError(
            f"the pictures make {len(names)} group{'s' if len(names) > 1 else ''}: too few for "
            f"{' + '.join([TRAIN, *wanted])}, for a group is never parted."
            "\n    -> check the group pattern, or give fewer splits."
        )
    holdings = _holdings(dataset, group, stratify=stratify)
    order = np.random.default_rng(seed).permutation(len(names))
    of_group = np.zeros(len(names), dtype=np.int64)  # index in `splits`
    splits = [TRAIN, *wanted]
    _deal(of_group, holdings, order, list(wanted.values()))
    _spread(of_group, holdings, order, len(splits))
    _fill_empty(of_group, np.bincount(group)[order], order, len(splits))
    assigned = strings(splits[index] for index in of_group[group].tolist())
    return replace(dataset, images=replace(dataset.images, split=assigned))


@dataclass(frozen=True)
class _Holdings:
    """How much of each class each group holds: parallel columns, sorted by kind.

    Attributes:
        group: The group.
        kind: The class by rank, the rarest 0; background pictures are a kind of their own.
        count: Boxes of that class; pictures, of background.
        edges: Where each kind begins, and the end.
    """

    group: Ints
    kind: Ints
    count: Ints
    edges: Ints

    def of_kind(self, kind: int) -> slice:
        return slice(int(self.edges[kind]), int(self.edges[kind + 1]))


def _holdings(dataset: Dataset, group: Ints, *, stratify: bool) -> _Holdings:
    boxes = dataset.boxes
    kinds = len(dataset.classes) + 1
    empty = np.ones(len(group), dtype=bool)
    of_box, label = group[:0], boxes.label[:0]
    if stratify:
        of_box, label = group[boxes.image], boxes.label
        empty = ~np.isin(group, of_box)
    total = np.bincount(label, minlength=kinds - 1)
    rank = np.argsort(np.argsort(total, kind="stable"), kind="stable")
    kind = np.concatenate([rank[label], np.full(int(empty.sum()), kinds - 1)])
    key, count = np.unique(
        kind * (group.max() + 1) + np.concatenate([of_box, group[empty]]), return_counts=True
    )
    kind, held_by = np.divmod(key, group.max() + 1)
    return _Holdings(held_by, kind, count, np.searchsorted(kind, np.arange(kinds + 1)))


def _deal(of_group: Ints, holdings: _Holdings, order: Ints, ratios: list[float]) -> None:
    """Fill each split up to its share of each kind; the rest stays in train."""
    place = np.argsort(order)
    dealt = np.zeros(len(of_group), dtype=bool)
    for kind in range(len(holdings.edges) - 1):
        rows = holdings.of_kind(kind)
        group, count = holdings.group[rows], holdings.count[rows]
        left = [row for row in np.argsort(place[group]).tolist() if not dealt[group[row]]]
        for index, ratio in enumerate(ratios, 1):
            room = ratio * count.sum() - count[of_group[group] == index].sum()
            rest = []
            for row in left:
                if room >= count[row] / 2:
                    of_group[group[row]] = index
                    room -= count[row]
                else:
                    rest.append(row)
            left = rest
        dealt[group] = True


def _spread(of_group: Ints, holdings: _Holdings, order: Ints, splits: int) -> None:
    """Give each split a group of every kind that it has none of, where one can be spared.

    A group can be spared where its split keeps another one of each kind in it; the lightest goes.
    """
    kinds = len(holdings.edges) - 1
    there = np.zeros((kinds, splits), dtype=np.int64)
    np.add.at(there, (holdings.kind, of_group[holdings.group]), 1)
    weight = np.bincount(holdings.group, weights=holdings.count, minlength=len(of_group))
    place = np.argsort(order)
    for kind, index in np.argwhere(there == 0).tolist():
        groups = holdings.group[holdings.of_kind(kind)]
        for group in groups[np.lexsort((place[groups], weight[groups]))].tolist():
            held = holdings.kind[holdings.group == group]
            giver = int(of_group[group])
            if there[kind, index] == 0 and (there[held, giver] > 1).all():
                there[held, giver] -= 1
                there[held, index] += 1
                of_group[group] = index


def _fill_empty(of_group: Ints, pictures: Ints, order: Ints, splits: int) -> None:
    """Where no class has a group to spare: a split without pictures takes the lightest group."""
    by_weight = order[np.argsort(pictures, kind="stable")]
    for index in range(splits):
        if not (of_group == index).any():
            several = np.bincount(of_group, minlength=splits)[of_group[by_weight]] > 1
            of_group[by_weight[several][0]] = index
