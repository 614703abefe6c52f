"""Picture files: their size as shown from the header alone, decoding, hard-linking.

Sizes are read by walking the file's own header (a few microseconds; no decoding), for JPEG and
PNG; Pillow reads the others. "As shown" means with the EXIF orientation applied, as OpenCV,
ultralytics and every viewer do. This module stays free of NumPy at import: it runs in workers.
"""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipeline.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
_READ_FIRST = 4096
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start-of-frame markers hold the size
_ORIENTATION = 0x0112


class Header(NamedTuple):
    """What a picture's file says of it.

    Attributes:
        width: In pixels, as shown.
        height: In pixels, as shown.
        orientation: EXIF orientation, 1 to 8; 5 to 8 swap the sides.
        rewritable: Whether a trainer might rewrite the file in place (YOLOv5 and ultralytics
            re-save a JPEG that does not end in FFD9), so that it must not be hard-linked.
        bytes: Length of the file.
    """

    width: int
    height: int
    orientation: int = 1
    rewritable: bool = False
    bytes: int = 0


def read_header(path: Path | str) -> Header:
    """Read a picture's size as shown, and whether its file is whole.

    Raises:
        DataError: Not readable, empty, cut short, or no picture.
    """
    try:
        file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            return _walk(file, path)
        finally:
            os.close(file)
    except OSError as error:
        raise DataError(
            path, "", f"cannot be read: {error.strerror}", "check the file's permissions"
        ) from error


def read_headers(paths: Sequence[str]) -> list[Header | DataError]:
    """Read the headers of many pictures; an error stands in the place of a header."""
    found: list[Header | DataError] = []
    for path in paths:
        try:
            found.append(read_header(path))
        except DataError as error:
            found.append(error)
    return found


def _walk(file: int, path: Path | str) -> Header:
    start = os.read(file, _READ_FIRST)
    if not start:
        raise DataError(path, "", "is empty (0 bytes)", "copy the picture again or remove it")
    if start[:2] == b"\xff\xd8":
        return _jpeg(file, start, path)
    if start[:16] == b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" and b"eXIf" not in start:
        end, length = _tail(file, 8)
        if end[:4] == b"IEND":
            width, height = struct.unpack(">II", start[16:24])
            return Header(width, height, bytes=length)
    return _decoded(path, rewritable=False)


def _jpeg(file: int, start: bytes, path: Path | str) -> Header:
    """Walk the JPEG's segments up to the start of frame (ITU-T T.81, annex B)."""
    at, orientation = 2, 1
    while True:
        segment = start[at : at + 9] if at + 9 <= len(start) else _at(file, at, 9)
        if len(segment) < 9 or segment[0] != 0xFF:
            return _decoded(path, rewritable=True)
        marker = segment[1]
        if marker in _SOF:
            height, width = struct.unpack(">HH", segment[5:9])
            break
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        length = struct.unpack(">H", segment[2:4])[0]
        if marker == 0xE1 and segment[4:8] == b"Exif":
            orientation = _exif_orientation(_at(file, at + 10, length - 8))
        at += 2 + length
    end, length = _tail(file, 2)
    if end != b"\xff\xd9":
        return _decoded(path, rewritable=True)
    if orientation >= 5:
        width, height = height, width
    return Header(width, height, orientation, bytes=length)


def _exif_orientation(tiff: bytes) -> int:
    """The orientation tag of the first directory of an EXIF block; 1 where there is none."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return 1
    at = struct.unpack_from(order + "I", tiff, 4)[0]
    if at + 2 > len(tiff):
        return 1
    for entry in range(struct.unpack_from(order + "H", tiff, at)[0]):
        place = at + 2 + 12 * entry
        if place + 12 > len(tiff):
            return 1
        tag, _, _, value = struct.unpack_from(order + "HHIH", tiff, place)
        if tag == _ORIENTATION:
            return value if 1 <= value <= 8 else 1
    return 1


def _at(file: int, place: int, count: int) -> bytes:
    os.lseek(file, place, os.SEEK_SET)
    return os.read(file, count)


def _tail(file: int, count: int) -> tuple[bytes, int]:
    """The last bytes of a file, and its length."""
    start = os.lseek(file, -count, os.SEEK_END)
    return os.read(file, count), start + count


def _decoded(path: Path | str, *, rewritable: bool) -> Header:
    """The slow way, for what the walk does not know: decode the picture to see that it is whole."""
    import warnings

    from PIL import Image, ImageFile, UnidentifiedImageError

    if ImageFile.LOAD_TRUNCATED_IMAGES:  # ultralytics switches it on for the whole process
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        with warnings.catch_warnings(), Image.open(path) as picture:
            warnings.simplefilter("ignore")
            picture.load()
            orientation = int(picture.getexif().get(_ORIENTATION, 1))
            width, height = picture.size
    except UnidentifiedImageError as error:
        raise DataError(
            path, "", "is no picture", "remove it or export it again as JPEG or PNG"
        ) from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(
            path, "", f"is cut short or damaged ({error})", "copy the picture again or remove it"
        ) from error
    if orientation in range(5, 9):
        width, height = height, width
    return Header(width, height, orientation, rewritable, os.path.getsize(path))  # noqa: PTH202


def decode(path: Path | str) -> NDArray[np.uint8]:
    """A picture as shown (EXIF turn applied): (H, W, 3) uint8, BGR as OpenCV has it.

    Raises:
        DataError: Not readable or no picture.
    """
    import cv2
    import numpy as np

    try:
        data = np.fromfile(path, dtype=np.uint8)  # imread cannot open every path on Windows
    except OSError as error:
        raise DataError(path, "", f"cannot be read: {error.strerror}") from error
    picture: NDArray[np.uint8] | None = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if picture is None:
        raise DataError(path, "", "is empty or no picture that can be decoded")
    return picture


def link_or_copy(source: str, target: str, *, copy: bool) -> bool:
    """Hard-link `source` to `target`, or copy it where `copy` or the file system says so.

    Returns:
        Whether it was linked.
    """
    if not copy:
        try:
            os.link(source, target)
        except OSError:  # another file system, or one without links: a copy serves as well
            pass
        else:
            return True
    shutil.copy2(source, target)  # with its time, by which a rerun knows the copy
    return False
