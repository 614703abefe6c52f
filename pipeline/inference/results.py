"""What `predict` leaves behind: one sink a kind of output, each fed frame by frame.

No sink keeps more than a few pictures in memory, however long the video.
"""

from __future__ import annotations

import csv
import json
import re
import tempfile
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline import boxes as geometry
from pipeline import draw
from pipeline.dataset import Boxes
from pipeline.errors import BoxwrightError
from pipeline.inference.frames import Frame, length, quiet

_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # on Windows


class Sink(Protocol):
    """Takes every frame with its boxes, in order; `close` makes its files whole."""

    def add(self, frame: Frame, boxes: Boxes) -> None: ...

    def close(self) -> None: ...


class Annotated:
    """annotated/: pictures and videos with the boxes drawn on them.

    Drawn and encoded in threads while the model looks at the next ones; a video's frames by a
    thread of their own, in order.
    """

    def __init__(self, folder: Path, classes: Sequence[str], font: Path | None) -> None:
        self._folder = folder / "annotated"
        self._classes = classes
        self._font = font
        self._clip: _Clip | None = None
        self._photos, self._frames = ThreadPoolExecutor(4), ThreadPoolExecutor(1)
        self._waiting: deque[Future[None]] = deque()

    def add(self, frame: Frame, boxes: Boxes) -> None:
        write = self._photo if frame.index is None else self._frame
        pool = self._photos if frame.index is None else self._frames
        self._waiting.append(pool.submit(write, frame, boxes))
        self._settle(8)

    def close(self) -> None:
        with self._photos, self._frames:
            try:
                self._settle(0)
            finally:
                self._frames.submit(self._end_clip).result()

    def _photo(self, frame: Frame, boxes: Boxes) -> None:
        path = self._place(frame)
        path.write_bytes(draw.encode(path, self._drawn(frame, boxes)))

    def _frame(self, frame: Frame, boxes: Boxes) -> None:
        path = self._place(frame)
        if self._clip is None or self._clip.path != path:
            self._end_clip()
            self._clip = _Clip(path, frame.picture.shape, frame.rate)
        self._clip.add(self._drawn(frame, boxes), frame.tick)

    def _place(self, frame: Frame) -> Path:
        path = self._folder / frame.source.name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _drawn(self, frame: Frame, boxes: Boxes) -> draw.Picture:
        return draw.draw_boxes(frame.picture, boxes, self._classes, font=self._font)

    def _settle(self, most: int) -> None:
        """Wait until at most so many pictures are unwritten; raises what their writing raised."""
        while len(self._waiting) > most:
            self._waiting.popleft().result()

    def _end_clip(self) -> None:
        if self._clip is not None:
            clip, self._clip = self._clip, None
            clip.close()


class _Clip:
    """An mp4 file, written frame by frame: H.264 where OpenCV has an encoder, else MPEG-4."""

    def __init__(self, path: Path, shape: tuple[int, ...], rate: float) -> None:
        self.path = path
        self._size = (shape[1] + shape[1] % 2, shape[0] + shape[0] % 2)  # encoders want even sides
        self._rate = rate
        self._written = 0
        self._writer = self._open()

    def add(self, picture: draw.Picture, tick: int) -> None:
        """Write a picture as often as needed for it to be frame number `tick`."""
        whole = self._fitted(picture)
        for _ in range(tick + 1 - self._written):
            self._writer.write(whole)
            self._written += 1

    def close(self) -> None:
        """Finish the file, and read its length back: OpenCV does not tell of a full disk."""
        self._writer.release()
        capture = cv2.VideoCapture(str(self.path))
        there = length(capture)
        capture.release()
        if there != self._written:
            raise BoxwrightError(
                f"{self.path.name}: {there} of {self._written} frames were written."
                "\n    -> is the disk full? Free some space; nothing was left half-written."
            )

    def _open(self) -> Any:
        quiet()
        for codec in ("avc1", "mp4v"):
            code = cv2.VideoWriter.fourcc(*codec)
            writer = cv2.VideoWriter(str(self.path), code, self._rate, self._size)
            if writer.isOpened():
                return writer
        raise BoxwrightError(
            f"{self.path.name}: this OpenCV cannot write mp4 at {self._size} pixels."
            "\n    -> pip install --force-reinstall opencv-python, or --no-pictures."
        )

    def _fitted(self, picture: draw.Picture) -> draw.Picture:
        right, below = self._size[0] - picture.shape[1], self._size[1] - picture.shape[0]
        if (right, below) == (0, 0):
            return picture
        if 0 <= right <= 1 and 0 <= below <= 1:
            out = cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_REPLICATE)
        else:  # a stream that changed its size on the way
            out = cv2.resize(picture, self._size)
        return np.asarray(out, dtype=np.uint8)


