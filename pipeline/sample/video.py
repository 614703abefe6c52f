"""A short film of items that move and turn on a table, and what is in each frame."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from pipeline.errors import BoxwrightError
from pipeline.progress import Track, silent
from pipeline.sample.camera import Camera
from pipeline.sample.coins import coin
from pipeline.sample.layers import Layer, Light, Placed
from pipeline.sample.money import WON
from pipeline.sample.notes import note
from pipeline.sample.options import SampleOptions
from pipeline.sample.render import Lens, Scene, render
from pipeline.sample.stuff import stuff
from pipeline.sample.surfaces import surface
from pipeline.sample.truth import Seen, look
from pipeline.sample.write import LEAST_SHARE, class_of

FPS = 25
_CODEC = "mp4v"  # MPEG-4 part 2: in every build of OpenCV, without a time stamp
_VIEW = 260.0  # millimetres of table that are seen from left to right


class _Move(NamedTuple):
    """How an item goes: `path` takes the time, 0 to 1, to x, y (half views) and turn (radians)."""

    value: int
    face: str
    path: Callable[[float], tuple[float, float, float]]


_MOVES = (
    _Move(10000, "F", lambda t: (-1.7 + 1.35 * min(1.0, 2 * t), -0.12, 0.3 - 0.5 * t)),
    _Move(50000, "B", lambda t: (0.45, 0.9 - 0.75 * t, 0.4 + 2.4 * t)),
    _Move(500, "F", lambda t: (1.2 - 2.5 * t, 0.36 - 0.3 * t, -7.0 * t)),
    _Move(10, "B", lambda t: (-0.1 + 0.45 * np.cos(6 * t), 0.3 * np.sin(6 * t), 5.0 * t)),
    _Move(100, "F", lambda t: (0.62, -0.36 + 0.1 * t, 1.0 + 4.0 * t)),
)


def film(folder: Path, options: SampleOptions, track: Track = silent) -> dict[str, Any]:
    """Write sample.mp4 and sample.json, its truth, into `folder`.

    Returns:
        Frames, frames per second, and the number of boxes.

    Raises:
        BoxwrightError: This OpenCV writes no mp4.
    """
    folder.mkdir(parents=True, exist_ok=True)
    size = (options.side // 2 * 2, round(options.side * 9 / 32) * 2)
    count = max(1, round(options.video * FPS))
    path = folder / "sample.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*_CODEC), float(FPS), size)
    if not writer.isOpened():
        raise BoxwrightError(f"{path}: this OpenCV writes no mp4.\n    -> set `video` to 0.")
    frames = []
    first = _opening(size, options.seed)
    for k in track(range(count), "filming", count):
        scene = _frame(first, k / count, k)
        writer.write(render(scene))
        frames.append([_record(seen, n) for n, seen in enumerate(look(scene.layers, scene.camera))])
    writer.release()
    kept = [[box for box in boxes if box["visible_share"] >= LEAST_SHARE] for boxes in frames]
    _write_truth(folder / "sample.json", size, kept)
    return {"frames": count, "fps": FPS, "boxes": sum(len(boxes) for boxes in kept)}


def _opening(size: tuple[int, int], seed: int) -> Scene:
    """The scene before anything moves; its money is in the order of `_MOVES`."""
    rng = np.random.default_rng([seed, 3])
    zoom = size[0] / _VIEW
    things: list[Layer] = [
        Placed(stuff(rng), (float(x) * _VIEW / 2, float(y) * _VIEW / 2), float(rng.uniform(0, 6)))
        for x, y in ((-0.75, 0.42), (0.85, 0.45))
    ]
    for move in _MOVES:
        won = next(one for one in WON if one.value == move.value)
        draw = coin if won.is_coin else note
        things.append(Placed(draw(won, move.face, rng), (0, 0), 0, won.label(move.face)))
    return Scene(
        texture=surface("DESK", rng),
        span=_VIEW * 1.6,
        layers=tuple(things),
        camera=Camera(size, zoom=zoom, tilt=0.25, azimuth=float(np.pi / 2)),
        light=Light(-2.2, 1.0, 0.5, (0.96, 1.0, 1.03), 0.25),
        lens=Lens(0.0012, 0.0, 0.0, 1.5, 95, 0),
    )


def _frame(first: Scene, time: float, number: int) -> Scene:
    moves = iter(_MOVES)
    layers = tuple(
        _gone(layer, next(moves), time) if isinstance(layer, Placed) and layer.label else layer
        for layer in first.layers
    )
    sway = 2 * np.pi * time
    camera = replace(
        first.camera,
        target=(4.0 * float(np.sin(sway)), 2.0 * float(np.sin(2 * sway))),
        roll=0.05 * float(np.sin(sway)),
    )
    return replace(first, layers=layers, camera=camera, lens=first.lens._replace(seed=number))


def _gone(item: Placed, move: _Move, time: float) -> Placed:
    x, y, turn = (float(v) for v in move.path(time))
    return replace(item, at=(x * _VIEW / 2, y * _VIEW / 2), turn=turn)


def _record(seen: Seen, track: int) -> dict[str, Any]:
    return {
        "track": track,
        "label": seen.label,
        "class": class_of(seen.label),
        "xyxy": np.round(seen.box, 2).tolist(),
        "visible_share": round(seen.share, 3),
    }


def _write_truth(path: Path, size: tuple[int, int], frames: list[list[dict[str, Any]]]) -> None:
    head = {"video": "sample.mp4", "fps": FPS, "width": size[0], "height": size[1]}
    lines = ",\n".join(json.dumps(boxes) for boxes in frames)
    path.write_text(f'{json.dumps(head)[:-1]}, "frames": [\n{lines}\n]}}\n', encoding="utf-8")
