"""Classes that read differently in a mirror: text, numerals, left and right.

Judged by their names alone, in English and Korean: a hint of what to think about, no proof.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_SIDES = _set(
    "left right clockwise counterclockwise cw ccw "
    "왼 왼쪽 왼손 왼발 오른 오른쪽 오른손 오른발 좌 우 좌측 우측 좌회전 우회전"
)
_LEVELS = _set("up down upward downward upwards downwards top bottom 위 아래 상 하")
_NUMBERS = _set(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety "
    "hundred thousand million billion"
)
_WRITING = _set(
    "text word letter character digit number numeral sign signboard logo license licence banknote "
    "coin won dollar euro yen clock watch dial calendar "
    "글자 문자 숫자 번호판 표지판 간판 지폐 동전 시계 로고"
)
_ALIKE = frozenset("AHIMOTUVWXYivwox08")  # letters and digits that a mirror leaves as they are
_GENERIC = _set(  # before a number that is a class's own, and not to be seen on the object
    "class cls type kind grade level category cat label object obj species group model version v "
    "no stage state id part"
)
_KOREAN_MONEY = re.compile(r"[일이삼사오육칠팔구십백천만억\d]\s*원")
_TOKEN = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")
_MOST = 8  # classes named in a sentence


def reads(name: str) -> str:
    """Why a class may read differently in a mirror: "left or right", "numerals", "text"; or ""."""
    tokens = _TOKEN.findall(name)
    words = [token.lower() for token in tokens]
    if len(tokens) == 1 and len(tokens[0]) == 1 and tokens[0].isascii():
        kind = "numerals" if tokens[0].isdigit() else "text"
        return "" if tokens[0] in _ALIKE else kind
    if _SIDES & set(words):
        return "left or right"
    if _NUMBERS & set(words) or _KOREAN_MONEY.search(name) or _counts(words):
        return "numerals"
    return "text" if _WRITING & set(words) else ""


def warnings(classes: Sequence[str], hyp: Mapping[str, Any]) -> list[str]:
    """What to tell of a preset that mirrors pictures, for these classes.

    Args:
        classes: Their names.
        hyp: The values of a preset.
    """
    mirrors = [key for key in ("fliplr", "flipud") if hyp.get(key)]
    if hyp.get("copy_paste") and hyp.get("copy_paste_mode", "flip") == "flip":
        mirrors.append("copy_paste")
    if not mirrors:
        return []
    found = {name: why for name in classes if (why := reads(name))}
    if hyp.get("flipud"):
        found |= {name: "up or down" for name in classes if _LEVELS & _words(name)}
    if not found:
        return []
    values = ", ".join(f"{key} {hyp[key]:g}" for key in mirrors)
    sentence = (
        f"{values}: training shows mirror images, and some classes may read differently in a "
        f"mirror: {_listed(found)}.\n    -> set {' and '.join(mirrors)} to 0 (the preset `rotated` "
        "mirrors nothing), unless these objects look the same in a mirror."
    )
    return [sentence]


def _words(name: str) -> set[str]:
    return {token.lower() for token in _TOKEN.findall(name)}


def _counts(words: Sequence[str]) -> bool:
    """Whether there is a number that is no mere number of a class, as in "class 2"."""
    before = ["", *words]
    return any(
        word.isdigit() and earlier not in _GENERIC
        for earlier, word in zip(before, words, strict=False)
    )


def _listed(found: Mapping[str, str]) -> str:
    kinds: Iterable[str] = dict.fromkeys(found.values())
    parts = []
    for kind in kinds:
        names = [name for name, why in found.items() if why == kind]
        more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
        parts.append(f"{', '.join(names[:_MOST])}{more} ({kind})")
    return "; ".join(parts)
