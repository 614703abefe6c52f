"""Verdicts in words, the floor beside each: what cannot be known is not claimed.

The floor of a verdict is how usual the same is among all labels of the set, most of which are
right: how far the predictions' sides lie from theirs, how often a class is taken for the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.boxes import clip
from pipeline.check.consensus import noise
from pipeline.check.consensus.evidence import Evidence
from pipeline.check.consensus.features import residuals
from pipeline.check.consensus.judge import Verdict
from pipeline.check.findings import Finding, Fix, Severity
from pipeline.dataset import Boxes, Dataset, Floats, Ints

_SIDES = ("left", "top", "right", "bottom")
_UNUSUAL = 3.0  # times the usual distance: a side that the suggestion moves
_QUICK = 0.5  # a candidate whose plain score is above this is told in quick mode
Corners = tuple[float, float, float, float]
Words = tuple[str, Fix | None]


@dataclass(frozen=True, eq=False)
class Told:
    """Makes findings of verdicts.

    Attributes:
        dataset: All labels.
        rows: The row in it of each label that was judged.
        sure: Probability from which a finding is a warning.
        hint: Probability from which there is one.
    """

    dataset: Dataset
    rows: Ints
    sure: float
    hint: float

    def full(self, verdict: Verdict) -> list[Finding]:
        """What the judge thinks probably wrong, with probabilities."""
        kind = verdict.kinds[:, 1:].argmax(axis=1) + 1
        out = []
        for k in np.flatnonzero(verdict.sureness >= self.hint).tolist():
            words = self._words(verdict, k, int(kind[k]))
            out.append(self._label(k, int(kind[k]), words, float(verdict.sureness[k])))
        for k in np.flatnonzero(verdict.missing >= self.hint).tolist():
            sure = float(verdict.missing[k])
            out.append(self._missing(verdict.candidates, k, verdict.unclaimed, sure))
        return out

    def quick(self, scores: Evidence) -> list[Finding]:
        """What has little evidence, without probabilities."""
        out = []
        for k in np.flatnonzero(scores.kind != noise.RIGHT).tolist():
            score = scores.score[k]
            message = f"evidence of {score:.2f} {_no_more(scores.score, score)}"
            out.append(self._label(k, int(scores.kind[k]), (message, None), None))
        free = np.flatnonzero(scores.missing >= _QUICK).tolist()
        return out + [self._missing(scores.candidates, k, scores.missing, None) for k in free]

    def _words(self, verdict: Verdict, k: int, kind: int) -> Words:
        if kind == noise.WRONG_CLASS:
            return self._wrong_class(verdict, k)
        if kind == noise.BADLY_PLACED:
            row = self.rows[k]
            size = self.dataset.images.size[self.dataset.boxes.image[row]]
            return _badly_placed(verdict, k, self.dataset.boxes.xyxy[row], size)
        if kind == noise.DUPLICATE:
            near = verdict.columns["twin_same"]
            usual = np.mean(near >= near[k])
            message = "another label fits the same item better"
            return f"{message} ({usual:.1%} of all labels have one as near)", Fix("remove")
        score = verdict.columns["evidence"]
        message = f"the models see nothing that it fits {_no_more(score, score[k])}"
        return message, Fix("remove")

    def _wrong_class(self, verdict: Verdict, k: int) -> Words:
        label, likely = int(self.dataset.boxes.label[self.rows[k]]), int(verdict.likely[k])
        written, name = self.dataset.classes[label], self.dataset.classes[likely]
        score = verdict.columns["own"]
        if label == likely:
            return f"the models doubt that this is {written!r} {_no_more(score, score[k])}", None
        usual = verdict.usual.confusion[label, likely]
        message = f"the models see {name!r} (of all labels {written!r}: {usual:.1%})"
        return message, Fix("change", label=name)

    def _label(self, k: int, kind: int, words: Words, sure: float | None) -> Finding:
        row, (message, fix) = int(self.rows[k]), words
        image, boxes = int(self.dataset.boxes.image[row]), self.dataset.boxes
        return Finding(
            kind=noise.KINDS[kind],
            severity=self._severity(sure),
            message=message,
            split=self.dataset.images.split[image],
            image=self.dataset.images.name[image],
            box=row,
            label=self.dataset.classes[boxes.label[row]],
            xyxy=_corners(boxes.xyxy[row]),
            sureness=sure,
            fix=fix,
        )

    def _missing(self, likely: Boxes, k: int, unclaimed: Floats, sure: float | None) -> Finding:
        image, name = int(likely.image[k]), self.dataset.classes[likely.label[k]]
        as_clear = np.count_nonzero(unclaimed >= unclaimed[k]) / len(self.dataset.images)
        seen = f"the models see {name!r} here (score {likely.score[k]:.2f}) and there is no label"
        return Finding(
            kind="missing",
            severity=self._severity(sure),
            message=f"{seen} ({100 * as_clear:.1f} as clear ones in 100 pictures)",
            split=self.dataset.images.split[image],
            image=self.dataset.images.name[image],
            sureness=sure,
            fix=Fix("add", _corners(clip(likely.xyxy[k], self.dataset.images.size[image])), name),
        )

    def _severity(self, sure: float | None) -> Severity:
        return "warning" if sure is not None and sure >= self.sure else "hint"


def _no_more(scores: Floats, score: float) -> str:
    """How many labels have no more of it."""
    return f"(no more for {np.mean(scores <= score):.1%} of all labels)"


def _badly_placed(verdict: Verdict, k: int, written: Floats, size: Ints) -> Words:
    """Which sides are unusually far off, and the box with these where they should be."""
    place = clip(verdict.place[k], size)
    if not np.isfinite(place).all():
        return "the models see nothing at this place", None
    times = np.abs(verdict.surprise[k])
    moved = times >= min(_UNUSUAL, times.max())
    off = residuals(Boxes.of([0], [0], written), place[None])[0]
    told = [
        f"{_SIDES[s]} {abs(off[s]):.0%} too far {'out' if off[s] > 0 else 'in'}"
        f" (usual for right labels: {verdict.floor[k, s]:.0%})"
        for s in np.flatnonzero(moved)
    ]
    return ", ".join(told), Fix("change", xyxy=_corners(np.where(moved, place, written)))


def _corners(xyxy: Floats) -> Corners:
    x1, y1, x2, y2 = (round(float(value), 2) for value in xyxy)
    return x1, y1, x2, y2
