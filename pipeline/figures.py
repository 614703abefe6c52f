"""What all plots share: text as it is, colours, PNG; without pyplot and its global state.

Names are shown as they are: no mathtext (``$``), no markup, in any script that the packaged font
or matplotlib's own has.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

DPI = 130
INK, SOFT = "#1e293b", "#64748b"
SPLITS = {
    "train": "#2563eb",
    "val": "#f59e0b",
    "test": "#16a34a",
    "train_dev": "#9333ea",
    "": "#475569",
}


def new(width: float, height: float) -> Figure:
    """An empty figure of some inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=DPI, layout="constrained")


def axes(figure: Figure) -> Axes:
    """The one plot of a figure, framed left and below."""
    made = figure.add_subplot()
    made.spines[["top", "right"]].set_visible(False)
    return made


def write(text: Text, name: str, size: float = 9.0) -> None:
    """Show a name as it is."""
    text.set_parse_math(False)
    text.set_fontproperties(_font(name, size))
    text.set_text(name)


def short(name: str) -> str:
    """A name on one line, cut where it would not fit."""
    line = " ".join(name.split()) or "(no name)"
    return line if len(line) <= 32 else line[:30] + "…"


def palette(count: int) -> list[Any]:
    """Colours that can be told apart, up to twenty."""
    from matplotlib import colormaps

    return [colormaps["tab20"]((i * 2 + i // 10) % 20) for i in range(count)]


def legend(axes: Axes, entries: Sequence[tuple[str, Any]]) -> None:
    """A legend beside the axes; texts are set last, as matplotlib drops those that begin with _."""
    legend = axes.legend(
        [line for _, line in entries],
        ["-"] * len(entries),
        loc="upper left",
        bbox_to_anchor=(1.01, 1),
        frameon=False,
    )
    for text, (name, _) in zip(legend.get_texts(), entries, strict=True):
        write(text, short(name))


def png(figure: Figure) -> bytes:
    """The figure as a PNG, the same bytes for the same figure."""
    out = io.BytesIO()
    save(figure, out)
    return out.getvalue()


def save(figure: Figure, out: Path | BinaryIO) -> None:
    """Write a figure as PNG."""
    with warnings.catch_warnings():
        # the caller has told, by fonts.warn_of_missing, of letters that no font has
        warnings.filterwarnings("ignore", ".*missing from font", UserWarning)
        figure.savefig(out, format="png")


def _font(text: str, size: float) -> Any:
    """The fonts that have every character of `text`, in matplotlib's words."""
    from matplotlib.font_manager import FontProperties

    from pipeline import fonts

    families = [_family(path) for _, path in fonts.runs(text)]
    return FontProperties(family=list(dict.fromkeys(families)), size=size)


@cache
def _family(path: Path) -> str:
    """Make a font file known to matplotlib; returns its family's name."""
    from matplotlib.font_manager import fontManager, get_font

    fontManager.addfont(path)
    return str(get_font(path).family_name)
