"""How much better a model looks for having seen the pictures that it is measured on.

Its predictions are made once for the whole split and scored on the leaked pictures and on the
clean ones, over the classes that both hold.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from pipeline.dataset import Bools, Dataset, Ints, strings
from pipeline.evaluation.metrics import metrics
from pipeline.evaluation.resampling import FEWEST, METRICS, Score, interval, scores
from pipeline.progress import Track, silent

ROUNDS = 300
FEW = 20  # pictures; a difference on fewer is told, but not leant on


def inflation(
    truth: Dataset,
    predictions: Dataset,
    leaked: Bools,
    unit: Ints,
    *,
    seed: int = 0,
    track: Track = silent,
) -> dict[str, Any]:
    """Score a split as a whole, on its leaked pictures and on its clean ones.

    Args:
        truth: The pictures of one split with their boxes.
        predictions: The same pictures and classes, with scores.
        leaked: (N,) which pictures stand in train too.
        unit: (N,) pictures of one number belong together and are resampled as one.
        seed: Of the resampling.
        track: Shows progress.

    Returns:
        Plain data: ``split``; by part (``all``, ``leaked``, ``clean``) ``pictures`` and ``boxes``;
        ``classes`` that are compared and ``left_out``; ``mAP50`` and ``mAP50-95``, each with
        ``all`` (every class, as `boxwright evaluate` tells it) and, over the compared classes,
        ``whole``, ``leaked``, ``clean``, ``difference`` (leaked - clean), its 95 % ``interval``
        (None: too few groups to tell) and ``inflated`` (whole - clean); ``words``, sentences.
        The scores of a part that cannot be measured are None.

    Raises:
        BoxwrightError: The truth holds no box.
    """
    grouped = replace(truth, images=replace(truth.images, group=strings(map(str, unit.tolist()))))
    every = metrics(truth, predictions, track)
    held = [_held(truth, part) for part in (leaked, ~leaked)]
    both = np.flatnonzero(np.all(held, axis=0)).tolist()
    parts = {
        name: scores(grouped.keep_images(mask), predictions.keep_images(mask), both, ROUNDS, seed)
        for name, mask in (("leaked", leaked), ("clean", ~leaked))
    }
    whole = scores(grouped, predictions, both, 0, seed)
    named = [truth.classes[label] for label in both]
    there = np.flatnonzero(np.any(held, axis=0)).tolist()
    found: dict[str, Any] = {
        "split": str(truth.images.split[0]),
        **{name: _size(truth, mask) for name, mask in _parts(leaked).items()},
        "classes": named,
        "left_out": [truth.classes[label] for label in there if label not in both],
        **{
            name: {
                "all": every[name],
                "whole": _number(whole[name].value),
                **_compared(parts["leaked"][name], parts["clean"][name], whole[name]),
            }
            for name in METRICS
        },
    }
    return {**found, "words": words(found)}


def _parts(leaked: Bools) -> dict[str, Bools]:
    return {"all": np.ones(len(leaked), dtype=bool), "leaked": leaked, "clean": ~leaked}


def _held(truth: Dataset, part: Bools) -> Bools:
    """(K,) which classes a part of the pictures holds a box of that has to be found."""
    own = part[truth.boxes.image] & ~truth.boxes.crowd
    return np.bincount(truth.boxes.label[own], minlength=len(truth.classes)) > 0


def _size(truth: Dataset, mask: Bools) -> dict[str, int]:
    boxes = np.count_nonzero(mask[truth.boxes.image] & ~truth.boxes.crowd)
    return {"pictures": int(mask.sum()), "boxes": int(boxes)}


def _compared(leaked: Score, clean: Score, whole: Score) -> dict[str, Any]:
    return {
        "leaked": _number(leaked.value),
        "clean": _number(clean.value),
        "difference": _number(leaked.value - clean.value),
        "interval": interval(leaked.draws - clean.draws, -1, 1),
        "inflated": _number(whole.value - clean.value),
    }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)


def words(found: dict[str, Any]) -> list[str]:
    """What the comparison says, for a person who has not met mAP before."""
    split, leaked, clean = found["split"], found["leaked"]["pictures"], found["clean"]["pictures"]
    if not leaked:
        return [f"No picture of {split} is leaked: its score is not inflated by leaks."]
    if not clean:
        return [f"Every picture of {split} is leaked: there is no clean one to compare with."]
    if not found["classes"]:
        return [f"No class is both in leaked and in clean pictures of {split}: no comparison."]
    return [_headline(found), _sure(found), *_limits(found)]


def _headline(found: dict[str, Any]) -> str:
    split, score = found["split"], found["mAP50"]
    return (
        f"{split} says {score['whole']:.2f} (mAP50); on its {_pictures(found['clean'])} that "
        f"training has not seen it is {score['clean']:.2f}, on its {_pictures(found['leaked'])} "
        f"that training has seen it is {score['leaked']:.2f}."
    )


def _sure(found: dict[str, Any]) -> str:
    score = found["mAP50"]
    inflated, between = score["inflated"], score["interval"]
    if between is None:
        return (
            f"There are fewer than {FEWEST} independent groups on one side: too few to tell this "
            "from chance."
        )
    told = f"leaked against clean: {score['difference']:+.2f}, 95 % interval {_span(between)}"
    if between[0] <= 0 <= between[1]:
        return f"The difference may be chance ({told})."
    if inflated < 0:
        return f"The leaked pictures are the harder ones here ({told})."
    return f"The score of {found['split']} is inflated by about {inflated:.2f} ({told})."


def _limits(found: dict[str, Any]) -> list[str]:
    limits = []
    if found["left_out"]:
        limits.append(
            f"Compared over the {len(found['classes'])} classes that both sides hold; left out: "
            f"{', '.join(found['left_out'])}."
        )
    few = [name for name in ("leaked", "clean") if found[name]["pictures"] < FEW]
    if few:
        limits.append(f"Fewer than {FEW} {' and '.join(few)} pictures: take it as a hint.")
    return limits


def _pictures(part: dict[str, int]) -> str:
    return f"{part['pictures']:,} picture{'s' * (part['pictures'] != 1)}"


def _span(between: list[float]) -> str:
    return f"{between[0]:+.2f} to {between[1]:+.2f}"
