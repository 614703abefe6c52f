"""Conventions of a whole set, told by its pixels: boxes mirrored, turned, swapped, scaled, moved.

One box cannot be judged so: what crosses its sides is as often something else as its own border.
(Measured on natural photos, edges and colours of a single box are near chance.) All boxes of a set,
of one source or of one class can, since an error of convention moves all of them alike: each way
in which they may have been written is tried, and by the right one they lie on things.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import msgspec
import numpy as np

from pipeline.boxes import Array
from pipeline.check import fit
from pipeline.check.evidence import Evidence, measure
from pipeline.check.findings import Finding, Severity
from pipeline.check.fit import Verdict
from pipeline.check.readings import READINGS, RIGHT, SCALE, SHIFTED
from pipeline.check.registration import Shift
from pipeline.dataset import Bools, Dataset, Ints, Strings, strings
from pipeline.progress import Track, silent

log = logging.getLogger(__name__)

KINDS = (
    *dict.fromkeys(one.kind for one in READINGS if one.kind != RIGHT),
    "shifted against the others",
    "lie on nothing",
)
SURE = 3.0  # standard errors of a shift; there are two for each part of a set
SHARED = 0.9  # of a source's boxes must be of classes that the others have
CLASS = 2  # times the limit, for a class by itself: nothing in it cancels what light does to it
MANY = 200  # boxes: if so many lie on nothing, that is worth a look
WAYS = ("source", "folder", "EXIF turn")  # by which pictures may have come; the first that tells
SEVERITY: dict[str, Severity] = {  # of the others: "error"
    SHIFTED: "warning",
    "shifted against the others": "warning",
    "lie on nothing": "hint",
}


@dataclass(frozen=True)
class ConventionsOptions:
    """How to look for errors that all boxes of a set, a source or a class have in common.

    Attributes:
        pixels: Pictures to look at, at most; 0 for none.
        shift: Pixels that boxes may lie beside things. Light from one side moves what is seen by
            more than a pixel on some photos.
        apart: Pixels that the boxes of one source may lie elsewhere than those of the others, on
            things of the same classes.
        seed: Of the sample of pictures.
    """

    pixels: Annotated[int, msgspec.Meta(ge=0)] = 500
    shift: Annotated[float, msgspec.Meta(gt=0)] = 1.25
    apart: Annotated[float, msgspec.Meta(gt=0)] = 0.75
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0


class Part(NamedTuple):
    """Some of the boxes that were looked at.

    Attributes:
        by: What they have in common: "" for all of them, "source", "folder", "EXIF turn", "class".
        name: Which one.
        rows: (K,) whether each row of the evidence is one of them.
    """

    by: str
    name: str
    rows: Bools

    def __str__(self) -> str:
        return f"{self.by} {self.name!r}" if self.by else "the whole set"


class Judged(NamedTuple):
    """A part with what the pixels say of it.

    Attributes:
        part: Which boxes.
        verdict: Of them.
        beside: How much farther they are shifted than the boxes of the other sources, on things
            of the same classes; None where there is nothing to compare with.
    """

    part: Part
    verdict: Verdict
    beside: Shift | None = None


def find(
    dataset: Dataset, options: ConventionsOptions | None = None, track: Track = silent
) -> list[Finding]:
    """Errors that all boxes of a set, of one of its sources or of one class have in common.

    Args:
        dataset: The boxes as they are read, wherever they lie.
        options: None for the defaults.
        track: Shows progress.

    Returns:
        A finding for each part of the set with such an error. It says how to mend all boxes of the
        part, in words: one box's `Fix` would not do.
    """
    options = options or ConventionsOptions()
    judged = look(dataset, options, track)
    return [_finding(one, dataset, options) for one in _wrong(judged, options)]


def look(dataset: Dataset, options: ConventionsOptions, track: Track = silent) -> list[Judged]:
    """What the pixels say of the whole set and of each of its parts, right ones too."""
    if not options.pixels or not len(dataset.boxes):
        return []
    evidence, problems = measure(dataset, options.pixels, options.seed, track)
    for problem in problems:
        log.warning("not looked at: %s", problem)
    if not len(evidence):
        return []
    label = dataset.boxes.label[evidence.box]
    return [_judged(part, evidence, label, options.seed) for part in parts(dataset, evidence)]


def _judged(part: Part, evidence: Evidence, label: Ints, seed: int) -> Judged:
    verdict = fit.judge(evidence.take(part.rows), label[part.rows], seed)
    compared = part.by in {"source", "folder"} and verdict.decision == "right"
    weight = _others(part.rows, label) if compared else None
    if weight is None:
        return Judged(part, verdict)
    others = fit.shift_beside(evidence.take(~part.rows), weight, seed)
    farther = np.hypot(*verdict.shift.value) > np.hypot(*others.value)  # else it is the others
    return Judged(part, verdict, verdict.shift.less(others) if farther else None)


def _others(rows: Bools, label: Ints) -> Array | None:
    """How much each box of the other sources counts, so that theirs are of the same classes.

    None where they are not: things of other classes look otherwise.
    """
    here, there = (np.bincount(label[of], minlength=label.max() + 1) for of in (rows, ~rows))
    shared = here[there >= np.minimum(here, fit.FEW)].sum()
    return (here / np.maximum(there, 1))[label[~rows]] if shared >= SHARED * here.sum() else None


def parts(dataset: Dataset, evidence: Evidence) -> Iterator[Part]:
    """The whole set, then what may have come by another way each, then the classes."""
    image = dataset.boxes.image[evidence.box]
    names = dataset.images.name[image]
    turn = strings(map(str, evidence.orientation))
    classes = strings(dataset.classes)[dataset.boxes.label[evidence.box]]
    yield Part("", "", np.ones(len(evidence), dtype=bool))
    yield from _parts("source", dataset.images.origin[image])
    yield from _parts("folder", strings(name.rpartition("/")[0] for name in names))
    yield from _parts("EXIF turn", turn)
    yield from _parts("class", classes)


def _parts(by: str, column: Strings) -> Iterator[Part]:
    values = dict.fromkeys(column.tolist())
    if len(values) > 1:
        for value in values:
            yield Part(by, value, np.asarray(column == value, dtype=bool))


def kind(one: Judged, options: ConventionsOptions) -> str:
    """The kind of finding that a part is; "" where nothing is wrong with it, or nobody can tell."""
    verdict = one.verdict
    if verdict.decision == "wrong" and verdict.reading.kind != SHIFTED:
        return verdict.reading.kind
    if verdict.decision == "unknown":
        return "lie on nothing" if verdict.boxes >= MANY else ""
    limit = options.shift * (CLASS if one.part.by == "class" else 1)
    sure = verdict.decision == "wrong" and bool((np.abs(verdict.shift.value) > limit).any())
    if sure or verdict.shift.surely_beyond(limit, SURE):
        return SHIFTED
    apart = one.beside is not None and one.beside.surely_beyond(options.apart, SURE)
    return "shifted against the others" if apart else ""


def _wrong(judged: Sequence[Judged], options: ConventionsOptions) -> list[Judged]:
    """The parts to tell of: the whole set, or those of its sources that differ, or classes.

    A verdict on the whole set says little where some of its sources are surely otherwise.
    """
    wrong = [one for one in judged if kind(one, options)]
    whole = next((one for one in wrong if not one.part.by), None)
    for way in WAYS:
        of_way = [one for one in wrong if one.part.by == way]
        mixed = whole is None or any(
            one.part.by == way and _otherwise(one, whole, options) for one in judged
        )
        if of_way and mixed:
            return of_way
    return [whole] if whole else [one for one in wrong if one.part.by == "class"]


def _otherwise(one: Judged, whole: Judged, options: ConventionsOptions) -> bool:
    """Whether the boxes of a part surely have not got the error that the whole set has."""
    verdict, what = one.verdict, kind(whole, options)
    if verdict.decision != "right" or kind(one, options) == what:
        return False
    if what == SHIFTED:
        return verdict.shift.surely_within(options.shift, SURE)
    other = READINGS.index(whole.verdict.reading)
    return verdict.as_read > fit.MARGIN * verdict.by[other]


def _finding(one: Judged, dataset: Dataset, options: ConventionsOptions) -> Finding:
    what, part = kind(one, options), one.part
    message, advice = _WORDS.get(what, _misread)(one)
    return Finding(
        kind=what,
        severity=SEVERITY.get(what, "error"),
        message=f"{part}: {message}",
        file=str(dataset.root / part.name) if part.by == "folder" else str(dataset.root),
        label=part.name if part.by == "class" else "",
        advice=advice,
    )


def _misread(one: Judged) -> tuple[str, str]:
    verdict = one.verdict
    by = f" (times {verdict.scale:.3g})" if verdict.reading.kind == SCALE else ""
    told = (
        f"{verdict.boxes:,} boxes that were looked at lie on things if {verdict.reading.cause}{by}:"
        f" the contrast across their sides is {verdict.clear:.2f} then, and {verdict.as_read:.2f}"
        f" as they are read ({verdict.errors:.0f} standard errors apart)"
    )
    return told, "mend what wrote the labels and write them again; a model cannot learn from these"


def _shifted(one: Judged) -> tuple[str, str]:
    shift = one.verdict.shift
    told = f"things lie {_pixels(shift)} px from their boxes, x and y"
    return told, (
        f"see some boxes enlarged: light from one side can look like one or two pixels; if it is"
        f" no light, move all by {_by(shift)} px"
    )


def _apart(one: Judged) -> tuple[str, str]:
    beside = one.beside or one.verdict.shift
    told = f"things lie {_pixels(beside)} px farther from their boxes than in the other pictures"
    return told, f"see how these labels were made; if it is so, move them by {_by(beside)} px"


def _on_nothing(one: Judged) -> tuple[str, str]:
    told = f"{one.verdict.boxes:,} boxes that were looked at lie on nothing by any reading"
    return told, "see some: labels may be of other pictures, or things have no visible border"


def _pixels(shift: Shift) -> str:
    """Two values with their 95 % interval."""
    each = zip(shift.value, shift.error, strict=True)
    return " and ".join(f"{value:+.1f} (\u00b1{1.96 * error:.1f})" for value, error in each)


def _by(shift: Shift) -> str:
    return f"({shift.value[0]:+.1f}, {shift.value[1]:+.1f})"


_WORDS = {
    SHIFTED: _shifted,
    "shifted against the others": _apart,
    "lie on nothing": _on_nothing,
}
