"""Shapes: what turns with a box, so that it stays tight when its picture is turned.

A box that is turned by its four corners grows: the hull of a coin's box turned by 45 degrees is
twice its area. Of an ellipse drawn into the box it stays as it was: exact for whatever is round,
and for most things nearer to the truth than the corners (Kalra et al., "Towards Rotation
Invariance in Object Detection", ICCV 2021). A drawn outline is better still.

The box stays the truth: the hull of every shape is its box.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from pipeline import polygons
from pipeline.augment.shape_cut import POINTS, ellipse, ellipses
from pipeline.dataset import Bools, Boxes, Dataset, Ints, Outlines, Strings, strings
from pipeline.engine import Map, in_process
from pipeline.errors import BoxwrightError

__all__ = ["POINTS", "Shape", "Shapes", "check", "ellipse", "guessed", "shaped"]

log = logging.getLogger(__name__)
Shape = Literal["box", "ellipse", "polygon", "quad", "auto"]
Shapes = Shape | Mapping[str, Shape] | None
GUESSES = ("ellipse", "quad")
_APART = 0.05  # of a box's side: how far its drawn outline may end from it
_PIXELS = 2.0  # the same, for small boxes


def shaped(
    dataset: Dataset, shapes: Shapes, mapped: Map = in_process
) -> tuple[Dataset, dict[str, Any]]:
    """The same boxes with the outlines that their labels are to have.

    Where somebody drew an outline it is taken, fitted to the box; unless "box" is asked for.

    Args:
        dataset: Its outlines are drawn ones.
        shapes: One for all, or by class; None, and for classes that are not named: "polygon".
        mapped: Maps over pictures, where their pixels are looked at (`engine.shards`).

    Returns:
        The data set, whose `boxes.outline` is what turns with each box (empty: its four corners);
        and what was chosen, by class: ``shape``; how many boxes have a ``drawn`` outline, a
        ``guessed`` one, and none (``box``); how many drawn ones were ``apart`` from their boxes
        and not used; ``why``, a sentence, where the pixels told the shape. Nothing is told where
        no box has an outline and none was asked for.

    Raises:
        BoxwrightError: `shapes` names a class that there is not.
    """
    check(dataset.classes, shapes)
    asked = _asked(dataset.classes, shapes)
    if not shapes and not len(dataset.boxes.outline.points):
        return dataset, {}
    boxes = dataset.boxes
    drawn = polygons.has(boxes.outline)
    near = drawn & _near(boxes)
    used = near & np.asarray(asked[boxes.label] != "box", dtype=bool)
    chosen, why = _chosen(dataset, asked, ~used & ~boxes.crowd, mapped)
    outline = _outlines(dataset, chosen, used, mapped)
    looked = (asked == "auto") & (chosen == "ellipse")
    leaning = ~used & ~boxes.crowd & np.asarray(looked[boxes.label], dtype=bool)
    outline = _leaning(dataset, outline, np.flatnonzero(leaning), mapped)
    told = _told(dataset, chosen, outline, used, drawn & ~near)
    _warn(dataset.classes, told)
    for name, words in why.items():
        told[name]["why"] = words
        log.info("%s: %s: %s", name, told[name]["shape"], words)
    return replace(dataset, boxes=replace(boxes, outline=outline)), told


def guessed(told: Mapping[str, Any]) -> set[str]:
    """The classes of which some boxes have a guessed shape, from what `shaped` told."""
    return {name for name, of_class in told.items() if of_class["guessed"]}


def _near(boxes: Boxes) -> Bools:
    """(M,) whether a drawn outline ends where its box does, or nearly."""
    apart = np.abs(np.nan_to_num(polygons.hulls(boxes.outline)) - boxes.xyxy)
    side = boxes.xyxy[:, 2:] - boxes.xyxy[:, :2]
    return np.asarray((apart <= np.maximum(_PIXELS, _APART * np.tile(side, 2))).all(axis=1))


def check(classes: Sequence[str], shapes: Shapes) -> None:
    """Refuse shapes of a class that there is not.

    Raises:
        BoxwrightError: It names the likely one.
    """
    unknown = (
        [name for name in shapes if name not in classes] if isinstance(shapes, Mapping) else []
    )
    if unknown:
        near = difflib.get_close_matches(unknown[0], classes, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(classes)}."
        raise BoxwrightError(f"shapes: {', '.join(unknown)}: no such class; {hint}")


def _asked(classes: Sequence[str], shapes: Shapes) -> Strings:
    """(C,) the shape that each class is to have."""
    if isinstance(shapes, Mapping):
        return strings(shapes.get(name, "polygon") for name in classes)
    return strings([shapes or "polygon"] * len(classes))


def _chosen(
    dataset: Dataset, asked: Strings, open_: Bools, mapped: Map
) -> tuple[Strings, dict[str, str]]:
    """(C,) the shapes, with those that the pixels have to tell; and why, by class.

    Args:
        dataset: Pictures and boxes.
        asked: (C,) may be "auto".
        open_: (M,) boxes that have no shape yet.
        mapped: Maps over pictures.
    """
    looked = open_ & np.asarray(asked[dataset.boxes.label] == "auto", dtype=bool)
    auto = np.flatnonzero(asked == "auto").tolist()
    chosen = asked.copy()
    chosen[auto] = "polygon"
    if not looked.any():
        return chosen, {}
    from pipeline.augment.auto import choose  # cv2 is not needed before

    choices = choose(dataset.keep_boxes(looked), mapped)
    for label in auto:
        chosen[label] = choices[label].shape
    return chosen, {dataset.classes[label]: choices[label].why for label in auto}


def _outlines(dataset: Dataset, chosen: Strings, used: Bools, mapped: Map) -> Outlines:
    """What turns with each box: the drawn outline where it is used, else its class's guess."""
    boxes = dataset.boxes
    of_box = chosen[boxes.label]
    round_, quad = (
        np.flatnonzero(~used & ~boxes.crowd & np.asarray(of_box == shape, dtype=bool))
        for shape in GUESSES
    )
    own = np.flatnonzero(used)
    drawn = polygons.thinned(boxes.outline.take(own))
    parts = [(own, polygons.fitted(drawn, boxes.xyxy[own]))]
    if len(round_):
        parts.append((round_, ellipses(dataset, round_)))
    if len(quad):
        from pipeline.augment.quads import quads

        parts.append((quad, quads(dataset, quad, mapped)[0]))
    return polygons.gathered(len(boxes), parts)


