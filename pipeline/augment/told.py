"""What the account of a preset says, in words and as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.augment.account import ALL, WHOLE

THROWN = 0.05  # of a class's boxes: a preset that throws away more is warned of
_LOOSE = 0.1  # of all labels
_GHOSTS = 0.001  # of all labels
_ENOUGH = 100  # boxes: of fewer no share is told
_MOST = 8  # classes named in a sentence

Account = Mapping[str, Sequence[Mapping[str, Any]]]  # by line; a row a class, and one for all


def warnings(account: Account, preset: str, classes: Sequence[str]) -> list[str]:
    """Classes of which the preset throws away more than 5 %.

    A mosaic shows four pictures and a part of each, so that its lost boxes come back in others:
    they are judged by how often a box is shown in an epoch, and those that are lost on whole
    pictures, as the last epochs of a training show them, by themselves.
    """
    rows = account.get(WHOLE) or account.get(ALL, ())
    lost = {name: row["lost"] for name, row in _of(rows, classes) if row["lost"] > THROWN}
    times = {
        name: 1 - row["times"]
        for name, row in _of(account.get(ALL, ()), classes)
        if row["times"] < 1 - THROWN and name not in lost
    }
    found = []
    if lost:
        found.append(
            f"{preset!r} throws away more than {THROWN:.0%} of the boxes of {_named(lost)}."
            "\n    -> less scale, translate, degrees, shear or perspective: the table says which."
        )
    if times:
        found.append(f"{preset!r} shows fewer boxes in an epoch than there are: {_named(times)}.")
    return found


def notes(account: Account) -> list[str]:
    """What else a user should know, and do."""
    if not account:
        return []
    whole = account[ALL][-1]
    large, empty = whole["inflated"], whole["empty"]
    if large is None:
        return []
    found = []
    if large > _LOOSE:
        found.append(
            f"{large:.0%} of the labels are more than a tenth too large (mean IoU with the tight "
            f"box {whole['iou']:.2f}): outlines keep them tight, see `shapes` of boxwright convert."
        )
    if empty > _GHOSTS:
        found.append(
            f"{empty:.1%} of the labels are of objects that cannot be seen: corners of boxes reach "
            "into a picture where their objects do not (outlines mend that), or a strong "
            "perspective turns over what lies behind the horizon of a mosaic."
        )
    return found


def rows(account: Account, classes: Sequence[str]) -> tuple[list[str], Iterator[list[Any]]]:
    """Header and rows of a table: a row for each line of the account and each class."""
    columns = ["boxes", "lost", "cut", "inflated", "empty", "iou", "times"]
    table = (
        [line, name, *(row[column] for column in columns)]
        for line, of_line in account.items()
        for name, row in zip([*classes, "(all)"], of_line, strict=True)
    )
    return ["transform", "class", *columns], table


def _of(
    rows: Sequence[Mapping[str, Any]], classes: Sequence[str]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The classes of which enough boxes were followed."""
    pairs = zip(classes, rows, strict=False)  # the last row is that of all classes
    return ((name, row) for name, row in pairs if row["boxes"] >= _ENOUGH)


def _named(shares: Mapping[str, float]) -> str:
    worst = sorted(shares.items(), key=lambda item: -item[1])
    words = ", ".join(f"{name} ({share:.0%})" for name, share in worst[:_MOST])
    more = len(worst) - _MOST
    return f"{words} and {more} more" if more > 0 else words
