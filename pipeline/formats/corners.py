"""Corner JSON: a labelme-like file beside each picture, or flat records, or lists of either.

What vendors really ship, all of it handled, told and counted: corners in any order, coordinates
at another scale than the picture, polygons and circles, files in cp949 or with a byte-order mark,
annotations in another folder than the pictures, stale `imagePath`s. See docs/formats.md.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from pipeline.engine import Map, in_process
from pipeline.errors import BoxwrightError
from pipeline.formats import corner_json, embedded, records
from pipeline.formats.corner_json import FIELDS, Rules
from pipeline.formats.folders import with_splits
from pipeline.formats.reading import Reading, ReadOptions, Tree

KIND = records.Kind(
    (".json", ".jsonl", ".ndjson"), "JSON", "shapes[{}]", "imageWidth, imageHeight", "imagePath"
)


def read(root: Path, options: ReadOptions | None = None, mapped: Map = in_process) -> Reading:
    """Read a folder of pictures and corner JSON, with all its sub-folders; or one JSON.

    Args:
        root: The folder, or the file.
        options: How to read it.
        mapped: Maps over files (`engine.shards`).

    Returns:
        Pictures in the order of their names; boxes with their corners in order, at the picture's
        scale, not yet clipped. What could not be read is in `problems`. Folders train, val and
        test are splits where every picture is in one.

    Raises:
        BoxwrightError: No such folder, no pictures or no JSON in it, unknown field names.
        DataErrors: Not one picture can be read.
    """
    options = options or ReadOptions()
    for name in options.fields:
        if name not in FIELDS:
            raise BoxwrightError(f"fields: no field {name!r}; known: {', '.join(FIELDS)}")
    rules = Rules(options.fields, options.group, options.origin)
    unpacked: dict[str, str] = {}

    def unpack(tree: Tree) -> dict[str, str]:
        unpacked.update(embedded.pictures(tree, mapped))
        return unpacked

    found = records.find(root, KIND, options, unpack)
    parse = partial(corner_json.parse, rules=rules)
    batches = mapped(parse, list(found.tree.annotations.values()), "reading JSON")
    if unpacked:
        batches[0].note("pictures that are not there; taken from their JSON", len(unpacked))
    return with_splits(records.gather(found, KIND, batches, options, mapped))
