"""Balancing the classes of a training split: how often to show each picture, or whether at all.

Pure: every function takes the pictures to train on (`dataset.of_split("train")`) and gives a
column. How a picture is really shown several times is the writers' affair.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence

import numpy as np

from pipeline.dataset import Bools, Dataset, Floats, Ints


def content(train: Dataset) -> Ints:
    """(N, C) how many boxes of each class every picture holds."""
    held = np.zeros((len(train.images), len(train.classes)), dtype=np.int64)
    np.add.at(held, (train.boxes.image, train.boxes.label), 1)
    return held


def groups(train: Dataset) -> list[str]:
    """The group of every picture; one without a group is a group of its own."""
    names = zip(train.images.group, train.images.name, strict=True)
    return [group or f"\0{name}" for group, name in names]


def frequency(train: Dataset) -> Floats:
    """(C,) f(c): the share of pictures that hold at least one box of each class."""
    share: Floats = (content(train) > 0).sum(axis=0) / max(len(train.images), 1)
    return share


def middling(train: Dataset) -> float:
    """A threshold for `repeat_factors`: the median frequency of the classes that there are."""
    found = frequency(train)
    return float(np.median(found[found > 0])) if found.any() else 1.0


def class_factors(train: Dataset, threshold: float) -> Floats:
    """(C,) r(c) = max(1, sqrt(t / f(c))); 1 for a class that no picture holds.

    Gupta, Dollár, Girshick: LVIS (CVPR 2019), section 4.

    Args:
        train: The pictures to train on.
        threshold: t; classes in a smaller share of the pictures are shown more often.
    """
    share = frequency(train)
    ratio = np.divide(threshold, share, out=np.ones_like(share), where=share > 0)
    return np.maximum(1.0, np.sqrt(ratio))


def repeat_factors(train: Dataset, threshold: float) -> Floats:
    """(N,) r(i): the largest r(c) of the classes in each picture, 1 for a background."""
    factors = np.ones(len(train.images))
    of_class = class_factors(train, threshold)
    np.maximum.at(factors, train.boxes.image, of_class[train.boxes.label])
    return factors


def rounded(factors: Floats, rng: np.random.Generator) -> Ints:
    """Whole numbers whose expectation is `factors`: the fraction is the chance of one more."""
    whole = np.floor(factors)
    more = rng.random(len(factors)) < factors - whole
    return (whole + more).astype(np.int64)


def oversample(train: Dataset, target: int, most: int, rng: np.random.Generator) -> Ints:
    """(N,) repeats by which every class has at least `target` boxes, as far as `most` allows.

    Level by level: no picture is shown a third time before every picture that helps is shown
    twice. On a level the picture that brings most of the missing boxes is taken first (the greedy
    cover), then the one with the fewest others, then by chance.

    Args:
        train: The pictures to train on.
        target: Boxes that each class shall have.
        most: No picture is shown more often.
        rng: Decides between pictures that are alike.
    """
    held = content(train)
    missing = np.maximum(0, target - held.sum(axis=0))
    missing[held.sum(axis=0) == 0] = 0
    repeats = np.ones(len(held), dtype=np.int64)
    for _ in range(most - 1):
        taken = _cover(held, missing.tolist(), rng.permutation(len(held)))
        repeats[taken] += 1
        missing = np.maximum(0, missing - held[taken].sum(axis=0))
        if not taken or not missing.any():
            break
    return repeats


def _cover(held: Ints, missing: list[int], chance: Ints) -> list[int]:
    """Pictures that bring what is missing (C,), each once at most.

    What a picture brings only ever gets less, so it is worked out again only when it comes first.
    """
    brings, total = np.minimum(held, missing).sum(axis=1), held.sum(axis=1)
    useful = np.flatnonzero(brings)
    columns = (-brings[useful], total[useful], chance[useful], useful)
    heap = list(zip(*(column.tolist() for column in columns), strict=True))
    heapq.heapify(heap)
    left = sum(missing)
    taken = []
    while heap and left:
        promised, others, tie, row = heapq.heappop(heap)
        own = held[row].tolist()
        real = sum(map(min, own, missing))
        if real == -promised:
            taken.append(row)
            missing = [max(0, want - has) for want, has in zip(missing, own, strict=True)]
            left -= real
        elif real:
            heapq.heappush(heap, (-real, others, tie, row))
    return taken


def undersample(train: Dataset, target: int, rng: np.random.Generator) -> Bools:
    """(N,) which pictures to keep, so that common classes come down towards `target` boxes.

    Left out are only pictures whose every class keeps at least `target` boxes without them: a
    picture with a box of a rarer class stays, and so do the backgrounds. The largest groups give
    first, and the last picture of a group goes only when no group has a second one to give.

    Args:
        train: The pictures to train on.
        target: Boxes below which no class is brought.
        rng: Decides between pictures that are alike.
    """
    held = content(train)
    spare = held.sum(axis=0) - target
    holds = held > 0
    able = holds.any(axis=1) & ~(holds & (spare <= 0)).any(axis=1)
    keep = np.ones(len(held), dtype=bool)
    for row in _givers(groups(train), able, rng):
        if (held[row][holds[row]] <= spare[holds[row]]).all():
            keep[row] = False
            spare -= held[row]
    return keep


def _givers(of_group: Sequence[str], able: Bools, rng: np.random.Generator) -> list[int]:
    """The rows that may go, those of the largest groups first, the last of each group last."""
    staying = Counter(group for group, may_go in zip(of_group, able, strict=True) if not may_go)
    chance = rng.permutation(np.flatnonzero(able)).tolist()
    rank = []
    for row in chance:
        rank.append(staying[of_group[row]])
        staying[of_group[row]] += 1
    order = sorted(range(len(chance)), key=lambda place: -rank[place])
    return [chance[place] for place in order]


def fewer_backgrounds(train: Dataset, share: float, rng: np.random.Generator) -> Bools:
    """(N,) which pictures to keep, so that at most `share` of them are backgrounds.

    Args:
        train: The pictures to train on.
        share: From 0 to below 1, of the pictures that are kept.
        rng: Chooses, the last background of a group last.
    """
    empty = content(train).sum(axis=1) == 0
    allowed = int(share / (1 - share) * (~empty).sum() + 1e-9)
    givers = _givers(groups(train), empty, rng)
    keep = np.ones(len(empty), dtype=bool)
    keep[givers[: max(0, len(givers) - allowed)]] = False
    return keep
