"""`boxwright stats`: what is in a prepared folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli import show


def stats_cli(
    source: Annotated[
        Path, typer.Argument(help="A prepared folder, or a config.", metavar="PREPARED|CONFIG")
    ],
    as_json: show.Json = False,
    quiet: show.Quiet = False,
) -> None:
    """Count what is in a prepared data set: pictures, boxes, sizes, by split and class."""
    show.listen(quiet=quiet)
    from pipeline import config
    from pipeline.formats import yolo
    from pipeline.stats import stats

    folder = config.load(source).prepared if config.is_config(source) else source
    found = stats(yolo.read(folder, show.track(quiet=quiet)))
    if as_json:
        show.as_json(found)
    else:
        _show(found)


def _show(found: dict[str, Any]) -> None:
    parts = {**found["splits"], "all": found["all"]}
    _splits(parts)
    _classes(parts)
    _shapes(found["all"])
    for sentence in found["warnings"]:
        show.line(f"Note: {sentence}")


def _splits(parts: dict[str, dict[str, Any]]) -> None:
    header = ("split", "pictures", "background", "boxes", "a picture", "at most", *_SIZES)
    show.table(header, [_split(name, part) for name, part in parts.items()], "Pictures and boxes")
    show.line("Background: pictures without a box. A picture: boxes in a middling one (median).")
    show.line("Small: under 32 x 32 pixels; large: 96 x 96 or more; medium between (COCO's words).")


_SIZES = ("small", "medium", "large")


def _split(name: str, part: dict[str, Any]) -> list[str]:
    each = part["boxes_per_image"] or {"50": 0, "100": 0}
    sizes = [_n(part["sizes"][size]) for size in _SIZES]
    counts = [_n(part[key]) for key in ("images", "background", "boxes")]
    return [name, *counts, f"{each['50']:g}", f"{each['100']:g}", *sizes]


def _classes(parts: dict[str, dict[str, Any]]) -> None:
    whole = parts["all"]["classes"]
    total = max(parts["all"]["boxes"], 1)
    rows = [
        [
            row["class"],
            *(_n(part["classes"][i]["boxes"]) for part in parts.values()),
            f"{row['boxes'] / total:.1%}",
            _n(row["images"]),
            "-" if row["relative_area"] is None else f"{row['relative_area']:.2%}",
        ]
        for i, row in enumerate(whole)
    ]
    show.table(("class", *parts, "share", "pictures", "of a picture"), rows, "Boxes of each class")
    show.line("Of a picture: how much of it a middling box of the class takes up (median).")


def _shapes(whole: dict[str, Any]) -> None:
    if not whole["boxes"]:
        return
    area, aspect = whole["relative_area"], whole["aspect"]
    show.line()
    show.line(
        f"Boxes take up {area['5']:.2%} to {area['95']:.2%} of their picture "
        f"(the middle nine tenths; median {area['50']:.2%})."
    )
    show.line(
        f"Width by height: {aspect['5']:.2f} to {aspect['95']:.2f} (median {aspect['50']:.2f})."
    )
    sizes = whole["image_sizes"]
    common = ", ".join(f"{s['width']}x{s['height']} ({_n(s['images'])})" for s in sizes["common"])
    more = sizes["different"] - len(sizes["common"])
    show.line(f"Picture sizes: {common}" + (f" and {more} more." if more > 0 else "."))


def _n(value: int) -> str:
    return f"{value:,}"
