"""Outlines of what is drawn as a figure: turned rectangles, ellipses. Pixels, y down.

No NumPy here: this runs in workers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pipeline.formats.batch import Corners, Point

_ELLIPSE_POINTS = 64


def rectangle(corners: Corners) -> list[Point]:
    """The four corners of a box, clockwise from the first."""
    x1, y1, x2, y2 = corners
    return [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]


def turned(points: Sequence[Point], degrees: float, pivot: Point) -> list[Point]:
    """Points turned clockwise, as they are seen, about a pivot."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    px, py = pivot
    return [
        (px + (x - px) * cos - (y - py) * sin, py + (x - px) * sin + (y - py) * cos)
        for x, y in points
    ]


def ellipse(centre: Point, radii: Point, degrees: float = 0.0) -> list[Point]:
    """Points on an ellipse, with its four extreme ones: its hull is that of the ellipse.

    Args:
        centre: Of the ellipse.
        radii: Along its own axes.
        degrees: By which it is turned clockwise.
    """
    (rx, ry), turn = radii, math.radians(degrees)
    right = math.atan2(-ry * math.sin(turn), rx * math.cos(turn))
    down = math.atan2(ry * math.cos(turn), rx * math.sin(turn))
    extreme = [(angle + half) % math.tau for angle in (right, down) for half in (0, math.pi)]
    round_ = [math.tau * i / _ELLIPSE_POINTS for i in range(_ELLIPSE_POINTS)]
    x, y = centre
    flat = [(x + rx * math.cos(t), y + ry * math.sin(t)) for t in sorted({*round_, *extreme})]
    return turned(flat, degrees, centre)
