"""Archives that are bad, of good corner JSON."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

from bad import good
from bad.case import Case, Make
from making import picture

Members = list[tuple[zipfile.ZipInfo | str, bytes]]


def files(root: Path) -> Members:
    """A good source's files, as members."""
    found = sorted(good.corners(root / "source").iterdir())
    return [(f"set/{path.name}", path.read_bytes()) for path in found]


def zipped(*more: tuple[zipfile.ZipInfo | str, bytes], packed: int = zipfile.ZIP_DEFLATED) -> Make:
    """A zip of a good source, and of `more`."""

    def make(root: Path) -> Path:
        with warnings.catch_warnings(), zipfile.ZipFile(_at(root, "a.zip"), "w", packed) as out:
            warnings.simplefilter("ignore")  # of two members of one name
            for name, content in files(root) + list(more):
                out.writestr(name, content)
        return root / "a.zip"

    return make


def tarred(*more: tuple[tarfile.TarInfo, bytes], mode: str = "w", name: str = "a.tar") -> Make:
    """A tar of a good source, and of `more`."""

    def make(root: Path) -> Path:
        with tarfile.open(_at(root, name), mode) as out:  # type: ignore[call-overload]
            for path, content in files(root):
                out.addfile(*member(str(path), content))
            for info, content in more:
                out.addfile(info, io.BytesIO(content))
        return root / name

    return make


def member(name: str, content: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, io.BytesIO]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, io.BytesIO(content)


def header(name: str, **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, **fields)[0], b""


def _at(root: Path, name: str) -> Path:
    root.mkdir(exist_ok=True)
    return root / name


def bent(make: Make, change: Callable[[bytes], bytes]) -> Make:
    """The archive's bytes are changed."""

    def changed(root: Path) -> Path:
        archive = make(root)
        archive.write_bytes(change(archive.read_bytes()))
        return archive

    return changed


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]


def link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("set/a3.json")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return info


def two_files(data: bytes) -> bytes:
    """The tar ends where its third member begins."""
    return data[: data.index(b"set/a1.jpg")]


def encrypted(data: bytes) -> bytes:
    """The first member says that it is encrypted."""
    at = data.index(b"PK\1\2")
    return data[:6] + b"\1" + data[7 : at + 8] + b"\1" + data[at + 9 :]


def endless(root: Path) -> Path:
    """A tar whose header of a long name claims 1 GB, packed to one MB."""
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 1 << 30
    with gzip.open(_at(root, "a.tar.gz"), "wb", 1) as out:
        out.write(info.tobuf())
        for _ in range(64):
            out.write(bytes(1 << 20))
    return root / "a.tar.gz"


