"""When and by which camera a picture was taken, from its header alone.

Tags of Exif 2.32 (CIPA DC-008). This module stays free of NumPy: it runs in workers.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from pipeline.errors import DataError
from pipeline.images import read_exif, tiff_tags

_MAKE, _MODEL, _EXIF = 0x010F, 0x0110, 0x8769
_TAKEN, _OFFSET, _SUBSEC, _SERIAL = 0x9003, 0x9011, 0x9291, 0xA431
_ANY_OFFSET, _ANY_SUBSEC = 0x9010, 0x9290  # of the file's last change; written for lack of others
_ASCII = 2
_TIME = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_ZONE = re.compile(r"([+-])(\d\d):(\d\d)")


def read_shots(paths: Sequence[str]) -> list[tuple[str, float]]:
    """Camera and time of many pictures; see `pipeline.grouping.exif.Shots`."""
    return [_shot(path) for path in paths]


def _shot(path: str) -> tuple[str, float]:
    try:
        tiff = read_exif(path)
    except DataError:  # whoever reads the picture itself says so
        return "", math.nan
    first = _texts(tiff, (_MAKE, _MODEL))
    pointer = tiff_tags(tiff).get(_EXIF)
    if pointer is None:
        return _camera(first), math.nan
    order, _, _, place = pointer
    at = struct.unpack_from(order + "I", tiff, place)[0]
    wanted = (_TAKEN, _OFFSET, _SUBSEC, _SERIAL, _ANY_OFFSET, _ANY_SUBSEC)
    texts = first | _texts(tiff, wanted, at)
    return _camera(texts), _time(texts)


def _texts(tiff: bytes, wanted: Sequence[int], at: int | None = None) -> dict[int, str]:
    """The texts of some tags of a directory; those that are there."""
    tags = tiff_tags(tiff, at)
    found = {}
    for tag in wanted:
        order, kind, length, place = tags.get(tag, ("", 0, 0, 0))
        if kind == _ASCII:
            start = place if length <= 4 else struct.unpack_from(order + "I", tiff, place)[0]
            raw = tiff[start : start + length].split(b"\0")[0]
            found[tag] = " ".join(raw.decode("utf-8", errors="replace").split())
    return found


def _camera(texts: dict[int, str]) -> str:
    """Make (unless the model begins with it), model and serial number: "Canon EOS 5D 0123"."""
    make, model = texts.get(_MAKE, ""), texts.get(_MODEL, "")
    named = model if model.lower().startswith(make.lower()) else f"{make} {model}"
    return f"{named} {texts.get(_SERIAL, '')}".strip()


def _time(texts: dict[int, str]) -> float:
    """Seconds since the epoch; NaN where the text is no time ("0000:00:00 00:00:00", blanks)."""
    taken = _TIME.match(texts.get(_TAKEN, ""))
    if taken is None:
        return math.nan
    zone = _ZONE.match(texts.get(_OFFSET) or texts.get(_ANY_OFFSET, ""))
    ahead = timedelta(0)
    if zone:
        ahead = timedelta(hours=int(zone[2]), minutes=int(zone[3])) * (-1 if zone[1] == "-" else 1)
    try:
        year, month, day, hour, minute, second = map(int, taken.groups())
        when = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc) - ahead
    except (ValueError, OverflowError):
        return math.nan
    subsec = texts.get(_SUBSEC) or texts.get(_ANY_SUBSEC, "")
    return when.timestamp() + (float(f"0.{subsec}") if subsec.isascii() and subsec.isdigit() else 0)
