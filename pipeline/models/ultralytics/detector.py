"""A trained ultralytics model that looks at pictures.

Pictures are prepared as ultralytics' validator prepares them (long side to `imgsz`, then grey to
the next multiple of the stride and half a stride more), so that metrics on what is found here
agree with what it reports.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.dataset import Boxes, Floats
from pipeline.errors import BoxwrightError
from pipeline.models.details import Details
from pipeline.models.ultralytics import heads, weights
from pipeline.models.ultralytics.devices import pick

Picture = NDArray[np.uint8]
Found = tuple[Floats, Floats, NDArray[np.int64]]  # xyxy (K, 4), score (K,), label (K,)

_GREY = 114
_BATCH = 32  # pictures that go through the model at once, where a caller gives more


class _How(NamedTuple):
    """Which boxes to keep, see `pipeline.models.Detector.detect`."""

    conf: float
    iou: float
    max_det: int
    for_metrics: bool


class _Seen(NamedTuple):
    """What was found in a picture.

    Attributes:
        row: Of the picture.
        boxes: (K, 6) x1, y1, x2, y2 as prepared, score, label; best first.
        given: What the model gave for the picture's batch.
        place: Of the picture in its batch.
        rows: (K,) tensor: rows of the boxes in what was given.
    """

    row: int
    boxes: Floats
    given: Any
    place: int
    rows: Any


class UltralyticsDetector:
    """See `pipeline.models.Detector`.

    Attributes:
        classes: Class names; labels are indices here.
        imgsz: The longer side of what the model is shown, in pixels.
    """

    def __init__(self, file: Path, *, imgsz: int | None, device: str) -> None:
        model = weights.read(file)
        from ultralytics.nn.autobackend import AutoBackend

        self._transformer = type(model).__name__ == "RTDETRDetectionModel"
        self._strides = model.stride.tolist()
        trained_at = int(getattr(model, "args", {}).get("imgsz") or 640)
        self._model: Any = AutoBackend(model, pick(device), end2end=False, verbose=False).eval()
        self._stride = int(self._model.stride)
        self.classes = tuple(str(self._model.names[i]) for i in range(len(self._model.names)))
        self.imgsz = math.ceil((imgsz or trained_at) / self._stride) * self._stride

    def detect(
        self,
        pictures: Sequence[Picture],
        *,
        conf: float = 0.25,
        iou: float = 0.7,
        max_det: int = 300,
        for_metrics: bool = False,
    ) -> Boxes:
        """See `pipeline.models.Detector.detect`.

        Raises:
            BoxwrightError: The GPU's memory is too small.
        """
        found: dict[int, Found] = {}
        for seen in self._look(pictures, _How(conf, iou, max_det, for_metrics)):
            found[seen.row] = self._placed(seen, pictures[seen.row], cut=not for_metrics)
        return _gathered([found[row] for row in range(len(pictures))])

    def detect_fully(
        self,
        pictures: Sequence[Picture],
        *,
        conf: float = 0.01,
        iou: float = 0.7,
        max_det: int = 100,
    ) -> tuple[Boxes, Details]:
        """What `detect` finds, and what the model says of each box besides: a row a box.

        Raises:
            BoxwrightError: The GPU's memory is too small.
        """
        found: dict[int, Found] = {}
        told: dict[int, Details] = {}
        for seen in self._look(pictures, _How(conf, iou, max_det, for_metrics=False)):
            found[seen.row] = self._placed(seen, pictures[seen.row], cut=True)
            told[seen.row] = self._details(seen, pictures[seen.row])
        everywhere = range(len(pictures))
        details = Details.joined([told[row] for row in everywhere], len(self.classes))
        return _gathered([found[row] for row in everywhere]), details

    def _look(self, pictures: Sequence[Picture], how: _How) -> Iterator[_Seen]:
        """What is found in each picture, in the order that they go through the model."""
        for batch in self._batches(pictures):
            given = self._forward([self._prepare(pictures[row]) for row in batch])
            kept = self._select(given, how)
            for place, (row, (boxes, rows)) in enumerate(zip(batch, kept, strict=True)):
                yield _Seen(row, boxes.cpu().numpy().astype(np.float64), given, place, rows)

    def _placed(self, seen: _Seen, picture: Picture, *, cut: bool) -> Found:
        """Boxes in pixels of the picture as shown, cut at its borders where `cut`."""
        height, width = picture.shape[:2]
        xyxy = self._in_pixels(seen.boxes[:, :4], height, width)
        if cut:
            xyxy = np.clip(xyxy, 0, [width, height, width, height])
        return xyxy, seen.boxes[:, 4], seen.boxes[:, 5].astype(np.int64)

    def _details(self, seen: _Seen, picture: Picture) -> Details:
        """Probabilities, and spreads in pixels of the picture as shown."""
        if self._transformer or not heads.tells(seen.given, len(self.classes)):
            label = seen.boxes[:, 5].astype(np.int64)
            return Details.of(seen.boxes[:, 4], label, len(self.classes))
        told = heads.details(seen.given, seen.place, seen.rows, self._strides)
        height, width = picture.shape[:2]
        tall, wide = self._scaled(height, width)
        shrunk = np.tile([wide / width, tall / height], 2)
        return Details(told.probability, told.spread / shrunk)

    def _batches(self, pictures: Sequence[Picture]) -> Iterable[list[int]]:
        """Rows of pictures that have one shape when prepared."""
        by_shape: dict[tuple[int, int], list[int]] = {}
        for row, picture in enumerate(pictures):
            by_shape.setdefault(self._shape(picture), []).append(row)
        for rows in by_shape.values():
            yield from (rows[at : at + _BATCH] for at in range(0, len(rows), _BATCH))

    def _shape(self, picture: Picture) -> tuple[int, int]:
        """Height and width that a picture has when prepared."""
        if self._transformer:
            return self.imgsz, self.imgsz
        longer = max(picture.shape[:2])
        height, width = (
            math.ceil(side / longer * self.imgsz / self._stride + 0.5) * self._stride
            for side in picture.shape[:2]
        )
        return height, width

    def _prepare(self, picture: Picture) -> Picture:
        if self._transformer:
            return np.asarray(cv2.resize(picture, (self.imgsz, self.imgsz)), dtype=np.uint8)
        height, width = self._shape(picture)
        tall, wide = self._scaled(*picture.shape[:2])
        small = picture if picture.shape[:2] == (tall, wide) else cv2.resize(picture, (wide, tall))
        shown = np.full((height, width, 3), _GREY, dtype=np.uint8)
        top, left = _margin(height - tall), _margin(width - wide)
        shown[top : top + tall, left : left + wide] = small
        return shown

    def _scaled(self, height: int, width: int) -> tuple[int, int]:
        scale = self.imgsz / max(height, width)
        tall, wide = (min(math.ceil(side * scale), self.imgsz) for side in (height, width))
        return tall, wide

    def _forward(self, shown: Sequence[Picture]) -> Any:
        import torch

        batch = np.ascontiguousarray(np.stack(shown)[..., ::-1].transpose(0, 3, 1, 2))
        try:
            with torch.inference_mode():
                return self._model(torch.from_numpy(batch).to(self._model.device).float() / 255)
        except torch.cuda.OutOfMemoryError as error:
            raise BoxwrightError(
                f"the GPU's memory is too small for {len(shown)} pictures of {self.imgsz} pixels."
                "\n    -> a smaller --imgsz or --batch, or --device cpu."
            ) from error

    def _select(self, given: Any, how: _How) -> list[tuple[Any, Any]]:
        """For each picture (K, 6): x1, y1, x2, y2 as prepared, score, label; best first; rows."""
        if self._transformer:
            return _queries(given, how.conf, how.max_det, self.imgsz)
        from ultralytics.utils.nms import non_max_suppression

        if how.for_metrics:  # thousands of boxes: worth the import of a compiled suppression
            import torchvision  # noqa: F401 - used where it is imported

        kept, rows = non_max_suppression(
            given,
            how.conf,
            how.iou,
            multi_label=how.for_metrics,
            max_det=how.max_det,
            max_time_img=math.inf,  # it drops the rest of the batch when it is late
            return_idxs=True,
        )
        return list(zip(kept, [one.view(-1) for one in rows], strict=True))

    def _in_pixels(self, xyxy: Floats, height: int, width: int) -> Floats:
        """Boxes of the picture as prepared, in pixels of the picture as shown."""
        if self._transformer:
            stretched: Floats = xyxy / self.imgsz * np.tile([width, height], 2)
            return stretched
        shape = self._shape(np.empty((height, width, 0), dtype=np.uint8))
        tall, wide = self._scaled(height, width)
        left, top = _margin(shape[1] - wide), _margin(shape[0] - tall)
        shown: Floats = (xyxy - np.tile([left, top], 2)) / np.tile([wide / width, tall / height], 2)
        return shown


def _margin(room: int) -> int:
    """Where ultralytics begins the picture in a space that leaves it `room` pixels."""
    return round(room / 2 - 0.1)


def _queries(given: Any, conf: float, max_det: int, imgsz: int) -> list[tuple[Any, Any]]:
    """RT-DETR's own list of boxes, cut at `conf`, with their rows; it needs no suppression."""
    import torch
    from ultralytics.utils.ops import xywh2xyxy

    rows = given[0] if isinstance(given, list | tuple) else given
    boxes = torch.cat([xywh2xyxy(rows[..., :4]) * imgsz, rows[..., 4:]], dim=-1)
    kept = []
    for picture in boxes:
        order = picture[:, 4].argsort(descending=True)
        rows = order[picture[order, 4] > conf][:max_det]
        kept.append((picture[rows], rows))
    return kept


def _gathered(found: Sequence[Found]) -> Boxes:
    if not found:
        return Boxes.of([], [], [], score=[])
    xyxy, score, label = (np.concatenate(column) for column in zip(*found, strict=True))
    counts = [len(boxes) for boxes, _, _ in found]
    return Boxes.of(np.repeat(np.arange(len(found)), counts), label, xyxy, score=score)
