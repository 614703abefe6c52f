"""The members of `.zip` and `.tar` archives, and a folder that they cannot leave.

What is refused ends the unpacking: names that lead out of the folder, links, devices, two members
of one name, more bytes than such an archive can honestly hold. Sizes are those that are really
read, never only those that the archive claims.
"""

from __future__ import annotations

import bz2
import calendar
import errno
import gzip
import lzma
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path
from typing import IO, NamedTuple, cast

from pipeline.errors import BoxwrightError, DataError

RATIO = 100  # times the archive's own size that it may unpack to; JSON text packs 5 to 30 times
FLOOR = 256 << 20  # bytes that any archive may unpack to
_LEAST = 512  # bytes that a member counts at least: an empty file costs the disk something too
_PIECE = 1 << 20
_DRIVE = re.compile(r"[A-Za-z]:")
_UTF8_NAME, _ENCRYPTED = 0x800, 0x1  # flag bits of a zip's member (APPNOTE 4.4.4)
_UNIX = {3, 19}  # systems whose zips hold a file's mode (APPNOTE 4.4.2)


class Member(NamedTuple):
    """One entry of an archive.

    Attributes:
        name: As written, "/" between folders.
        size: In bytes, as claimed.
        time: When it was last changed, seconds since 1970; only equality matters.
        refused: Why it cannot be unpacked; "" where it can.
        folder: Whether it is one.
        open: Gives its content.
    """

    name: str
    size: int
    time: float
    refused: str
    folder: bool
    open: Callable[[], IO[bytes]]


class Target:
    """A folder to unpack into.

    Args:
        archive: For messages, and for how much it may hold.
        folder: Where to; there, empty and our own.
    """

    def __init__(self, archive: Path, folder: Path) -> None:
        self._archive = archive
        self._folder = str(folder)
        self._left = max(FLOOR, RATIO * archive.stat().st_size)
        self._made = {self._folder}

    def add(self, member: Member) -> None:
        """Unpack one member.

        Raises:
            DataError: It must not be, or cannot be.
            BoxwrightError: The disk is full.
        """
        if member.refused:
            raise DataError(self._archive, member.name, member.refused, _BY_HAND)
        parts = self._parts(member.name)
        if not parts or any(part.startswith(".") or part == "__MACOSX" for part in parts):
            return  # what is hidden is not read from folders either
        self._spend(member)
        try:
            path = os.path.join(self._folder, *parts)
            self._make(path if member.folder else os.path.dirname(path))
            if not member.folder:
                self._write(path, member)
        except OSError as error:
            raise self._told(member, error) from error

    def _parts(self, name: str) -> list[str]:
        parts = name.replace("\\", "/").split("/")
        if not parts[0] or _DRIVE.match(name) or ".." in parts or "\0" in name:
            raise DataError(self._archive, name, "leads out of the archive; nothing was unpacked")
        return [part for part in parts if part not in {"", "."}]

    def _spend(self, member: Member) -> None:
        self._left -= max(member.size, _LEAST)
        if self._left < 0:
            raise DataError(
                self._archive,
                member.name,
                f"unpacks to more than {RATIO} times the archive's size: is it a zip bomb?",
                _BY_HAND,
            )

    def _make(self, folder: str) -> None:
        if folder not in self._made:
            os.makedirs(folder, exist_ok=True)
            self._made.add(folder)

    def _write(self, path: str, member: Member) -> None:
        left = member.size
        with (
            member.open() as stream,
            os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as out,
        ):
            while left and (piece := stream.read(min(left, _PIECE))):
                left -= out.write(piece)
        if left:
            raise DataError(self._archive, member.name, "is cut short", "get the archive again")
        os.utime(path, (member.time, member.time))

    def _told(self, member: Member, error: OSError) -> BoxwrightError:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            return BoxwrightError(
                f"{self._archive}: cannot be unpacked: {error.strerror}."
                f"\n    -> it is unpacked in {os.path.dirname(self._folder)}; TMPDIR names another"
                " place."
            )
        twice = isinstance(error, FileExistsError | NotADirectoryError | IsADirectoryError)
        problem = "stands there twice" if twice else f"cannot be unpacked: {error.strerror}"
        return DataError(self._archive, member.name, problem, _BY_HAND)


