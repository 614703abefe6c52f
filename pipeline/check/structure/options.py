"""What the structure checks look for, and how strictly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
Pixels = Annotated[float, msgspec.Meta(ge=0)]


@dataclass(frozen=True)
class Options:
    """Thresholds of the structure checks.

    Attributes:
        format: "auto", or one of `formats.FORMATS` where it is not told right.
        images: Folder of the pictures, where it is not the annotations'.
        outside: Pixels that a box may stick out of its picture.
        sliver: A side shorter than this many pixels makes a sliver.
        near: IoU from which two boxes of one class are near duplicates.
        same: IoU from which two boxes of different classes are the same box.
        inside: Share of a box that lies in another one of its class to be nested in it.
        whole: Share of the picture that a box covers to be the whole picture.
        far: How many times farther from its class than nineteen in twenty a size or an aspect is.
    """

    format: str = "auto"
    images: Path | None = None
    outside: Pixels = 1.0
    sliver: Pixels = 2.0
    near: Share = 0.9
    same: Share = 0.9
    inside: Share = 0.98
    whole: Share = 0.995
    far: Annotated[float, msgspec.Meta(gt=1)] = 3.0
