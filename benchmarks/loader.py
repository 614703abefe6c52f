"""Augmented pictures a second that the training loader makes on one core.

    python benchmarks/loader.py --out benchmarks/results/loader.md

Two questions. What do outlines instead of boxes cost? Everything that a training picture goes
through, but for decoding (the pictures are in memory), so that the cost shows; on pictures of one
or two things and on crowded ones; ours, and ultralytics' own data set on the same files. And what
does `cache` bring with photos of 12 megapixels, made of the sample's pictures: enlarged, with the
noise of a sensor, saved as JPEG, some turned by their EXIF orientation? `warm`: the files are in
the system's memory. `cold`: they are not, as where the photos are more than the memory holds.

One process, one thread, CPU seconds (cold: wall-clock seconds, for the disk is waited for); the
best of several rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import platform
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from pipeline import boxes as geometry
from pipeline.augment import shapes
from pipeline.dataset import Boxes, Dataset, Images, Outlines
from pipeline.images import read_header
from pipeline.models.ultralytics import kept, library
from pipeline.sample import SampleOptions, make_sample
from pipeline.training import presets

ultralytics = library.load()

import torch  # noqa: E402
from ultralytics.data import YOLODataset  # noqa: E402
from ultralytics.utils import DEFAULT_CFG, IterableSimpleNamespace  # noqa: E402

from pipeline.models.ultralytics import loader  # noqa: E402

IMGSZ = 640
PHOTO = (4032, 3024)  # 12 megapixels, width and height
CROWD = 15  # things in a crowded picture
WHERE = {"none": "the photo", "ram": "of memory", "small": "of disk", "disk": "of disk"}
DRAWN = 200  # points of an outline as annotation tools write them


def main() -> None:
    """Measure both, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=120, help="pictures for the outlines")
    parser.add_argument("--photos", type=int, default=32, help="photos of 12 megapixels")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--work", type=Path, help="where to draw them, on the disk to measure")
    parser.add_argument("--out", type=Path, help="a Markdown file to write as well")
    options = parser.parse_args()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        sample = few(Path(folder) / "few", options.images)
        crowd = crowded(Path(folder) / "crowd", options.images)
        costs = [
            outlines_cost(Path(folder) / "trees", name, data, options.rounds)
            for name, data in (("one or two things", sample), (f"{CROWD} things", crowd))
        ]
        photos = enlarged(Path(folder) / "photos", sample, options.photos)
        caches = caches_bring(Path(folder) / "runs", photos, options.rounds)
        reduced = reduced_decoding(photos)
    text = report(costs, caches, reduced, options)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")


# Pictures


def few(folder: Path, count: int) -> Dataset:
    """The built-in sample: one or two things on a picture of about 480 by 360 pixels."""
    make_sample(folder, SampleOptions(images=count, video=0))
    truth = json.loads((folder / "outlines.json").read_text(encoding="utf-8"))["pictures"]
    names = sorted(name for name, things in truth.items() if things)
    paths = [str(folder / name) for name in names]
    boxes = [[thing["box"] for thing in truth[name]] for name in names]
    return dataset(folder, paths, boxes)


def crowded(folder: Path, count: int) -> Dataset:
    """Discs on noise, as cells lie on a slide."""
    folder.mkdir(parents=True)
    draw = np.random.default_rng(0)
    paths, boxes = [], []
    for number in range(count):
        pixels = draw.integers(150, 200, (480, 640, 3), dtype=np.uint8)
        places = draw.integers((50, 50, 20), (590, 430, 50), (CROWD, 3))
        for x, y, radius in places.tolist():
            cv2.circle(pixels, (x, y), radius, (60, 40, 160), -1)
        boxes.append([[x - r, y - r, x + r, y + r] for x, y, r in places.tolist()])
        paths.append(str(folder / f"{number}.jpg"))
        cv2.imwrite(paths[-1], cv2.GaussianBlur(pixels, (5, 5), 0))
    return dataset(folder, paths, boxes)


def enlarged(folder: Path, data: Dataset, count: int) -> Dataset:
    """Photos as a phone takes them: 12 megapixels, noise, every third turned by its EXIF."""
    folder.mkdir()
    draw = np.random.default_rng(0)
    some = data.keep_images(np.arange(len(data.images)) < count)
    paths = []
    for number, path in enumerate(some.images.path):
        pixels = cv2.resize(cv2.imread(path), PHOTO, interpolation=cv2.INTER_CUBIC)
        pixels = cv2.add(pixels, draw.normal(0, 6, pixels.shape), dtype=cv2.CV_8U)
        turned = number % 3 == 0
        stored = Image.fromarray(np.rot90(pixels)[..., ::-1] if turned else pixels[..., ::-1])
        exif = Image.Exif()
        exif[0x0112] = 6 if turned else 1  # 6: to be shown turned clockwise
        paths.append(str(folder / f"{number}.jpg"))
        stored.save(paths[-1], quality=92, exif=exif)
    scale = np.tile(np.array(PHOTO) / some.images.size, 2)[some.boxes.image]
    size = [PHOTO] * len(paths)
    images = Images.of([Path(p).name for p in paths], paths, size, split=["train"] * len(paths))
    boxes = replace(some.boxes, xyxy=some.boxes.xyxy * scale)
    return replace(some, root=folder, images=images, boxes=boxes)


