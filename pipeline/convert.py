"""`boxwright convert`: sources -> steps -> a prepared tree.

images/<split>/…, labels/<split>/…, annotations/<split>.json (COCO), data.yaml, manifest.json.
"""

from __future__ import annotations

import logging
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta

from pipeline import __version__, export, formats, manifest, merging, prepared
from pipeline.arrange import FOLD, arrange, earlier, fold
from pipeline.augment.shapes import Shape, check, shaped
from pipeline.balance.outlines import annotated
from pipeline.config import Source
from pipeline.dataset import Dataset, Outlines
from pipeline.engine import Map, shards, uncollected
from pipeline.errors import BoxwrightError, DataError, DataErrors
from pipeline.formats.reading import Reading, ReadOptions
from pipeline.grouping import ways
from pipeline.progress import Track, silent
from pipeline.steps import labels

log = logging.getLogger(__name__)
KIND = "prepared"
Share = Annotated[float, Meta(gt=0, lt=1)]


@dataclass(frozen=True)
class ConvertOptions:
    """What `convert` takes, from the config's block or as flags.

    Attributes:
        format: Of the source, one of `formats.FORMATS`; "auto" looks at the files, and says what
            it saw.
        to: What is written: "yolo", a tree to train on, or one of `formats.writers.WRITERS`.
        classes: Class names in the order of their ids; or the labels that each class takes:
            {"Ten": ["Ten_front", "Ten_back"]}. Without them every label is a class.
        ignore: Labels to leave out on purpose.
        label: Where the label is in the pictures' names: "folder", or a pattern.
        images: Folder of the pictures, where it is not the annotations'.
        background: Folders of pictures that need no annotation.
        exclude: Patterns of file names to leave out.
        fields: Paths of JSON fields by name, where a vendor's differ.
        scale: How many times larger coordinates are than the picture, where no size is told.
        pair: "name" pairs pictures and JSON by file name, whatever the JSON says.
        corners_from: What Pascal VOC's corners are counted from, 0 or 1; told by them where this
            says nothing.
        group: What a split must not part, one way or several: "folder", a pattern on the name,
            "json:FIELD", "csv:FILE", "exif:camera", "exif:burst", "video", "found" (pictures that
            show the same; where nothing is given), or "none".
        val: Share of the validation split; 0.2 where the source is not split already.
        test: Share of the test split.
        train_dev: Share of a split like train that is never trained on.
        folds: So many trees, each with another val; `val` is not used then.
        seed: Of the split.
        stratify: Keep the shares of classes, sizes and background alike in all splits.
        origin: Where a picture's origin (a camera, a shop) is found; ways as for `group`.
        target: Origins that the detector is meant for: val and test are shares of these alone.
        shapes: What turns with the boxes when pictures are turned in training: "box", "ellipse",
            "polygon" (the drawn outline), "quad" (a tilted rectangle, by the pixels) or "auto" (by
            the pixels); one for all, or by class. A drawn outline is always taken, but for "box".
            Without it: the drawn outline where there is one, else the box.
        flat: No sub-folders; names are made unique.
        copy: Copy pictures rather than link them.
        drop_bad: Leave out boxes without area and boxes wholly outside their picture.
        skip_bad: Leave out whatever is wrong, say so, and go on.
        workers: Processes; 0 chooses.
    """

    format: str = "auto"
    to: str = "yolo"
    classes: dict[Any, Any] | list[Any] | None = None
    ignore: list[str] = field(default_factory=list)
    label: str | None = None
    images: Path | None = None
    background: list[Path] = field(default_factory=list)
    exclude: list[str] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    scale: Annotated[float, Meta(gt=0)] | None = None
    pair: Literal["auto", "name"] = "auto"
    corners_from: Literal[0, 1] | None = None
    group: str | list[str] | None = None
    val: Share | None = None
    test: Share | None = None
    train_dev: Share | None = None
    folds: Annotated[int, Meta(ge=2, le=100)] | None = None
    seed: int = 0
    stratify: bool = True
    origin: str | None = None
    target: list[str] = field(default_factory=list)
    shapes: Shape | dict[str, Shape] | None = None
    flat: bool = False
    copy: bool = False
    drop_bad: bool = False
    skip_bad: bool = False
    workers: Annotated[int, Meta(ge=0)] = 0


