"""Bad files of other programs: Pascal VOC, CVAT, tables, KITTI, Label Studio, VIA, Supervisely."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bad import good
from bad.case import Case, Make
from making import HEIGHT, WIDTH, written

X1, Y1, X2, Y2 = good.BOX
NUMBERS = range(good.COUNT)
Change = Callable[[str], str | bytes]


def label(number: int) -> str:
    return good.CLASSES[number % 2]


def voc(number: int) -> str:
    return (
        f"<annotation><filename>a{number}.jpg</filename><size><width>{WIDTH}</width>"
        f"<height>{HEIGHT}</height><depth>3</depth></size><object><name>{label(number)}</name>"
        f"<bndbox><xmin>9</xmin><ymin>7</ymin><xmax>40</xmax><ymax>30</ymax></bndbox></object>"
        "</annotation>"
    )


def cvat() -> str:
    images = "".join(
        f'<image id="{n}" name="a{n}.jpg" width="{WIDTH}" height="{HEIGHT}"><box label="{label(n)}"'
        f' occluded="0" xtl="{X1}" ytl="{Y1}" xbr="{X2}" ybr="{Y2}" z_order="0"></box></image>'
        for n in NUMBERS
    )
    return f"<annotations><version>1.1</version>{images}</annotations>"


def table() -> str:
    rows = (f"a{n}.jpg,{WIDTH},{HEIGHT},{label(n)},{X1},{Y1},{X2},{Y2}\n" for n in NUMBERS)
    return "filename,width,height,class,xmin,ymin,xmax,ymax\n" + "".join(rows)


def kitti(number: int) -> str:
    return f"{label(number)} 0.00 0 0.00 {X1}.00 {Y1}.00 {X2}.00 {Y2}.00 -1 -1 -1 -1 -1 -1 -10\n"


def labelstudio() -> list[dict[str, Any]]:
    return [
        {
            "id": n,
            "data": {"image": f"/data/upload/1/a{n}.jpg"},
            "annotations": [
                {
                    "result": [
                        {
                            "type": "rectanglelabels",
                            "original_width": WIDTH,
                            "original_height": HEIGHT,
                            "value": {
                                "rectanglelabels": [label(n)],
                                "x": 12.5,
                                "y": 12.5,
                                "width": 50,
                                "height": 50,
                                "rotation": 0,
                            },
                        }
                    ]
                }
            ],
        }
        for n in NUMBERS
    ]


def via() -> dict[str, Any]:
    drawn = {"name": "rect", "x": X1, "y": Y1, "width": X2 - X1, "height": Y2 - Y1}
    return {
        f"a{n}.jpg1": {
            "filename": f"a{n}.jpg",
            "size": 1,
            "regions": [{"shape_attributes": {**drawn}, "region_attributes": {"class": label(n)}}],
            "file_attributes": {},
        }
        for n in NUMBERS
    }


def supervisely(number: int) -> dict[str, Any]:
    points = {"exterior": [[X1, Y1], [X2 - 1, Y2 - 1]], "interior": []}
    return {
        "description": "",
        "size": {"height": HEIGHT, "width": WIDTH},
        "objects": [
            {"classTitle": label(number), "geometryType": "rectangle", "points": points, "tags": []}
        ],
    }


def as_voc(change: Change) -> Make:
    """a3.xml is changed."""

    def make(root: Path) -> Path:
        good.pictures(root)
        for number in NUMBERS:
            text = voc(number)
            written(root / f"a{number}.xml", change(text) if number == 3 else text)
        return root

    return make


def as_kitti(change: Change) -> Make:
    """The fourth label file is changed."""

    def make(root: Path) -> Path:
        good.pictures(root / "image_2")
        for number in NUMBERS:
            text = kitti(number)
            written(root / f"label_2/a{number}.txt", change(text) if number == 3 else text)
        return root

    return make


def as_file(name: str, text: str, change: Change) -> Make:
    """The one file of all annotations is changed."""
    return lambda root: written(good.pictures(root) / name, change(text)).parent


def as_cvat(change: Change) -> Make:
    return as_file("annotations.xml", cvat(), change)


def as_table(change: Change) -> Make:
    return as_file("boxes.csv", table(), change)


def as_labelstudio(change: Callable[[Any], object]) -> Make:
    content = labelstudio()
    change(content)
    return as_file("tasks.json", json.dumps(content), lambda t: t)


def as_via(change: Callable[[Any], object]) -> Make:
    content = via()
    change(content)
    return as_file("via.json", json.dumps(content), lambda t: t)


def as_supervisely(change: Callable[[Any], object]) -> Make:
    """The fourth picture's file is changed."""

    def make(root: Path) -> Path:
        good.pictures(root / "ds/img")
        classes = [{"title": name, "shape": "any"} for name in good.CLASSES]
        written(root / "meta.json", json.dumps({"classes": classes, "tags": []}))
        for number in NUMBERS:
            content = supervisely(number)
            if number == 3:
                change(content)
            written(root / f"ds/ann/a{number}.jpg.json", json.dumps(content))
        return root

    return make


