"""Ultralytics' training loop on our data set, with what it leaves to be wished for.

It trains on the labels that we have read and checked: no second scan of the files, no cache files
beside them, no picture "restored" in place, no `download:` script of a data.yaml run. Checkpoints
are written whole or not at all, so that a kill at any moment leaves one to resume from.

Import this file only after `library.load()`, which it does itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import boxes as geometry
from pipeline.dataset import Boxes, Dataset
from pipeline.models import Epoch, Watch
from pipeline.models.ultralytics import kept, library, loader
from pipeline.models.ultralytics.zoo import Source

library.load()

import torch  # noqa: E402
from ultralytics.engine import trainer as engine  # noqa: E402
from ultralytics.models.rtdetr.train import RTDETRTrainer  # noqa: E402
from ultralytics.models.yolo.detect import DetectionTrainer  # noqa: E402

_METRICS = {
    "metrics/precision(B)": "precision",
    "metrics/recall(B)": "recall",
    "metrics/mAP50(B)": "mAP50",
    "metrics/mAP50-95(B)": "mAP50-95",
}


@dataclass(frozen=True)
class Job:
    """What one training is about.

    Attributes:
        source: The model to start from.
        data: Pictures and labels of the splits train and val.
        quarter_turns: Share of training pictures that are turned by 90, 180 or 270 degrees.
        transforms: Albumentations' transforms, as `augment.transforms.load` gives them.
        threads: CPU threads for torch.
        workers: Processes that load pictures.
        watch: Told how far it is.
    """

    source: Source
    data: Dataset
    quarter_turns: float
    transforms: Sequence[Any]
    threads: int
    workers: int
    watch: Watch


class _OnOurData:
    """What both kinds of training share. No name ends in "Trainer": such get trackers attached."""

    dataset: Callable[..., Any]
    rect = False
    args: Any
    model: Any
    job: Job

    def __init__(self, job: Job, arguments: Mapping[str, Any]) -> None:
        self.job = job
        super().__init__(overrides=dict(arguments))  # type: ignore[call-arg]
        self.args.workers = job.workers  # it allows none on a CPU, and one thread on two cores
        torch.set_num_threads(job.threads)

    def get_dataset(self) -> dict[str, Any]:
        data = self.job.data
        return {
            "train": "train",
            "val": "val",
            "names": dict(enumerate(data.classes)),
            "nc": len(data.classes),
            "channels": 3,
            "quarter_turns": self.job.quarter_turns,
            "transforms": self.job.transforms,
            loader.KEY: {split: data.of_split(split) for split in ("train", "val")},
        }

    def setup_model(self) -> Any:
        if self.resume:  # type: ignore[attr-defined]
            return super().setup_model()  # type: ignore[misc]
        source = self.job.source
        self.model = self.get_model(dict(source.architecture), source.model)  # type: ignore[attr-defined]
        return None

    def build_dataset(self, img_path: str, mode: str = "train", batch: int | None = None) -> Any:
        cache = self.args.cache if self.args.cache != "none" else None
        stride = int(self.model.stride.max()) if hasattr(self.model, "stride") else 32
        training = mode == "train"
        return self.dataset(
            img_path=img_path,
            imgsz=self.args.imgsz,
            batch_size=batch,
            augment=training,
            hyp=self.args,
            rect=self.rect and not training,
            cache=cache or None,
            shelf=self._shelf() if cache in {"small", "disk"} else None,
            stride=max(stride, 32),
            pad=0.0 if training else 0.5,
            data=self.data,  # type: ignore[attr-defined]
        )

    def _shelf(self) -> kept.Shelf:
        """Beside the runs: those of one folder share what they keep."""
        runs = Path(self.save_dir).parent  # type: ignore[attr-defined]
        return kept.Shelf(runs / kept.FOLDER, self.job.watch.track)

    def get_validator(self) -> Any:
        validator = super().get_validator()  # type: ignore[misc]
        validator.args.plots = False  # our own evaluation draws
        return validator

    def _setup_train(self) -> None:
        check, engine.check_amp = engine.check_amp, _mixed_precision_works
        try:
            super()._setup_train()  # type: ignore[misc]
        finally:
            engine.check_amp = check
        steps = self.epochs * len(self.train_loader) / self.accumulate  # type: ignore[attr-defined]
        self.ema.decay = _decay(steps)  # type: ignore[attr-defined]

    def resume_training(self, ckpt: Any) -> None:
        super().resume_training(ckpt)  # type: ignore[misc]
        if self.resume:  # type: ignore[attr-defined]
            _keep_rows(self.csv, self.start_epoch)  # type: ignore[attr-defined]

    def save_model(self) -> bool:
        """Write the checkpoints beside their places first: a kill leaves the ones before."""
        places = {name: getattr(self, name) for name in ("best", "last")}
        for name, path in places.items():
            setattr(self, name, path.with_name(f".{path.name}.part"))
        try:
            super().save_model()  # type: ignore[misc]
            for name, path in places.items():
                if getattr(self, name).exists():
                    getattr(self, name).replace(path)
        finally:
            for name, path in places.items():
                setattr(self, name, path)
        return True

    def final_eval(self) -> None:
        """Nothing: the checkpoints are slimmed by `finish`, and our own evaluation measures."""

    def plot_training_samples(self, batch: dict[str, Any], ni: int) -> None:
        pictures = batch["img"].detach().float().cpu().numpy().transpose(0, 2, 3, 1)[..., ::-1]
        pixels = np.ascontiguousarray((pictures * 255).round().astype(np.uint8))
        order = torch.argsort(batch["batch_idx"].cpu(), stable=True).numpy()
        size = np.array([pixels.shape[2], pixels.shape[1]])
        boxes = Boxes.of(
            batch["batch_idx"].cpu().numpy()[order],
            batch["cls"].cpu().numpy()[order].reshape(-1),
            geometry.xywhn_to_xyxy(batch["bboxes"].cpu().numpy()[order].astype(np.float64), size),
        )
        names = [Path(path).name for path in batch["im_file"]]
        self.job.watch.sample(ni, names, list(pixels), boxes)

    def plot_training_labels(self) -> None:
        """Nothing: `boxwright stats` shows the labels."""

    def plot_metrics(self) -> None:
        """Nothing: the curves are drawn from results.csv when the run ends."""


class YoloRun(_OnOurData, DetectionTrainer):  # type: ignore[misc]
    """Training of a YOLO; validates on rectangular batches."""

    dataset = loader.YoloPictures
    rect = True


class RtdetrRun(_OnOurData, RTDETRTrainer):  # type: ignore[misc]
    """Training of an RT-DETR, whose pictures are stretched to squares."""

    dataset = loader.RtdetrPictures


def run(job: Job, arguments: Mapping[str, Any]) -> None:
    """Train, telling `job.watch` after every batch and epoch."""
    kind = RtdetrRun if job.source.transformer else YoloRun
    trainer = kind(job, arguments)
    trainer.add_callback("on_train_batch_end", _tell_batch)
    trainer.add_callback("on_train_epoch_start", _start_count)
    trainer.add_callback("on_fit_epoch_end", _tell_epoch)
    trainer.train()


def _decay(steps: float) -> Callable[[int], float]:
    """How much of the averaged weights an update keeps, by the number of the update.

    Ultralytics' average (0.9999, reached over 2,000 updates) is made for 100,000 steps: a training
    of some hundred ends before it averages anything, and its score jumps from epoch to epoch. Here
    the average spans a tenth of the training, and never more than ultralytics'.
    """
    most = min(0.9999, max(0.0, 1 - 10 / steps))
    ramp = min(2000.0, steps / 10)
    return lambda update: most * (1 - math.exp(-update / ramp))


def _start_count(trainer: Any) -> None:
    trainer.batches_done = 0


def _tell_batch(trainer: Any) -> None:
    trainer.batches_done += 1
    total = len(trainer.train_loader)
    trainer.job.watch.batch(trainer.epoch + 1, trainer.epochs, trainer.batches_done, total)


def _tell_epoch(trainer: Any) -> None:
    metrics = {ours: float(trainer.metrics[key]) for key, ours in _METRICS.items()}
    losses = {key.removesuffix("_loss"): float(value) for key, value in trainer.tloss.items()}
    best = trainer.best_fitness == trainer.fitness
    trainer.job.watch.epoch(Epoch(trainer.epoch + 1, trainer.epochs, losses, metrics, best=best))


def _keep_rows(table: Path, epochs: int) -> None:
    """Drop the rows of epochs that a kill came before the checkpoint of."""
    if not table.exists():
        return
    header, *rows = table.read_text(encoding="utf-8").splitlines()
    kept = [row for row in rows if int(row.split(",")[0]) <= epochs]
    table.write_text("\n".join([header, *kept, ""]), encoding="utf-8")


def _mixed_precision_works(model: Any) -> bool:
    """Whether half precision gives finite numbers on this GPU.

    Stands in for ultralytics' check, which downloads a model to compare with; this one looks for
    what it is there to find (GeForce GTX 16xx: NaN) with the model itself.
    """
    device = next(model.parameters()).device
    if device.type != "cuda":
        return False
    works = finite_at_half_precision(model, device)
    if not works:
        library.log.warning("half precision gives no finite numbers on this GPU: training without.")
    return works


def finite_at_half_precision(model: Any, device: Any) -> bool:
    """Whether a model gives finite numbers for a picture where torch may round to 16 bits."""
    picture = torch.linspace(0, 1, 3 * 128 * 128, device=device).reshape(1, 3, 128, 128)
    training = model.training
    with torch.no_grad(), torch.autocast(device.type):
        given = model.eval()(picture)
    model.train(training)
    first = given[0] if isinstance(given, list | tuple) else given
    return bool(torch.isfinite(first).all())
