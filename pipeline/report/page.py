"""The report of a run: one HTML page that needs nothing else, neither files nor a network."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import manifest
from pipeline.report import words
from pipeline.report.facts import Facts

if TYPE_CHECKING:
    import jinja2

FILE = "report.html"
_KINDS = {".png": "image/png", ".jpg": "image/jpeg"}


def write_report(folder: Path, facts: Facts) -> Path:
    """Write `folder`/report.html with the plots that lie in the folder; returns its path.

    Shown where they are there: mismatch.json (its table), training.png, pr_curve.png, f1_curve.png,
    confusion.png, and the files of `facts.samples`.
    """
    page = folder / FILE
    manifest.write_text(page, render(folder, facts))
    return page


def environment(package: str = "pipeline.report") -> jinja2.Environment:
    """What every page is made with: everything escaped; ``style.html`` to include.

    Args:
        package: Whose templates (.html beside its modules) come before those of the report.
    """
    import jinja2

    places = dict.fromkeys((package, "pipeline.report"))
    made = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(place, ".") for place in places]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"share": _share, "count": "{:,}".format, "percent": "{:.1%}".format}
    return made


def render(folder: Path, facts: Facts) -> str:
    """The page as text."""
    return (
        environment()
        .get_template("page.html")
        .render(
            facts=facts,
            metrics=facts.metrics,
            sentences=words.score(dict(facts.metrics), facts.split),
            confusions=words.confusions(facts.confusions),
            training=words.training(facts.made.get("training", {})),
            made=list(_rows(facts.made)),
            picture=lambda name: data_uri(folder / name),
            gaps=_gaps(folder),
        )
    )


def _gaps(folder: Path) -> dict[str, Any] | None:
    """The table of `evaluation.mismatch.compare`, where a training left one."""
    file = folder / "mismatch.json"
    if not file.is_file():
        return None
    table: dict[str, Any] | None = json.loads(file.read_text(encoding="utf-8"))["table"]
    return table


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def data_uri(path: Path) -> str:
    """A picture as text to put into the page; "" where there is none."""
    if not path.is_file():
        return ""
    text = base64.b64encode(path.read_bytes()).decode("ascii")
    return f"data:{_KINDS[path.suffix]};base64,{text}"


def _rows(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Nested plain data as (path of keys, value) lines."""
    for key, value in values.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping):
            yield from _rows(value, f"{name}.")
        elif isinstance(value, list | tuple):
            yield name, ", ".join(str(v) for v in value)
        else:
            yield name, "-" if value is None else str(value)
