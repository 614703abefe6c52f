"""Model families: one file or package each, found by name.

Only these import a deep-learning library.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline import images
from pipeline.dataset import Boxes, Dataset, Ints
from pipeline.models.details import Details
from pipeline.progress import Track, silent


class Detector(Protocol):
    """A trained model, ready to look at pictures."""

    classes: tuple[str, ...]

    def detect(
        self,
        pictures: Sequence[NDArray[np.uint8]],
        *,
        conf: float = 0.25,
        iou: float = 0.7,
        max_det: int = 300,
        for_metrics: bool = False,
    ) -> Boxes:
        """Find objects in BGR pictures (H, W, 3) as shown.

        Args:
            pictures: Of any sizes.
            conf: The lowest score to give.
            iou: Of two boxes of one class that overlap more than this, the better one is kept.
            max_det: At most this many boxes a picture.
            for_metrics: As metrics over all thresholds want them: a box once for each class that
                reaches `conf`, not for its best class only, and as the model gives it, not cut at
                the border of the picture.

        Returns:
            Boxes whose `image` is the index in `pictures`, in pixels of each picture, best score
            first within a picture.
        """

    def detect_fully(
        self,
        pictures: Sequence[NDArray[np.uint8]],
        *,
        conf: float = 0.01,
        iou: float = 0.7,
        max_det: int = 100,
    ) -> tuple[Boxes, Details]:
        """As `detect`, a box once, with what else the model says of each box."""


@dataclass(frozen=True)
class Epoch:
    """How a training stands after an epoch.

    Attributes:
        number: From 1.
        of: How many there will be at most.
        losses: By name, means over the epoch's batches.
        metrics: precision, recall, mAP50 and mAP50-95 on the split val.
        best: Whether it is the best so far.
    """

    number: int
    of: int
    losses: dict[str, float]
    metrics: dict[str, float]
    best: bool


class Watch(Protocol):
    """Is told how a training goes."""

    @property
    def track(self) -> Track:
        """Shows the progress of what comes before the first batch."""

    def batch(self, epoch: int, epochs: int, done: int, batches: int) -> None:
        """A batch is done."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is done and its checkpoint is written."""

    def sample(
        self, number: int, names: Sequence[str], pictures: Sequence[NDArray[np.uint8]], boxes: Boxes
    ) -> None:
        """Names, pictures (BGR) and boxes of the batch `number`, as the model is shown them."""


def load(weights: Path, *, imgsz: int | None = None, device: str = "auto") -> Detector:
    """Open a weights file.

    Args:
        weights: A file that `boxwright train` wrote, or one of the family's own.
        imgsz: The side in pixels that pictures are resized to; None: what it was trained at.
        device: "auto", "cpu", "0", "mps".

    Raises:
        BoxwrightError: The file is missing or no weights file, or there is no such device.
    """
    from pipeline.models import ultralytics

    detector: Detector = ultralytics.load(weights, imgsz=imgsz, device=device)
    return detector


def predict(  # noqa: PLR0913 - the options of a detector, and what it looks at
    detector: Detector,
    dataset: Dataset,
    *,
    conf: float = 0.001,
    iou: float = 0.7,
    max_det: int = 300,
    batch: int = 16,
    track: Track = silent,
) -> Dataset:
    """Look at every picture of a data set, as metrics over all thresholds want it.

    Args:
        detector: From `load`.
        dataset: Its boxes are not looked at.
        conf: The lowest score to give.
        iou: Of two boxes of one class that overlap more than this, the better one is kept.
        max_det: At most this many boxes a picture.
        batch: Pictures that are decoded and looked at together.
        track: Shows progress.

    Returns:
        The same pictures with what was found: scores, and the detector's classes.

    Raises:
        DataError: A picture that cannot be read.
    """
    parts: list[Boxes] = []
    for rows, pictures in _pictures(dataset, batch, track):
        found = detector.detect(pictures, conf=conf, iou=iou, max_det=max_det, for_metrics=True)
        parts.append(replace(found, image=rows[found.image]))
    boxes, _ = _in_order(parts)
    return replace(dataset, classes=detector.classes, boxes=boxes)


def predict_fully(  # noqa: PLR0913 - the options of a detector, and what it looks at
    detector: Detector,
    dataset: Dataset,
    *,
    conf: float = 0.01,
    iou: float = 0.7,
    max_det: int = 100,
    batch: int = 16,
    track: Track = silent,
) -> tuple[Dataset, Details]:
    """Look at every picture of a data set, and tell all that the model says of what it finds.

    Args:
        detector: From `load`.
        dataset: Its boxes are not looked at.
        conf: The lowest score to give.
        iou: Of two boxes of one class that overlap more than this, the better one is kept.
        max_det: At most this many boxes a picture.
        batch: Pictures that are decoded and looked at together.
        track: Shows progress.

    Returns:
        The same pictures with what was found: a box once, of its best class, cut at the borders of
        its picture; the classes are the detector's. And a row of details for each box.

    Raises:
        DataError: A picture that cannot be read.
    """
    parts: list[Boxes] = []
    told: list[Details] = []
    for rows, pictures in _pictures(dataset, batch, track):
        found, details = detector.detect_fully(pictures, conf=conf, iou=iou, max_det=max_det)
        parts.append(replace(found, image=rows[found.image]))
        told.append(details)
    boxes, order = _in_order(parts)
    details = Details.joined(told, len(detector.classes)).take(order)
    return replace(dataset, classes=detector.classes, boxes=boxes), details


def _pictures(
    dataset: Dataset, batch: int, track: Track
) -> Iterator[tuple[Ints, list[NDArray[np.uint8]]]]:
    """Rows and pixels of all pictures, batch by batch."""
    # Pictures of like shape together: they go through the model in one piece.
    order = np.lexsort(dataset.images.size.T)
    starts = range(0, len(order), batch)
    with ThreadPoolExecutor(max_workers=4) as pool:
        for at in track(starts, "looking", len(starts)):
            rows = order[at : at + batch]
            yield rows, list(pool.map(images.decode, dataset.images.path[rows]))


def _in_order(parts: Sequence[Boxes]) -> tuple[Boxes, Ints]:
    """Boxes of several batches as one table, in the order of the pictures; where each one was."""
    if not parts:
        return Boxes.of([], [], [], score=[]), np.zeros(0, dtype=np.int64)
    image = np.concatenate([part.image for part in parts])
    order = np.argsort(image, kind="stable")
    label, xyxy, score = (
        np.concatenate([getattr(part, name) for part in parts])[order]
        for name in ("label", "xyxy", "score")
    )
    return Boxes.of(image[order], label, xyxy, score=score), order