def claiming(root: Path) -> Path:
    info = tarfile.TarInfo("b.json")
    info.size = 8 << 40
    _at(root, "a.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + b"{}")
    return root / "a.tar"


def overlapping(root: Path) -> Path:
    """Ten thousand names for one packed member (Fifield's zip bomb, in the small)."""
    zipfile.ZipFile(_at(root, "one.zip"), "w", zipfile.ZIP_DEFLATED).close()
    with zipfile.ZipFile(root / "one.zip", "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("0000", bytes(10 << 20))
    data = (root / "one.zip").read_bytes()
    at, end = data.index(b"PK\1\2"), data.index(b"PK\5\6")
    rows = b"".join(data[at:end].replace(b"0000", f"{n:04}".encode()) for n in range(10_000))
    tail = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 10_000, 10_000, len(rows), at, 0)
    (root / "a.zip").write_bytes(data[:at] + rows + tail)
    return root / "a.zip"


def korean(root: Path) -> Path:
    """A zip whose names are cp949, as Korean Windows writes them."""
    names = [f"XX{n}".encode() for n in range(good.COUNT)]
    with zipfile.ZipFile(_at(root, "a.zip"), "w") as out:
        for name, content in files(root):
            text = str(name).replace("set/a", "XX")
            out.writestr(text, content.replace(b'"a', b'"\\uc5d0'))  # 에0.jpg
    data = (root / "a.zip").read_bytes()
    for number, name in enumerate(names):
        data = data.replace(name + b".", f"에{number}".encode("cp949") + b".")
    (root / "a.zip").write_bytes(data)
    return root / "a.zip"


def leading_out(root: Path) -> Path:
    """A YOLO tree whose list names a picture outside of the archive, which is there."""
    picture(root.parent / "outside/real.jpg")
    text = f"{root.parent}/outside/real.jpg\n".encode()
    return zipped(("set/data.yaml", b"train: a.txt\nnames: [a]"), ("set/a.txt", text))(root)


def stopped(name: str, make: Make, says: str) -> Case:
    return Case("archive", name, make, says, None)


def taken(name: str, make: Make, left: tuple[int, int] = (6, 6)) -> Case:
    return Case("archive", name, make, "", left)


SYMLINK, HARDLINK = tarfile.SYMTYPE, tarfile.LNKTYPE
CASES = [
    stopped("`..` in a name (zip)", zipped(("../evil.json", b"{}")), "leads out of the archive"),
    stopped("`..` in a name (tar)", tarred(header("set/../../evil.json")), "leads out"),
    stopped("`..` between backslashes", zipped(("set\\..\\..\\evil.json", b"{}")), "leads out"),
    stopped("an absolute name (zip)", zipped(("/evil.json", b"{}")), "leads out"),
    stopped("an absolute name (tar)", tarred(header("/evil.json")), "leads out"),
    stopped("a name with a drive", zipped(("C:evil.json", b"{}")), "leads out"),
    stopped("a link (zip)", zipped((link(), b"/etc/passwd")), "a link"),
    stopped(
        "a link (tar)", tarred(header("b.json", type=SYMLINK, linkname="/etc/passwd")), "a link"
    ),
    stopped(
        "a link to a folder, and a file in it",
        tarred(header("b", type=SYMLINK, linkname="/"), header("b/evil")),
        "a link",
    ),
    stopped(
        "a hard link out of it",
        tarred(header("b.json", type=HARDLINK, linkname="../outside/secret.json")),
        "a link",
    ),
    stopped(
        "a device", tarred(header("b", type=tarfile.CHRTYPE, devmajor=1, devminor=5)), "a device"
    ),
    stopped("a pipe", tarred(header("b.json", type=tarfile.FIFOTYPE)), "a device"),
    stopped("a name twice", zipped(("set/a3.json", b"{}")), "twice"),
    stopped("a file and a folder of one name", zipped(("set/a3.json/b", b"{}")), "twice"),
    stopped("a zip bomb: 300 MB of zeros", zipped(("b.json", bytes(300 << 20))), "zip bomb"),
    stopped("a zip bomb: one member under 10,000 names", overlapping, "damaged"),
    stopped("a tar that claims 8 TB", claiming, "bomb"),
    stopped("a header of 1 GB", endless, "longer than any honest one"),
    stopped("encrypted", bent(zipped(), encrypted), "encrypted"),
    stopped("cut short (zip)", bent(zipped(), lambda d: d[: len(d) // 2]), "damaged"),
    stopped("cut short (tar)", bent(tarred(), lambda d: d[: len(d) // 2]), "cut short"),
    stopped("cut short between two files (tar)", bent(tarred(), two_files), "cut short"),
    stopped(
        "cut short (tar.gz)",
        bent(tarred(mode="w:gz", name="a.tar.gz"), lambda d: d[:-20]),
        "damaged",
    ),
    stopped("a byte changed (zip)", bent(zipped(packed=0), lambda d: flip(d, 300)), "damaged"),
    stopped(
        "a byte changed (tar.gz)",
        bent(tarred(mode="w:gz", name="a.tar.gz"), lambda d: flip(d, len(d) // 2)),
        "damaged",
    ),
    stopped(
        "a header changed (tar)",
        bent(tarred(), lambda d: flip(d, d.index(b"set/a3.jpg") + 150)),
        "damaged",
    ),
    stopped("two tars in one", bent(tarred(), lambda d: d + d), "more behind its end"),
    stopped("text called .zip", bent(zipped(), lambda _: b"hello"), "no archive"),
    stopped("an empty file called .zip", bent(zipped(), lambda _: b""), "no archive"),
    stopped("a kind that is not read", lambda r: zipped()(r).rename(r / "a.rar"), "not read"),
    stopped(
        "YAML in it that leads out",
        zipped(("set/data.yaml", b"train: ../../outside\nnames: [a]")),
        "outside",
    ),
    stopped("a list in it that leads out", leading_out, "outside of the archive"),
    taken("a zip", zipped()),
    taken("a tar.xz", tarred(mode="w:xz", name="a.tar.xz")),
    stopped(
        "a tar.gz called .zip",
        lambda r: tarred(mode="w:gz", name="b.tar.gz")(r).rename(r / "a.zip"),
        "not a zip",
    ),
    taken("what macOS adds", zipped(("__MACOSX/set/._a3.json", b"\0\5"), ("set/.DS_Store", b"x"))),
    taken("names in cp949, as Korean Windows has them", korean),
]
