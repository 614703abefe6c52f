"""What is pictured on coins and notes, drawn in the square from (-1, -1) to (1, 1), y down.

A tone is a height on a coin and an amount of ink on a note: 0 none, 255 all.
"""

from __future__ import annotations

import numpy as np

from pipeline.sample.draw import Sketch, ellipse, rotation


def pagoda(sketch: Sketch) -> None:
    """Dabotap: a stone pagoda on steps."""
    for y, half in ((0.92, 0.7), (0.8, 0.58), (0.68, 0.46)):
        sketch.fill([(-half, y - 0.1), (half, y - 0.1), (half, y), (-half, y)], 150)
    for x in (-0.32, -0.1, 0.1, 0.32):
        sketch.line([(x, 0.6), (x, 0.22)], 200, 0.09)
    for y, half in ((0.24, 0.66), (-0.16, 0.5), (-0.5, 0.34)):
        _roof(sketch, y, half)
        sketch.fill(
            [(-half * 0.5, y), (half * 0.5, y), (half * 0.4, y - 0.2), (-half * 0.4, y - 0.2)], 130
        )
    sketch.line([(0, -0.55), (0, -0.98)], 230, 0.08)
    for y in (-0.72, -0.84):
        sketch.line([(-0.1, y), (0.1, y)], 230, 0.06)


def _roof(sketch: Sketch, y: float, half: float) -> None:
    sketch.fill(
        [
            (-half, y - 0.12), (-half * 0.8, y), (half * 0.8, y), (half, y - 0.12),
            (half * 0.5, y - 0.1), (0, y - 0.16), (-half * 0.5, y - 0.1),
        ],
        245,
    )  # fmt: skip


def rice_ear(sketch: Sketch) -> None:
    """A bowed ear of rice with long leaves."""
    along = np.linspace(0, 1, 31)
    stem = np.stack([-0.6 + 1.3 * along**1.3, 0.95 - 3.0 * along + 2.2 * along**2.2], axis=1)
    for bend, reach in ((-0.3, 0.85), (0.9, 0.3), (0.25, 0.95)):
        leaf = np.stack([-0.6 + bend * along**1.4, 0.95 - reach * 2 * along**0.8], axis=1)
        width = 0.08 * np.sin(np.pi * along)[:, None] * (1, 0)
        sketch.fill(np.concatenate([leaf - width, (leaf + width)[::-1]]), 120)
    sketch.line(stem, 190, 0.06)
    for k in range(8, 30, 3):
        ahead = stem[k + 1] - stem[k]
        for side in (-1, 1):
            way = rotation(side * 0.75) @ ahead / np.hypot(*ahead)
            turn = float(np.degrees(np.arctan2(way[1], way[0])))
            x, y = stem[k] + way * 0.17
            grain = ellipse(x, y, 0.17, 0.08, turn=turn, count=20)
            sketch.line(grain, 50, 0.07, closed=True)
            sketch.fill(grain, 250)


def crane(sketch: Sketch) -> None:
    """A crane in flight, seen from the side: neck stretched, wings up, legs trailing."""
    _wing(sketch, (-0.02, 0.0), (-150, -100), 0.85, 130)
    _wing(sketch, (0.1, 0.05), (-95, -15), 1.0, 255)
    sketch.fill(ellipse(0.05, 0.16, 0.36, 0.15, turn=12), 225)
    neck = [(-0.2, 0.1), (-0.42, 0.14), (-0.6, 0.3), (-0.78, 0.3)]
    sketch.line(neck, 235, 0.1)
    sketch.disc(-0.8, 0.29, 0.085, 255)
    sketch.fill([(-0.82, 0.22), (-1.12, 0.34), (-0.82, 0.34)], 255)
    for y in (0.0, 0.1):
        sketch.line([(0.3, 0.22 + y), (0.7, 0.42 + y), (1.02, 0.5 + y)], 215, 0.05)
    for x, y, half in ((-0.35, 0.72, 0.4), (0.35, 0.82, 0.5)):
        sketch.fill(ellipse(x, y, half, 0.05), 110)


def _wing(
    sketch: Sketch, root: tuple[float, float], fan: tuple[float, float], reach: float, tone: float
) -> None:
    start = np.asarray(root)
    for k, turn in enumerate(np.radians(np.linspace(*fan, 7))):
        tip = start + rotation(turn) @ (reach * (1 - 0.05 * k), 0)
        across = rotation(turn) @ (0, 0.08)
        middle = start + (tip - start) * 0.65
        feather = np.stack([start, middle - across, tip, middle + across])
        sketch.fill(feather, tone)
        sketch.line(feather, tone * 0.4, 0.025, closed=True)


