"""Where files go: whether they can be written, and whether there is room."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from pathlib import Path

from pipeline.doctor.check import Check

_GB = 1e9
_SHM = Path("/dev/shm")  # noqa: S108 - asked for its size only


def writing(folder: Path) -> list[Check]:
    """Whether files can be made where outputs go, and where temporary files go."""
    places = {"working folder": folder, "runs": folder / "runs"}
    return [
        *(_writable(name, place) for name, place in places.items()),
        _writable("temporary files", Path(tempfile.gettempdir())),
    ]


def _writable(name: str, place: Path) -> Check:
    there = next(p for p in (place, *place.parents) if p.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=there) as file:
            file.write(b"x")
            file.flush()
    except OSError as error:
        said, quoted = f"{place}: cannot write here: {error.strerror}", shlex.quote(str(there))
        fix = f"chmod u+w {quoted}" if there.is_dir() else f"mv {quoted} {quoted}.old"
        return Check(name, "problem", said, fix)
    return Check(name, "ok", f"{place} can be written to")


def space(folder: Path) -> list[Check]:
    """Whether there is room on the disk, and in the memory that data loaders share pictures in."""
    free = shutil.disk_usage(next(p for p in (folder, *folder.parents) if p.exists())).free / _GB
    level = "ok" if free >= 5 else "warning" if free >= 1 else "problem"
    fix = "" if level == "ok" else "du -sh runs/* | sort -h  # then delete what is not needed"
    return [Check("free disk", level, f"{free:.1f} GB", fix), *_shared()]


def _shared() -> list[Check]:
    if not _SHM.is_dir():
        return []
    size = shutil.disk_usage(_SHM).total / _GB
    if size >= 1:
        return [Check("shared memory", "ok", f"{size:.1f} GB")]
    said = f"{size:.2f} GB: training with worker processes may stop with a bus error"
    return [
        Check(
            "shared memory",
            "warning",
            said,
            "docker run --shm-size=4g …, or train with --workers 0",
        )
    ]
