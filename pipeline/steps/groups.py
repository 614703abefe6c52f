"""What a split must not part: the shots of one thing, one person, one video."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from dataclasses import replace

from pipeline.dataset import Dataset, strings
from pipeline.errors import BoxwrightError
from pipeline.steps.labels import name_part

_SHOT = re.compile(r"[ _.-]?\(?\d+\)?$")  # "_40" of 50000_F_HAND_0_40, " (2)" of note (2)
_SHARE = 0.5  # of the pictures, for names to look like shots of the same things


def group_by_name(dataset: Dataset, pattern: str) -> tuple[Dataset, int]:
    """Group pictures by a part of their names.

    Args:
        dataset: The pictures.
        pattern: "folder", or a regular expression searched in the name without its ending; the
            group is what its groups hold, or the whole match.

    Returns:
        The data set, and how many pictures the pattern does not match; each of those is a group
        of its own.

    Raises:
        BoxwrightError: It matches none, or is no regular expression.
    """
    parts = [name_part(name, pattern, "group") for name in dataset.images.name]
    missed = sum(not part for part in parts)
    if parts and missed == len(parts):
        raise BoxwrightError(
            f"group: {pattern!r} matches no picture's name, such as {dataset.images.name[0]!r}."
            "\n    -> it is searched in the name below the source, without its ending."
        )
    return with_groups(dataset, parts), missed


def with_groups(dataset: Dataset, groups: list[str]) -> Dataset:
    """Set the groups; a picture without one is a group of its own."""
    own = [group or name for group, name in zip(groups, dataset.images.name, strict=True)]
    return replace(dataset, images=replace(dataset.images, group=strings(own)))


def shots_by_name(dataset: Dataset) -> int:
    """How many pictures' names look like several shots of one thing: alike but for a number.

    0 where they do not: fewer than half of the names come in such groups, or one number counts
    all the pictures.
    """
    names = dataset.images.name
    stems = Counter(_SHOT.sub("", name[: name.rfind(".")]) for name in names)
    shared = {stem: count for stem, count in stems.items() if count > 1 and stem}
    pictures = sum(shared.values())
    folders = {posixpath.dirname(name) for name in names}
    several = len(shared) > 2 * len(folders)
    return pictures if several and pictures >= _SHARE * len(names) else 0
