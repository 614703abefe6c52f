"""Known errors planted into copies of labels: what the judge learns from.

Kinds, in the judge's terms: a wrong class (any, or the one that the detector takes it for), badly
placed (shifted, one side off, too large or too small), spurious (far from everything, or beside an
item), a duplicate, and missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from pipeline import boxes as geometry
from pipeline.check.consensus.pairs import overlapping, paired_iou
from pipeline.dataset import Bools, Boxes, Dataset, Floats, Ints

KINDS = ("right", "wrong class", "badly placed", "spurious", "duplicate")
RIGHT, WRONG_CLASS, BADLY_PLACED, SPURIOUS, DUPLICATE = range(len(KINDS))

_LEAST, _MOST = 0.06, 0.5  # how far a side is off, as a share of the box's side
_NEAR_MISS = 0.95  # a planted box overlaps the right one less than this (IoU), or it is no error

Rng = np.random.Generator


@dataclass(frozen=True, eq=False)
class Planted:
    """Labels with errors in them, and the truth.

    Attributes:
        labels: In the order of the pictures.
        kind: (M,) what each label is, an index in `KINDS`.
        removed: The labels that were left out.
    """

    labels: Boxes
    kind: Ints
    removed: Boxes


def plant(dataset: Dataset, share: float, confusion: Floats, rng: Rng) -> Planted:
    """Plant errors of every kind, equally often.

    Args:
        dataset: Labels as given; those that stay as they are count as right.
        share: Errors per label.
        confusion: (C, C) how likely the detector takes class i (row) for class j; rows sum to 1.
        rng: Where the chance comes from.
    """
    labels, size = dataset.boxes, dataset.images.size
    ways = _dealt(len(labels), share, rng)
    changed = _changed(labels, ways, confusion, rng)
    added, kind = _added(labels, ways, size, rng)
    boxes = replace(changed, xyxy=geometry.clip(changed.xyxy, size[labels.image]))
    gone = ways == _WAYS.index("missing")
    kinds = np.where(_is_error(boxes, labels), _KIND_OF[ways], RIGHT)
    return Planted(*joined(boxes.take(~gone), kinds[~gone], added, kind), labels.take(gone))


def joined(labels: Boxes, kind: Ints, added: Boxes, added_kind: Ints) -> tuple[Boxes, Ints]:
    """Two tables as one in the order of the pictures; without outlines."""
    image = np.concatenate([labels.image, added.image])
    order = np.argsort(image, kind="stable")
    label = np.concatenate([labels.label, added.label])[order]
    xyxy = np.concatenate([labels.xyxy, added.xyxy])[order]
    crowd = np.concatenate([labels.crowd, added.crowd])[order]
    boxes = Boxes.of(image[order], label, xyxy, crowd=crowd)
    return boxes, np.concatenate([kind, added_kind])[order]


def _dealt(rows: int, share: float, rng: Rng) -> Ints:
    """(M,) the way in which each label is made wrong, an index in `_WAYS`; -1 for not at all."""
    ways = np.full(rows, -1)
    chosen = rng.permutation(rows)[: round(share * rows)]
    ways[chosen] = rng.permutation(len(chosen)) % len(_WAYS)
    return ways


def _changed(labels: Boxes, ways: Ints, confusion: Floats, rng: Rng) -> Boxes:
    label, xyxy = labels.label.copy(), labels.xyxy.copy()
    for name, change in _PLACES.items():
        rows = ways == _WAYS.index(name)
        xyxy[rows] = change(xyxy[rows], rng)
    other = np.ones_like(confusion) - np.eye(len(confusion))
    for name, odds in (("swapped", other), ("confused", confusion * other)):
        rows = ways == _WAYS.index(name)
        label[rows] = _drawn(odds[label[rows]], label[rows], rng)
    return replace(labels, label=label, xyxy=xyxy)


def _drawn(odds: Floats, without: Ints, rng: Rng) -> Ints:
    """(K,) a column drawn from each row of `odds` (K, C); `without` where all odds are 0."""
    edges = np.cumsum(odds, axis=1)
    total = edges[:, -1:]
    drawn = (rng.random((len(odds), 1)) * total >= edges).sum(axis=1)
    out: Ints = np.where(total[:, 0] > 0, np.minimum(drawn, odds.shape[1] - 1), without)
    return out


def _is_error(boxes: Boxes, labels: Boxes) -> Bools:
    """Whether what stands there now differs from the label by more than nobody would mend."""
    moved = paired_iou(boxes.xyxy, labels.xyxy) < _NEAR_MISS
    out: Bools = moved | (boxes.label != labels.label)
    return out


def _added(labels: Boxes, ways: Ints, size: Ints, rng: Rng) -> tuple[Boxes, Ints]:
    """Labels of things that are not there, and second labels of things that are."""
    parts, kinds = [], []
    for name, (make, kind) in _ADDED.items():
        made = labels.take(ways == _WAYS.index(name))
        made = make(made, size[made.image], rng)
        made = replace(made, xyxy=geometry.clip(made.xyxy, size[made.image]))
        if kind == SPURIOUS:
            pairs = overlapping(made, labels)
            made = made.take(pairs.most(pairs.iou) < 0.4)
        parts.append(made.take(geometry.area(made.xyxy) > 0))
        kinds.append(np.full(len(parts[-1]), kind))
    image, label, xyxy, crowd = (
        np.concatenate([getattr(part, column) for part in parts])
        for column in ("image", "label", "xyxy", "crowd")
    )
    return Boxes.of(image, label, xyxy, crowd=crowd), np.concatenate(kinds)


def _sides(xyxy: Floats) -> Floats:
    return np.tile(xyxy[:, 2:] - xyxy[:, :2], 2)


def _amount(shape: tuple[int, ...], rng: Rng) -> Floats:
    """How far off: small errors as often as large ones, of either sign."""
    far = np.exp(rng.uniform(np.log(_LEAST), np.log(_MOST), shape))
    out: Floats = far * rng.choice([-1, 1], shape)
    return out


def _shifted(xyxy: Floats, rng: Rng) -> Floats:
    angle = rng.uniform(0, 2 * np.pi, len(xyxy))
    way = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return xyxy + _sides(xyxy) * np.tile(way * _amount((len(xyxy), 1), rng), 2)


def _one_side(xyxy: Floats, rng: Rng) -> Floats:
    side = np.eye(4)[rng.integers(4, size=len(xyxy))]
    out: Floats = xyxy + _sides(xyxy) * side * _amount((len(xyxy), 1), rng)
    return out


def _scaled(xyxy: Floats, rng: Rng) -> Floats:
    out: Floats = xyxy + _sides(xyxy) * [-0.5, -0.5, 0.5, 0.5] * _amount((len(xyxy), 1), rng)
    return out


def _jittered(made: Boxes, _size: Ints, rng: Rng) -> Boxes:
    off = rng.normal(0, 0.04, made.xyxy.shape) * rng.choice([0, 1], (len(made), 1), p=[0.2, 0.8])
    return replace(made, xyxy=made.xyxy + _sides(made.xyxy) * off)


def _anywhere(made: Boxes, size: Ints, rng: Rng) -> Boxes:
    sides = made.xyxy[:, 2:] - made.xyxy[:, :2]
    low = rng.random((len(made), 2)) * np.clip(size - sides, 0, None)
    return replace(made, xyxy=np.concatenate([low, low + sides], axis=1))


def _beside(made: Boxes, _size: Ints, rng: Rng) -> Boxes:
    angle = rng.uniform(0, 2 * np.pi, len(made))
    away = np.stack([np.cos(angle), np.sin(angle)], axis=1) * rng.uniform(0.6, 1.1, (len(made), 1))
    grown = made.xyxy + _sides(made.xyxy) * rng.uniform(-0.15, 0.15, made.xyxy.shape)
    return replace(made, xyxy=grown + _sides(made.xyxy) * np.tile(away, 2))


_PLACES: dict[str, Callable[[Floats, Rng], Floats]] = {
    "shifted": _shifted,
    "one side": _one_side,
    "scaled": _scaled,
}
_ADDED: dict[str, tuple[Callable[[Boxes, Ints, Rng], Boxes], int]] = {
    "far": (_anywhere, SPURIOUS),
    "near": (_beside, SPURIOUS),
    "duplicate": (_jittered, DUPLICATE),
}
_WAYS = ("swapped", "confused", *_PLACES, *_ADDED, "missing")
_KIND_OF = np.array([WRONG_CLASS] * 2 + [BADLY_PLACED] * len(_PLACES) + [RIGHT] * 5)
"""What a label is that stands at its old place; an added one has its own kind. -1 is right."""
