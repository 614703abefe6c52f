"""The options of `boxwright sample`, and of the config's block `sample`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec


@dataclass(frozen=True)
class SampleOptions:
    """How much to draw, and how.

    Attributes:
        images: Pictures, background pictures included.
        seed: The same seed gives the same bytes.
        errors: Share of the boxes whose label gets a planted error, told in truth.json.
        background: Share of the pictures that show no money.
        side: Long side of the pictures in pixels.
        scale: How many times larger than the picture the JSON's size and coordinates are.
        video: Seconds of video; 0 for none.
        outlines: The JSON gives each item's true outline, a polygon, rather than two corners.
    """

    images: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 600
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    errors: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    background: Annotated[float, msgspec.Meta(ge=0, le=0.5)] = 0.08
    side: Annotated[int, msgspec.Meta(ge=160, le=4096)] = 480
    scale: Annotated[int, msgspec.Meta(ge=1, le=20)] = 5
    video: Annotated[float, msgspec.Meta(ge=0, le=60)] = 4.0
    outlines: bool = False
