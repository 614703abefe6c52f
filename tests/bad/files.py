"""Files and folders that are bad, beside good corner JSON: links, pipes, permissions, names."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from bad import good
from bad.case import Case, Make
from bad.running import Moment
from making import labelme, picture, rectangle

BOX = rectangle("Ten", *good.BOX)


def spoilt(change: Callable[[Path], object]) -> Make:
    def make(root: Path) -> Path:
        change(good.corners(root))
        return root

    return make


def instead(name: str, change: Callable[[Path], object]) -> Make:
    """Something else stands in the place of a file."""

    def make(root: Path) -> Path:
        good.corners(root)
        (root / name).unlink()
        change(root / name)
        return root

    return make


def named(name: str) -> Make:
    """One picture more, of this name, with its JSON."""

    def make(root: Path) -> Path:
        good.corners(root)
        picture(root / "b.jpg").rename(root / f"{name}.jpg")
        labelme(root / "b.json", BOX, imagePath=...).rename(root / f"{name}.json")
        return root

    return make


def odd_bytes(root: Path) -> Path:
    """A picture whose name is no UTF-8."""
    return named(os.fsdecode(b"\xff\xfe"))(root)


def same_stem(root: Path) -> Path:
    good.corners(root)
    picture(root / "a3.png")
    labelme(root / "a3b.json", BOX, imagePath="a3.png")
    return root


def two_cases(root: Path) -> Path:
    good.corners(root)
    picture(root / "A3.jpg")
    labelme(root / "A3.json", BOX, imagePath="A3.jpg")
    return root


def closed(root: Path) -> Path:
    """A source that can only be read."""
    for file in good.corners(root).iterdir():
        file.chmod(0o444)
    root.chmod(0o555)
    return root


def loop(root: Path) -> None:
    (root / "b").symlink_to(root)
    (root / "c").mkdir()
    (root / "c/up").symlink_to("../c")


def remove(name: str, when: str, times: int = 0) -> Callable[[Path], Moment]:
    return lambda folder: Moment(when, os.unlink, (str(folder / "made" / name),), times)


def lost(name: str, make: Make, says: str) -> Case:
    return Case("files", name, make, says, (5, 5))


def whole(name: str, make: Make, says: str, **more: object) -> Case:
    return Case("files", name, make, says, None, **more)  # type: ignore[arg-type]


def taken(name: str, make: Make, left: tuple[int, int] = (6, 6), told: str = "") -> Case:
    return Case("files", name, make, "", left, told)


CASES = [
    lost("a link to itself", instead("a3.json", lambda p: p.symlink_to(p.name)), "a3.json"),
    lost("a link to nowhere", instead("a3.json", lambda p: p.symlink_to("gone")), "a3.json"),
    lost(
        "a picture that links to nowhere",
        instead("a3.jpg", lambda p: p.symlink_to("gone")),
        "a3.jpg",
    ),
    whole("a pipe called a3.json", instead("a3.json", os.mkfifo), "a3.json"),
    whole("a pipe called a3.jpg", instead("a3.jpg", os.mkfifo), "a3.jpg"),
    whole(
        "a link to an endless device",
        instead("a3.json", lambda p: p.symlink_to("/dev/zero")),
        "a3.json",
    ),
    lost("a folder called a3.json", instead("a3.json", Path.mkdir), "a3.jpg"),
    lost("a folder called a3.jpg", instead("a3.jpg", Path.mkdir), "a3.json"),
    lost("JSON that may not be read", spoilt(lambda s: (s / "a3.json").chmod(0)), "a3.json"),
    lost("a picture that may not be read", spoilt(lambda s: (s / "a3.jpg").chmod(0)), "a3.jpg"),
    whole(
        "a folder that may not be listed", spoilt(lambda s: (s / "b").mkdir(0)), "cannot be listed"
    ),
    taken("two files that differ only in case", two_cases, (7, 7), "renamed"),
    whole(
        "a picture that vanishes while it is linked",
        good.corners,
        "a3.jpg",
        moment=remove("a3.jpg", "/labels/"),
    ),
    Case(
        "files",
        "JSON that vanishes while it is read",
        good.corners,
        "a3.json",
        (5, 5),
        moment=remove("a3.json", "a0.json", 1),
    ),
    taken("a source that can only be read", closed),
    taken("folders that link to each other in a ring", spoilt(loop)),
    taken("two pictures of one stem", same_stem, (7, 7)),
    Case("files", "a name that is no UTF-8", odd_bytes, "no UTF-8", (6, 6)),
    taken("a line break in a name", named("b\nc"), (7, 7)),
    taken("an escape of the terminal in a name", named("\x1b[2J"), (7, 7)),
    taken("a name of 250 bytes", named("n" * 250), (7, 7)),
    taken("Korean and quotes in a name", named("오만원 'b' \"c\" <d> {e} %s"), (7, 7)),
    taken("a name that looks like an option", named("--force"), (7, 7)),
    taken("a name of Windows' devices", named("CON"), (7, 7)),
    taken(
        "a million letters of folders",
        spoilt(lambda s: (s / "/".join(["d" * 200] * 15)).mkdir(parents=True)),
    ),
]
