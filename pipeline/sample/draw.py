"""Drawing in units instead of pixels: what coins, notes and stuff are drawn with.

A `Sketch` draws on a canvas whose origin and unit are the drawer's own, so that one motif serves
a coin (where a tone is a height) and a note (where a tone is how much ink lies there).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Picture = NDArray[np.float32]
Tone = float | tuple[float, ...]

_FRACTION = 4  # bits behind the point in what OpenCV is given
SERIF, SANS = "DejaVuSerif-Bold.ttf", "DejaVuSans-Bold.ttf"


def ellipse(  # noqa: PLR0913 - an ellipse has that many parts
    x: float,
    y: float,
    rx: float,
    ry: float | None = None,
    *,
    turn: float = 0.0,
    arc: tuple[float, float] = (0.0, 360.0),
    count: int = 48,
) -> Floats:
    """(count, 2) points of an ellipse, or of the `arc` of it in degrees; `turn` in degrees."""
    around = np.radians(np.linspace(*arc, count, endpoint=abs(arc[1] - arc[0]) < 360))
    points = np.stack([rx * np.cos(around), (rx if ry is None else ry) * np.sin(around)], axis=1)
    return points @ rotation(np.radians(turn)).T + (x, y)


def rotation(turn: float) -> Floats:
    """(2, 2) matrix that turns by `turn` radians, from x towards y."""
    c, s = np.cos(turn), np.sin(turn)
    return np.array([[c, -s], [s, c]])


def rounded(width: float, height: float, radius: float) -> Floats:
    """(K, 2) outline of a rectangle with round corners, its centre at the origin."""
    x, y = width / 2 - radius, height / 2 - radius
    corners = [(x, y, 0.0), (-x, y, 90.0), (-x, -y, 180.0), (x, -y, 270.0)]
    return np.concatenate(
        [ellipse(cx, cy, radius, arc=(a, a + 89.9), count=6) for cx, cy, a in corners]
    )


@dataclass(frozen=True, eq=False)
class Sketch:
    """A canvas with its own origin and unit.

    Attributes:
        canvas: (H, W) or (H, W, 3) uint8, drawn on in place.
        origin: x and y in pixels of the drawer's (0, 0).
        unit: Pixels of the drawer's 1.
    """

    canvas: NDArray[np.uint8]
    origin: tuple[float, float]
    unit: float

    def at(self, x: float, y: float, unit: float = 1.0) -> Sketch:
        """The same canvas with the origin moved to (x, y) and a unit of `unit` of this one's."""
        left, top = self.origin
        return Sketch(self.canvas, (left + x * self.unit, top + y * self.unit), self.unit * unit)

    def fill(self, points: ArrayLike, tone: Tone) -> None:
        """Fill a polygon (K, 2)."""
        cv2.fillPoly(self.canvas, [self._pixels(points)], _scalar(tone), cv2.LINE_AA, _FRACTION)

    def line(self, points: ArrayLike, tone: Tone, width: float, *, closed: bool = False) -> None:
        """Draw a line through (K, 2) points, `width` units thick, at least a pixel."""
        thick = max(1, round(width * self.unit))
        at = [self._pixels(points)]
        cv2.polylines(self.canvas, at, closed, _scalar(tone), thick, cv2.LINE_AA, _FRACTION)

    def disc(self, x: float, y: float, radius: float, tone: Tone) -> None:
        self.fill(ellipse(x, y, radius), tone)

    def write(
        self, words: str, at: tuple[float, float, float], height: float, tone: Tone,
        font: str = SERIF,
    ) -> None:  # fmt: skip
        """Write `words`; the capitals are `height` units high.

        Args:
            words: What to write.
            at: x, y, and the share of the width that lies left of x: 0 starts there, 0.5 centres.
            height: Of the capitals.
            tone: As everywhere.
            font: File name of one of DejaVu's fonts.
        """
        stamp = lettering(words, max(6, round(height * self.unit)), font)
        x = round(self.origin[0] + at[0] * self.unit - stamp.shape[1] * at[2])
        y = round(self.origin[1] + at[1] * self.unit - stamp.shape[0] / 2)
        self._stamp(stamp, x, y, tone)

    def _stamp(self, stamp: NDArray[np.uint8], x: int, y: int, tone: Tone) -> None:
        rows, columns = self.canvas.shape[:2]
        x1, y1 = max(x, 0), max(y, 0)
        x2, y2 = min(x + stamp.shape[1], columns), min(y + stamp.shape[0], rows)
        if x2 <= x1 or y2 <= y1:
            return
        cover = stamp[y1 - y : y2 - y, x1 - x : x2 - x].astype(np.float32) / 255
        below = self.canvas[y1:y2, x1:x2]
        share = cover if below.ndim == 2 else cover[..., None]
        below[:] = below + (np.asarray(tone, dtype=np.float32) - below) * share

    def _pixels(self, points: ArrayLike) -> NDArray[np.int32]:
        pixels = np.asarray(points, dtype=np.float64) * self.unit + self.origin - 0.5
        fixed: NDArray[np.int32] = np.rint(pixels * 2**_FRACTION).astype(np.int32)
        return fixed


