"""Fuzz every reader: `make fuzz`, or `python fuzz/run.py --seconds 300`.

One file of a good source is changed a little, and the source is read. It must be read, or told to
be wrong; any other error, ten seconds, or 3 GB is a fault: its input is kept in fuzz/found/. Inputs
that reach new lines of the readers are changed further (coverage, as AFL and libFuzzer do it).
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

from mutate import mutated  # noqa: E402

READERS = "/pipeline/formats/"
ALSO = "/pipeline/images.py"
TRACED = 4  # of so many inputs one is traced, which takes several times as long
POOL = 2000  # inputs that are changed further
PATIENCE = 10  # seconds for one input
MEMORY = 3 << 30


@dataclass
class Target:
    """What is fuzzed.

    Attributes:
        format: As `convert --from` has it.
        make: Makes a good source in a folder, gives it.
        file: Which of its files is changed; "" where the source is that file.
    """

    format: str
    make: Callable[[Path], Path]
    file: str


@dataclass
class Tally:
    """What came of it."""

    name: str
    inputs: int = 0
    told: int = 0
    lines: int = 0
    faults: list[str] = field(default_factory=list)


def targets() -> dict[str, Target]:
    from bad import archived, good, tools
    from bad.corner import fields, polygon

    same: Callable[[Any], Any] = lambda content: content  # noqa: E731
    outlined = fields(polygon([1, 2], [30, 4], [5, 40]))
    zipped, tarred = archived.zipped(), archived.tarred()
    return {
        "labelme": Target("corners", good.corners, "a3.json"),
        "labelme with outlines": Target("corners", outlined, "a3.json"),
        "COCO": Target("coco", good.coco, "coco.json"),
        "YOLO labels": Target("yolo", good.yolo, "labels/train/a3.txt"),
        "YOLO data.yaml": Target("yolo", good.yolo, "data.yaml"),
        "VOC": Target("voc", tools.as_voc(same), "a3.xml"),
        "CVAT": Target("cvat", tools.as_cvat(same), "annotations.xml"),
        "CSV": Target("csv", tools.as_table(same), "boxes.csv"),
        "KITTI": Target("kitti", tools.as_kitti(same), "label_2/a3.txt"),
        "Label Studio": Target("labelstudio", tools.as_labelstudio(same), "tasks.json"),
        "VIA": Target("via", tools.as_via(same), "via.json"),
        "Supervisely": Target("supervisely", tools.as_supervisely(same), "ds/ann/a3.jpg.json"),
        "JPEG": Target("corners", good.corners, "a3.jpg"),
        "zip": Target("corners", zipped, ""),
        "tar": Target("corners", tarred, ""),
        "any (auto)": Target("auto", good.corners, "a3.json"),
    }


class Lines:
    """The lines of the readers that were run."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, int]] = set()

    def call(self, frame: FrameType, _event: str, _argument: object) -> Any:
        name = frame.f_code.co_filename
        return self.line if READERS in name or name.endswith(ALSO) else None

    def line(self, frame: FrameType, event: str, _argument: object) -> Any:
        if event == "line":
            self.seen.add((frame.f_code.co_filename, frame.f_lineno))
        return self.line


def fuzz(name: str, seconds: float, seed: int) -> Tally:
    """Fuzz one target for some seconds."""
    import logging

    logging.disable(logging.CRITICAL)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    tally, chance, lines = Tally(name), random.Random(f"{seed} {name}"), Lines()
    signal.signal(signal.SIGALRM, _too_long)
    tempfile.tempdir = None
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        tempfile.tempdir = folder
        target = targets()[name]
        source = target.make(Path(folder) / "made")
        file = source / target.file if target.file else source
        pool = [file.read_bytes()]
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            data = mutated(chance.choice(pool[-50:] + pool[:1]), pool, chance)
            file.write_bytes(data)
            before = len(lines.seen)
            _try(target.format, source, data, tally, lines)
            if len(lines.seen) > before and len(pool) < POOL:
                pool.append(data)
            for left in Path(folder).glob("boxwright-*"):
                shutil.rmtree(left, ignore_errors=True)
    tally.lines = len(lines.seen)
    return tally


def _too_long(*_: object) -> None:
    raise TimeoutError(f"not done after {PATIENCE} s")


def _try(form: str, source: Path, data: bytes, tally: Tally, lines: Lines) -> None:
    from pipeline import formats
    from pipeline.errors import BoxwrightError
    from pipeline.formats import archives
    from pipeline.formats.reading import ReadOptions

    tally.inputs += 1
    archives._unpacked.clear()  # noqa: SLF001 - each input is another archive
    signal.alarm(PATIENCE)
    if tally.inputs % TRACED == 1:
        sys.settrace(lines.call)
    try:
        reading = formats.read(form, source, ReadOptions())
        _check(reading)
        tally.told += bool(reading.problems)
    except BoxwrightError as error:
        tally.told += 1
        str(error).encode(errors="backslashreplace")
    except BaseException as error:
        sys.settrace(None)
        if isinstance(error, KeyboardInterrupt):
            raise
        _keep(tally, data, traceback.format_exc())
    finally:
        sys.settrace(None)
        signal.alarm(0)


def _check(reading: Any) -> None:
    """What every reading must be."""
    import numpy as np

    boxes, images = reading.dataset.boxes, reading.dataset.images
    classes = reading.dataset.classes
    if not np.isfinite(boxes.xyxy).all() or not np.isfinite(boxes.outline.points).all():
        raise ValueError("a box that is nowhere")
    if len(boxes) and not 0 <= boxes.image.min() <= boxes.image.max() < len(images):
        raise ValueError("a box without a picture")
    if len(boxes) and not 0 <= boxes.label.min() <= boxes.label.max() < len(classes):
        raise ValueError("a box without a class")
    if (images.size <= 0).any() or len(reading.place) != len(boxes):
        raise ValueError("a picture without a size, or a box without a place")
    "\n".join([*classes, *images.name]).encode()


def _keep(tally: Tally, data: bytes, trace: str) -> None:
    kept = HERE / "found" / f"{tally.name.replace(' ', '-')}-{zlib.crc32(data):08x}"
    kept.parent.mkdir(exist_ok=True)
    kept.write_bytes(data)
    tally.faults.append(f"{kept}: {trace.strip().splitlines()[-1]}\n{trace}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    names = [name for name in targets() if asked.only in name]
    share = asked.seconds * asked.workers / len(names)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(asked.workers, mp_context=context) as pool:
        waiting = [pool.submit(fuzz, name, share, asked.seed) for name in names]
        tallies = [one.result() for one in waiting]
    print("| reader | inputs | told to be wrong | lines reached | faults |")
    print("| --- | --: | --: | --: | --: |")
    for t in tallies:
        print(f"| {t.name} | {t.inputs:,} | {t.told:,} | {t.lines:,} | {len(t.faults)} |")
    print(
        f"| all | {sum(t.inputs for t in tallies):,} | {sum(t.told for t in tallies):,} | | "
        f"{sum(len(t.faults) for t in tallies)} |"
    )
    for t in tallies:
        for fault in {f.split(": ", 1)[1].splitlines()[0]: f for f in t.faults}.values():
            print(fault, file=sys.stderr)
    sys.exit(any(t.faults for t in tallies))


if __name__ == "__main__":
    main()
