"""COCO's detection metrics, by pycocotools, on our own columns; no files, nothing printed.

One class at a time, so that memory stays small and progress can be shown; COCO treats classes one
by one too, so the numbers are those of a single pass over all. Where this differs from COCO's own
summary: AP counts every prediction of a picture (the model's ``max_det`` is the only limit, 300
like ultralytics') instead of the best 100 a class. See docs/evaluation.md.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import boxes as geometry
from pipeline.dataset import Bools, Boxes, Dataset, Floats
from pipeline.errors import BoxwrightError
from pipeline.progress import Track, silent

AREAS = ("all", "small", "medium", "large")
DETECTIONS = (1, 10, 100)  # for AR, as in COCO
ENOUGH = 300  # for AP; more where a picture has more


@dataclass(frozen=True, eq=False)
class Hits:
    """What became of one class's predictions at IoU 0.5, best score first.

    Attributes:
        score: (D,) confidences; predictions that lie in a crowd are left out.
        hit: (D,) whether it found a box of the class that no better prediction had found.
        total: How many boxes there were to find; crowds are not.
    """

    score: Floats
    hit: Bools
    total: int


@dataclass(frozen=True, eq=False)
class Scores:
    """COCO's arrays, NaN where there is no truth to find.

    Attributes:
        precision: (10, 101, K, 4) at IoU 0.5:0.05:0.95, recall 0:0.01:1, class, `AREAS`.
        recall: (10, K, 4, 4) at IoU, class, `AREAS`, best 1, 10, 100 and all predictions.
        hits: (K) the predictions of each class at IoU 0.5.
    """

    precision: Floats
    recall: Floats
    hits: tuple[Hits, ...]


def score(truth: Dataset, predictions: Dataset, track: Track = silent) -> Scores:
    """Match predictions with the truth as COCO does, for every class.

    Args:
        truth: Pictures with their boxes; crowds neither have to be found nor count as mistakes.
        predictions: The same pictures and classes, with scores.
        track: Shows progress.

    Raises:
        BoxwrightError: The truth holds no box, so that nothing can be measured.
        ValueError: Other pictures or classes; a mistake of the calling code.
    """
    if truth.classes != predictions.classes or len(truth.images) != len(predictions.images):
        raise ValueError("truth and predictions must have the same pictures and classes")
    check(truth)
    count = len(truth.classes)
    parts = [
        _score_class(truth.boxes, predictions.boxes, label)
        for label in track(range(count), "measuring", count)
    ]
    return Scores(
        precision=np.concatenate([p for p, _, _ in parts], axis=2),
        recall=np.concatenate([r for _, r, _ in parts], axis=1),
        hits=tuple(h for _, _, h in parts),
    )


def check(truth: Dataset) -> None:
    """Refuse a truth that nothing can be measured against.

    Raises:
        BoxwrightError: It holds no box, or crowds only.
    """
    if truth.boxes.crowd.all():
        pictures = len(truth.images)
        raise BoxwrightError(
            f"{truth.root}: nothing to measure against: "
            f"{pictures} picture{'s' * (pictures != 1)} and no box in this split."
            "\n    -> evaluate another --split, or convert with a larger one."
        )


def _score_class(truth: Boxes, found: Boxes, label: int) -> tuple[Floats, Floats, Hits]:
    coco = _matched(truth, found, label)
    with contextlib.redirect_stdout(io.StringIO()):
        coco.accumulate()
    absent = truth.crowd[truth.label == label].all()
    precision, recall = coco.eval["precision"][..., -1], coco.eval["recall"]
    if absent:
        precision, recall = np.full_like(precision, np.nan), np.full_like(recall, np.nan)
    return _missing(precision), _missing(recall), _hits(_all_sizes(coco))


def pictures(truth: Boxes, found: Boxes, label: int) -> list[Mapping[str, Any]]:
    """What COCO finds picture by picture for one class, boxes of all sizes.

    Returns:
        pycocotools' own records (`COCOeval.evalImgs`) of the pictures that hold a box or a
        prediction of the class; ``image_id`` is the picture's row and one more.
    """
    return [picture for picture in _all_sizes(_matched(truth, found, label)) if picture is not None]


def _all_sizes(coco: Any) -> list[Mapping[str, Any] | None]:
    return coco.evalImgs[: len(coco.params.imgIds)]


def _matched(truth: Boxes, found: Boxes, label: int) -> Any:
    """A COCOeval of one class after matching, before anything is averaged."""
    from pycocotools.cocoeval import COCOeval

    truth, found = truth.take(truth.label == label), found.take(found.label == label)
    ids = (np.union1d(truth.image, found.image) + 1).tolist()
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCOeval(_index(ids, truth), _index(ids, found), "bbox")
        coco.params.maxDets = [*DETECTIONS, _most(found)]
        coco.evaluate()
    return coco


def _missing(values: Floats) -> Floats:
    """COCO's -1 for "no truth" as NaN."""
    return np.where(values < 0, np.nan, values)


def _most(found: Boxes) -> int:
    """No fewer than any picture has, so that COCO's own cut never applies."""
    return max(ENOUGH, int(np.bincount(found.image, minlength=1).max()))


def _index(ids: list[int], boxes: Boxes) -> Any:
    """A pycocotools COCO of one class, without a file."""
    from pycocotools.coco import COCO

    columns = zip(
        (boxes.image + 1).tolist(),
        geometry.xyxy_to_xywh(boxes.xyxy).tolist(),
        geometry.area(boxes.xyxy).tolist(),
        boxes.crowd.astype(int).tolist(),
        boxes.score.tolist(),
        strict=True,
    )
    keys = ("image_id", "bbox", "area", "iscrowd", "score")
    coco = COCO()
    coco.dataset = {
        "images": [{"id": i} for i in ids],
        "categories": [{"id": 1}],
        "annotations": [
            {"id": n, "category_id": 1, **dict(zip(keys, row, strict=True))}
            for n, row in enumerate(columns, 1)
        ],
    }
    coco.createIndex()
    return coco


def _hits(pictures: list[Mapping[str, Any] | None]) -> Hits:
    """Gather what COCO found picture by picture, at its first IoU threshold."""
    seen = [p for p in pictures if p is not None]
    scores = _join([p["dtScores"] for p in seen], np.float64)
    counted = ~_join([p["dtIgnore"][0] for p in seen], np.bool_)
    matched = _join([p["dtMatches"][0] for p in seen], np.float64) > 0
    order = np.argsort(-scores, kind="stable")
    order = order[counted[order]]
    total = sum(int(np.count_nonzero(p["gtIgnore"] == 0)) for p in seen)
    return Hits(scores[order], matched[order], total)


def _join(parts: list[Any], kind: Any) -> NDArray[Any]:
    return np.concatenate([np.asarray(p, dtype=kind) for p in parts] or [np.zeros(0, dtype=kind)])
