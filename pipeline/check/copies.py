"""Copies of one picture that are labelled otherwise: one of the two is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pipeline import boxes as geometry
from pipeline.dataset import Boxes, Dataset, Ints

SAME = 0.5  # IoU of boxes that mean the same thing


class Disagreement(NamedTuple):
    """Two exact copies whose boxes differ.

    Attributes:
        a: Row of a picture.
        b: Row of its copy.
        problem: How they differ, in words.
    """

    a: int
    b: int
    problem: str


def disagreements(dataset: Dataset, copies: Ints) -> list[Disagreement]:
    """Which copies are labelled otherwise: in classes, in how many boxes, or in where they are.

    Args:
        dataset: Pictures and boxes.
        copies: (C, 2) rows of pictures with the same pixels.
    """
    slices = dataset.per_image()
    found = []
    for a, b in copies.tolist():
        one, other = (dataset.boxes.take(np.r_[slices[row]]) for row in (a, b))
        if problem := _problem(one, other, dataset.classes):
            found.append(Disagreement(a, b, problem))
    return found


def _problem(one: Boxes, other: Boxes, classes: Sequence[str]) -> str:
    """How the boxes of two copies differ; "" where they agree."""
    count = len(classes)
    held = [np.bincount(boxes.label, minlength=count) for boxes in (one, other)]
    if (held[0] != held[1]).any():
        return " against ".join(_listed(counts, classes) for counts in held)
    alike = geometry.iou(one.xyxy, other.xyxy) * (one.label[:, None] == other.label[None])
    apart = max(int((alike.max(axis=axis, initial=0) < SAME).sum()) for axis in (0, 1))
    return f"{apart} of {len(one)} boxes at another place" if apart else ""


def _listed(counts: Ints, classes: Sequence[str]) -> str:
    held = [f"{counts[label]} {classes[label]}" for label in np.flatnonzero(counts).tolist()]
    return ", ".join(held) or "no box"
