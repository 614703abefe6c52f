"""VGG Image Annotator's JSON, and the CSV of its versions 1 and 2.

See https://gitlab.com/vgg/via, CodeDoc.md. A saved project, its exported annotations and the CSV
hold the same: regions in pixels, half-open, an ellipse turned clockwise by ``theta`` radians.
Which attribute of a region is its class: the one that `fields` names as ``label``, else the only
one, else the first one called as `via_regions.CLASS_NAMES` has it.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from pipeline.engine import Map, in_process
from pipeline.formats import records, via_regions
from pipeline.formats.folders import with_splits
from pipeline.formats.reading import Reading, ReadOptions, scan

JSON = records.Kind(".json", "VIA JSON", "picture {}", "size", "filename")
CSV = records.Kind(".csv", "VIA CSV", "line {}", "size", "filename")


def read(root: Path, options: ReadOptions | None = None, mapped: Map = in_process) -> Reading:
    """Read a folder of VIA's files and pictures, or one such file.

    Args:
        root: The folder, or the file; pictures are looked for below its folder. Of a folder that
            holds both kinds, the JSON is read: the CSV says the same.
        options: How to read it; `fields` may name the class: {"label": "species"}; `group` and
            `origin` are paths in a picture's entry: "file_attributes.camera".
        mapped: Maps over files (`engine.shards`).

    Returns:
        Pictures in the order of their names; boxes not yet clipped: of polygons, circles and
        ellipses the box around them, with their outline. What could not be read is in `problems`.

    Raises:
        BoxwrightError: No such folder, no pictures or no files of VIA in it.
        DataErrors: Not one picture can be read.
    """
    options = options or ReadOptions()
    kind = _kind(root, options)
    found = records.find(root, kind, options)
    rules = via_regions.Rules(options.fields.get("label", ""), options.group, options.origin)
    parse = via_regions.parse if kind is JSON else via_regions.parse_csv
    files = list(found.tree.annotations.values())
    batches = mapped(partial(parse, rules=rules), files, f"reading {kind.files}")
    return with_splits(records.gather(found, kind, batches, options, mapped))


def _kind(root: Path, options: ReadOptions) -> records.Kind:
    if root.is_file():
        return CSV if root.suffix.lower() == ".csv" else JSON
    if not root.is_dir() or scan(root, JSON.suffix, options.exclude).annotations:
        return JSON
    return CSV if scan(root, CSV.suffix, options.exclude).annotations else JSON