_BY_HAND = "unpack it yourself, look at it, and give the folder"


def unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive into an empty folder of our own.

    Raises:
        DataError: The archive is damaged, or holds what is refused.
        BoxwrightError: The disk is full.
    """
    zipped = archive.suffix.lower() == ".zip" or zipfile.is_zipfile(archive)
    members = _zip if zipped else _tar
    try:
        target = Target(archive, folder)
        with closing(members(archive)) as found:
            for member in found:
                target.add(member)
    except _damage() as error:
        problem = f"is damaged, or no archive: {error or type(error).__name__}"
        raise DataError(archive, "", problem, "get the archive again") from error
    except OSError as error:
        raise DataError(archive, "", f"cannot be read: {error.strerror or error}") from error


def _damage() -> tuple[type[Exception], ...]:
    """What the libraries raise at archives that are cut short, damaged, or of another kind."""
    ours = (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, lzma.LZMAError, zlib.error)
    return (*ours, EOFError, NotImplementedError, ValueError, OverflowError, UnicodeError)


def _zip(archive: Path) -> Generator[Member, None, None]:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            yield Member(
                name=_name(info),
                size=info.file_size,
                time=_time(info),
                refused=_refused(info),
                folder=info.is_dir(),
                open=lambda info=info: opened.open(info),  # type: ignore[misc]
            )


def _name(info: zipfile.ZipInfo) -> str:
    """A member's name; of those that do not say that they are UTF-8, as Korean Windows has it."""
    if info.flag_bits & _UTF8_NAME or info.filename.isascii():
        return info.filename
    raw = info.filename.encode("cp437")
    for encoding in ("utf-8", "cp949"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return info.filename


def _time(info: zipfile.ZipInfo) -> float:
    try:
        return calendar.timegm((*info.date_time, 0, 0, 0))
    except ValueError:
        return 0


def _refused(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted"
    kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system in _UNIX else 0
    return "" if kind in {0, stat.S_IFREG, stat.S_IFDIR} else _NO_FILE


_NO_FILE = "is a link or a device, which is not unpacked"


class _Stream:
    """A stream that ends in an error where more is asked of it than was granted.

    `tarfile` reads the headers that stand before a member into memory, however long they claim to
    be.

    Args:
        stream: To read from.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.granted = 0

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self.granted -= len(data)
        if self.granted < 0:
            raise tarfile.ReadError("a header longer than any honest one")
        return data


class _Header(tarfile.TarInfo):
    """`tarfile` takes a damaged header for the end of the archive, and tells nobody."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> _Header:
        return _header(super().fromtarfile, tarfile)  # type: ignore[return-value]


def _header(
    read: Callable[[tarfile.TarFile], tarfile.TarInfo], archive: tarfile.TarFile
) -> tarfile.TarInfo:
    try:
        return read(archive)
    except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
        raise
    except tarfile.HeaderError as error:
        raise tarfile.ReadError(f"cut short or damaged ({error})") from error


def _tar(archive: Path) -> Generator[Member, None, None]:
    with _uncompressed(archive) as plain:
        stream = _Stream(plain)
        stream.granted = _PIECE
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header) as opened:  # type: ignore[call-overload]
            for info in opened:
                stream.granted = info.size + 2 * _PIECE
                yield Member(
                    name=info.name,
                    size=info.size,
                    time=max(0.0, float(info.mtime)),
                    refused="" if info.isreg() or info.isdir() else _NO_FILE,
                    folder=info.isdir(),
                    open=lambda info=info: opened.extractfile(info),  # type: ignore[misc]
                )
            stream.granted = 2 * _PIECE
            if opened.fileobj.read(_PIECE).strip(b"\0"):
                raise tarfile.ReadError("there is more behind its end")


def _uncompressed(archive: Path) -> IO[bytes]:
    """The tar inside: the first bytes tell how it is packed, whatever the file is called."""
    with archive.open("rb") as stream:
        start = stream.read(6)
    for magic, opener in ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\0", lzma.open)):
        if start.startswith(magic):
            return cast("IO[bytes]", opener(archive, "rb"))
    return archive.open("rb")
