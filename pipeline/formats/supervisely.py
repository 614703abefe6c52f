"""Supervisely's projects: ``<data set>/ann/a.jpg.json`` beside ``<data set>/img/a.jpg``.

See https://docs.supervisely.com/customization-and-integration/00_ann_format_navi. Whole numbers
count pixels, both ends inside: Supervisely's own library takes a rectangle from left to right as
``right - left + 1`` wide, and a vertex for the middle of its pixel, so that is done here. What
has a fraction anywhere is in pixels, half-open, as its labelling tool has it.
"""

from __future__ import annotations

import posixpath
from dataclasses import replace
from functools import partial
from pathlib import Path

from pipeline.engine import Map, in_process
from pipeline.errors import BoxwrightError
from pipeline.formats import records, supervisely_json
from pipeline.formats.folders import with_splits
from pipeline.formats.reading import Reading, ReadOptions, Tree

KIND = records.Kind(".json", "Supervisely JSON", "objects[{}]", "size", "name")
_FOLDER = "ann"


def read(root: Path, options: ReadOptions | None = None, mapped: Map = in_process) -> Reading:
    """Read a project, or a data set of one.

    Args:
        root: The folder, or one annotation file.
        options: How to read it; `group` and `origin` are paths in an annotation file.
        mapped: Maps over files (`engine.shards`).

    Returns:
        Pictures in the order of their names; boxes not yet clipped: of polygons and turned boxes
        the box around them, with their outline; of masks the box around them. What could not be
        read is in `problems`.

    Raises:
        BoxwrightError: No such folder, no pictures or no annotations in it.
        DataErrors: Not one picture can be read.
    """
    options = options or ReadOptions()
    found = records.find(root, KIND, options)
    if not root.is_file():
        found = found._replace(tree=_annotations(found.tree, root))
    rules = supervisely_json.Rules(options.group, options.origin)
    files = list(found.tree.annotations.values())
    parse = partial(supervisely_json.parse, rules=rules)
    batches = mapped(parse, files, "reading Supervisely JSON")
    return with_splits(records.gather(found, KIND, batches, options, mapped))


def _annotations(tree: Tree, root: Path) -> Tree:
    """Only the files of folders called ann: meta.json and the like are none of pictures."""
    kept = {
        name: path
        for name, path in tree.annotations.items()
        if posixpath.basename(posixpath.dirname(name) or root.resolve().name) == _FOLDER
    }
    if not kept:
        raise BoxwrightError(
            f"{root}: no JSON in a folder called {_FOLDER}, as Supervisely's projects have it."
        )
    return replace(tree, annotations=kept)
