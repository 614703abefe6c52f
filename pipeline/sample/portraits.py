"""The people on the money: one way to draw a bust, and what sets each apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from pipeline.sample.draw import Sketch, ellipse


class Person(NamedTuple):
    """What tells one bust from another.

    Attributes:
        hat: Draws the headdress.
        beard: Length of the beard; 0 for none.
        robe: Tone of the robe.
        collar: Tone of the collar.
        emblem: Whether the robe bears a royal roundel.
        bun: Whether the hair is tied in a bun with a pin.
        width: Half the width of the face.
    """

    hat: Callable[[Sketch], None]
    beard: float
    robe: float
    collar: float
    emblem: bool = False
    bun: bool = False
    width: float = 0.36


def bust(sketch: Sketch, person: Person) -> None:
    """Draw a person in the square from (-1, -1) to (1, 1): head, headdress and shoulders."""
    _robe(sketch, person)
    head = sketch.at(0, -0.2, 0.8)
    head.fill([(-0.22, 0.1), (0.22, 0.1), (0.3, 0.72), (-0.3, 0.72)], 64)
    if person.bun:
        head.fill(ellipse(0.3, 0.3, 0.2, 0.15), 230)
        head.line([(0.36, 0.3), (0.62, 0.27)], 140, 0.07)
    head.fill(ellipse(0, -0.1, person.width, 0.47), 42)
    lit = ellipse(0, -0.1, person.width * 0.55, 0.46, arc=(80, -80))
    head.fill(np.concatenate([ellipse(0, -0.1, person.width, 0.46, arc=(-80, 80)), lit]), 84)
    _face(head)
    if person.beard:
        _beard(head, person)
    person.hat(head)


def _robe(sketch: Sketch, person: Person) -> None:
    sketch.fill([(-0.26, 0.3), (0.26, 0.3), (0.62, 0.44), (0.86, 0.66), (0.96, 1.0), (-0.96, 1.0),
                 (-0.86, 0.66), (-0.62, 0.44)], person.robe)  # fmt: skip
    for x in np.linspace(-0.82, 0.82, 9):
        top = 0.5 + 0.35 * x * x
        sketch.line([(x * 0.9, top + 0.08), (x, 1.0)], person.robe + 45, 0.025)
    for side in (1, -1):
        sketch.line([(side * 0.26, 0.3), (-side * 0.1, 0.98)], person.collar, 0.11)
    if person.emblem:
        sketch.disc(0, 0.84, 0.21, 40)
        sketch.line(ellipse(0, 0.84, 0.16, 0.1, turn=40), 230, 0.05, closed=True)


def _face(sketch: Sketch) -> None:
    for side in (-1, 1):
        sketch.line(ellipse(side * 0.16, -0.2, 0.1, 0.05, arc=(200, 340)), 220, 0.045)
        sketch.line(ellipse(side * 0.16, -0.12, 0.075, 0.035, arc=(180, 360)), 235, 0.04)
        sketch.disc(side * 0.16, -0.125, 0.03, 255)
    sketch.line([(0.02, -0.14), (0.06, 0.04), (-0.03, 0.06)], 150, 0.03)
    sketch.line(ellipse(0, 0.14, 0.1, 0.03, arc=(10, 170)), 210, 0.035)


def _beard(sketch: Sketch, person: Person) -> None:
    for x in np.linspace(-0.24, 0.24, 13):
        end = 0.32 + person.beard * (1 - (x / 0.3) ** 2)
        sketch.line([(x, 0.2 - abs(x) * 0.5), (x * 0.7, end)], 170, 0.03)
    for side in (-1, 1):
        sketch.line([(side * 0.02, 0.09), (side * 0.14, 0.13), (side * 0.18, 0.24)], 200, 0.035)


def _winged_hat(sketch: Sketch) -> None:
    for side in (-1, 1):
        sketch.fill(ellipse(side * 0.68, -0.42, 0.27, 0.1, turn=side * 8), 200)
    sketch.fill(ellipse(0, -0.45, 0.43, 0.2, arc=(180, 360)), 235)
    sketch.fill(ellipse(0, -0.62, 0.33, 0.3, arc=(180, 360)), 220)
    sketch.fill([(-0.43, -0.47), (0.43, -0.47), (0.4, -0.36), (-0.4, -0.36)], 245)


def _hood(sketch: Sketch) -> None:
    cap = ellipse(0, -0.4, 0.45, 0.5, arc=(180, 360))
    sketch.fill(np.concatenate([cap, [(0.4, -0.3), (0, -0.42), (-0.4, -0.3)]]), 200)
    for side in (-1, 1):
        sketch.fill([(side * 0.4, -0.45), (side * 0.52, 0.35), (side * 0.34, 0.3)], 170)
    sketch.line([(0, -0.88), (0, -0.44)], 255, 0.04)


def _peaked_hat(sketch: Sketch) -> None:
    for x, top in ((-0.3, -0.82), (0.3, -0.82), (0.0, -0.98)):
        sketch.fill([(x - 0.2, -0.42), (x - 0.15, top + 0.12), (x, top), (x + 0.15, top + 0.12),
                     (x + 0.2, -0.42)], 225)  # fmt: skip
        sketch.line([(x, top), (x, -0.45)], 120, 0.03)
    sketch.fill([(-0.48, -0.48), (0.48, -0.48), (0.42, -0.34), (-0.42, -0.34)], 245)


def _crown(sketch: Sketch) -> None:
    sketch.fill(ellipse(0, -0.4, 0.41, 0.28, arc=(180, 360)), 235)
    sketch.fill(ellipse(0, -0.62, 0.27, 0.34, arc=(180, 360)), 215)
    for side in (-1, 1):
        sketch.fill(ellipse(side * 0.22, -0.82, 0.09, 0.22, turn=side * 18), 245)
    sketch.line([(-0.4, -0.42), (0.4, -0.42)], 120, 0.04)


def _parted_hair(sketch: Sketch) -> None:
    for side in (-1, 1):
        sketch.fill([(0, -0.62), (side * 0.3, -0.56), (side * 0.44, -0.2), (side * 0.36, 0.02),
                     (side * 0.3, -0.26)], 235)  # fmt: skip
    sketch.line([(0, -0.62), (0, -0.4)], 60, 0.03)


PEOPLE = {
    100: Person(_winged_hat, 0.28, 150, 230),
    1000: Person(_hood, 0.42, 60, 210),
    5000: Person(_peaked_hat, 0.25, 40, 240),
    10000: Person(_crown, 0.3, 170, 60, emblem=True),
    50000: Person(_parted_hair, 0.0, 90, 40, bun=True, width=0.34),
}
