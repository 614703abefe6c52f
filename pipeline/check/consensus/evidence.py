"""The quick mode: plain scores of labels and candidates, nothing learned; about 1 ms a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.check.consensus import missing
from pipeline.check.consensus.features import habits, of_labels
from pipeline.check.consensus.noise import BADLY_PLACED, DUPLICATE, RIGHT, SPURIOUS, WRONG_CLASS
from pipeline.check.consensus.views import look
from pipeline.check.predictions import Predictions
from pipeline.dataset import Boxes, Dataset, Floats, Ints

_LEAST = 0.3  # evidence below which a label is suspicious
_TWIN = 0.7  # IoU of two labels of one class that are of one item
_NOTHING = 0.1  # evidence of any class below which there is nothing


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the predictions say for the labels (M), and of candidates (Q) for missing ones.

    Attributes:
        score: (M,) the best probability of the label's class times IoU, 0 to 1; low is suspicious.
        kind: (M,) what is wrong at a guess, an index in `noise.KINDS`.
        reference: (M, 4) where the predictions have the item; NaN for nowhere.
        candidates: (Q) items that the predictions tell of.
        missing: (Q,) the score of each times the share that no label overlaps, 0 to 1.
    """

    score: Floats
    kind: Ints
    reference: Floats
    candidates: Boxes
    missing: Floats


def evidence(dataset: Dataset, predictions: Predictions) -> Evidence:
    """Score every label by its evidence."""
    size, labels = dataset.images.size, dataset.boxes
    views = look(labels, predictions)
    usual = habits(dataset, predictions, views)
    columns = of_labels(labels, size, predictions, usual, views)
    likely = missing.candidates(predictions, size, usual)
    candidates = missing.at(likely, likely.views.reference)
    near = missing.beside_labels(candidates, labels)
    kind = _kinds(columns)
    return Evidence(columns["evidence"], kind, views.reference, candidates, near[:, -1])


def _kinds(columns: dict[str, Floats]) -> Ints:
    twin = (columns["twin_same"] > _TWIN) & (columns["twin_fit"] < 0)
    told = [twin, columns["evidence"] >= _LEAST, columns["any"] < _NOTHING, columns["odds"] < 0]
    out: Ints = np.select(told, [DUPLICATE, RIGHT, SPURIOUS, WRONG_CLASS], BADLY_PLACED)
    return out
