"""COCO that is bad."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bad import good
from bad.case import Case, Make
from making import written


def raw(content: Callable[[str], str | bytes]) -> Make:
    """The file's text is changed."""

    def make(root: Path) -> Path:
        file = good.coco(root) / "coco.json"
        return written(file, content(file.read_text())).parent

    return make


def changed(change: Callable[[dict[str, Any]], object]) -> Make:
    """The file's content is changed."""

    def make(root: Path) -> Path:
        content = good.coco_content()
        change(content)
        return written(good.coco(root) / "coco.json", json.dumps(content)).parent

    return make


def box(**fields: Any) -> Make:
    """The fourth annotation has other fields."""
    return changed(lambda c: c["annotations"][3].update(fields))


def image(**fields: Any) -> Make:
    """The fourth picture has other fields."""
    return changed(lambda c: c["images"][3].update(fields))


def many(root: Path) -> Path:
    content = good.coco_content()
    content["annotations"] = "HERE"
    row = '{"id": 1, "image_id": 3, "category_id": 1, "bbox": [8, 6, 32, 24]}'
    text = json.dumps(content).replace('"HERE"', f"[{','.join([row] * 1_000_000)}]")
    return written(good.coco(root) / "coco.json", text).parent


def rle(counts: Any, size: Any = (48, 64)) -> dict[str, Any]:
    return {"counts": counts, "size": size}


def whole(name: str, make: Make, says: str) -> Case:
    """The file is no COCO: nothing can be left."""
    return Case("COCO", name, make, says, None)


def lost(name: str, make: Make, says: str, left: tuple[int, int] = (5, 5)) -> Case:
    return Case("COCO", name, make, says, left)


def taken(name: str, make: Make, left: tuple[int, int] = (6, 6), told: str = "") -> Case:
    return Case("COCO", name, make, "", left, told)


CASES = [
    whole("cut short", raw(lambda t: t[: len(t) // 2]), "coco.json"),
    whole("images that are no list", changed(lambda c: c.update(images={"id": 1})), "coco.json"),
    whole("no categories", changed(lambda c: c.update(categories=[])), "category_id 1: no such"),
    whole("UTF-16", raw(lambda t: t.encode("utf-16")), "coco.json"),
    whole(
        "nested 200,000 deep",
        raw(lambda t: t.replace('"segmentation": []', '"segmentation": ' + "[" * 200_000, 1)),
        "coco.json",
    ),
    lost("a box of three numbers", box(bbox=[1, 2, 3]), "annotations[3]"),
    lost("a box of text", box(bbox=["8", "6", "32", "24"]), "annotations[3]"),
    lost("a box that is null", box(bbox=None), "annotations[3]"),
    lost("a box of 1e300 width", box(bbox=[8, 6, -1e300, 24]), "annotations[3]"),
    lost("NaN", box(bbox=[float("nan"), 6, 32, 24]), "coco.json", None),
    lost("a negative width", box(bbox=[40, 6, -32, 24]), "annotations[3]"),
    lost(
        "an annotation that is a number",
        changed(lambda c: c["annotations"].__setitem__(3, 7)),
        "annotations[3]",
        (6, 5),
    ),
    lost("an annotation of no picture", box(image_id=99), "image_id 99", (6, 5)),
    lost("an annotation of no category", box(category_id=99), "category_id 99"),
    lost("an id of 30 digits", box(image_id=10**30), "annotations[3]", (6, 5)),
    lost("a picture's id that is text", image(id="three"), "image_id 3", (6, 5)),
    lost("a picture twice", image(id=2), "twice"),
    lost("a file name with `..`", image(file_name="../outside/secret.jpg"), "points outside"),
    lost("an absolute file name", image(file_name="/etc/passwd"), "points outside"),
    lost("NUL in a file name", image(file_name="a3\0.jpg"), "images[3]"),
    lost("a file name that is a folder", image(file_name="."), "images[3]"),
    lost("a picture that is gone", image(file_name="gone.jpg"), "gone.jpg"),
    whole("a file name that is half a surrogate", image(file_name="\ud800.jpg"), "surrogate"),
    taken("an RLE of rubbish", box(segmentation=rle("@@@~~~"))),
    taken("an RLE of 10^18 pixels", box(segmentation=rle([10**18], [10**9, 10**9]))),
    taken("an RLE of a size that lies", box(segmentation=rle([0, 5], ["x", None]))),
    taken("a segmentation of text", box(segmentation="everything")),
    taken("a segmentation of objects", box(segmentation=[[{}, {}, {}, {}, {}, {}]])),
    lost(
        "a segmentation of 1e308",
        box(segmentation=[[-1e308, 0, 1e308, 0, 0, 1e308]]),
        "out of reach",
    ),
    taken("a category twice", changed(lambda c: c["categories"].append({"id": 3, "name": "Ten"}))),
    taken("HTML as a category", changed(lambda c: c["categories"][0].update(name="<b onload=x>"))),
    taken("a byte-order mark", raw(lambda t: "\ufeff" + t)),
    taken("a million boxes in one picture", many, (6, 1_000_000)),
]
