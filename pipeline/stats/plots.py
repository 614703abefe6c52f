"""What is in a data set as plots, each a PNG; from the numbers alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pipeline import figures
from pipeline.stats import shapes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROWS = 30  # more classes than this leave no room for their names
CELLS = 15  # more classes than this leave no room for numbers in a matrix
LAST = "The last step takes in all above it."
Numbers = dict[str, Any]


class Plot(NamedTuple):
    """One plot: where on the page it belongs, the PNG, and what it shows."""

    section: str
    png: bytes
    caption: str


def draw(found: Numbers) -> Iterator[Plot]:
    """Draw what there is to draw of `found`, the numbers of `run.look`."""
    if found["all"]["boxes"]:
        yield from _of_classes(found)
        yield from _of_boxes(found)
    yield from _of_pictures(found)
    if found["pixels"] and found["pixels"]["sampled"]:
        yield Plot("light", figures.png(_pixels(found["pixels"])), "")


def _of_classes(found: Numbers) -> Iterator[Plot]:
    rows = found["all"]["classes"]
    yield Plot("classes", figures.png(_balance(found)), "Boxes of each class, by split.")
    if len(rows) > ROWS:
        caption = "Boxes of every class, the most frequent first: how long the tail is."
        yield Plot("classes", figures.png(_tail(rows)), caption)
    caption = (
        "How large the boxes of each class are (root of their area, once the picture's longer side "
        f"is {found['imgsz']} pixels): the middle nine tenths, and the median."
    )
    yield Plot("classes", figures.png(_class_sides(found)), caption)
    if len(found["together"]["classes"]) > 1:
        caption = "Of the pictures with the class of the row, how many hold the column's as well."
        yield Plot("together", figures.png(_together(found["together"])), caption)


def _of_boxes(found: Numbers) -> Iterator[Plot]:
    histograms, imgsz = found["histograms"], found["imgsz"]
    side = _histogram(histograms["side"], f"pixels a side at {imgsz}", "boxes", log=True)
    _mark(side, 32, 96)
    caption = (
        f"Root of a box's area, once the picture's longer side is {imgsz} pixels. Dashed: 32 and "
        "96, COCO's borders of small, medium and large."
    )
    yield Plot("sizes", figures.png(side), caption)
    aspect = _histogram(histograms["aspect"], "width by height", "boxes", log=True)
    _mark(aspect, 1)
    yield Plot("sizes", figures.png(aspect), "Left of the dashed line: higher than wide.")
    yield Plot("places", figures.png(_positions(found["positions"])), "")


def _of_pictures(found: Numbers) -> Iterator[Plot]:
    histograms = found["histograms"]
    each = _counts(histograms["boxes_per_image"], "boxes in a picture", "pictures")
    caption = "How many pictures hold so many boxes. At 0: background. " + LAST
    yield Plot("pictures", figures.png(each), caption)
    if found["image_sizes"]:
        caption = "Width and height of the pictures; larger dots: more pictures."
        yield Plot("pictures", figures.png(_image_sizes(found["image_sizes"])), caption)
    if any(map(sum, histograms["images_per_group"]["splits"].values())):
        groups = _counts(histograms["images_per_group"], "pictures in a group", "groups")
        caption = "How many groups hold so many pictures. " + LAST
        yield Plot("groups", figures.png(groups), caption)


def _histogram(found: shapes.Histogram, x: str, what: str, *, log: bool = False) -> Figure:
    """A stepped line for each split, each as shares of its own sum."""
    figure = figures.new(5.6, 3.4)
    axes = figures.axes(figure)
    _steps(axes, found)
    axes.set(xlabel=x, ylabel=f"% of the {what} of the split")
    if log:
        _octaves(axes)
    return figure


def _counts(found: shapes.Histogram, x: str, what: str) -> Figure:
    """The same of whole numbers, each step over its own number."""
    from matplotlib.ticker import MaxNLocator

    edges = np.array(found["edges"])
    middle = (edges[1] - edges[0] == 1) / 2
    figure = _histogram({**found, "edges": edges - middle}, x, what)
    figure.axes[0].set_xlim(left=-middle)
    figure.axes[0].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return figure


def _steps(axes: Axes, found: shapes.Histogram) -> None:
    counts = {name: np.array(own) for name, own in found["splits"].items() if sum(own)}
    edges = np.array(found["edges"])
    for name, own in counts.items():
        share = 100 * own / own.sum()
        colour = figures.SPLITS.get(name, figures.SOFT)
        axes.stairs(share, edges, fill=True, alpha=0.15, color=colour)
        axes.stairs(share, edges, color=colour, linewidth=1.6, label=name or "all")
    used = np.flatnonzero(sum(counts.values(), np.zeros(len(edges) - 1)))
    if len(used):
        axes.set_xlim(edges[used[0]], edges[used[-1] + 1])
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.25)
    if counts:
        axes.legend(frameon=False, fontsize=8)


def _octaves(axes: Axes) -> None:
    """A logarithmic axis of x with plain numbers at powers of two."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(LogLocator(base=2))
    axes.xaxis.set_minor_locator(NullLocator())
    plain = FuncFormatter(lambda v, _: f"{v:g}" if v >= 1 else f"1/{round(1 / v)}")
    axes.xaxis.set_major_formatter(plain)


