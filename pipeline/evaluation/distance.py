"""In what two sources of pictures differ, by name: light, colour, sharpness, files, objects.

No classifier is trained and no network is needed: each measure of a picture is compared by itself
(Cliff's delta), what the pictures look like as a whole by the energy distance of a small
descriptor; and both only where chance does not make as much (`effects`).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from pipeline.dataset import Bools, Dataset, Floats, Ints, Strings, strings
from pipeline.errors import BoxwrightError, DataErrors
from pipeline.evaluation import effects, measures
from pipeline.evaluation.mismatch import MismatchOptions, sample
from pipeline.evaluation.resampling import units
from pipeline.progress import Track, silent

log = logging.getLogger(__name__)

CHANCE = 0.01  # a difference is one that chance makes less often than this
SMALL_DELTA, SMALL_MIX = 0.147, 0.05  # what is less does not matter, however sure it is
CLASSES = "class mix"
NO_ORIGIN = "(no origin)"
SIZES = ((0.474, "large"), (0.33, "medium"), (0.0, "small"))  # Romano et al. (2006)


class OneSourceError(BoxwrightError):
    """All pictures are of one source, so that there is nothing to compare."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """A sample of every source, measured.

    Attributes:
        by: "origin" or "split".
        sources: Their names, that first of which most is trained on.
        source: (K,) of each picture.
        unit: (K,) what is independent: the number of a group in its source.
        values: (K, M) `measures.ALL`.
        classes: (K, C) how many objects of each class.
        descriptor: (K, D) what it looks like.
        names: Of the classes.
    """

    by: str
    sources: list[str]
    source: Strings
    unit: Ints
    values: Floats
    classes: Floats
    descriptor: Floats
    names: tuple[str, ...]


def look(dataset: Dataset, options: MismatchOptions, track: Track = silent) -> Pictures:
    """Measure a sample of every source of a data set.

    Args:
        dataset: All splits.
        options: How many pictures, and what a source is.
        track: Shows progress.

    Raises:
        OneSourceError: There are no two sources.
        DataErrors: There are, but not one picture of all but one of them can be read.
    """
    by, source = _sources(dataset, options.by)
    order = _order(source, dataset.images.split)
    mask = _chosen(source, dataset, options)
    chosen, source = dataset.keep_images(mask), source[mask]
    found = measures.measure(chosen, track)
    for problem in found.problems:
        log.warning("left out: %s", problem)
    own, group = source[found.row], chosen.images.group[found.row]
    if len(set(own)) < 2:
        raise DataErrors(found.problems)
    names = [f"{name}/{place}" if place else "" for name, place in zip(own, group, strict=True)]
    return Pictures(
        by=by,
        sources=[name for name in order if name in set(own)],
        source=own,
        unit=units(names),
        values=found.values,
        classes=_classes(chosen)[found.row],
        descriptor=found.descriptor,
        names=dataset.classes,
    )


def _chosen(source: Strings, dataset: Dataset, options: MismatchOptions) -> Bools:
    """(N,) which pictures are looked at."""
    mask = np.zeros(len(source), dtype=bool)
    for name in set(source):
        rows = np.flatnonzero(source == name)
        mask[sample(rows, dataset.images.group, options.pictures, options.seed)] = True
    return mask


def _sources(dataset: Dataset, by: str) -> tuple[str, Strings]:
    """What a source is, and that of each picture."""
    kind, column = "split", dataset.images.split
    if by == "origin" or (by == "auto" and len(set(dataset.images.origin)) > 1):
        kind, column = "origin", strings(name or NO_ORIGIN for name in dataset.images.origin)
    if len(set(column)) < 2:
        raise OneSourceError(
            f"{dataset.root}: all pictures are of one {kind}, so there is nothing to compare."
            "\n    -> name the `origin` of each source in convert, or make splits."
        )
    return kind, column


def _order(source: Strings, split: Strings) -> list[str]:
    """The sources, those first of which most is trained on: the others are compared with them."""
    trained = Counter(source[split == "train"].tolist())
    return sorted(dict.fromkeys(source.tolist()), key=lambda name: -trained[name])


def _classes(dataset: Dataset) -> Floats:
    """(N, C) how many objects of each class every picture has."""
    counts = np.zeros((len(dataset.images), len(dataset.classes)))
    np.add.at(counts, (dataset.boxes.image, dataset.boxes.label), 1)
    return counts


def differences(
    pictures: Pictures, options: MismatchOptions, track: Track = silent
) -> dict[str, Any]:
    """Compare every two sources.

    Args:
        pictures: From `look`.
        options: How many permutations, and their seed.
        track: Shows progress.

    Returns:
        Plain data for JSON, see docs/mismatch.md: ``by``, ``sources``, ``pairs``.
    """
    pairs = list(combinations(pictures.sources, 2))
    return {
        "by": pictures.by,
        "sources": [_source(pictures, name) for name in pictures.sources],
        "pairs": [
            _pair(pictures, first, second, options)
            for first, second in track(pairs, "comparing", len(pairs))
        ],
    }


def _source(pictures: Pictures, name: str) -> dict[str, Any]:
    own = pictures.source == name
    return {
        "source": name,
        "pictures": int(own.sum()),
        "independent": len(set(pictures.unit[own])),
        "medians": {
            measure.name: _median(column)
            for measure, column in zip(measures.ALL, pictures.values[own].T, strict=True)
        },
    }


def _median(values: Floats) -> float | None:
    there = values[~np.isnan(values)]
    return round(float(np.median(there)), 4) if len(there) else None


def _pair(pictures: Pictures, first: str, second: str, options: MismatchOptions) -> dict[str, Any]:
    own = np.asarray((pictures.source == first) | (pictures.source == second), dtype=bool)
    later = np.asarray(pictures.source[own] == second, dtype=bool)
    unit = np.unique(pictures.unit[own], return_inverse=True)[1].reshape(-1)
    way = effects.deal(unit, later, options.permutations, options.seed)
    total = effects.energy(pictures.descriptor[own], way)
    rows = _measures(pictures, own, later, way)
    seen = [row for row in rows if row["differs"]]
    chance = float((total >= total[0] - 1e-12).mean())
    differs = way.tells and chance <= CHANCE
    return {
        "first": first,
        "second": second,
        "independent": [int((~way.second).sum()), int(way.second.sum())],
        "differ": bool(seen) or differs,
        "tells": way.tells,
        "look": {
            "distance": round(float(total[0]), 4),
            "by_chance": round(float(np.percentile(total[1:], 95)), 4),
            "p": round(chance, 4),
            "differs": differs,
        },
        "measures": rows,
        "sentence": _sentence((first, second), seen, way, differs=differs),
    }


def _measures(
    pictures: Pictures, own: Bools, later: Bools, way: effects.Deal
) -> list[dict[str, Any]]:
    """Every measure of a pair, the one that differs most first."""
    values, counts = pictures.values[own], pictures.classes[own]
    delta = effects.cliffs_delta(values, way)
    mix = effects.total_variation(counts, way)
    chance = effects.chances(np.column_stack([np.abs(delta), mix]))
    rows = [
        _measure(measure, values[:, i], later, float(delta[0, i]), float(chance[i]))
        for i, measure in enumerate(measures.ALL)
        if not np.isnan(delta[0, i])
    ]
    rows.append(_class_mix(pictures.names, counts, later, float(mix[0]), float(chance[-1])))
    for row in rows:
        enough = abs(row["effect"]) >= (SMALL_MIX if row["measure"] == CLASSES else SMALL_DELTA)
        row["differs"] = bool(way.tells and enough and row["p"] <= CHANCE)
    return sorted(rows, key=lambda row: (not row["differs"], -abs(row["effect"])))


def _measure(
    measure: measures.Measure, values: Floats, later: Bools, delta: float, chance: float
) -> dict[str, Any]:
    size = next(word for least, word in SIZES if abs(delta) >= least)
    medians = [_median(values[~later]), _median(values[later])]
    return {
        "measure": measure.name,
        "effect": round(delta, 4),
        "p": round(chance, 4),
        "medians": medians,
        "words": f"{measure.more if delta > 0 else measure.less} "
        f"({measure.name} {_figure(medians[1])} against {_figure(medians[0])}, "
        f"Cliff's delta {delta:+.2f}, {size})",
    }


def _class_mix(
    names: Sequence[str], counts: Floats, later: Bools, mix: float, chance: float
) -> dict[str, Any]:
    before, after = (effects.shares(counts[mask].sum(axis=0)) for mask in (~later, later))
    order = np.argsort(-np.abs(after - before), kind="stable")[:3].tolist()
    told = [
        f"{names[i]} {after[i]:.0%} of the objects against {before[i]:.0%}"
        for i in order
        if after[i] != before[i]
    ]
    return {
        "measure": CLASSES,
        "effect": round(mix, 4),
        "p": round(chance, 4),
        "shares": {
            name: [round(float(a), 4), round(float(b), 4)]
            for name, a, b in zip(names, before, after, strict=True)
        },
        "words": f"of other classes ({', '.join(told)}; total variation {mix:.2f})",
    }


def _sentence(
    names: tuple[str, str], seen: Sequence[dict[str, Any]], way: effects.Deal, *, differs: bool
) -> str:
    """A pair in words, from the second source's side."""
    first, second = names
    few = f"{int(way.second.sum())} and {int((~way.second).sum())} independent pictures or groups"
    if not way.tells:
        return f"{second} and {first}: too few to tell a difference from chance ({few})."
    if seen:
        rows = "; ".join(row["words"] for row in seen)
        return f"{second}, compared with {first}, is {rows}."
    if differs:
        return (
            f"{second} looks different from {first} (colours, edges and textures as a whole), "
            "but no single measure says how."
        )
    return f"{second} and {first}: no difference that chance does not make ({few})."


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
