"""The training loader, watched: which boxes go into a training picture, and what comes out.

The data set, the transforms and their random numbers are the trainer's own. Each box goes in under
a number of its own instead of its class, so that none is lost track of; and each transform tells
where it moves a picture and where it cuts it, before it does so to the labels.

Import this file only after `library.load()`, which it does itself.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from pipeline import boxes as geometry
from pipeline.augment.follow import Shown, Way
from pipeline.dataset import Dataset, strings
from pipeline.models.ultralytics import library, loader

library.load()

import torch  # noqa: E402
from ultralytics.cfg import DEFAULT_CFG  # noqa: E402
from ultralytics.data import augment  # noqa: E402
from ultralytics.utils import IterableSimpleNamespace  # noqa: E402

_CAME = "sources"  # in ultralytics' dictionary of labels: the pictures that are in it by now


class Loader:
    """Training pictures, one by one, as the trainer's loader makes them.

    Args:
        data: The pictures and boxes that are trained on.
        hyp: The values of a preset.
        imgsz: Side of the training pictures, in pixels.
        stretch: Pictures are stretched to squares, as for an RT-DETR.
        pixels: Whether to make the pictures too, or only their labels (ten times as fast; not where
            `transforms` move objects, which need them).
        transforms: Albumentations' transforms, as `augment.transforms.load` gives them.
    """

    def __init__(
        self,
        data: Dataset,
        hyp: Mapping[str, Any],
        imgsz: int,
        *,
        stretch: bool = False,
        pixels: bool = True,
        transforms: Sequence[Any] = (),
    ) -> None:
        from pipeline.augment import transforms as albumentations

        moved = bool(transforms) and albumentations.build(transforms).moves
        self._names = data.images.name
        kind = _Stretched if stretch else _WholeAspect
        self._set = kind(
            img_path="train",
            imgsz=imgsz,
            augment=True,
            hyp=IterableSimpleNamespace(**{**vars(DEFAULT_CFG), **hyp}),
            data={
                "names": dict(enumerate(data.classes)),
                "channels": 3,
                "quarter_turns": hyp["quarter_turns"],
                "transforms": list(transforms) if pixels or moved else [],
                loader.KEY: {"train": data},
            },
        )
        self._set.watch(data, pixels=pixels or moved, exact=not moved)

    def draw(self, index: int, seed: int) -> Shown:
        """The training picture that is made for the picture `index`; each seed gives another."""
        with _seeded(seed):
            self._set.begin()
            return self._set.end(self._set[index], self._names)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Random numbers of the transforms from a seed; those of the process go on undisturbed."""
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - the transforms draw from the global generator
    torch.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
        torch.set_rng_state(before[2])


@dataclass(eq=False)
class _Source:
    """One picture on its way into a training picture.

    Attributes:
        index: Its row in the data set.
        way: Where it is by now.
        extra: Whether it came in only to be pasted from.
    """

    index: int
    way: Way
    extra: bool


class _Watched(loader._Labels):  # noqa: SLF001 - the trainer's own data set, with more to tell
    """A data set whose boxes are numbered as they go in."""

    cache: str | None
    imgsz: int
    transforms: Any
    extra = False
    _pixels = True
    _quarters = 0

    def watch(self, data: Dataset, *, pixels: bool, exact: bool) -> None:
        self._exact = exact
        self._rows = _kept(data)
        self._sizes = data.images.size
        self._pixels = pixels
        self.cache = "ram"  # mosaics are of any pictures, not of those that were loaded last
        for transform in {id(each): each for each in _all(self.transforms)}.values():
            _listen(transform, self)
            if isinstance(transform, augment.Mosaic):
                transform.buffer_enabled = False
            if not pixels:
                transform.apply_image = partial(_blank_image, transform)

    def begin(self) -> None:
        self._sources = 0
        self._row: list[int] = []
        self._source: list[_Source] = []

    def end(self, made: dict[str, Any], names: Any) -> Shown:
        sources = list({id(source): source for source in self._source}.values())
        place = {id(source): at for at, source in enumerate(sources)}
        shown = dict.fromkeys(source.index for source in made[_CAME])
        return Shown(
            picture=_bgr(made["img"]) if self._pixels else None,
            names=strings(names[list(shown)]),
            row=np.array(self._row, dtype=np.int64),
            way=np.array([place[id(source)] for source in self._source], dtype=np.int64),
            extra=np.array([source.extra for source in self._source], dtype=bool),
            xyxy=self._labels_of(made),
            ways=tuple(source.way for source in sources),
            sources=self._sources,
            exact=self._exact,
        )

    def number(self, rows: Iterable[int], source: _Source) -> Any:
        """(n, 1) a number for each box that comes in, in the place of its class."""
        first = len(self._row)
        self._row.extend(rows)
        self._source.extend([source] * (len(self._row) - first))
        return np.arange(first, len(self._row), dtype=np.float32)[:, None]

    def row(self, number: float) -> int:
        return self._row[int(number)]

    def source(self, number: float) -> _Source:
        return self._source[int(number)]

    def get_image_and_label(self, index: int) -> dict[str, Any]:
        self._quarters = 0
        self._sources += not self.extra
        label = super().get_image_and_label(index)
        source = _Source(index, self._scaling(index, label["resized_shape"]), self.extra)
        label["cls"][:] = self.number(self._rows[index].tolist(), source)
        label[_CAME] = [source]
        return label

    def turn(self, label: dict[str, Any], quarters: int) -> None:
        super().turn(label, quarters)
        self._quarters = quarters

    def load_image(self, i: int, *args: Any, **how: Any) -> tuple[Any, Any, Any]:
        if self._pixels:
            return super().load_image(i, *args, **how)
        width, height = self._sizes[i].tolist()
        shape = self._fitted(width, height)
        return _blank(*shape), (height, width), shape

    def _fitted(self, width: int, height: int) -> tuple[int, int]:
        """Height and width that a picture is resized to, as ultralytics' `load_image` does."""
        ratio = self.imgsz / max(width, height)
        tall, wide = (min(math.ceil(side * ratio), self.imgsz) for side in (height, width))
        return tall, wide

    def _scaling(self, index: int, shape: tuple[int, int]) -> Way:
        tall, wide = shape[::-1] if self._quarters % 2 else shape
        width, height = self._sizes[index].tolist()
        return Way().scaled(wide / width, tall / height).turned(self._quarters, wide, tall)

    def _labels_of(self, made: dict[str, Any]) -> Any:
        """(E, 4) the labels that came out, each in the place of its number."""
        xyxy = np.full((len(self._row), 4), np.nan)
        numbers = made["cls"].numpy().reshape(-1).astype(np.int64)
        xywhn = made["bboxes"].numpy().astype(np.float64)
        xyxy[numbers] = geometry.xywhn_to_xyxy(xywhn, np.array([self.imgsz, self.imgsz]))
        return xyxy


class _WholeAspect(_Watched, loader.YoloPictures):
    """As a YOLO is shown pictures: with their own aspect."""


class _Stretched(_Watched, loader.RtdetrPictures):
    """As an RT-DETR is shown pictures: stretched to squares."""

    def _fitted(self, width: int, height: int) -> tuple[int, int]:  # noqa: ARG002
        return self.imgsz, self.imgsz


def _kept(data: Dataset) -> list[Any]:
    """For each picture the rows of its boxes; the same box twice is one box, as in the loader."""
    boxes = data.boxes
    xywhn = geometry.xyxy_to_xywhn(boxes.xyxy, data.images.size[boxes.image]).astype(np.float32)
    table = np.column_stack([boxes.image, boxes.label, xywhn])
    rows = np.sort(np.unique(table, axis=0, return_index=True)[1])
    edges = np.searchsorted(boxes.image[rows], np.arange(1, len(data.images)))
    return np.split(rows, edges)


def _all(transform: Any) -> Iterator[Any]:
    """Every transform of a chain, also those that pictures go through before they are mixed in."""
    if isinstance(transform, augment.Compose):
        for part in transform.transforms:
            yield from _all(part)
        return
    yield transform
    before = getattr(transform, "pre_transform", None)
    if before is not None:
        yield from _all(before)


def _listen(transform: Any, watched: _Watched) -> None:
    """Have a transform tell where it moves and cuts the pictures, before it does so to labels."""
    step = _STEPS.get(type(transform))
    if step is None:
        return
    theirs = transform.apply_instances

    def apply_instances(labels: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        return step(watched, labels, params, theirs)

    transform.apply_instances = apply_instances
    if isinstance(transform, augment.CutMix | augment.CopyPaste):
        transform.get_params = partial(_pasting, watched, transform.get_params)


def _pasting(watched: _Watched, get_params: Callable[..., Any], labels: dict[str, Any]) -> Any:
    """What is loaded in here comes in only to be pasted from."""
    before, watched.extra = watched.extra, True
    try:
        return get_params(labels)
    finally:
        watched.extra = before


_Labelled = dict[str, Any]
_Theirs = Callable[[_Labelled, _Labelled], _Labelled]


def _mosaic(_: _Watched, labels: _Labelled, params: _Labelled, theirs: _Theirs) -> _Labelled:
    came = []
    for tile in params["layout"]:
        for source in tile["labels_patch"][_CAME]:
            source.way = source.way.shifted(tile["padw"], tile["padh"])
            came.append(source)
    made = theirs(labels, params)
    tall, wide = made["resized_shape"]
    for source in came:
        source.way = source.way.within(0, 0, wide, tall)
    return {**made, _CAME: came}


def _warped(_: _Watched, labels: _Labelled, params: _Labelled, theirs: _Theirs) -> _Labelled:
    for source in labels[_CAME]:
        source.way = source.way.then(params["M"]).within(0, 0, *params["size"])
    return theirs(labels, params)


def _mixed(_: _Watched, labels: _Labelled, params: _Labelled, theirs: _Theirs) -> _Labelled:
    came = labels[_CAME] + params["mix_labels"][0][_CAME]
    return {**theirs(labels, params), _CAME: came}


def _cut_in(_: _Watched, labels: _Labelled, params: _Labelled, theirs: _Theirs) -> _Labelled:
    if params.get("skip"):
        return theirs(labels, params)
    came = params["mix_labels"][0][_CAME]
    for source in came:
        source.way = source.way.within(*params["area"].astype(np.int32).tolist())
    return {**theirs(labels, params), _CAME: labels[_CAME] + came}


def _pasted(watched: _Watched, labels: _Labelled, params: _Labelled, theirs: _Theirs) -> _Labelled:
    if "mix_labels" in params:  # objects of another picture
        return _mixed(watched, labels, params, theirs)
    wide, count = labels["img"].shape[1], len(labels["cls"])
    made = theirs(labels, params)
    mirrored: dict[int, _Source] = {}
    for place in range(count, len(made["cls"])):  # mirror images of this picture's own objects
        number = made["cls"][place, 0]
        source = watched.source(number)
        copy = _Source(source.index, source.way.mirrored(width=wide), extra=True)
        copy = mirrored.setdefault(id(source), copy)
        made["cls"][place] = watched.number([watched.row(number)], copy)
    return {**made, _CAME: [*made[_CAME], *mirrored.values()]}


def _flipped(_: _Watched, labels: _Labelled, params: _Labelled, theirs: _Theirs) -> _Labelled:
    tall, wide = labels["img"].shape[:2]
    size = {"height": tall} if params["direction"] == "vertical" else {"width": wide}
    for source in labels[_CAME] if params["flip"] else ():
        source.way = source.way.mirrored(**size)
    return theirs(labels, params)


_STEPS: dict[type, Callable[..., _Labelled]] = {
    augment.Mosaic: _mosaic,
    augment.RandomPerspective: _warped,
    augment.MixUp: _mixed,
    augment.CutMix: _cut_in,
    augment.CopyPaste: _pasted,
    augment.RandomFlip: _flipped,
}


def _blank_image(transform: Any, labels: _Labelled, params: _Labelled | None = None) -> _Labelled:
    """What a transform does to the size of a picture, and nothing to its pixels."""
    if isinstance(transform, augment.Mosaic):
        labels["img"] = _blank(2 * transform.imgsz, 2 * transform.imgsz)
    elif isinstance(transform, augment.RandomPerspective) and params is not None:
        labels["img"] = _blank(*params["size"][::-1])
        labels["resized_shape"] = labels["img"].shape[:2]
    elif isinstance(transform, augment.Format):
        labels.pop("img")
    return labels


def _blank(tall: int, wide: int) -> Any:
    """A grey picture of that size that takes no memory."""
    return np.broadcast_to(np.uint8(114), (tall, wide, 3))


def _bgr(picture: Any) -> Any:
    """(3, H, W) RGB as the model is given it, as (H, W, 3) BGR."""
    return np.ascontiguousarray(picture.numpy().transpose(1, 2, 0)[..., ::-1])
