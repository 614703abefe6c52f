"""A second noise model: label errors as people and tools make them, unlike those that are planted.

The judge learns from errors of `pipeline.check.consensus.noise`: one kind for each label, drawn
evenly, with amounts of its own. These here have other shapes, amounts and reasons, and were written
after the judge's last setting was chosen: hands that tremble on all sides, boxes snapped to a
coarse grid, drawn around the shadow or around the middle only, drifting trackers, whole pictures
that are off, classes taken for the one of the same size, and so on. Nothing is tuned on them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from pipeline import boxes as geometry
from pipeline.check.consensus.noise import KINDS, joined
from pipeline.check.consensus.pairs import overlapping, paired_iou
from pipeline.dataset import Bools, Boxes, Dataset, Floats, Ints

CLEAR = 0.8
"""A misplaced box overlaps the right one less than this (IoU): nobody would leave it so."""

_APART = 0.3  # a label of nothing overlaps every right one less than this
_TRIES = 30
Rng = np.random.Generator


@dataclass(frozen=True, eq=False)
class Dirty:
    """Labels with errors, and the truth.

    Attributes:
        dataset: With the labels as somebody wrote them.
        kind: (M,) what each label is: an index in the judge's `KINDS`.
        removed: Labels that were left out.
    """

    dataset: Dataset
    kind: Ints
    removed: Boxes


def spoil(dataset: Dataset, share: float, rng: Rng) -> Dirty:
    """Make `share` of the labels wrong, every way equally often; what cannot be stays right."""
    labels = dataset.boxes
    ways = np.full(len(labels), -1)
    chosen = rng.permutation(len(labels))[: round(share * len(labels))]
    ways[chosen] = rng.permutation(len(chosen)) % len(WAYS)
    placed = _placed(dataset, ways, rng)
    written = replace(placed, label=_classes(dataset, ways, rng))
    kind = np.where((placed.xyxy != labels.xyxy).any(axis=1), KINDS.index("badly placed"), 0)
    kind[written.label != labels.label] = KINDS.index("wrong class")
    gone = ways == WAYS.index("left out")
    added, added_kind = _added(dataset, ways, rng)
    boxes, kinds = joined(written.take(~gone), kind[~gone], added, added_kind)
    return Dirty(replace(dataset, boxes=boxes), kinds, labels.take(gone))


def off_by(dataset: Dataset, share: float, amount: float, rng: Rng) -> Dirty:
    """One side of `share` of the boxes moved by `amount` of the box's side, in or out."""
    labels = dataset.boxes
    chosen = np.zeros((len(labels), 1), dtype=bool)
    chosen[rng.permutation(len(labels))[: round(share * len(labels))]] = True
    one = np.eye(4)[rng.integers(4, size=len(labels))] * rng.choice([-1, 1], (len(labels), 1))
    moved = labels.xyxy + _sides(labels.xyxy) * one * amount * chosen
    moved = geometry.clip(moved, dataset.images.size[labels.image])
    far = np.abs((moved - labels.xyxy) / _sides(labels.xyxy)).max(axis=1) > amount / 2
    kind = np.where(far, KINDS.index("badly placed"), 0)
    boxes = replace(labels, xyxy=np.where(far[:, None], moved, labels.xyxy))
    return Dirty(replace(dataset, boxes=boxes), kind, labels.take(np.zeros(0, dtype=np.int64)))


def _sides(xyxy: Floats) -> Floats:
    return np.tile(xyxy[:, 2:] - xyxy[:, :2], 2)


def _placed(dataset: Dataset, ways: Ints, rng: Rng) -> Boxes:
    """Misplaced beyond doubt, and still upon the item."""
    labels = dataset.boxes
    xyxy, size = labels.xyxy.copy(), dataset.images.size[labels.image]
    for name, change in _PLACES.items():
        left = np.flatnonzero(ways == WAYS.index(name))
        for _ in range(_TRIES):
            right = labels.xyxy[left]
            tried = geometry.clip(change(right, rng), size[left])
            fit = paired_iou(tried, right)
            clear = (fit < CLEAR) & (fit > 0.1)
            xyxy[left[clear]] = tried[clear]
            left = left[~clear]
    return replace(labels, xyxy=xyxy)


def _classes(dataset: Dataset, ways: Ints, rng: Rng) -> Ints:
    label, classes = dataset.boxes.label.copy(), len(dataset.classes)
    if classes == 1:
        return label
    alike = ways == WAYS.index("class of the same size")
    label[alike] = _nearest_in_size(dataset)[label[alike]]
    first = ways == WAYS.index("class that the tool proposes")
    label[first] = np.where(label[first] == 0, rng.integers(1, classes, first.sum()), 0)
    return label


def _nearest_in_size(dataset: Dataset) -> Ints:
    """(C,) the class whose usual size and aspect are most like those of each."""
    boxes = dataset.boxes
    side = np.log(np.maximum(boxes.xyxy[:, 2:] - boxes.xyxy[:, :2], 1))
    every = range(len(dataset.classes))
    usual = np.stack([np.median(side[boxes.label == k], axis=0) for k in every])
    apart = np.abs(usual[:, None] - usual[None]).sum(axis=2) + np.diag(np.full(len(usual), np.inf))
    out: Ints = apart.argmin(axis=1)
    return out


def _added(dataset: Dataset, ways: Ints, rng: Rng) -> tuple[Boxes, Ints]:
    parts, kinds = [], []
    for name, (make, kind) in _ADDED.items():
        made = make(dataset.boxes.take(ways == WAYS.index(name)), dataset, rng)
        made = replace(made, xyxy=geometry.clip(made.xyxy, dataset.images.size[made.image]))
        made = made.take(_stands(made, dataset.boxes, kind))
        parts.append(made)
        kinds.append(np.full(len(made), KINDS.index(kind)))
    image, label, xyxy = (
        np.concatenate([getattr(part, column) for part in parts])
        for column in ("image", "label", "xyxy")
    )
    order = np.argsort(image, kind="stable")
    return Boxes.of(image[order], label[order], xyxy[order]), np.concatenate(kinds)[order]


