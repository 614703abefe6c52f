"""Splits that a source shows by the folders that its pictures are in."""

from __future__ import annotations

import re
from dataclasses import replace

from pipeline.dataset import strings
from pipeline.formats.reading import Reading

_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_NAMED = re.compile(
    r"(?<![a-z])(?:(?P<train_dev>train_?dev)|(?P<train>train(?:ing)?)"
    r"|(?P<val>val(?:id(?:ation)?)?|dev)|(?P<test>test(?:ing)?))(?![a-z])"
)


def named_split(name: str) -> str:
    """The split that a file or folder is named after; "" for none.

    "instances_train2017" -> "train", "valid" -> "val", "contest" -> "".
    """
    match = _NAMED.search(name.lower())
    return match.lastgroup or "" if match else ""


def with_splits(reading: Reading) -> Reading:
    """The reading with the splits of its folders: train/a.jpg, images/Validation/a.jpg.

    Only where every picture is in such a folder, and not all of them in one split.
    """
    images = reading.dataset.images
    splits = [_split(name) for name in images.name]
    if not all(splits) or len(set(splits)) < 2:
        return reading
    dataset = replace(reading.dataset, images=replace(images, split=strings(splits)))
    return replace(reading, dataset=dataset)


def _split(name: str) -> str:
    known = (_SPLITS.get(folder.lower()) for folder in name.split("/")[-2::-1])
    return next(filter(None, known), "")