def hall(sketch: Sketch) -> None:
    """A wooden hall: a broad tiled roof on pillars."""
    sketch.fill([(-1, 0.7), (1, 0.7), (1, 0.85), (-1, 0.85)], 120)
    sketch.fill([(-0.85, 0.0), (0.85, 0.0), (0.85, 0.7), (-0.85, 0.7)], 60)
    for x in np.linspace(-0.85, 0.85, 6):
        sketch.line([(x, 0), (x, 0.7)], 210, 0.08)
    for y in (0.2, 0.45):
        sketch.line([(-0.85, y), (0.85, y)], 120, 0.03)
    roof = [(-1.1, 0.05), (-0.75, -0.5), (0.75, -0.5), (1.1, 0.05), (0.9, 0.1), (-0.9, 0.1)]
    sketch.fill(roof, 170)
    for x in np.linspace(-0.95, 0.95, 15):
        sketch.line([(x * 0.75, -0.5), (x, 0.08)], 230, 0.03)
    sketch.line([(-0.8, -0.54), (0.8, -0.54)], 255, 0.09)


def peaks(sketch: Sketch) -> None:
    """Sun, moon and five peaks: the screen behind a king's throne."""
    sketch.disc(-0.7, -0.55, 0.2, 90)
    sketch.disc(0.7, -0.55, 0.2, 200)
    for x, top, tone in ((-0.8, -0.1, 110), (0.8, -0.1, 110), (-0.42, -0.4, 150),
                         (0.42, -0.4, 150), (0.0, -0.75, 190)):  # fmt: skip
        sketch.fill([(x - 0.42, 0.7), (x - 0.1, top + 0.1), (x, top), (x + 0.1, top + 0.1),
                     (x + 0.42, 0.7)], tone)  # fmt: skip
        sketch.line([(x, top), (x + 0.05, 0.2), (x - 0.04, 0.7)], 240, 0.03)
    for k in range(5):
        wave = np.linspace(-1, 1, 60)
        sketch.line(np.stack([wave, 0.72 + 0.07 * k + 0.03 * np.sin(20 * wave + k)], 1), 150, 0.03)


def grapes(sketch: Sketch) -> None:
    """Grapes on a vine."""
    vine = np.linspace(0, 1, 40)
    sketch.line(np.stack([-0.9 + 1.7 * vine, -0.75 + 0.2 * np.sin(7 * vine)], 1), 190, 0.06)
    for x, y, turn in ((-0.6, -0.35, 20), (0.55, -0.4, -30), (0.0, -0.8, 80)):
        sketch.fill(ellipse(x, y, 0.36, 0.26, turn=turn, count=7), 120)
        sketch.line([(x - 0.25, y), (x + 0.25, y)], 220, 0.025)
    for row, count in enumerate((5, 5, 4, 3, 2, 1)):
        for k in range(count):
            x, y = (k - (count - 1) / 2) * 0.24, -0.25 + 0.2 * row
            sketch.disc(x, y, 0.13, 230)
            sketch.disc(x - 0.03, y - 0.04, 0.05, 110)


def landscape(sketch: Sketch) -> None:
    """A study by a stream below steep mountains."""
    rng = np.random.default_rng(1000)
    x = np.linspace(-1.9, 1.9, 60)
    for level, (top, tone) in enumerate(((-0.55, 60), (-0.25, 110), (0.1, 160))):
        ridge = top + 0.32 * np.abs(np.sin(x * (1.1 + 0.5 * level) + level * 1.9))
        ridge += rng.normal(0, 0.03, 60)
        ridge = 0.75 + (ridge - 0.75) * np.sqrt(1 - (x / 1.95) ** 2)
        bottom = [(1.9, 0.75), (-1.9, 0.75)]
        sketch.fill(np.concatenate([np.stack([x, ridge], 1), bottom]), tone)
        for k in range(3, 57, 2):
            foot = ridge[k] + rng.uniform(0.1, 0.35)
            sketch.line([(x[k], ridge[k]), (x[k] + 0.05, foot)], tone + 70, 0.012)
    for k in range(6):
        sketch.line(np.stack([x * (0.95 - 0.1 * k), 0.8 + 0.035 * k + 0.02 * np.sin(9 * x + k)], 1),
                    110, 0.012)  # fmt: skip
    hall(sketch.at(0.3, 0.5, 0.3))
    for tree in (-0.55, -0.4, 1.0):
        sketch.line([(tree, 0.75), (tree + 0.05, 0.2)], 240, 0.05)
        for k in range(4):
            sketch.fill(ellipse(tree + 0.04, 0.12 + 0.13 * k, 0.2, 0.06, turn=-10), 215)


