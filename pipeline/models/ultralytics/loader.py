"""Ultralytics' data set on our labels: pictures and boxes as the training loop loads them.

No second scan of the files, no cache files beside them, no picture "restored" in place. Import this
file only after `library.load()`, which it does itself.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np

from pipeline import boxes as geometry
from pipeline.dataset import Dataset
from pipeline.models.ultralytics import albumented, library, outlines
from pipeline.models.ultralytics.caching import Cached

library.load()

from ultralytics.data import YOLODataset  # noqa: E402
from ultralytics.data.augment import BaseMixTransform, Compose, RandomPerspective  # noqa: E402
from ultralytics.models.rtdetr.val import RTDETRDataset  # noqa: E402
from ultralytics.utils.instance import Instances  # noqa: E402

KEY = "boxwright"  # of our data set in ultralytics' data dictionary


class _Labels(Cached):
    """A data set of ultralytics that takes pictures and labels from ours; `img_path` is a split."""

    data: dict[str, Any]
    img_path: str
    augment: bool

    def get_img_files(self, img_path: str) -> list[str]:
        return list(self._split(img_path).images.path)

    def get_labels(self) -> list[dict[str, Any]]:
        split = self._split(self.img_path)
        shapes = outlines.few(split.boxes) if self.augment else None
        return [_label(split, row, rows, shapes) for row, rows in enumerate(split.per_image())]

    def get_image_and_label(self, index: int) -> dict[str, Any]:
        label: dict[str, Any] = super().get_image_and_label(index)  # type: ignore[misc]
        turns = self.data["quarter_turns"] if self.augment else 0
        if turns and random.random() < turns:  # noqa: S311
            self.turn(label, random.randint(1, 3))  # noqa: S311
        return label

    def turn(self, label: dict[str, Any], quarters: int) -> None:
        """Turn a picture and its labels counter-clockwise, in place; boxes stay as tight."""
        label["img"] = np.ascontiguousarray(np.rot90(label["img"], quarters))
        label["resized_shape"] = label["img"].shape[:2]
        if quarters % 2:
            label["ori_shape"] = label["ori_shape"][::-1]
        boxes, shapes = label["instances"].bboxes, label["instances"].segments
        for _ in range(quarters):  # x, y in the old picture are y, 1 - x in the new one
            boxes[:] = np.column_stack([boxes[:, 1], 1 - boxes[:, 0], boxes[:, 3], boxes[:, 2]])
            shapes[:] = np.stack([shapes[..., 1], 1 - shapes[..., 0]], axis=-1)

    def update_labels_info(self, label: dict[str, Any]) -> dict[str, Any]:
        """Labels as the transforms take them; the outlines keep the few points that they have."""
        label["instances"] = Instances(
            label.pop("bboxes"),
            label.pop("segments"),
            label.pop("keypoints"),
            bbox_format=label.pop("bbox_format"),
            normalized=label.pop("normalized"),
        )
        return label

    def build_transforms(self, hyp: Any) -> Any:
        with albumented.instead(self.data.get("transforms", ())):
            transforms = super().build_transforms(hyp)  # type: ignore[misc]
        for each in _perspectives(transforms):
            each.apply_segments = outlines.turned  # what its own gives, of all boxes at once
        return transforms

    def _split(self, name: str) -> Dataset:
        split: Dataset = self.data[KEY][name]
        return split


class YoloPictures(_Labels, YOLODataset):  # type: ignore[misc]
    """What a YOLO is trained on."""


class RtdetrPictures(_Labels, RTDETRDataset):  # type: ignore[misc]
    """What an RT-DETR is trained on."""

    stretched = True


def _perspectives(transform: Any) -> Iterator[Any]:
    """Every `RandomPerspective` of a chain of transforms."""
    if isinstance(transform, Compose):
        for part in transform.transforms:
            yield from _perspectives(part)
    elif isinstance(transform, BaseMixTransform):
        yield from _perspectives(transform.pre_transform)
    elif isinstance(transform, RandomPerspective):
        yield transform


def _label(split: Dataset, row: int, rows: slice, shapes: np.ndarray | None) -> dict[str, Any]:
    """One picture's labels as ultralytics keeps them; the same box twice is one box."""
    width, height = split.images.size[row].tolist()
    size = np.array([width, height])
    xywhn = geometry.xyxy_to_xywhn(split.boxes.xyxy[rows], size)
    table = np.column_stack([split.boxes.label[rows], xywhn]).astype(np.float32)
    keep = np.sort(np.unique(table, axis=0, return_index=True)[1])
    none = np.zeros((0, 0, 2), dtype=np.float32)
    return {
        "im_file": str(split.images.path[row]),
        "shape": (height, width),
        "cls": table[keep, :1],
        "bboxes": table[keep, 1:],
        "segments": none if shapes is None else shapes[rows][keep] / size.astype(np.float32),
        "keypoints": None,
        "normalized": True,
        "bbox_format": "xywh",
    }