class Json:
    """predictions.json: a COCO data set whose annotations have a `score`.

    The annotations wait in an unnamed file, so that memory stays small.
    """

    def __init__(self, folder: Path, classes: Sequence[str]) -> None:
        self._classes = classes
        self._images = self._boxes = 0
        self._rest = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - see close
        self._file = (folder / "predictions.json").open("w", encoding="utf-8")
        categories = [{"id": i, "name": name} for i, name in enumerate(classes, 1)]
        self._file.write(f'{{"categories": {_json(categories)},\n"images": [')

    def add(self, frame: Frame, boxes: Boxes) -> None:
        self._file.write(",\n" if self._images else "\n")
        self._images += 1
        self._file.write(_json({"id": self._images, **_where(frame)}))
        xywh = geometry.xyxy_to_xywh(boxes.xyxy).round(2)
        for label, box, score in zip(boxes.label, xywh.tolist(), boxes.score, strict=True):
            self._rest.write(",\n" if self._boxes else "\n")
            self._boxes += 1
            annotation = {
                "id": self._boxes,
                "image_id": self._images,
                "category_id": int(label) + 1,
                "category": self._classes[label],
                "bbox": box,
                "area": round(box[2] * box[3], 2),
                "iscrowd": 0,
                "score": round(float(score), 5),
            }
            self._rest.write(_json(annotation))

    def close(self) -> None:
        with self._file, self._rest:
            self._file.write('],\n"annotations": [')
            self._rest.seek(0)
            while part := self._rest.read(1 << 20):
                self._file.write(part)
            self._file.write("]}\n")


class Csv:
    """predictions.csv: a line a box; UTF-8 with a mark, so that spreadsheets see its script."""

    HEADER = ("file", "source", "frame", "class", "score", "x1", "y1", "x2", "y2")

    def __init__(self, folder: Path, classes: Sequence[str]) -> None:
        self._classes = classes
        path = folder / "predictions.csv"
        self._file = path.open("w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(self.HEADER)

    def add(self, frame: Frame, boxes: Boxes) -> None:
        index = "" if frame.index is None else frame.index
        start = (frame.source.name, frame.source.shown, index)
        rows = zip(boxes.label, boxes.score, boxes.xyxy.round(2).tolist(), strict=True)
        self._writer.writerows(
            (*start, self._classes[label], round(float(score), 5), *box)
            for label, score, box in rows
        )

    def close(self) -> None:
        self._file.close()


class Txt:
    """labels/: YOLO's lines with the score behind, ``class xc yc w h score``; empty for none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "labels"

    def add(self, frame: Frame, boxes: Boxes) -> None:
        path = self._folder / f"{_stem(frame)}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        size = np.array(frame.picture.shape[1::-1])
        xywhn = geometry.xyxy_to_xywhn(boxes.xyxy, size)
        lines = [
            " ".join([str(label), *(f"{n:.6f}" for n in numbers), f"{score:.5f}"])
            for label, numbers, score in zip(boxes.label, xywhn, boxes.score, strict=True)
        ]
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def close(self) -> None:
        pass


class Crops:
    """crops/<class>/: every box cut out of its picture, as JPEG."""

    def __init__(self, folder: Path, classes: Sequence[str]) -> None:
        self._folders = [folder / "crops" / name for name in folder_names(classes)]

    def add(self, frame: Frame, boxes: Boxes) -> None:
        for number, (label, box) in enumerate(zip(boxes.label, boxes.xyxy, strict=True), 1):
            path = self._folders[label] / f"{_stem(frame)}_{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(draw.encode(path, _crop(frame.picture, box)))

    def close(self) -> None:
        pass


def folder_names(classes: Sequence[str]) -> list[str]:
    """A folder name for each class that every file system takes, no two alike."""
    names: list[str] = []
    for name in classes:
        plain = re.sub(r'[<>:"/\\|?*\x00-\x1f\x7f]', "_", name).strip(" .")[:80] or "_"
        plain = f"_{plain}" if _RESERVED.fullmatch(plain) else plain
        taken, number, free = {n.casefold() for n in names}, 1, plain
        while free.casefold() in taken:
            number += 1
            free = f"{plain}-{number}"
        names.append(free)
    return names


def _crop(picture: draw.Picture, box: NDArray[np.float64]) -> draw.Picture:
    """At least one pixel, whatever the box."""
    height, width = picture.shape[:2]
    x1, y1 = np.clip(np.floor(box[:2]), 0, [width - 1, height - 1]).astype(int).tolist()
    x2, y2 = np.ceil(box[2:]).astype(int).tolist()
    return picture[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]


def _where(frame: Frame) -> dict[str, Any]:
    height, width = frame.picture.shape[:2]
    where = {"file_name": frame.source.name, "source": frame.source.shown}
    number = {} if frame.index is None else {"frame": frame.index}
    return {**where, **number, "width": width, "height": height}


def _stem(frame: Frame) -> PurePosixPath:
    """Where a frame's own files go: below its video's name, or beside the photo's."""
    name = PurePosixPath(frame.source.name)
    return name.with_suffix("") if frame.index is None else name / f"{frame.index:06d}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