def swap(before: str, after: str) -> Change:
    return lambda text: text.replace(before, after)


def half(text: str) -> str:
    return text[: len(text) // 2]


def value(**fields: Any) -> Callable[[Any], object]:
    """Other values in the fourth Label Studio task."""
    return lambda c: c[3]["annotations"][0]["result"][0]["value"].update(fields)


def shape(**fields: Any) -> Callable[[Any], object]:
    """Other values in the fourth VIA region."""
    return lambda c: c["a3.jpg1"]["regions"][0]["shape_attributes"].update(fields)


def points(value: Any) -> Callable[[Any], object]:
    return lambda c: c["objects"][0].update(points=value)


LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)
# 100 MB of zeros, packed as Supervisely packs masks: zlib, then base64
BOMB = base64.b64encode(zlib.compress(bytes(100 << 20), 1)).decode()
OUTSIDE = '<!DOCTYPE x [<!ENTITY s SYSTEM "file:///etc/passwd">]>'


def lost(kind: str) -> Callable[..., Case]:
    return lambda name, make, says, left=(5, 5), **more: Case(kind, name, make, says, left, **more)


FROM = ("--from", "cvat")
VOC, CVAT, CSV, KITTI = lost("VOC"), lost("CVAT"), lost("CSV"), lost("KITTI")
LABEL_STUDIO, VIA, SUPERVISELY = lost("Label Studio"), lost("VIA"), lost("Supervisely")
CASES = [
    VOC("cut short", as_voc(half), "a3.xml"),
    VOC("a billion laughs", as_voc(lambda t: LAUGHS + t), "document type"),
    VOC(
        "an entity that reads a file",
        as_voc(lambda t: OUTSIDE + t.replace("Fifty", "&s;")),
        "document type",
    ),
    VOC("100,000 elements deep", as_voc(swap("<object>", "<object>" + "<a>" * 100_000)), "a3.xml"),
    VOC("`..` in the picture's name", as_voc(swap("a3.jpg", "../outside/secret.jpg")), "outside"),
    VOC("text for a corner", as_voc(swap("<xmin>9<", "<xmin>left<")), "left"),
    VOC("NaN for a corner", as_voc(swap("<xmin>9<", "<xmin>nan<")), "nan"),
    VOC("1e308 for a corner", as_voc(swap("<xmin>9<", "<xmin>-1e308<")), "a3.xml"),
    VOC("no box", as_voc(swap("bndbox", "other")), "a3.xml"),
    VOC("NUL in the file", as_voc(swap("Fifty", "Fi\0fty")), "a3.xml"),
    VOC(
        "an encoding that is none",
        as_voc(lambda t: '<?xml version="1.0" encoding="zip"?>' + t),
        "a3.xml",
    ),
    CVAT("cut short", as_cvat(half), "annotations.xml", (2, 2)),
    CVAT("a billion laughs", as_cvat(lambda t: LAUGHS + t), "document type", None, flags=FROM),
    CVAT(
        "text for a corner",
        as_cvat(
            swap(
                'a3.jpg" width="64" height="48"><box label="Fifty" occluded="0" xtl="8"',
                'a3.jpg" width="64" height="48"><box label="Fifty" occluded="0" xtl="left"',
            )
        ),
        "left",
    ),
    CVAT("`..` in a name", as_cvat(swap("a3.jpg", "../outside/secret.jpg")), "outside"),
    CVAT(
        "a size of zero",
        as_cvat(swap('a3.jpg" width="64"', 'a3.jpg" width="0"')),
        "annotations.xml",
    ),
    CSV(
        "text for a corner",
        as_table(swap("a3.jpg,64,48,Fifty,8", "a3.jpg,64,48,Fifty,left")),
        "left",
    ),
    CSV(
        "infinity for a corner",
        as_table(swap("a3.jpg,64,48,Fifty,8", "a3.jpg,64,48,Fifty,-inf")),
        "inf",
    ),
    CSV(
        "a row that ends early",
        as_table(swap("a3.jpg,64,48,Fifty,8,6,40,30", "a3.jpg,64,48")),
        "boxes.csv",
    ),
    CSV("`..` in a name", as_table(swap("a3.jpg", "../outside/secret.jpg")), "outside"),
    CSV("NUL in a label", as_table(swap("Fifty", "Fi\0fty")), "", (6, 6)),
    CSV("a quote that never ends", as_table(swap("a3.jpg", '"a3.jpg')), "boxes.csv", (3, 3)),
    CSV("a field of 200,000 letters", as_table(swap("Fifty", "F" * 200_000)), "", (6, 6)),
    KITTI("text for a corner", as_kitti(swap("8.00 6.00", "left 6.00")), "left"),
    KITTI("NaN for a corner", as_kitti(swap("8.00 6.00", "nan 6.00")), "nan"),
    KITTI("columns that are missing", as_kitti(lambda _: "Fifty 0.00 0 0.00 8.00\n"), "a3.txt"),
    KITTI("bytes", as_kitti(lambda _: bytes(range(256))), "a3.txt"),
    LABEL_STUDIO(
        "a result that is text",
        as_labelstudio(lambda c: c[3]["annotations"][0].update(result="x")),
        "tasks.json",
    ),
    LABEL_STUDIO("a width of text", as_labelstudio(value(width="wide")), "wide"),
    LABEL_STUDIO(
        "a width of 1e308", as_labelstudio(value(width=1e308)), "farther than any picture"
    ),
    LABEL_STUDIO(
        "`..` in an address",
        as_labelstudio(
            lambda c: c[3]["data"].update(image="/data/local-files/?d=../outside/secret.jpg")
        ),
        "tasks.json",
    ),
    LABEL_STUDIO(
        "an address that is a number",
        as_labelstudio(lambda c: c[3]["data"].update(image=7)),
        "tasks.json",
    ),
    LABEL_STUDIO(
        "an address of bytes that are no text",
        as_labelstudio(lambda c: c[3]["data"].update(image="/data/upload/%ff%00.jpg")),
        "tasks.json",
    ),
    VIA("a region that is null", as_via(lambda c: c["a3.jpg1"].update(regions=[None])), "via.json"),
    VIA("a width of text", as_via(shape(width="wide")), "wide"),
    VIA("a shape nobody knows", as_via(shape(name="blob")), "blob"),
    VIA(
        "`..` in a name",
        as_via(lambda c: c["a3.jpg1"].update(filename="../outside/secret.jpg")),
        "outside",
    ),
    VIA(
        "a polygon of two lengths",
        as_via(shape(name="polygon", all_points_x=[1, 2, 3], all_points_y=[1])),
        "via.json",
    ),
    SUPERVISELY("points that are text", as_supervisely(points("x")), "a3.jpg.json"),
    SUPERVISELY(
        "a point of one number",
        as_supervisely(points({"exterior": [[1], [2]], "interior": []})),
        "a3.jpg.json",
    ),
    SUPERVISELY(
        "a shape nobody knows",
        as_supervisely(lambda c: c["objects"][0].update(geometryType="blob")),
        "blob",
    ),
    SUPERVISELY(
        "a mask that is a bomb",
        as_supervisely(
            lambda c: c["objects"][0].update(
                geometryType="bitmap", bitmap={"data": BOMB, "origin": [0, 0]}
            )
        ),
        "a3.jpg.json",
    ),
    SUPERVISELY("no size", as_supervisely(lambda c: c.update(size=None)), "", (6, 6)),
]
