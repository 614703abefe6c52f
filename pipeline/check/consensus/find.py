"""What the predictions say against the labels, as findings."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import msgspec
import numpy as np

from pipeline.check.consensus import evidence, judge, noise, telling
from pipeline.check.findings import Finding
from pipeline.check.predictions import Predictions
from pipeline.dataset import Bools, Dataset
from pipeline.progress import Track, silent

log = logging.getLogger(__name__)

KINDS = (*noise.KINDS[1:], "missing")
"""Every kind of finding."""

_ENOUGH = 100  # labels, and predictions, from which planted errors can be learned
_GROUPS = 8  # and groups
Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]


@dataclass(frozen=True)
class ConsensusOptions:
    """How labels are held against predictions.

    Attributes:
        mode: "full" learns from planted errors and gives probabilities; "quick" gives plain scores;
            "auto" is full where there are labels enough.
        sure: Probability from which a label is called wrong (a warning).
        hint: Probability from which it is worth a look (a hint).
        expected: The share of the labels that is wrong, where it is known; else it is estimated.
        seed: Of the planted errors; and of the order in which groups are dealt to folds.
    """

    mode: Literal["auto", "full", "quick"] = "auto"
    sure: Probability = 0.5
    hint: Probability = 0.25
    expected: Annotated[float, msgspec.Meta(ge=0.0001, le=0.5)] | None = None
    seed: int = 0


def find(
    dataset: Dataset,
    predictions: Predictions,
    options: ConsensusOptions | None = None,
    track: Track = silent,
) -> list[Finding]:
    """Labels that the predictions contradict, and items without a label.

    Args:
        dataset: Labels as given. Crowds, boxes without area and pictures that the models were
            trained on are not judged.
        predictions: Of the same pictures, in the same classes.
        options: How.
        track: Shows progress.

    Raises:
        ValueError: Other pictures or classes; a mistake of the calling code.
    """
    options = options or ConsensusOptions()
    found = predictions.found
    if found.classes != dataset.classes or len(found.images) != len(dataset.images):
        raise ValueError("labels and predictions must have the same pictures and classes")
    judged = _judged(dataset, predictions.unseen)
    rows = np.flatnonzero(judged)
    if not len(rows):
        log.warning("There is no label to hold against the predictions.")
        return []
    kept, said = dataset.keep_boxes(judged), _of_unseen(predictions)
    told = telling.Told(dataset, rows, options.sure, options.hint)
    if options.mode == "quick" or (options.mode == "auto" and not _enough(kept, said)):
        log.info("Plain scores of %d labels, without probabilities.", len(rows))
        return told.quick(evidence.evidence(kept, said))
    verdict = judge.judge(kept, said, expected=options.expected, seed=options.seed, track=track)
    log.info("About %.1f %% of %d labels look wrong.", 100 * verdict.share, len(rows))
    return told.full(verdict)


def _judged(dataset: Dataset, unseen: Bools) -> Bools:
    """(M,) whether a label can be judged."""
    boxes = dataset.boxes
    there = (boxes.xyxy[:, 2:] > boxes.xyxy[:, :2]).all(axis=1)
    judged: Bools = there & ~boxes.crowd & unseen[boxes.image]
    return judged


def _of_unseen(predictions: Predictions) -> Predictions:
    """Without those of pictures that their model was trained on: they repeat the labels."""
    kept = predictions.unseen[predictions.found.boxes.image]
    found = predictions.found.keep_boxes(kept)
    return replace(predictions, found=found, details=predictions.details.take(kept))


def _enough(dataset: Dataset, predictions: Predictions) -> bool:
    of_label = dataset.boxes.image
    names = dataset.images.group[of_label]
    groups = len(set(names)) if any(names) else len(set(of_label.tolist()))
    seen = len(predictions.found.boxes)
    return len(of_label) >= _ENOUGH and groups >= _GROUPS and seen >= _ENOUGH
