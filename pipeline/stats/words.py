"""What the numbers mean for a training, in sentences: what will hurt it, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import sqrt
from typing import Any

FEW_TO_LEARN, FEW_TO_MEASURE = 100, 20  # boxes of a class in train; in val and test
GROUPS_TO_LEARN, GROUPS_TO_MEASURE = 5, 2  # groups that a class stands in, likewise
UNKNOWN = 0.1  # share of pictures without a group, above which counts of groups tell nothing
UNEVEN = 20  # boxes of the most frequent class to one of the rarest
DRIFT = 2.0  # times as frequent in another split
GIANT = 0.2  # share of a split that is one group
SOME = 0.01  # share of the boxes that is worth a sentence
EMPTY = 0.5  # share of pictures without a box
CENTRAL = 0.6  # share of the boxes in the middle ninth of the picture
LARGE = 0.25  # share of its picture; a larger box is in the middle of necessity
SAMPLE = 30  # pictures of a split to judge its pixels by

Numbers = dict[str, Any]


def warnings(found: Numbers) -> list[str]:
    """What will hurt a training or make its score worth little, the gravest first.

    Args:
        found: As from `numbers.stats`, but for the warnings.
    """
    whole, splits = found["all"], found["splits"]
    if not whole["boxes"]:
        return ["There is no box at all."]
    parts = splits or {"": whole}
    sentences = [_shared(found["shared_groups"])]
    for check in (_absent, _rare, _few_groups, _giant, _empty):
        sentences += [check(name, part, whole) for name, part in parts.items()]
    if splits and "val" not in splits:
        sentences.append("There is no val split; a training cannot tell when to stop.")
    learnt = next(iter(parts)) if "train" not in parts else "train"
    sentences += [_uneven(learnt, parts[learnt]), *_drifts(learnt, parts)]
    sentences += [_rare_sizes(learnt, parts[learnt]), _tiny(found), _long(found["outliers"])]
    sentences += [_crowded(found["outliers"]), _central(found), _always(found["together"])]
    return [sentence for sentence in sentences if sentence]


def _absent(name: str, split: Numbers, whole: Numbers) -> str:
    rows = zip(split["classes"], whole["classes"], strict=True)
    # a class that is nowhere is told once, with train
    names = [r["class"] for r, w in rows if not r["boxes"] and (w["boxes"] or _is_learnt(name))]
    outcome = "cannot be learnt" if _is_learnt(name) else "cannot be measured"
    place = f"in {name}" if name else "there"
    return f"Not {place}, so {outcome}{' there' * bool(name)}: {listed(names)}." if names else ""


def _rare(name: str, split: Numbers, whole: Numbers) -> str:
    del whole
    few = FEW_TO_LEARN if _is_learnt(name) else FEW_TO_MEASURE
    names = [f"{r['class']} ({r['boxes']})" for r in split["classes"] if 0 < r["boxes"] < few]
    outcome = "expect it to be learnt badly" if _is_learnt(name) else "its score will be unsure"
    return f"Fewer than {few} boxes{_in(name)}; {outcome}: {listed(names)}." if names else ""


def _few_groups(name: str, split: Numbers, whole: Numbers) -> str:
    del whole
    if not split["groups"]["groups"] or split["groups"]["unknown"] > UNKNOWN * split["images"]:
        return ""
    few = GROUPS_TO_LEARN if _is_learnt(name) else GROUPS_TO_MEASURE
    rows = [r for r in split["classes"] if r["boxes"] and r["groups"] < few]
    names = [f"{r['class']} ({r['groups']})" for r in rows]
    outcome = (
        "the scenes may be learnt in place of the thing"
        if _is_learnt(name)
        else "its score is that of one scene"
    )
    return f"Fewer than {few} groups{_in(name)}; {outcome}: {listed(names)}." if names else ""


def _giant(name: str, split: Numbers, whole: Numbers) -> str:
    del whole
    groups = split["groups"]
    largest = next(iter(groups["largest"]), {"group": "", "images": 0})
    share = largest["images"] / max(split["images"], 1)
    if groups["groups"] < 2 or share <= GIANT:
        return ""
    return (
        f"One group, {largest['group']}, is {share:.0%} of the pictures{_in(name)}: "
        "what it shows will weigh too much."
    )


def _empty(name: str, split: Numbers, whole: Numbers) -> str:
    del whole
    share = split["background"] / max(split["images"], 1)
    if share <= EMPTY:
        return ""
    return (
        f"{share:.0%} of the pictures{_in(name)} have no box: check that none was forgotten; "
        "as background about a tenth is enough."
    )


def _shared(shared: Numbers) -> str:
    if not shared["count"]:
        return ""
    names = [f"{one['group']} ({', '.join(one['splits'])})" for one in shared["examples"]]
    return (
        f"{_count(shared['count'], 'group')} in more than one split "
        f"({shared['images']:,} pictures): the score is partly on what was learnt by heart and "
        "flatters; split by group, and see `boxwright leaks`: "
        f"{listed(names, 3, shared['count'])}."
    )


def _uneven(name: str, split: Numbers) -> str:
    rows = [row for row in split["classes"] if row["boxes"]]
    if not rows:
        return ""
    most, least = (pick(rows, key=lambda row: row["boxes"]) for pick in (max, min))
    ratio = most["boxes"] / least["boxes"]
    if ratio < UNEVEN:
        return ""
    return (
        f"{most['class']} has {ratio:,.0f} times the boxes of {least['class']}{_in(name)} "
        f"({most['boxes']:,} and {least['boxes']:,}): the frequent classes will be learnt at the "
        "cost of the rare; collect more of those, or see `boxwright balance`."
    )


def _drifts(learnt: str, parts: dict[str, Numbers]) -> Iterator[str]:
    for name, part in parts.items():
        rows = zip(part["classes"], parts[learnt]["classes"], strict=True)
        names = [
            f"{row['class']} ({_times(share, base)})"
            for row, other in rows
            for share, base in [(_share(row, part), _share(other, parts[learnt]))]
            if _drifted(share, base, min(part["images"], parts[learnt]["images"]))
        ]
        if names:
            yield (
                f"Far more or less frequent in {name} than in {learnt}, so that the score there "
                f"is of another mix than was learnt: {listed(names)}."
            )


def _drifted(share: float, base: float, images: int) -> bool:
    """Whether two shares differ by a factor that chance does not explain (three sigma)."""
    low, high = sorted((share, base))
    return low > 0 and high >= DRIFT * low and high - low > 3 * sqrt(high * (1 - high) / images)


def _times(share: float, base: float) -> str:
    return f"{share / base:.1f} times" if share > base else f"1/{base / share:.1f}"


def _share(row: Numbers, part: Numbers) -> float:
    return float(row["boxes"] / max(part["boxes"], 1))


def _rare_sizes(name: str, split: Numbers) -> str:
    sizes = split["sizes"].items()
    names = [f"{size} ({n:,})" for size, n in sizes if 0 < n < SOME * split["boxes"]]
    if not names:
        return ""
    return (
        f"Under 1% of the boxes{_in(name)} are {' or '.join(names)}: where such matter, collect "
        "more of them."
    )


def _tiny(found: Numbers) -> str:
    tiny, boxes = found["outliers"]["tiny"], found["all"]["boxes"]
    if tiny["count"] < SOME * boxes:
        return ""
    return (
        f"{tiny['count'] / boxes:.1%} of the boxes ({tiny['count']:,}) are under "
        f"{tiny['limit']} pixels at their shorter side when trained at {found['imgsz']}, less than "
        "a step of the finest grid of most detectors: train larger, or cut the pictures into tiles."
    )


def _long(outliers: Numbers) -> str:
    long = outliers["long"]
    if not long["count"]:
        return ""
    names = [f"{one['picture']} ({one['class']}, {one['value']:.0f}:1)" for one in long["worst"]]
    return (
        f"{_count(long['count'], 'box', 'boxes')} {long['limit']} times as long as wide or more: "
        f"look whether they are right, e.g. {listed(names, 3, long['count'])}."
    )


def _crowded(outliers: Numbers) -> str:
    crowded = outliers["crowded"]
    if not crowded["count"]:
        return ""
    names = [f"{one['picture']} ({one['value']:,})" for one in crowded["worst"]]
    return (
        f"{_count(crowded['count'], 'picture')} of more than {crowded['limit']} boxes, the most "
        "that a detector gives unless told otherwise (max_det): "
        f"{listed(names, 3, crowded['count'])}."
    )


def _central(found: Numbers) -> str:
    centres = found["positions"]["centres"]
    third = len(centres) // 3
    middle = sum(sum(row[third:-third]) for row in centres[third:-third])
    share = middle / found["all"]["boxes"]
    if share < CENTRAL or found["all"]["relative_area"]["50"] > LARGE:
        return ""
    return (
        f"{share:.0%} of the boxes have their centre in the middle ninth of the picture: a model "
        "may fail near the borders; collect such pictures, keep mosaic and shifting switched on."
    )


def _always(together: Numbers) -> str:
    names = [f"{one['class']} with {one['with']}" for one in together["always"]]
    if not names:
        return ""
    return (
        "Hardly ever apart, so that one may be taken as the sign of the other: "
        f"{listed(names, 6)}; collect pictures of the one alone."
    )


ODD = {
    "dark": ("very dark", "mean grey under {}", "see that a person could tell them"),
    "bright": ("very bright", "mean grey over {}", "see that a person could tell them"),
    "flat": ("without contrast", "grey values spread by under {}", "see whether they are empty"),
    "blurred": ("blurred or empty", "sharpness under {}", "leave out what a person could not tell"),
}


def pixels(found: Numbers) -> list[str]:
    """What the pixels mean for a training; `found` as from `pixels.summary`."""
    sentences = [_odd(kind, found["odd"][kind], found["sampled"]) for kind in ODD]
    sentences += [_lighter(name, found["splits"]) for name in found["splits"] if name != "train"]
    if found["unreadable"]:
        sentences.append(
            f"{_count(len(found['unreadable']), 'picture')} that cannot be decoded: "
            f"{listed(found['unreadable'], 3)}."
        )
    return [sentence for sentence in sentences if sentence]


def _odd(kind: str, found: Numbers, sampled: int) -> str:
    if not found["count"]:
        return ""
    what, how, advice = ODD[kind]
    names = [one["picture"] for one in found["worst"]]
    return (
        f"Of {sampled:,} pictures looked at, {_be(found['count'])} "
        f"{what} ({how.format(found['limit'])}): {listed(names, 3, found['count'])}; {advice}."
    )


def _lighter(name: str, splits: dict[str, Numbers]) -> str:
    """A split whose middling picture would be among train's darkest or brightest quarter."""
    own, train = splits[name], splits.get("train", {"images": 0})
    if min(own["images"], train["images"]) < SAMPLE:
        return ""
    values, base = own["brightness"], train["brightness"]
    if base["25"] <= values["50"] <= base["75"]:
        return ""
    what = "darker" if values["50"] < base["25"] else "brighter"
    return (
        f"The pictures of {name} are {what} than those of train (median {values['50']:.0f} "
        f"against {base['50']:.0f}): what is measured there is not what was learnt."
    )


def listed(names: Iterable[str], most: int = 12, total: int | None = None) -> str:
    """The first names, and how many there are beyond; `total` where not all are given."""
    given = list(names)
    more = (len(given) if total is None else total) - min(most, len(given))
    return ", ".join(given[:most]) + (f" and {more:,} more" if more > 0 else "")


def _count(count: int, one: str, many: str = "") -> str:
    """How many, with the verb: 1 picture is, 2 pictures are."""
    return f"{count:,} {one} is" if count == 1 else f"{count:,} {many or one + 's'} are"


def _be(count: int) -> str:
    return f"{count:,} is" if count == 1 else f"{count:,} are"


def _in(name: str) -> str:
    return f" in {name}" if name else ""


def _is_learnt(name: str) -> bool:
    return name in {"train", ""}
