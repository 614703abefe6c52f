"""COCO to YOLO: boxwright beside its peers, in one run.

    python benchmarks/coco.py --peers .venv-bench/bin/python --out benchmarks/results/coco.md

Each tool converts the same COCO file, in a process of its own, the tools in turn, several times;
the tables show medians and ratios: of a file with boxes alone, and of one with outlines as well.
boxwright does more than any peer here: it reads every picture's header, checks every box against
it, splits, links the pictures and writes COCO as well. Python tools find their bytecode compiled
by the first turn, as pip leaves it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import cv2
import numpy as np
from convert import run

SIZE = (640, 480)
CLASSES = 80
POINTS = 24  # of an outline; COCO's own have 26 on average
DISTINCT = 64  # pictures drawn; the others are copies under other names
OURS = "boxwright"
PEERS = ("panlabel", "labelformat", "globox", "datumaro", "ultralytics")

GLOBOX = """
import globox
data = globox.AnnotationSet.from_coco({file!r})
labels = {{name: i for i, name in enumerate(sorted(data._labels()))}}
data.save_yolo_v5({out!r}, label_to_id=labels)
"""

DATUMARO = """
import datumaro
data = datumaro.Dataset.import_from({source!r}, "coco_instances")
data.export({out!r}, "yolo", save_media=False)
"""

ULTRALYTICS = """
from ultralytics.data.converter import convert_coco
convert_coco({annotations!r}, {out!r}, use_segments={outlines}, cls91to80=False)
"""


def main() -> None:
    """Draw the sources, run every tool in turn on each, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--boxes", type=int, default=36_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--peers", default=sys.executable, help="a Python that has the peers")
    parser.add_argument("--only", default="", help="tools, comma-separated")
    parser.add_argument("--work", default=".", help="a folder on the disk to write to")
    parser.add_argument("--out", type=Path, help="a Markdown file to write as well")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else [OURS, *PEERS]
    absent = [name for name in names if name in PEERS and not version(name, options.peers)]
    names = [name for name in names if name not in absent]
    told = [f"{options.images} pictures, {options.boxes} boxes, COCO to YOLO; {machine(options)}."]
    told += [f"Not installed, so not measured: {', '.join(absent)}."] if absent else []
    versions = [f"{name} {version(name, options.peers)}" for name in names if name in PEERS]
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        os.environ |= {"PYTHONPYCACHEPREFIX": f"{folder}/bytecode", "PYTHONDONTWRITEBYTECODE": ""}
        for title, points in {"Boxes": 0, f"Boxes and outlines of {POINTS} points": POINTS}.items():
            work = Path(folder).absolute() / str(points)
            draw(work / "source", options.images, options.boxes, points)
            times = measure(names, work, options.runs, options.peers, outlines=bool(points))
            told += [f"{title}:", table(times, options.images)]
    told.append(f"{', '.join(versions)}.")
    text = "\n\n".join(told)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")


def machine(options: argparse.Namespace) -> str:
    python = platform.python_version()
    return f"{platform.machine()}, Python {python}; medians of {options.runs} runs"


def draw(source: Path, count: int, boxes: int, points: int) -> None:
    """images/ and annotations/instances_all.json, laid out and filled as COCO 2017 is."""
    (source / "images" / "all").mkdir(parents=True)
    (source / "annotations").mkdir()
    rng = np.random.default_rng(0)
    encoded = [_jpeg(rng) for _ in range(DISTINCT)]
    images = [
        {"id": 7 * n + 9, "file_name": f"{n:012d}.jpg", "width": SIZE[0], "height": SIZE[1]}
        for n in range(count)
    ]
    for number, image in enumerate(images):
        path = source / "images" / "all" / str(image["file_name"])
        path.write_bytes(encoded[number % DISTINCT])
    content = {
        "info": {},
        "licenses": [],
        "images": images,
        "annotations": [_annotation(rng, n + 1, images, points) for n in range(boxes)],
        "categories": [
            {"id": n + 1, "name": f"class {n:02d}", "supercategory": "thing"}
            for n in range(CLASSES)
        ],
    }
    text = json.dumps(content)
    (source / "annotations" / "instances_all.json").write_text(text, encoding="utf-8")