def _mark(figure: Figure, *places: float) -> None:
    for place in places:
        figure.axes[0].axvline(place, color=figures.SOFT, linestyle="--", linewidth=1)


def _names(axes: Axes, classes: Sequence[str]) -> None:
    """Class names down the left side, the first on top."""
    names = [figures.short(name) for name in classes]
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    for text, name in zip(axes.get_yticklabels(), names, strict=True):
        figures.write(text, name)


def _balance(found: Numbers) -> Figure:
    """Bars of the most frequent classes, the splits end to end; the others in one line."""
    rows = found["all"]["classes"]
    order = sorted(range(len(rows)), key=lambda i: -rows[i]["boxes"])
    shown, others = order[:ROWS], order[ROWS:]
    figure = figures.new(7.6, 1.1 + 0.24 * (len(shown) + bool(others)))
    axes = figures.axes(figure)
    start = np.zeros(len(shown))
    for name, part in (found["splits"] or {"": found["all"]}).items():
        boxes = np.array([part["classes"][i]["boxes"] for i in shown])
        colour = figures.SPLITS.get(name, figures.SOFT)
        axes.barh(range(len(shown)), boxes, left=start, color=colour, height=0.72, label=name)
        start += boxes
    names = [rows[i]["class"] for i in shown]
    ends = [f"{rows[i]['boxes']:,}" for i in shown]
    if others:
        rest = [rows[i]["boxes"] for i in others]
        names.append(f"{len(others):,} other classes")
        ends.append(f"{sum(rest):,} in all, {min(rest):,} to {max(rest):,} each")
    for place, text in enumerate(ends):
        at = start[place] if place < len(shown) else 0
        axes.annotate(
            text, (at, place), (4, 0), textcoords="offset points", va="center", fontsize=8,
            color=figures.SOFT,
        )  # fmt: skip
    _names(axes, names)
    axes.set_xlim(0, max(start.max(), 1) * 1.12)
    axes.set_xlabel("boxes")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(axis="x", alpha=0.25)
    axes.set_axisbelow(True)
    if found["splits"]:
        axes.legend(frameon=False, fontsize=8, loc="lower right")
    return figure


def _tail(rows: Sequence[Numbers]) -> Figure:
    boxes = np.array(sorted((row["boxes"] for row in rows), reverse=True))
    figure = figures.new(5.6, 3.4)
    axes = figures.axes(figure)
    axes.fill_between(np.arange(1, len(boxes) + 1), boxes, step="mid", alpha=0.2)
    axes.step(np.arange(1, len(boxes) + 1), boxes, where="mid", linewidth=1.6)
    axes.set(yscale="symlog", xlabel="classes, the most frequent first", ylabel="boxes")
    axes.set_xlim(1, len(boxes))
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.grid(alpha=0.25)
    return figure


