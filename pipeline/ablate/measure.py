"""One training, measured on the validation pictures upright and turned."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import __version__, manifest, polygons
from pipeline.ablate.options import METRICS, AblateOptions
from pipeline.augment.turned import turned
from pipeline.balance.outlines import annotated
from pipeline.dataset import Bools, Boxes, Dataset, Ints
from pipeline.engine import shards
from pipeline.evaluation import coco, resampling
from pipeline.evaluation.curves import curves
from pipeline.evaluation.metrics import summary
from pipeline.evaluation.run import EvaluateOptions, predict
from pipeline.formats import yolo
from pipeline.progress import Track, silent

FILE = "ablation.json"  # in each run's folder
VIEWS = ("upright", "turned")
APART = 0.05  # of a box's side, between it and its drawn outline's hull


@dataclass(frozen=True, eq=False)
class Truth:
    """The validation pictures of a prepared folder.

    Attributes:
        upright: As they are, with outlines where anybody drew or guessed one.
        kinds: Boxes whose outline is ``drawn``, is ``guessed`` by `convert`, or that are only a
            ``box``, which is too large once it is turned.
    """

    upright: Dataset
    kinds: dict[str, int]


def truth(prepared: Path, track: Track = silent) -> Truth:
    """Read the split val with all that is known of its outlines and crowds."""
    val = yolo.read(prepared, track).of_split("val")
    coco.check(val)
    known = annotated(val).boxes  # none but drawn outlines
    drawn = _fits(known)
    guessed = polygons.has(val.boxes.outline) & ~drawn
    parts = ((drawn, known.outline), (guessed, val.boxes.outline))
    taken = [(np.flatnonzero(mask), outline.take(mask)) for mask, outline in parts]
    boxes = replace(known, outline=polygons.gathered(len(known), taken))
    masks = {"drawn": drawn, "guessed": guessed, "box": ~drawn & ~guessed}
    kinds = {name: int(mask.sum()) for name, mask in masks.items()}
    return Truth(replace(val, boxes=boxes), kinds)


def _fits(boxes: Boxes) -> Bools:
    """(M,) boxes whose outline has about the box for its hull; the box is what is true."""
    sides = np.maximum(boxes.xyxy[:, 2:] - boxes.xyxy[:, :2], 1)
    apart = np.abs(polygons.hulls(boxes.outline) - boxes.xyxy) / np.tile(sides, 2)
    fits: Bools = (apart <= APART).all(axis=1)  # none fits where there is no outline: NaN
    return fits


class Measurer:
    """Measures runs on the same pictures; what a run's folder holds already is taken from it.

    Args:
        upright: The validation pictures.
        options: How far they are turned, and how often resampled.
        looking: How the models look at them.
        folder: For the turned pictures, which are made when they are needed.
        track: Shows progress.
    """

    def __init__(
        self,
        upright: Dataset,
        options: AblateOptions,
        looking: EvaluateOptions,
        folder: Path,
        track: Track = silent,
    ) -> None:
        self.upright = upright
        self.options = options
        self.looking = looking
        self.folder = folder
        self.track = track

    @cached_property
    def turned(self) -> Dataset:
        """The pictures turned."""
        made = self._turn(self.upright)
        coco.check(made)
        return made

    def some_turned(self, count: int) -> Dataset:
        """At most so many of the turned pictures that hold a box, from all over the split."""
        held = np.unique(self.upright.boxes.image)
        rows = held[np.linspace(0, len(held) - 1, min(count, len(held))).astype(np.int64)]
        mask = np.isin(np.arange(len(self.upright.images)), rows)
        there = self.__dict__.get("turned")  # made where anything had to be measured
        return there.keep_images(mask) if there else self._turn(self.upright.keep_images(mask))

    def _turn(self, dataset: Dataset) -> Dataset:
        with shards(track=self.track) as mapped:
            return turned(dataset, self.options.degrees, self.options.seed, self.folder, mapped)

    def measure(self, run: Path) -> dict[str, Any]:
        """How good a run's best weights are; see `_measure`."""
        key = self._key(run)
        found = _read(run / FILE)
        if found.get("key") != key:
            found = {"key": key, **self._measure(run / "weights" / "best.pt")}
            manifest.write_text(run / FILE, json.dumps(found, ensure_ascii=False) + "\n")
        return found

    def _key(self, run: Path) -> str:
        """All that the numbers depend on."""
        told = hashlib.sha256(content(self.upright).encode())
        looking = {k: v for k, v in asdict(self.looking).items() if k not in {"device", "batch"}}
        ours = {k: v for k, v in asdict(self.options).items() if k in {"degrees", "rounds", "seed"}}
        trained = (manifest.read(run) or {}).get("fingerprint")
        told.update(json.dumps([__version__, trained, looking, ours], sort_keys=True).encode())
        return told.hexdigest()

    def _measure(self, weights: Path) -> dict[str, Any]:
        """By view the scores, each class's and the resampled; and the confidence of the recalls.

        Recall and precision are at IoU 0.5 and, in both views, at the confidence that serves best
        upright: that is the one a user would set.
        """
        views = {"upright": self.upright, "turned": self.turned}
        said = {
            name: predict(weights, view, self.looking, self.track) for name, view in views.items()
        }
        scored = {name: coco.score(view, said[name], self.track) for name, view in views.items()}
        curve = {name: curves(scores.hits) for name, scores in scored.items()}
        at = curve["upright"].best
        found: dict[str, Any] = {"confidence": round(float(curve["upright"].confidence[at]), 3)}
        for name, view in views.items():
            own = summary(view, said[name], scored[name], replace(curve[name], best=at))
            found[name] = {
                **{key: own[key] for key in (*METRICS, "recall", "precision", "classes")},
                "draws": self._draws(view, said[name]),
            }
        return found

    def _draws(self, view: Dataset, said: Dataset) -> dict[str, list[float]]:
        labels = present(view).tolist()
        rounds, seed = self.options.rounds, self.options.seed
        drawn = resampling.scores(view, said, labels, rounds, seed)
        each = {name: np.round(one.draws, 6) for name, one in drawn.items()}
        return {name: draws[~np.isnan(draws)].tolist() for name, draws in each.items()}


def present(dataset: Dataset) -> Ints:
    """The classes that have a box to find."""
    return np.unique(dataset.boxes.label[~dataset.boxes.crowd])


def content(dataset: Dataset) -> str:
    """A hash of names, groups, sizes and boxes, crowds and outlines among them."""
    images, boxes = dataset.images, dataset.boxes
    names = [*dataset.classes, *images.name, *images.group]
    told = hashlib.sha256(json.dumps(names, ensure_ascii=False).encode())
    columns = (boxes.image, boxes.label, boxes.xyxy, boxes.crowd, boxes.outline.points)
    for column in (images.size, *columns, boxes.outline.start):
        told.update(np.ascontiguousarray(column).tobytes())
    return told.hexdigest()


def _read(file: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found
