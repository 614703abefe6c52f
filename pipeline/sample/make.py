"""Make the sample data set: draw every picture, then write what is known of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import __version__, manifest
from pipeline.progress import Track, silent
from pipeline.sample import mistakes, write
from pipeline.sample.groups import BACKGROUND, PATTERN, Group, plan
from pipeline.sample.money import FACES, WON
from pipeline.sample.options import SampleOptions
from pipeline.sample.readme import README
from pipeline.sample.render import render
from pipeline.sample.scenes import scenes
from pipeline.sample.truth import look
from pipeline.sample.video import film
from pipeline.sample.write import Shape, Shot

KIND = "sample"
OUTLINES, TRUTH, VIDEO = "outlines.json", "truth.json", "video"


def make_sample(
    out: Path, options: SampleOptions, track: Track = silent, *, force: bool = False
) -> dict[str, Any]:
    """Draw a data set of Korean coins and notes, in the layout and habits of a real one.

    Args:
        out: The folder to make. Where it already is this very sample, nothing is done.
        options: How much to draw, and how.
        track: Shows progress.
        force: Draw it again, and replace whatever the folder holds.

    Returns:
        What was made: the manifest's counts, and whether the folder was left `unchanged`.

    Raises:
        BoxwrightError: The folder holds something else, or cannot be written.
    """
    made = manifest.read(out)
    if made and not force and _is_same(out, made, options):
        return {"folder": str(out), "unchanged": True, **made["counts"]}
    with manifest.new_folder(out, KIND, force=force) as folder:
        shots = list(_draw(folder, options, track))
        shapes = _write_labels(folder, shots, options)
        video = film(folder / VIDEO, options, track) if options.video else None
        (folder / "README.md").write_text(README, encoding="utf-8")
        counts = _counts(shots, shapes, video)
        manifest.write(folder, KIND, _record(options, counts))
    return {"folder": str(out), "unchanged": False, **counts}


def _is_same(out: Path, made: dict[str, Any], options: SampleOptions) -> bool:
    """Whether `out` holds the sample that these options give, with none of its files gone."""
    names = [group.file(shot) for group in plan(options) for shot in range(group.shots)]
    return (
        made.get("kind") == KIND
        and made["boxwright"] == __version__
        and made.get("options") == asdict(options)
        and all(_is_whole(out / name) for name in names)
    )


def _is_whole(picture: Path) -> bool:
    no_json = picture.parent.name == BACKGROUND
    return picture.is_file() and (no_json or picture.with_suffix(".json").is_file())


def _draw(folder: Path, options: SampleOptions, track: Track) -> Iterable[Shot]:
    """Draw and write all pictures; yield the truth of each."""
    for group, shot, scene in track(_all_scenes(options), "drawing", options.images):
        name, camera = group.file(shot), scene.camera
        write.picture(folder, name, render(scene), scene.lens.quality)
        yield Shot(
            name, group.name, camera.size, tuple(look(scene.layers, camera)), options.outlines
        )


def _all_scenes(options: SampleOptions) -> Iterable[tuple[Group, int, Any]]:
    for group in plan(options):
        for shot, scene in enumerate(scenes(group, options)):
            yield group, shot, scene


def _write_labels(folder: Path, shots: Sequence[Shot], options: SampleOptions) -> list[list[Shape]]:
    """Write the JSON files, the outlines, and where errors are planted the truth about them."""
    rng = np.random.default_rng([options.seed, 4])
    shapes, truth = mistakes.plant(shots, options.errors, rng)
    for shot, labels in zip(shots, shapes, strict=True):
        order = int(rng.integers(4))
        if not shot.file.startswith(f"{BACKGROUND}/"):
            write.labelme(folder, shot, labels, options.scale, order)
    write.outlines(folder / OUTLINES, shots)
    if options.errors:
        text = ",\n".join(json.dumps(record) for record in truth)
        (folder / TRUTH).write_text(f"[\n{text}\n]\n", encoding="utf-8")
    return shapes


def _counts(
    shots: Sequence[Shot], shapes: Sequence[Sequence[Shape]], video: dict[str, Any] | None
) -> dict[str, Any]:
    labels = Counter(shape.label for labels in shapes for shape in labels)
    items = [item for shot in shots for item in shot.items]
    return {
        "images": len(shots),
        "backgrounds": sum(shot.file.startswith(f"{BACKGROUND}/") for shot in shots),
        "groups": len({shot.group for shot in shots}),
        "boxes": sum(labels.values()),
        "too_hidden_to_label": sum(item.share < write.LEAST_SHARE for item in items),
        "labels": {won.label(face): labels[won.label(face)] for won in WON for face in FACES},
        "video": video,
    }


def _record(options: SampleOptions, counts: dict[str, Any]) -> dict[str, Any]:
    return {
        "options": asdict(options),
        "counts": counts,
        "classes": {won.name: [won.label(face) for face in FACES] for won in WON},
        "group": PATTERN,
        "background": BACKGROUND,
        "aside": [
            OUTLINES,
            *([TRUTH] if options.errors else []),
            *([VIDEO] if options.video else []),
        ],
    }