def _class_sides(found: Numbers) -> Figure:
    rows = found["all"]["classes"]
    order = sorted(range(len(rows)), key=lambda i: -rows[i]["boxes"])[:ROWS]
    order = [i for i in order if found["class_sides"][i]]
    low, middle, high = np.array([found["class_sides"][i] for i in order]).T
    figure = figures.new(7.6, 1.1 + 0.24 * len(order))
    axes = figures.axes(figure)
    places = range(len(order))
    axes.hlines(places, low, high, color="#93c5fd", linewidth=5)
    axes.plot(middle, places, "o", color="#1e40af", markersize=4)
    _names(axes, [rows[i]["class"] for i in order])
    axes.set_xlabel(f"pixels a side at {found['imgsz']}")
    axes.set_xlim(max(low.min() * 0.8, 0.5), high.max() * 1.25)
    _octaves(axes)
    axes.grid(axis="x", alpha=0.25)
    return figure


def _together(together: Numbers) -> Figure:
    images = np.array(together["images"])
    share = images / np.maximum(np.diag(images), 1)[:, None]
    count = len(images)
    side = 2.4 + 0.3 * count
    figure = figures.new(side + 1, side)
    axes = figures.axes(figure)
    shown = np.where(np.eye(count, dtype=bool), np.nan, share)
    drawn = axes.imshow(shown, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    axes.set_facecolor("#f1f5f9")
    names = [figures.short(name) for name in together["classes"]]
    axes.set_xticks(range(count), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(count), names)
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        for text, name in zip(labels, names, strict=True):
            figures.write(text, name, 8)
    if count <= CELLS:
        _shares(axes, shown)
    bar = figure.colorbar(drawn, ax=axes, shrink=0.6)
    bar.set_ticks([0, 0.5, 1], labels=["0%", "50%", "100%"])
    return figure


def _shares(axes: Axes, share: Any) -> None:
    for row, column in np.argwhere(share > 0.005):
        value = share[row, column]
        axes.text(
            column, row, f"{100 * value:.0f}", ha="center", va="center", fontsize=7,
            color="white" if value > 0.5 else figures.INK,
        )  # fmt: skip


def _positions(positions: Numbers) -> Figure:
    """Three heat maps, each from 0 (white) to its own highest cell."""
    figure = figures.new(11, 3.7)
    titles = {
        "centres": "Where boxes have their centre",
        "coverage": "Boxes over each place of a picture",
        "sides": "Width and height of the boxes",
    }
    for axes, (name, title) in zip(figure.subplots(1, 3), titles.items(), strict=True):
        cells = np.array(positions[name], dtype=np.float64)
        ends = {"extent": (0, 100, 0, 100), "origin": "lower"} if name == "sides" else {
            "extent": (0, 100, 100, 0)
        }  # fmt: skip
        shown = np.sqrt(cells) if name == "sides" else cells
        drawn = axes.imshow(shown, cmap="magma_r", vmin=0, interpolation="nearest", **ends)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("% of the picture's width", fontsize=8)
        axes.set_ylabel("% of its height", fontsize=8)
        axes.tick_params(labelsize=8)
        if name == "coverage":
            figure.colorbar(drawn, ax=axes, shrink=0.8).ax.tick_params(labelsize=7)
    return figure


def _image_sizes(sizes: Sequence[Numbers]) -> Figure:
    width, height, images = np.array([[s["width"], s["height"], s["images"]] for s in sizes]).T
    figure = figures.new(5.6, 3.4)
    axes = figures.axes(figure)
    area = 12 + 400 * images / images.max()
    axes.scatter(width, height, area, color="#2563eb", alpha=0.45, edgecolor="white", linewidth=0.5)
    axes.set(xlabel="width in pixels", ylabel="height in pixels")
    axes.set_xlim(0, width.max() * 1.15)
    axes.set_ylim(0, height.max() * 1.15)
    axes.set_aspect("equal")
    axes.grid(alpha=0.25)
    return figure


def _pixels(pixels: Numbers) -> Figure:
    figure = figures.new(11, 3.2)
    titles = {
        "brightness": "Brightness: mean grey, 0 to 255",
        "contrast": "Contrast: spread of the greys",
        "sharpness": "Sharpness: variance of the Laplacian",
    }
    for axes, (name, title) in zip(figure.subplots(1, 3), titles.items(), strict=True):
        axes.spines[["top", "right"]].set_visible(False)
        _steps(axes, pixels["histograms"][name])
        axes.set_title(title, fontsize=10)
        axes.set_ylabel("% of the pictures of the split", fontsize=8)
        axes.tick_params(labelsize=8)
        if name == "sharpness":
            _octaves(axes)
    return figure
