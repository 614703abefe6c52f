"""Pictures that labelme wrote into its JSON (`imageData`), where they are not there as files.

No NumPy here: this runs in workers.
"""

from __future__ import annotations

import base64
import binascii
import posixpath
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec

from pipeline.engine import Map
from pipeline.formats import archives
from pipeline.formats.reading import Tree

_KEY = b'"imageData"'
_BEGIN = {b"\xff\xd8": ".jpg", b"\x89PNG": ".png", b"BM": ".bmp", b"RIFF": ".webp", b"II*": ".tif"}
Item = tuple[str, str]  # a JSON's name below the root, and its path


class _Embedded(msgspec.Struct):
    imageData: str | None = None  # noqa: N815 - labelme's own name


def pictures(tree: Tree, mapped: Map) -> dict[str, str]:
    """Unpack the pictures of JSON files that have none of their name.

    Args:
        tree: Of a source.
        mapped: Maps over files (`engine.shards`).

    Returns:
        Their paths, in a temporary folder of this process, by the names that they would have
        beside their JSON.

    Raises:
        BoxwrightError: There is no room for them.
    """
    there = {_stem(posixpath.basename(name)) for name in tree.pictures}
    alone = [
        (name, path)
        for name, path in tree.annotations.items()
        if _stem(posixpath.basename(name)) not in there
    ]
    if not any(map(_holds, alone)):
        return {}
    folder = archives.new_folder(str(tree.root))
    parts = mapped(partial(_unpack, folder=str(folder)), alone, "unpacking pictures")
    return {name: str(folder / name) for part in parts for name in part}


def _stem(name: str) -> str:
    return posixpath.splitext(name)[0].casefold()


def _holds(item: Item) -> bool:
    try:
        return _KEY in Path(item[1]).read_bytes()
    except OSError:
        return False  # reading will tell


def _unpack(items: Sequence[Item], folder: str) -> list[str]:
    """Write the pictures of a shard; their names."""
    names = []
    for name, path in items:
        data = _picture(path)
        ending = next((e for begin, e in _BEGIN.items() if data.startswith(begin)), "")
        if ending:
            names.append(posixpath.splitext(name)[0] + ending)
            target = Path(folder, names[-1])
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    return names


def _picture(path: str) -> bytes:
    """The bytes of a JSON's picture; none where it holds none, or none that can be read."""
    try:
        data = Path(path).read_bytes()
        held = msgspec.json.decode(data, type=_Embedded).imageData if _KEY in data else None
        return base64.b64decode(held or "", validate=True)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError, binascii.Error):
        return b""  # reading will tell
