"""The finding in sentences that claim no more than the spread allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

WAYS = {"turned": "pictures turned by up to {degrees:g}°", "upright": "upright pictures"}


def sentences(found: Mapping[str, Any]) -> list[str]:
    """What the scores say, the most important first.

    Args:
        found: What ablation.json holds: ``hyps``, ``seeds``, ``degrees``, ``metric``, ``scores``
            and ``differences``.
    """
    if len(found["hyps"]) < 2:
        return [_alone(found)]
    if len(found["seeds"]) < 2:
        return [*(_numbers(found, view) for view in WAYS), ONE_SEED]
    tops = {view: unbeaten(found, view) for view in WAYS}
    told = [_view(found, view, tops[view]) for view in WAYS]
    return [_advice(found, tops), *told, *_against_first(found)]


ONE_SEED = (
    "One training each: what another seed would change is not known, so no preset is called "
    "better. --seeds 3 tells."
)


def _alone(found: Mapping[str, Any]) -> str:
    own = {view: _shown(mean(found, view, found["hyps"][0])) for view in WAYS}
    return (
        f"{found['hyps'][0]}: {found['metric']} {own['upright']} upright, {own['turned']} turned. "
        "One preset alone: nothing to compare it with."
    )


def _numbers(found: Mapping[str, Any], view: str) -> str:
    each = [f"{hyp} {_shown(mean(found, view, hyp))}" for hyp in _ranked(found, view)]
    return f"On {way(found, view)}, {found['metric']}: {', '.join(each)}."


def unbeaten(found: Mapping[str, Any], view: str) -> list[str]:
    """The presets that none is clearly better than, the highest mean first."""
    worse = {
        row["of"] if row["value"] < 0 else row["to"]
        for row in _judged(found)
        if row["view"] == view and row["clear"]
    }
    return [hyp for hyp in _ranked(found, view) if hyp not in worse]


def _view(found: Mapping[str, Any], view: str, top: Sequence[str]) -> str:
    """Which preset is best on a view, or which cannot be told apart, and who is behind."""
    start = f"On {way(found, view)}"
    named = [f"{hyp} ({_shown(mean(found, view, hyp))})" for hyp in top]
    behind = listed([_behind(found, view, hyp) for hyp in _ranked(found, view) if hyp not in top])
    told = f"{named[0]} is best" if len(top) == 1 else f"{listed(named)} cannot be told apart"
    return f"{start} {told}{': ' if len(top) == 1 else '; '}{behind}.".replace("; .", ".")


def _behind(found: Mapping[str, Any], view: str, hyp: str) -> str:
    """By how much a preset is behind the first that is clearly better."""
    for better in _ranked(found, view):
        value, (low, high) = difference(found, view, better, hyp)
        if low > 0:
            return f"{hyp} is {value:.2f} behind {better} ({low:.2f} to {high:.2f})"
    raise KeyError(hyp)


def _advice(found: Mapping[str, Any], tops: Mapping[str, Sequence[str]]) -> str:
    both = [hyp for hyp in tops["turned"] if hyp in tops["upright"]]
    if len(both) == 1:
        return (
            f"Take {both[0]}: every other preset is clearly behind on upright or on turned "
            f"pictures, {both[0]} on neither."
        )
    if len(both) == len(found["hyps"]):
        return (
            "No preset is clearly better than another: more seeds (--seeds) or more validation "
            "pictures would tell, or there is little to tell."
        )
    if both:
        return (
            f"{listed(both)} are clearly behind on neither upright nor turned pictures; which of "
            "them is better cannot be told."
        )
    return (
        f"No preset is best on both: {listed(tops['upright'])} where things lie upright, "
        f"{listed(tops['turned'])} where they lie any way round."
    )


def _against_first(found: Mapping[str, Any]) -> Iterator[str]:
    """What each preset wins and loses against the first, by view."""
    first, *others = found["hyps"]
    for hyp in others:
        parts = [_change(found, view, hyp, first) for view in WAYS]
        yield f"{hyp} against {first}: {'; '.join(parts)}."


def _change(found: Mapping[str, Any], view: str, hyp: str, first: str) -> str:
    value, (low, high) = difference(found, view, hyp, first)
    chance = "" if low > 0 or high < 0 else ", which may be chance"
    return f"{view} {value:+.2f} ({low:+.2f} to {high:+.2f}){chance}"


def limits(found: Mapping[str, Any]) -> list[str]:
    """What the finding rests on, and what it does not tell."""
    return [*_budget(found), _chance(found), *_truth(found)]


def _budget(found: Mapping[str, Any]) -> Iterator[str]:
    epochs = sorted({run["epochs"] for run in found["runs"]})
    if len(epochs) == 1:
        yield (
            f"All trained for {epochs[0]} epoch{'s' * (epochs[0] != 1)}. Strong augmentation "
            "learns slower: with more epochs it may come out better."
        )
    else:
        yield (
            f"Not all were trained equally long ({epochs[0]} to {epochs[-1]} epochs), so the "
            "budget is not the same: --patience 0 lets none stop early."
        )


def _chance(found: Mapping[str, Any]) -> str:
    pictures, groups = found["pictures"]["pictures"], found["pictures"]["independent"]
    sure = (
        f"Intervals hold all at once with 95 % confidence. They allow for chance in "
        f"{len(found['seeds'])} trainings of each"
    )
    if not found["pictures"]["resampled"]:
        return (
            f"{sure}, but not for chance in the pictures: {pictures} pictures of {groups} "
            "independent groups are too few, so other pictures may say otherwise."
        )
    return f"{sure} and in {pictures} pictures of {groups} independent groups."


def _truth(found: Mapping[str, Any]) -> Iterator[str]:
    kinds = found["pictures"]["outlines"]
    total = sum(kinds.values())
    if kinds["box"]:
        yield (
            f"{kinds['box']:,} of {total:,} boxes have no outline: turned, such a box is the hull "
            "of its corners and larger than the object. All presets are measured by the same "
            "boxes, but a model that was trained on such hulls is favoured over one that finds the "
            "objects, and the scores turned are too low beside those upright, mAP50-95 most of "
            "all. `shapes` in convert helps."
        )
    if kinds["guessed"]:
        yield (
            f"{kinds['guessed']:,} of {total:,} outlines are not drawn, but guessed from boxes "
            "(`shapes` in convert): turned boxes are as good as the guess."
        )


def way(found: Mapping[str, Any], view: str) -> str:
    return WAYS[view].format(**found)


def mean(found: Mapping[str, Any], view: str, hyp: str) -> float | None:
    row = next(row for row in found["scores"] if (row["view"], row["hyp"]) == (view, hyp))
    value: float | None = row[found["metric"]]["mean"]
    return value


def _ranked(found: Mapping[str, Any], view: str) -> list[str]:
    """The presets, the highest mean first."""
    return sorted(found["hyps"], key=lambda hyp: -(mean(found, view, hyp) or 0.0))


def _judged(found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    return (row for row in found["differences"] if row["metric"] == found["metric"])


def difference(
    found: Mapping[str, Any], view: str, of: str, to: str
) -> tuple[float, tuple[float, float]]:
    """`of` minus `to` and its interval; with several seeds."""
    for row in _judged(found):
        if row["view"] == view and {row["of"], row["to"]} == {of, to}:
            low, high = row["interval"]
            same = row["of"] == of
            return (row["value"], (low, high)) if same else (-row["value"], (-high, -low))
    raise KeyError((view, of, to))


def listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
