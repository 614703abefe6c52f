"""Korean won: the eight classes, their true sizes, and how each is called."""

from __future__ import annotations

from typing import NamedTuple

BGR = tuple[float, float, float]
FACES = {"F": "front", "B": "back"}


class Money(NamedTuple):
    """One denomination.

    Attributes:
        value: In won; also the name of its folder.
        name: Class name; the raw labels are `name`_front and `name`_back.
        size: Width and height in millimetres; a coin's are its diameter.
        light: Colour of a note's paper, or of a coin's metal.
        ink: Colour of a note's main ink; of a coin's dirt.
        second: A note's second tint, near another denomination's colour.
    """

    value: int
    name: str
    size: tuple[float, float]
    light: BGR
    ink: BGR
    second: BGR

    @property
    def is_coin(self) -> bool:
        return self.size[0] == self.size[1]

    def label(self, face: str) -> str:
        """The raw label of a face, "F" or "B"."""
        return f"{self.name}_{FACES[face]}"


_DIRT = (40, 44, 48)
WON = (
    Money(10, "Ten", (18.0, 18.0), (58, 96, 188), (22, 36, 70), _DIRT),
    Money(50, "Fifty", (21.6, 21.6), (126, 182, 204), _DIRT, _DIRT),
    Money(100, "Hundred", (24.0, 24.0), (152, 152, 154), _DIRT, _DIRT),
    Money(500, "FiveHundred", (26.5, 26.5), (236, 222, 206), _DIRT, _DIRT),
    Money(1000, "Thousand", (136.0, 68.0), (232, 212, 188), (136, 72, 36), (216, 198, 208)),
    Money(5000, "FiveThousand", (142.0, 68.0), (178, 200, 240), (36, 52, 168), (172, 218, 240)),
    Money(10000, "TenThousand", (148.0, 68.0), (192, 226, 200), (58, 100, 26), (214, 220, 190)),
    Money(50000, "FiftyThousand", (154.0, 68.0), (138, 218, 240), (20, 84, 112), (172, 206, 236)),
)
