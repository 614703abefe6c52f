"""Hands: a thumb and palm that hold an item, fingers it lies on, a finger that covers a part."""

from __future__ import annotations

import numpy as np

from pipeline.sample.draw import Floats, rotation
from pipeline.sample.layers import Limb
from pipeline.sample.money import BGR

Rng = np.random.Generator

_SKINS = [(132, 166, 216), (112, 146, 200), (150, 182, 228), (88, 120, 176), (62, 88, 140)]


def skin(rng: Rng) -> BGR:
    """Somebody's skin."""
    b, g, r = np.array(_SKINS[rng.integers(len(_SKINS))]) * rng.uniform(0.92, 1.08)
    return float(b), float(g), float(r)


def _finger(tip: Floats, way: Floats, tone: BGR, radius: float, bend: float) -> Limb:
    """A finger from its tip along the unit vector `way`, out of the picture."""
    steps = np.array([0.0, 24.0, 50.0, 88.0, 190.0])
    turned = [rotation(bend * k) @ way for k in (0.0, 0.0, 0.5, 1.0, 1.2)]
    points = tip + np.cumsum(
        [w * d for w, d in zip(turned, np.diff(steps, prepend=0), strict=True)], axis=0
    )
    return Limb(points, radius * np.array([1.0, 1.12, 1.2, 1.3, 1.6]), tone, nail=True)


def pointing(tip: Floats, way: Floats, tone: BGR, rng: Rng) -> list[Limb]:
    """One or two fingers that lie over something; `way` points from the tip to the hand."""
    fingers = []
    for k in range(rng.integers(1, 3)):
        beside = rotation(np.pi / 2) @ way * 17.5 * k
        radius = rng.uniform(6.8, 8.2)
        start = tip + beside + way * rng.uniform(0, 12) * k
        fingers.append(_finger(start, way, tone, radius, rng.uniform(-0.08, 0.08)))
    return fingers


def holding(edge: Floats, inwards: Floats, tone: BGR, rng: Rng) -> tuple[list[Limb], list[Limb]]:
    """A hand that holds a note at a point of its edge.

    Returns:
        The limbs below the note and those above it.
    """
    out, side = -inwards, rotation(np.pi / 2) @ inwards
    lean = rng.choice([-1.0, 1.0])
    below = []
    for k, reach in enumerate((0.0, 6.0, 4.0, -6.0)):
        tip = edge + side * lean * (17.0 * k - 8) + inwards * (14 + reach)
        below.append(_finger(tip, rotation(-0.08 * lean * k) @ out, tone, 8.0, 0.05))
    palm = np.array([edge + out * 62 + side * lean * 10, edge + out * 170 + side * lean * 25])
    below.append(Limb(palm, np.array([40.0, 46.0]), tone))
    tip = edge + inwards * rng.uniform(14, 26) + side * lean * rng.uniform(-4, 10)
    thumb = _finger(tip, rotation(-0.35 * lean) @ out, tone, 9.6, 0.25 * lean)
    return below, [thumb]


def under(centre: Floats, tone: BGR, rng: Rng) -> list[Limb]:
    """Four fingers side by side that a coin lies on."""
    turn = rng.uniform(0, 2 * np.pi)
    way, side = rotation(turn) @ (1.0, 0.0), rotation(turn) @ (0.0, 1.0)
    limbs = []
    for k, reach in enumerate((26.0, 38.0, 32.0, 12.0)):
        tip = centre + side * (17.0 * k - 25 + rng.normal(0, 1)) + way * (reach + rng.uniform(0, 8))
        finger = _finger(tip, -(rotation(rng.normal(0, 0.03)) @ way), tone, 8.6, 0.02)
        limbs.append(Limb(finger.points, finger.radii * 0.95, tone))
    palm = np.array([centre - way * 75 + side * 2, centre - way * 200])
    return [Limb(palm, np.array([44.0, 48.0]), tone), *limbs]
