"""The part of a picture that a finding is of, as a small JPEG."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from pipeline.check.findings import Finding
from pipeline.dataset import Dataset, Floats
from pipeline.errors import DataError
from pipeline.images import decode_reduced, load
from pipeline.inference import ahead
from pipeline.progress import Track, silent

_MARGIN = 0.4  # of the boxes' longer side, to see what they stand in
_LEAST = 72.0  # pixels of a crop's side: a speck alone tells nothing
_QUALITY = 65

Region = tuple[float, float, float, float]


class Crop(NamedTuple):
    """What is shown of one finding.

    Attributes:
        region: x, y, width and height of the crop in pixels of the picture as shown.
        jpeg: The crop; b"" where the picture cannot be decoded.
    """

    region: Region
    jpeg: bytes


class _Job(NamedTuple):
    """All findings of one picture.

    Attributes:
        path: The picture's file.
        size: (2,) its width and height as shown.
        rows: Of the findings.
        regions: (K, 4) xyxy to cut out.
        side: Longer side of a crop in pixels, at most.
    """

    path: str
    size: Floats
    rows: list[int]
    regions: Floats
    side: int


def cut(
    findings: Sequence[Finding],
    image: Sequence[int],
    dataset: Dataset,
    side: int,
    track: Track = silent,
) -> list[Crop | None]:
    """A crop for each finding; None for one of the whole set. Each picture is decoded once.

    Args:
        findings: What was found.
        image: Row of each finding's picture in the data set; -1 for none.
        dataset: The pictures.
        side: Longer side of a crop in pixels, at most.
        track: Shows progress.
    """
    of_picture: defaultdict[int, list[int]] = defaultdict(list)
    for row, picture in enumerate(image):
        if picture >= 0:
            of_picture[picture].append(row)
    images = dataset.images
    jobs = (
        _job(images.path[at], images.size[at].astype(np.float64), rows, findings, side)
        for at, rows in of_picture.items()
    )
    crops: list[Crop | None] = [None] * len(findings)
    done = ahead.each(_cut, jobs)
    for rows, made in track(done, "cutting out", len(of_picture)):
        for row, crop in zip(rows, made, strict=True):
            crops[row] = crop
    return crops


def _job(path: str, size: Floats, rows: list[int], findings: Sequence[Finding], side: int) -> _Job:
    regions = np.array([region(findings[row], size) for row in rows])
    return _Job(path, size, rows, regions, side)


def region(found: Finding, size: Floats) -> Floats:
    """(4,) xyxy of what to show of a finding: its boxes with a margin; else the whole picture.

    Args:
        found: The finding.
        size: (2,) width and height of its picture as shown.
    """
    boxes = [box for box in (found.xyxy, found.fix and found.fix.xyxy) if box]
    limit = np.concatenate([size, size])
    inside = [np.clip(box, 0, limit) for box in boxes]
    seen = np.array([box for box in inside if (box[2:] >= box[:2]).all() and _touches(box, limit)])
    if not len(seen):
        return np.concatenate([np.zeros(2), size])
    low, high = seen[:, :2].min(axis=0), seen[:, 2:].max(axis=0)
    pad = max(_MARGIN * (high - low).max(), (_LEAST - (high - low).max()) / 2)
    around: Floats = np.clip(np.concatenate([low - pad, high + pad]), 0, limit)
    return around


def _touches(inside: Floats, limit: Floats) -> bool:
    """Whether a clipped box is more than a line on the picture's border."""
    on_border = (inside[:2] >= limit[:2]) | (inside[2:] <= 0)
    return not bool(on_border.any())


def _cut(job: _Job) -> tuple[list[int], list[Crop]]:
    return job.rows, list(_crops(job))


def _crops(job: _Job) -> Iterator[Crop]:
    import cv2

    longer = job.size.max()
    sides = (job.regions[:, 2:] - job.regions[:, :2]).max(axis=1)
    least = min(longer, np.ceil((longer * job.side / sides).max()))
    data = load(job.path)
    picture = (
        data
        if isinstance(data, DataError)
        else decode_reduced(job.path, data, (int(longer), int(least)))
    )
    for box in job.regions:
        if isinstance(picture, DataError):
            yield Crop(_region(box), b"")
            continue
        scale = np.tile([picture.shape[1], picture.shape[0]] / job.size, 2)
        x1, y1 = np.floor((box * scale)[:2]).astype(int)
        x2, y2 = np.ceil((box * scale)[2:]).astype(int)
        part = picture[y1:y2, x1:x2]
        shrink = job.side / max(part.shape[:2])
        if shrink < 1:
            width, height = (max(1, round(n * shrink)) for n in part.shape[1::-1])
            part = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
        jpeg = cv2.imencode(".jpg", part, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
        yield Crop(_region(np.array([x1, y1, x2, y2]) / scale), jpeg)


def _region(xyxy: Floats) -> Region:
    x1, y1, x2, y2 = (round(float(value), 2) for value in xyxy)
    return x1, y1, round(x2 - x1, 2), round(y2 - y1, 2)