@uncollected()
def convert(
    source: Path | Sequence[Source],
    out: Path,
    options: ConvertOptions | None = None,
    *,
    force: bool = False,
    track: Track = silent,
) -> dict[str, Any]:
    """Read a source, check it, split it and write the prepared tree.

    Args:
        source: Folder (or file) of annotations and pictures, never modified; or several sources,
            see `merging`.
        out: The tree to write; replaced whole where boxwright made it.
        options: See `ConvertOptions`.
        force: Replace `out` whatever it is, and even if nothing has changed.
        track: Shows progress.

    Returns:
        The manifest, with "unchanged": whether `out` was already so.

    Raises:
        DataErrors: Everything that is wrong in the source; nothing was written.
        BoxwrightError: Options that cannot be, or an `out` that is not ours.
    """
    options = options or ConvertOptions()
    _check(source, out, options)
    plain = options.to == "yolo"
    manifest.check_replaceable(out, KIND if plain else export.KIND, force=force)
    before = manifest.read(out) or {}
    counts: list[dict[str, Any]] = []
    with shards(options.workers, track) as mapped:
        reading = _read(source, options, mapped)
        reading = _steps(reading, options, before.get("classes") or _named_in(source), counts)
        left_out = _settle(reading, options)
        if not plain:
            record = {"notes": reading.notes, "steps": counts, "left_out": left_out}
            record |= _of_all(source, options)
            return export.export(
                reading, out, options, record, export.Work(mapped, track), force=force
            )
        check(reading.dataset.classes, options.shapes)
        known = earlier(out, {} if force else before, _given(options))
        dataset, told = arrange(reading, options, known, mapped, track)
        labelled, shapes = shaped(dataset, options.shapes, mapped)
        outlines = labelled.boxes.outline
        trees = _trees(dataset, options)
        of_all = _of_all(source, options) | {"shapes": shapes}
        made = of_all | _record(reading, dataset, outlines)
        made |= {"steps": counts, "left_out": left_out, **told}
        intact = not force and _intact(out, trees)
        if intact and made.items() <= before.items():
            return {**before, "unchanged": True}
        how = prepared.How(options.copy, outlines, out if before else None)
        if intact and _same_pictures({"boxwright": __version__, **made}, before):
            made["copied"] = before["copied"]
            with manifest.changed_folder(out) as folder:
                prepared.rewrite(dataset, folder, reading.headers, mapped, how)
                manifest.write(folder, KIND, made)
            return {**made, "unchanged": False}
        with manifest.new_folder(out, KIND, force=force) as folder:
            made["copied"] = prepared.write_all(trees, folder, reading.headers, mapped, how)
            for name, tree in trees.items():
                if name:
                    manifest.write(folder / name, KIND, of_all | _record(reading, tree, outlines))
            manifest.write(folder, KIND, made)
    return {**made, "unchanged": False}


def _read(source: Path | Sequence[Source], options: ConvertOptions, mapped: Map) -> Reading:
    """The source, or several as one."""
    if isinstance(source, Path):
        return _read_one(options.format, source, read_options(options), mapped)

    def read_one(name: str, path: Path, how: ReadOptions) -> Reading:
        return _read_one(name, path, how, mapped)

    return merging.read(source, read_options(options), mapped, read_one)


def _read_one(name: str, source: Path, how: ReadOptions, mapped: Map) -> Reading:
    """A source; of a tree that boxwright made, the outlines that were drawn, and no guesses."""
    reading = formats.read(name, source, how, mapped)
    made = manifest.read(reading.dataset.root)
    if made is None or made.get("kind") == export.KIND:
        return reading
    return replace(reading, dataset=annotated(reading.dataset))


def _named_in(source: Path | Sequence[Source]) -> Sequence[str]:
    """The classes of a source that boxwright made, in the order of their ids."""
    if not isinstance(source, Path):
        return ()
    made = manifest.read(source) or {}
    return made.get("classes", ()) if made.get("kind") in {KIND, export.KIND} else ()


def _trees(dataset: Dataset, options: ConvertOptions) -> dict[str, Dataset]:
    """The trees to write by their folders: one, in the output folder itself, or one a fold."""
    if not options.folds:
        return {"": dataset}
    return {FOLD.format(number): fold(dataset, number) for number in range(1, options.folds + 1)}


def _intact(out: Path, trees: Mapping[str, Dataset]) -> bool:
    return all(prepared.intact(out / name, tree) for name, tree in trees.items())


