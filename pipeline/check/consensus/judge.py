"""The judge: labels and out-of-fold predictions -> how likely each label is wrong, and how.

Self-planted: known errors go into copies of the labels as given, boosted trees learn to tell them
by what the predictions say, and are asked of the labels as given; cross-fitted over groups, so that
no label is judged by what was learned of its own group. No clean labels are needed: what looks
wrong at first sight is no example of what is right at the second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from pipeline.check.consensus import floor, learn, missing, noise
from pipeline.check.consensus.features import RISING, Habits, habits, of_labels, place, residuals
from pipeline.check.consensus.learn import Known
from pipeline.check.consensus.pairs import taken
from pipeline.check.consensus.views import Views, look
from pipeline.check.predictions import Predictions
from pipeline.dataset import Boxes, Dataset, Floats, Ints
from pipeline.progress import Track, silent

_PLANTED = 0.4  # errors per label in the copies
_COPIES = 5
_ENOUGH = 15_000  # planted labels: fewer copies of a large set
_ENOUGH_CANDIDATES = 50_000
_FOLDS = 4
_DOUBTFUL = 0.3  # probability from which a label is no example of a right one


@dataclass(frozen=True, eq=False)
class Verdict:
    """What the judge says of labels (M), and of candidates (Q) for missing ones.

    Attributes:
        wrong: (M,) how likely each label is wrong, where errors are as frequent as they were
            planted; ranks labels.
        kinds: (M, 5) how likely it is of each of `noise.KINDS`, there.
        sureness: (M,) probability that the label is wrong.
        share: Of the labels that is thought to be wrong.
        place: (M, 4) where the item is by the predictions, without what they are usually off by, in
            pixels; NaN for nowhere.
        surprise: (M, 4) how far each side is from there, in units of what is usual.
        floor: (M, 4) what is usual: how far right labels lie from the predictions, as a share of
            the item's side.
        likely: (M,) the class that the predictions have there; the label's own where none is.
        columns: What was looked at, by name, (M,) each; see `features.of_labels`.
        usual: What is usual among the labels.
        candidates: (Q) items that the predictions tell of.
        missing: (Q,) probability that the item has no label and should have one.
        missing_rank: (Q,) ranks candidates best: what was learned, with the plain score.
        unclaimed: (Q,) the plain score: the prediction's times the share that no label overlaps.
    """

    wrong: Floats
    kinds: Floats
    sureness: Floats
    share: float
    place: Floats
    surprise: Floats
    floor: Floats
    likely: Ints
    columns: dict[str, Floats]
    usual: Habits
    candidates: Boxes
    missing: Floats
    missing_rank: Floats
    unclaimed: Floats


@dataclass(frozen=True, eq=False)
class _Seen:
    """Labels (M) as they are looked at.

    Attributes:
        columns: By name.
        views: Of them.
        surprise: As in `Verdict`.
        middle: (M, 4) usual residuals.
        floor: As in `Verdict`.
    """

    columns: dict[str, Floats]
    views: Views
    surprise: Floats
    middle: Floats
    floor: Floats


@dataclass(frozen=True, eq=False)
class _Court:
    """What is fixed while labels and their copies are looked at."""

    dataset: Dataset
    predictions: Predictions
    usual: Habits
    fold: Ints
    floor: floor.Floor
    likely: missing.Candidates

    def look(self, labels: Boxes, views: Views) -> _Seen:
        size = self.dataset.images.size
        columns = of_labels(labels, size, self.predictions, self.usual, views)
        sides = floor.columns(labels, views, self.predictions, size)
        middle, far = self.floor.expected(sides, self.fold[labels.image])
        more, times = floor.surprise(labels, views, (middle, far))
        return _Seen({**columns, **more}, views, times, middle, far)

    def beside(self, labels: Boxes) -> Floats:
        """(Q, F) the columns of the candidates."""
        near = missing.beside_labels(self.likely.boxes, labels)
        return np.column_stack([self.likely.columns, near])


def judge(
    dataset: Dataset,
    predictions: Predictions,
    *,
    expected: float | None = None,
    seed: int = 0,
    track: Track = silent,
) -> Verdict:
    """Judge every label, and find those that are missing.

    Args:
        dataset: Labels as given, at least one; crowds are judged like any other.
        predictions: Of the same pictures, of models that never saw their groups; several views may
            be pooled (`views.pooled`).
        expected: The share of the labels that is wrong, where it is known.
        seed: The same seed gives the same verdict.
        track: Shows progress.
    """
    import sklearn.ensemble  # noqa: F401 - first: what is not loaded yet is not limited
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # tables are small: on a busy machine threads wait for each other
        views = look(dataset.boxes, predictions)
        court = _court(dataset, predictions, views, seed)
        seen = court.look(dataset.boxes, views)
        planted = list(_planted(court, seed, track))
        _, (doubt, _) = _wrong(court, seen.columns, _labels(court, planted), seed, expected)
        gone = _candidates(court, planted, seed)
        rest = replace(court, dataset=dataset.keep_boxes(doubt <= _DOUBTFUL))
        labels = _labels(rest, _planted(rest, seed, track))
        return _verdict(court, seen, (labels, gone), seed, expected)


def _court(dataset: Dataset, predictions: Predictions, views: Views, seed: int) -> _Court:
    size, labels = dataset.images.size, dataset.boxes
    usual = habits(dataset, predictions, views)
    fold = learn.folds(dataset.images.group, _FOLDS, np.random.default_rng(seed))
    sides = floor.columns(labels, views, predictions, size)
    off = residuals(labels, views.reference)
    known = floor.learn(sides, off, fold[labels.image], seed)
    likely = missing.candidates(predictions, size, usual)
    mistake = floor.by_class(off, labels.label, len(dataset.classes))[likely.boxes.label]
    where = missing.at(likely, place(likely.views.reference, mistake))
    likely = replace(likely, boxes=where)
    return _Court(dataset, predictions, usual, fold, known, likely)


def _planted(court: _Court, seed: int, track: Track) -> Iterator[noise.Planted]:
    """Copies of the labels with errors in them."""
    rng = np.random.default_rng(seed + 1)
    copies = int(np.clip(_ENOUGH // max(len(court.dataset.boxes), 1), 1, _COPIES))
    for _ in track(range(copies), "planting errors", copies):
        yield noise.plant(court.dataset, _PLANTED, court.usual.confusion, rng)


def _labels(court: _Court, planted: Iterable[noise.Planted]) -> Known:
    """What planted errors look like: rows of labels."""
    parts = []
    for one in planted:
        seen = court.look(one.labels, look(one.labels, court.predictions))
        parts.append(Known(_table(seen.columns), one.kind, court.fold[one.labels.image]))
    return _joined(parts)


def _candidates(court: _Court, planted: Iterable[noise.Planted], seed: int) -> Known:
    """What missing labels look like: enough rows of candidates."""
    likely = court.likely.boxes
    parts = []
    for one in planted:
        again = missing.found_again(likely, one.removed)
        parts.append(Known(court.beside(one.labels), again, court.fold[likely.image]))
    known = _joined(parts)
    chosen = np.random.default_rng(seed).permutation(len(known.y))[:_ENOUGH_CANDIDATES]
    rows = np.sort(chosen)
    return Known(known.x[rows], known.y[rows], known.fold[rows])


def _table(columns: dict[str, Floats]) -> Floats:
    return np.column_stack(list(columns.values()))


def _joined(parts: list[Known]) -> Known:
    if len(parts) == 1:
        return parts[0]
    return Known(
        np.concatenate([part.x for part in parts]),
        np.concatenate([part.y for part in parts]),
        np.concatenate([part.fold for part in parts]),
    )


def _wrong(
    court: _Court,
    columns: dict[str, Floats],
    known: Known,
    seed: int,
    expected: float | None,
) -> tuple[Floats, tuple[Floats, float]]:
    """(M,) how likely each label is wrong; and, calibrated, probabilities and their share."""
    rising = np.array([{**RISING, **floor.RISING}.get(name, 0.0) for name in columns])
    any_kind = replace(known, y=(known.y > 0).astype(np.int64))
    x, fold = _table(columns), court.fold[court.dataset.boxes.image]
    given, planted = learn.cross_fitted(any_kind, x, fold, seed, rising=rising)
    sure = learn.calibrated(given[:, 1], planted[:, 1], any_kind.y > 0, expected)
    return given[:, 1], sure


def _gone(
    court: _Court, x: Floats, known: Known, seed: int, expected: float | None
) -> tuple[Floats, Floats]:
    """(Q,) of each candidate the rank and the probability that its label is missing."""
    likely = court.likely.boxes
    given, planted = learn.cross_fitted(known, x, court.fold[likely.image], seed)
    rank = np.sqrt(given[:, 1] * x[:, -1])
    planted_rank = np.sqrt(planted[:, 1] * known.x[:, -1])
    if expected is not None:
        expected = min(expected * len(court.dataset.boxes) / max(len(likely), 1), 0.5)
    return rank, learn.calibrated(rank, planted_rank, known.y > 0, expected)[0]


def _verdict(
    court: _Court,
    seen: _Seen,
    known: tuple[Known, Known],
    seed: int,
    expected: float | None,
) -> Verdict:
    labels = court.dataset.boxes
    wrong, (sureness, share) = _wrong(court, seen.columns, known[0], seed, expected)
    kinds = learn.kinds(known[0], _table(seen.columns), court.fold[labels.image], seed)
    beside = court.beside(labels)
    rank, missing_sureness = _gone(court, beside, known[1], seed, expected)
    return Verdict(
        wrong=wrong,
        kinds=kinds,
        sureness=sureness,
        share=share,
        place=place(seen.views.reference, seen.middle),
        surprise=seen.surprise,
        floor=seen.floor,
        likely=_likely(labels, seen.views, court.predictions),
        columns=seen.columns,
        usual=court.usual,
        candidates=court.likely.boxes,
        missing=missing_sureness,
        missing_rank=rank,
        unclaimed=beside[:, -1],
    )


def _likely(labels: Boxes, views: Views, predictions: Predictions) -> Ints:
    """(M,) the class of the best evidence."""
    probability = predictions.details.probability
    pairs = views.pairs
    best = pairs.best(views.score * pairs.iou)
    top = taken(probability.argmax(axis=1).astype(np.float64), pairs.partner(best))
    return np.where(best >= 0, top, labels.label).astype(np.int64)
