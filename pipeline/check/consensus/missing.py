"""Items that nobody labelled: predictions that no label takes up, judged like labels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pipeline import boxes as geometry
from pipeline.check.consensus.features import Habits, alone
from pipeline.check.consensus.pairs import Pairs, overlapping, taken
from pipeline.check.consensus.views import Views, look
from pipeline.check.predictions import Predictions
from pipeline.dataset import Boxes, Floats, Ints

_ONE_ITEM = 0.5  # predictions that overlap more (IoU) are of one item
_LEAST_SCORE = 0.05  # a prediction below this is no candidate


@dataclass(frozen=True, eq=False)
class Candidates:
    """Items that the predictions tell of, one row an item.

    Attributes:
        boxes: (Q) where they are, with their likely classes and scores.
        views: Of them.
        columns: (Q, F) what the predictions say of them; labels have no part in it.
    """

    boxes: Boxes
    views: Views
    columns: Floats


def candidates(predictions: Predictions, size: Ints, usual: Habits) -> Candidates:
    """The best prediction of each item (fast non-maximum suppression: Bolya et al., 2019)."""
    found, details = predictions.found.boxes, predictions.details
    rows = np.flatnonzero(found.score >= _LEAST_SCORE)
    kept = found.take(rows)
    pairs = overlapping(kept, kept)
    better = (kept.score[pairs.b] > kept.score[pairs.a]) | (
        (kept.score[pairs.b] == kept.score[pairs.a]) & (pairs.b < pairs.a)
    )
    beaten = pairs.total(better & (pairs.iou > _ONE_ITEM)) > 0
    label = details.probability[rows].argmax(axis=1) if len(rows) else kept.label
    likely = Boxes.of(kept.image, label, kept.xyxy, score=kept.score).take(~beaten)
    views = look(likely, predictions)
    columns = alone(likely, size, predictions, usual, views)
    return Candidates(likely, views, np.column_stack([likely.score, *columns.values()]))


def at(likely: Candidates, xyxy: Floats) -> Boxes:
    """(Q) the candidates where they are thought to be; where `xyxy` (Q, 4) is NaN, as found."""
    known = np.isfinite(xyxy).all(axis=1, keepdims=True)
    return replace(likely.boxes, xyxy=np.where(known, xyxy, likely.boxes.xyxy))


def beside_labels(likely: Boxes, labels: Boxes) -> Floats:
    """(Q, 6) what labels stand beside each candidate.

    Its overlap with the nearest label, and with the nearest of its class; whether another candidate
    fits that label better, by how much IoU; the share of it that a label covers; the number of
    labels in the picture; and the plain score: the prediction's times what no label overlaps.
    """
    pairs = overlapping(likely, labels)
    alike = likely.label[pairs.a] == labels.label[pairs.b]
    back = pairs.back(len(labels))
    fit = back.most(back.iou)
    nearest = pairs.best(pairs.iou)
    taken_up = taken(pairs.iou, nearest)
    rival = taken(fit[pairs.b] - pairs.iou, nearest)
    counts = np.bincount(labels.image, minlength=int(likely.image.max(initial=0)) + 1)
    return np.column_stack(
        [
            taken_up,
            pairs.most(pairs.iou * alike),
            rival,
            _covered(likely, labels, pairs),
            counts[likely.image],
            plain(likely, taken_up),
        ]
    )


def _covered(likely: Boxes, labels: Boxes, pairs: Pairs) -> Floats:
    a, b = likely.xyxy[pairs.a], labels.xyxy[pairs.b]
    low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    share = geometry.area(np.concatenate([low, high], axis=1)) / np.maximum(geometry.area(a), 1e-6)
    return pairs.most(share)


def plain(likely: Boxes, taken_up: Floats) -> Floats:
    """(Q,) the plain score of a missing label: nothing is learned for it."""
    out: Floats = likely.score * (1 - taken_up)
    return out


def found_again(likely: Boxes, removed: Boxes) -> Ints:
    """(Q,) 1 where a candidate is the one that fits a removed label best, with IoU 0.5 or more."""
    back = overlapping(removed, likely)
    best = back.best(back.iou)
    best = best[best >= 0]
    out = np.zeros(len(likely), dtype=np.int64)
    out[back.b[best[back.iou[best] >= 0.5]]] = 1
    return out
