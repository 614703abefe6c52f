"""The options of `boxwright ablate`, and of the config's block `ablate`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

METRICS = ("mAP50", "mAP50-95")


@dataclass(frozen=True)
class AblateOptions:
    """What to compare, and on what.

    Attributes:
        hyps: Presets, or YAML files like them; the first is what the others are compared with.
        seeds: Trainings of each, with the seed of `train` and those after it.
        degrees: Validation pictures are turned by up to this much, either way.
        metric: To judge by.
        rounds: Resamples of the pictures, for the intervals.
        seed: Of the angles and the resamples.
    """

    hyps: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = (
        "none",
        "moderate",
        "rotated",
        "extreme",
    )
    seeds: Annotated[int, msgspec.Meta(ge=1, le=100)] = 3
    degrees: Annotated[float, msgspec.Meta(gt=0, le=180)] = 45.0
    metric: Literal["mAP50", "mAP50-95"] = "mAP50"
    rounds: Annotated[int, msgspec.Meta(ge=100)] = 300
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
