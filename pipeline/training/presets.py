"""Augmentation presets (`configs/hyp/*.yaml`) and where the packaged configs are."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

import pipeline
from pipeline import config
from pipeline.errors import BoxwrightError

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Angle = Annotated[float, msgspec.Meta(ge=0, le=180)]
Gain = Annotated[float, msgspec.Meta(ge=0, le=100)]


@dataclass(frozen=True)
class Hyp:
    """How training pictures are changed, and the weights of the losses.

    What a file does not name stays off, and the losses as ultralytics has them.

    Attributes:
        hsv_h: Hue, as a share of the colour circle, either way.
        hsv_s: Saturation, as a share, either way.
        hsv_v: Brightness, as a share, either way.
        quarter_turns: Share of pictures that are turned by 90, 180 or 270 degrees.
        degrees: Rotation in degrees, either way.
        translate: Shift as a share of the picture's size, either way.
        scale: Zoom as a share, either way.
        shear: Shear in degrees, either way.
        perspective: Perspective; 0.001 is strong.
        flipud: Share of pictures that are flipped top to bottom.
        fliplr: Share of pictures that are mirrored left to right.
        bgr: Share of pictures whose red and blue are exchanged.
        mosaic: Share of pictures that are put together from four.
        mixup: Share of pictures that are laid over another.
        cutmix: Share of pictures that get a piece of another.
        close_mosaic: Mosaic, mixup and cutmix end this many epochs before the last.
        box: Weight of the loss on the boxes' places.
        cls: Weight of the loss on their classes.
        dfl: Weight of the distribution focal loss.
        cls_pw: How much rare classes count more: 0 not at all, 1 by their inverse frequency.
    """

    hsv_h: Share = 0.0
    hsv_s: Share = 0.0
    hsv_v: Share = 0.0
    quarter_turns: Share = 0.0
    degrees: Angle = 0.0
    translate: Share = 0.0
    scale: Share = 0.0
    shear: Annotated[float, msgspec.Meta(ge=0, le=45)] = 0.0
    perspective: Annotated[float, msgspec.Meta(ge=0, le=0.005)] = 0.0
    flipud: Share = 0.0
    fliplr: Share = 0.0
    bgr: Share = 0.0
    mosaic: Share = 0.0
    mixup: Share = 0.0
    cutmix: Share = 0.0
    close_mosaic: Annotated[int, msgspec.Meta(ge=0)] = 10
    box: Gain = 7.5
    cls: Gain = 0.5
    dfl: Gain = 1.5
    cls_pw: Share = 0.0


def configs() -> Path:
    """The folder `configs` of the installed package, or of the source tree beside it."""
    package = Path(pipeline.__file__).parent
    places = (package / "configs", package.parent / "configs")
    return next((place for place in places if (place / "hyp").is_dir()), places[0])


def names() -> list[str]:
    """The presets that come with boxwright."""
    return sorted(path.stem for path in (configs() / "hyp").glob("*.yaml"))


def load(hyp: str) -> dict[str, Any]:
    """The values of a preset.

    Args:
        hyp: A preset's name, or the path of a YAML file like one.

    Raises:
        BoxwrightError: No such preset or file, or everything that is wrong in it.
    """
    file = Path(hyp) if hyp.endswith((".yaml", ".yml")) else configs() / "hyp" / f"{hyp}.yaml"
    if not file.is_file():
        raise BoxwrightError(
            f"hyp {hyp!r}: there is no such preset or file; presets: {', '.join(names())}."
        )
    values = config.read_yaml(file)
    problems = config.check(Hyp, values, f"{file}: ")
    if problems:
        raise BoxwrightError("\n".join(problems))
    return asdict(config.options(Hyp, values, {}))
