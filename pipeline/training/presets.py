"""Augmentation presets (`configs/hyp/*.yaml`) and where the packaged configs are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

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
        copy_paste: Share of objects that are pasted in again; of labels with outlines only.
        copy_paste_mode: "flip" pastes mirror images of a picture's own objects, "mixup" another's.
        close_mosaic: Mosaic, mixup, cutmix and copy_paste end this many epochs before the last.
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
    copy_paste: Share = 0.0
    copy_paste_mode: Literal["flip", "mixup"] = "flip"
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


def doubts(hyp: Mapping[str, Any], imgsz: int, *, outlined: bool) -> list[str]:
    """What of a preset cannot do what it is meant to, and why, a sentence each.

    Args:
        hyp: The values of a preset.
        imgsz: Side of the training pictures, in pixels.
        outlined: Whether any label has an outline.
    """
    found = []
    if hyp["copy_paste"] and not outlined:
        found.append(
            f"copy_paste {hyp['copy_paste']:g} does nothing: no label has an outline."
            "\n    -> give the classes `shapes` in boxwright convert, or set copy_paste to 0."
        )
    # Ultralytics divides x, y by 1 + p x + q y, measured from the middle: 0 is the horizon.
    side = imgsz * (2 if hyp["mosaic"] else 1)
    if hyp["perspective"] * side >= 1:
        what = "a mosaic" if hyp["mosaic"] else "a picture"
        found.append(
            f"perspective {hyp['perspective']:g} at imgsz {imgsz}: the corners of {what} can lie "
            "behind the horizon and come back mirrored, with labels of what is not seen."
            f"\n    -> stay below {1 / side:.2g}"
            + (", or set mosaic to 0." if hyp["mosaic"] else ".")
        )
    return found
