"""Picture files: their size as shown from the header alone, decoding, hard-linking.

Sizes are read by walking the file's own header (a few microseconds; no decoding), for JPEG and
PNG; Pillow reads the others. "As shown" means with the EXIF orientation applied, as OpenCV,
ultralytics and every viewer do. This module stays free of NumPy at import: it runs in workers.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import struct
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from pipeline.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Read = TypeVar("Read")
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
_READ_FIRST = 4096
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start-of-frame markers hold the size
_ORIENTATION = 0x0112
_FLAGS = getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)  # a pipe would be waited for
_SEGMENTS = 10_000  # of a JPEG, before its size: no camera writes more than some dozens
_DENSEST = 256  # pixels a bit: a JPEG spends one on each block at least, a PNG seldom less


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
    return _opened(path, _walk)


def _opened(path: Path | str, read: Callable[[int, Path | str], Read]) -> Read:
    """What `read` makes of an open file."""
    try:
        file = os.open(path, os.O_RDONLY | _FLAGS)
        try:
            return read(file, path)
        finally:
            os.close(file)
    except OSError as error:
        raise DataError(
            path, "", f"cannot be read: {error.strerror}", "check the file's permissions"
        ) from error
    except ValueError as error:  # a path that holds NUL
        raise DataError(path, "", f"cannot be read: {error}") from error


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
        width, height = struct.unpack(">II", start[16:24])
        if end[:4] == b"IEND" and _may_hold(length, width, height):
            return Header(width, height, bytes=length)
    return _decoded(path, rewritable=False)


def _jpeg(file: int, start: bytes, path: Path | str) -> Header:
    orientation = 1
    for segment, at in _segments(file, start):
        if segment[1] in _SOF:
            break
        if segment[1] == 0xE1 and segment[4:8] == b"Exif":
            orientation = _orientation(_at(file, at + 10, _length(segment) - 8))
    else:
        return _decoded(path, rewritable=True)
    end, length = _tail(file, 2)
    height, width = struct.unpack(">HH", segment[5:9])
    if end != b"\xff\xd9" or not _may_hold(length, width, height):
        return _decoded(path, rewritable=True)
    if orientation >= 5:
        width, height = height, width
    return Header(width, height, orientation, bytes=length)


def _may_hold(length: int, width: int, height: int) -> bool:
    """Whether a file can hold so many pixels; where it hardly can, decoding tells."""
    return 0 < width * height <= length * 8 * _DENSEST


def _segments(file: int, start: bytes) -> Iterator[tuple[bytes, int]]:
    """The first 9 bytes of each of a JPEG's segments, and where it lies (ITU-T T.81, annex B).

    They end where the file does, or what is no segment begins.
    """
    at = 2
    for _ in range(_SEGMENTS):
        segment = start[at : at + 9] if at + 9 <= len(start) else _at(file, at, 9)
        if len(segment) < 9 or segment[0] != 0xFF:
            return
        if segment[1] == 0xFF:  # a fill byte
            at += 1
            continue
        length = _length(segment)
        if length < 2:  # it counts itself
            return
        yield segment, at
        at += 2 + length


def _length(segment: bytes) -> int:
    """Of a JPEG's segment, without its marker."""
    return segment[2] << 8 | segment[3]


def read_exif(path: Path | str) -> bytes:
    """A picture's EXIF block, a TIFF header and what it leads to; b"" where there is none.

    Only the file's header is read, nothing decoded.

    Raises:
        DataError: The file cannot be read.
    """
    return _opened(path, _exif)


def _exif(file: int, path: Path | str) -> bytes:
    start = os.read(file, _READ_FIRST)
    if start[:2] == b"\xff\xd8":
        return _jpeg_exif(file, start)
    if start[:8] == b"\x89PNG\r\n\x1a\n":
        return _png_exif(file)
    return _other_exif(path)


def _jpeg_exif(file: int, start: bytes) -> bytes:
    for segment, at in _segments(file, start):
        if segment[1] == 0xE1 and segment[4:8] == b"Exif":
            return _at(file, at + 10, _length(segment) - 8)
        if segment[1] in _SOF:
            break
    return b""


