"""The run of `boxwright balance`: a prepared tree -> one whose training split is balanced.

By repeats, or by leaving out: lists of the pictures of the tree, which stays where it is; not one
picture is copied. By copy-paste: a tree of its own, with new pictures beside the linked old ones.
"""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import manifest, prepared
from pipeline.balance import paste, stock, table
from pipeline.balance.options import BalanceOptions, tell_unused
from pipeline.balance.outlines import annotated
from pipeline.balance.turning import shapes_of, with_shapes
from pipeline.dataset import Dataset, Images, Ints, Outlines
from pipeline.engine import Map, shards
from pipeline.errors import BoxwrightError, DataErrors
from pipeline.formats import lists, pictures_csv, yolo
from pipeline.formats.reading import Reading
from pipeline.images import read_header
from pipeline.progress import Track, silent
from pipeline.steps import balance as steps
from pipeline.steps import joining

__all__ = ["BalanceOptions", "balance"]

log = logging.getLogger(__name__)
KIND = "balanced"
_NOTHING = "nothing changes: every picture is shown once. Ask for more if that is not enough."
_MADE = ".pasted"  # where new pictures wait to be linked into the tree


def balance(
    source: Path,
    out: Path,
    options: BalanceOptions | None = None,
    *,
    force: bool = False,
    track: Track = silent,
) -> dict[str, Any]:
    """Balance the training split; val, test and train_dev stay as they are.

    Args:
        source: A prepared tree, or any YOLO tree; never modified.
        out: The folder to write.
        options: See `BalanceOptions`.
        force: Replace `out` whatever it is.
        track: Shows progress.

    Returns:
        The manifest: the rows of `table.tally` before and after, the warnings, and how it was
        made.

    Raises:
        DataErrors: Pictures or labels that cannot be read.
        BoxwrightError: No training split, no item to paste, or an `out` that is not ours.
    """
    options = options or BalanceOptions()
    _check(source, out)
    manifest.check_replaceable(out, KIND, force=force)
    tell_unused(options)
    with shards(track=track) as mapped:
        reading = yolo.read_source(source, mapped=mapped)
        if reading.problems:
            raise DataErrors(reading.problems)
        _check_train(reading.dataset, source)
        with manifest.new_folder(out, KIND, force=force) as folder:
            if options.method == "copy-paste":
                made = _pasted(reading, options, folder, mapped, track)
            else:
                made = _listed(reading, options, folder, out)
            record = _record(source, reading.dataset, options) | made
            record.setdefault("content", (manifest.read(source) or {}).get("content", ""))
            manifest.write(folder, KIND, record)
    for warning in record["warnings"]:
        log.warning("%s", warning)
    return record


def _check(source: Path, out: Path) -> None:
    here, there = source.resolve(), out.resolve()
    if here == there or here in there.parents or there in here.parents:
        raise BoxwrightError(
            f"{out}: the prepared folder {source} and the output must not hold each other."
            "\n    -> choose an output folder beside it."
        )


def _check_train(dataset: Dataset, source: Path) -> None:
    if not len(dataset.of_split("train").boxes):
        raise BoxwrightError(f"{source}: its split train has no box; there is nothing to balance.")


def _record(source: Path, dataset: Dataset, options: BalanceOptions) -> dict[str, Any]:
    given = {key: value for key, value in asdict(options).items() if value is not None}
    return {
        "source": str(source),
        "options": given,
        "shapes": shapes_of(dataset.root),
        "classes": list(dataset.classes),
    }


def _listed(reading: Reading, options: BalanceOptions, folder: Path, out: Path) -> dict[str, Any]:
    """Write lists of the pictures; returns what the manifest tells of them."""
    train = reading.dataset.of_split("train")
    times, told = _times(train, options)
    _write_lists(reading.dataset, times, folder, out)
    told["pictures"] = _pictures(len(times), int(times.sum()), int((times > 0).sum()))
    holds = (steps.content(train) > 0).astype(np.int64)
    told |= _compared(train, times[train.boxes.image], times @ holds, options, told.get("goal", 0))
    if (times == 1).all():
        told["warnings"].append(_NOTHING)
    what = "picture is shown|pictures are shown"
    names = train.images.name.tolist()
    told["warnings"] += table.by_heart(names, times.tolist(), options.warn_repeat, what)
    return told


def _compared(
    train: Dataset, times: Ints, pictures: Ints, options: BalanceOptions, goal: int
) -> dict[str, Any]:
    """The tables of before and after, and the warnings of the classes.

    Args:
        train: The pictures to train on, as they were.
        times: (M,) how often each of their boxes is shown now.
        pictures: (C,) how many pictures of each class are shown now.
        options: How it was balanced.
        goal: Boxes that each class was to have; 0 for none.
    """
    holds = (steps.content(train) > 0).sum(axis=0)
    before = table.tally(train, np.ones_like(times), holds)
    after = table.tally(train, times, pictures)
    warned = table.warnings(before, after, options, goal)
    return {"before": before, "after": after, "warnings": warned}


def _pictures(before: int, shown: int, distinct: int) -> dict[str, int]:
    return {"before": before, "after": shown, "distinct": distinct}


