"""Splitting by ratio: never through a group, every class, size and background in its share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from pipeline.dataset import Bools, Dataset, Floats, Ints, Strings, strings
from pipeline.errors import BoxwrightError
from pipeline.steps import dealing
from pipeline.steps.dealing import SIZES, Holdings

TRAIN, TRAIN_DEV = "train", "train_dev"
_SAFE = (TRAIN, TRAIN_DEV, "val", "test")  # groups that grew together go to the first of these
_TOO_FAR = 0.5  # of its target: a share that far off is not what was asked for
_DECIMALS = 4


@dataclass(frozen=True)
class SplitOptions:
    """How to split.

    Attributes:
        ratios: The share of each split but train: {"val": 0.2, "test": 0.1, "train_dev": 0.05}.
        folds: Deal what val and train would get into so many equal folds instead; 0 for none.
        seed: Of the order in which groups are dealt.
        stratify: Keep the shares of classes, sizes and background alike; else of pictures only.
        target: Origins that the detector is meant for: val and test are taken from these alone,
            and their ratios are shares of these.
    """

    ratios: Mapping[str, float] = field(default_factory=dict)
    folds: int = 0
    seed: int = 0
    stratify: bool = True
    target: Sequence[str] = ()


class Split(NamedTuple):
    """What `split` gives.

    Attributes:
        dataset: Its pictures are assigned; with folds, to "fold-1", "fold-2", ...
        shares: For each split that was dealt what was asked (``asked``) and what it got
            (``images``, ``background``, and by name ``classes`` and ``sizes``), as shares of all
            that could have gone there. None where there is nothing to share.
    """

    dataset: Dataset
    shares: dict[str, Any]


def split(
    dataset: Dataset, options: SplitOptions, before: Mapping[str, str] | None = None
) -> Split:
    """Assign every picture to a split; the pictures of a group go to the same one.

    Val and test are dealt first (from the target's groups, where there is a target), then
    train_dev out of what train would have, so that it is of the same source; then the folds.

    Args:
        dataset: Its groups are set.
        options: See `SplitOptions`.
        before: The splits of pictures by name, from an earlier time: there they stay. A group that
            has come to hold pictures of several splits goes to train if one was there, for what
            a model may have learnt must not be tested on; then to train_dev, val, test.

    Raises:
        BoxwrightError: It cannot be done: fewer groups than splits, groups too large for a ratio,
            a target that is no origin.
    """
    ratios = {name: ratio for name, ratio in options.ratios.items() if ratio > 0}
    folds = [f"fold-{number}" for number in range(1, options.folds + 1)]
    names, group = _numbered(dataset.images.group)
    _check_count(len(names), [*(folds or [TRAIN]), *ratios])
    held = dealing.holdings(dataset, group, stratify=options.stratify)
    of_group = _kept(dataset.images.name, group, before or {}, {*_SAFE, *folds})
    deals = _Deals(dataset.classes, held, _order(names, options.seed), of_group)
    dev = ratios.pop(TRAIN_DEV, 0)
    if ratios:
        deals.deal(ratios, _of_target(dataset, group, options.target))
    if dev:
        rest = np.isin(of_group, [*ratios], invert=True)
        deals.deal({TRAIN_DEV: dev * len(group) / max(int(rest[group].sum()), 1)}, rest)
        deals.shares[TRAIN_DEV] = deals.told(dev, of_group == TRAIN_DEV, held)
    if folds:
        rest = np.isin(of_group, [*ratios, TRAIN_DEV], invert=True)
        deals.deal(dict.fromkeys(folds, 1 / len(folds)), rest)
    of_group[of_group == ""] = TRAIN
    images = replace(dataset.images, split=strings(of_group[group]))
    return Split(replace(dataset, images=images), deals.shares)


def missing(dataset: Dataset) -> dict[str, dict[str, int]]:
    """The classes that some split has none of: by split, the groups that each class stands in.

    A class that stands in fewer groups than there are splits cannot be in all of them.
    """
    boxes, classes = dataset.boxes, len(dataset.classes)
    splits, split_of = _numbered(dataset.images.split)
    there = np.zeros((len(splits), classes), dtype=bool)
    there[split_of[boxes.image], boxes.label] = True
    absent = ~there & there.any(axis=0)
    if not absent.any():
        return {}
    _, group = _numbered(dataset.images.group)
    pairs = np.unique(group[boxes.image] * classes + boxes.label)
    groups = np.bincount(pairs % classes, minlength=classes).tolist()
    return {
        name: {dataset.classes[label]: groups[label] for label in np.flatnonzero(row).tolist()}
        for name, row in zip(splits, absent, strict=True)
        if row.any()
    }


def _numbered(column: Strings) -> tuple[list[str], Ints]:
    """The values of a column (N,), sorted, each once; and (N,) which of them stands in each row."""
    values = sorted(set(column))
    number = {value: index for index, value in enumerate(values)}
    return values, np.array([number[value] for value in column], dtype=np.int64)


@dataclass
class _Deals:
    """Deals one after another; `of_group` ("" while undealt) and `shares` grow."""

    classes: tuple[str, ...]
    held: Holdings
    order: Ints
    of_group: Strings
    shares: dict[str, Any] = field(default_factory=dict)

    def deal(self, ratios: Mapping[str, float], pool: Bools) -> None:
        """Deal the groups of a pool (G,): to the splits named, and what is over stays undealt."""
        rest = 1 - sum(ratios.values())
        splits = ["", *ratios] if rest > 1e-9 else [*ratios]
        shares = [rest, *ratios.values()] if rest > 1e-9 else [*ratios.values()]
        if min(shares) <= 0:
            raise BoxwrightError(f"{' + '.join(ratios)}: what is asked leaves nothing to train on.")
        held = self.held.take(pool)
        where = self._where(splits, pool)
        free = where < 0
        order = (np.cumsum(pool) - 1)[self.order[pool[self.order]]]
        dealt = dealing.deal(held, shares, where, order)
        dealt = _fill_empty(held, dealt, len(splits), free)
        if free.all():
            self._check(splits, shares, held, dealt)
        dealt = dealing.spread(held, dealt, len(splits), order, free)
        named = np.array(splits, dtype=object)[dealt]
        self.of_group[pool] = np.where(free, named, self.of_group[pool])
        for index, (name, share) in enumerate(zip(splits, shares, strict=True)):
            if name:
                self.shares[name] = self.told(share, dealt == index, held)

    def _where(self, splits: list[str], pool: Bools) -> Ints:
        """The split of each group of the pool; -1 while undealt."""
        number = {name: index for index, name in enumerate(splits)}
        kept = self.of_group[pool]
        rest = number.get("", -1)  # kept in train, train_dev or a fold, which are not dealt here
        return np.array([number.get(name, rest) if name else -1 for name in kept], dtype=np.int64)

    def _check(self, splits: list[str], shares: list[float], held: Holdings, dealt: Ints) -> None:
        """Refuse a share of pictures that no choice of groups comes near."""
        images = held.count[held.kind == held.kinds - 1].astype(np.float64)  # each group has some
        whole = images.sum()
        for index, (name, share) in enumerate(zip(splits, shares, strict=True)):
            asked, got = share * whole, images[dealt == index].sum()
            if name and abs(_nearest(images, asked) - asked) > max(_TOO_FAR * asked, 1):
                raise BoxwrightError(
                    f"{name}: {share:.0%} of {whole:.0f} pictures cannot be had; the nearest is "
                    f"{got / whole:.0%}, for a group is never parted, and there are only "
                    f"{len(held)}, of up to {images.max():.0f} pictures."
                    f"\n    -> ask for {got / whole:.2g}, group more finely, or add pictures."
                )

    def told(self, share: float, mine: Bools, held: Holdings) -> dict[str, Any]:
        """What a split was to get and what it got, as shares of what there was to deal."""
        total = held.totals()
        got = held.take(mine).totals()
        told = [
            round(float(a / b), _DECIMALS) if b else None for a, b in zip(got, total, strict=True)
        ]
        classes = len(self.classes)
        return {
            "asked": round(share, _DECIMALS),
            "images": told[-1],
            "background": told[-2],
            "classes": dict(zip(self.classes, told[:classes], strict=True)),
            "sizes": dict(zip(SIZES, told[classes:-2], strict=True)),
        }


def _nearest(sizes: Floats, wanted: float) -> float:
    """How near groups of these sizes add up to what is wanted, the largest tried first."""
    total = 0.0
    for size in np.sort(sizes)[::-1].tolist():
        if abs(total + size - wanted) < abs(total - wanted):
            total += size
    return total


def _check_count(groups: int, splits: list[str]) -> None:
    if groups < len(splits):
        raise BoxwrightError(
            f"the pictures make {groups} group{'s' if groups > 1 else ''}: too few for "
            f"{' + '.join(splits)}, for a group is never parted."
            "\n    -> check the group pattern, or give fewer splits."
        )


def _kept(
    name: Strings, group: Ints, before: Mapping[str, str], known: AbstractSet[str]
) -> Strings:
    """The split of each group at an earlier time; "" for those that were not there."""
    of_group = strings([""] * (int(group.max()) + 1))
    if before:
        rank = {split: index for index, split in enumerate(_SAFE)}
        for row, picture in enumerate(name):
            was, now = before.get(picture, ""), of_group[group[row]]
            if was in known and (not now or rank.get(was, 0) < rank.get(now, 0)):
                of_group[group[row]] = was
    return of_group


def _of_target(dataset: Dataset, group: Ints, target: Sequence[str]) -> Bools:
    """(G,) the groups of which every picture is of the target's origins; all without a target."""
    origin = dataset.images.origin
    unknown = sorted(set(target) - set(origin))
    if unknown:
        known = ", ".join(sorted({name for name in origin if name})) or "none is known"
        raise BoxwrightError(
            f"target: {', '.join(unknown)}: no origin of this name; there are: {known}."
            "\n    -> `origin` tells where a picture's origin is found: folder, or a pattern."
        )
    fits = np.ones(int(group.max()) + 1, dtype=bool)
    if target:
        fits[group[~np.isin(origin.astype(str), list(target))]] = False
        if not fits.any():
            raise BoxwrightError(f"target: no group is of {', '.join(target)} alone.")
    return fits


def _order(names: Sequence[str], seed: int) -> Ints:
    """Groups in an order that a seed and each name alone decide, whatever others there are."""
    key = str(seed).encode()[:64]
    told = [
        hashlib.blake2b(name.encode("utf-8", "surrogatepass"), key=key, digest_size=8).digest()
        for name in names
    ]
    return np.argsort(np.array(told, dtype="S8"), kind="stable")


def _fill_empty(held: Holdings, dealt: Ints, splits: int, free: Bools) -> Ints:
    """A split that got nothing, for all groups are large, takes the lightest that can be spared."""
    weight = np.bincount(held.group, weights=held.count, minlength=len(held))
    by_weight = np.argsort(weight, kind="stable")
    by_weight = by_weight[free[by_weight]]
    for split in range(splits):
        if not (dealt == split).any():
            several = np.bincount(dealt, minlength=splits)[dealt[by_weight]] > 1
            if several.any():
                dealt[by_weight[several][0]] = split
    return dealt
