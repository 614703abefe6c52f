"""Pictures that are bad, beside good corner JSON."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bad import good
from bad.case import Case, Make
from making import HEIGHT, WIDTH, labelme, rectangle, written
from PIL import Image


def bytes_of(content: bytes | Callable[[bytes], bytes], suffix: str = ".jpg") -> Make:
    """The fourth picture's file holds just this, or its own content changed."""

    def make(root: Path) -> Path:
        good.corners(root)
        before = (root / "a3.jpg").read_bytes()
        (root / "a3.jpg").unlink()
        after = content if isinstance(content, bytes) else content(before)
        labelme(root / "a3.json", rectangle("Ten", *good.BOX), imagePath=f"a3{suffix}")
        return written(root / f"a3{suffix}", after).parent

    return make


def encoded(
    kind: str, mode: str = "RGB", size: tuple[int, int] = (WIDTH, HEIGHT), **more: Any
) -> bytes:
    stream = io.BytesIO()
    Image.new(mode, size).save(stream, kind, **more)
    return stream.getvalue()


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG whose header may lie, whole by its chunks and their sums."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", data or zlib.compress(bytes(900))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def jpeg_sized(width: int, height: int) -> Callable[[bytes], bytes]:
    """A JPEG whose header claims another size than it has."""

    def change(data: bytes) -> bytes:
        at = data.index(b"\xff\xc0") + 5
        return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]

    return change


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return encoded("JPEG", exif=tags)


def lost(name: str, make: Make, says: str) -> Case:
    return Case("picture", name, make, says, (5, 5))


def taken(name: str, make: Make) -> Case:
    return Case("picture", name, make, "", (6, 6))


BOMB = png(30_000, 30_000, zlib.compress(bytes(1000)))
CASES = [
    lost("empty", bytes_of(b""), "0 bytes"),
    lost("cut short", bytes_of(lambda b: b[: len(b) // 2]), "cut short"),
    lost("an HTML page", bytes_of(b"<html><body>404</body></html>"), "no picture"),
    lost("an SVG", bytes_of(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "no picture"),
    lost("zeros", bytes_of(bytes(4096)), "no picture"),
    lost("80 megapixels claimed in 1 KB (PNG)", bytes_of(png(10_000, 8_000), ".png"), "damaged"),
    lost("900 megapixels claimed in 1 KB (PNG)", bytes_of(BOMB, ".png"), "a3.png"),
    lost("4 gigapixels a side (PNG)", bytes_of(png(2**31 - 1, 2**31 - 1), ".png"), "a3.png"),
    lost("80 megapixels claimed in 9 KB (JPEG)", bytes_of(jpeg_sized(10_000, 8_000)), "10000x8000"),
    lost(
        "80 megapixels claimed (BMP)",
        bytes_of(
            encoded("BMP")[:18] + struct.pack("<ii", 10_000, 8_000) + encoded("BMP")[26:], ".bmp"
        ),
        "a3.bmp",
    ),
    lost("a width of zero (PNG)", bytes_of(png(0, 48), ".png"), "a3.png"),
    lost("a height of zero (JPEG)", bytes_of(jpeg_sized(64, 0)), "a3.jpg"),
    lost("8 MB of fill bytes (JPEG)", bytes_of(b"\xff\xd8" + b"\xff" * (8 << 20)), "a3.jpg"),
    lost(
        "2 million empty segments (JPEG)",
        bytes_of(b"\xff\xd8" + b"\xff\xe5\0\2" * (2 << 20)),
        "a3.jpg",
    ),
    lost(
        "segments of no length (JPEG)",
        bytes_of(b"\xff\xd8" + b"\xff\xe5\0\0" * (1 << 20)),
        "a3.jpg",
    ),
    lost("cut short (WebP)", bytes_of(encoded("WEBP")[:40], ".webp"), "a3.webp"),
    lost(
        "a directory that leads to itself (TIFF)",
        bytes_of(b"II*\0\x08\0\0\0\x01\0\x00\x01\x03\0\1\0\0\0\x40\0\0\0\x08\0\0\0", ".tif"),
        "a3.tif",
    ),
    taken("an EXIF turn of 9", bytes_of(exif(9))),
    taken("EXIF of rubbish", bytes_of(encoded("JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"))),
    taken("a PNG called .jpg", bytes_of(encoded("PNG"))),
    taken("CMYK", bytes_of(encoded("JPEG", "CMYK"))),
    taken("16 bits a pixel", bytes_of(encoded("PNG", "I;16"), ".png")),
    taken("a palette with transparency", bytes_of(encoded("PNG", "P", transparency=0), ".png")),
]