def _same_pictures(made: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Whether a tree that holds all pictures to come, and made in the same way, holds no others.

    Trees of folds are not told apart: those are made anew.
    """
    alike = ("options", "versions", "boxwright")
    if "copied" not in before or any(made[key] != before.get(key) for key in alike):
        return False
    counts = [{k: part["images"] for k, part in m["splits"].items()} for m in (made, before)]
    return counts[0] == counts[1] and not made["options"]["folds"]


def class_map(classes: Mapping[Any, Any] | Sequence[Any] | None) -> dict[str, list[str]] | None:
    """The labels that each class takes, from what a config may say: a list, or a mapping.

    Raises:
        BoxwrightError: A label in two classes, a class named twice, or none at all.
    """
    if classes is None:
        return None
    pairs = classes.items() if isinstance(classes, Mapping) else [(name, None) for name in classes]
    taken = [(str(name), _labels_of(name, value)) for name, value in pairs]
    every = [label for _, labels_ in taken for label in labels_]
    twice = sorted({label for label in every if every.count(label) > 1})
    if twice:
        raise BoxwrightError(f"classes: {', '.join(twice)}: in two classes.")
    if not taken:
        raise BoxwrightError("classes: names no class.")
    return dict(taken)


def _labels_of(name: Any, value: Any) -> list[str]:
    if value is None:
        return [str(name)]
    return [str(label) for label in value] if isinstance(value, list) else [str(value)]


def _check(source: Path | Sequence[Source], out: Path, options: ConvertOptions) -> None:
    """What can be known to be wrong before anything is read."""
    class_map(options.classes)
    formats.check(options.format)
    export.check(options)
    shares = {name: getattr(options, name) for name in ("val", "test", "train_dev")}
    asked = {name: share for name, share in shares.items() if share}
    if sum(asked.values()) >= 1:
        told = " and ".join(f"{name} {share}" for name, share in asked.items())
        raise BoxwrightError(f"{told} leave nothing to train on.")
    if options.folds and options.val:
        raise BoxwrightError(
            f"val {options.val} and folds {options.folds}: each fold is val once; give one of them."
        )
    if options.target and not options.origin:
        raise BoxwrightError("target: `origin` must tell where a picture's origin is found.")
    if isinstance(source, Path):
        _check_apart(source, out)
        return
    if options.images or options.background:
        raise BoxwrightError(
            "convert: images, background: there are several sources."
            "\n    -> give them to the source that they belong to."
        )
    for one in source:
        formats.check(one.format)
        _check_apart(one.path, out)


def _check_apart(source: Path, out: Path) -> None:
    here, there = source.resolve(), out.resolve()
    if here == there or here in there.parents or there in here.parents:
        raise BoxwrightError(
            f"{out}: the source {source} and the output folder must not hold each other."
            "\n    -> choose an output folder beside the source."
        )


def read_options(options: ConvertOptions) -> ReadOptions:
    by = [options.group] if isinstance(options.group, str) else options.group or []
    return ReadOptions(
        images=options.images,
        backgrounds=options.background,
        fields=options.fields,
        scale=options.scale,
        pair=options.pair,
        group=ways.json_field(by),
        origin=ways.json_field([options.origin or ""]),
        exclude=options.exclude,
        corners_from=options.corners_from,
    )


def _steps(
    reading: Reading, options: ConvertOptions, known: Sequence[str], counts: list[dict[str, Any]]
) -> Reading:
    """The steps on boxes; how many pictures and boxes are left is noted after each."""
    _count(counts, "read", reading)
    if options.label:
        reading = labels.label_by_name(reading, options.label)
        _count(counts, "label by name", reading)
    if not known and options.to != "yolo":
        known = reading.dataset.classes  # their ids stay as they are
    known = [name for name in known if name and name not in options.ignore]
    reading = labels.merge(reading, class_map(options.classes), options.ignore, known)
    _count(counts, "merge classes", reading)
    reading = labels.clip(reading)
    _count(counts, "clip to the picture", reading)
    return reading


def _count(counts: list[dict[str, Any]], step: str, reading: Reading) -> None:
    images, boxes = len(reading.dataset.images), len(reading.dataset.boxes)
    counts.append({"step": step, "images": images, "boxes": boxes})


def _settle(reading: Reading, options: ConvertOptions) -> list[str]:
    """Stop at what is wrong, all of it; or name what is left out, where that is allowed.

    Raises:
        DataErrors: Problems that the options do not allow to leave out.
        BoxwrightError: Nothing is left.
    """
    problems = sorted(reading.problems, key=lambda problem: (problem.path, problem.place))
    stops = [p for p in problems if not (options.drop_bad and isinstance(p, labels.BoxError))]
    if stops and not options.skip_bad:
        raise DataErrors(stops, _advice(stops))
    for problem in problems:
        log.warning("left out: %s", str(problem).splitlines()[0])
    for what, count in reading.notes.items():
        log.info("%d %s", count, what)
    if not len(reading.dataset.boxes):
        raise BoxwrightError("no box is left: there is nothing to learn from.")
    return [str(problem).splitlines()[0] for problem in problems]


def _advice(stops: Sequence[DataError]) -> str:
    only_boxes = all(isinstance(stop, labels.BoxError) for stop in stops)
    drop = "--drop-bad leaves these boxes out; " if only_boxes else ""
    return f"Mend them, or: {drop}--skip-bad leaves out whatever is wrong, and names it."


def _record(reading: Reading, dataset: Dataset, outlines: Outlines) -> dict[str, Any]:
    """What the manifest tells of what is in the tree."""
    return {
        "classes": list(dataset.classes),
        "splits": {name: prepared.summary(dataset, name) for name in prepared.splits(dataset)},
        "notes": reading.notes,
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "msgspec": msgspec.__version__,
        },
        "content": prepared.content_hash(dataset, reading.headers, outlines),
    }


def _of_all(source: Path | Sequence[Source], options: ConvertOptions) -> dict[str, Any]:
    if isinstance(source, Path):
        return {"source": str(source), "options": _given(options)}
    return {"sources": [_plain(asdict(one)) for one in source], "options": _given(options)}


def _given(options: ConvertOptions) -> dict[str, Any]:
    """The options as plain data."""
    return {k: _plain(v) for k, v in asdict(options).items() if k != "workers"}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return str(value) if isinstance(value, Path) else value