def dataset(root: Path, paths: list[str], boxes: list[Any]) -> Dataset:
    """Pictures of one class, all in train."""
    size = [read_header(path)[:2] for path in paths]
    row = np.repeat(np.arange(len(paths)), [len(each) for each in boxes])
    names = [str(Path(path).relative_to(root)) for path in paths]
    return Dataset(
        root,
        ("thing",),
        Images.of(names, paths, size, split=["train"] * len(paths)),
        Boxes.of(row, np.zeros(len(row)), np.concatenate([np.array(b) for b in boxes])),
    )


def shaped(data: Dataset, points: int) -> Dataset:
    """With ellipses of so many points as outlines; with none for 0."""
    if not points:
        return data
    ellipses = Outlines.of(list(shapes.ellipse(data.boxes.xyxy, points)))
    return replace(data, boxes=replace(data.boxes, outline=ellipses))


# Data sets


def hyp() -> Any:
    """The preset `moderate`, as a trainer hands it to its data set."""
    values = {k: v for k, v in presets.load("moderate").items() if k in vars(DEFAULT_CFG)}
    return IterableSimpleNamespace(
        **{**vars(DEFAULT_CFG), **values, "augmentations": [], "deterministic": False}
    )


def ours(data: Dataset, cache: str | None, shelf: Path | None = None) -> Any:
    """The data set that `boxwright train` trains on."""
    return loader.YoloPictures(
        img_path="train",
        imgsz=IMGSZ,
        augment=True,
        hyp=hyp(),
        cache=cache,
        shelf=kept.Shelf(shelf) if shelf else None,
        batch_size=1,
        data={
            "names": dict(enumerate(data.classes)),
            "channels": 3,
            "quarter_turns": 0,
            loader.KEY: {"train": data},
        },
    )


def theirs(folder: Path, data: Dataset) -> Any:
    """Ultralytics' own data set, on a YOLO tree of the same pictures and labels."""
    for row, rows in enumerate(data.per_image()):
        name = f"{row}.jpg"
        label = (folder / "labels" / "train" / name).with_suffix(".txt")
        picture = folder / "images" / "train" / name
        for path in (label, picture):
            path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(data.images.path[row], picture)
        size = data.images.size[row]
        label.write_text(
            "".join(f"0 {numbers}\n" for numbers in lines(data.boxes.take(rows), size))
        )
    with contextlib.redirect_stdout(io.StringIO()):  # its bars
        return YOLODataset(
            img_path=str(folder / "images" / "train"),
            imgsz=IMGSZ,
            augment=True,
            hyp=hyp(),
            cache="ram",
            batch_size=1,
            data={"names": {0: "thing"}, "channels": 3},
        )


def lines(boxes: Boxes, size: Any) -> list[str]:
    """The numbers of each box's line in a YOLO label file."""
    boxed = geometry.xyxy_to_xywhn(boxes.xyxy, size)
    rows = [
        boxes.outline[row] / size if len(boxes.outline[row]) else boxed[row]
        for row in range(len(boxes))
    ]
    return [" ".join(f"{number:.6f}" for number in np.ravel(row)) for row in rows]


# Measuring


def outlines_cost(folder: Path, name: str, data: Dataset, rounds: int) -> dict[str, Any]:
    """Milliseconds of CPU time a training picture, of every kind of label in both loaders."""
    kinds = {"boxes": 0, "ellipses": shapes.POINTS, f"outlines of {DRAWN} points": DRAWN}
    arms = {}
    for kind, points in kinds.items():
        labelled = shaped(data, points)
        arms["ultralytics", kind] = theirs(folder / f"{name} {points}", labelled)
        arms["ours", kind] = ours(labelled, "ram")
    spent = {arm: [] for arm in arms}
    for turn in range(rounds):
        for arm, pictures in arms.items():
            spent[arm].append(epoch(pictures, turn, time.process_time))
    return {"name": name, "kinds": list(kinds), "ms": {arm: min(v) for arm, v in spent.items()}}


