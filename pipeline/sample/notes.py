"""Banknotes: tinted paper, guilloche, portrait, numerals, serial number, wear."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.sample import motifs
from pipeline.sample.draw import (
    SANS,
    Floats,
    Picture,
    Sketch,
    cloud,
    ellipse,
    mix,
    rounded,
    tint,
)
from pipeline.sample.money import Money
from pipeline.sample.portraits import PEOPLE, bust
from pipeline.sample.sprite import Sprite

_SCALE = 4.0  # pixels a millimetre
_MARGIN = 2  # pixels of nothing around the paper, so that its edge is drawn smooth
_CENTRE = {1000: motifs.hall, 5000: motifs.garden, 10000: motifs.peaks, 50000: motifs.grapes}
_BACK = {
    1000: motifs.landscape, 5000: motifs.garden, 10000: motifs.globe, 50000: motifs.bamboo,
}  # fmt: skip


class _Sheet(NamedTuple):
    """A note being printed: its paper, and how to draw on it from the middle in half heights."""

    money: Money
    paper: Picture

    @property
    def half(self) -> float:
        """Half the width, in half heights."""
        return self.money.size[0] / self.money.size[1]

    def plate(self) -> tuple[NDArray[np.uint8], Sketch]:
        rows, columns = self.paper.shape[:2]
        plate = np.zeros((rows, columns), dtype=np.uint8)
        unit = self.money.size[1] / 2 * _SCALE
        return plate, Sketch(plate, (columns / 2, rows / 2), unit)

    def press(self, plate: NDArray[np.uint8], colour: object, strength: float = 1.0) -> None:
        tint(self.paper, plate * np.float32(strength / 255), colour)  # type: ignore[arg-type]


def note(money: Money, face: str, rng: np.random.Generator) -> Sprite:
    """A note's face, "F" or "B", with its own serial number, creases and dirt."""
    width, height = money.size
    shape = (round(height * _SCALE) + 2 * _MARGIN, round(width * _SCALE) + 2 * _MARGIN)
    sheet = _Sheet(money, _paper(money, shape))
    _guilloche(sheet, 1 if face == "F" else 2)
    if face == "F":
        _front(sheet)
        _serial(sheet, rng)
    else:
        _back(sheet)
    _wear(sheet.paper, rng)
    cover = np.zeros(shape, dtype=np.uint8)
    outline = rounded(width, height, 0.8)
    Sketch(cover, (shape[1] / 2, shape[0] / 2), _SCALE).fill(outline, 255)
    return Sprite(sheet.paper, cover, _SCALE, (outline,), thickness=float(rng.uniform(0.3, 1.5)))


def _paper(money: Money, shape: tuple[int, int]) -> Picture:
    across = np.linspace(-1, 1, shape[1], dtype=np.float32)[None]
    share = np.broadcast_to(0.5 + 0.5 * np.cos(across * np.pi * 1.5), shape)
    return mix(money.second, money.light, share)


def _guilloche(sheet: _Sheet, rosettes: int) -> None:
    """Bands of interlaced waves and rosettes, in the ink and in the second tint."""
    plate, sketch = sheet.plate()
    x = np.linspace(-sheet.half, sheet.half, 160)
    for band, centre in enumerate((-0.55, 0.1, 0.7)):
        swell = 0.16 + 0.08 * np.cos(2.3 * x + band)
        for phase in np.linspace(0, 2 * np.pi, 9, endpoint=False):
            y = centre + swell * np.sin(5.5 * x + phase)
            sketch.line(np.stack([x, y], axis=1), 255, 0.008)
    sheet.press(plate, sheet.money.ink, 0.3)
    plate, sketch = sheet.plate()
    for k in range(rosettes):
        side = -0.28 if rosettes == 1 else (-0.62, 0.62)[k]
        for size in (0.75, 0.55, 0.35):
            points = _rosette(size) + np.array((side * sheet.half, 0))
            sketch.line(points, 255, 0.008, closed=True)
    sheet.press(plate, sheet.money.ink, 0.38)


def _rosette(size: float) -> Floats:
    around = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    radius = size * (0.72 + 0.28 * np.cos(11.0 / 3 * 3 * around) * np.cos(4 * around))
    return np.stack([radius * np.cos(around), radius * np.sin(around)], axis=1)


