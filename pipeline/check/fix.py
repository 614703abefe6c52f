"""`boxwright fix`: decisions about findings, applied to the source's annotations as a new set.

The originals are not touched: the new set is a folder of its own, with the pictures linked. It
holds changes.json (every change, as it was and as it is) and before/ (the changed files as they
were), so that `reverse` gives the old set again, to the byte.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from pipeline import manifest
from pipeline.check import review
from pipeline.check.findings import Finding, as_json
from pipeline.check.fixing import (
    decisions,
    edit_coco,
    edit_corners,
    edit_yolo,
    export,
    output,
    returned,
)
from pipeline.check.fixing.decisions import Decision
from pipeline.check.fixing.edits import About
from pipeline.check.fixing.plan import Plan, Planned, plan
from pipeline.check.fixing.programs import Program
from pipeline.check.fixing.target import Target, find
from pipeline.dataset import Dataset
from pipeline.errors import BoxwrightError, DataError, DataErrors
from pipeline.formats.yolo_source import data_yaml
from pipeline.progress import Track, silent

log = logging.getLogger(__name__)
KIND = "fixed"
REVIEW = "review"
CHANGES = "changes.json"
_EDITORS = {"corners": edit_corners.edit, "coco": edit_coco.edit, "yolo": edit_yolo.edit}


@dataclass(frozen=True)
class Job:
    """What to mend, and how.

    Attributes:
        checked: What was checked: a config, a prepared folder, or annotations.
        decisions: decisions.json, findings, or labels that were mended in another program.
        out: The folder to make.
        above: Of findings: accept the fixes that are at least so sure, unseen.
        source: Where the source of a prepared folder is; None: where its manifest says.
        images: The pictures of annotations that are checked themselves; None: beside them.
    """

    checked: Path
    decisions: Path
    out: Path
    above: float | None = None
    source: Path | None = None
    images: Path | None = None


def do(
    job: Job, *, skip_bad: bool = False, force: bool = False, track: Track = silent
) -> dict[str, Any]:
    """Read decisions and what they are about, and `apply` them.

    Raises:
        BoxwrightError: Decisions or annotations that cannot be read; or as `apply` does.
    """
    target = find(job.checked, job.source, job.images, track)
    if returned.is_mended(job.decisions):
        decided = returned.read(job.decisions, target)
    else:
        decided = decisions.read(job.decisions, job.above)
    return apply(target, decided, job.out, skip_bad=skip_bad, force=force, track=track)


def hand_over(job: Job, to: str, *, force: bool = False, track: Track = silent) -> dict[str, Any]:
    """Write what is open for a person to mend: the review page, or another program's files.

    Args:
        job: Of findings, or of decisions some of which are open.
        to: "page", or one of `programs.Program`.
        force: Replace the output folder, whatever it is.
        track: Shows progress.

    Raises:
        BoxwrightError: What cannot be read, nothing open, or a folder that is not ours to replace.
    """
    decided = decisions.read(job.decisions, job.above)
    target = find(job.checked, job.source, job.images, track)
    if to != "page":
        program: Program = msgspec.convert(to, Program)
        return export.export(target, decided, job.out, program, force=force, track=track)
    found = [one.finding for one in decided if export.is_open(one)]
    return page(found, target.checked.dataset, job.checked, job.out, force=force, track=track)


def page(
    found: Sequence[Finding],
    dataset: Dataset,
    source: Path,
    out: Path,
    *,
    force: bool = False,
    track: Track = silent,
) -> dict[str, Any]:
    """Write the review page of findings, in a folder of its own.

    Args:
        found: What to go through.
        dataset: What was checked.
        source: What the user checked, as given.
        out: The folder to make.
        force: Replace it, whatever it is.
        track: Shows progress.

    Raises:
        BoxwrightError: A folder that is not ours to replace, or that holds the source.
    """
    output.check_apart(dataset.root, out)
    made = {"source": str(source), "findings": len(found), "page": review.FILE}
    with manifest.new_folder(out, REVIEW, force=force) as folder:
        review.write(found, dataset, folder, track=track)
        manifest.write(folder, REVIEW, made)
    return made


@dataclass(frozen=True)
class _Changed:
    """A file of the new set.

    Attributes:
        name: Below the new set.
        before: As it was; None for a new file.
        after: As it is.
        changes: For changes.json.
    """

    name: str
    before: bytes | None
    after: bytes
    changes: list[dict[str, Any]]


def _check_editable(target: Target) -> None:
    """Only what is written in the pictures' own pixels, in files that are known here, is edited."""
    darknet = target.format == "yolo" and data_yaml(target.root) is None and target.root.is_dir()
    scaled = target.format == "coco" and any("COCO file was" in one for one in target.source.notes)
    if target.format in _EDITORS and not darknet and not scaled:
        return
    why = " at another scale or turn" if scaled else " without data.yaml" if darknet else ""
    raise BoxwrightError(
        f"{target.root}: labels of this format ({target.format}{why}) are read, but not edited."
        f"\n    -> `boxwright convert {target.root} OUT --to labelme`, and check and mend OUT."
    )


