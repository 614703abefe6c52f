"""What the report tells, gathered from an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.dataset import Dataset
from pipeline.evaluation import confusion
from pipeline.report import words
from pipeline.stats import stats
from pipeline.stats.numbers import IMGSZ

if TYPE_CHECKING:
    from pipeline.evaluation.findings import Findings


@dataclass(frozen=True)
class Sample:
    """One picture with its boxes drawn.

    Attributes:
        file: Path below the report's folder.
        name: Of the picture in the data set.
        caption: What went wrong in it, in words.
        worst: Whether it is shown for its mistakes.
    """

    file: str
    name: str
    caption: str
    worst: bool


@dataclass(frozen=True)
class Facts:
    """What a report tells.

    Attributes:
        title: The run's name.
        split: What was measured on.
        metrics: As in metrics.json.
        confusions: What is there, what the model said, how often; the most frequent first.
        samples: Pictures to show.
        data: As from `pipeline.stats.stats`.
        made: How the run was made; nested plain data.
    """

    title: str
    split: str
    metrics: Mapping[str, Any]
    confusions: list[tuple[str, str, int]]
    samples: list[Sample]
    data: Mapping[str, Any]
    made: Mapping[str, Any]


def facts(out: Path, findings: Findings, dataset: Dataset, made: Mapping[str, Any]) -> Facts:
    """Gather what the report of an evaluation tells.

    Args:
        out: The report's folder.
        findings: Of one split.
        dataset: All splits.
        made: How it was made: at least ``run``, its name, and ``evaluation``, its options.
    """
    split = made["evaluation"]["split"]
    trained = made.get("training", {}).get("options", {})
    imgsz = made["evaluation"].get("imgsz") or trained.get("imgsz") or IMGSZ
    return Facts(
        title=str(made["run"]),
        split=split,
        metrics=findings.metrics,
        confusions=confusion.most_confused(findings.counts, dataset.classes),
        samples=_samples(out, findings, dataset.of_split(split)),
        data=stats(dataset, imgsz),
        made=made,
    )


def _samples(out: Path, findings: Findings, truth: Dataset) -> list[Sample]:
    rows = np.concatenate([findings.worst, findings.others]).tolist()
    return [
        Sample(
            file=file.relative_to(out).as_posix(),
            name=truth.images.name[row],
            caption=_caption(findings.mistakes, row),
            worst=place < len(findings.worst),
        )
        for place, (row, file) in enumerate(zip(rows, findings.files, strict=True))
    ]


def _caption(wrong: confusion.Mistakes, row: int) -> str:
    counts = (wrong.missed[row], wrong.false[row], wrong.confused[row])
    return words.picture(*(int(count) for count in counts))
