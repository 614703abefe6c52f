"""Corner JSON that is bad. Plain slips (a box without width, a label nobody knows) and what
becomes of them stand in test_bad_input.py; here is what nobody types by accident."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bad import good
from bad.case import Case, Make
from making import labelme, rectangle, written

GOOD = rectangle("Ten", 8, 6, 40, 30)


def raw(content: str | bytes) -> Make:
    """a3.json holds just this."""

    def make(root: Path) -> Path:
        good.corners(root)
        written(root / "a3.json", content)
        return root

    return make


def text(change: Callable[[str], str]) -> Make:
    """The text of a3.json is changed."""

    def make(root: Path) -> Path:
        good.corners(root)
        return written(root / "a3.json", change((root / "a3.json").read_text())).parent

    return make


def fields(*shapes: dict[str, Any], **changes: Any) -> Make:
    """a3.json has these shapes, beside a good one, and these fields."""

    def make(root: Path) -> Path:
        good.corners(root)
        return labelme(root / "a3.json", GOOD, *shapes, **changes).parent

    return make


def polygon(*points: Any) -> dict[str, Any]:
    return {"label": "Ten", "points": list(points), "shape_type": "polygon"}


def many(root: Path) -> Path:
    """A million boxes in one picture."""
    good.corners(root)
    shape = json.dumps(GOOD)
    labelme(root / "a3.json", shapes="HERE")
    content = (root / "a3.json").read_text()
    return written(
        root / "a3.json", content.replace('"HERE"', f"[{','.join([shape] * 1_000_000)}]")
    ).parent


def unread(name: str, make: Make, says: str) -> Case:
    """The file cannot be read at all: its picture is left out."""
    return Case("corner JSON", name, make, says, (5, 5))


def taken(name: str, make: Make, boxes: int = 6, told: str = "", **more: Any) -> Case:
    return Case("corner JSON", name, make, "", (6, boxes), told, **more)


def partly(name: str, make: Make, says: str) -> Case:
    """A box cannot be read: the good one beside it is kept."""
    return Case("corner JSON", name, make, says, (6, 6))


DEEP = 200_000
HUGE = "1" * 5000
CASES = [
    unread("cut short", text(lambda t: t[: len(t) // 2]), "cut short"),
    unread("UTF-16 without a mark", raw(json.dumps({"shapes": []}).encode("utf-16-le")), "JSON"),
    unread("neither UTF-8 nor cp949", raw(b'{"shapes": [], "x": "\xe9\xff\x80"}'), "neither UTF-8"),
    unread("a picture in its place", raw(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"), "neither UTF-8"),
    unread("NUL bytes", raw(bytes(4096)), "no JSON"),
    unread("nested 200,000 deep", raw("[" * DEEP + "]" * DEEP), "nested too deep"),
    unread(
        "nested 200,000 deep in a field nobody reads",
        text(lambda t: t.replace('"flags": {}', '"flags": ' + "[" * DEEP + "]" * DEEP)),
        "nested too deep",
    ),
    unread("a number of 5,000 digits", text(lambda t: t.replace("40", HUGE)), "digits"),
    unread(
        "a size of 5,000 digits",
        text(lambda t: t.replace('Width": 64', f'Width": {HUGE}')),
        "digits",
    ),
    unread("a size of 1e300", fields(imageWidth=1e300, imageHeight=1e300), "1e+300"),
    unread("a size of 1e-300", fields(imageWidth=1e-300, imageHeight=1e-300), "1e-300"),
    taken("NUL in the picture's name", fields(imagePath="a3\0.jpg"), told="gone"),
    unread("`..` in the picture's name", fields(imagePath="../outside/secret.jpg"), "outside"),
    unread("an absolute path", fields(imagePath="/etc/passwd"), "outside"),
    unread("a path of Windows", fields(imagePath="C:\\windows\\a3.jpg"), "outside"),
    unread("a path to another machine", fields(imagePath="\\\\host\\share\\a3.jpg"), "outside"),
    taken(
        "a picture's name of 10,000 letters", fields(imagePath="n" * 10_000 + ".jpg"), told="gone"
    ),
    taken("a web address as the name", fields(imagePath="https://x.example/b.jpg"), told="gone"),
    partly("points of three numbers", fields(polygon([1, 2, 3], [4, 5, 6], [7, 8, 9])), "[x, y]"),
    partly("points of points", fields(polygon([[1, 2]], [[3, 4]], [[5, 6]])), "[x, y]"),
    partly("a polygon on a line", fields(polygon([1, 1], [1, 9], [1, 30])), "no area"),
    partly(
        "a circle without a radius",
        fields({"label": "Ten", "points": [[9, 9], [9, 9]], "shape_type": "circle"}),
        "no area",
    ),
    partly(
        "a label that is half a surrogate",
        text(
            lambda t: t.replace(
                '"shapes": [', '"shapes": [{"label": "\\ud800", "points": [[1, 1], [9, 9]]}, '
            )
        ),
        "label",
    ),
    partly(
        "coordinates of 1e308",
        fields(rectangle("Ten", -1e308, -1e308, 1e308, 1e308)),
        "no place in a picture",
    ),
    taken("a million boxes in one picture", many, 1_000_005),
    taken(
        "a polygon of 100,000 points",
        fields(polygon(*([n % 60, n % 47] for n in range(100_000)))),
        7,
    ),
    unread(
        "a key twice", text(lambda t: t.replace('"shapes":', '"shapes": [], "shapes":')), "twice"
    ),
    taken("a byte-order mark", text(lambda t: "\ufeff" + t)),
    taken("HTML in a label", fields(rectangle("<script>alert(1)</script>", 1, 1, 9, 9)), 7),
    taken("a line break in a label", fields(rectangle("Ten\nnames: [x]", 1, 1, 9, 9)), 7),
    taken(
        "quotes, colons and Korean in a label", fields(rectangle("'\": {오만원} #", 1, 1, 9, 9)), 7
    ),
    taken("an escape of the terminal in a label", fields(rectangle("\x1b[2J", 1, 1, 9, 9)), 7),
    taken("a label of 100,000 letters", fields(rectangle("x" * 100_000, 1, 1, 9, 9)), 7),
    taken("3 MB that claim to be a picture", fields(imageData="A" * 3_000_000)),
]