def apply(
    target: Target,
    decided: Sequence[Decision],
    out: Path,
    *,
    skip_bad: bool = False,
    force: bool = False,
    track: Track = silent,
) -> dict[str, Any]:
    """Write a new set of annotations in which the accepted fixes are made.

    Args:
        target: What was checked, and its source (`fixing.target.find`).
        decided: From `fixing.decisions.read`; of two about one label the first one wins.
        out: The folder to make.
        skip_bad: Leave out what cannot be applied, and say so; else it is an error.
        force: Replace `out`, whatever it is.
        track: Shows progress.

    Returns:
        What the manifest holds: counts, the format, and `next`, what to convert.

    Raises:
        DataErrors: Accepted decisions that cannot be applied; nothing was written.
        BoxwrightError: Nothing to do, or an output folder that is not ours to replace.
    """
    output.check(target, out)
    _check_editable(target)
    manifest.check_replaceable(out, KIND, force=force)
    todo = plan(decided, target)
    changed, failed = _edit(todo, target)
    _settle(todo, failed, skip_bad=skip_bad)
    if not changed:
        raise BoxwrightError(
            "no decision changes a label: there is nothing to apply."
            "\n    -> accept findings on the page, or give the checker's findings and --above."
        )
    made = _made(target, decided, todo, changed)
    with manifest.new_folder(out, KIND, force=force) as folder:
        where = output.write(target, folder, track)
        for one in changed:
            _write(folder, one)
        made |= {"next": where}
        _record(folder, todo, changed)
        manifest.write(folder, KIND, made)
    return made


def _edit(todo: Plan, target: Target) -> tuple[list[_Changed], list[DataError]]:
    """The changed files; and what went wrong: a file with an error is left as it is."""
    of_file: defaultdict[str, list[Planned]] = defaultdict(list)
    for planned in todo.edits:
        of_file[planned.file].append(planned)
    changed, failed = [], []
    for file, several in sorted(of_file.items()):
        try:
            changed.append(_edited(file, several, target))
        except DataError as error:
            failed.append(error)
    return changed, failed


def _edited(file: str, several: Sequence[Planned], target: Target) -> _Changed:
    options, dataset = target.options, target.source.dataset
    about = About(file, dataset.classes, options.fields, options.scale)
    try:
        before = Path(file).read_bytes() if os.path.exists(file) else None  # noqa: PTH110
    except OSError as error:
        raise DataError(file, "", f"cannot be read: {error.strerror}") from error
    edits = [one.edit for one in several]
    after, records = _EDITORS[target.format](before or b"", edits, about)
    name = output.name_of(file, several[0].edit.picture, target)
    told = [_told(name, one, *record) for one, record in zip(several, records, strict=True)]
    return _Changed(name, before, after, told)


