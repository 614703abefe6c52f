"""Boxes, outlines and labels drawn on pictures, and sheets of many pictures.

Pictures are BGR uint8 (H, W, 3), as shown. Text is drawn by Pillow, which shapes every script
(where its libraqm is at hand) and is asked only once for the same text: the plates are cached, so
that drawing does not slow a video down.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pipeline import fonts, manifest
from pipeline.dataset import Boxes, Outlines
from pipeline.errors import BoxwrightError

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

_GOLDEN = 0.6180339887  # turns of hue between classes: neighbours are never alike
_PAPER = (255, 255, 255)


def draw_boxes(
    picture: Picture,
    boxes: Boxes,
    classes: Sequence[str],
    *,
    font: Path | None = None,
    scores: bool = True,
) -> Picture:
    """A copy of a picture with boxes, outlines and labels on it.

    Args:
        picture: (H, W, 3) BGR.
        boxes: The boxes of this picture (their `image` is not looked at), in its pixels.
        classes: Class names.
        font: A font file to prefer.
        scores: Whether to write the score behind the name.

    Raises:
        BoxwrightError: `font` is no font file.
    """
    fonts.warn_of_missing(tuple(classes), font)
    out = picture.copy()
    line, size = line_and_text(out)
    order = np.argsort(-boxes.score, kind="stable").tolist()
    for row in reversed(order):  # the surest are drawn last, on top, and choose their place first
        _draw_shape(out, boxes, row, line)
    style = _Style(size, font, scores, out.shape[:2])
    plates = [_label(boxes, row, classes, style) for row in order]
    places = _places(boxes.xyxy[order], plates, out)
    for plate, (left, top) in reversed(list(zip(plates, places, strict=True))):
        out[top : top + plate.shape[0], left : left + plate.shape[1]] = plate
    return out


def line_and_text(picture: Picture) -> tuple[int, int]:
    """Line width and text height in pixels that look alike on pictures of every size."""
    side = (picture.shape[0] + picture.shape[1]) / 2
    return max(1, round(side * 0.003)), max(12, round(side * 0.025))


@lru_cache(maxsize=1024)
def colour(label: int) -> Colour:
    """The BGR colour of a class: the same in every picture, far from its neighbours'."""
    hue = (label * _GOLDEN + 0.02) % 1
    bright, rich = (1.0, 0.9) if label % 2 == 0 else (0.75, 0.75)
    r, g, b = colorsys.hsv_to_rgb(hue, rich, bright)
    return round(b * 255), round(g * 255), round(r * 255)


def fit(picture: Picture, boxes: Boxes, side: int) -> tuple[Picture, Boxes]:
    """A picture scaled so that its longer side is `side` pixels, and its boxes with it."""
    scale = side / max(picture.shape[:2])
    width, height = (max(1, round(n * scale)) for n in picture.shape[1::-1])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(picture, (width, height), interpolation=how)
    ratio = np.array([width / picture.shape[1], height / picture.shape[0]])
    outline = Outlines(boxes.outline.points * ratio, boxes.outline.start)
    return small, replace(boxes, xyxy=boxes.xyxy * np.tile(ratio, 2), outline=outline)


def contact_sheet(
    pictures: Sequence[Picture],
    captions: Sequence[str],
    *,
    columns: int = 4,
    side: int = 400,
    font: Path | None = None,
) -> Picture:
    """Pictures side by side on white, each with its caption beneath.

    Args:
        pictures: At least one; none wider than `side`.
        captions: One a picture; shortened where they don't fit.
        columns: At most this many a row.
        side: Width of a cell, in pixels.
        font: A font file to prefer.
    """
    columns = min(columns, len(pictures))
    rows = []
    for at in range(0, len(pictures), columns):
        part = list(zip(pictures, captions, strict=True))[at : at + columns]
        tall = max(picture.shape[0] for picture, _ in part)
        cells = [_cell(picture, caption, (tall, side), font) for picture, caption in part]
        cells += [np.full_like(cells[0], 255)] * (columns - len(cells))
        rows.append(np.hstack(cells))
    return np.vstack(rows)


def caption(text: str, size: int, width: int, font: Path | None = None) -> Picture:
    """A line of text on white, `width` pixels wide; its middle is left out where it doesn't fit.

    Args:
        text: Any script that a font at hand has.
        size: Height of the letters, in pixels.
        width: Of the line, in pixels.
        font: A font file to prefer.
    """
    plate = _plate(text, size, _PAPER, font, width)[:, :width]
    return np.pad(plate, ((0, 0), (0, width - plate.shape[1]), (0, 0)), constant_values=255)


def save(path: Path, picture: Picture) -> None:
    """Write a picture whole or not at all, in the format that the name ends in.

    Raises:
        BoxwrightError: No such format, or the disk refuses.
    """
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.write_bytes(encode(path, picture))
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise manifest.cannot_write(path, error) from error


def encode(path: Path, picture: Picture) -> bytes:
    """The bytes of a picture file whose name is `path`.

    Raises:
        BoxwrightError: No format that OpenCV writes.
    """
    try:
        data: NDArray[np.uint8] = cv2.imencode(path.suffix, picture)[1]
    except cv2.error as error:
        raise BoxwrightError(
            f"{path}: no picture format ends in {path.suffix!r}.\n    -> use .jpg or .png."
        ) from error
    return data.tobytes()


