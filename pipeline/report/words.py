"""A score in sentences, for a person who has not met mAP before."""

from __future__ import annotations

from typing import Any

FEW = 20  # boxes; a class's score on fewer is mostly chance

TRUST = {
    "train": "The model learnt from these very pictures: this says how well it remembers them, "
    "not how good it is on new ones.",
    "val": "The model did not learn from these pictures, but its best epoch was chosen on them, "
    "so the score flatters a little.",
    "test": "Neither the model nor the choice of its best epoch has seen these pictures: "
    "this is what to expect of new pictures of the same kind.",
}


def score(metrics: dict[str, Any], split: str) -> list[str]:
    """What the numbers say, a sentence or two a line, the most important first."""
    if not metrics["f1"]:
        first = f"On the {split} split the model found nothing that is right."
        return [first, *_trust(split)]
    return [_balance(metrics), *_trust(split), *_weakest(metrics), *_unsure(metrics)]


def _balance(metrics: dict[str, Any]) -> str:
    at = f"{metrics['best_confidence']:.2f}"
    return (
        f"At a confidence of {at} or more, about {_in_100(metrics['precision'])} of 100 boxes "
        f"that the model draws are right, and it finds about {_in_100(metrics['recall'])} of 100 "
        f"that are there. {at} is where these two are in the best balance; a higher threshold "
        "gives fewer false boxes, a lower one fewer missed."
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


def _in_100(share: float) -> int:
    return round(share * 100)
