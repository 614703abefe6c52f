"""The file that keeps predictions: what models say of the pictures whose labels are checked.

The file is a NumPy .npz of columns, which NumPy reads without us: ``about`` (JSON:
``boxwright``, ``kind``, ``classes``, ``pictures`` as [split, name], and ``made``: how it was made);
a row a picture: ``size`` (width, height) and ``unseen``; a row a box: ``image`` (row of its
picture), ``label``, ``score``, ``xyxy`` in pixels of the picture as shown, ``probability`` of each
class, ``spread`` of each side. The same predictions give the same bytes.
"""

from __future__ import annotations

import io
import json
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from pipeline import __version__, manifest
from pipeline.check.predictions import Predictions, in_classes
from pipeline.dataset import Boxes, Dataset, Images, Ints
from pipeline.errors import BoxwrightError, DataError
from pipeline.models.details import Details

FILE = "predictions.npz"
KIND = "predictions"
_AGAIN = "make the predictions again, with `folds`"
_TOLD = 3  # pictures to name; the rest are counted
_DAMAGED = (ValueError, LookupError, TypeError, AttributeError, EOFError, BadZipFile, zlib.error)
_TYPES = {
    "size": np.int32,
    "unseen": np.bool_,
    "image": np.int32,
    "label": np.int32,
    "score": np.float32,
    "xyxy": np.float32,
    "probability": np.float32,
    "spread": np.float32,
}


def write(path: Path, predictions: Predictions) -> None:
    """Write predictions, the file whole or not at all.

    Raises:
        BoxwrightError: The disk refuses.
    """
    found, details = predictions.found, predictions.details
    boxes = found.boxes
    about = {
        "boxwright": __version__,
        "kind": KIND,
        "classes": found.classes,
        "pictures": list(zip(found.images.split, found.images.name, strict=True)),
        "made": predictions.made,
    }
    columns: dict[str, Any] = {
        "size": found.images.size,
        "unseen": predictions.unseen,
        **{name: getattr(boxes, name) for name in ("image", "label", "score", "xyxy")},
        **{name: getattr(details, name) for name in ("probability", "spread")},
    }
    typed = {name: columns[name].astype(kind) for name, kind in _TYPES.items()}
    typed["about"] = np.frombuffer(json.dumps(about).encode("ascii"), dtype=np.uint8)
    file = io.BytesIO()
    np.savez_compressed(file, **typed)
    manifest.write_bytes(path, file.getvalue())


def made(path: Path) -> dict[str, Any]:
    """How the predictions in a file were made; {} where there is no whole file of ours."""
    try:
        about, _ = _load(path)
    except DataError:
        return {}
    return dict(about["made"])


def read(path: Path, dataset: Dataset) -> Predictions:
    """Read predictions of the pictures of a data set.

    Pictures are found by split and name; those that have changed their split by their name.

    Args:
        path: What `write` wrote.
        dataset: The labels; it may hold fewer pictures than the file.

    Raises:
        DataError: No such file, damaged, of another kind, or of pictures of another size.
        BoxwrightError: Pictures that it says nothing of, or other classes.
    """
    about, columns = _load(path)
    row = _rows(about["pictures"], dataset.images, path)
    _check_sizes(columns["size"][row], dataset.images, path)
    boxes = Boxes.of(columns["image"], columns["label"], columns["xyxy"], score=columns["score"])
    details = Details(
        columns["probability"].astype(np.float64), columns["spread"].astype(np.float64)
    )
    boxes, order = _moved(boxes, row, len(about["pictures"]))
    found = replace(dataset, classes=tuple(about["classes"]), boxes=boxes)
    found, details = in_classes(found, details.take(order), dataset.classes, path)
    return Predictions(found, details, columns["unseen"][row], about["made"])


def _load(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a file says of itself, and its columns."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            about = json.loads(file["about"].tobytes())
            columns = {name: file[name] for name in _TYPES}
        whole = about["kind"] == KIND and isinstance(about["made"], dict) and _fit(columns, about)
    except FileNotFoundError as error:
        raise DataError(path, "", "there is no such file", "check the path") from error
    except OSError as error:
        raise DataError(path, "", f"cannot be read: {error.strerror or error}", _AGAIN) from error
    except _DAMAGED as error:
        problem = "is no file of predictions that boxwright wrote, or is damaged"
        raise DataError(path, "", problem, _AGAIN) from error
    if not whole:
        raise DataError(path, "", "is damaged: its columns do not fit together", _AGAIN)
    return about, columns


def _fit(columns: Mapping[str, Any], about: Mapping[str, Any]) -> bool:
    """Whether the columns have the shapes that belong together, and name what is there."""
    pictures, classes, boxes = (
        len(part) for part in (about["pictures"], about["classes"], columns["image"])
    )
    shapes = {
        "size": (pictures, 2),
        "unseen": (pictures,),
        "image": (boxes,),
        "label": (boxes,),
        "score": (boxes,),
        "xyxy": (boxes, 4),
        "probability": (boxes, classes),
        "spread": (boxes, 4),
    }
    image, label = columns["image"], columns["label"]
    return all(columns[name].shape == shape for name, shape in shapes.items()) and bool(
        ((image >= 0) & (image < pictures) & (label >= 0) & (label < classes)).all()
        and (np.diff(image) >= 0).all()
    )


def _rows(pictures: Sequence[Sequence[str]], images: Images, path: Path) -> Ints:
    """(N,) the row in the file of each picture of the data set."""
    there = {(split, name): row for row, (split, name) in enumerate(pictures)}
    once = {name for name, count in Counter(images.name).items() if count == 1}
    times = Counter(name for _, name in pictures)
    moved = {
        name: row for row, (_, name) in enumerate(pictures) if times[name] == 1 and name in once
    }
    keys = list(zip(images.split, images.name, strict=True))
    row = [there.get(key, moved.get(key[1], -1)) for key in keys]
    absent = [path_ for path_, place in zip(images.path, row, strict=True) if place < 0]
    if absent:
        raise BoxwrightError(
            f"{path}: says nothing of {len(absent)} of {len(keys)} pictures: {_some(absent)}."
            f"\n    -> {_AGAIN}."
        )
    return np.array(row, dtype=np.int64)


def _check_sizes(size: Ints, images: Images, path: Path) -> None:
    other = np.flatnonzero((size != images.size).any(axis=1))
    if len(other):
        raise DataError(
            path,
            "",
            f"{len(other)} pictures had another size when they were looked at: "
            + _some(images.path[other].tolist()),
            _AGAIN,
        )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_TOLD]) + (", ..." if len(names) > _TOLD else "")


def _moved(boxes: Boxes, row: Ints, pictures: int) -> tuple[Boxes, Ints]:
    """The boxes of some pictures in the order of those; and the rows that they were."""
    now = np.full(pictures, -1, dtype=np.int64)
    now[row] = np.arange(len(row))
    kept = np.flatnonzero(now[boxes.image] >= 0)
    order = kept[np.argsort(now[boxes.image[kept]], kind="stable")]
    taken = boxes.take(order)
    return replace(taken, image=now[taken.image]), order
