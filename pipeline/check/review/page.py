"""review.html: all findings with their pictures in one file that needs nothing else.

The crops are JPEGs in the page itself: one file can be sent to whoever mends, and opens anywhere.
They are small where there are many, so that a page of 10,000 opens in a second or two: a card
is made only when it is looked at.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import __version__, manifest
from pipeline.check.findings import Finding, as_json, ordered
from pipeline.check.review.crops import Crop, cut
from pipeline.dataset import Bools, Dataset
from pipeline.progress import Track, silent
from pipeline.report.page import environment

log = logging.getLogger(__name__)
FILE = "review.html"
MOST = 10_000
_LARGE, _SMALL = 360, 240  # pixels: the longer side of a crop, where there are few and many
_MANY = 2000
_NEIGHBOURS = 40


def write(
    findings: Sequence[Finding],
    dataset: Dataset,
    out: Path,
    *,
    name: str = "",
    track: Track = silent,
) -> Path:
    """Write `out`/review.html; returns its path.

    Args:
        findings: What was found; the worst 10,000 are shown.
        dataset: What was checked: its pictures are cut out, its labels drawn around.
        out: A folder that is there.
        name: What was checked, as the user calls it; "": its folder's name. Progress is kept in the
            browser under it.
        track: Shows progress.

    Raises:
        BoxwrightError: The disk refuses.
    """
    shown = ordered(findings)[:MOST]
    if len(shown) < len(findings):
        log.warning("the page shows the worst %d of %d findings", len(shown), len(findings))
    side = _SMALL if len(shown) > _MANY else _LARGE
    rows = _rows(shown, dataset)
    crops = cut(shown, rows, dataset, side, track)
    near = _Near(dataset)
    cards = [
        _card(found, row, crop, near) for found, row, crop in zip(shown, rows, crops, strict=True)
    ]
    page = out / FILE
    title = name or dataset.root.resolve().name
    manifest.write_text(page, _render(title, cards, crops, dataset.classes, len(findings)))
    return page


def _rows(findings: Sequence[Finding], dataset: Dataset) -> list[int]:
    """The picture of each finding; -1 for one of the whole set."""
    images = dataset.images
    row_of = {pair: row for row, pair in enumerate(zip(images.split, images.name, strict=True))}
    return [row_of.get((found.split, found.image), -1) for found in findings]


class _Near:
    """The labels around a finding, which are drawn in grey."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.slices = dataset.per_image()

    def boxes(self, found: Finding, row: int, crop: Crop) -> list[list[float]]:
        """x1, y1, x2, y2 and class index of each other label that reaches into the crop."""
        own, boxes = self.slices[row], self.dataset.boxes
        xyxy, label = boxes.xyxy[own], boxes.label[own]
        x, y, width, height = crop.region
        inside = (xyxy[:, :2] < (x + width, y + height)) & (xyxy[:, 2:] > (x, y))
        seen: Bools = np.asarray(inside.all(axis=1), dtype=bool)
        if found.box >= 0:
            seen &= np.arange(own.start, own.stop) != found.box
        elif found.xyxy:
            seen &= (np.abs(xyxy - found.xyxy) > 0.5).any(axis=1)
        keep = np.flatnonzero(seen)[:_NEIGHBOURS]
        plain: list[list[float]] = xyxy[keep].round(2).tolist()
        return [[*box, int(k)] for box, k in zip(plain, label[keep], strict=True)]


def _card(found: Finding, row: int, crop: Crop | None, near: _Near) -> dict[str, Any]:
    """What the page knows of a finding; "finding" is what it saves again, untouched."""
    plain = as_json(found)
    text = json.dumps(plain, sort_keys=True, ensure_ascii=False).encode()
    card: dict[str, Any] = {
        "id": hashlib.blake2b(text, digest_size=8).hexdigest(),
        "finding": plain,
    }
    if crop is not None:
        size = near.dataset.images.size[row].tolist()
        around = near.boxes(found, row, crop)
        card |= {"region": crop.region, "size": size, "near": around, "seen": bool(crop.jpeg)}
    return card


def _render(
    title: str,
    cards: Sequence[Mapping[str, Any]],
    crops: Iterable[Crop | None],
    classes: Sequence[str],
    total: int,
) -> str:
    kinds = Counter(card["finding"]["kind"] for card in cards)
    data = {
        "boxwright": __version__,
        "set": title,
        "classes": list(classes),
        "findings": cards,
    }
    pictures = (base64.b64encode(crop.jpeg).decode() if crop else "" for crop in crops)
    return (
        environment("pipeline.check.review")
        .get_template("review.html")
        .render(
            title=title,
            kinds=kinds,
            shown=len(cards),
            total=total,
            data=_json(data),
            crops="\n".join(pictures),
        )
    )


def _json(data: Mapping[str, Any]) -> str:
    """JSON that can stand in a page's <script>: no text in it can end the script."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
