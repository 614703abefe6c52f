"""Cameras and bursts: what the pictures' EXIF tells of who belongs together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np

from pipeline.dataset import Floats, Strings, strings
from pipeline.engine import Map
from pipeline.grouping.exif_header import read_shots

BURST = 2.0  # seconds; cameras write whole seconds, so that two shots a second apart may tell 2


class Shots(NamedTuple):
    """Who took each picture, and when.

    Attributes:
        camera: (N,) make, model and the body's serial number; "" where unknown.
        time: (N,) when it was taken, in seconds since the epoch; local time is taken for UTC
            where no offset is told; NaN where unknown.
    """

    camera: Strings
    time: Floats


def read(paths: Sequence[str], mapped: Map) -> Shots:
    """Read when and by what each picture was taken, from the files' headers.

    Only DateTimeOriginal counts: DateTime is when the file was last changed, and an export from an
    editor gives a thousand pictures the same second.

    Args:
        paths: Picture files; one that cannot be read has neither camera nor time.
        mapped: Maps over files (`engine.shards`).
    """
    parts = mapped(read_shots, list(paths), "reading EXIF")
    found = [shot for part in parts for shot in part]
    return Shots(
        strings(camera for camera, _ in found),
        np.array([time for _, time in found], dtype=np.float64),
    )


def bursts(shots: Shots, gap: float = BURST) -> list[str]:
    """Shots of one camera in quick succession, by the name of their burst.

    Pictures without a camera's name count as one camera's: a time alone is told as well.

    Args:
        shots: Who took each picture, and when.
        gap: A shot belongs to the burst of the one before it where it comes at most this many
            seconds later.

    Returns:
        For each picture the burst's camera and the time of its first shot; "" for a picture alone
        or without a time.
    """
    known = np.flatnonzero(~np.isnan(shots.time))
    camera = np.unique(shots.camera[known].astype(str), return_inverse=True)[1].reshape(-1)
    order = np.lexsort((shots.time[known], camera))
    rows, camera = known[order], camera[order]
    time = shots.time[rows]
    joined = (camera[1:] == camera[:-1]) & (np.diff(time) <= gap + 1e-6)
    first = np.flatnonzero(np.concatenate([[True], ~joined])) if len(rows) else rows
    names = [""] * len(shots.time)
    for start, end in zip(first.tolist(), [*first[1:].tolist(), len(rows)], strict=True):
        if end - start > 1:
            name = _name(shots.camera[rows[start]], float(time[start]))
            for row in rows[start:end].tolist():
                names[row] = name
    return names


def _name(camera: str, time: float) -> str:
    when = datetime(1970, 1, 1) + timedelta(seconds=time)  # noqa: DTZ001 - the camera's own clock
    exact = "milliseconds" if when.microsecond else "seconds"
    return f"{camera} {when.isoformat(' ', exact)}".strip()
