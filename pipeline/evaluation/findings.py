"""From truth and predictions to a folder of findings: numbers, tables, plots, pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import fonts
from pipeline.dataset import Dataset, Ints
from pipeline.evaluation import coco, confusion, plots, samples, written
from pipeline.evaluation.curves import curves
from pipeline.evaluation.metrics import summary
from pipeline.progress import Track, silent


@dataclass(frozen=True)
class Findings:
    """What an evaluation found.

    Attributes:
        metrics: What metrics.json holds.
        counts: (K + 1, K + 1) confusion matrix, rows the truth; the last row and column are
            background.
        mistakes: Picture by picture.
        worst: Rows of the pictures drawn for their mistakes, worst first.
        others: Rows of the other pictures that are drawn.
        files: The drawn pictures: those of `worst`, then those of `others`.
    """

    metrics: dict[str, Any]
    counts: Ints
    mistakes: confusion.Mistakes
    worst: Ints
    others: Ints
    files: list[Path]


def assess(
    truth: Dataset, predictions: Dataset, out: Path, *, pictures: int = 12, track: Track = silent
) -> Findings:
    """Measure, and write metrics.json, confusion.csv, mistakes.csv, plots and samples/ to `out`.

    Args:
        truth: The pictures of one split with their boxes.
        predictions: The same pictures and classes, with scores.
        out: An existing folder.
        pictures: How many to draw; two thirds of them those with the worst mistakes.
        track: Shows progress.

    Raises:
        BoxwrightError: The truth holds no box.
    """
    scores = coco.score(truth, predictions, track)
    curve = curves(scores.hits)
    matching = confusion.match(truth, predictions)
    counts = confusion.matrix(truth, matching)
    mistakes = confusion.mistakes(truth, matching)
    fonts.warn_of_missing(truth.classes, None)
    found = summary(truth, predictions, scores, curve)
    written.write_json(out / "metrics.json", found)
    written.write_confusion(out / "confusion.csv", counts, truth.classes)
    written.write_mistakes(out / "mistakes.csv", mistakes, truth.images)
    plots.pr_curve(scores, truth.classes, out / "pr_curve.png")
    plots.f1_curve(curve, truth.classes, out / "f1_curve.png")
    plots.confusion(counts, truth.classes, out / "confusion.png")
    worst, others = samples.choose(mistakes, pictures)
    rows = np.concatenate([worst, others])
    files = samples.write(out / "samples", truth, matching, rows, track)
    return Findings(found, counts, mistakes, worst, others, files)
