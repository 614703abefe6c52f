"""The numbers of an evaluation as plain data: what metrics.json holds."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline import boxes as geometry
from pipeline.dataset import Dataset, Floats
from pipeline.evaluation import coco
from pipeline.evaluation.curves import Curves, curves
from pipeline.progress import Track, silent
from pipeline.stats import size_counts

Number = float | None


def metrics(truth: Dataset, predictions: Dataset, track: Track = silent) -> dict[str, Any]:
    """How good the predictions are: every number that docs/evaluation.md explains.

    Args:
        truth: The pictures of one split with their boxes.
        predictions: The same pictures and classes, with scores, from confidence 0.001 on.
        track: Shows progress.

    Returns:
        Plain data for JSON. Shares are 0 to 1; None where there is no truth to measure on, and
        such classes are left out of the means.

    Raises:
        BoxwrightError: The truth holds no box.
    """
    scores = coco.score(truth, predictions, track)
    return summary(truth, predictions, scores, curves(scores.hits))


def summary(
    truth: Dataset, predictions: Dataset, scores: coco.Scores, curve: Curves
) -> dict[str, Any]:
    """The same, from scores and curves that are already there."""
    at = curve.best
    rows = [_class(truth, scores, curve, label) for label in range(len(truth.classes))]
    return {
        "images": len(truth.images),
        "boxes": int(np.count_nonzero(~truth.boxes.crowd)),
        "predictions": len(predictions.boxes),
        "mAP50-95": _mean(scores.precision[:, :, :, 0]),
        "mAP50": _mean(scores.precision[0, :, :, 0]),
        "mAP75": _mean(scores.precision[5, :, :, 0]),
        **{f"AR{n}": _mean(scores.recall[:, :, 0, i]) for i, n in enumerate(coco.DETECTIONS)},
        "precision": _mean(curve.precision[:, at]),
        "recall": _mean(curve.recall[:, at]),
        "f1": _mean(curve.f1[:, at]),
        "best_confidence": round(float(curve.confidence[at]), 3),
        "drawn": sum(row["drawn"] for row in rows),
        "right": sum(row["right"] for row in rows),
        "sizes": _sizes(truth, scores),
        "classes": rows,
    }


def _sizes(truth: Dataset, scores: coco.Scores) -> dict[str, dict[str, Any]]:
    counts = size_counts(geometry.area(truth.boxes.xyxy[~truth.boxes.crowd]))
    return {
        name: {
            "boxes": counts[name],
            "mAP50-95": _mean(scores.precision[:, :, :, area]),
            "AR100": _mean(scores.recall[:, :, area, 2]),
        }
        for area, name in enumerate(coco.AREAS[1:], 1)
    }


def _class(truth: Dataset, scores: coco.Scores, curve: Curves, label: int) -> dict[str, Any]:
    hits = scores.hits[label]
    drawn = hits.score >= curve.confidence[curve.best]
    return {
        "class": truth.classes[label],
        "boxes": hits.total,
        "AP50-95": _mean(scores.precision[:, :, label, 0]),
        "AP50": _mean(scores.precision[0, :, label, 0]),
        "precision": _mean(curve.precision[label, curve.best]),
        "recall": _mean(curve.recall[label, curve.best]),
        "f1": _mean(curve.f1[label, curve.best]),
        "drawn": int(np.count_nonzero(drawn)),
        "right": int(np.count_nonzero(hits.hit[drawn])),
    }


def _mean(values: Floats) -> Number:
    """The mean of what is there, to 6 decimals; None where nothing is."""
    there = values[~np.isnan(values)]
    return round(float(there.mean()), 6) if there.size else None
