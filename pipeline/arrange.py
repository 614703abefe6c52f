"""Which picture goes where: origins, names in the tree, groups, splits or folds."""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.dataset import Dataset, Strings, strings
from pipeline.engine import Map
from pipeline.formats import pictures_csv
from pipeline.formats.reading import Reading
from pipeline.grouping import ways
from pipeline.grouping.names import SHOT, shots
from pipeline.progress import Track
from pipeline.steps import names
from pipeline.steps.split import SplitOptions, missing, split

if TYPE_CHECKING:
    from pipeline.convert import ConvertOptions

log = logging.getLogger(__name__)
DEFAULT_VAL = 0.2
FOUND = ["found"]
FOLD = "fold-{}"
_DEALT_BY = ("group", "val", "test", "train_dev", "folds", "seed", "stratify", "origin", "target")


@dataclass(frozen=True)
class Earlier:
    """What is known of pictures that an earlier tree in the same place held, by name.

    Attributes:
        split: Where each was.
        group: What it was grouped with.
        grouped: What was told of the grouping.
        pictures: A hash of the pictures that were grouped.
    """

    split: Mapping[str, str] = field(default_factory=dict)
    group: Mapping[str, str] = field(default_factory=dict)
    grouped: Sequence[str] = ()
    pictures: str = ""

    def has_grouped(self, pictures: str, names: Strings) -> bool:
        """Whether just these pictures were grouped, and their groups are still known."""
        return self.pictures == pictures and all(name in self.group for name in names)


class Arranged(NamedTuple):
    """Where every picture goes.

    Attributes:
        dataset: Grouped, named as in the tree and split; see `fold` for the splits with folds.
        told: For the manifest: ``grouped``, sentences; ``pictures``, a hash of what was grouped;
            ``shares`` as `split` gives them; ``missing`` as `missing` does.
    """

    dataset: Dataset
    told: dict[str, Any]


def earlier(tree: Path, before: Mapping[str, Any], options: Mapping[str, Any]) -> Earlier:
    """What an earlier tree knows; nothing where it was dealt by other options.

    Args:
        tree: Its folder.
        before: Its manifest, or {}.
        options: The options of the tree to come, as plain data.

    Raises:
        DataError: Its pictures.csv has been spoilt.
    """
    told = before.get("options", {})
    if not told or any(told.get(key) != options[key] for key in _DEALT_BY):
        return Earlier()
    folders = [tree / FOLD.format(n + 1) for n in range(told["folds"] or 0)] or [tree]
    split, group = {}, {}
    for folder in folders:
        for picture, (its_group, _) in pictures_csv.read(folder).items():
            side, _, name = picture.partition("/")
            group[name] = its_group
            if len(folders) == 1 or side != "train":
                split[name] = folder.name if len(folders) > 1 and side == "val" else side
    return Earlier(split, group, before.get("grouped", ()), before.get("pictures", ""))


def arrange(
    reading: Reading, options: ConvertOptions, known: Earlier, mapped: Map, track: Track
) -> Arranged:
    """Group and split the pictures of a source, and name them for the tree.

    Pictures that an earlier tree dealt stay where they are.

    Args:
        reading: The source, after the steps on boxes.
        options: How.
        known: Of the tree that stands where this one will.
        mapped: Maps over files.
        track: Shows progress.

    Raises:
        BoxwrightError: The groups cannot be had, or the pictures not be split as asked.
    """
    dataset = named(reading, options, mapped)
    told: dict[str, Any] = {"pictures": _hash(reading)}
    by = _ways(dataset, options)
    if by == FOUND and known.has_grouped(told["pictures"], dataset.images.name):
        group = strings(known.group[name] for name in dataset.images.name)
        told["grouped"] = list(known.grouped)
    else:
        if options.group is None and by == FOUND:
            log.info("no group is given: looking for pictures that show the same (or --group none)")
        found = ways.group(reading, by, mapped, track)
        group, told["grouped"] = found.key, list(found.notes)
    dataset = replace(dataset, images=replace(dataset.images, group=group))
    for sentence in told["grouped"]:
        log.info("%s", sentence)
    if by == FOUND:
        _compare_with_names(dataset)
    if _is_split(dataset, options):
        log.info("the source's own splits are kept: `boxwright leaks` tells whether they are clean")
        return Arranged(dataset, told)
    done = split(dataset, _split_options(options), known.split)
    told |= {"shares": done.shares, "missing": missing(done.dataset)}
    _tell(done.dataset, known.split)
    _warn(told["missing"])
    return Arranged(done.dataset, told)


