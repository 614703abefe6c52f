"""Which pictures there are: groups of shots of one scene, balanced over classes and faces."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np

from pipeline.sample.money import FACES, WON, Money
from pipeline.sample.options import SampleOptions
from pipeline.sample.surfaces import SURFACES

PATTERN = r"^(.+)_\d+$"
"""Matches the stem of every picture's name; what it captures is the picture's group."""

BACKGROUND = "background"
_SHOTS, _CHANCE = (3, 4, 5, 6), (0.6, 0.28, 0.08, 0.04)
_FIRST_COIN = 100


class Group(NamedTuple):
    """Shots of the same item in the same scene.

    Attributes:
        number: Counts all groups; with the seed it decides everything in the scene.
        name: What the names of its pictures begin with: "500_117" or "50000_F_HAND_0".
        money: The main item; None for a background.
        face: "F" or "B" of the main item.
        surface: One of `SURFACES`.
        shots: How many pictures.
    """

    number: int
    name: str
    money: Money | None
    face: str
    surface: str
    shots: int

    @property
    def folder(self) -> str:
        return BACKGROUND if self.money is None else str(self.money.value)

    def file(self, shot: int) -> str:
        """Name of a shot's picture below the sample's folder."""
        return f"{self.folder}/{self.name}_{shot + 1}.jpg"


def plan(options: SampleOptions) -> list[Group]:
    """All groups of a sample, in the order of their numbers."""
    rng = np.random.default_rng([options.seed, 0])
    empty = round(options.images * options.background)
    counts: Counter[str] = Counter()
    groups: list[Group] = []
    for shots in _sizes(options.images - empty, rng):
        money, face = _rarest(counts, rng)
        counts[money.label(face)] += shots
        groups.append(_group(len(groups), money, face, shots, rng))
    for shots in _sizes(empty, rng):
        groups.append(_group(len(groups), None, "", shots, rng))
    return _named(groups)


def _sizes(total: int, rng: np.random.Generator) -> list[int]:
    """Sizes of groups that add up to `total`."""
    sizes: list[int] = []
    while (left := total - sum(sizes)) > 0:
        sizes.append(min(left, int(rng.choice(_SHOTS, p=_CHANCE))))
    return sizes


def _rarest(counts: Counter[str], rng: np.random.Generator) -> tuple[Money, str]:
    """The face with the fewest pictures so far, by lot among equals."""
    faces = [(money, face) for money in WON for face in FACES]
    order = rng.permutation(len(faces))
    return faces[min(order, key=lambda k: counts[faces[k][0].label(faces[k][1])])]


def _group(
    number: int, money: Money | None, face: str, shots: int, rng: np.random.Generator
) -> Group:
    return Group(number, "", money, face, str(rng.choice(list(SURFACES))), shots)


def _named(groups: list[Group]) -> list[Group]:
    """Names as the real set has them: coins by a running number, notes by face and scene."""
    used: Counter[str] = Counter()
    named = []
    for group in groups:
        if group.money is None:
            stem, first = group.surface, 0
        elif group.money.is_coin:
            stem, first = str(group.money.value), _FIRST_COIN
        else:
            stem, first = f"{group.money.value}_{group.face}_{group.surface}", 0
        named.append(group._replace(name=f"{stem}_{first + used[stem]}"))
        used[stem] += 1
    return named
