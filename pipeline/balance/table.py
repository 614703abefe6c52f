"""What a training split shows, class by class, and where it will be learnt by heart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.balance.options import BalanceOptions
from pipeline.dataset import Dataset, Ints
from pipeline.steps import balance

_RAISED = 1.25  # times as many boxes as before: the class was repeated
_HELPED = 1.25  # times the share before: less is not worth the repeats
_INSTEAD = "Collect more, ask for less, paste items (copy-paste), or augment."


def tally(train: Dataset, times: Ints, pictures: Ints) -> list[dict[str, Any]]:
    """What an epoch shows of each class.

    Args:
        train: The pictures to train on, as they were.
        times: (M,) how often each of their boxes is shown, wherever that is.
        pictures: (C,) how many pictures with a box of each class are shown.

    Returns:
        A row a class: pictures and boxes as shown, the boxes' share; how many pictures and groups
        there really are behind them, the group with most of the boxes and its share; how often a
        box is shown on average and at most.
    """
    groups = balance.groups(train)
    rows = []
    for label, name in enumerate(train.classes):
        own = np.flatnonzero((train.boxes.label == label) & (times > 0))
        image, shown = train.boxes.image[own].tolist(), times[own]
        boxes = int(shown.sum())
        of_group: Counter[str] = Counter()
        for row, count in zip(image, shown.tolist(), strict=True):
            of_group[groups[row]] += count
        group, most = max(of_group.items(), key=lambda item: item[1], default=("", 0))
        numbers: dict[str, Any] = {"class": name, "pictures": int(pictures[label]), "boxes": boxes}
        numbers |= {"share": boxes / max(int(times.sum()), 1)}
        numbers |= {"distinct": len(set(image)), "groups": len(of_group)}
        numbers |= {
            "largest_group": group.lstrip("\0"),
            "largest_group_share": most / max(boxes, 1),
        }
        numbers |= {
            "mean_repeat": boxes / max(len(own), 1),
            "max_repeat": int(shown.max(initial=0)),
        }
        rows.append(numbers)
    return rows


def warnings(
    before: Sequence[Mapping[str, Any]],
    after: Sequence[Mapping[str, Any]],
    options: BalanceOptions,
    goal: int,
) -> list[str]:
    """What is to be feared of the balanced split, class by class, and what to do about it.

    Args:
        before: The rows of `tally` of the split as it was.
        after: Those of the balanced one.
        options: How it was balanced.
        goal: Boxes that each class was to have; 0 for none.
    """
    told = []
    for was, now in zip(before, after, strict=True):
        told += _of_class(was, now, options, (goal, len(after)))
    return told


def _of_class(
    was: Mapping[str, Any],
    now: Mapping[str, Any],
    options: BalanceOptions,
    of_all: tuple[int, int],
) -> list[str]:
    goal, classes = of_all
    name, boxes = now["class"], now["boxes"]
    if not was["boxes"]:
        return [f"{name}: train has no box of it, and no repeat makes one. Collect some."]
    told = []
    raised = boxes > _RAISED * was["boxes"]
    if raised and now["groups"] < options.warn_groups:
        told.append(
            f"{name}: {boxes} boxes an epoch come from only {_of(now['groups'], 'group')}: "
            f"these will be learnt by heart, not the class. {_INSTEAD}"
        )
    elif raised and now["largest_group_share"] > 0.5:
        told.append(
            f"{name}: the group {now['largest_group']!r} alone gives "
            f"{now['largest_group_share']:.0%} of its boxes: it will be learnt by heart. {_INSTEAD}"
        )
    rare = was["share"] < 1 / classes
    if rare and now["mean_repeat"] >= 2 and now["share"] < _HELPED * was["share"]:
        told.append(
            f"{name}: shown {now['mean_repeat']:.1f} times, and still {now['share']:.1%} of the "
            f"boxes (before: {was['share']:.1%}): its pictures are full of other classes, which "
            "are repeated with it. Pasting items (copy-paste) or collecting more does help."
        )
    return told + _missed(name, boxes, options, goal)


def _missed(name: str, boxes: int, options: BalanceOptions, goal: int) -> list[str]:
    if options.method == "undersample" and boxes > goal:
        return [f"{name}: still {boxes} boxes: the rest stand in pictures with rarer classes."]
    if options.method in {"oversample", "copy-paste"} and boxes < goal:
        return [f"{name}: {boxes} boxes, fewer than the {goal} that were asked for."]
    return []


def _of(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def by_heart(names: Sequence[str], times: Sequence[int], limit: int, what: str) -> list[str]:
    """A warning of pictures or items that are shown too often, the worst named.

    Args:
        names: Of the pictures or items.
        times: How often each is shown.
        limit: What is not yet too often.
        what: "picture is shown" or the like, in the singular and plural, parted by "|".
    """
    over = sorted((-n, name) for n, name in zip(times, names, strict=True) if n > limit)
    if not over:
        return []
    worst = ", ".join(f"{name!r} ({-n} times)" for n, name in over[:3])
    more = " and others" if len(over) > 3 else ""
    form = what.split("|")[len(over) > 1]
    told = f"{len(over)} {form} more than {limit} times an epoch, {worst}{more}"
    return [f"{told}: learnt by heart rather than learnt from. {_INSTEAD}"]
