"""Coins: struck relief on metal, with rim, reeding, beads, lettering and wear."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.sample import motifs
from pipeline.sample.draw import SANS, Picture, Sketch, cloud, ellipse, mix, tint
from pipeline.sample.money import Money
from pipeline.sample.portraits import PEOPLE, bust
from pipeline.sample.sprite import Sprite

_SIDE = 288  # pixels of the canvas
_RADIUS = 140  # pixels of the coin
_RIM = {10: 0.04, 50: 0.15, 100: 0.05, 500: 0.09}  # width in radii
_BACK = {10: 0.56, 50: 0.56, 100: 0.42, 500: 0.42}  # height of the numeral, in radii
_FRONT = {10: motifs.pagoda, 50: motifs.rice_ear, 500: motifs.crane}


def coin(money: Money, face: str, rng: np.random.Generator) -> Sprite:
    """A coin's face, "F" or "B", worn and tarnished by chance."""
    relief = _struck(money, face, rng)
    colour = _metal(money, relief, rng)
    radius = money.size[0] / 2
    cover = np.zeros((_SIDE, _SIDE), dtype=np.uint8)
    Sketch(cover, (_SIDE / 2, _SIDE / 2), _RADIUS).disc(0, 0, 1, 255)
    return Sprite(
        colour=colour,
        cover=cover,
        scale=_RADIUS / radius,
        outline=(ellipse(0, 0, radius, count=72),),
        thickness=1.7,
        relief=relief,
        shine=float(rng.uniform(0.1, 0.3)),
    )


def _struck(money: Money, face: str, rng: np.random.Generator) -> Picture:
    """(H, W) heights: the field at 0.3, the motif above it, the rim highest."""
    canvas = np.full((_SIDE, _SIDE), 60, dtype=np.uint8)
    sketch = Sketch(canvas, (_SIDE / 2, _SIDE / 2), _RADIUS)
    year = str(rng.integers(1983, 2020))
    if face == "F":
        _front(sketch, money, year)
    else:
        _back(sketch, money, year)
    words = "THE BANK OF KOREA" if face == "B" else ""
    height = np.maximum(canvas, _edge(money, words)).astype(np.float32) / 255
    worn = rng.uniform(0.8, 1.3)
    return cv2.GaussianBlur(height, (0, 0), worn) * np.float32(1.5 / worn)


def _front(sketch: Sketch, money: Money, year: str) -> None:
    inner = sketch.at(0, 0.0, 0.56)
    if money.value in PEOPLE:
        bust(sketch.at(0, 0.02, 0.68), PEOPLE[money.value])
    else:
        _FRONT[money.value](inner)
    for side in (-1, 1):
        sketch.write(str(money.value), (side * 0.72, 0.14, 0.5), 0.1, 200, SANS)
    sketch.write(year, (0, 0.74, 0.5), 0.1, 180, SANS)


def _back(sketch: Sketch, money: Money, year: str) -> None:
    sketch.write(str(money.value), (0, -0.02, 0.5), 1.25 * _BACK[money.value], 240)
    sketch.write(year, (0, 0.62, 0.5), 0.15, 210, SANS)
    for side in (-1, 1):
        sketch.fill(ellipse(side * 0.4, 0.64, 0.11, 0.035, turn=-side * 25), 190)


def _edge(money: Money, words: str) -> NDArray[np.uint8]:
    """The ring of lettering, beads, rim and reeding, drawn as a strip and bent round."""
    around, depth = round(2 * np.pi * _RADIUS), _RADIUS
    strip = np.zeros((depth, around), dtype=np.uint8)
    sketch = Sketch(strip, (0, 0), depth)
    top = around / depth * 0.75  # three quarters round from the right: the top
    rim = _RIM[money.value]
    sketch.fill([(0, 0), (7, 0), (7, rim), (0, rim)], 225)
    sketch.write(words, (top, rim + 0.13, 0.5), 0.09, 190, SANS)
    _border(sketch, money, around / depth)
    if money.value != 10:
        strip[: round(depth * 0.035), ::6] = 120
        strip[: round(depth * 0.035), 1::6] = 150
    polar = np.ascontiguousarray(strip[::-1].T)
    middle = (_SIDE / 2 - 0.5, _SIDE / 2 - 0.5)
    # without FILL_OUTLIERS what lies outside the circle is whatever was in memory
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP | cv2.WARP_FILL_OUTLIERS
    bent: NDArray[np.uint8] = cv2.warpPolar(polar, (_SIDE, _SIDE), middle, _RADIUS, flags)
    return bent


def _border(sketch: Sketch, money: Money, around: float) -> None:
    """Inside the rim: beads, or on the highest coin a second ring."""
    inside = _RIM[money.value] + 0.03
    if money.value == 500:
        sketch.line([(0, inside + 0.03), (around, inside + 0.03)], 200, 0.03)
    elif money.value != 50:
        for at in np.arange(0, around, 0.075):
            sketch.disc(float(at), inside, 0.022, 190)


def _metal(money: Money, relief: Picture, rng: np.random.Generator) -> Picture:
    """(H, W, 3) colours: bright on what stands out, dirty in the hollows, scratched."""
    cast = np.asarray(money.light) * rng.uniform(0.9, 1.04) + rng.normal(0, 3, 3)
    dull = np.asarray(money.light) * 0.45 + np.asarray(money.ink) * 0.3
    bright = np.clip((relief - 0.3) * 1.5 + 0.45, 0, 1)
    bright += cloud(rng, relief.shape, (90, 90), 3) * rng.uniform(0.04, 0.16)
    metal = mix(dull, cast, bright)
    spots = np.clip(cloud(rng, relief.shape, (40, 40), 3) - rng.uniform(0.7, 1.3), 0, 0.6)
    tint(metal, spots, money.ink)
    _scratch(metal, rng)
    metal += rng.normal(0, 3, relief.shape).astype(np.float32)[..., None]
    return metal


def _scratch(metal: Picture, rng: np.random.Generator) -> None:
    lines = np.zeros(metal.shape[:2], dtype=np.uint8)
    sketch = Sketch(lines, (_SIDE / 2, _SIDE / 2), _RADIUS)
    for _ in range(rng.integers(4, 16)):
        start = rng.uniform(-0.9, 0.9, 2)
        sketch.line([start, start + rng.normal(0, 0.25, 2)], 255, 0.004)
    tint(metal, lines / 255 * rng.uniform(0.1, 0.3), (235, 235, 235))
