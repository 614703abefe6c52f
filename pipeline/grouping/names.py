"""Groups by the pictures' names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from pipeline.dataset import Images
from pipeline.errors import BoxwrightError

FOLDER = "folder"
SHOT = r"^(.*?)[ _.-]?\(?\d+\)?$"  # "50000_F_HAND_0" of 50000_F_HAND_0_40, "note" of note (2)
_SHARE = 0.5  # of the pictures, for names to look like shots of the same things


def parts(names: Sequence[str], pattern: str, what: str) -> list[str]:
    """The part of each picture's name that a pattern takes.

    Args:
        names: Names of pictures below the source, "/" between folders.
        pattern: "folder", or a regular expression searched in the name without its ending
            ("50000/50000_F_1"); the part is what its groups hold, joined by "/", or the whole
            match.
        what: The option that holds the pattern, for messages.

    Returns:
        One a name; "" where the pattern does not match.

    Raises:
        BoxwrightError: No regular expression.
    """
    if pattern == FOLDER:
        return [name.rpartition("/")[0] for name in names]
    try:
        search = re.compile(pattern).search
    except re.error as error:
        raise BoxwrightError(f"{what}: {pattern!r} is no regular expression: {error}.") from error
    return [_part(search(stem(name))) for name in names]


def _part(match: re.Match[str] | None) -> str:
    if match is None:
        return ""
    return "/".join(group or "" for group in match.groups()) if match.re.groups else match.group()


def shots(names: Sequence[str]) -> list[str]:
    """The part of each name before its last number, where that tells things from their shots.

    Returns:
        One a name; none at all where it does not: where fewer than half of the names come in such
        groups, or one number counts all the pictures of a folder.
    """
    things = parts(names, SHOT, "group")
    counts = Counter(thing for thing in things if thing)
    shared = [count for count in counts.values() if count > 1]
    folders = {name.rpartition("/")[0] for name in names}
    if len(shared) <= 2 * len(folders) or sum(shared) < _SHARE * len(names):
        return []
    return things


def stem(name: str) -> str:
    """A picture's name without its ending; its folders stay."""
    at = name.rfind(".")
    return name[:at] if at > name.rfind("/") else name


def unique(images: Images) -> list[str]:
    """A name for each picture that no other has: with its split, where two splits share names.

    The names of a source are unique; those of a YOLO tree are so in each split alone.
    """
    names: list[str] = images.name.tolist()
    most = Counter(names).most_common(1)
    if not most or most[0][1] == 1:
        return names
    return [f"{split}/{name}" for split, name in zip(images.split, names, strict=True)]