def _times(train: Dataset, options: BalanceOptions) -> tuple[Ints, dict[str, Any]]:
    """How often each picture is to be shown, and by which number that was decided."""
    rng = np.random.default_rng(options.seed)
    if options.method == "repeat-factor":
        threshold = options.threshold or steps.middling(train)
        factors = steps.repeat_factors(train, threshold)
        times = steps.rounded(np.minimum(factors, options.max_repeat or np.inf), rng)
        of_class = steps.class_factors(train, threshold).round(4).tolist()
        return times, {
            "threshold": threshold,
            "factors": dict(zip(train.classes, of_class, strict=True)),
        }
    goal = options.goal(int(steps.content(train).sum(axis=0).max()))
    if options.method == "oversample":
        return steps.oversample(train, goal, options.most, rng), {"goal": goal}
    keep = steps.undersample(train, goal, rng)
    if options.background is not None:
        left = train.keep_images(keep)
        keep[keep] = steps.fewer_backgrounds(left, options.background, rng)
    return keep.astype(np.int64), {"goal": goal}


def _write_lists(dataset: Dataset, times: Ints, folder: Path, out: Path) -> None:
    """A tree of lists: data.yaml, <split>.txt, pictures.csv, and copies of the annotations."""
    kept = []
    root = os.path.realpath(dataset.root)
    for split in prepared.splits(dataset):
        part = dataset.of_split(split).images
        shown = times if split == "train" else np.ones(len(part), dtype=np.int64)
        paths = [_resolved(path, str(dataset.root), root) for path in part.path]
        file = folder / f"{split}.txt"
        lists.write(file, np.repeat(np.array(paths, dtype=object), shown), out)
        names = dict.fromkeys(name for name, _ in lists.read(file, folder, split))
        kept.append(replace(part.take(shown > 0), name=np.array([*names], dtype=object)))
        _copy_annotations(dataset.root / "annotations" / f"{split}.json", folder)
    pictures_csv.write(folder, Images.joined(kept))
    text = yolo.data_yaml(dataset.classes, prepared.splits(dataset), listed=True)
    (folder / "data.yaml").write_text(text, encoding="utf-8")


def _resolved(path: str, root: str, real: str) -> str:
    """A picture's path below the real folder of its tree; links to pictures stay what they are."""
    below = path.startswith(root + os.sep)
    return real + path[len(root) :] if below else os.path.abspath(path)  # noqa: PTH100


def _copy_annotations(file: Path, folder: Path) -> None:
    """Outlines, crowds and ids, which labels cannot tell."""
    if file.exists():
        (folder / "annotations").mkdir(exist_ok=True)
        shutil.copyfile(file, folder / "annotations" / file.name)


def _pasted(
    reading: Reading, options: BalanceOptions, folder: Path, mapped: Map, track: Track
) -> dict[str, Any]:
    """Write the tree with new pictures; returns what the manifest tells of it."""
    dataset = annotated(reading.dataset)
    train = dataset.of_split("train")
    held = steps.content(train).sum(axis=0)
    goal = options.goal(int(held.max()))
    labels = _labels(train, options, held, goal)
    things = stock.stock(train, labels, options.cover)
    made = paste.paste(train, things, goal, options, folder / _MADE, track)
    news = paste.dataset_of(made, train)
    headers = reading.headers | {str(new.path): read_header(new.path) for new in made}
    turning, shapes = with_shapes(news, mapped)
    labels_ = Outlines.joined([reading.dataset.boxes.outline, turning.boxes.outline])
    whole, outlines = joining.in_order(joining.joined(dataset, news), labels_)
    copied = prepared.write(whole, folder, headers, mapped, prepared.How(labels=outlines))
    shutil.rmtree(folder / _MADE, ignore_errors=True)
    paste.write_csv(folder / "pasted.csv", made, train)
    told = _told(train, joining.joined(train, news), made, options, goal)
    told["items"] |= {
        "can_be_pasted": sum(map(len, things.rows.values())),
        "left_out": things.left_out,
    }
    content = prepared.content_hash(whole, headers, outlines)
    return told | {"shapes": shapes, "copied": copied, "content": content}


def _labels(train: Dataset, options: BalanceOptions, held: Ints, goal: int) -> list[int]:
    """The classes to paste.

    Raises:
        BoxwrightError: A class that is not there, or none that misses the target.
    """
    unknown = [name for name in options.classes if name not in train.classes]
    if unknown:
        raise BoxwrightError(
            f"classes: {', '.join(unknown)}: no such class; there are {', '.join(train.classes)}."
        )
    asked = [train.classes.index(name) for name in options.classes] or range(len(train.classes))
    labels = [label for label in asked if held[label] < goal]
    if not labels:
        raise BoxwrightError(
            f"copy-paste: every class has {goal} boxes or more already."
            "\n    -> give a higher --target."
        )
    return labels


def _told(
    train: Dataset, after: Dataset, made: list[paste.New], options: BalanceOptions, goal: int
) -> dict[str, Any]:
    """The numbers and warnings of copy-paste."""
    times = paste.times(made, train)
    holds = (steps.content(after) > 0).sum(axis=0)
    told: dict[str, Any] = {"goal": goal}
    told["pictures"] = _pictures(len(train.images), len(after.images), len(after.images))
    told |= _compared(train, times, holds, options, goal)
    items = np.unique([pasted.item for new in made for pasted in new.items])
    told["items"] = {
        "pasted": sum(len(new.items) for new in made),
        "distinct": len(items),
    }
    what = "item is shown|items are shown"
    names = paste.names_of(items, train)
    told["warnings"] += table.by_heart(names, times[items].tolist(), options.warn_repeat, what)
    return told