def named(reading: Reading, options: ConvertOptions, mapped: Map) -> Dataset:
    """The pictures with names under which labels can lie beside them, and with their origins."""
    dataset, changed = names.tree_names(reading.dataset, flat=options.flat)
    if changed:
        log.warning("%d pictures were renamed: their names would share a label file", changed)
    if not options.origin:
        return dataset
    origin = ways.tag(reading, options.origin, mapped)
    return replace(dataset, images=replace(dataset.images, origin=origin))


def fold(dataset: Dataset, number: int) -> Dataset:
    """The data set of one fold (from 1): the pictures of "fold-<number>" are val, of others train.

    Pictures of test and train_dev are so in every fold.
    """
    side = {name: "train" for name in dataset.images.split if name.startswith("fold-")}
    side[FOLD.format(number)] = "val"
    moved = strings(side.get(name, name) for name in dataset.images.split)
    return replace(dataset, images=replace(dataset.images, split=moved))


def _ways(dataset: Dataset, options: ConvertOptions) -> list[str]:
    """The ways to group; [] keeps the groups that the source brings."""
    if options.group is not None:
        return [options.group] if isinstance(options.group, str) else options.group
    return [] if all(dataset.images.group) or _is_split(dataset, options) else FOUND


def _compare_with_names(dataset: Dataset) -> None:
    """Warn where names look like shots of things that were not found to be the same."""
    images = dataset.images
    things = shots(images.name.tolist())
    if not things:
        return
    found = defaultdict(set)
    for thing, group in zip(things, images.group, strict=True):
        found[thing].add(group)
    parted = sum(len(found[thing]) > 1 for thing in things if thing)
    if parted:
        log.warning(
            "%d pictures look by their names like shots of the same things, but their looks do not "
            "tell. Where the names are right, keep them together: --group '%s'",
            parted, SHOT,
        )  # fmt: skip


def _is_split(dataset: Dataset, options: ConvertOptions) -> bool:
    """Whether the source comes with splits of its own, and nobody asks for others."""
    asked = (options.val, options.test, options.train_dev, options.folds)
    return all(dataset.images.split) and all(value is None for value in asked)


def _split_options(options: ConvertOptions) -> SplitOptions:
    val = 0 if options.folds else options.val or DEFAULT_VAL
    return SplitOptions(
        ratios={"val": val, "test": options.test or 0, "train_dev": options.train_dev or 0},
        folds=options.folds or 0,
        seed=options.seed,
        stratify=options.stratify,
        target=options.target,
    )


def _hash(reading: Reading) -> str:
    """A hash of the pictures: their names and the lengths of their files."""
    images = reading.dataset.images
    rows = zip(images.name, images.path, strict=True)
    lines = "\n".join(f"{name} {reading.headers[path].bytes}" for name, path in rows)
    return hashlib.blake2b(lines.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _tell(dataset: Dataset, before: Mapping[str, str]) -> None:
    """Say what became of the pictures of an earlier tree, where there are others."""
    rows = zip(dataset.images.name, dataset.images.split, strict=True)
    old = [before[name] == now for name, now in rows if name in before]
    if 0 < len(old) < len(dataset.images):
        log.info(
            "%d new pictures; the others stay in the splits they had (--force deals all anew)",
            len(dataset.images) - len(old),
        )
    if not all(old):
        log.warning(
            "%d pictures changed their split: they are grouped with pictures of another one now",
            old.count(False),
        )


def _warn(absent: Mapping[str, Mapping[str, int]]) -> None:
    for name, classes in absent.items():
        rows = [f"{label} ({groups} group{'s'[: groups > 1]})" for label, groups in classes.items()]
        log.warning("%s has none of %s: too few groups to go round", name, ", ".join(rows))
