"""`boxwright stats`: what is in a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli import show


def stats_cli(
    source: Annotated[
        Path,
        typer.Argument(
            help="A prepared folder, a config, or any YOLO tree or COCO file.",
            metavar="PREPARED|CONFIG",
        ),
    ],
    page: Annotated[
        Path | None, typer.Option(help="Write an HTML page with plots, e.g. stats.html.")
    ] = None,
    pixels: Annotated[
        str | None,
        typer.Option(help="Pictures whose pixels are looked at (500); 0 for none, or all."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Another seed looks at other pictures (0).")
    ] = None,
    imgsz: Annotated[
        int | None, typer.Option(help="Side of the pictures in training (the config's, or 640).")
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(help="Folder of the pictures, where it is not beside a COCO file."),
    ] = None,
    as_json: show.Json = False,
    quiet: show.Quiet = False,
) -> None:
    """Count what is in a data set: pictures, boxes, sizes, groups, light; what that means."""
    wanted = int(pixels) if pixels and pixels.isdecimal() else pixels
    flags = {"pixels": wanted, "seed": seed, "imgsz": imgsz, "images": images}
    show.listen(quiet=quiet)
    track = show.track(quiet=quiet)
    from pipeline.stats import run

    if page:
        from pipeline.stats import page as paper

        paper.check(page)
    found = run.look(run.plan(source, flags), track)
    if page:
        paper.write(page, found, track)
    if as_json:
        show.as_json({**found, "page": str(page) if page else None})
    else:
        _show(found)
        if page:
            show.line(f"\nPage: {page}")


def _show(found: dict[str, Any]) -> None:
    parts = {**found["splits"], "all": found["all"]}
    _splits(parts)
    _classes(parts)
    _shapes(found["all"])
    _light(found["pixels"])
    for sentence in found["warnings"]:
        show.line(f"Note: {sentence}")


def _splits(parts: dict[str, dict[str, Any]]) -> None:
    grouped = bool(parts["all"]["groups"]["groups"])
    header = ["split", "pictures", *["groups"] * grouped, "background", "boxes", "a picture"]
    rows = [_split(name, part, grouped) for name, part in parts.items()]
    show.table([*header, "at most", *_SIZES], rows, "Pictures and boxes")
    show.line("Background: pictures without a box. A picture: boxes in a middling one (median).")
    show.line("Small: under 32 x 32 pixels; large: 96 x 96 or more; medium between (COCO's words).")


_SIZES = ("small", "medium", "large")


def _split(name: str, part: dict[str, Any], grouped: bool) -> list[str]:
    each = part["boxes_per_image"] or {"50": 0, "100": 0}
    groups = [_n(part["groups"]["groups"])] * grouped
    sizes = [_n(part["sizes"][size]) for size in _SIZES]
    counts = [_n(part[key]) for key in ("background", "boxes")]
    boxes = (f"{each['50']:g}", f"{each['100']:g}")
    return [name, _n(part["images"]), *groups, *counts, *boxes, *sizes]


def _classes(parts: dict[str, dict[str, Any]]) -> None:
    rows = _shown(parts["all"]["classes"])
    header = ["class", *parts, "share", "pictures", "of a picture"]
    total = max(parts["all"]["boxes"], 1)
    cells = [_class(parts, place, total) for place in rows]
    show.table(header, cells, "Boxes of each class")
    left = len(parts["all"]["classes"]) - len(rows)
    if left:
        show.line(f"The most frequent; {_n(left)} more classes are in --json and --page.")
    show.line("Of a picture: how much of it a middling box of the class takes up (median).")


MOST = 40  # classes on the terminal


def _shown(rows: list[dict[str, Any]]) -> list[int]:
    """The classes to show, in their order; of many the most frequent."""
    if len(rows) <= MOST:
        return list(range(len(rows)))
    return sorted(range(len(rows)), key=lambda place: -rows[place]["boxes"])[:MOST]


def _class(parts: dict[str, dict[str, Any]], place: int, total: int) -> list[str]:
    row = parts["all"]["classes"][place]
    area = row["relative_area"]
    boxes = [_n(part["classes"][place]["boxes"]) for part in parts.values()]
    share, taken = f"{row['boxes'] / total:.1%}", "-" if area is None else f"{area:.2%}"
    return [row["class"], *boxes, share, _n(row["images"]), taken]


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
    show.line(f"Picture sizes: {common}" + (f" and {_n(more)} more." if more > 0 else "."))


def _light(pixels: dict[str, Any] | None) -> None:
    if not pixels or not pixels["sampled"]:
        return
    light, contrast = pixels["all"]["brightness"], pixels["all"]["contrast"]
    of = f"{_n(pixels['sampled'])} of {_n(pixels['images'])} pictures looked at"
    show.line(
        f"Brightness (mean grey of 0 to 255): {light['5']:.0f} to {light['95']:.0f}; contrast "
        f"(spread of the greys): {contrast['5']:.0f} to {contrast['95']:.0f} ({of})."
    )


def _n(value: int) -> str:
    return f"{value:,}"
