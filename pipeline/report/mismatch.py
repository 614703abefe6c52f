"""The page of `boxwright mismatch`: the gaps between the splits, and what parts the sources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline import manifest
from pipeline.report import page

FILE = "mismatch.html"
PLOT = "distance.png"


def write(folder: Path, title: str, found: dict[str, Any]) -> Path:
    """Write `folder`/mismatch.html with the plot that lies there; returns its path.

    Args:
        folder: Where to, and where `PLOT` lies.
        title: What was compared.
        found: ``table`` from `evaluation.mismatch.compare`, ``distance`` from
            `evaluation.distance.differences`; either may be None.
    """
    template = page.environment().get_template("mismatch.html")
    text = template.render(title=title, plot=page.data_uri(folder / PLOT), **found)
    manifest.write_text(folder / FILE, text)
    return folder / FILE
