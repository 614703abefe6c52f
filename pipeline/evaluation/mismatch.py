"""One model scored on train, train_dev, val and test, and what the gaps between them say."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from pipeline.dataset import Bools, Dataset, Ints, Strings
from pipeline.evaluation import advice, coco_file, gaps
from pipeline.evaluation import run as evaluation
from pipeline.evaluation.resampling import METRICS, Score, interval, scores, units
from pipeline.evaluation.run import EvaluateOptions
from pipeline.progress import Track, silent

log = logging.getLogger(__name__)

FILE = "mismatch.json"
Count = Annotated[int, msgspec.Meta(ge=1)]


@dataclass(frozen=True)
class MismatchOptions:
    """How to compare splits and sources.

    Attributes:
        pictures: At most this many of each split or source are looked at, a seeded sample by
            whole groups.
        wanted: The score that could be reached: 1, or what people reach.
        metric: By which the gaps are judged. The wanted score of mAP50-95 is hardly 1: boxes that
            two people draw differ.
        rounds: Resamples for the intervals.
        permutations: For the floor under the distances between sources.
        by: What a source is: an origin (auto: where there are several), else a split.
        after_training: Whether `boxwright train` makes the table too.
        seed: Of the samples, resamples and permutations.
    """

    pictures: Count = 500
    wanted: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    metric: Literal["mAP50", "mAP50-95"] = "mAP50"
    rounds: Annotated[int, msgspec.Meta(ge=20)] = 300
    permutations: Annotated[int, msgspec.Meta(ge=199)] = 999
    by: Literal["auto", "origin", "split"] = "auto"
    after_training: bool = True
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0


def compare(
    weights: Path,
    dataset: Dataset,
    options: MismatchOptions,
    looking: EvaluateOptions,
    track: Track = silent,
) -> dict[str, Any]:
    """Score a model on every split of a prepared folder and read the gaps.

    Pictures are shown as they are, those of train too: no augmentation. Train is sampled down to
    as many pictures as val, so that both scores vary alike.

    Args:
        weights: The model's file.
        dataset: All splits, from `formats.yolo.read`.
        options: How to compare.
        looking: How the model looks at pictures; its `split` and `samples` are not looked at.
        track: Shows progress.

    Returns:
        Plain data for JSON, see docs/mismatch.md: ``splits``, ``val_by_origin``, ``gaps``,
        ``largest``, ``sentences``, ``to_try``.

    Raises:
        BoxwrightError: No weights file, or other classes than those of the data.
        DataError: A picture that cannot be read.
    """
    chosen = _with_crowds(dataset.keep_images(_chosen(dataset, options)))
    predictions = evaluation.predict(weights, chosen, looking, track)
    parts = {name: chosen.of_split(name) for name in gaps.STEPS if name in set(chosen.images.split)}
    parts = {name: part for name, part in parts.items() if _there(part).any()}
    labels = _shared(parts.values())
    rows, found = {}, {}
    for name, part in track(parts.items(), "resampling", len(parts)):
        own, seed = predictions.of_split(name), (options.seed, list(gaps.STEPS).index(name))
        found[name] = scores(part, own, labels, options.rounds, seed)
        total = int(np.count_nonzero(dataset.images.split == name))
        rows[name] = {"split": name, **_row(part, found[name]), "of": total}
    return {
        **_read(found, options),
        "splits": list(rows.values()),
        "val_by_origin": _by_origin(chosen, predictions, labels, options),
        "classes": [dataset.classes[label] for label in labels],
        "left_out": [name for i, name in enumerate(dataset.classes) if i not in labels],
        "options": asdict(options),
    }


def worth_it(dataset: Dataset) -> bool:
    """Whether there is more than train and val to compare."""
    return bool({"train_dev", "test"} & set(dataset.images.split))


def sample(rows: Ints, group: Strings, count: int, seed: int) -> Ints:
    """Rows (R,) cut down to `count`, by whole groups but for the last, sorted."""
    if len(rows) <= count:
        return rows
    unit = units(group[rows])
    place = np.random.default_rng(seed).permutation(int(unit.max()) + 1)
    return np.sort(rows[np.argsort(place[unit], kind="stable")[:count]])


def _chosen(dataset: Dataset, options: MismatchOptions) -> Bools:
    """(N,) which pictures are looked at."""
    split, mask = dataset.images.split, np.zeros(len(dataset.images), dtype=bool)
    of_val = int(np.count_nonzero(split == "val")) or options.pictures
    for name in gaps.STEPS:
        most = min(options.pictures, of_val) if name == "train" else options.pictures
        rows = np.flatnonzero(split == name)
        mask[sample(rows, dataset.images.group, most, options.seed)] = True
    return mask


def _with_crowds(chosen: Dataset) -> Dataset:
    """The crowds that the COCO files beside the splits name."""
    crowd = chosen.boxes.crowd.copy()
    for name in set(chosen.images.split):
        part = chosen.of_split(name)
        known = coco_file.read(chosen.root / "annotations" / f"{name}.json", part)
        own = (chosen.images.split == name)[chosen.boxes.image]
        crowd[own] = coco_file.mark_crowds(part, known).boxes.crowd
    return replace(chosen, boxes=replace(chosen.boxes, crowd=crowd))


def _there(part: Dataset) -> Bools:
    """(K,) which classes have a box to find."""
    counts = np.bincount(part.boxes.label[~part.boxes.crowd], minlength=len(part.classes))
    return np.asarray(counts > 0)


def _shared(parts: Iterable[Dataset]) -> list[int]:
    """The classes that have boxes in all of them."""
    there = [_there(part) for part in parts]
    return np.flatnonzero(np.all(there, axis=0)).tolist() if there else []


def _row(part: Dataset, found: dict[str, Score]) -> dict[str, Any]:
    return {
        "pictures": len(part.images),
        "boxes": int(np.count_nonzero(~part.boxes.crowd)),
        "independent": int(units(part.images.group).max(initial=-1)) + 1,
        **{name: _plain(found[name]) for name in METRICS},
    }


def _plain(score: Score) -> dict[str, Any]:
    value = None if np.isnan(score.value) else round(score.value, 4)
    return {"value": value, "interval": interval(score.draws, 0, 1)}


def _read(found: dict[str, dict[str, Score]], options: MismatchOptions) -> dict[str, Any]:
    """The gaps of the metric chosen, and what they say."""
    own = {name: score[options.metric] for name, score in found.items()}
    between = gaps.gaps(own, options.wanted)
    verdict = gaps.judge(between)
    return {
        "metric": options.metric,
        "wanted": options.wanted,
        "gaps": [gap.plain() for gap in between],
        "largest": verdict.largest.name if verdict.largest else None,
        "rivals": [gap.name for gap in verdict.rivals],
        "sentences": advice.sentences(between, verdict),
        "to_try": advice.to_try(verdict),
    }


def _by_origin(
    chosen: Dataset, predictions: Dataset, labels: Sequence[int], options: MismatchOptions
) -> list[dict[str, Any]]:
    """The score on val for each origin, over the classes that all of them have there."""
    val, said = chosen.of_split("val"), predictions.of_split("val")
    origins = sorted(set(val.images.origin))
    if len(origins) < 2:
        return []
    masks = {name: np.asarray(val.images.origin == name, dtype=bool) for name in origins}
    parts = {name: val.keep_images(mask) for name, mask in masks.items()}
    both = [label for label in _shared(parts.values()) if label in labels]
    rows = []
    for name, part in parts.items():
        own = said.keep_images(masks[name])
        found = scores(part, own, both, options.rounds, options.seed)
        rows.append({"origin": name, **_row(part, found), "classes": len(both)})
    return rows