def _leaning(dataset: Dataset, outline: Outlines, rows: Ints, mapped: Map) -> Outlines:
    """The outlines, with ellipses that lean as their pixels say where these are looked at."""
    if not len(rows):
        return outline
    from pipeline.augment.shape_slant import leaning

    own, ellipses_ = leaning(dataset, rows, mapped)
    others = np.setdiff1d(np.arange(len(outline)), own)
    return polygons.gathered(len(outline), [(others, outline.take(others)), (own, ellipses_)])


def _told(
    dataset: Dataset, chosen: Strings, outline: Outlines, used: Bools, apart: Bools
) -> dict[str, Any]:
    """By class its shape, and how many of its boxes are to be counted as what."""
    there = polygons.has(outline)
    kinds = {"drawn": used, "guessed": there & ~used, "box": ~there, "apart": apart}
    counts = {
        kind: np.bincount(dataset.boxes.label[mask], minlength=len(chosen)).tolist()
        for kind, mask in kinds.items()
    }
    return {
        name: {"shape": str(chosen[row]), **{kind: counts[kind][row] for kind in kinds}}
        for row, name in enumerate(dataset.classes)
    }


def _warn(classes: Sequence[str], told: Mapping[str, Any]) -> None:
    apart = {name: told[name]["apart"] for name in classes if told[name]["apart"]}
    if apart:
        log.warning(
            "%d drawn outlines end elsewhere than their boxes and are not used for the labels: %s",
            sum(apart.values()),
            ", ".join(f"{count} {name}" for name, count in apart.items()),
        )
    if all(not one["drawn"] and not one["guessed"] for one in told.values()):
        log.info("no box has an outline: labels are boxes, which grow when they are turned")
