"""Copy-paste: rare items that have an outline, laid on other scenes of the training split.

Scene and item are both of train, so nothing leaks; a new picture is of its scene's group, and
pasted.csv tells where each item comes from.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from pipeline import draw
from pipeline.balance import canvas
from pipeline.balance.options import BalanceOptions
from pipeline.balance.stock import Stock
from pipeline.dataset import Boxes, Dataset, Floats, Ints, Outlines, strings
from pipeline.errors import BoxwrightError
from pipeline.images import decode
from pipeline.progress import Track, silent
from pipeline.steps import balance

_LARGER = 1.25  # items are not blown up more: they would be blurred as nothing else in the scene
_SOFT = (0.5, 1.5)  # pixels of blur at the edge: another one for each item, so that none is a cue
COLUMNS = (
    *("picture", "scene", "scene_group", "class"),
    *("x1", "y1", "x2", "y2", "item_picture", "item_group"),
)
_LOSSY = {".jpg", ".jpeg", ".webp"}


class Photo(NamedTuple):
    """A decoded picture, its mean colour (3,), and the blur of its sharpest edges in pixels."""

    pixels: draw.Picture
    light: Floats
    blur: float


class Pasted(NamedTuple):
    """An item in a new picture."""

    label: int
    item: int  # row in the boxes of train
    xyxy: Floats


@dataclass
class New:
    """A new picture.

    Attributes:
        name: Below images/train.
        path: Where it was written.
        scene: Row of its scene in train.
        size: Width, height.
        labels: Of the scene's objects, then of the items.
        xyxy: (4,) each.
        outlines: (K, 2) each.
        items: What was pasted.
    """

    name: str
    path: Path
    scene: int
    size: tuple[int, int]
    labels: list[int]
    xyxy: list[Floats]
    outlines: list[Floats]
    items: list[Pasted] = field(default_factory=list)


def paste(
    train: Dataset,
    things: Stock,
    goal: int,
    options: BalanceOptions,
    folder: Path,
    track: Track = silent,
) -> list[New]:
    """Make pictures until each class of the stock has `goal` boxes, or its items are used up.

    Args:
        train: The pictures to train on, with outlines.
        things: What can be pasted.
        goal: Boxes that a class shall have.
        options: How.
        folder: Where to write the pictures, under their names.
        track: Shows progress.

    Raises:
        DataError: A picture that cannot be decoded.
        BoxwrightError: There is no room for an item in any picture, or the disk refuses.
    """
    maker = _Maker(train, things, goal, options, folder)
    made = list(track(maker.pictures(), "pasting"))
    if not made:
        raise BoxwrightError(
            "copy-paste: no picture of train has room for any of the items."
            "\n    -> let them cover more of what is there (--cover), or give backgrounds."
        )
    return made


class _Maker:
    """Makes new pictures one after the other, and keeps count of what is used and missing."""

    def __init__(
        self, train: Dataset, things: Stock, goal: int, options: BalanceOptions, folder: Path
    ) -> None:
        self._train = train
        self._things = things
        self._options = options
        self._folder = folder
        self._rng = np.random.default_rng(options.seed)
        self._held = balance.content(train)
        self._missing = np.maximum(0, goal - self._held.sum(axis=0))
        self._groups = balance.groups(train)
        self._slices = train.per_image()
        self._used: Counter[int] = Counter()  # rows of items
        self._of_group: Counter[str] = Counter()
        self._taken = {PurePosixPath(name).with_suffix("").as_posix() for name in train.images.name}
        self._open = lru_cache(maxsize=24)(self._decode)

    def pictures(self) -> Iterator[New]:
        """New pictures, as long as there is something missing, to paste, and room for it."""
        for _ in range(self._options.most):  # as often a scene may serve
            before = sum(self._used.values())
            for scene in self._scenes():
                if not self._wanted():
                    return
                made = self._make(scene)
                if made is not None:
                    yield made
            if sum(self._used.values()) == before:
                return

    def _scenes(self) -> list[int]:
        """All pictures by chance, those with few objects likelier first.

        They have room, and bring few boxes of the common classes along.
        (Efraimidis and Spirakis, 2006: weighted sampling without replacement.)
        """
        weight = 1 / (1 + self._held.sum(axis=1))
        chance = self._rng.random(len(weight)) ** (1 / weight)
        order: list[int] = np.argsort(-chance, kind="stable").tolist()
        return order

    def _wanted(self) -> list[int]:
        """Classes that miss boxes and have an item that may be used once more."""
        most = self._options.most
        return [
            label
            for label, rows in self._things.rows.items()
            if self._missing[label] > 0 and any(self._used[row] < most for row in rows)
        ]

    def _make(self, scene: int) -> New | None:
        """A scene with items; None where there is no room for any."""
        photo = self._open(scene)
        own = np.r_[self._slices[scene]].astype(np.int64)
        board = canvas.Canvas(photo.pixels, self._train.boxes.take(own))
        items = []
        for _ in range(int(self._rng.integers(1, self._options.items, endpoint=True))):
            row = self._choose(scene)
            if row is None:
                break
            label = int(self._train.boxes.label[row])
            patch = self._patch(row, photo)
            if board.lay(patch, label, self._options.cover, self._rng):
                self._count(row, label)
                items.append((label, row))
        if not items:
            return None
        self._missing -= self._held[scene]
        return self._written(scene, board, items)

    def _choose(self, scene: int) -> int | None:
        """An item for a scene: the class that misses most, the group and item used least."""
        wanted = sorted(self._wanted(), key=lambda label: (-self._missing[label], label))
        for label in wanted:
            rows = [row for row in self._things.rows[label] if self._fits(row, scene)]
            if rows:
                chance = self._rng.random(len(rows))
                return min(zip(rows, chance, strict=True), key=self._use)[0]
        return None

    def _fits(self, row: int, scene: int) -> bool:
        """Whether an item may be used once more, and is not of the scene's own group."""
        group = self._groups[self._train.boxes.image[row]]
        return self._used[row] < self._options.most and group != self._groups[scene]

    def _use(self, choice: tuple[int, float]) -> tuple[int, int, float]:
        row, chance = choice
        group = self._groups[self._train.boxes.image[row]]
        return self._of_group[group], self._used[row], chance

    def _count(self, row: int, label: int) -> None:
        self._used[row] += 1
        self._of_group[self._groups[self._train.boxes.image[row]]] += 1
        self._missing[label] -= 1

    def _patch(self, row: int, scene: Photo) -> canvas.Patch:
        """An item cut out, as large in the scene as in its own picture, lit and blurred as it."""
        options, rng = self._options, self._rng
        home = self._open(int(self._train.boxes.image[row]))
        fitting = max(scene.pixels.shape[:2]) / max(home.pixels.shape[:2])
        scale = min(fitting * rng.uniform(1 - options.scale, 1 + options.scale), _LARGER)
        turn = rng.uniform(-options.turn, options.turn)
        outline = self._train.boxes.outline[row]
        patch = canvas.cut(home.pixels, outline, scale, turn, rng.uniform(*_SOFT))
        lit = canvas.lit_as(patch.pixels, home.light, scene.light)
        return patch._replace(pixels=canvas.blurred_as(lit, home.blur * scale, scene.blur))

    def _written(self, scene: int, board: canvas.Canvas, items: list[tuple[int, int]]) -> New:
        name = self._name(str(self._train.images.name[scene]))
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draw.save(path, board.picture)
        xyxy, outlines = board.objects()
        first = len(xyxy) - len(items)
        pasted = [Pasted(label, row, xyxy[first + at]) for at, (label, row) in enumerate(items)]
        size = (board.picture.shape[1], board.picture.shape[0])
        return New(name, path, scene, size, board.labels, xyxy, outlines, pasted)

    def _name(self, scene: str) -> str:
        """A free name beside the scene's."""
        place = PurePosixPath(scene)
        stem, number = place.with_suffix("").as_posix(), 1
        while f"{stem}-pasted-{number}" in self._taken:
            number += 1
        self._taken.add(f"{stem}-pasted-{number}")
        return f"{stem}-pasted-{number}{'.jpg' if place.suffix.lower() in _LOSSY else '.png'}"

    def _decode(self, row: int) -> Photo:
        pixels = decode(self._train.images.path[row])
        return Photo(pixels, pixels.mean(axis=(0, 1)), canvas.blur_of(pixels))


