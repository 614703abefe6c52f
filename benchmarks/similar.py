"""Near-duplicate pictures: boxwright beside imagededup, in one run.

    python benchmarks/similar.py --peers .venv-bench/bin/python --out benchmarks/results/similar.md
    python benchmarks/similar.py --peers .venv-bench/bin/python --images 0    # without the speed

Speed: whole processes over a folder of drawn pictures, some of them edits of others. Recall: drawn
scenes with one planted duplicate each, by kind; boxwright is given the items' boxes, as it has them
in a data set, imagededup takes none. Precision: among them the same desks with another item on
them; and, where `--cells` names the pictures of BCCD, blood cells that all look alike.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.sample.groups import Group, plan
from pipeline.sample.layers import Layer, Placed
from pipeline.sample.money import FACES, WON
from pipeline.sample.options import SampleOptions
from pipeline.sample.render import Scene, render
from pipeline.sample.scenes import money_sprite, scenes
from pipeline.sample.truth import look
from pipeline.sample.write import LEAST_SHARE

Picture = NDArray[np.uint8]
Pair = tuple[str, str]

CELLS = {
    ("00204", "00277"), ("00227", "00260"), ("00231", "00256"), ("00230", "00257"),
    ("00037", "00038"), ("00386", "00391"), ("00382", "00395"), ("00229", "00258"),
}  # fmt: skip
"""The pairs of BCCD's blood cells that show the same cells, seen by eye among the top 30 candidates
of an earlier version: a pair that was not among them is missing."""

OURS = """
import json, sys
from pathlib import Path
from pipeline.dataset import Boxes, Dataset, Images
from pipeline.images import read_headers
from pipeline.similar import SimilarOptions, find
paths = sorted(str(p) for p in Path(sys.argv[1]).iterdir())
names = [Path(p).name for p in paths]
sizes = [head[:2] for head in read_headers(paths)]
known = Path(sys.argv[1]).with_suffix(".json")
boxes = json.loads(known.read_text()) if known.exists() else {}
rows = [(row, *box) for row, name in enumerate(names) for box in boxes.get(name, [])]
columns = [[row[0] for row in rows], [row[1] for row in rows], [row[2:] for row in rows]]
data = Dataset(Path(sys.argv[1]), (), Images.of(names, paths, sizes), Boxes.of(*columns))
pairs = find(data, SimilarOptions(workers=int(sys.argv[3]))).pairs
json.dump([[names[a], names[b]] for a, b in zip(pairs.a, pairs.b)], open(sys.argv[2], "w"))
"""

IMAGEDEDUP = """
import json, sys
from imagededup import methods
if __name__ == "__main__":
    method = getattr(methods, sys.argv[3])(verbose=False)
    found = method.find_duplicates(image_dir=sys.argv[1])
    pairs = sorted({tuple(sorted((a, b))) for a, others in found.items() for b in others})
    json.dump(pairs, open(sys.argv[2], "w"))
