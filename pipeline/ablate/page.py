"""The finding as one HTML page that needs nothing else, neither files nor a network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline import manifest
from pipeline.ablate import plots, words
from pipeline.ablate.options import METRICS
from pipeline.report.page import data_uri, environment

FILE = "ablation.html"


def write(folder: Path, found: Mapping[str, Any]) -> Path:
    """Write `folder`/ablation.html with the pictures that lie there; returns its path."""
    template = environment("pipeline.ablate").get_template("ablation.html")
    text = template.render(
        found=found,
        metrics=METRICS,
        columns=(*METRICS, "recall"),
        ways={view: words.way(found, view) for view in plots.SHOWN},
        rows=_by_class(found),
        scores=_by_hyp(found),
        changes=_changes(found),
        scores_plot=data_uri(folder / plots.SCORES),
        classes_plot=data_uri(folder / plots.CLASSES),
        turned=data_uri(folder / plots.TURNED),
    )
    manifest.write_text(folder / FILE, text)
    return folder / FILE


def _by_hyp(found: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By preset, then view, its row of scores."""
    rows: dict[str, dict[str, Any]] = {hyp: {} for hyp in found["hyps"]}
    for row in found["scores"]:
        rows[row["hyp"]][row["view"]] = row
    return rows


def _changes(found: Mapping[str, Any]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """By preset, view and metric, how it differs from the first."""
    first = found["hyps"][0]
    rows = [row for row in found["differences"] if row["to"] == first]
    return {(row["of"], row["view"], row["metric"]): row for row in rows}


def _by_class(found: Mapping[str, Any]) -> dict[str, dict[tuple[str, str], dict[str, Any]]]:
    """By class, then view and preset, its row of scores."""
    rows: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
    for row in found["classes"]:
        rows.setdefault(row["class"], {})[row["view"], row["hyp"]] = row
    return rows