def dataset_of(made: Sequence[New], train: Dataset) -> Dataset:
    """The new pictures as a data set; each of its scene's group and origin."""
    scenes = np.array([new.scene for new in made], dtype=np.int64)
    of_scene = train.images.take(scenes)
    images = replace(
        of_scene,
        name=strings(new.name for new in made),
        path=strings(str(new.path) for new in made),
        size=np.array([new.size for new in made], dtype=np.int64).reshape(-1, 2),
    )
    crowds = [train.boxes.crowd[own] for own in (train.per_image()[row] for row in scenes)]
    pasted = [np.zeros(len(new.items), dtype=bool) for new in made]
    boxes = Boxes.of(
        np.repeat(np.arange(len(made)), [len(new.labels) for new in made]),
        [label for new in made for label in new.labels],
        [xyxy for new in made for xyxy in new.xyxy],
        crowd=np.concatenate(
            [column for pair in zip(crowds, pasted, strict=True) for column in pair]
        ),
        outline=Outlines.of([outline for new in made for outline in new.outlines]),
    )
    return replace(train, images=images, boxes=boxes)


def times(made: Sequence[New], train: Dataset) -> Ints:
    """(M,) how often each box of train is shown: in its picture, in new ones of it, and pasted."""
    scenes = Counter(new.scene for new in made)
    items = Counter(pasted.item for new in made for pasted in new.items)
    images = train.boxes.image.tolist()
    return np.array([1 + scenes[image] + items[row] for row, image in enumerate(images)])


def write_csv(file: Path, made: Sequence[New], train: Dataset) -> None:
    """Write pasted.csv: a row for each item pasted, and where it and its scene come from.

    Raises:
        OSError: The disk refuses.
    """
    names, groups = train.images.name, train.images.group
    with file.open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(COLUMNS)
        for new in made:
            for label, item, xyxy in new.items:
                home = train.boxes.image[item]
                where = (f"{value:.2f}" for value in xyxy.tolist())
                told = (new.name, names[new.scene], groups[new.scene], train.classes[label])
                rows.writerow((*told, *where, names[home], groups[home]))


def names_of(rows: Ints, train: Dataset) -> list[str]:
    """Boxes of train in words."""
    boxes, images = train.boxes, train.images
    return [f"{train.classes[boxes.label[row]]} of {images.name[boxes.image[row]]}" for row in rows]