def _told(name: str, planned: Planned, before: Any, after: Any) -> dict[str, Any]:
    found, edit = planned.finding, planned.edit
    return {
        "file": name,
        "place": edit.place,
        "picture": edit.picture,
        "action": edit.action,
        "kind": found.kind,
        "message": found.message,
        "sureness": found.sureness,
        "before": before,
        "after": after,
    }


def _settle(todo: Plan, failed: Sequence[DataError], *, skip_bad: bool) -> None:
    """Stop at what cannot be applied, all of it; or tell what is left out.

    Raises:
        DataErrors: There is something, and it may not be left out.
    """
    bad = [*failed, *(_problem(*left[:2]) for left in todo.left if not left.overruled)]
    if bad and not skip_bad:
        raise DataErrors(bad, "Check the data again, or --skip-bad leaves these out.")
    for problem in bad:
        log.warning("left out: %s", str(problem).splitlines()[0])
    overruled = sum(left.overruled for left in todo.left)
    if overruled:
        log.info("%d accepted findings are overruled by others about the same label", overruled)


def _problem(found: Any, why: str) -> DataError:
    place = " ".join(part for part in (found.split, found.image) if part)
    return DataError(found.file or place, found.place, f"{found.kind}: {why}")


def _made(
    target: Target, decided: Sequence[Decision], todo: Plan, changed: Sequence[_Changed]
) -> dict[str, Any]:
    actions = Counter(one["action"] for part in changed for one in part.changes)
    kinds = Counter(one["kind"] for part in changed for one in part.changes)
    return {
        "source": str(target.root),
        "images": str(target.options.images) if target.options.images else None,
        "format": target.format,
        "decisions": dict(sorted(Counter(one.word for one in decided).items())),
        "changes": {name: actions[name] for name in ("change", "remove", "add")},
        "kinds": dict(sorted(kinds.items())),
        "files": len(changed),
        "overruled": sum(left.overruled for left in todo.left),
        "not_applied": sum(not left.overruled for left in todo.left),
        "new": sorted(one.name for one in changed if one.before is None),
        "aside": [CHANGES, output.BEFORE],
    }


def _write(folder: Path, one: _Changed) -> None:
    for name, data in ((one.name, one.after), (f"{output.BEFORE}/{one.name}", one.before)):
        if data is not None:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)  # never write through a link
            path.write_bytes(data)


def _record(folder: Path, todo: Plan, changed: Sequence[_Changed]) -> None:
    left = [
        {"why": one.why, "overruled": one.overruled, "finding": as_json(one.finding)}
        for one in todo.left
    ]
    changes = [one for part in changed for one in part.changes]
    text = json.dumps({"changes": changes, "left": left}, indent=1, ensure_ascii=False)
    manifest.write_text(folder / CHANGES, text + "\n")


def reverse(fixed: Path, out: Path, *, force: bool = False) -> dict[str, Any]:
    """Write the set as it was before `apply` made `fixed`; its annotations are so to the byte.

    Raises:
        BoxwrightError: `fixed` is no folder that `apply` made, or `out` is not ours to replace.
    """
    made = manifest.read(fixed) or {}
    if made.get("kind") != KIND:
        raise BoxwrightError(f"{fixed}: is no folder that `boxwright fix` made.")
    output.check_apart(fixed, out)
    kind = f"{KIND} and reversed"
    before = fixed / output.BEFORE
    with manifest.new_folder(out, kind, force=force) as folder:
        output.copy_tree(fixed, folder, leave={manifest.FILE, CHANGES, output.BEFORE})
        for name in made["new"]:
            (folder / name).unlink()
        old = sorted(path for path in before.rglob("*") if path.is_file())
        for path in old:
            place = folder / path.relative_to(before)
            place.unlink(missing_ok=True)
            shutil.copyfile(path, place)
        told = {"source": str(fixed), "files": len(old) + len(made["new"]), "next": made["next"]}
        manifest.write(folder, kind, told)
    return told
