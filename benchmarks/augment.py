r"""Labels of augmented pictures beside the truth: ultralytics as it comes, and ours.

    python benchmarks/augment.py --out benchmarks/results/augment.md        # five minutes

Draws the built-in sample, whose true outlines are known, and converts it: plain boxes, boxes with
shapes (`convert`'s `shapes`), drawn outlines (`sample --outlines`). Ultralytics' own data set
reads the label files that `convert` wrote, and its own RandomPerspective moves them; nothing of it
is patched. Every label that it keeps is compared (IoU) with the tight box of the true outline,
which goes through the same matrix and is clipped to the picture like the label.

What a training gains by it: augment_train.py.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline import boxes as geometry
from pipeline import config
from pipeline.convert import ConvertOptions, convert
from pipeline.models.ultralytics import library
from pipeline.sample import SampleOptions, make_sample
from pipeline.sample.money import WON
from pipeline.sample.truth import box_in, part_in

CONFIG = Path(__file__).parents[1] / "configs" / "sample.yaml"
IMGSZ = 640
COINS = [won.name for won in WON if won.is_coin]
NOTES = [won.name for won in WON if not won.is_coin]
BY_CLASS = {**dict.fromkeys(COINS, "ellipse"), **dict.fromkeys(NOTES, "quad")}
Floats = NDArray[np.float64]


class Arm(NamedTuple):
    """What the labels are made of: which sample, and `convert`'s shapes."""

    name: str
    source: str
    shapes: Any = None


PLAIN = Arm("ultralytics as it comes", "corners")
SHAPED = Arm("boxes, ellipse and quad", "corners", BY_CLASS)
AUTO = Arm("boxes, auto", "corners", "auto")
OUTLINED = Arm("drawn outlines", "outlines")


class Move(NamedTuple):
    """What is done to every picture; ranges are either way, drawn anew each time.

    Attributes:
        name: What to call it.
        angle: Degrees of one exact turn, to the left and to the right; 0: as `ranges` say.
        ranges: Arguments of RandomPerspective; what is not named is off.
        mosaic: Whether four pictures are put together first, as in most trainings.
    """

    name: str
    angle: float = 0.0
    ranges: dict[str, float] = {}  # noqa: RUF012 - never changed
    mosaic: bool = False


ALL = {"degrees": 45, "shear": 10, "perspective": 0.0005, "translate": 0.1, "scale": 0.5}
WITHIN = "turned within ±45°"
MOVES = (
    *(Move(f"turned by ±{angle}°", angle=angle) for angle in (10, 30, 45, 90)),
    *(Move(f"turned within ±{angle}°", ranges={"degrees": angle}) for angle in (10, 30, 45, 90)),
    Move("shear within ±10°", ranges={"shear": 10}),
    Move("perspective 0.0005", ranges={"perspective": 0.0005}),
    Move("perspective 0.001", ranges={"perspective": 0.001}),
    Move("all of it", ranges=ALL),
    Move("all of it, in a mosaic", ranges=ALL, mosaic=True),
)


class Thing(NamedTuple):
    """What is really in a picture: its class, and the outline (K, 2) of its part in the picture."""

    name: str
    outline: Floats


class Found(NamedTuple):
    """What became of the labels of one arm under one move, a row for each label and draw.

    Attributes:
        name: (M,) class.
        iou: (M,) of the label and the true box; NaN where there is no label any more.
        there: (M,) whether anything of the thing is in the picture.
    """

    name: NDArray[np.object_]
    iou: Floats
    there: NDArray[np.bool_]


