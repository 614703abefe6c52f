"""`boxwright stats` on a set of a million boxes: seconds and memory, beside a peer.

    python benchmarks/stats.py --out benchmarks/results/stats.md --peers .venv-bench/bin/python

A YOLO tree of 100,000 pictures of ten boxes each is written once (64 small JPEGs under many names:
hard links; in one folder a split, as the peer looks no deeper), then read by each tool in a process
of its own, in turn, several times. Memory is the highest sum, over all processes of a tool, of what
each holds (its PSS: pages that processes share are counted once), looked at 20 times a second.
Linux only.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import yaml

SIZE = (320, 240)
BOXES = 10  # a picture
CLASSES = tuple(f"class {number:02d}" for number in range(40))
DISTINCT = 64  # pictures drawn; the others are hard links to them
VAL = 5  # every fifth picture
AT_ONCE = 1000  # pictures drawn together

SUPERVISION = """
import collections, supervision as sv
for split in ("train", "val"):
    data = sv.DetectionDataset.from_yolo(
        {tree!r} + "/images/" + split, {tree!r} + "/labels/" + split, {tree!r} + "/data.yaml"
    )
    print(collections.Counter(int(c) for a in data.annotations.values() for c in a.class_id))
"""


class Measured(NamedTuple):
    """One run: wall-clock seconds, CPU seconds, peak memory in MB."""

    wall: float
    cpu: float
    memory: float


def main() -> None:
    """Write the tree, run every tool in turn, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peers", default="", help="a Python that has supervision")
    parser.add_argument("--tree", type=Path, help="where to keep the tree; made where missing")
    parser.add_argument("--out", type=Path, help="a Markdown file to write as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        tree = (options.tree or Path(folder) / "tree").absolute()
        if not tree.exists():
            draw(tree, options.images)
        tools = commands(tree, Path(folder), options.peers)
        found: dict[str, list[Measured]] = {name: [] for name in tools}
        for turn in range(options.runs + 1):
            for name, command in tools.items():
                measured = run(command)
                if turn:  # the first turn warms the caches
                    found[name].append(measured)
    text = report(found, options.images)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")


def draw(tree: Path, count: int) -> None:
    """A YOLO tree of `count` pictures, `BOXES` boxes each, classes with a long tail."""
    rng = np.random.default_rng(0)
    jpegs = _jpegs(tree / "distinct", rng)
    share = 1 / np.arange(1, len(CLASSES) + 1)
    for start in range(0, count, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, count))
        label = rng.choice(len(CLASSES), (len(numbers), BOXES), p=share / share.sum())
        side = rng.beta(1.5, 6, (len(numbers), BOXES, 2)) * 0.9 + 0.02
        centre = side / 2 + rng.random(side.shape) * (1 - side)
        for number, own, places in zip(
            numbers, label.tolist(), np.concatenate([centre, side], axis=2).tolist(), strict=True
        ):
            split = "train" if number % VAL else "val"
            _put(tree, f"{split}/{number:07d}", jpegs[number % DISTINCT], _lines(own, places))
    names = {"train": "images/train", "val": "images/val", "names": list(CLASSES)}
    (tree / "data.yaml").write_text(yaml.safe_dump(names, sort_keys=False), encoding="utf-8")


def _lines(labels: list[int], places: list[list[float]]) -> str:
    rows = zip(labels, places, strict=True)
    return "".join(f"{label} {x:.6f} {y:.6f} {w:.6f} {h:.6f}\n" for label, (x, y, w, h) in rows)


def _put(tree: Path, name: str, jpeg: Path, lines: str) -> None:
    picture, label = tree / f"images/{name}.jpg", tree / f"labels/{name}.txt"
    for parent in (picture.parent, label.parent):
        parent.mkdir(parents=True, exist_ok=True)
    os.link(jpeg, picture)
    label.write_text(lines, encoding="utf-8")


def _jpegs(folder: Path, rng: np.random.Generator) -> list[Path]:
    folder.mkdir(parents=True)
    paths = [folder / f"{number}.jpg" for number in range(DISTINCT)]
    for path in paths:
        coarse = rng.integers(0, 255, (9, 12, 3), dtype=np.uint8)
        picture = cv2.resize(coarse, SIZE, interpolation=cv2.INTER_CUBIC)
        path.write_bytes(cv2.imencode(".jpg", picture)[1].tobytes())
    return paths


def commands(tree: Path, out: Path, peers: str) -> dict[str, list[str]]:
    """The command line of each tool."""
    ours = [sys.executable, "-m", "pipeline", "stats", str(tree), "-q", "--json"]
    page = ["--page", str(out / "stats.html")]
    tools = {
        "boxwright stats": [*ours, "--pixels", "0"],
        "boxwright stats, with pixels": ours,
        "boxwright stats, with pixels and page": [*ours, *page],
    }
    if peers:
        code = SUPERVISION.format(tree=str(tree))
        tools["supervision, read and count classes"] = [peers, "-W", "ignore", "-c", code]
    return tools


def run(command: list[str]) -> Measured:
    """Run one tool to its end."""
    before, start = os.times(), time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        peak: list[float] = [0]
        done = threading.Event()
        watch = threading.Thread(target=_watch, args=(process.pid, peak, done))
        watch.start()
        code = process.wait()
        wall = time.perf_counter() - start
        done.set()
        watch.join()
    if code:
        raise subprocess.CalledProcessError(code, command)
    after = os.times()
    used = after.children_user + after.children_system
    return Measured(wall, used - before.children_user - before.children_system, peak[0])


def _watch(pid: int, peak: list[float], done: threading.Event) -> None:
    while not done.wait(0.05):
        peak[0] = max(peak[0], sum(_held(one) for one in _family(pid)))


def _family(pid: int) -> list[int]:
    """A process and all below it."""
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:  # it has ended
        return []
    return [pid, *(one for child in listed for one in _family(int(child)))]


def _held(pid: int) -> float:
    """Megabytes that a process holds (proportional set size)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:  # it has ended
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def report(found: dict[str, list[Measured]], images: int) -> str:
    """A Markdown table of medians."""
    runs = len(next(iter(found.values())))
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    data = f"{images:,} pictures, {images * BOXES:,} boxes, a YOLO tree, caches warm"
    lines = [
        f"{data}; {machine}; medians of {runs} runs (memory: the highest).",
        "",
        "| tool | wall s | CPU s | peak memory MB |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, times in found.items():
        wall, cpu, _ = (statistics.median(column) for column in zip(*times, strict=True))
        lines.append(f"| {name} | {wall:.1f} | {cpu:.1f} | {max(t.memory for t in times):,.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