"""


def main() -> None:
    """Draw the pictures, run every tool, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--images", type=int, default=100_000, help="for the speed; 0 leaves it out"
    )
    parser.add_argument("--scenes", type=int, default=60, help="for each kind of duplicate")
    parser.add_argument("--cells", type=Path, help="the folder of BCCD's pictures")
    parser.add_argument("--peers", default=sys.executable, help="a Python that has imagededup")
    parser.add_argument("--limit", type=float, default=1200, help="seconds for each tool's speed")
    parser.add_argument("--out", type=Path, help="a Markdown file to write as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for table in tables(Path(folder), options):
            print(table, end="\n\n", flush=True)
            found.append(table)
    if options.out:
        options.out.write_text("\n\n".join(found) + "\n", encoding="utf-8")


def tables(folder: Path, options: argparse.Namespace) -> Iterator[str]:
    """The Markdown tables, one after the other."""
    tools = commands(options.peers)
    if options.scenes:
        kinds, negatives = draw_scenes(folder / "scenes", options.scenes)
        found = {name: run(command, folder / "scenes")[1] for name, command in tools.items()}
        yield accuracy(found, kinds, negatives)
    if options.cells:
        yield cells({name: run(command, options.cells)[1] for name, command in tools.items()})
    if options.images:
        planted = draw_many(folder / "many", options.images)
        yield speed(tools, folder / "many", planted, options)


def commands(peers: str) -> dict[str, list[str]]:
    """The command line of each tool; the folder and the file of pairs go after the script."""
    return {
        "boxwright": [sys.executable, "-c", OURS, "0"],
        "imagededup PHash": [peers, "-W", "ignore", "-c", IMAGEDEDUP, "PHash"],
        "imagededup DHash": [peers, "-W", "ignore", "-c", IMAGEDEDUP, "DHash"],
    }


def run(command: list[str], folder: Path, limit: float | None = None) -> tuple[float, set[Pair]]:
    """Wall-clock seconds of one run, and the pairs that it found; infinity where it is stopped."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "pairs.json"
        whole = [*command[:-1], str(folder), str(out), command[-1]]
        start = time.perf_counter()
        said = Path(scratch) / "said"
        with said.open("wb") as log:
            tool = subprocess.Popen(whole, start_new_session=True, stdout=log, stderr=log)
        try:
            tool.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(tool.pid, signal.SIGKILL)
            tool.wait()
            return math.inf, set()
        wall = time.perf_counter() - start
        if tool.returncode:
            raise SystemExit(said.read_text(errors="replace"))
        return wall, {(a, b) if a < b else (b, a) for a, b in json.loads(out.read_bytes())}


# Accuracy


def _turned(picture: Picture) -> Picture:
    """Three degrees, and as much larger as hides the corners."""
    height, width = picture.shape[:2]
    move = cv2.getRotationMatrix2D((width / 2, height / 2), 3, 1.09)
    return cv2.warpAffine(picture, move, (width, height), borderMode=cv2.BORDER_REPLICATE)


def _cropped(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    return picture[round(0.03 * height) : round(0.98 * height), round(0.05 * width) :]


EDITS: dict[str, Callable[[Picture], Picture]] = {
    "re-encoded (quality 40)": lambda picture: picture,
    "resized to half": lambda picture: cv2.resize(
        picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA
    ),
    "cropped by 5 %": _cropped,
    "10 % brighter": lambda picture: cv2.convertScaleAbs(picture, alpha=1.1),
    "10 % darker": lambda picture: cv2.convertScaleAbs(picture, alpha=0.9),
    "turned by 3 degrees": _turned,
}
FRAME, SHOT = "next video frame", "another shot of the scene"


def draw_scenes(folder: Path, count: int) -> tuple[dict[str, set[Pair]], set[Pair]]:
    """Scenes with one duplicate each, and the same desk with another item; boxes beside the folder.

    Returns:
        The planted pairs of each kind, and the pairs that show different items on one desk.
    """
    folder.mkdir()
    boxes: dict[str, list[list[float]]] = {}
    kinds = [*EDITS, FRAME, SHOT]
    options = SampleOptions(images=5 * count * len(kinds), seed=9, background=0, video=0)
    planted = {kind: set[Pair]() for kind in kinds}
    swapped: set[Pair] = set()
    for number, group in enumerate(plan(options)[: count * len(kinds)]):
        kind = kinds[number % len(kinds)]
        first, second, other = (f"{number:04d}_{part}.jpg" for part in ("a", "b", "swapped"))
        scene, shot = [*scenes(group._replace(shots=2), options)]
        again, edit = _duplicate(kind, scene, shot), EDITS.get(kind, lambda picture: picture)
        swap = _swapped(scene, group, number)
        write(folder / first, render(scene), scene.lens.quality)
        write(folder / second, edit(render(again)), 40 if "40" in kind else 90)
        write(folder / other, render(swap), scene.lens.quality)
        boxes |= {first: _boxes(scene), second: _boxes(again, edit), other: _boxes(swap)}
        planted[kind].add((first, second))
        swapped |= {(first, other), (second, other)}
    folder.with_suffix(".json").write_text(json.dumps(boxes), encoding="utf-8")
    return planted, swapped


def _duplicate(kind: str, scene: Scene, shot: Scene) -> Scene:
    """The scene that the duplicate is drawn from, before it is edited."""
    if kind == SHOT:
        return shot
    if kind == FRAME:
        x, y = scene.camera.target
        camera = replace(scene.camera, target=(x + 1, y + 0.5), roll=scene.camera.roll + 0.01)
        return replace(scene, camera=camera, lens=scene.lens._replace(seed=1))
    return scene


def _boxes(
    scene: Scene, edit: Callable[[Picture], Picture] = lambda picture: picture
) -> list[list[float]]:
    """Class and xyxy of each item as a data set has them: edited together with the picture."""
    width, height = scene.camera.size
    found = []
    for item in look(scene.layers, scene.camera):
        mask = np.zeros((height, width, 3), dtype=np.uint8)
        x1, y1, x2, y2 = (round(edge) for edge in item.box)
        mask[y1:y2, x1:x2] = 255
        x, y, across, down = cv2.boundingRect((edit(mask)[..., 0] > 127).astype(np.uint8))
        if item.share >= LEAST_SHARE and across and down:
            names = [won.name for won in WON]
            found.append([names.index(item.label.split("_")[0]), x, y, x + across, y + down])
    return found


def _swapped(scene: Scene, group: Group, number: int) -> Scene:
    """The same table, light and camera; another coin or note where the main item was."""
    rng = np.random.default_rng(number)
    mine = group.money
    others = [won for won in WON if won != mine and mine and won.is_coin == mine.is_coin]
    other, face = others[rng.integers(len(others))], str(rng.choice(list(FACES)))

    def swap(layer: Layer) -> Layer:
        if isinstance(layer, Placed) and mine and layer.label == mine.label(group.face):
            return replace(money_sprite(other, face, layer.turn, rng), at=layer.at)
        return layer

    return replace(scene, layers=tuple(swap(layer) for layer in scene.layers))


def write(path: Path, picture: Picture, quality: int) -> None:
    """A JPEG."""
    path.write_bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


def accuracy(found: dict[str, set[Pair]], kinds: dict[str, set[Pair]], swapped: set[Pair]) -> str:
    """Recall of each kind; what was found that is no duplicate."""
    true = set().union(*kinds.values())
    lines = [
        f"Recall: {len(true)} drawn scenes with one duplicate each, and one picture of the same",
        "desk with another item; each tool at its own default threshold. boxwright has the items'",
        "boxes, as in a data set; imagededup can use none.",
        "",
        "| planted | " + " | ".join(found) + " |",
        "| --- |" + " ---: |" * len(found),
    ]
    for kind, pairs in kinds.items():
        lines.append(_row(kind, [_share(hits & pairs, pairs) for hits in found.values()]))
    lines += [
        _row("**recall**", [_share(hits & true, true) for hits in found.values()]),
        _row("**precision**", [_share(hits & true, hits) for hits in found.values()]),
        _row("pairs found", [str(len(hits)) for hits in found.values()]),
        _row("other item, same desk", [str(len(hits & swapped)) for hits in found.values()]),
        _row("other scene", [str(len(hits - swapped - true)) for hits in found.values()]),
    ]
    return "\n".join(lines)


def _share(part: set[Pair], whole: set[Pair]) -> str:
    return f"{len(part) / len(whole):.3f}" if whole else "-"


def _row(name: str, values: list[str]) -> str:
    return f"| {name} | " + " | ".join(values) + " |"


def cells(found: dict[str, set[Pair]]) -> str:
    """What is found among pictures that all look alike."""
    lines = [
        f"Look-alikes: the pictures of blood cells of BCCD; {len(CELLS)} pairs of them show the",
        "same cells (looked at by eye).",
        "",
        "| tool | true pairs found | wrong pairs |",
        "| --- | ---: | ---: |",
    ]
    for name, pairs in found.items():
        numbers = {(a[-9:-4], b[-9:-4]) for a, b in pairs}
        lines.append(_row(name, [str(len(numbers & CELLS)), str(len(numbers - CELLS))]))
    return "\n".join(lines)


# Speed

EVERY = 10  # of the pictures one is an edit of the one before
SIZE = (320, 240)


def draw_many(folder: Path, count: int) -> set[Pair]:
    """Pictures of `SIZE`, every tenth an edit of the one before; the planted pairs."""
    folder.mkdir()
    starts = range(0, count, 1000)
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        parts = [pool.submit(_draw_part, folder, at, min(at + 1000, count)) for at in starts]
        return {pair for part in parts for pair in part.result()}


def _draw_part(folder: Path, start: int, stop: int) -> list[Pair]:
    cv2.setNumThreads(1)
    edits, planted, before = list(EDITS.values()), [], np.zeros((1, 1, 3), np.uint8)
    for number in range(start, stop):
        edited = number % EVERY == EVERY - 1
        picture = edits[number // EVERY % len(edits)](before) if edited else _drawn(number)
        write(folder / f"{number:06d}.jpg", picture, 60 if edited else 85)
        if edited:
            planted.append((f"{number - 1:06d}.jpg", f"{number:06d}.jpg"))
        before = picture
    return planted


def _drawn(number: int) -> Picture:
    """Soft colours, and a dozen discs and bars on them."""
    rng = np.random.default_rng(number)
    coarse = rng.integers(30, 225, (4, 5, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, SIZE, interpolation=cv2.INTER_CUBIC)
    for x, y, size, b, g, r in rng.integers(0, (*SIZE, 60, 255, 255, 255), (12, 6)).tolist():
        if size % 2:
            cv2.circle(picture, (x, y), 5 + size, (b, g, r), -1, cv2.LINE_AA)
        else:
            cv2.rectangle(picture, (x, y), (x + 3 * size, y + 10 + size // 2), (b, g, r), -1)
    return picture


def speed(
    tools: dict[str, list[str]], folder: Path, planted: set[Pair], options: argparse.Namespace
) -> str:
    """Pictures a second of each tool, and what it found of the planted pairs."""
    lines = [
        f"Speed: {options.images} pictures of {SIZE[0]} x {SIZE[1]}, {len(planted)} of them edits",
        "of another; reading, hashing and comparing, whole processes.",
        "",
        "| tool | wall s | pictures/s | times ours | recall | precision |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    ours = 0.0
    for name, command in tools.items():
        wall, pairs = run(command, folder, options.limit)
        ours = ours or wall
        lines.append(_row(name, _measured(wall, pairs, ours, planted, options)))
        print(lines[-1], file=sys.stderr)
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    return "\n".join([*lines, "", f"{machine}, 2 shared cores; imagededup with a worker per core."])


def _measured(
    wall: float, pairs: set[Pair], ours: float, planted: set[Pair], options: argparse.Namespace
) -> list[str]:
    """The cells of one tool; where it was stopped, what is known then."""
    if math.isinf(wall):
        least = options.limit
        return [f"over {least:.0f}", f"under {options.images / least:.0f}",
                f"over {least / ours:.1f}", "-", "-"]  # fmt: skip
    values = [f"{wall:.1f}", f"{options.images / wall:.0f}", f"{wall / ours:.2f}"]
    return [*values, _share(pairs & planted, planted), _share(pairs & planted, pairs)]


if __name__ == "__main__":
    main()