def _jpeg(rng: np.random.Generator) -> bytes:
    coarse = rng.integers(0, 255, (24, 32, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, SIZE, interpolation=cv2.INTER_CUBIC)
    return bytes(cv2.imencode(".jpg", picture)[1])


def _annotation(
    rng: np.random.Generator, number: int, images: list[dict[str, object]], points: int
) -> dict[str, object]:
    x, y, w, h = rng.uniform((0, 0, 10, 10), (400, 300, 230, 170)).round(2).tolist()
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    ring = np.stack([x + w / 2 + w / 2 * np.cos(angle), y + h / 2 + h / 2 * np.sin(angle)], axis=1)
    return {
        "segmentation": [ring.round(2).reshape(-1).tolist()] if points else [],
        "area": round(w * h, 4),
        "iscrowd": 0,
        "image_id": images[int(rng.integers(len(images)))]["id"],
        "bbox": [x, y, w, h],
        "category_id": int(rng.integers(CLASSES)) + 1,
        "id": number,
    }


def commands(source: Path, out: Path, peers: str, *, outlines: bool) -> dict[str, list[str]]:
    """The command line of each tool."""
    annotations = source / "annotations"
    file = annotations / "instances_all.json"
    beside = str(Path(peers).parent)
    words = {"source": str(source), "annotations": str(annotations), "file": str(file)}
    words |= {"out": str(out), "outlines": str(outlines)}
    ours = [sys.executable, "-m", "pipeline", "convert", str(file), str(out), "--from", "coco"]
    ours += ["--images", str(source / "images" / "all"), "-q", "--json"]
    ours += ["--group", "none"]  # no peer looks for pictures that show the same
    panlabel = shutil.which("panlabel", path=beside) or "panlabel"
    labelformat = shutil.which("labelformat", path=beside) or "labelformat"
    task = "instance-segmentation" if outlines else "object-detection"
    return {
        OURS: ours,
        f"{OURS}, boxes only": [*ours, "--shapes", "box"],
        "panlabel": [
            *(panlabel, "convert", "--from", "coco", "--to", "yolo"),
            *("--input", str(file), "--output", str(out), "--allow-lossy"),
        ],
        "labelformat": [
            *(labelformat, "convert", "--task", task),
            *("--input-format", "coco", "--input-file", str(file)),
            *("--output-format", "yolov8", "--output-file", str(out / "data.yaml")),
            *("--output-split", "train"),
        ],
        "globox": [peers, "-W", "ignore", "-c", GLOBOX.format(**words)],
        "datumaro": [peers, "-W", "ignore", "-c", DATUMARO.format(**words)],
        # boxwright depends on it: no other installation is needed
        "ultralytics": [sys.executable, "-W", "ignore", "-c", ULTRALYTICS.format(**words)],
    }


def version(name: str, peers: str) -> str:
    """The version that is installed; "" for none."""
    if name == "ultralytics":
        return metadata.version(name)
    ask = f"from importlib.metadata import version; print(version({name!r}))"
    done = subprocess.run([peers, "-c", ask], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def measure(
    names: list[str], work: Path, runs: int, peers: str, *, outlines: bool
) -> dict[str, list[tuple[float, float]]]:
    """Wall-clock and CPU seconds of each run of each tool; the first turn warms the caches."""
    if outlines and OURS in names:
        names = [OURS, f"{OURS}, boxes only", *(name for name in names if name != OURS)]
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for turn in range(runs + 1):
        for number, name in enumerate(names):
            # No output is deleted before the end: making files right after is slow on ext4.
            out = work / f"out-{turn}-{number}"
            measured = run(commands(work / "source", out, peers, outlines=outlines)[name])
            if turn:
                times[name].append(measured)
    return times


def table(times: dict[str, list[tuple[float, float]]], images: int) -> str:
    """A Markdown table of medians, and ratios to boxwright."""
    median = {n: [statistics.median(c) for c in zip(*t, strict=True)] for n, t in times.items()}
    ours = median.get(OURS, next(iter(median.values())))
    lines = [
        "| tool | wall s | CPU s | pictures/s | wall, times ours | CPU, times ours |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {name} | {wall:.2f} | {cpu:.2f} | {images / wall:,.0f} | {wall / ours[0]:.2f} |"
        f" {cpu / ours[1]:.2f} |"
        for name, (wall, cpu) in median.items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