def _draw_shape(out: Picture, boxes: Boxes, row: int, line: int) -> None:
    tint = colour(int(boxes.label[row]))
    limit = np.array([out.shape[1], out.shape[0]] * 2) - 1
    x1, y1, x2, y2 = np.clip(np.rint(boxes.xyxy[row]) - [0, 0, 1, 1], 0, limit).astype(int).tolist()
    cv2.rectangle(out, (x1, y1), (x2, y2), tint, line)
    points = boxes.outline[row]
    if len(points):
        shape = np.rint(points).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(out, [shape], isClosed=True, color=tint, thickness=line, lineType=cv2.LINE_AA)


class _Style(NamedTuple):
    """How the plates of a picture look: height of the text, font, room (height, width)."""

    size: int
    font: Path | None
    scores: bool
    room: tuple[int, int]


def _label(boxes: Boxes, row: int, classes: Sequence[str], style: _Style) -> Picture:
    """The plate of one box: name and score, no larger than the picture."""
    label, (tall, wide) = int(boxes.label[row]), style.room
    look = (style.size, colour(label), style.font)
    if not style.scores:
        return _plate(classes[label], *look, wide)[:tall, :wide]
    score = _text(f"{boxes.score[row]:.2f}", *look)
    name = _plate(classes[label], *look, wide - score.shape[1])
    return np.hstack([_padded(name, score), _padded(score, name)])[:tall, :wide]


def _padded(plate: Picture, other: Picture) -> Picture:
    """A plate made as tall as another by repeating its last row: fonts differ in height."""
    less = max(0, other.shape[0] - plate.shape[0])
    return np.pad(plate, ((0, less), (0, 0), (0, 0)), mode="edge") if less else plate


def _places(
    xyxy: NDArray[np.float64], plates: Sequence[Picture], out: Picture
) -> list[tuple[int, int]]:
    """Left and top of each plate: above its box, else inside, else beneath, where it is free.

    Never outside the picture; above or inside where no place is free.
    """
    taken = np.zeros((len(plates), 4))
    places = []
    for row, (box, plate) in enumerate(zip(np.rint(xyxy).astype(int), plates, strict=True)):
        tall, wide = plate.shape[:2]
        left = int(np.clip(box[0], 0, out.shape[1] - wide))
        tops = [int(box[1]) - tall, int(box[1]), int(box[3])]
        tops = [top for top in tops if 0 <= top <= out.shape[0] - tall]
        tops = tops or [int(np.clip(box[1], 0, max(0, out.shape[0] - tall)))]
        spots = [(left, top, left + wide, top + tall) for top in tops]
        spot = next((s for s in spots if not _meets(s, taken[:row])), spots[0])
        taken[row] = spot
        places.append((spot[0], spot[1]))
    return places


def _meets(spot: tuple[int, int, int, int], taken: NDArray[np.float64]) -> bool:
    x1, y1, x2, y2 = spot
    apart = (taken[:, 2] <= x1) | (taken[:, 0] >= x2) | (taken[:, 3] <= y1) | (taken[:, 1] >= y2)
    return not bool(apart.all())


@lru_cache(maxsize=512)
def _plate(text: str, size: int, back: Colour, font: Path | None, room: int) -> Picture:
    """A text on its plate, its middle left out where it is wider than `room` pixels."""
    plate = _text(text, size, back, font)
    keep = len(text)
    while plate.shape[1] > room and keep > 1:
        keep = max(1, min(keep - 1, keep * room // plate.shape[1]))
        plate = _text(_shortened(text, keep), size, back, font)
    return plate


def _shortened(text: str, keep: int) -> str:
    tail = (keep - 1) // 2
    return f"{text[: keep - tail]}…{text[len(text) - tail :]}"


@lru_cache(maxsize=512)
def _text(text: str, size: int, back: Colour, font: Path | None) -> Picture:
    """A text drawn on a plate of one colour, in black or white, whichever stands out."""
    faces = [(part, _face(path, size)) for part, path in fonts.runs(text or " ", font)]
    pad = max(2, size // 5)
    wide = sum(int(np.ceil(face.getlength(part))) for part, face in faces) + 2 * pad
    above = max(face.getmetrics()[0] for _, face in faces)
    below = max(face.getmetrics()[1] for _, face in faces)
    mask = Image.new("L", (wide, above + below))
    pen, at = ImageDraw.Draw(mask), pad
    for part, face in faces:
        pen.text((at, above), part, fill=255, font=face, anchor="ls")
        at += int(np.ceil(face.getlength(part)))
    cover = np.asarray(mask, dtype=np.float64)[..., None] / 255
    plate: Picture = np.rint(np.array(back) * (1 - cover) + _ink(back) * cover).astype(np.uint8)
    return plate


def _ink(back: Colour) -> int:
    """White on dark, black on bright (Rec. 601 luma)."""
    blue, green, red = back
    return 0 if 0.114 * blue + 0.587 * green + 0.299 * red > 128 else 255


@lru_cache(maxsize=64)
def _face(path: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), size)


def _cell(picture: Picture, caption: str, room: tuple[int, int], font: Path | None) -> Picture:
    """A picture in the middle of `room` (height, width), its caption beneath, a margin around."""
    margin, size = max(4, room[1] // 40), max(12, room[1] // 25)
    plate = _plate(caption, size, _PAPER, font, room[1])[:, : room[1]]
    tall = room[0] + plate.shape[0] + 2 * margin
    cell = np.full((tall, room[1] + 2 * margin, 3), 255, dtype=np.uint8)
    _centre(cell[margin : margin + room[0], margin:-margin], picture)
    _centre(cell[margin + room[0] : -margin, margin:-margin], plate)
    return cell


def _centre(room: Picture, picture: Picture) -> None:
    top, left = ((r - p) // 2 for r, p in zip(room.shape[:2], picture.shape[:2], strict=True))
    room[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