def main() -> None:
    """Draw, convert, measure, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--draws", type=int, default=4, help="of every move, for each picture")
    parser.add_argument(
        "--seed", type=int, default=11, help="of the sample; nothing was tuned on 11"
    )
    parser.add_argument("--work", type=Path, help="a folder to keep everything in")
    parser.add_argument("--out", type=Path, help="a Markdown file to write as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = options.work or Path(folder)
        sources = drawn(work, options.images, options.seed)
        truth = things(sources["corners"])
        made = trees(work / "measured", sources, (PLAIN, SHAPED, AUTO, OUTLINED), {})
        found = {name: list(measure(tree, truth, options)) for name, tree in made.items()}
    text = report(found, options)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")


def drawn(work: Path, images: int, seed: int) -> dict[str, Path]:
    """The sample twice, the same pictures: with corners, and with outlines."""
    sources = {"corners": work / "corners", "outlines": work / "outlines"}
    for name, folder in sources.items():
        outlines = name == "outlines"
        make_sample(folder, SampleOptions(images=images, seed=seed, video=0, outlines=outlines))
    return sources


def trees(
    work: Path, sources: dict[str, Path], arms: Sequence[Arm], flags: dict[str, Any]
) -> dict[str, Path]:
    """A prepared tree for each arm, by its name; all have the same pictures in the same splits."""
    block = {k: v for k, v in config.load(CONFIG).block("convert").items() if k != "shapes"}
    made = {}
    for arm in arms:
        source, tree = sources[arm.source], work / arm.name.replace(",", "").replace(" ", "-")
        given = {"background": [str(source / "background")], "shapes": arm.shapes, **flags}
        convert(source, tree, config.options(ConvertOptions, block, given))
        made[arm.name] = tree
    return made


def things(sample: Path) -> dict[str, list[Thing]]:
    """What is really in each picture, by its name; what gets no label is left out."""
    pictures = json.loads((sample / "outlines.json").read_text(encoding="utf-8"))["pictures"]
    found = {}
    for name, items in pictures.items():
        rows, columns = cv2.imread(str(sample / name)).shape[:2]
        found[name] = [
            Thing(item["class"], part_in(np.array(item["full"]), (columns, rows)))
            for item in items
            if item["labelled"]
        ]
    return found


# Measuring


def measure(
    tree: Path, truth: dict[str, list[Thing]], options: argparse.Namespace
) -> Iterator[Found]:
    """Move every picture's labels as ultralytics does; a result for each of `MOVES`."""
    data = read(tree)
    known = {
        label["im_file"]: matched(label, truth["/".join(Path(label["im_file"]).parts[-2:])], data)
        for label in data.labels
    }
    for move in MOVES:
        rows = [
            row
            for index, path in enumerate(data.im_files)
            if known[path]
            for number in range(2 if move.angle else options.draws)
            for row in moved(data, index, known, move, (options.seed, number))
        ]
        names, iou, there = zip(*rows, strict=True)
        yield Found(np.array(names, dtype=object), np.array(iou), np.array(there))


def read(tree: Path) -> Any:
    """Ultralytics' own data set of a tree, read from its label files."""
    library.load()
    from ultralytics.data import YOLODataset

    names = config.read_yaml(tree / "data.yaml")["names"]
    folders = [str(tree / "images" / split) for split in ("train", "val")]
    return YOLODataset(folders, data={"names": names}, imgsz=IMGSZ)


def matched(label: dict[str, Any], here: Sequence[Thing], data: Any) -> list[Thing]:
    """The true thing of each label of a picture, in the order of the labels."""
    size = np.array(label["shape"][::-1])
    boxes = geometry.xywhn_to_xyxy(label["bboxes"].astype(np.float64), size)
    true = np.array([hull(thing.outline) for thing in here]).reshape(-1, 4)
    names = [data.data["names"][int(one)] for one in label["cls"][:, 0]]
    same = np.array([[name == thing.name for thing in here] for name in names])
    share = geometry.iou(boxes, true) * same.reshape(len(boxes), len(true))
    if len(boxes) != len(true) or (len(true) and share.max(axis=1).min() < 0.95):
        raise SystemExit(f"{label['im_file']}: its labels are not those of the sample.")
    return [here[k] for k in share.argmax(axis=1)] if len(true) else []


def moved(
    data: Any, index: int, known: dict[str, list[Thing]], move: Move, draw: tuple[int, int]
) -> Iterator[tuple[str, float, bool]]:
    """Class, IoU and presence of each thing of one augmented picture; `draw` is seed and number."""
    from ultralytics.data.augment import RandomPerspective

    random.seed(f"{draw} {index} {move.name}")
    label, here = (in_mosaic if move.mosaic else alone)(data, index, known)
    off = {"translate": 0.0, "scale": 0.0}
    perspective = RandomPerspective(**{**off, **move.ranges}, size=(IMGSZ, IMGSZ))
    params = perspective.get_params(label)
    if move.angle:
        params["M"] = turn(label["img"].shape, move.angle * (-1) ** draw[1])
    kept = perspective.apply_instances(label, params)
    rows = kept["cls"][:, 0]
    true = np.array([true_box(thing.outline, params["M"]) for thing in here])
    iou = np.full(len(here), np.nan)
    iou[rows] = geometry.iou(kept["instances"].bboxes, true[rows]).diagonal()
    names = [thing.name for thing in here]
    yield from zip(names, iou.tolist(), (geometry.area(true) > 0).tolist(), strict=True)


def alone(
    data: Any, index: int, known: dict[str, list[Thing]]
) -> tuple[dict[str, Any], list[Thing]]:
    """A picture as it is loaded, and its things in pixels of that.

    The class column carries the thing's number, by which a label that is kept is known again.
    """
    label = data.get_image_and_label(index)
    scale = np.array(label["resized_shape"][::-1]) / label["ori_shape"][::-1]
    things = known[label["im_file"]]
    label["cls"] = np.arange(len(things))[:, None]
    return label, [Thing(thing.name, thing.outline * scale) for thing in things]