def _stands(made: Boxes, labels: Boxes, kind: str) -> Bools:
    """Which of the new labels are what they should be."""
    pairs = overlapping(made, labels)
    there = geometry.area(made.xyxy) > 4
    apart = pairs.most(pairs.iou) < _APART
    out: Bools = there & (apart if kind == "spurious" else ~apart)
    return out


def _trembling(xyxy: Floats, rng: Rng) -> Floats:
    return xyxy + _sides(xyxy) * rng.laplace(0, 0.08, xyxy.shape)


def _on_a_grid(xyxy: Floats, rng: Rng) -> Floats:
    """Corners snapped to a grid as coarse as a third to a half of the item."""
    step = np.tile(_sides(xyxy)[:, :2] * rng.uniform(0.33, 0.5, (len(xyxy), 1)), 2)
    origin = step * rng.random((len(xyxy), 4))
    low, high = np.floor((xyxy - origin) / step), np.ceil((xyxy - origin) / step)
    out: Floats = np.where([1, 1, 0, 0], low, high) * step + origin
    return out


def _with_shadow(xyxy: Floats, rng: Rng) -> Floats:
    """Two sides that meet are too far out."""
    corner = rng.integers(2, size=(len(xyxy), 2))
    out = np.concatenate([-(1.0 - corner), 1.0 * corner], axis=1)
    return xyxy + _sides(xyxy) * out * rng.uniform(0.1, 0.3, (len(xyxy), 2))[:, [0, 1, 0, 1]]


def _middle_only(xyxy: Floats, rng: Rng) -> Floats:
    return xyxy + _sides(xyxy) * [1, 1, -1, -1] * rng.triangular(0.02, 0.1, 0.2, (len(xyxy), 4))


def _drifted(xyxy: Floats, rng: Rng) -> Floats:
    """A tracker that lags: along one axis, and grown along it."""
    axis = np.eye(2)[rng.integers(2, size=len(xyxy))]
    way = axis * rng.choice([-1, 1], (len(xyxy), 1)) * rng.uniform(0.08, 0.35, (len(xyxy), 1))
    grown = np.concatenate([-axis, axis], axis=1) * rng.uniform(0, 0.08, (len(xyxy), 1))
    return xyxy + _sides(xyxy) * (np.tile(way, 2) + grown)


def _short_of_one_side(xyxy: Floats, rng: Rng) -> Floats:
    """Cut where something else begins to cover the item."""
    side = np.eye(4)[rng.integers(4, size=len(xyxy))] * [1, 1, -1, -1]
    return xyxy + _sides(xyxy) * side * rng.uniform(0.2, 0.45, (len(xyxy), 1))


def _about_nothing(made: Boxes, dataset: Dataset, rng: Rng) -> Boxes:
    """Anywhere, of any size; its class is a common one."""
    size = dataset.images.size[made.image]
    side = size * np.exp(rng.uniform(np.log(0.05), np.log(0.5), (len(made), 2)))
    low = rng.random((len(made), 2)) * (size - side)
    label = rng.choice(dataset.boxes.label, len(made))
    return replace(made, label=label, xyxy=np.concatenate([low, low + side], axis=1))


def _left_behind(made: Boxes, _dataset: Dataset, rng: Rng) -> Boxes:
    """Where the item was some frames ago."""
    angle = rng.uniform(0, 2 * np.pi, (len(made), 1))
    away = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    return replace(made, xyxy=made.xyxy + _sides(made.xyxy) * np.tile(away, 2) * 0.8)


def _detail(made: Boxes, _dataset: Dataset, rng: Rng) -> Boxes:
    """A detail within an item, labelled as an item."""
    low = rng.uniform(0, 0.55, (len(made), 2))
    share = np.concatenate([low, low + rng.uniform(0.25, 0.45, (len(made), 2))], axis=1)
    return replace(made, xyxy=np.tile(made.xyxy[:, :2], 2) + _sides(made.xyxy) * share)


def _by_two_people(made: Boxes, _dataset: Dataset, rng: Rng) -> Boxes:
    return replace(made, xyxy=made.xyxy + _sides(made.xyxy) * rng.laplace(0, 0.03, made.xyxy.shape))


def _at_another_scale(made: Boxes, _dataset: Dataset, rng: Rng) -> Boxes:
    grow = rng.choice([-0.1, 0.12], (len(made), 1)) * [-1, -1, 1, 1]
    return replace(made, xyxy=made.xyxy + _sides(made.xyxy) * grow)


_PLACES: dict[str, Callable[[Floats, Rng], Floats]] = {
    "trembling": _trembling,
    "on a coarse grid": _on_a_grid,
    "with its shadow": _with_shadow,
    "middle only": _middle_only,
    "drifted": _drifted,
    "short of one side": _short_of_one_side,
}
_ADDED: dict[str, tuple[Callable[[Boxes, Dataset, Rng], Boxes], str]] = {
    "about nothing": (_about_nothing, "spurious"),
    "left behind": (_left_behind, "spurious"),
    "a detail": (_detail, "spurious"),
    "by two people": (_by_two_people, "duplicate"),
    "at another scale": (_at_another_scale, "duplicate"),
}
_CLASSES = ("class of the same size", "class that the tool proposes")
WAYS = (*_CLASSES, *_PLACES, *_ADDED, "left out")
"""Every way to make a label wrong."""
