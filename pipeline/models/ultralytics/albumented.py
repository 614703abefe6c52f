"""Albumentations' transforms in training, in the place where ultralytics has its own of them.

Ultralytics puts blur, grey and contrast of its own into every training as soon as albumentations is
installed, so that the same options train another model; and what it hands the transforms is told a
pixel off. Here pictures are changed by the transforms that the config names, by none where it names
none, and the library is not imported then.

Import this file only after `library.load()`, which it does itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from pipeline import polygons
from pipeline.augment import moving, transforms
from pipeline.errors import BoxwrightError
from pipeline.models.ultralytics import library

library.load()

import torch  # noqa: E402
from ultralytics.data import augment  # noqa: E402
from ultralytics.utils.instance import Instances  # noqa: E402


class Albumented(augment.BaseTransform):  # type: ignore[misc]
    """Changes pictures and labels by the transforms of a list; not at all where it is empty."""

    def __init__(self, entries: Sequence[transforms.Entry]) -> None:
        """`entries` are what `transforms.load` gives."""
        super().__init__()
        self._entries = list(entries)
        self._pipeline: moving.Pipeline | None = None
        self._seed: int | None = None

    def __reduce__(self) -> tuple[type, tuple[Any]]:
        return type(self), (self._entries,)

    def __call__(self, labels: dict[str, Any]) -> dict[str, Any]:
        """Change a training picture (`img`, BGR) with its `instances` and `cls`, in place.

        Raises:
            BoxwrightError: The transforms fail, or change the size of the picture.
        """
        if not self._entries:
            return labels
        picture, instances = labels["img"], labels["instances"]
        instances.convert_bbox("xyxy")
        instances.denormalize(*picture.shape[1::-1])
        outlined = bool(instances.segments.size)
        shapes = instances.segments if outlined else polygons.corners(instances.bboxes)
        changed = self._changed(picture, list(shapes.astype(np.float64)))
        labels["img"] = changed.picture
        if self._ready().moves:
            xyxy, seen, _ = moving.visible(changed)
            labels["cls"] = labels["cls"][seen]
            labels["instances"] = _instances(xyxy, changed.outlines, seen, outlined=outlined)
        return labels

    def _changed(self, picture: Any, shapes: list[Any]) -> moving.Changed:
        try:
            changed = self._ready()(picture, shapes)
        except Exception as error:  # a library's own, of any kind: it ends the training, in words
            told = " ".join(str(error).split())[:300]
            raise BoxwrightError(f"transforms: one fails on a training picture: {told}") from error
        if changed.picture.shape != picture.shape:
            now, before = ("x".join(map(str, p.shape)) for p in (changed.picture, picture))
            raise BoxwrightError(f"transforms: made a picture of {now} out of {before}.")
        return changed

    def _ready(self) -> moving.Pipeline:
        """The transforms of this process, whose chances are those of its data loader."""
        if self._pipeline is None:
            self._pipeline = transforms.build(self._entries)
        if self._seed != torch.initial_seed():
            self._seed = torch.initial_seed()
            self._pipeline.seed(self._seed)
        return self._pipeline


def _instances(xyxy: Any, shapes: Sequence[Any], seen: Any, *, outlined: bool) -> Instances:
    """The labels that are left; outlines are held within their boxes, as ultralytics has it."""
    boxes = xyxy[seen].astype(np.float32)
    segments = np.zeros((len(boxes), 0, 2), dtype=np.float32)
    if outlined:
        points = np.array(shapes, dtype=np.float32)[seen]
        segments = np.clip(points, boxes[:, None, :2], boxes[:, None, 2:])
    return Instances(boxes, segments, bbox_format="xyxy", normalized=False)


@contextmanager
def instead(entries: Sequence[transforms.Entry]) -> Iterator[None]:
    """Have ultralytics put our transforms in the place of its own while it builds its chain."""
    theirs: Callable[..., Any] = augment.Albumentations
    augment.Albumentations = lambda *_args, **_options: Albumented(entries)
    try:
        yield
    finally:
        augment.Albumentations = theirs
