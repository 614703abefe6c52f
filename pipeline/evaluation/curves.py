"""Precision, recall and F1 against confidence, and the confidence that serves best.

The definitions are ultralytics' (``ultralytics.utils.metrics.ap_per_class``): 1000 confidences,
interpolated between predictions; the best one has the highest mean F1 over the classes, smoothed
over a tenth of the scale, so that one lucky prediction does not decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.dataset import Floats
from pipeline.evaluation.coco import Hits

POINTS = 1000
SMOOTH = 0.1


@dataclass(frozen=True, eq=False)
class Curves:
    """At IoU 0.5; rows of NaN for classes without truth.

    Attributes:
        confidence: (1000,) from 0 to 1.
        precision: (K, 1000) share of the predictions at or above a confidence that are right.
        recall: (K, 1000) share of the boxes that they find.
        f1: (K, 1000) harmonic mean of the two.
        best: Index in `confidence` of the highest mean F1.
    """

    confidence: Floats
    precision: Floats
    recall: Floats
    f1: Floats
    best: int


def curves(hits: Sequence[Hits]) -> Curves:
    """The curves of every class, from its predictions at IoU 0.5 (`coco.Scores.hits`)."""
    confidence = np.linspace(0, 1, POINTS)
    pairs = [_class_curves(h, confidence) for h in hits]
    precision = np.stack([p for p, _ in pairs])
    recall = np.stack([r for _, r in pairs])
    f1 = 2 * precision * recall / (precision + recall + 1e-16)
    best = int(smooth(np.nanmean(f1, axis=0), SMOOTH).argmax())
    return Curves(confidence, precision, recall, f1, best)


def _class_curves(hits: Hits, confidence: Floats) -> tuple[Floats, Floats]:
    if not hits.total or not len(hits.score):
        flat = np.full(len(confidence), 0.0 if hits.total else np.nan)
        return flat, flat
    found = np.cumsum(hits.hit)
    precision = found / np.arange(1, len(found) + 1)
    at, scores = -confidence, -hits.score  # np.interp wants them to rise
    return (
        np.interp(at, scores, precision, left=1),
        np.interp(at, scores, found / hits.total, left=0),
    )


def smooth(values: Floats, share: float) -> Floats:
    """Box filter as wide as `share` of the values, their ends repeated."""
    width = round(len(values) * share * 2) // 2 + 1
    padded = np.pad(values, width // 2, mode="edge")
    return np.convolve(padded, np.ones(width) / width, mode="valid")