def _png_exif(file: int) -> bytes:
    """The eXIf chunk, which may stand before the pixels or after them."""
    at = 8
    while len(head := _at(file, at, 8)) == 8 and head[4:] != b"IEND":
        length = int.from_bytes(head[:4], "big")
        if head[4:] == b"eXIf":
            return _at(file, at + 8, length)
        at += 12 + length
    return b""


@contextlib.contextmanager
def _unwarned() -> Iterator[None]:
    """Pillow warns of what it can live with, already when it opens a file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _other_exif(path: Path | str) -> bytes:
    from PIL import Image

    try:
        with _unwarned(), Image.open(path) as picture:
            return picture.getexif().tobytes().removeprefix(b"Exif\0\0")
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError):
        return b""  # no picture: whoever reads the picture itself says so


def tiff_tags(tiff: bytes, at: int | None = None) -> dict[int, tuple[str, int, int, int]]:
    """One directory of an EXIF block, as far as it is whole (TIFF 6.0, section 2).

    Args:
        tiff: The block, from its TIFF header on.
        at: Where the directory lies; None for the first.

    Returns:
        By tag: the byte order ("<" or ">"), the field type, the number of values, and the place
        in the block where the entry holds them (where four bytes do) or says where they are.
    """
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return {}
    at = struct.unpack_from(order + "I", tiff, 4)[0] if at is None else at
    if at + 2 > len(tiff):
        return {}
    found = {}
    count = struct.unpack_from(order + "H", tiff, at)[0]
    for place in range(at + 2, min(at + 2 + 12 * count, len(tiff) - 11), 12):
        tag, kind, values = struct.unpack_from(order + "HHI", tiff, place)
        found[tag] = (order, kind, values, place + 8)
    return found


def _orientation(tiff: bytes) -> int:
    """The orientation in an EXIF block; 1 where there is none."""
    order, _, _, place = tiff_tags(tiff).get(_ORIENTATION, ("", 0, 0, 0))
    value = struct.unpack_from(order + "H", tiff, place)[0] if order else 1
    return value if 1 <= value <= 8 else 1


def _at(file: int, place: int, count: int) -> bytes:
    os.lseek(file, place, os.SEEK_SET)
    return os.read(file, count)


def _tail(file: int, count: int) -> tuple[bytes, int]:
    """The last bytes of a file, and its length."""
    start = os.lseek(file, -count, os.SEEK_END)
    return os.read(file, count), start + count


def _decoded(path: Path | str, *, rewritable: bool) -> Header:
    """The slow way, for what the walk does not know: decode the picture to see that it is whole."""
    from PIL import Image, ImageFile, UnidentifiedImageError

    if ImageFile.LOAD_TRUNCATED_IMAGES:  # ultralytics switches it on for the whole process
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        with _unwarned(), Image.open(path) as picture:
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


def load(path: str) -> NDArray[np.uint8] | DataError:
    """The bytes of a picture's file, or why there are none."""
    import numpy as np

    try:
        return np.fromfile(path, dtype=np.uint8)  # imread cannot open every path on Windows
    except OSError as error:
        return DataError(path, "", f"cannot be read: {error.strerror}")


def decode_reduced(
    path: str, data: NDArray[np.uint8], sides: tuple[int, int], *, grey: bool = False
) -> NDArray[np.uint8] | DataError:
    """Decode a picture at the smallest scale, of 1, 1/2, 1/4 and 1/8, that is large enough.

    Args:
        path: The file, for messages.
        data: Its bytes, from `load`.
        sides: Longer side of the picture in pixels, and what it must at least be.
        grey: (H, W) grey; else (H, W, 3) BGR.

    Returns:
        The picture as shown, or why there is none.
    """
    import cv2
    import numpy as np

    side, least = sides
    colour = "GRAYSCALE" if grey else "COLOR"
    by = next((by for by in (8, 4, 2) if side >= by * least), 0)
    flag = getattr(cv2, f"IMREAD_REDUCED_{colour}_{by}" if by else f"IMREAD_{colour}")
    picture = cv2.imdecode(data, flag) if len(data) else None
    if picture is None:
        return DataError(path, "", "is empty or no picture that can be decoded")
    return np.asarray(picture, dtype=np.uint8)
