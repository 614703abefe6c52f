"""What a search for leaks found, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WAYS = {
    "exact": "exact copies",
    "near": "near duplicates",
    "video": "frames of one video or copies of one original, by their names",
    "burst": "shots of one burst, by EXIF camera and time",
    "group": "pictures of one group",
}
SURE = 0.9  # share above which a split measures little but memory
_TOLD = 3  # classes to name
_FAR = 1.5  # times the share of the pictures


def verdict(found: Mapping[str, Any]) -> list[str]:
    """The most important first: how much of each split is leaked, and what that means."""
    leaked = {name: part for name, part in found["splits"].items() if part["leaked"]}
    if not leaked:
        looked = "; ".join(WAYS[way] for way in found["ways"])
        return [f"No leak between {' and '.join(_all(found))}. Looked for: {looked}."]
    return [*(_split(name, part) for name, part in leaked.items()), *_meaning(leaked)]


def _all(found: Mapping[str, Any]) -> list[str]:
    names = [one for part in found["splits"].values() for one in part["against"]]
    return list(dict.fromkeys([*names, *found["splits"]]))


def _split(name: str, part: Mapping[str, Any]) -> str:
    where = [
        f"{count['leaked']:,} in {before}"
        for before, count in part["against"].items()
        if count["leaked"]
    ]
    before = (
        where[0].partition(" ")[2] if len(where) == 1 else f"in a split before it ({_and(where)})"
    )
    return (
        f"{name}: {part['leaked']:,} of {part['pictures']:,} pictures ({part['share']:.1%}) "
        f"{'has' if part['leaked'] == 1 else 'have'} a partner {before}.{_worst(part)}"
    )


def _and(parts: list[str]) -> str:
    return " and ".join(parts)


def _worst(part: Mapping[str, Any]) -> str:
    """The classes that are leaked most, where they are leaked far more than the rest."""
    rows = [row for row in part["classes"] if (row["share"] or 0) > _FAR * part["share"]]
    rows.sort(key=lambda row: (-row["share"], -row["boxes"]))
    if not rows:
        return ""
    told = [f"{row['class']} ({row['leaked']:,} of {row['boxes']:,} boxes)" for row in rows[:_TOLD]]
    return f" Most of all {', '.join(told)}."


def _meaning(leaked: Mapping[str, Any]) -> list[str]:
    share = max(part["share"] for part in leaked.values())
    if share > SURE:
        return ["Scores there say how well a model remembers, not how good it is on new pictures."]
    return ["A model knows these pictures already: scores there are better than on new ones."]


def advice(found: Mapping[str, Any]) -> list[str]:
    """What to do, in the order to do it; nothing where nothing leaks."""
    if not any(part["leaked"] for part in found["splits"].values()):
        return []
    if found["command"]:
        why = "Deal the pictures anew, so that what belongs together stays together:"
        then = "Then train again: the old model has seen what is in val then."
        return [f"{why}\n{found['command']}\n{then}"]
    clean = ", clean/data.yaml is the tree without them" if found["clean"] else ""
    return [
        f"Measure on the clean pictures only: leaked.txt lists those to leave out{clean}.",
        (
            "Better: `boxwright convert` keeps together what belongs together; or move each leaked "
            "picture to the split of its partner (pairs.csv names it)."
        ),
    ]


def labels(found: Mapping[str, Any]) -> str:
    """How many copies are labelled otherwise; "" for none."""
    count = len(found["labelled_otherwise"])
    if not count:
        return ""
    what = "pair of exact copies is" if count == 1 else "pairs of exact copies are"
    return f"{count:,} {what} labelled otherwise: one of the two is wrong (labels.csv)."
