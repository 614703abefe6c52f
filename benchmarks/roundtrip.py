"""Every format into every other one and home again: what is kept, as a table for docs/formats.md.

    python benchmarks/roundtrip.py [--pictures 40] [--out benchmarks/results/roundtrip.md]

A set with all that is hard (crowds, outlines, outlines that do not fit their boxes, background
pictures, groups, origins, splits, names in Korean and with quotes, colons and line breaks, a
picture turned by EXIF) is written in a format A, converted to B, and that back to A: a minute.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline import export, formats
from pipeline.convert import ConvertOptions, convert
from pipeline.dataset import Boxes, Dataset, Images, Outlines, strings
from pipeline.engine import in_process
from pipeline.formats import writers
from pipeline.formats.reading import Reading
from pipeline.images import read_headers
from pipeline.progress import silent

FORMATS = ("yolo", *writers.WRITERS)
CLASSES = ("만원 지폐", 'it\'s: a "test"', "<b>&amp;</b>", "two\nlines", "a,b;c|d", "no", "단추")


def hard_set(root: Path, total: int, classes: Sequence[str] = CLASSES) -> Path:
    """A set of `total` pictures as COCO, below `root`."""
    draw = np.random.default_rng(11)
    sizes = draw.integers(300, 2000, (total, 2))
    stems = ["a b", "sub/사진", "sub/x'y", "deep/er/a b"]
    names = [f"{stems[row % 4]} {row}.{'png' if row % 5 == 4 else 'jpg'}" for row in range(total)]
    for name, (width, height) in zip(names, sizes.tolist(), strict=True):
        path = root / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        exif[0x0112] = 6 if name.startswith("sub/x") else 1
        Image.new("RGB", (width, height), tuple(draw.integers(0, 255, 3))).save(path, exif=exif)
    paths = [str(root / "photos" / name) for name in names]
    headers = dict(zip(paths, read_headers(paths), strict=True))
    shown = np.array([header[:2] for header in headers.values()])
    images = replace(
        Images.of(
            names,
            paths,
            shown,
            group=[f"무리 {row // 3}" for row in range(total)],
            split=["val" if row % 4 == 0 else "train" for row in range(total)],
        ),
        origin=strings(["shop", "가게"][row % 2] for row in range(total)),
    )
    dataset = Dataset(root, tuple(classes), images, _boxes(draw, shown, len(classes)))
    none = strings([""] * total)
    reading = Reading(dataset, none, np.arange(len(dataset.boxes)), "{}", headers)
    work = export.Work(in_process, silent)
    export.export(reading, root / "source", ConvertOptions(to="coco"), {}, work)
    return root / "source"


def _boxes(draw: np.random.Generator, sizes: np.ndarray, classes: int) -> Boxes:
    counts = draw.integers(0, 12, len(sizes))
    counts[:3] = (4, 0, 7)
    image = np.repeat(np.arange(len(sizes)), counts)
    size = sizes[image].astype(np.float64)
    low = draw.random((len(image), 2)) * size * 0.9
    high = np.minimum(low + 0.3 + draw.random((len(image), 2)) * size * 0.5, size)
    xyxy = np.concatenate([low, high], axis=1)
    outlines: list[list[list[float]]] = []
    for row, (x1, y1, x2, y2) in enumerate(xyxy.tolist()):
        middle = (x1 + x2) / 2
        triangle = [[x1, y1], [x2, y1 + (y2 - y1) / 3], [middle, y2]]
        loose = [[x1 + (x2 - x1) / 4, y1], [x2, y1], [middle, y2]]
        outlines.append([[], triangle, [], loose][row % 4])
    label = draw.integers(0, classes, len(image))
    crowd = draw.random(len(image)) < 0.1
    return Boxes.of(image, label, xyxy, crowd=crowd, outline=Outlines.of(outlines))


def loaded(folder: Path) -> Dataset:
    """A set as `convert` reads it: into Parquet, which carries all."""
    there = folder.with_name(f"{folder.name} as parquet")
    convert(folder, there, ConvertOptions(to="parquet"))
    return formats.read("parquet", there).dataset


def told(before: Dataset, after: Dataset) -> str:
    """What became of a set: how far boxes moved, and all that was lost."""
    facts: dict[str, Callable[[Dataset], object]] = {
        "pictures": lambda d: list(zip(d.images.split, d.images.name, strict=True)),
        "groups": lambda d: d.images.group.tolist(),
        "origins": lambda d: d.images.origin.tolist(),
        "classes": lambda d: d.classes,
        "boxes": lambda d: (d.boxes.image.tolist(), d.boxes.label.tolist()),
    }
    for what, fact in facts.items():
        if fact(before) != fact(after):
            return f"{what} differ"
    moved = float(np.abs(before.boxes.xyxy - after.boxes.xyxy).max())
    crowds = int((before.boxes.crowd & ~after.boxes.crowd).sum())
    drawn = [np.diff(d.boxes.outline.start) > 0 for d in (before, after)]
    outlines = int((drawn[0] & ~drawn[1]).sum())
    lost = {"crowds": crowds, "outlines": outlines}
    marks = [f"-{count} {what}" for what, count in lost.items() if count]
    return ", ".join([f"{moved:.3f}".replace("0.000", "0"), *marks])


def matrix(root: Path, total: int) -> list[list[str]]:
    """A row for each home A, a column for each format B that the set goes through."""
    source = hard_set(root, total)
    home: dict[str, Path] = {}
    for name in FORMATS:
        home[name] = root / name
        convert(source, home[name], ConvertOptions(to=name))
    rows = []
    for a in FORMATS:
        before, row = loaded(home[a]), [f"**{a}**"]
        for b in FORMATS:
            there, back = root / f"{a} to {b}", root / f"{a} to {b} and back"
            convert(home[a], there, ConvertOptions(to=b))
            convert(there, back, ConvertOptions(to=a))
            row.append(told(before, loaded(back)))
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=40)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = matrix(Path(folder), given.pictures)
        boxes = len(loaded(Path(folder) / "coco").boxes)
    header = ["A \\ B", *FORMATS]
    lines = ["| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *rows)]
    about = f"{given.pictures} pictures, {boxes} boxes. Pixels by which a side moved, at most."
    text = "\n".join([about, "", *lines])
    print(text)
    if given.out:
        given.out.write_text(f"# A → B → A\n\n{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
