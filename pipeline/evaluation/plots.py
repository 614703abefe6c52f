"""Curves and the confusion matrix as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline import figures
from pipeline.dataset import Floats, Ints
from pipeline.evaluation.coco import Scores
from pipeline.evaluation.curves import Curves

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEGEND = 15  # more lines than this cannot be told apart
CELLS = 30  # more classes than this leave no room for numbers


def pr_curve(scores: Scores, classes: Sequence[str], out: Path) -> None:
    """Precision against recall at IoU 0.5, a line a class and their mean."""
    precision = scores.precision[0, :, :, 0].T
    figure, axes = _frame(
        "Recall: share of the boxes that are found",
        "Precision: share of the predictions that are right",
    )
    recall = np.linspace(0, 1, precision.shape[1])
    names = [f"{n}  {_share(p)}" for n, p in zip(classes, precision, strict=True)]
    _lines(axes, recall, precision, names)
    axes.set_title("Precision and recall at IoU 0.5 (AP50 beside each class)")
    figures.save(figure, out)


def f1_curve(curves: Curves, classes: Sequence[str], out: Path) -> None:
    """F1 against confidence, the best threshold marked."""
    at = curves.confidence[curves.best]
    figure, axes = _frame("Confidence threshold", "F1")
    _lines(axes, curves.confidence, curves.f1, list(classes))
    axes.axvline(at, color="#c2410c", linestyle="--", linewidth=1)
    axes.set_title(f"Best confidence threshold: {at:.2f} (highest mean F1)")
    figures.save(figure, out)


def _lines(axes: Axes, x: Floats, rows: Floats, names: list[str]) -> None:
    """A line for each row that holds numbers, the mean of all bold; names where they fit."""
    there = [i for i, row in enumerate(rows) if not np.isnan(row).any()]
    few = len(there) <= LEGEND
    colours = figures.palette(len(there))
    drawn = [
        axes.plot(x, rows[i], color=colours[n] if few else "#94a3b8", linewidth=1.2)[0]
        for n, i in enumerate(there)
    ]
    mean = axes.plot(x, rows[there].mean(axis=0), color="#1e40af", linewidth=3)[0]
    shown = list(zip([names[i] for i in there], drawn, strict=True)) if few else []
    label = "mean" if len(there) < 2 else f"mean of {len(there)} classes"
    figures.legend(axes, [*shown, (label, mean)])


def confusion(counts: Ints, classes: Sequence[str], out: Path) -> None:
    """The confusion matrix: rows are the truth and add up to 1 in colour; numbers are boxes."""
    names = [figures.short(n) for n in [*classes, "(background)"]]
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 2.6 + 0.42 * min(len(names), 40)
    figure = figures.new(side + 0.8, side)
    axes = figure.add_subplot()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    places = range(len(names))
    axes.set_xticks(places, names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(places, names)
    size = max(4.0, min(9.0, 9.0 * CELLS / len(names)))
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        for text, name in zip(labels, names, strict=True):
            figures.write(text, name, size)
    axes.set_xlabel("what the model said (background: missed)")
    axes.set_ylabel("what is there (background: nothing)")
    if len(names) <= CELLS:
        _numbers(axes, counts, share)
    figures.save(figure, out)


def _numbers(axes: Axes, counts: Ints, share: Floats) -> None:
    for row, column in np.argwhere(counts > 0):
        axes.text(
            column,
            row,
            str(counts[row, column]),
            ha="center",
            va="center",
            fontsize=8,
            color="white" if share[row, column] > 0.5 else "#1e293b",
        )


def training(epochs: Floats, series: dict[str, dict[str, Floats]], out: Path) -> None:
    """Training curves side by side: one panel for each key, one line for each of its columns."""
    figure = figures.new(4.6 * len(series), 3.6)
    panels = figure.subplots(1, len(series), squeeze=False)[0]
    for axes, (title, lines) in zip(panels, series.items(), strict=True):
        colours = figures.palette(len(lines))
        for colour, (name, values) in zip(colours, lines.items(), strict=True):
            axes.plot(epochs, values, label=name, color=colour, marker="." * (len(epochs) < 30))
        axes.set_title(title)
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.25)
        axes.legend(frameon=False, fontsize=8)
    figures.save(figure, out)


def _frame(x: str, y: str) -> tuple[Figure, Axes]:
    figure = figures.new(8, 5)
    axes = figure.add_subplot()
    axes.set(xlabel=x, ylabel=y, xlim=(0, 1), ylim=(0, 1.02))
    axes.grid(alpha=0.25)
    return figure, axes


def _share(values: Floats) -> str:
    return "" if np.isnan(values).any() else f"{values.mean():.3f}"
