"""The curves of a training, from the results.csv that ultralytics leaves (a row an epoch)."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pipeline.dataset import Floats
from pipeline.evaluation import plots

PANELS = {"Losses on train": "train/", "Losses on val": "val/", "Scores on val": "metrics/"}


def draw_training(folders: Iterable[Path], out: Path) -> bool:
    """Draw losses and scores by epoch from the first results.csv that one of `folders` holds.

    Returns:
        Whether there was anything to draw.
    """
    files = (folder / "results.csv" for folder in folders)
    columns = next((read(file) for file in files if file.is_file()), {})
    panels = {title: _panel(columns, start) for title, start in PANELS.items()}
    panels = {title: lines for title, lines in panels.items() if lines}
    if not panels or "epoch" not in columns:
        return False
    plots.training(columns["epoch"], panels, out)
    return True


def _panel(columns: dict[str, Floats], start: str) -> dict[str, Floats]:
    return {
        name.removeprefix(start).removesuffix("(B)"): values
        for name, values in columns.items()
        if name.startswith(start)
    }


def read(results: Path) -> dict[str, Floats]:
    """The columns of a results.csv; NaN for what is no number; half rows are left out."""
    with results.open(encoding="utf-8", newline="") as lines:
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines)]
    whole = [row for row in rows[1:] if len(row) == len(rows[0])]
    if not whole:
        return {}
    table = np.array([[_number(cell) for cell in row] for row in whole])
    return dict(zip(rows[0], table.T, strict=True))


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan
