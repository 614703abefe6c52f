"""Transforms of albumentations applied to pictures and outlines, the outlines as exactly as pixels.

The library moves points as if whole numbers were the centres of pixels, which here are their
borders: mirrored labels would be one pixel off. Points are handed over as it has them, and where it
moves them otherwise (resizing) or roughly (bending), its transform gets a better rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline import polygons
from pipeline.dataset import Bools, Floats

Picture = NDArray[np.uint8]
Keypoints = NDArray[np.float32]  # (K, 5) x, y, z, angle, scale
LEAST_SIDE = 2.0  # pixels: what is narrower shows nothing
LEAST_VISIBLE = 0.1  # of an object's area
_SETTLED = 40  # steps, each of which halves the error at least where a picture is not torn
_RESIZING = (
    *("Resize", "CropAndPad"),
    *("RandomSizedCrop", "RandomResizedCrop", "RandomSizedBBoxSafeCrop"),
)
_SCALING: dict[str, Callable[[float], int]] = {  # how they come to whole pixels
    "RandomScale": int,
    "LongestMaxSize": round,
    "SmallestMaxSize": round,
}


class Changed(NamedTuple):
    """A picture after its transforms.

    Attributes:
        picture: (H, W, 3) BGR.
        outlines: One polygon (K, 2) for each that was given, in pixels, not cut at the border.
        covered: (M,) whether nothing is left to be seen of the object: cropped away, or blotted
            out.
    """

    picture: Picture
    outlines: list[Floats]
    covered: Bools


class Pipeline:
    """Transforms in a row.

    Attributes:
        moves: Whether they do more than to change colours; if not, outlines stay to the last bit.
    """

    def __init__(self, library: Any, transforms: Sequence[Any]) -> None:
        """Put transforms of `library` (albumentations) together."""
        self.moves = any(_moves(library, transform) for transform in transforms)
        labels = {
            "keypoint_params": library.KeypointParams(
                format="xy", remove_invisible=False, label_fields=["point"]
            ),
            "bbox_params": library.BboxParams(
                format="pascal_voc", label_fields=["row"], clip=True, filter_invalid_bboxes=True
            ),
        }
        self._compose = library.Compose(list(transforms), **(labels if self.moves else {}))

    def seed(self, seed: int) -> None:
        """Begin the chances anew; the same seed gives the same changes."""
        self._compose.set_random_seed(seed)

    def __call__(self, picture: Picture, outlines: Sequence[Floats]) -> Changed:
        """Change a picture.

        Args:
            picture: (H, W, 3) BGR.
            outlines: One polygon (K, 2) an object, in pixels.
        """
        rgb = np.ascontiguousarray(picture[..., ::-1])  # as it knows colours
        if not self.moves:
            made = self._compose(image=rgb)
            return Changed(_bgr(made), list(outlines), np.zeros(len(outlines), dtype=bool))
        points = np.concatenate([np.zeros((0, 2)), *outlines])
        made = self._compose(
            image=rgb,
            keypoints=points - 0.5,
            point=np.arange(len(points)),
            bboxes=_hulls(outlines, picture.shape[1::-1]),
            row=np.arange(len(outlines)),
        )
        moved = _in_place(made, len(points)) + 0.5
        covered = np.ones(len(outlines), dtype=bool)
        covered[np.asarray(made["row"], dtype=np.int64)] = False
        ends = np.cumsum([len(outline) for outline in outlines])[:-1]
        return Changed(_bgr(made), np.split(moved, ends) if len(outlines) else [], covered)


def _moves(library: Any, transform: Any) -> bool:
    """Whether a transform, or one that it holds, may move objects or hide them."""
    if isinstance(transform, library.BaseCompose):
        return any(_moves(library, inner) for inner in transform.transforms)
    return isinstance(transform, library.DualTransform)


def _bgr(made: dict[str, Any]) -> Any:
    """The picture that came out; whatever else it is, where it is none."""
    picture = made["image"]
    return picture if no_picture(picture) else np.ascontiguousarray(picture[..., ::-1])


def no_picture(value: Any) -> str:
    """What a transform has given instead of a picture of bytes; "" where it is one."""
    if not isinstance(value, np.ndarray):
        return type(value).__name__
    if value.dtype != np.uint8 or value.ndim != 3 or value.shape[2] != 3:
        return f"{value.dtype} of shape {'x'.join(map(str, value.shape))}"
    return ""


def visible(
    changed: Changed, least: float = LEAST_VISIBLE
) -> tuple[Floats, NDArray[np.bool_], list[Floats]]:
    """What is to be seen of the objects of a changed picture.

    Args:
        changed: From a `Pipeline`.
        least: An object of which less than this share of its area is to be seen has no label.

    Returns:
        (M, 4) boxes, the hulls of what is to be seen of each outline; (M,) whether an object is to
        have a label; and the outlines cut at the border.
    """
    frame = np.array([0, 0, *changed.picture.shape[1::-1]], dtype=np.float64)
    parts = [polygons.part_in(outline, frame) for outline in changed.outlines]
    xyxy = np.array([_hull(part) for part in parts]).reshape(-1, 4)
    left, whole = (np.array([area(one) for one in some]) for some in (parts, changed.outlines))
    seen = (left > 0) & (left >= least * whole) & ~changed.covered
    large = (xyxy[:, 2:] - xyxy[:, :2] >= LEAST_SIDE).all(axis=1)
    return xyxy, seen & large, parts


def exact(kind: type) -> type:
    """A transform of albumentations that moves points just as it moves pixels."""
    if any(base.__name__ == "BaseDistortion" for base in kind.__mro__):
        rules: dict[str, Any] = {"apply_to_keypoints": _bent, "apply_to_bboxes": _left_to_points}
    elif kind.__name__ in _RESIZING:
        rules = {"apply_to_keypoints": _resized(kind.apply_to_keypoints)}  # type: ignore[attr-defined]
    elif kind.__name__ in _SCALING:
        rules = {"apply_to_keypoints": _scaled(_SCALING[kind.__name__])}
    else:
        return kind
    return type(kind)(kind.__name__, (kind,), rules)


def _bent(
    self: Any,  # noqa: ARG001
    keypoints: Keypoints,
    map_x: NDArray[np.float32],
    map_y: NDArray[np.float32],
    **_: Any,
) -> Keypoints:
    """Where points go when a picture is bent.

    The maps tell for each pixel of the new picture where it comes from: a point goes to the place
    that comes from it, which is found step by step.
    """
    import cv2

    height, width = map_x.shape[:2]
    shift_x = np.asarray(map_x, dtype=np.float32) - np.arange(width, dtype=np.float32)
    shift_y = np.asarray(map_y, dtype=np.float32) - np.arange(height, dtype=np.float32)[:, None]
    both = np.dstack([shift_x, shift_y])
    start = keypoints[:, :2].astype(np.float32)
    place = start.copy()
    for _step in range(_SETTLED if len(start) else 0):
        shift = cv2.remap(
            both, place[:, None], None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        place += ((start - shift.reshape(-1, 2)) - place) / 2
    moved = keypoints.astype(np.float32)
    moved[:, :2] = place
    return moved


def _left_to_points(self: Any, bboxes: Any, **_: Any) -> Any:  # noqa: ARG001
    """Boxes are made of the points; the library paints each one on a picture of its own."""
    return bboxes


def _resized(own: Callable[..., Any]) -> Callable[..., Any]:
    """Resizing multiplies the places of borders, not of the centres of pixels."""

    def apply_to_keypoints(self: Any, keypoints: Keypoints, **parameters: Any) -> Keypoints:
        borders = keypoints.astype(np.float32)
        borders[:, :2] += 0.5
        moved = np.array(own(self, borders, **parameters), dtype=np.float32)
        moved[:, :2] -= 0.5
        return moved

    return apply_to_keypoints


def _scaled(whole: Callable[[float], int]) -> Callable[..., Any]:
    """A picture of whole pixels is not quite as large as its scale says."""

    def apply_to_keypoints(
        _: Any, keypoints: Keypoints, scale: float, shape: Sequence[int], **_others: Any
    ) -> Keypoints:
        sides = np.array(shape[1::-1])
        share = np.array([max(1, whole(side * scale)) for side in sides.tolist()]) / sides
        moved = keypoints.astype(np.float32)
        moved[:, :2] = (moved[:, :2] + 0.5) * share - 0.5
        return moved

    return apply_to_keypoints


def _hulls(outlines: Sequence[Floats], size: tuple[int, int]) -> Floats:
    """(M, 4) boxes around outlines, within the picture; never without any area."""
    low = np.array([outline.min(axis=0) for outline in outlines]).reshape(-1, 2)
    high = np.array([outline.max(axis=0) for outline in outlines]).reshape(-1, 2)
    low = np.clip(low, 0, np.array(size) - 0.01)
    return np.concatenate([low, np.clip(high, low + 0.01, size)], axis=1)


def area(points: Floats) -> float:
    """Of a polygon (K, 2), in square pixels: the shoelace formula."""
    x, y = points.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def _hull(points: Floats) -> Floats:
    if not len(points):
        return np.zeros(4)
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def _in_place(made: dict[str, Any], count: int) -> Floats:
    """(K, 2) the points in their order; for one that was lost, the next that was not."""
    kept = np.asarray(made["point"], dtype=np.int64)
    points = np.asarray(made["keypoints"], dtype=np.float64).reshape(-1, 2)
    if len(kept) == count:
        return points
    if not len(kept):
        return np.zeros((count, 2))
    return points[np.searchsorted(kept, np.arange(count)).clip(0, len(kept) - 1)]
