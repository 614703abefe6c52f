"""A score in sentences, for a person who has not met mAP before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FEW = 20  # boxes; a class's score on fewer is mostly chance

TRUST = {
    "train": "A training on this data learns from these very pictures: the score says how well "
    "the model remembers them, not how good it is on new ones.",
    "val": "A training on this data does not learn from val, but picks its best epoch by it, "
    "so the score flatters a little.",
    "test": "A training on this data never sees test: this is what to expect of new pictures of "
    "the same kind.",
}


def score(metrics: dict[str, Any], split: str) -> list[str]:
    """What the numbers say, a sentence or two a line, the most important first."""
    if not metrics["right"]:
        first = f"On the {split} split the model found nothing that is right."
        return [first, *_trust(split)]
    return [_balance(metrics), *_trust(split), *_weakest(metrics), *_unsure(metrics)]


def _balance(metrics: dict[str, Any]) -> str:
    at, right, drawn = f"{metrics['best_confidence']:.2f}", metrics["right"], metrics["drawn"]
    return (
        f"At a confidence of {at} or more the model draws {drawn:,} box{'es' * (drawn != 1)}, "
        f"of which {_of_100(right, drawn)} of 100 are right; it finds "
        f"{_of_100(right, metrics['boxes'])} of 100 of the {metrics['boxes']:,} that are there. "
        "A higher threshold gives fewer false boxes, a lower one fewer missed; "
        f"{at} is the best balance over the classes."
    )


def _trust(split: str) -> list[str]:
    return [TRUST[split]] if split in TRUST else []


def _weakest(metrics: dict[str, Any]) -> list[str]:
    rows = [row for row in metrics["classes"] if row["AP50-95"] is not None]
    if len(rows) < 2:
        return []
    row = min(rows, key=lambda r: r["AP50-95"])
    score, mean = row["AP50-95"], metrics["mAP50-95"]
    return [f"The weakest class is {row['class']}: AP50-95 {score:.3f}, the mean {mean:.3f}."]


def _unsure(metrics: dict[str, Any]) -> list[str]:
    few = [f"{r['class']} ({r['boxes']})" for r in metrics["classes"] if 0 < r["boxes"] < FEW]
    none = [r["class"] for r in metrics["classes"] if not r["boxes"]]
    found = []
    if few:
        found.append(f"Measured on fewer than {FEW} boxes, so largely chance: {', '.join(few)}.")
    if none:
        found.append(f"Not in this split, so not measured: {', '.join(none)}.")
    return found


def training(run: Mapping[str, Any]) -> str:
    """How a model came about, from its run's manifest; "" where that says nothing of it."""
    if "model" not in run:
        return ""
    model, epochs = run["model"], run.get("epochs", {})
    parts = [
        f"The model: {model['name']}",
        f"from {model['start']}" if model.get("start") else "",
        f"{epochs['done']} of at most {epochs['asked']} epochs" if "done" in epochs else "",
        f"on {run['device']}" if run.get("device") else "",
    ]
    return ", ".join(part for part in parts if part) + "."


def confusions(found: list[tuple[str, str, int]]) -> list[str]:
    """The most frequent mistakes in words, from (what is there, what was said, how often)."""
    return [
        f"{truth} was taken for {said} {count:,} time{'s' * (count != 1)}."
        for truth, said, count in found
    ]


def picture(missed: int, false: int, confused: int) -> str:
    """The mistakes in one picture."""
    counts = ((missed, "missed"), (false, "false"), (confused, "wrong class"))
    return ", ".join(f"{n} {what}" for n, what in counts if n) or "no mistake"


def _of_100(part: int, whole: int) -> int:
    return round(100 * part / whole)
