"""What things lie on: desk, cloth, table, paper; and the blurred room behind a held item."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.sample.draw import Picture, cloud, mix

_SIDE = 640  # pixels of a surface's square texture


def surface(kind: str, rng: np.random.Generator) -> Picture:
    """A square texture (S, S, 3) float32 BGR of a surface: one of `SURFACES`."""
    texture = SURFACES[kind](rng)
    texture += rng.normal(0, 2.0, texture.shape[:2]).astype(np.float32)[..., None]
    return texture


def _desk(rng: np.random.Generator) -> Picture:
    """Wood: streaks along the grain, wavy year rings, joints between boards."""
    browns = [(70, 110, 160), (50, 80, 120), (110, 150, 190), (40, 58, 86), (150, 180, 205)]
    base = np.array(browns[rng.integers(len(browns))]) * rng.uniform(0.85, 1.15)
    y = np.arange(_SIDE, dtype=np.float32)[:, None]
    bend = cloud(rng, (_SIDE, _SIDE), (160, 420), 2)
    rings = 0.5 + 0.5 * np.sin(y / rng.uniform(6, 16) + bend * rng.uniform(3, 9))
    streaks = cloud(rng, (_SIDE, _SIDE), (5, 220), 2)
    share = 0.3 * rings + 0.35 * streaks + 0.35 + 0.15 * bend
    wood = mix(base * 0.82, base * 1.1, share)
    board = _SIDE // int(rng.integers(2, 6))
    for joint in range(board, _SIDE, board):
        wood[joint : joint + 3] *= 0.7
    return wood


def _cloth(rng: np.random.Generator) -> Picture:
    """Woven cloth: threads, perhaps checks, soft folds."""
    base, other = _muted(rng), _muted(rng)
    y, x = np.indices((_SIDE, _SIDE), dtype=np.float32)
    share = np.zeros((_SIDE, _SIDE), dtype=np.float32)
    if rng.random() < 0.5:
        period, width = rng.uniform(40, 120), rng.uniform(0.2, 0.5)
        share += 0.25 * ((x % period) < width * period)
        share += 0.25 * ((y % period) < width * period) * (rng.random() < 0.7)
    pitch = rng.uniform(3.0, 6.0)
    weave = np.sin(x * 2 * np.pi / pitch) * np.sin(y * 2 * np.pi / pitch)
    folds = cloud(rng, (_SIDE, _SIDE), (220, 160), 2)
    cloth = mix(base, other, share)
    cloth *= (1 + rng.uniform(0.05, 0.12) * weave + rng.uniform(0.03, 0.14) * folds)[..., None]
    return cloth


def _table(rng: np.random.Generator) -> Picture:
    """Stone or laminate: veins, or speckles, or nothing but a tint."""
    base = rng.uniform(120, 225) + rng.normal(0, 14, 3)
    if rng.random() < 0.25:
        base = base * 0.35
    veins = np.exp(-np.abs(cloud(rng, (_SIDE, _SIDE), (210, 210), 4)) * rng.uniform(8, 18))
    fine = rng.normal(0, 1, (_SIDE // 2, _SIDE // 2)).astype(np.float32)
    speckles = cv2.resize(fine, (_SIDE, _SIDE), interpolation=cv2.INTER_LINEAR)
    share = rng.choice([0.0, 0.6]) * veins + rng.uniform(0, 0.2) * speckles
    share += 0.12 * cloud(rng, (_SIDE, _SIDE), (300, 300))
    return mix(base, base * rng.uniform(0.5, 0.8), share + 0.1)


def _paper(rng: np.random.Generator) -> Picture:
    """Paper with rules, squares or columns of print."""
    base = rng.uniform(205, 245) + np.array((rng.uniform(-25, 0), rng.uniform(-8, 0), 0))
    sheet = np.broadcast_to(base, (_SIDE, _SIDE, 3)).astype(np.float32)
    kind, pitch = rng.integers(3), int(rng.integers(16, 34))
    ink = np.array([(215, 185, 165), (175, 175, 175), (170, 170, 220)][rng.integers(3)])
    if kind < 2:
        sheet[::pitch] = ink
        if kind == 1:
            sheet[:, ::pitch] = ink
    else:
        _print(sheet, pitch // 2 + 4, rng)
    sheet *= 1 + 0.04 * cloud(rng, (_SIDE, _SIDE), (200, 200), 2)[..., None]
    return sheet


def _print(sheet: Picture, pitch: int, rng: np.random.Generator) -> None:
    """Rows of words, too small to read."""
    for top in range(pitch, _SIDE - pitch, pitch):
        at = rng.integers(4, 14)
        while at < _SIDE - 30:
            length = rng.integers(8, 46)
            sheet[top : top + pitch // 3, at : at + length] *= rng.uniform(0.6, 0.8)
            at += length + rng.integers(4, 10)
        if rng.random() < 0.08:
            sheet[top : top + pitch] *= 0.8


def _room(rng: np.random.Generator) -> Picture:
    """A room out of focus behind the hand."""
    share = 0.5 + 0.5 * cloud(rng, (_SIDE, _SIDE), (300, 300))
    room = mix(_muted(rng), _muted(rng), share)
    for _ in range(rng.integers(5, 14)):
        x, y = rng.integers(0, _SIDE, 2)
        w, h = rng.integers(40, 320, 2)
        room[y : y + h, x : x + w] = _muted(rng)
    blurred: Picture = cv2.GaussianBlur(room, (0, 0), rng.uniform(9, 18))
    return blurred


def _muted(rng: np.random.Generator) -> NDArray[np.float64]:
    """A colour of dyed or painted things: any lightness, seldom garish."""
    return np.clip(rng.uniform(45, 215) + rng.normal(0, 28, 3), 15, 240)


SURFACES = {"DESK": _desk, "CLOTH": _cloth, "TABLE": _table, "PAPER": _paper, "HAND": _room}