def garden(sketch: Sketch) -> None:
    """Watermelons, cockscombs and insects."""
    for x, y, r in ((-0.55, 0.45, 0.4), (0.1, 0.55, 0.28)):
        sketch.disc(x, y, r, 130)
        for turn in range(0, 180, 30):
            sketch.line(ellipse(x, y, r, r * 0.45, turn=turn), 225, 0.03, closed=True)
    vine = np.linspace(0, 1, 40)
    sketch.line(np.stack([-1 + 2 * vine, 0.1 - 0.5 * np.sin(4 * vine)], 1), 210, 0.045)
    for k, x in enumerate(np.linspace(-0.9, 0.9, 7)):
        sketch.fill(ellipse(x, -0.15 - 0.12 * (k % 3), 0.22, 0.12, turn=40 * k, count=9), 160)
    for x in (0.6, 0.85):
        sketch.line([(x, 0.85), (x + 0.03, -0.2)], 200, 0.04)
        for k in range(5):
            sketch.fill(ellipse(x + 0.03, -0.75 + 0.12 * k, 0.06 + 0.035 * k, 0.08), 240 - 30 * k)
    for x, y in ((-0.35, -0.7), (0.2, -0.55)):
        for turn in (-50, -130, 30, 150):
            dx, dy = rotation(np.radians(turn)) @ (0.1, 0)
            sketch.fill(ellipse(x + dx, y + dy, 0.14, 0.07, turn=turn), 180)
        sketch.line([(x, y - 0.12), (x, y + 0.14)], 250, 0.05)


def globe(sketch: Sketch) -> None:
    """An armillary sphere on its stand, and a star map behind."""
    rng = np.random.default_rng(10000)
    stars = rng.uniform((-1.9, -0.9), (1.9, 0.9), (40, 2))
    for (x, y), (dx, dy) in zip(stars[:-1], rng.uniform(-0.4, 0.4, (39, 2)), strict=True):
        sketch.line([(x, y), (x + dx, y + dy)], 60, 0.01)
        sketch.disc(x, y, 0.035, 130)
    sketch.disc(0, -0.15, 0.72, 70)
    for turn, flat in ((0, 1.0), (0, 0.3), (55, 0.35), (-55, 0.35), (90, 0.3)):
        sketch.line(ellipse(0, -0.15, 0.72, 0.72 * flat, turn=turn), 235, 0.07, closed=True)
    sketch.disc(0, -0.15, 0.14, 230)
    for x in (-0.5, 0.5):
        sketch.line([(x * 0.9, 0.45), (x * 1.3, 0.95)], 240, 0.09)
    sketch.line([(-0.75, 0.9), (0.75, 0.9)], 240, 0.1)


def bamboo(sketch: Sketch) -> None:
    """Bamboo in the wind and a branch of plum blossom."""
    rng = np.random.default_rng(50000)
    for x, lean, tone in ((-0.9, 0.3, 130), (-0.2, 0.5, 220), (0.45, 0.35, 170)):
        for k in range(5):
            low, high = 1 - 0.42 * k, 0.62 - 0.42 * k
            sketch.line([(x + lean * (1 - low), low), (x + lean * (1 - high), high)], tone, 0.1)
    for _ in range(46):
        x, y, turn = rng.uniform(-1.2, 1.5), rng.uniform(-0.95, 0.5), rng.normal(50, 30)
        sketch.fill(ellipse(x, y, 0.26, 0.045, turn=turn, count=16), float(rng.integers(110, 250)))
    bough = np.array([(1.9, 0.95), (1.5, 0.4), (1.25, 0.1), (1.3, -0.5), (1.6, -0.9)])
    sketch.line(bough, 190, 0.09)
    for x, y in rng.normal((1.4, -0.1), (0.25, 0.45), (16, 2)):
        for turn in range(0, 360, 72):
            at = np.array([x, y]) + rotation(np.radians(turn)) @ (0.075, 0)
            sketch.disc(float(at[0]), float(at[1]), 0.06, 120)
        sketch.disc(x, y, 0.035, 255)
