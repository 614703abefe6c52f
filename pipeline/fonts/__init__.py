"""Fonts for class names in any script: our own, then what is installed; never a download.

NanumGothic (packaged; SIL Open Font Licence, see OFL.txt) has Latin, Hangul, kana and 4,620
Chinese characters; DejaVu Sans, which comes with matplotlib, has Cyrillic, Greek, Arabic, Hebrew,
Armenian, Georgian and more. For the rest (Thai, Devanagari, all of Chinese) the fonts of the
system are searched.
"""

from __future__ import annotations

import importlib.util
import logging
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import BoxwrightError

log = logging.getLogger(__name__)

_PLACEHOLDERS = ("lastresort", "blank", "notdef")  # have every character, draw none
_STYLES = ("bold", "italic", "oblique", "black", "light", "thin", "mono", "serif", "condensed")


def packaged() -> Path:
    """The font that comes with boxwright: Latin, Hangul, kana."""
    return Path(__file__).with_name("NanumGothic.ttf")


@lru_cache(maxsize=4096)
def font_for(text: str, font: Path | None = None) -> Path:
    """The font file to draw a text with.

    Args:
        text: What will be drawn.
        font: A font of the user's choice, which comes first.

    Returns:
        The first font that has every character of `text`, else the one that has most of them.

    Raises:
        BoxwrightError: `font` is no font file.
    """
    wanted = _visible(text)
    best, most = font or packaged(), 0
    for path in _candidates(font):
        count = int(np.isin(wanted, _characters(path)).sum())
        if count == len(wanted):
            return path
        if count > most:
            best, most = path, count
    return best


def runs(text: str, font: Path | None = None) -> list[tuple[str, Path]]:
    """A text cut where its font must change: one run where one font has it all.

    Joined, the first members are `text` again.
    """
    whole = font_for(text, font)
    if _has(whole, text):
        return [(text, whole)]
    parts = [(text[0], font_for(text[0], font))]
    for char in text[1:]:
        before, last = parts[-1]
        path = last if _has(last, char) else font_for(char, font)
        if path == last:
            parts[-1] = (before + char, last)
        else:
            parts.append((char, path))
    return parts


def missing(texts: Iterable[str], font: Path | None = None) -> str:
    """The characters that no font on this machine has, sorted."""
    chars = sorted(set("".join(texts)))
    return "".join(char for char in chars if not _has(font_for(char, font), char))


@lru_cache(maxsize=64)
def warn_of_missing(texts: tuple[str, ...], font: Path | None = None) -> None:
    """Warn, once for the same texts, where some of their characters cannot be drawn."""
    lost = missing(texts, font)
    if lost:
        log.warning(
            "no font on this machine has %s (%s): drawn as empty boxes."
            "\n    -> install a font that has them (Debian, Ubuntu: `apt-get install fonts-noto`)"
            " or name one with --font FILE.",
            " ".join(lost),
            ", ".join(f"U+{ord(char):04X}" for char in lost),
        )


def _has(path: Path, text: str) -> bool:
    return bool(np.isin(_visible(text), _characters(path)).all())


def _visible(text: str) -> list[int]:
    """Code points that need a glyph: no spaces, no controls, no variation selectors."""
    return [
        ord(char)
        for char in text
        if unicodedata.category(char)[0] not in "ZC" and not 0xFE00 <= ord(char) <= 0xFE0F
    ]


def _candidates(font: Path | None) -> Iterator[Path]:
    if font is not None:
        if not len(_characters(font)):
            raise BoxwrightError(
                f"{font}: is no font file that can be drawn with."
                "\n    -> --font takes a .ttf, .otf or .ttc file."
            )
        yield font
    yield packaged()
    yield from _dejavu()
    yield from _installed()


@cache
def _dejavu() -> tuple[Path, ...]:
    """DejaVu Sans in matplotlib's data, found without importing matplotlib."""
    found = importlib.util.find_spec("matplotlib")
    if found is None or found.origin is None:
        return ()
    path = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
    return (path,) if path.exists() else ()


@cache
def _installed() -> tuple[Path, ...]:
    """The fonts of the system, plain styles first."""
    from matplotlib import font_manager

    paths = (Path(name) for name in font_manager.findSystemFonts())
    fit = [p for p in paths if not any(word in p.name.lower() for word in _PLACEHOLDERS)]
    return tuple(sorted(fit, key=lambda p: (_plainness(p.stem.lower()), p.name, str(p))))


def _plainness(stem: str) -> int:
    return sum(style in stem.replace("sansserif", "") for style in _STYLES)


@cache
def _characters(path: Path) -> NDArray[np.int64]:
    """The code points that a font file draws; none for a broken file or one of bitmaps."""
    from fontTools.ttLib import TTFont, TTLibError

    try:
        with path.open("rb") as file, TTFont(file, lazy=True, fontNumber=0) as font:
            drawn = any(table in font for table in ("glyf", "CFF ", "CFF2"))
            points = list(font.getBestCmap() or {}) if drawn else []
    except (TTLibError, OSError, ValueError, AssertionError, KeyError):  # of many makers
        points = []
    return np.array(points, dtype=np.int64)
