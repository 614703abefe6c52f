"""Label Studio's tasks: its JSON export, its JSON-MIN, and files of predictions to import.

See https://labelstud.io/guide/export and https://labelstud.io/guide/task_format. Coordinates are
percent of the picture's sides as shown; a rectangle is turned clockwise about its top-left corner,
in pixels, an ellipse about its middle.
"""

from __future__ import annotations

import posixpath
from functools import partial
from pathlib import Path

from pipeline.engine import Map, in_process
from pipeline.formats import labelstudio_tasks, records
from pipeline.formats.folders import with_splits
from pipeline.formats.labelstudio_tasks import Rules
from pipeline.formats.reading import Reading, ReadOptions

KIND = records.Kind(
    suffix=".json",
    files="Label Studio JSON",
    place="task {}",
    size="original_width, original_height",
    image="data",
)


def read(root: Path, options: ReadOptions | None = None, mapped: Map = in_process) -> Reading:
    """Read a folder of Label Studio's JSON and pictures, or one such file.

    Of a task that was annotated several times, the ground truth is taken, else the latest.
    Predictions are taken where no task of the file is annotated. Pictures are found by the names
    in their addresses, with or without what an upload puts before them.

    Args:
        root: The folder, or the file; pictures are looked for below its folder.
        options: How to read it; `group` and `origin` are paths in a task: "data.camera".
        mapped: Maps over files (`engine.shards`).

    Returns:
        Pictures in the order of their names; boxes not yet clipped: of what is turned, the box
        around it, with its outline; of a mask, the box around it. What could not be read, and
        tasks that nobody has annotated yet, are in `problems`.

    Raises:
        BoxwrightError: No such folder, no pictures or no JSON in it.
        DataErrors: Not one picture can be read.
    """
    options = options or ReadOptions()
    found = records.find(root, KIND, options)
    names = frozenset(posixpath.basename(name).casefold() for name in found.tree.pictures)
    rules = Rules(names, options.group, options.origin)
    files = list(found.tree.annotations.values())
    batches = mapped(partial(labelstudio_tasks.parse, rules=rules), files, "reading JSON")
    return with_splits(records.gather(found, KIND, batches, options, mapped))
