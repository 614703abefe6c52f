"""Things that lie about and are no money: some of them look a little like it."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.sample.draw import (
    SANS,
    Floats,
    Picture,
    Sketch,
    cloud,
    ellipse,
    mix,
    rotation,
    rounded,
    tint,
)
from pipeline.sample.sprite import Sprite

_LARGE, _SMALL = 4.0, 10.0  # pixels a millimetre of large and of small things
_SMALL_REACH = 35  # millimetres from its middle that a small thing reaches at most
Rng = np.random.Generator


def stuff(rng: Rng) -> Sprite:
    """Something from a pocket or a desk."""
    return _KINDS[rng.integers(len(_KINDS))](rng)


def _plain(outline: Floats, colour: ArrayLike, thickness: float) -> Sprite:
    """One colour in the shape of an outline in millimetres, on a canvas just large enough."""
    reach = np.abs(outline).max(axis=0)
    scale = _SMALL if reach.max() < _SMALL_REACH else _LARGE
    columns, rows = (int(2 * side) for side in np.ceil(reach * scale) + 2)
    cover = np.zeros((rows, columns), dtype=np.uint8)
    Sketch(cover, (columns / 2, rows / 2), scale).fill(outline, 255)
    paint = np.empty((rows, columns, 3), dtype=np.float32)
    paint[:] = colour
    return Sprite(paint, cover, scale, (outline,), thickness)


def _sketch(sprite: Sprite) -> tuple[NDArray[np.uint8], Sketch]:
    rows, columns = sprite.cover.shape
    plate = np.zeros((rows, columns), dtype=np.uint8)
    return plate, Sketch(plate, (columns / 2, rows / 2), sprite.scale)


def _domed(sprite: Sprite, depth: float) -> Picture:
    """Heights of a thing that is round at its edges over `depth` millimetres, in pixels of 4."""
    away = cv2.distanceTransform((sprite.cover > 127).astype(np.uint8), cv2.DIST_L2, 5)
    dome = np.sqrt(np.clip(away / (depth * sprite.scale), 0, 1), dtype=np.float32)
    soft: Picture = cv2.GaussianBlur(dome, (0, 0), 0.25 * sprite.scale)
    return soft * np.float32(sprite.scale / _LARGE)


def _relieved(sprite: Sprite, relief: Picture, shine: float) -> Sprite:
    return Sprite(
        sprite.colour, sprite.cover, sprite.scale, sprite.outline, sprite.thickness, relief, shine
    )


def _key(rng: Rng) -> Sprite:
    """A door key: a bow with a hole, a shaft with teeth."""
    shaft, x = [(-8.0, -3.0), (28.0, -3.0), (31.0, 0.0)], 28.0
    while x > 2:
        shaft += [(x, 3.0 - rng.uniform(0, 2.5)), (x - 2, 3.0)]
        x -= 4
    bow, stem = ellipse(-16, 0, 11, rng.uniform(9, 12)), np.array([*shaft, (-8.0, 3.0)])
    metal = [(110, 185, 205), (175, 178, 180), (130, 140, 150)][rng.integers(3)]
    base = _plain(np.concatenate([bow, stem]), metal, 1.8)
    cover, sketch = _sketch(base)
    sketch.fill(bow, 255)
    sketch.fill(stem, 255)
    sketch.disc(-21, 0, 3, 0)
    key = Sprite(base.colour, cover, base.scale, (bow, stem), 1.8)
    groove, sketch = _sketch(base)
    sketch.line([(-5, -0.5), (29, -0.5)], 90, 1.0)
    relief: Picture = _domed(key, 1.5) - groove.astype(np.float32) / np.float32(255)
    return _relieved(key, relief, 0.25)


def _slip(rng: Rng) -> Sprite:
    """A receipt."""
    width, height = rng.uniform(48, 62), rng.uniform(80, 130)
    slip = _plain(rounded(width, height, 0.3), rng.uniform(222, 246), 0.6)
    plate, sketch = _sketch(slip)
    sketch.write("RECEIPT", (0, -height / 2 + 7, 0.5), 3.5, 255, SANS)
    for y in np.arange(-height / 2 + 15, height / 2 - 6, 4.5):
        left = -width / 2 + 4
        sketch.line([(left, y), (left + rng.uniform(10, width * 0.5), y)], 200, 1.4)
        sketch.line([(width / 2 - rng.uniform(8, 14), y), (width / 2 - 4, y)], 200, 1.4)
    tint(slip.colour, plate / 255, (90, 80, 80))
    slip.colour[:] *= 1 + 0.05 * cloud(rng, slip.cover.shape, (120, 120), 2)[..., None]
    return slip


def _card(rng: Rng) -> Sprite:
    """A bank card, in a colour that a note may have too."""
    card = _plain(rounded(86, 54, 3.2), 0, 0.9)
    across = np.linspace(0, 1, card.cover.shape[1])[None] + cloud(rng, card.cover.shape, (200, 200))
    card.colour[:] = mix(rng.uniform(30, 230, 3), rng.uniform(30, 230, 3), across)
    plate, sketch = _sketch(card)
    sketch.fill(rounded(12, 9, 1.5) + np.array((-29, -4)), 255)
    tint(card.colour, plate / 255, (120, 200, 225))
    plate, sketch = _sketch(card)
    number = " ".join(str(n) for n in rng.integers(1000, 10000, 4))
    sketch.write(number, (0, 8, 0.5), 4.5, 230, SANS)
    sketch.write("CARD", (36, -18, 1), 6, 230, SANS)
    tint(card.colour, plate / 255, (240, 240, 240) if rng.random() < 0.6 else (40, 40, 40))
    return card


def _pen(rng: Rng) -> Sprite:
    """A ball-point pen."""
    body = np.array([(-68.0, -4.2), (55, -4.6), (68, -1), (72, -0.6), (72, 0.6), (68, 1),
                     (55, 4.6), (-68, 4.2)])  # fmt: skip
    pen = _plain(body, rng.uniform(20, 220, 3), 6.0)
    plate, sketch = _sketch(pen)
    sketch.fill([(40, -5), (75, -5), (75, 5), (40, 5)], 255)
    sketch.fill([(-66, -1.3), (-30, -1.3), (-30, 1.3), (-66, 1.3)], 255)
    tint(pen.colour, plate / 255, rng.uniform(60, 210))
    return _relieved(pen, 3 * _domed(pen, 4.4), 0.1)


def _phone(rng: Rng) -> Sprite:
    """A phone, its screen off or showing something."""
    phone = _plain(rounded(rng.uniform(140, 160), 72, 8), rng.uniform(15, 60), 7.0)
    width = phone.outline[0][:, 0].max() * 2
    plate, sketch = _sketch(phone)
    sketch.fill(rounded(width - 6, 66, 6), 255)
    shape = phone.cover.shape
    glow = rng.uniform(20, 40, 3) if rng.random() < 0.5 else rng.uniform(60, 230, 3)
    screen = mix(glow, rng.uniform(0.7, 1.2) * glow, 0.5 + cloud(rng, shape, (160, 160)))
    tint(phone.colour, plate / 255, screen)
    return phone


def _button(rng: Rng) -> Sprite:
    """A shirt or coat button: round, but with holes and of one colour."""
    radius = rng.uniform(7, 12)
    button = _plain(ellipse(0, 0, radius, count=60), rng.uniform(30, 230, 3), 2.5)
    holes, sketch = _sketch(button)
    for turn in np.radians((45, 135, 225, 315)):
        x, y = rotation(turn) @ (radius * 0.24, 0)
        sketch.disc(x, y, radius * 0.1, 255)
    dish, sketch = _sketch(button)
    sketch.disc(0, 0, radius * 0.68, 110)
    dip = cv2.GaussianBlur(dish, (0, 0), 4).astype(np.float32) / 255
    relief = 1.6 * _domed(button, radius / 4) - 2 * dip
    tint(button.colour, holes / 255, (25, 25, 25))
    return _relieved(button, relief, 0.05)


def _washer(rng: Rng) -> Sprite:
    """A steel or brass washer: metal, round, with a hole."""
    radius = rng.uniform(8, 13)
    metal = [(170, 172, 174), (100, 160, 190)][rng.integers(2)]
    washer = _plain(ellipse(0, 0, radius, count=60), metal, 1.6)
    cover, sketch = _sketch(washer)
    sketch.fill(washer.outline[0], 255)
    sketch.disc(0, 0, radius * rng.uniform(0.35, 0.5), 0)
    ring = Sprite(washer.colour, cover, washer.scale, washer.outline, 1.6)
    return _relieved(ring, _domed(ring, 1.0), 0.3)


_KINDS: tuple[Callable[[Rng], Sprite], ...] = (
    _key, _slip, _card, _pen, _phone, _button, _button, _washer,
)  # fmt: skip