def _scalar(tone: Tone) -> tuple[float, ...]:
    return tone if isinstance(tone, tuple) else (tone,)


@lru_cache(maxsize=512)
def lettering(words: str, height: int, font: str = SERIF) -> NDArray[np.uint8]:
    """(H, W) coverage, 0 to 255, of words whose capitals are `height` pixels high."""
    from PIL import Image, ImageDraw

    face = _font(font, height)
    left, top, right, bottom = face.getbbox(words)
    sheet = Image.new("L", (int(right - left) + 2, int(bottom - top) + 2))
    ImageDraw.Draw(sheet).text((1 - left, 1 - top), words, fill=255, font=face)
    return np.asarray(sheet)


@lru_cache(maxsize=64)
def _font(name: str, height: int) -> Any:
    import matplotlib as mpl
    from PIL import ImageFont

    capital = 0.73  # height of DejaVu's capitals, in ems
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(str(folder / name), max(1, round(height / capital)))


def cloud(
    rng: np.random.Generator,
    shape: tuple[int, int],
    cell: tuple[float, float],
    octaves: int = 1,
) -> Picture:
    """Smooth noise, (H, W), mean 0, about -1 to 1.

    Args:
        rng: Where the chance comes from.
        shape: Height and width.
        cell: Height and width in pixels of the largest blobs; each octave halves them.
        octaves: How many layers of noise, each half as strong as the one before.
    """
    total = np.zeros(shape, dtype=np.float32)
    for octave in range(octaves):
        rows = int(shape[0] * 2**octave / cell[0]) + 2
        columns = int(shape[1] * 2**octave / cell[1]) + 2
        seed = rng.random((rows, columns), dtype=np.float32) * 2 - 1
        total += cv2.resize(seed, shape[::-1], interpolation=cv2.INTER_CUBIC) / 2**octave
    return total


def tint(base: Picture, cover: NDArray[Any], colour: ArrayLike) -> None:
    """Lay `colour` (BGR) on `base` (H, W, 3) in place, as thick as `cover` (H, W), 0 to 1."""
    base += (np.asarray(colour, dtype=np.float32) - base) * cover[..., None].astype(np.float32)


def mix(low: ArrayLike, high: ArrayLike, share: NDArray[Any]) -> Picture:
    """(H, W, 3) colours between `low` and `high` (BGR), by `share` (H, W), 0 to 1."""
    a, b = np.asarray(low, dtype=np.float32), np.asarray(high, dtype=np.float32)
    part = np.clip(share, 0, 1).astype(np.float32)
    mixed: Picture = a + (b - a) * part[..., None]
    return mixed


def to_bytes(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """Rounded and clipped to 0..255."""
    return cv2.convertScaleAbs(np.clip(picture, 0, 255))