def in_mosaic(
    data: Any, index: int, known: dict[str, list[Thing]]
) -> tuple[dict[str, Any], list[Thing]]:
    """Four pictures in one, of twice the side, and the parts of their things that lie in it."""
    from ultralytics.data.augment import Mosaic

    mosaic = Mosaic(data, imgsz=IMGSZ, p=1.0)
    label = data.get_image_and_label(index)
    params = mosaic.get_params(label)
    here: list[Thing] = []
    for patch in params["layout"]:
        part = patch["labels_patch"]
        scale = np.array(patch["img_shape"][::-1]) / part["ori_shape"][::-1]
        things = known[part["im_file"]]
        part["cls"] = np.arange(len(here), len(here) + len(things))[:, None]
        for thing in things:
            outline = thing.outline * scale + (patch["padw"], patch["padh"])
            here.append(Thing(thing.name, part_in(outline, (2 * IMGSZ, 2 * IMGSZ))))
    return mosaic.apply_instances(mosaic.apply_image(label, params), params), here


def turn(shape: tuple[int, ...], angle: float) -> Floats:
    """(3, 3) a turn about the picture's centre, which goes to that of the canvas."""
    centre = np.array([shape[1], shape[0]]) / 2
    matrix = np.eye(3)
    matrix[:2] = cv2.getRotationMatrix2D(centre.tolist(), angle, 1)
    matrix[:2, 2] += IMGSZ / 2 - centre
    return matrix


def true_box(outline: Floats, matrix: Floats) -> Floats:
    """(4,) the tight box of an outline (K, 2) in the augmented picture, clipped to it."""
    points = np.column_stack([outline, np.ones(len(outline))]) @ matrix.T
    return box_in(points[:, :2] / points[:, 2:], (IMGSZ, IMGSZ))


def hull(points: Floats) -> Floats:
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


# Telling


def report(found: dict[str, list[Found]], options: argparse.Namespace) -> str:
    """The tables, in Markdown."""
    kinds = {"coins and notes": [*COINS, *NOTES], "coins": COINS, "notes": NOTES}
    parts = [f"Mean IoU of label and true box, {kind}:\n\n{by_move(found, names)}"
             for kind, names in kinds.items()]  # fmt: skip
    parts.append(f"{WITHIN.capitalize()}, by class:\n\n{by_class(found)}")
    parts.append(f"{WITHIN.capitalize()}, all labels:\n\n{spread(found)}")
    parts.append(
        f"{options.images} drawn pictures (seed {options.seed}) at {IMGSZ} pixels,"
        f" every move {options.draws} times a picture (exact turns once each way)."
        " All of it: within ±45°, shear ±10°, perspective 0.0005, shift 0.1, zoom 0.5."
        f" ultralytics {version('ultralytics')}, Python {platform.python_version()}."
    )
    return "\n\n".join(parts)


def by_move(found: dict[str, list[Found]], names: Sequence[str]) -> str:
    rows = [
        [move.name, *(f"{mean(results[k], names):.3f}" for results in found.values())]
        for k, move in enumerate(MOVES)
    ]
    return table(["", *found], rows)


def by_class(found: dict[str, list[Found]]) -> str:
    at = [move.name for move in MOVES].index(WITHIN)
    rows = [
        [name, *(f"{mean(results[at], [name]):.3f}" for results in found.values())]
        for name in [*COINS, *NOTES]
    ]
    return table(["", *found], rows)


def spread(found: dict[str, list[Found]]) -> str:
    """The worst labels, and what is lost."""
    at = [move.name for move in MOVES].index(WITHIN)
    rows = []
    for arm, results in found.items():
        iou, lost = results[at].iou, np.isnan(results[at].iou) & results[at].there
        kept = iou[~np.isnan(iou)]
        low = np.quantile(kept, (0.05, 0.5))
        shares = [(kept < limit).mean() for limit in (0.5, 0.75, 0.9)]
        cells = [f"{value:.3f}" for value in low] + [f"{share:.1%}" for share in shares]
        rows.append([arm, *cells, f"{lost.sum() / results[at].there.sum():.1%}"])
    head = ["", "5th percentile", "median", "under 0.5", "under 0.75", "under 0.9", "label lost"]
    return table(head, rows)


def mean(found: Found, names: Sequence[str]) -> float:
    """Of the labels that are kept."""
    return float(np.nanmean(found.iou[np.isin(found.name, names)]))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
