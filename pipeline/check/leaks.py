"""Pictures that stand on both sides of a split, told pair by pair.

A split is judged against those that a model has seen before it is measured there: val and
train_dev against train; test against train, and against val, by which the best epoch was chosen.
train_dev is neither learnt from nor chosen by, so that nothing leaks out of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, NamedTuple

import msgspec
import numpy as np

from pipeline import similar
from pipeline.check import ways
from pipeline.check.copies import Disagreement, disagreements
from pipeline.dataset import Bools, Dataset, Floats, Ints, Strings
from pipeline.errors import BoxwrightError, DataError
from pipeline.grouping.exif import BURST
from pipeline.progress import Track, silent

WAYS = ("exact", "near", "video", "burst", "group")  # the surest first
PIXELS = ("exact", "near")
JUDGED = {"train_dev": ("train",), "val": ("train",), "test": ("train", "val")}
_RANK = ("train", "train_dev", "val", "test")

Way = Literal["exact", "near", "video", "burst", "group"]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


@dataclass(frozen=True)
class LeaksOptions:
    """What to look for.

    Attributes:
        by: Ways to look: "exact" copies; "near" duplicates; "video", frames of one or copies of
            one original by their names; "burst", by EXIF camera and time; "group", of the tree's
            pictures.csv or by names.
        group: Groups by names in the place of those in pictures.csv: "folder", or a pattern, whose
            groups hold what belongs together; "" for none.
        max_share: The share of a split's pictures that may be leaked.
        gap: Seconds between two shots of one burst, at most.
        shown: At most this many pairs are drawn on the page.
        seed: Of the resampling that says how sure the inflation is.
    """

    by: list[Way] = field(default_factory=lambda: list(WAYS))  # type: ignore[arg-type]
    group: str = ""
    max_share: Share = 0.0
    gap: Annotated[float, msgspec.Meta(gt=0)] = BURST
    shown: Annotated[int, msgspec.Meta(ge=0, le=200)] = 36
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Leaks:
    """Pairs of pictures across splits, the surest and most alike first.

    Attributes:
        ways: The W ways that were looked by, the surest first.
        image: (P,) row of the picture in the split that is judged.
        partner: (P,) row of its partner, in a split that comes before.
        similarity: (P,) 0 to 1, 1 for exact copies; NaN where the pixels do not tell.
        kinds: (P, W) which ways hold for the pair.
    """

    ways: tuple[str, ...]
    image: Ints
    partner: Ints
    similarity: Floats
    kinds: Bools

    def __len__(self) -> int:
        return len(self.image)

    def take(self, rows: Ints | Bools) -> Leaks:
        return Leaks(
            self.ways,
            self.image[rows],
            self.partner[rows],
            self.similarity[rows],
            self.kinds[rows],
        )

    def against(self, split: Strings, before: str) -> Leaks:
        """Only the pairs whose partner is in the split `before`."""
        return self.take(np.asarray(split[self.partner] == before, dtype=bool))


class Found(NamedTuple):
    """What `find` gives.

    Attributes:
        leaks: The pairs.
        wrong: Exact copies that are labelled otherwise, in whatever splits.
        keys: For each way but the pixels' (N,) what pictures have in common by it; "" for unknown.
        unit: (N,) pictures of one number belong together: a group, or a chain of alike pictures.
        problems: Pictures that cannot be decoded; they were not compared.
    """

    leaks: Leaks
    wrong: list[Disagreement]
    keys: dict[str, Strings]
    unit: Ints
    problems: list[DataError]


def find(dataset: Dataset, options: LeaksOptions | None = None, track: Track = silent) -> Found:
    """Find what stands on both sides of a split.

    Of pictures that have only a key in common (a group, a video), each picture is paired with the
    one nearest to it by name, so that the pairs do not grow with the square of the group.

    Args:
        dataset: All splits; `images.split` is set.
        options: See `LeaksOptions`.
        track: Shows progress.

    Raises:
        BoxwrightError: Nothing to compare: fewer than two splits that are judged against another;
            or a group pattern that matches nothing.
    """
    options = options or LeaksOptions()
    check(dataset)
    if options.group:
        group = ways.group(dataset.images, options.group)
        dataset = replace(dataset, images=replace(dataset.images, group=group))
    chosen = tuple(way for way in WAYS if way in options.by)
    pairs, problems = _alike(dataset, chosen, track)
    keys = ways.keys(dataset, [w for w in chosen if w not in PIXELS], options.gap, track)
    numbers = {way: ways.numbers(names) for way, names in keys.items()}
    table = _Table(chosen, numbers, dataset.images.split)
    leaks = table.of_pixels(pairs)
    place = ways.order(dataset.images.name.tolist())
    for way in keys:
        leaks = table.with_key(leaks, way, place)
    copies = np.column_stack([pairs.a, pairs.b])[pairs.exact]
    wrong = disagreements(dataset, copies)
    return Found(_sorted(leaks), wrong, keys, _units(dataset, pairs), problems)


def check(dataset: Dataset) -> None:
    """Refuse a tree that has nothing to compare.

    Raises:
        BoxwrightError: No split that is judged against another that is there.
    """
    there = set(dataset.images.split.tolist())
    if not any(there.issuperset((split, one)) for split, ones in JUDGED.items() for one in ones):
        raise BoxwrightError(
            f"{dataset.root}: holds only {', '.join(sorted(there))}: leaks are between splits."
            "\n    -> give the tree that holds all of them."
        )


def _alike(
    dataset: Dataset, chosen: Sequence[str], track: Track
) -> tuple[similar.Pairs, list[DataError]]:
    """Pictures whose pixels are alike, of the chosen kinds."""
    if not set(PIXELS) & set(chosen):
        none = np.zeros(0, dtype=np.int64)
        return similar.Pairs(none, none, none.astype(float), none.astype(bool)), []
    (a, b, similarity, exact), problems = similar.find(dataset, None, track)
    kept = (exact & ("exact" in chosen)) | (~exact & ("near" in chosen))
    return similar.Pairs(a[kept], b[kept], similarity[kept], exact[kept]), problems


@dataclass(frozen=True, eq=False)
class _Table:
    """What pairs are made from: the ways, the keys of those that have one, the splits (N,)."""

    ways: tuple[str, ...]
    keys: dict[str, Ints]
    split: Strings

    def of_pixels(self, pairs: similar.Pairs) -> Leaks:
        """The pairs whose pictures are in splits that are judged against one another."""
        rank = np.array([_RANK.index(split) for split in self.split], dtype=np.int64)
        swapped = rank[pairs.a] < rank[pairs.b]
        image, partner = np.where(swapped, (pairs.b, pairs.a), (pairs.a, pairs.b))
        judged = np.array([[b in JUDGED.get(a, ()) for b in _RANK] for a in _RANK])
        rows = judged[rank[image], rank[partner]]
        exact = pairs.exact[rows]
        kinds = self._kinds(image[rows], partner[rows], {"exact": exact, "near": ~exact})
        return Leaks(self.ways, image[rows], partner[rows], pairs.similarity[rows], kinds)

    def with_key(self, leaks: Leaks, way: str, place: Ints) -> Leaks:
        """And a pair for each picture that has a key in common with a split, and no pair yet."""
        parts = [leaks]
        at = self.ways.index(way)
        for split, before in ((a, b) for a, ones in JUDGED.items() for b in ones):
            told = leaks.against(self.split, before)
            waiting = self.split == split
            waiting[told.image[told.kinds[:, at]]] = False
            rows = np.flatnonzero(waiting), np.flatnonzero(self.split == before)
            image, partner = _nearest(self.keys[way], place, *rows)
            unknown = np.full(len(image), np.nan)
            parts.append(Leaks(self.ways, image, partner, unknown, self._kinds(image, partner, {})))
        return _joined(parts)

    def _kinds(self, image: Ints, partner: Ints, pixels: Mapping[str, Bools]) -> Bools:
        kinds = np.zeros((len(image), len(self.ways)), dtype=bool)
        for at, way in enumerate(self.ways):
            if way in self.keys:
                key = self.keys[way]
                kinds[:, at] = (key[image] == key[partner]) & (key[image] != ways.UNKNOWN)
            elif way in pixels:
                kinds[:, at] = pixels[way]
        return kinds


def _nearest(key: Ints, place: Ints, rows: Ints, among: Ints) -> tuple[Ints, Ints]:
    """For each of `rows` that has a key with one of `among` in common, the nearest by `place`."""
    rows, among = rows[key[rows] != ways.UNKNOWN], among[key[among] != ways.UNKNOWN]
    if not len(rows) or not len(among):
        return rows[:0], among[:0]
    spot = key * len(key) + place
    among = among[np.argsort(spot[among])]
    after = np.searchsorted(spot[among], spot[rows])
    sides = among[np.clip([after - 1, after], 0, len(among) - 1)]
    away = np.where(key[sides] == key[rows], np.abs(spot[sides] - spot[rows]), np.inf)
    best = sides[away.argmin(axis=0), np.arange(len(rows))]
    found = np.isfinite(away.min(axis=0))
    return rows[found], best[found]


def _joined(parts: Sequence[Leaks]) -> Leaks:
    names = ("image", "partner", "similarity", "kinds")
    return Leaks(parts[0].ways, *(np.concatenate([getattr(p, n) for p in parts]) for n in names))


def _sorted(leaks: Leaks) -> Leaks:
    """The surest way first, then the most alike, then in the order of the pictures."""
    surest = leaks.kinds.argmax(axis=1)
    alike = np.nan_to_num(leaks.similarity, nan=-1)
    return leaks.take(np.lexsort((leaks.partner, leaks.image, -alike, surest)))


def _units(dataset: Dataset, pairs: similar.Pairs) -> Ints:
    """(N,) the group of a picture where it is known, else its chain of alike pictures."""
    chained = similar.chain(len(dataset.images), pairs)
    group = ways.numbers(dataset.images.group)
    return np.where(group != ways.UNKNOWN, group + len(group), chained)