def _front(sheet: _Sheet) -> None:
    money, half = sheet.money, sheet.half
    plate, sketch = sheet.plate()
    _CENTRE[money.value](sketch.at(-0.1 * half, 0.05, 0.62))
    sheet.press(plate, np.add(money.ink, (30, 20, 10)), 0.62)
    plate, sketch = sheet.plate()
    bust(sketch.at(0.5 * half, 0.05, 0.88), PEOPLE[money.value])
    _hatch(plate)
    sheet.press(plate, np.multiply(money.ink, 0.75), 0.95)
    plate, sketch = sheet.plate()
    sketch.fill(ellipse(-0.66 * half, -0.06, 0.34, 0.42), 255)
    sheet.press(plate, np.add(np.multiply(money.light, 0.4), 150), 0.5)
    plate, sketch = sheet.plate()
    sketch.write(str(money.value), (-0.92 * half, 0.68, 0), 0.32, 255)
    sketch.write(str(money.value), (0.95 * half, -0.77, 1), 0.14, 255)
    sketch.write("BANK OF KOREA", (-0.1 * half, -0.78, 0.5), 0.1, 255, SANS)
    sketch.line(_frame(half), 150, 0.012, closed=True)
    sheet.press(plate, np.multiply(money.ink, 0.7), 0.95)
    _foil(sheet)


def _foil(sheet: _Sheet) -> None:
    """The hologram: a patch, or on the highest note a strip."""
    half, plate, sketch = sheet.half, *sheet.plate()
    if sheet.money.value == 50000:
        sketch.fill([(-0.93 * half, -1), (-0.86 * half, -1), (-0.86 * half, 1), (-0.93 * half, 1)],
                    255)  # fmt: skip
    elif sheet.money.value >= 5000:
        sketch.fill(ellipse(-0.84 * half, -0.1, 0.2, 0.24), 255)
    gleam = np.sin(np.arange(plate.shape[0]) / 9.0)[:, None] * 45
    silver = np.stack([190 + gleam, 190 - 0.4 * gleam, 185 - gleam], axis=2)
    sheet.press(plate, silver, 0.85)


def _back(sheet: _Sheet) -> None:
    money, half = sheet.money, sheet.half
    plate, sketch = sheet.plate()
    _BACK[money.value](sketch.at(0.02 * half, 0.06, 0.78))
    _hatch(plate)
    sheet.press(plate, np.multiply(money.ink, 0.9), 0.85)
    plate, sketch = sheet.plate()
    sketch.write(str(money.value), (-0.92 * half, -0.68, 0), 0.32, 255)
    sketch.write(str(money.value), (0.93 * half, 0.74, 1), 0.24, 255)
    sketch.write("BANK OF KOREA", (0.93 * half, -0.8, 1), 0.1, 255, SANS)
    sketch.write(f"{money.value} WON", (-0.92 * half, 0.8, 0), 0.1, 230, SANS)
    sketch.line(_frame(half), 150, 0.012, closed=True)
    sheet.press(plate, np.multiply(money.ink, 0.8), 0.95)


def _frame(half: float) -> Floats:
    return np.array([(-half + 0.06, -0.94), (half - 0.06, -0.94),
                     (half - 0.06, 0.94), (-half + 0.06, 0.94)])  # fmt: skip


def _hatch(plate: NDArray[np.uint8]) -> None:
    """Cut the tones into fine lines, as an engraver does."""
    rows, columns = np.indices(plate.shape, dtype=np.float32)
    lines = 0.86 + 0.14 * np.sin((rows + 0.5 * columns) * 1.9)
    plate[:] = plate * lines


def _serial(sheet: _Sheet, rng: np.random.Generator) -> None:
    letters = "".join(rng.choice(list("ABCDEFGHJK"), 2))
    number = f"{letters} {rng.integers(10**6, 10**7)} {rng.choice(list('ABCDEFG'))}"
    plate, sketch = sheet.plate()
    for at in ((-0.92 * sheet.half, -0.78, 0), (0.3 * sheet.half, 0.82, 1)):
        sketch.write(number, at, 0.09, 255, SANS)
    sheet.press(plate, (60, 30, 40), 0.9)


def _wear(paper: Picture, rng: np.random.Generator) -> None:
    """Creases, smudges, and the yellowing of notes that went through many hands."""
    shape = paper.shape[:2]
    age = rng.uniform(0.0, 1.0)
    paper *= 1 + cloud(rng, shape, (120, 120), 3)[..., None] * np.float32(0.05 * age)
    paper *= np.float32(1 - 0.12 * age) * np.array((1 - 0.08 * age, 1, 1), dtype=np.float32)
    columns = np.arange(shape[1], dtype=np.float32)
    for at in rng.uniform(0.2, 0.8, rng.integers(0, 3)) * shape[1]:
        away = (columns - at) / 2.5
        crease = np.exp(-(away**2)) * np.sign(away + 0.3) * rng.uniform(-0.16, 0.16)
        side = np.where(columns > at, rng.uniform(-0.06, 0.06), 0)
        paper *= (1 + crease + side)[None, :, None].astype(np.float32)
    paper += rng.normal(0, 2.5, shape).astype(np.float32)[..., None]
