"""Projects of VIA 3 brought to the shape of VIA 2's. No NumPy here: this runs in workers.

See https://gitlab.com/vgg/via, via-3.x.y/CodeDoc.md: files are shown in views, and metadata say of
a view a region, as ``[shape, coordinate, …]``, with attributes by their ids. Regions of pictures
are taken; times of videos and sounds are not read.
"""

from __future__ import annotations

from typing import Any

from pipeline.errors import DataError
from pipeline.formats import values
from pipeline.formats.values import Object, Place

_RECT, _CIRCLE, _ELLIPSE, _POLYGON = 2, 3, 4, 7
_KEYS = {
    _RECT: ("x", "y", "width", "height"),
    _CIRCLE: ("cx", "cy", "r"),
    _ELLIPSE: ("cx", "cy", "rx", "ry"),
}
_NAMES = {1: "point", _RECT: "rect", _CIRCLE: "circle", _ELLIPSE: "ellipse", 5: "line"}
_NAMES |= {6: "polyline", _POLYGON: "polygon"}
_IMAGE = 2


def is_project(content: Object) -> bool:
    """Whether a file is one of VIA 3."""
    return {"project", "file", "view", "metadata"} <= content.keys()


def entries(content: Object, path: str) -> tuple[Object, Object]:
    """Pictures by their ids as VIA 2 has them, and the attributes of regions.

    Raises:
        DataError: What is no project after all, or of videos.
    """
    place = Place(path)
    files, views, metadata, attributes = (
        values.mapping(content.get(key, {}), place.below(key))
        for key in ("file", "view", "metadata", "attribute")
    )
    found = {view: _entry(view, about, files, place) for view, about in views.items()}
    for key, about in metadata.items():
        at = place.below(f"metadata {key[:60]!r}")
        told = values.mapping(about, at)
        view = str(told.get("vid"))
        if view not in found:
            raise DataError(*at, f"is of the view {view[:60]!r}, which is not there")
        if told.get("xy"):
            found[view]["regions"].append(_region(told, attributes))
    return found, {
        str(one.get("aname")): {}
        for one in attributes.values()
        if isinstance(one, dict) and "XY1" in str(one.get("anchor_id"))
    }


def _entry(view: str, about: Any, files: Object, place: Place) -> Object:
    at = place.below(f"view {view[:60]!r}")
    shown = values.sequence(values.mapping(about, at).get("fid_list"), at)
    if len(shown) != 1:
        raise DataError(*at, f"shows {len(shown)} files, where one is due")
    file = values.mapping(files.get(str(shown[0])), at)
    if file.get("type", _IMAGE) != _IMAGE:
        fix = "extract its frames as pictures and annotate those"
        raise DataError(*at, "shows a video or a sound, which is not read", fix)
    return {"filename": file.get("fname"), "regions": [], "file_attributes": {}}


def _region(told: Object, attributes: Object) -> Object:
    held = told.get("av")
    pairs = held.items() if isinstance(held, dict) else ()
    named = [_named(key, value, attributes) for key, value in pairs]
    return {"shape_attributes": _shape(told["xy"]), "region_attributes": dict(named)}


def _shape(written: Any) -> Any:
    if not isinstance(written, list) or type(written[0]) is not int:
        return written
    kind, *sides = written
    if kind == _POLYGON:
        return {"name": "polygon", "all_points_x": sides[0::2], "all_points_y": sides[1::2]}
    name = _NAMES.get(kind, f"shape {kind}")
    return {"name": name, **dict(zip(_KEYS.get(kind, ()), sides, strict=False))}


def _named(key: str, value: Any, attributes: Object) -> tuple[str, Any]:
    """An attribute's name, and what its value stands for where it is an option."""
    about = attributes.get(key)
    if not isinstance(about, dict):
        return key, value
    options = about.get("options")
    if isinstance(options, dict) and isinstance(value, str):
        value = options.get(value, value)
    return str(about.get("aname", key)), value
