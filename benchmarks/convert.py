"""JSON to a YOLO tree with pictures and COCO files: boxwright beside its peers, in one run.

    python benchmarks/convert.py --peers .venv-bench/bin/python --out benchmarks/results/convert.md

Each tool converts the same folder of labelme JSON and pictures, in a process of its own, the tools
in turn, several times; the table shows medians and ratios. boxwright does more work than any peer
here: it reads every picture's header, checks every box, splits by class, writes COCO as well.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

SIZE = (640, 360)
CLASSES = ("Ten", "Fifty", "Hundred", "FiveHundred", "Thousand", "FiveThousand")
DISTINCT = 64  # pictures drawn; the others are copies under other names

SUPERVISION = """
import supervision as sv
data = sv.DetectionDataset.from_labelme({images!r}, {source!r})
train, val = data.split(0.8, random_state=0, shuffle=True)
for name, part in (("train", train), ("val", val)):
    part.as_yolo({out!r} + "/images/" + name, {out!r} + "/labels/" + name, {out!r} + "/data.yaml")
    part.as_coco(annotations_path={out!r} + "/" + name + ".json")
"""

GLOBOX = """
import shutil
from pathlib import Path
import globox
data = globox.AnnotationSet.from_labelme({source!r})
out = Path({out!r})
(out / "labels").mkdir(parents=True)
(out / "images").mkdir()
labels = {{name: i for i, name in enumerate(sorted(data._labels()))}}
data.save_yolo_v5(out / "labels", label_to_id=labels)
data.save_coco(out / "coco.json", auto_ids=True)
for picture in Path({source!r}).glob("*.jpg"):
    shutil.copyfile(picture, out / "images" / picture.name)
"""


def main() -> None:
    """Draw the source, run every tool in turn, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peers", default=sys.executable, help="a Python that has the peers")
    parser.add_argument("--only", default="", help="tools, comma-separated")
    parser.add_argument("--out", type=Path, help="a Markdown file to write as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        source = Path(folder).absolute() / "source"
        draw(source, options.images)
        names = options.only.split(",") if options.only else list(commands(source, source, ""))
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
        for turn in range(options.runs + 1):
            for number, name in enumerate(names):
                # No output is deleted before the end: making files right after is slow on ext4.
                out = Path(folder).absolute() / f"out-{turn}-{number}"
                measured = run(commands(source, out, options.peers)[name])
                if turn:  # the first turn warms the caches
                    times[name].append(measured)
    text = report(times, options.images)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")


def draw(source: Path, count: int) -> None:
    """Pictures of `SIZE` with one to five boxes each, labelme JSON beside them."""
    source.mkdir(parents=True)
    rng = np.random.default_rng(0)
    encoded = [_jpeg(rng) for _ in range(DISTINCT)]
    for number in range(count):
        name = f"note_{number:06d}"
        (source / f"{name}.jpg").write_bytes(encoded[number % DISTINCT])
        (source / f"{name}.json").write_text(json.dumps(_labelme(rng, name)), encoding="utf-8")


def _jpeg(rng: np.random.Generator) -> bytes:
    coarse = rng.integers(0, 255, (18, 32, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, SIZE, interpolation=cv2.INTER_CUBIC)
    return bytes(cv2.imencode(".jpg", picture)[1])


def _labelme(rng: np.random.Generator, name: str) -> dict[str, object]:
    shapes = [
        {
            "label": str(rng.choice(CLASSES)),
            "points": [[x, y], [x + w, y + h]],
            "group_id": None,
            "shape_type": "rectangle",
            "flags": {},
        }
        for x, y, w, h in rng.uniform((0, 0, 20, 20), (400, 200, 200, 150), (5, 4))
        .round(2)
        .tolist()
    ][: rng.integers(1, 6)]
    return {
        "version": "5.0.1",
        "flags": {},
        "shapes": shapes,
        "imagePath": f"{name}.jpg",
        "imageData": None,
        "imageHeight": SIZE[1],
        "imageWidth": SIZE[0],
    }


def commands(source: Path, out: Path, peers: str) -> dict[str, list[str]]:
    """The command line of each tool."""
    ours = [sys.executable, "-m", "pipeline", "convert", str(source), str(out), "-q", "--json"]
    ours += ["--group", "none"]  # no peer looks for pictures that show the same
    labelme2yolo = shutil.which("labelme2yolo", path=str(Path(peers).parent)) or "labelme2yolo"
    words = {"source": str(source), "images": str(source), "out": str(out)}
    return {
        "boxwright (1 process)": [*ours, "--workers", "1"],
        "boxwright (2 processes)": [*ours, "--workers", "2"],
        "labelme2yolo": [labelme2yolo, "-d", str(source), "-o", str(out), "--val_size", "0.2"],
        "supervision": [peers, "-W", "ignore", "-c", SUPERVISION.format(**words)],
        "globox": [peers, "-W", "ignore", "-c", GLOBOX.format(**words)],
    }


def run(command: list[str]) -> tuple[float, float]:
    """Wall-clock and CPU seconds of one run."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, used


def report(times: dict[str, list[tuple[float, float]]], images: int) -> str:
    """A Markdown table of medians, and ratios to boxwright in two processes."""
    median = {n: [statistics.median(c) for c in zip(*t, strict=True)] for n, t in times.items()}
    ours = median.get("boxwright (2 processes)", next(iter(median.values())))
    runs = len(next(iter(times.values())))
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    lines = [
        f"{images} pictures, JSON to YOLO and COCO; {machine}; medians of {runs} runs.",
        "",
        "| tool | wall s | CPU s | wall, times ours | CPU, times ours |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {name} | {wall:.2f} | {cpu:.2f} | {wall / ours[0]:.2f} | {cpu / ours[1]:.2f} |"
        for name, (wall, cpu) in median.items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
