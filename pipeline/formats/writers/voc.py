"""Pascal VOC: JPEGImages/, Annotations/ (an XML a picture), ImageSets/Main/<split>.txt.

Corners count from 1, and the last pixel of a box is in it (the VOC2012 devkit, section 4): a box
from 0 to 10 is written 1 to 10. Fractions are kept, where the devkit rounds. An outline is a
``polygon`` of x1, y1, x2, y2, … as Roboflow and supervision have it; ``attributes`` are CVAT's
and Datumaro's. Names are below JPEGImages. ``source/annotation`` says who wrote the file, by which
it is read back to the fraction. labelmap.txt lists the classes as Datumaro and CVAT want them,
but for those whose names its lines cannot hold.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pipeline.formats.voc_xml import OURS
from pipeline.formats.writers import xml
from pipeline.formats.writers.pictures import Label, Picture, number


def write(folder: Path, pictures: Iterable[Picture], classes: Sequence[str]) -> None:
    """Write Annotations, ImageSets and labelmap.txt; pictures lie in JPEGImages.

    Raises:
        BoxwrightError: A class or a picture has a name that XML cannot hold.
        OSError: The disk refuses.
    """
    split_of: defaultdict[str, list[str]] = defaultdict(list)
    for picture in pictures:
        stem = picture.full.rpartition(".")[0]
        split_of[picture.split or "default"].append(stem)
        path = folder / "Annotations" / f"{stem}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "\n".join(_lines(picture))
        path.write_text(text + "\n", encoding="utf-8", newline="\n")
    sets = folder / "ImageSets" / "Main"
    sets.mkdir(parents=True)
    for split, stems in split_of.items():
        listed = "".join(f"{stem}\n" for stem in stems)
        (sets / f"{split}.txt").write_text(listed, encoding="utf-8", newline="\n")
    (folder / "labelmap.txt").write_text(_label_map(classes), encoding="utf-8", newline="\n")


def _label_map(classes: Sequence[str]) -> str:
    fit = (n for n in classes if ":" not in n and n[:1] != "#" and n.split("\n") == [n])
    return "".join(["# label:color_rgb:parts:actions\n", *(f"{name}:::\n" for name in fit)])


def _lines(picture: Picture) -> Iterator[str]:
    width, height = picture.size
    drawn = any(len(label.outline) for label in picture.labels)
    yield "<annotation>"
    yield " <folder>JPEGImages</folder>"
    yield f" {xml.element('filename', picture.full)}"
    yield f" <source><annotation>{OURS}</annotation></source>"
    yield f" <size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
    yield f" <segmented>{int(drawn)}</segmented>"
    for label in picture.labels:
        yield from _object(label)
    yield "</annotation>"


def _object(label: Label) -> Iterator[str]:
    x1, y1, x2, y2 = label.xyxy
    sides = {"xmin": x1 + 1, "ymin": y1 + 1, "xmax": x2, "ymax": y2}
    box = "".join(xml.element(name, number(side)) for name, side in sides.items())
    yield " <object>"
    yield f"  {xml.element('name', label.name)}"
    yield "  <pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult>"
    yield f"  <bndbox>{box}</bndbox>"
    if label.outline:
        points = "".join(
            f"<x{k}>{number(x + 1)}</x{k}><y{k}>{number(y + 1)}</y{k}>"
            for k, (x, y) in enumerate(label.outline, 1)
        )
        yield f"  <polygon>{points}</polygon>"
    told = {"is_crowd": 1} if label.crowd else {}
    scored = {} if label.score is None else {"score": number(label.score)}
    attributes = "".join(
        f"<attribute>{xml.element('name', name)}{xml.element('value', value)}</attribute>"
        for name, value in {**told, **scored}.items()
    )
    if attributes:
        yield f"  <attributes>{attributes}</attributes>"
    yield " </object>"
