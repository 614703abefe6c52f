"""From the coordinates that a file was written in to pixels of the picture as shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.dataset import Bools, Floats, Ints
from pipeline.errors import DataError

_ASPECT = 0.01  # how far the two scales may differ before the sizes disagree
_ROUNDING = 1.0  # pixels: a resized picture's sides are whole numbers


@dataclass(frozen=True)
class Fit:
    """How each record's coordinates become pixels as shown.

    Attributes:
        factor: (R, 2) to multiply x and y by.
        turn: (R,) the EXIF orientation to apply after that; 1 for none.
        stored: (R, 2) width and height before the turn.
        agrees: (R,) whether the claimed size can be the picture's at some scale.
    """

    factor: Floats
    turn: Ints
    stored: Ints
    agrees: Bools

    @property
    def changes(self) -> bool:
        """Whether any coordinate becomes another one."""
        return bool((self.factor != 1).any() or (self.turn != 1).any())

    def take(self, rows: Bools) -> Fit:
        """Only those of some records."""
        return Fit(self.factor[rows], self.turn[rows], self.stored[rows], self.agrees[rows])


def fit(claimed: Floats, shown: Ints, orientation: Ints, scale: float | None) -> Fit:
    """Compare the sizes that records claim with their pictures'.

    A record may be at any scale, and may have been drawn on the picture before its EXIF turn
    (its claimed aspect is then that of the stored pixels, not of the picture as shown).

    Args:
        claimed: (R, 2) width and height that each record claims; NaN where it claims none, 0 where
            its coordinates are fractions of the picture's.
        shown: (R, 2) width and height of the pictures as shown.
        orientation: (R,) EXIF orientation of the pictures.
        scale: How many times larger the coordinates are where nothing is claimed; None for 1.
    """
    fractions = claimed[:, :1] == 0
    claimed = np.where(fractions, np.nan, claimed)
    silent = np.isnan(claimed[:, 0])
    claimed = np.where(silent[:, None], shown * (scale or 1.0), claimed)
    straight = _same_aspect(claimed, shown)
    swapped = shown[:, ::-1]
    turned = ~straight & (orientation >= 5) & _same_aspect(claimed, swapped)
    stored = np.where(turned[:, None], swapped, shown)
    return Fit(
        factor=np.where(fractions, shown, stored / claimed),
        turn=np.where(turned, orientation, 1),
        stored=stored,
        agrees=straight | turned,
    )


def place(points: Floats, record: Ints, how: Fit) -> Floats:
    """(P, 2) points of the records `record` (P,), in pixels of the picture as shown."""
    placed = points * how.factor[record]
    for orientation in (5, 6, 7, 8):
        rows = np.flatnonzero(how.turn[record] == orientation)
        placed[rows] = _turned(placed[rows], how.stored[record[rows]], orientation)
    return placed


def told(how: Fit, claimed: Floats, files: str) -> dict[str, int]:
    """How many records were rescaled and turned, for notes; `files` is what they stand in."""
    claims = claimed[:, 0] != 0
    scaled = claims & how.agrees & (np.abs(how.factor - 1) > 1e-9).any(axis=1)
    notes = {
        f"pictures whose {files} was at another scale; boxes rescaled": scaled & (how.turn == 1),
        f"pictures whose {files} was drawn before the EXIF turn; boxes turned": how.turn > 1,
    }
    return {what: int(rows.sum()) for what, rows in notes.items() if rows.any()}


def disagrees(file: str, where: str, claimed: Floats, shown: Ints, files: str) -> DataError:
    """What is wrong with a record whose claimed size (2,) cannot be its picture's."""
    return DataError(
        file,
        where,
        f"say {claimed[0]:g}x{claimed[1]:g}, but the picture is {shown[0]}x{shown[1]}: "
        "another aspect",
        f"is it the {files} of another picture, or was the picture cropped?",
    )


def _same_aspect(claimed: Floats, size: Ints) -> Bools:
    ratio = size / claimed
    close = np.abs(ratio[:, 0] / ratio[:, 1] - 1) <= _ASPECT
    rounded = np.abs(claimed * ratio[:, ::-1] - size).min(axis=1) <= _ROUNDING
    agrees: Bools = close | rounded
    return agrees


def _turned(points: Floats, stored: Ints, orientation: int) -> Floats:
    """Points of the stored pixels where EXIF orientation 5 to 8 shows them (EXIF 2.32, 4.6.5)."""
    x, y = points[:, 0], points[:, 1]
    right, down = stored[:, 0] - x, stored[:, 1] - y
    columns = {5: (y, x), 6: (down, x), 7: (down, right), 8: (y, right)}[orientation]
    return np.stack(columns, axis=1)
