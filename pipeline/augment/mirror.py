"""Classes that read differently in a mirror: text, numerals, left and right.

Judged by their names alone, in English and Korean: a hint of what to think about, no proof.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_SIDES = {"left", "right", "왼쪽", "오른쪽", "왼", "오른", "왼손", "오른손"}
_SIDES |= {"좌측", "우측", "좌회전", "우회전", "clockwise", "counterclockwise", "ccw", "cw"}
_LEVELS = {"up", "down", "upward", "downward", "top", "bottom", "위", "아래", "상", "하"}
_ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
_TENS = "fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty"
_LARGE = "ninety hundred thousand million billion"
_NUMBERS = {*f"{_ONES} {_TENS} {_LARGE}".split()}
_WRITING = {
    *"text word letter character digit number numeral sign signboard logo plate licence license".split(),
    *"banknote bill coin won dollar euro yen pound cent price clock watch dial calendar".split(),
    *"글자 문자 숫자 번호판 표지판 간판 지폐 동전 시계 로고".split(),
}
_ALIKE = {"left": set("AHIMOTUVWXYivwox08"), "up": set("BCDEHIKOXcox038")}  # in that mirror
_GENERIC = {
    *"class cls type kind grade level category cat label object obj species group model".split(),
    *"version v no stage state id part".split(),
}
_KOREAN_MONEY = re.compile(r"[일이삼사오육칠팔구십백천만억\d]\s*원")
_TOKEN = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")
_MOST = 8  # classes named in a sentence


def reads(name: str) -> str:
    """Why a class may read differently in a mirror: "left or right", "numerals", "text"; or ""."""
    tokens = _TOKEN.findall(name)
    words = [token.lower() for token in tokens]
    if len(tokens) == 1 and len(tokens[0]) == 1 and tokens[0].isascii():
        return "" if tokens[0] in _ALIKE["left"] else "numerals" if tokens[0].isdigit() else "text"
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
    return [
        f"{values}: training shows mirror images, and some classes may read differently in a "
        f"mirror: {_listed(found)}.\n    -> set {' and '.join(mirrors)} to 0 (the preset `rotated` "
        "mirrors nothing), unless these objects look the same in a mirror."
    ]


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
