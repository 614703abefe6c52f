"""The boxes around masks, as annotation programs pack them. Their outlines are not taken.

No NumPy here: this runs in workers.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from pipeline.errors import DataError
from pipeline.formats.batch import Corners
from pipeline.formats.values import Place

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_HEAD = 24  # bytes up to the end of its width and height
_LARGEST = 80_000_000  # bytes unpacked, and pixels


def packed(data: bytes, size: tuple[int, int], place: Place) -> Corners:
    """The box around a mask of Label Studio's: RGBA values, whose last is above 0 inside.

    Args:
        data: Run lengths packed in bits (rle-pack of https://github.com/thi-ng/umbrella).
        size: Width and height of the picture, in pixels.
        place: For messages.

    Returns:
        Corners in pixels, half-open.

    Raises:
        DataError: An empty mask, cut short, or of another size.
    """
    return _around(_covered(data, size, place), size[0], place)


def counted(counts: Sequence[int], size: tuple[int, int], place: Place) -> Corners:
    """The box around a mask of CVAT's: so many pixels outside, so many inside, row after row.

    Args:
        counts: How many, in turns; the first are outside.
        size: Width and height of the mask.
        place: For messages.

    Raises:
        DataError: An empty mask, or one of another size.
    """
    ends = list(accumulate(counts))
    if not ends or ends[-1] != size[0] * size[1] or min(counts) < 0:
        raise DataError(*place, "is a mask of another size than it is said to be")
    runs = zip(ends[0::2], ends[1::2], strict=False)
    return _around((run for run in runs if run[1] > run[0]), size[0], place)


def _around(runs: Iterable[tuple[int, int]], width: int, place: Place) -> Corners:
    """The box around stretches of pixels (the first, one past the last), row after row."""
    left, right, top, bottom = width, 0, -1, 0
    for first, last in runs:
        (row, start), (end_row, end) = divmod(first, width), divmod(last - 1, width)
        whole = end_row > row
        left = min(left, 0 if whole else start)
        right = max(right, width if whole else end + 1)
        top, bottom = (row if top < 0 else top), end_row + 1
    if top < 0:
        raise DataError(*place, "is an empty mask", "remove it")
    return float(left), float(top), float(right), float(bottom)


def _covered(data: bytes, size: tuple[int, int], place: Place) -> Iterator[tuple[int, int]]:
    """Stretches of pixels that a mask covers, none of them over the end of a row and on.

    The bits: 32 of the count of values, 5 of a value's bits less one, four times 4 of a length's
    bits less one; then runs: 1 whether all its values are the same, 2 which of the lengths, the
    length less one, the value or the values. Masks have values of 8 bits.
    """
    bits = _Bits(data, place)
    width, due, value = size[0], size[0] * size[1] * 4, 0
    if bits.take(32) != due:
        raise DataError(*place, "is a mask of another size than its picture is said to be")
    if bits.take(5) + 1 != 8:
        raise DataError(*place, "is a mask whose values are not of 8 bits")
    lengths = [bits.take(4) + 1 for _ in range(4)]
    while value < due:
        same, length = bits.take(1), bits.take(lengths[bits.take(2)]) + 1
        length = min(length, due - value)
        first, last = value // 4, (value + length - 4) // 4 + 1  # pixels whose alpha is in it
        if same and bits.take(8):
            if last > first:
                yield first, last
        elif not same:
            alpha = bits.bytes(length)[3 - value % 4 :: 4]
            yield from _rows(alpha, first, width)
        value += length


def _rows(alpha: bytes, first: int, width: int) -> Iterator[tuple[int, int]]:
    """From the first to the last covered pixel of each row, of pixels from `first` on."""
    at = 0
    while at < len(alpha):
        end = min(len(alpha), at + width - (first + at) % width)
        row = alpha[at:end]
        covered = row.lstrip(b"\0")
        if covered:
            start = first + at + len(row) - len(covered)
            yield start, start + len(covered.rstrip(b"\0"))
        at = end


class _Bits:
    def __init__(self, data: bytes, place: Place) -> None:
        self.data, self.place, self.at = data, place, 0

    def take(self, count: int) -> int:
        """The next bits as a number."""
        first, self.at = self.at, self.at + count
        if self.at > len(self.data) * 8:
            raise DataError(*self.place, "is a mask that is cut short")
        held = int.from_bytes(self.data[first // 8 : (self.at + 7) // 8], "big")
        return (held >> (-self.at % 8)) & ((1 << count) - 1)

    def bytes(self, count: int) -> bytes:
        """The next bytes, which need not begin at one."""
        return self.take(8 * count).to_bytes(count, "big")


def unpacked(data: bytes, place: Place) -> bytes:
    """What zlib packed, in Supervisely's masks; not more than `_LARGEST` bytes of it.

    Raises:
        DataError: Not packed by zlib.
    """
    try:
        return zlib.decompressobj().decompress(data, _LARGEST)
    except zlib.error as error:
        raise DataError(*place, f"is a mask that cannot be unpacked ({error})") from error


def png(data: bytes, place: Place) -> tuple[Corners, tuple[int, int]]:
    """The box around a mask that is a PNG, and the PNG's width and height.

    Covered are the pixels that are not see-through, or not black where none can be.

    Raises:
        DataError: No PNG, empty, or larger than pictures are.
    """
    if len(data) < _PNG_HEAD or not data.startswith(_PNG):
        raise DataError(*place, "is a mask that is no PNG")
    width, height = struct.unpack(">II", data[16:_PNG_HEAD])
    if width * height > _LARGEST:
        raise DataError(*place, f"is a mask of {width}x{height} pixels")
    box = _covered_box(data, place)
    if box is None:
        raise DataError(*place, "is an empty mask", "remove it")
    left, top, right, bottom = box
    return (float(left), float(top), float(right), float(bottom)), (width, height)


def _covered_box(data: bytes, place: Place) -> tuple[int, int, int, int] | None:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as mask:
            clear = "A" in mask.getbands() or "transparency" in mask.info
            return mask.convert("RGBA").getchannel("A").getbbox() if clear else mask.getbbox()
    except (OSError, ValueError, SyntaxError, struct.error, zlib.error) as error:
        raise DataError(*place, "is a mask whose PNG is damaged") from error
