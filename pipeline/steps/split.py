"""Splitting by ratio: stratified by class, never through a group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from pipeline.dataset import Dataset, Ints, strings
from pipeline.errors import BoxwrightError


def split(
    dataset: Dataset, ratios: Mapping[str, float], *, seed: int = 0, stratify: bool = True
) -> Dataset:
    """Assign every picture to a split; the pictures of a group go to the same one.

    Groups are shuffled and dealt class by class, the rarest class first: a group belongs to the
    rarest class in it. Each split but train is filled up to its share of the class's boxes (of
    the pictures, for groups of background pictures only), with one group at least where there
    are two; the last group of a class stays in train.

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
            f"{' + '.join(['train', *wanted])}, for a group is never parted."
            "\n    -> check the group pattern, or give fewer splits."
        )
    weight, stratum = _strata(dataset, group, len(names), stratify=stratify)
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(stratum[order], kind="stable")]
    edges = np.flatnonzero(np.diff(stratum[order])) + 1
    of_group = ["train"] * len(names)
    for members in np.split(order, edges):
        _deal(of_group, members.tolist(), weight, wanted)
    _fill_empty(of_group, order.tolist(), weight, wanted)
    assigned = strings(of_group)[group]
    return replace(dataset, images=replace(dataset.images, split=assigned))


def _strata(dataset: Dataset, group: Ints, groups: int, *, stratify: bool) -> tuple[Ints, Ints]:
    """The weight of each group, and its stratum: the rank of its rarest class, rarest first."""
    pictures = np.bincount(group, minlength=groups)
    if not stratify:
        return pictures, np.zeros(groups, dtype=np.int64)
    boxes = dataset.boxes
    total = np.bincount(boxes.label, minlength=len(dataset.classes))
    rank = np.argsort(np.argsort(total, kind="stable"), kind="stable")
    stratum = np.full(groups, len(dataset.classes), dtype=np.int64)
    np.minimum.at(stratum, group[boxes.image], rank[boxes.label])
    of_stratum = rank[boxes.label] == stratum[group[boxes.image]]
    count = np.bincount(group[boxes.image][of_stratum], minlength=groups)
    return np.where(count > 0, count, pictures), stratum


def _deal(
    of_group: list[str], members: list[int], weight: Ints, wanted: Mapping[str, float]
) -> None:
    """Fill each split up to its share of the members' weight; the rest stays in train."""
    total = sum(int(weight[group]) for group in members)
    left = members
    for name, ratio in wanted.items():
        room = ratio * total
        taken = []
        for group in left[:-1]:
            if room >= weight[group] / 2:
                taken.append(group)
                room -= int(weight[group])
        if not taken and len(left) > 1:  # else the class could not be measured on this split
            taken = [min(left, key=lambda group: int(weight[group]))]
        for group in taken:
            of_group[group] = name
        left = [group for group in left if of_group[group] == "train"]


def _fill_empty(
    of_group: list[str], order: list[int], weight: Ints, wanted: Mapping[str, float]
) -> None:
    """Where every class has one group only: give each split the lightest group there is."""
    for name in wanted:
        if name not in of_group:
            in_train = [group for group in order if of_group[group] == "train"]
            of_group[min(in_train, key=lambda group: int(weight[group]))] = name
