"""The consensus layer as `run` needs it: asked where a judge is named, told in the files' terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipeline.boxes import iou
from pipeline.check import consensus, judges
from pipeline.check.consensus import ConsensusOptions
from pipeline.check.findings import Finding
from pipeline.check.folds import Watched
from pipeline.check.judges import Judges
from pipeline.check.structure.sheet import Sheet
from pipeline.progress import Track, silent
from pipeline.training.places import Again

__all__ = ["Judges", "besides", "find"]

_TWICE = {"duplicate", "near duplicate"}


def find(
    sheet: Sheet,
    who: Judges,
    options: ConsensusOptions,
    *,
    again: Again = "resume",
    track: Track = silent,
    watched: Watched | None = None,
) -> tuple[list[Finding], int]:
    """What predictions say against the labels, and of how many pictures there are any.

    Args:
        sheet: The annotations; pictures that cannot be read are not judged.
        who: The judges; where none is named, there are no findings.
        options: How.
        again: "resume" or, to train all folds anew, "force".
        track: Shows progress.
        watched: Gives who is told of one training of a fold.

    Raises:
        BoxwrightError: As `judges.ask` does.
    """
    readable = sheet.images.size.min(axis=1) > 0
    whole = judges.grouped(sheet.dataset, who.source)
    part = whole.keep_images(readable)
    predictions = judges.ask(part, who, again=again, track=track, watched=watched)
    if predictions is None:
        return [], 0
    found = consensus.find(part, predictions, options, track)
    row = np.flatnonzero(readable[whole.boxes.image])
    placed = _Placed(sheet)
    told = [replace(one, box=int(row[one.box])) if one.box >= 0 else one for one in found]
    return [placed.finding(one) for one in told], int(predictions.unseen.sum())


class _Placed:
    """Says in which file, and where in it, the label of a finding stands."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.known = np.flatnonzero(sheet.known)
        names = zip(sheet.images.split, sheet.images.name, strict=True)
        self.picture = {name: row for row, name in enumerate(names)}

    def finding(self, found: Finding) -> Finding:
        """The finding with its file and its place."""
        sheet = self.sheet
        image = self.picture[found.split, found.image]
        file = sheet.file[image] or sheet.images.path[image]
        if found.box < 0:
            return replace(found, file=file)
        place = sheet.place_name.format(sheet.place[self.known[found.box]])
        return replace(found, file=file, place=place)


def besides(more: Sequence[Finding], found: Sequence[Finding], near: float) -> list[Finding]:
    """Those of `more` that `found` does not tell already.

    Of two labels of one item, one is to be removed: it must not be one each by two layers.

    Args:
        more: Of the consensus layer.
        found: Of the others.
        near: IoU from which two labels are the same box.
    """
    known: dict[tuple[str, str], list[Finding]] = {}
    for one in found:
        if one.kind in _TWICE and one.xyxy is not None:
            known.setdefault((one.split, one.image), []).append(one)

    def told(one: Finding) -> bool:
        if one.kind != "duplicate" or one.xyxy is None:
            return False
        beside = [other.xyxy for other in known.get((one.split, one.image), ())]
        return bool(beside) and float(iou(np.array([one.xyxy]), np.array(beside)).max()) >= near

    return [one for one in more if not told(one)]