def epoch(pictures: Any, seed: int, clock: Callable[[], float]) -> float:
    """Milliseconds a training picture, each once in random order; nothing decoded to begin with."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the transforms draw from the global generator
    for row in pictures.buffer:
        pictures.ims[row] = None
    pictures.buffer.clear()
    order = random.sample(range(len(pictures)), len(pictures))
    start = clock()
    for index in order:
        pictures[index]
    return (clock() - start) / len(order) * 1000


def caches_bring(runs: Path, photos: Dataset, rounds: int) -> list[dict[str, Any]]:
    """Pictures a second with each `cache`, and what it takes to begin."""
    rows = []
    for cache in (None, "ram", "small", "disk"):
        shelf = runs / str(cache)
        start = time.perf_counter()
        pictures = ours(shaped(photos, shapes.POINTS), cache, shelf)
        begun = time.perf_counter() - start
        read = list(shelf.iterdir()) if shelf.exists() else [Path(p) for p in photos.images.path]
        warm, cold = [], []
        for turn in range(rounds):
            warm.append(epoch(pictures, turn, time.process_time))
            forget([] if cache == "ram" else read)
            cold.append(epoch(pictures, turn, time.perf_counter))
        held = sum(ims.nbytes for ims in pictures.ims) if cache == "ram" else 0
        size = held or sum(path.stat().st_size for path in read)
        rows.append(
            {
                "cache": cache or "none",
                "warm": 1000 / min(warm),
                "cold": 1000 / sorted(cold)[len(cold) // 2],
                "begin": begun / len(photos.images),
                "MB": size / len(photos.images) / 1e6,
            }
        )
        shutil.rmtree(shelf, ignore_errors=True)
    return rows


def forget(files: Iterable[Path]) -> None:
    """Have the system drop what it holds of files in memory."""
    os.sync()
    for path in files:
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def reduced_decoding(photos: Dataset) -> dict[str, float]:
    """What decoding at a quarter of the size would save, and how far its pixels are off."""
    width, height = IMGSZ, round(IMGSZ * PHOTO[1] / PHOTO[0])
    spent, error = {"whole": 0.0, "reduced": 0.0}, []
    for path in photos.images.path:
        made = []
        for how, flag in (
            ("whole", cv2.IMREAD_COLOR),
            ("reduced", cv2.IMREAD_REDUCED_COLOR_4),
        ):
            start = time.perf_counter()
            made.append(cv2.resize(cv2.imread(path, flag), (width, height)))
            spent[how] += time.perf_counter() - start
        error.append(cv2.PSNR(*made))
    count = len(photos.images)
    return {"psnr": float(np.mean(error)), **{how: s / count * 1000 for how, s in spent.items()}}


def report(
    costs: list[dict[str, Any]],
    caches: list[dict[str, Any]],
    reduced: dict[str, float],
    options: argparse.Namespace,
) -> str:
    """Both tables, in Markdown."""
    machine = (
        f"Preset `moderate`, {IMGSZ} pixels, {platform.machine()}, one core, Python"
        f" {platform.python_version()}, ultralytics {ultralytics.__version__}, OpenCV"
        f" {cv2.__version__}; the best of {options.rounds} rounds (cold: the median)."
    )
    told = "Training pictures a second, from pictures in memory; in brackets beside boxes:"
    text = [machine, "", told, ""]
    kinds = costs[0]["kinds"]
    text += [
        f"| pictures with | loader | {' | '.join(kinds)} |",
        f"| --- | --- |{' ---: |' * len(kinds)}",
    ]
    for cost in costs:
        for who in ("ours", "ultralytics"):
            boxes, *others = (cost["ms"][who, kind] for kind in kinds)
            cells = [f"{1000 / ms:.0f} ({boxes / ms - 1:+.0%})" for ms in others]
            text.append(f"| {cost['name']} | {who} | {1000 / boxes:.0f} | {' | '.join(cells)} |")
    photo = f"{options.photos} photos of 12 megapixels ({caches[0]['MB']:.1f} MB each)"
    text += [
        "",
        f"{photo}, ours with ellipses:",
        "",
        "| cache | pictures a second, warm | cold | to begin with, s a picture | MB a picture |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    text += [
        f"| {row['cache']} | {row['warm']:.0f} | {row['cold']:.0f} | {row['begin']:.2f}"
        f" | {row['MB']:.1f} {WHERE[row['cache']]} |"
        for row in caches
    ]
    decoding = (
        f"Decoding at a quarter of the size would take {reduced['reduced']:.0f} ms a photo instead"
        f" of {reduced['whole']:.0f}, and give pixels at {reduced['psnr']:.1f} dB (PSNR) from those"
        " that the model is shown without a cache, and at use: not done."
    )
    return "\n".join([*text, "", decoding])


if __name__ == "__main__":
    main()
