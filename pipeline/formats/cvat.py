"""CVAT's XML, "CVAT for images 1.1" and "CVAT for video 1.1".

A file holds many pictures, each with its shapes, or the tracks of a video. CVAT itself wrote the
specification: https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/ and, to the
letter, cvat/apps/dataset_manager/formats/cvat.py. Boxes are corners in pixels, half-open; a turn
is in degrees, clockwise about the middle.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from functools import partial
from pathlib import Path

from pipeline.engine import Map, in_process
from pipeline.formats import cvat_xml, records
from pipeline.formats.cvat_xml import Rules, key
from pipeline.formats.folders import with_splits
from pipeline.formats.reading import Reading, ReadOptions

KIND = records.Kind(
    suffix=".xml", files="XML", place="line {}", size="width, height", image="image name"
)


def read(root: Path, options: ReadOptions | None = None, mapped: Map = in_process) -> Reading:
    """Read a folder of CVAT's XML and pictures, or one such file.

    Args:
        root: The folder, or the file; pictures are looked for below its folder.
        options: How to read it; `group` and `origin` are attributes of <image>, such as "task_id".
        mapped: Maps over files (`engine.shards`).

    Returns:
        Pictures in the order of their names; boxes not yet clipped. The box of a turned rectangle,
        of an ellipse and of a cuboid is its hull; the outline of the first two is kept. The frames
        of a video are one group. What could not be read is in `problems`.

    Raises:
        BoxwrightError: No such folder, no pictures or no XML in it.
        DataErrors: Not one picture can be read.
    """
    options = options or ReadOptions()
    found = records.find(root, KIND, options)
    rules = Rules(_endings(found.tree.pictures), options.group, options.origin)
    files = list(found.tree.annotations.values())
    batches = mapped(partial(cvat_xml.parse, rules=rules), files, "reading XML")
    return with_splits(records.gather(found, KIND, batches, options, mapped))


def _endings(pictures: dict[str, str]) -> dict[str, set[str]]:
    endings: defaultdict[str, set[str]] = defaultdict(set)
    for name in pictures:
        stem, ending = posixpath.splitext(posixpath.basename(name))
        endings[key(stem)].add(ending)
    return dict(endings)
