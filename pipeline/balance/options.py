"""The options of `boxwright balance`, and of the config's block `balance`."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Annotated, Literal

from msgspec import Meta

log = logging.getLogger(__name__)

Method = Literal["repeat-factor", "oversample", "undersample", "copy-paste"]
MOST = 10  # times that a picture is shown, or an item pasted, where nothing is said
FLAT = 1.0  # targets up to here are shares of the most common class, above it numbers of boxes


@dataclass(frozen=True)
class BalanceOptions:
    """How to balance the classes of the training split.

    Attributes:
        method: "repeat-factor" (LVIS), "oversample", "undersample" or "copy-paste".
        threshold: Of repeat-factor: classes in a smaller share of the pictures are repeated; none:
            the median of the classes' shares.
        target: Of the others: how many boxes every class shall have (undersample: keep); up to 1
            a share of what the most common class has.
        max_repeat: A picture is shown, or an item pasted, no more often than this; none: 10, and
            for repeat-factor without a limit.
        background: Of undersample: at most this share of the pictures kept are backgrounds.
        classes: Of copy-paste: only items of these classes; none: all that miss the target.
        items: Of copy-paste: at most this many in one picture.
        scale: Of copy-paste: items grow or shrink by up to this share.
        turn: Of copy-paste: items are turned by up to so many degrees.
        cover: Of copy-paste: no object loses more than this share of itself under an item.
        seed: Of all that is left to chance.
        warn_repeat: Warn of what is shown more often than this.
        warn_groups: Warn of a class whose repeated boxes come from fewer groups than this.
    """

    method: Method = "repeat-factor"
    threshold: Annotated[float, Meta(gt=0, le=1)] | None = None
    target: Annotated[float, Meta(gt=0)] = 0.5
    max_repeat: Annotated[int, Meta(ge=1)] | None = None
    background: Annotated[float, Meta(ge=0, lt=1)] | None = None
    classes: list[str] = field(default_factory=list)
    items: Annotated[int, Meta(ge=1, le=50)] = 3
    scale: Annotated[float, Meta(ge=0, le=0.9)] = 0.15
    turn: Annotated[float, Meta(ge=0, le=180)] = 15.0
    cover: Annotated[float, Meta(ge=0, lt=1)] = 0.1
    seed: Annotated[int, Meta(ge=0)] = 0
    warn_repeat: Annotated[int, Meta(ge=1)] = 5
    warn_groups: Annotated[int, Meta(ge=0)] = 10

    @property
    def most(self) -> int:
        """How often a picture is shown or an item pasted at most."""
        return self.max_repeat or MOST

    def goal(self, most_common: int) -> int:
        """The target as a number of boxes, where the most common class has `most_common`."""
        return round(self.target * most_common if self.target <= FLAT else self.target)


_ONLY = {
    "threshold": ("repeat-factor",),
    "target": ("oversample", "undersample", "copy-paste"),
    "max_repeat": ("repeat-factor", "oversample", "copy-paste"),
    "background": ("undersample",),
    **dict.fromkeys(("classes", "items", "scale", "turn", "cover"), ("copy-paste",)),
}


def tell_unused(options: BalanceOptions) -> None:
    """Warn of options that have no effect on the method."""
    default = BalanceOptions()
    for name, methods in _ONLY.items():
        if options.method not in methods and getattr(options, name) != getattr(default, name):
            log.warning("%s has no effect on %s", name.replace("_", "-"), options.method)
