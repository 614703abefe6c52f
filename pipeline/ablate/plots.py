"""The scores of all trainings and the recall of each class, as PNG; some turned pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import draw as drawing
from pipeline import figures
from pipeline.ablate.options import METRICS
from pipeline.ablate.words import way
from pipeline.dataset import Dataset
from pipeline.images import decode

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SCORES, CLASSES, TURNED = "scores.png", "classes.png", "turned.jpg"
SHOWN = ("upright", "turned")  # from left to right
TILES, SIDE = 8, 400
MOST = 20  # classes
COLOURS = ("#64748b", "#2563eb", "#16a34a", "#f59e0b", "#9333ea", "#dc2626", "#0891b2", "#be185d")
MARKS = "osD^vPX*"  # each preset has a shape too, for those who do not see colours


def draw(found: Mapping[str, Any], folder: Path) -> None:
    """Draw `SCORES` and `CLASSES` into a folder."""
    _scores(found, folder / SCORES)
    _classes(found, folder / CLASSES)


def turned_sheet(turned: Dataset, folder: Path) -> None:
    """Draw turned pictures with their boxes and outlines into `TURNED`."""
    tiles = []
    for row, path in enumerate(turned.images.path):
        own = turned.boxes.take(turned.boxes.image == row)
        picture, own = drawing.fit(decode(path), own, SIDE)
        tiles.append(drawing.draw_boxes(picture, own, turned.classes, scores=False))
    names = turned.images.name.tolist()
    drawing.save(folder / TURNED, drawing.contact_sheet(tiles, names, side=SIDE))


def _scores(found: Mapping[str, Any], out: Path) -> None:
    """A dot a training, a line from one standard deviation below the mean to one above."""
    hyps = found["hyps"]
    figure = figures.new(9.5, 1.5 + 0.36 * len(METRICS) * len(hyps))
    panels = figure.subplots(len(METRICS), 2, sharex="row", squeeze=False)
    for metric, line in zip(METRICS, panels, strict=True):
        for view, axes in zip(SHOWN, line, strict=True):
            rows = [_row(found["scores"], view=view, hyp=hyp)[metric] for hyp in hyps]
            for place, summary in enumerate(rows):
                _one(axes, summary, place, place)
            _frame(axes, hyps, f"{metric}, {way(found, view)}")
        line[1].tick_params(labelleft=False)
    figures.save(figure, out)


def _classes(found: Mapping[str, Any], out: Path) -> None:
    """The recall of each class with each preset; of many classes those with the lowest."""
    hyps, names = found["hyps"], _weakest(found)
    step = 0.8 / len(hyps)
    figure = figures.new(9.5, 1.4 + len(names) * max(0.3, 0.16 * len(hyps)))
    panels = figure.subplots(1, 2, sharex=True)
    for view, axes in zip(SHOWN, panels, strict=True):
        for kind, hyp in enumerate(hyps):
            for place, name in enumerate(names):
                row = _row(found["classes"], view=view, hyp=hyp, **{"class": name})
                _one(axes, row["recall"], place - 0.4 + step * (kind + 0.5), kind, every=False)
        _frame(axes, names, f"recall, {way(found, view)}")
    panels[1].tick_params(labelleft=False)
    handles = [_mark(panels[0], kind) for kind in range(len(hyps))]
    legend = figure.legend(
        handles, ["-"] * len(hyps), loc="outside upper left", ncols=4, frameon=False
    )
    for text, hyp in zip(legend.get_texts(), hyps, strict=True):
        figures.write(text, figures.short(hyp))
    figures.save(figure, out)


def _weakest(found: Mapping[str, Any]) -> list[str]:
    """The classes in their order; of many, those whose mean recall is lowest."""
    recalls: dict[str, list[float]] = {}
    for row in found["classes"]:
        own = recalls.setdefault(row["class"], [])
        own += [] if row["recall"]["mean"] is None else [row["recall"]["mean"]]
    there = [name for name, own in recalls.items() if own]
    kept = sorted(there, key=lambda name: float(np.mean(recalls[name])))[:MOST]
    return [name for name in there if name in kept]


def _row(rows: Sequence[Mapping[str, Any]], **wanted: str) -> Mapping[str, Any]:
    return next(row for row in rows if all(row[key] == value for key, value in wanted.items()))


def _one(
    axes: Axes, summary: Mapping[str, Any], place: float, kind: int, *, every: bool = True
) -> None:
    """One preset's trainings at one height."""
    mean, spread = summary["mean"], summary["sd"] or 0.0
    if mean is None:
        return
    colour = COLOURS[kind % len(COLOURS)]
    low, high = max(mean - spread, 0.0), min(mean + spread, 1.0)
    axes.plot([low, high], [place, place], color=colour, linewidth=2)
    _mark(axes, kind, mean, place)
    if every:
        values = summary["values"]
        axes.plot(values, [place] * len(values), "|", color=figures.INK, markersize=9)


def _mark(axes: Axes, kind: int, x: float = np.nan, y: float = np.nan) -> Any:
    """The mark of a preset; without a place, for the legend alone."""
    mark, colour = MARKS[kind % len(MARKS)], COLOURS[kind % len(COLOURS)]
    return axes.plot([x], [y], mark, color=colour, markersize=6)[0]


def _frame(axes: Axes, names: Sequence[str], title: str) -> None:
    axes.set_title(title, fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", alpha=0.25)
    axes.tick_params(labelsize=8)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), [figures.short(name) for name in names])
    for text in axes.get_yticklabels():
        figures.write(text, text.get_text())
