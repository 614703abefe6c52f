"""Histograms of two or more sources' pictures side by side, as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import figures
from pipeline.dataset import Floats
from pipeline.evaluation import measures
from pipeline.evaluation.distance import CLASSES, Pictures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 6  # panels; and sources in each
BINS = 24
WIDE = 3.6  # inches of a panel


def draw(pictures: Pictures, found: dict[str, Any], out: Path) -> None:
    """Draw the measures in which the sources differ most, a panel each, all sources in it.

    Args:
        pictures: From `distance.look`.
        found: From `distance.differences`.
        out: The file.
    """
    names = _most(found)
    across = min(3, len(names))
    down = -(-len(names) // across)
    figure = figures.new(WIDE * across, 2.7 * down)
    panels = figure.subplots(down, across, squeeze=False).ravel()
    sources = pictures.sources[:MOST]
    for axes, name in zip(panels, names, strict=False):
        if name == CLASSES:
            _mix(axes, pictures, sources)
        else:
            _histogram(axes, pictures, name, sources)
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    _legend(figure, sources)
    figures.save(figure, out)


def _most(found: dict[str, Any]) -> list[str]:
    """The measures that differ in any pair, or else those with the largest effects."""
    strongest: dict[str, tuple[bool, float]] = {}
    for pair in found["pairs"]:
        for row in pair["measures"]:
            own = (row["differs"], abs(row["effect"]))
            strongest[row["measure"]] = max(own, strongest.get(row["measure"], (False, 0.0)))
    order = sorted(strongest, key=lambda name: strongest[name], reverse=True)[:MOST]
    return [name for name in order if strongest[name][0]] or order[:3]


def _histogram(axes: Axes, pictures: Pictures, name: str, sources: Sequence[str]) -> None:
    """Shares of each source's pictures by a measure, outlined; the outermost hundredths cut off."""
    place = [measure.name for measure in measures.ALL].index(name)
    values = pictures.values[:, place]
    edges = _edges(values[~np.isnan(values)])
    for colour, source in zip(figures.palette(len(sources)), sources, strict=True):
        own = values[pictures.source == source]
        own = np.clip(own[~np.isnan(own)], edges[0], edges[-1])
        counts = np.histogram(own, edges)[0] / max(len(own), 1)
        axes.stairs(counts, edges, color=colour, fill=True, alpha=0.25)
        axes.stairs(counts, edges, color=colour, linewidth=1.4)
    unit = measures.ALL[place].unit
    axes.set_title(name, fontsize=10)
    axes.set_xlabel(unit, fontsize=8)
    _bare(axes)


def _edges(values: Floats) -> Floats:
    low, high = np.percentile(values, (1, 99)) if len(values) else (0.0, 1.0)
    room = max(high - low, 1e-6 + abs(low) * 1e-3) * 0.02
    return np.linspace(low - room, high + room, BINS + 1)


def _mix(axes: Axes, pictures: Pictures, sources: Sequence[str]) -> None:
    """Shares of the classes that the sources have most of, a bar for each source."""
    from pipeline.evaluation.effects import shares

    mixes = np.array([shares(pictures.classes[pictures.source == s].sum(axis=0)) for s in sources])
    order = np.argsort(-mixes.max(axis=0), kind="stable")[:8]
    high = 0.8 / len(sources)
    for i, (colour, mix) in enumerate(zip(figures.palette(len(sources)), mixes, strict=True)):
        axes.barh(np.arange(len(order)) + i * high, mix[order], height=high, color=colour)
    names = [figures.short(pictures.names[label]) for label in order.tolist()]
    axes.set_yticks(np.arange(len(order)) + 0.4 - high / 2, names)
    axes.invert_yaxis()
    for text, name in zip(axes.get_yticklabels(), names, strict=True):
        figures.write(text, name, 7.5)
    axes.set_title(f"{CLASSES}: shares of the objects", fontsize=10)
    axes.grid(axis="x", alpha=0.25)


def _bare(axes: Axes) -> None:
    axes.set_yticks([])
    axes.tick_params(labelsize=8)
    axes.margins(x=0)


def _legend(figure: Figure, sources: Sequence[str]) -> None:
    """Which colour is which source, above the panels."""
    from matplotlib.patches import Patch

    handles = [Patch(color=colour) for colour in figures.palette(len(sources))]
    legend = figure.legend(
        handles, ["-"] * len(handles), loc="outside upper left", ncols=3, frameon=False
    )
    for text, name in zip(legend.get_texts(), sources, strict=True):
        figures.write(text, figures.short(name))
