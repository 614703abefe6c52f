"""The run of `boxwright train`: a prepared folder -> a trained, evaluated model in a run folder."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from pipeline import manifest
from pipeline.progress import Track, silent
from pipeline.training import checks, places
from pipeline.training.options import TrainOptions
from pipeline.training.places import Again

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.dataset import Boxes
    from pipeline.evaluation.mismatch import MismatchOptions
    from pipeline.evaluation.run import EvaluateOptions
    from pipeline.models import Epoch

__all__ = ["Audience", "TrainOptions", "train"]

log = logging.getLogger(__name__)


class Audience:
    """Who is told how a training goes; this one shows nothing.

    Attributes:
        track: Shows the progress of reading and evaluating.
    """

    def __init__(self, track: Track = silent) -> None:
        self.track = track

    def batch(self, epoch: int, epochs: int, done: int, batches: int) -> None:
        """A batch is done."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is done and its checkpoint is written."""


def train(  # noqa: PLR0913 - what to train, and what follows it
    prepared: Path,
    options: TrainOptions,
    out: Path,
    *,
    again: Again = "",
    evaluation: EvaluateOptions | None = None,
    mismatch: MismatchOptions | None = None,
    audience: Audience | None = None,
) -> dict[str, Any]:
    """Train a model, evaluate it on the split val, and leave a run folder.

    Args:
        prepared: What `boxwright convert` made.
        options: How to train.
        out: The run's folder; `out`-2 and so on where another run has that name.
        again: "resume" goes on with an unfinished run; "force" begins it anew, and makes a finished
            one again.
        evaluation: How to evaluate; None: the defaults.
        mismatch: How to compare the splits, where there is a train_dev or test; None: the defaults.
        audience: Told after every batch and epoch.

    Returns:
        The run's manifest, with its folder as `run`, and `unchanged` where there was nothing to do.

    Raises:
        BoxwrightError: Everything that is wrong with options and data, before anything starts; an
            unfinished run that is in the way; or what ended the training.
    """
    told = audience or Audience()
    plan = checks.plan(prepared, options, out.parent, told.track)
    place = places.choose(out, plan.fingerprint, plan.identity, again)
    if place.done:
        log.info("%s: unchanged, nothing to do.", place.final)
        return _summary(place.final, unchanged=True)
    if place.final.name != out.name:
        log.info("%s is another run and stays; this one becomes %s.", out, place.final)
    log.info("%s on %s: %s", plan.source.name, plan.device, plan.source.note)
    with places.building(place, plan.identity) as folder:
        _write_options(plan, options, folder)
        _fit(plan, place, folder, told)
        record = _record(plan, place, folder, options)
        _compare(folder, prepared, mismatch, evaluation, told.track)
        metrics = _evaluate(folder, prepared, evaluation, record, told.track)
        manifest.write(folder, places.KIND, {**record, "metrics": metrics})
    return _summary(place.final, unchanged=False)


def _fit(plan: checks.Plan, place: places.Place, folder: Path, told: Audience) -> None:
    """Train, or go on training, unless that is done already and only the rest is missing."""
    from pipeline.models import ultralytics as family

    if place.resume:
        done = family.epochs_done(folder / "weights" / "last.pt")
        log.info("%s: going on after epoch %s.", folder, done or "the last")
        if done is None:
            family.finish(folder)
            return
    watch = _Watch(folder, plan.data.classes, told)
    family.train(plan.source, plan.data, plan.arguments, folder, watch=watch, resume=place.resume)


@dataclass(frozen=True)
class _Watch:
    """Keeps drawn sample batches in the run folder and tells the audience the rest."""

    folder: Path
    classes: tuple[str, ...]
    audience: Audience

    @property
    def track(self) -> Track:
        return self.audience.track

    def batch(self, epoch: int, epochs: int, done: int, batches: int) -> None:
        self.audience.batch(epoch, epochs, done, batches)

    def epoch(self, epoch: Epoch) -> None:
        self.audience.epoch(epoch)

    def sample(
        self, number: int, names: Sequence[str], pictures: Sequence[NDArray[np.uint8]], boxes: Boxes
    ) -> None:
        from pipeline.training import batches

        sheet = batches.sheet(names, pictures, boxes, self.classes)
        batches.save(self.folder / f"train_batch{number}.jpg", sheet)


def _write_options(plan: checks.Plan, options: TrainOptions, folder: Path) -> None:
    """The options as a config's `train` block, to use again."""
    block = {key: str(v) if isinstance(v, Path) else v for key, v in asdict(options).items()}
    block["transforms"] = plan.identity["options"]["transforms"] or None
    text = yaml.safe_dump({"train": block}, allow_unicode=True, sort_keys=False)
    hyp = yaml.safe_dump({options.hyp: plan.identity["options"]["hyp"]}, allow_unicode=True)
    noted = "".join(f"# {line}\n" for line in hyp.splitlines())
    manifest.write_text(folder / "config.yaml", f"{text}\n# hyp:\n{noted}")


def _record(
    plan: checks.Plan, place: places.Place, folder: Path, options: TrainOptions
) -> dict[str, Any]:
    """How the run was made: its manifest, but for the metrics."""
    rows = (folder / "results.csv").read_text(encoding="utf-8").splitlines()
    return {
        "name": place.final.name,
        "device": plan.device,
        "epochs": {"asked": options.epochs, "done": len(rows) - 1},
        **plan.identity,
        "fingerprint": plan.fingerprint,
    }


def _compare(
    folder: Path,
    prepared: Path,
    options: MismatchOptions | None,
    looking: EvaluateOptions | None,
    track: Track,
) -> None:
    """Write mismatch.json: the best weights' scores on all splits, and the gaps between them."""
    from pipeline.evaluation import mismatch, written
    from pipeline.evaluation.run import EvaluateOptions
    from pipeline.formats import yolo

    options, looking = options or mismatch.MismatchOptions(), looking or EvaluateOptions()
    dataset = yolo.read(prepared, track)
    if options.after_training and mismatch.worth_it(dataset):
        best = folder / "weights" / "best.pt"
        table = mismatch.compare(best, dataset, options, looking, track)
        written.write_json(folder / mismatch.FILE, {"table": table, "distance": None})


def _evaluate(
    folder: Path,
    prepared: Path,
    options: EvaluateOptions | None,
    record: dict[str, Any],
    track: Track,
) -> dict[str, Any]:
    """Evaluate the best weights into the run folder; returns the headline numbers."""
    from pipeline.evaluation.run import EvaluateOptions, evaluate

    best = folder / "weights" / "best.pt"
    found = evaluate(best, prepared, options or EvaluateOptions(), folder, track=track, run=record)
    return {key: found[key] for key in ("mAP50-95", "mAP50") if key in found}


def _summary(run: Path, *, unchanged: bool) -> dict[str, Any]:
    return {"run": str(run), "unchanged": unchanged, **(manifest.read(run) or {})}
