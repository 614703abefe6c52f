"""The run of `boxwright augment`: what a preset makes of pictures and labels, shown and counted."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from pipeline import config, manifest
from pipeline.errors import BoxwrightError
from pipeline.progress import Track, silent
from pipeline.training import presets

if TYPE_CHECKING:
    from pipeline.dataset import Bools, Dataset
    from pipeline.models.ultralytics.shown import Loader

KIND = "augmentation"
SHEET, TABLE, RECORD = "sheet.jpg", "account.csv", "account.json"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AugmentOptions:
    """What to show.

    Attributes:
        hyp: A preset or a file like one; in a config that of the block `train`, if it has one.
        imgsz: Side of the training pictures, in pixels; likewise.
        stretch: Show pictures as an RT-DETR is shown them: stretched to squares.
        count: Training pictures on the sheet.
        boxes: Of each class that are followed for the table, at least; 0 for no table.
        seed: Another seed draws other pictures.
        transforms: Transforms of Albumentations, a list or the YAML file that holds one: training
            uses them too, and `--write` makes variants of pictures with them.
        min_visible: Of `--write`: an object of which less than this share is left has no label.
        font: A font file to prefer for the names.
    """

    hyp: str = "moderate"
    imgsz: Annotated[int, msgspec.Meta(ge=32, le=8192)] = 640
    stretch: bool = False
    count: Annotated[int, msgspec.Meta(ge=1, le=400)] = 16
    boxes: Annotated[int, msgspec.Meta(ge=0)] = 300
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    transforms: list[Any] | str | None = None
    min_visible: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.1
    font: Path | None = None


@dataclass(frozen=True)
class Job:
    """What to read, how, and the folder to make."""

    prepared: Path
    options: AugmentOptions
    out: Path


def plan(source: Path, flags: Mapping[str, Any], out: Path | None = None) -> Job:
    """A prepared folder, or that of a config with the preset and size that it trains with.

    Args:
        source: Either.
        flags: What the command line gave; None where it gave nothing.
        out: The folder to make; None: augment-<preset> among the runs.

    Raises:
        BoxwrightError: A config or a flag that is wrong.
    """
    block: dict[str, Any] = {}
    prepared, runs, name = source, Path("runs"), source.absolute().name
    if config.is_config(source):
        run = config.load(source)
        prepared, runs, name = run.prepared, run.runs, run.name
        block = {**_trained(run.training()), **run.block("augment")}
    options = config.options(AugmentOptions, block, flags)
    return Job(prepared, options, out or runs / f"augment-{name}-{Path(options.hyp).stem}")


def write(
    source: Path,
    flags: Mapping[str, Any],
    variants: int,
    out: Path | None = None,
    *,
    force: bool = False,
    track: Track = silent,
) -> dict[str, Any]:
    """Write a tree with variants of its training pictures, see `offline.write`.

    Args:
        source: A prepared folder, or a config.
        flags: What the command line gave; None where it gave nothing.
        variants: Of each picture.
        out: The folder to make; None: beside the prepared one.
        force: Replace it, whatever it is.
        track: Shows progress.

    Returns:
        The manifest, with the folder as ``out``.
    """
    from pipeline.augment import offline

    job = plan(source, flags)
    given = job.options
    out = out or job.prepared.absolute().with_name(f"{job.prepared.absolute().name}-augmented")
    options = offline.WriteOptions(variants, given.transforms, given.min_visible, given.seed)
    made = offline.write(job.prepared, out, options, force=force, track=track)
    return {**made, "out": str(out)}


def _trained(block: Mapping[str, Any]) -> dict[str, Any]:
    """What the training of a config says of its pictures."""
    same = {key: value for key, value in block.items() if key in ("hyp", "imgsz", "transforms")}
    return {**same, "stretch": Path(str(block.get("model", ""))).name.startswith("rtdetr")}


def show(job: Job, *, force: bool = False, track: Track = silent) -> dict[str, Any]:
    """Draw the contact sheet and count what becomes of the boxes, into the job's folder.

    Args:
        job: From `plan`.
        force: Replace the output folder, whatever it is.
        track: Shows progress.

    Returns:
        ``preset``, ``hyp`` (its values), ``imgsz``, ``transforms`` (of Albumentations),
        ``classes``, ``outlines`` (how many boxes have one of their ``own``, and for how many the
        inscribed ``ellipse`` stands in), ``account`` (see `account.lines`: for each what
        `account.account` gives), ``warnings`` and ``notes``, in words.

    Raises:
        BoxwrightError: No such preset, no picture with a box in the split train, or an output
            folder that is not ours to replace.
        DataError: A picture that cannot be decoded.
    """
    from pipeline.augment import account, mirror, told, transforms

    manifest.check_replaceable(job.out, KIND, force=force)
    options, hyp = job.options, presets.load(job.options.hyp)
    entries = transforms.load(options.transforms, options.imgsz)
    data = _training(job.prepared, track)
    whole, own = account.truth(data)
    views = _Views(data, whole, own, entries, options)
    with manifest.new_folder(job.out, KIND, force=force) as folder:
        _draw(folder / SHEET, views, hyp, track)
        table = _account(views, hyp, track)
        found: dict[str, Any] = {
            "preset": options.hyp,
            "hyp": hyp,
            "imgsz": options.imgsz,
            "classes": list(data.classes),
            "outlines": {"own": int(own.sum()), "ellipse": int((~own).sum())},
            "account": table,
            "transforms": entries,
            "warnings": [
                *mirror.warnings(data.classes, hyp),
                *presets.doubts(hyp, options.imgsz, outlined=bool(len(data.boxes.outline.points))),
                *told.warnings(table, options.hyp, data.classes),
            ],
            "notes": told.notes(table),
        }
        manifest.write_text(folder / RECORD, json.dumps(found, indent=2, ensure_ascii=False) + "\n")
        if table:
            manifest.write_csv(folder / TABLE, *told.rows(table, data.classes))
        manifest.write(
            folder, KIND, {key: found[key] for key in ("preset", "hyp", "imgsz", "transforms")}
        )
    for sentence in found["warnings"]:
        log.warning("%s", sentence)
    return found


@dataclass(frozen=True)
class _Views:
    """The training data as it is trained on, and with an outline for every box, its own or not."""

    data: Dataset
    whole: Dataset
    own: Bools
    transforms: Sequence[Any]
    options: AugmentOptions

    def loader(self, hyp: Mapping[str, Any], *, pixels: bool, transformed: bool = True) -> Loader:
        from pipeline.models.ultralytics.shown import Loader

        return Loader(
            self.data,
            hyp,
            self.options.imgsz,
            stretch=self.options.stretch,
            pixels=pixels,
            transforms=self.transforms if transformed else (),
        )


def _training(prepared: Path, track: Track) -> Dataset:
    """The split train, each picture as often as its list names it."""
    from pipeline.formats import yolo

    data = yolo.as_listed(yolo.read(prepared, track), prepared).of_split("train")
    if not len(data.boxes):
        raise BoxwrightError(
            f"{prepared}: has no box in the split 'train', so that there is nothing to augment."
        )
    return data


def _draw(file: Path, views: _Views, hyp: Mapping[str, Any], track: Track) -> None:
    from pipeline import draw
    from pipeline.augment import sheet

    options = views.options
    loader = views.loader(hyp, pixels=True)
    rows = sheet.chosen(views.data, options.count, options.seed)
    cells = []
    for place, row in enumerate(track(rows, "drawing", len(rows))):
        shown = loader.draw(row, options.seed + place)
        cells.append(sheet.cell(views.whole, views.own, shown, options.font))
    draw.save(file, sheet.sheet(cells, options.font))


def _account(views: _Views, hyp: Mapping[str, Any], track: Track) -> dict[str, Any]:
    """What becomes of the boxes, line by line of the table; nothing where none are asked for."""
    from pipeline.augment import account

    options = views.options
    if not options.boxes:
        return {}
    lines = account.lines(hyp, transforms=bool(views.transforms))
    return {
        name: account.account(
            views.whole,
            views.loader(values, pixels=False, transformed=name in account.WITH_TRANSFORMS).draw,
            options.boxes,
            options.seed,
        )
        for name, values in track(lines.items(), "following boxes", len(lines))
    }
