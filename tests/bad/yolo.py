"""YOLO trees that are bad."""

from __future__ import annotations

import os
from pathlib import Path

from bad import good
from bad.case import Case, Make
from making import written


def label(content: str | bytes) -> Make:
    """a3.txt holds just this."""

    def make(root: Path) -> Path:
        return written(good.yolo(root) / "labels/train/a3.txt", content).parents[2]

    return make


def data(content: str) -> Make:
    """data.yaml holds just this."""
    return lambda root: written(good.yolo(root) / "data.yaml", content).parent


def names(text: str) -> Make:
    return data(f"train: images/train\nnames: {text}\n")


def split(text: str) -> Make:
    return data(f"train: {text}\nnames: [Ten, Fifty]\n")


def listed(*lines: str) -> Make:
    """The split is a list of files."""

    def make(root: Path) -> Path:
        split("train.txt")(root)
        return written(root / "train.txt", "".join(f"{line}\n" for line in lines)).parent

    return make


def folder_for_label(root: Path) -> Path:
    good.yolo(root)
    (root / "labels/train/a3.txt").unlink()
    (root / "labels/train/a3.txt").mkdir()
    return root


def pipe_for_label(root: Path) -> Path:
    good.yolo(root)
    (root / "labels/train/a3.txt").unlink()
    os.mkfifo(root / "labels/train/a3.txt")
    return root


GOOD = [f"images/train/a{n}.jpg" for n in range(good.COUNT)]
LAUGHS = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    + ["train: images/train", "names: [*a9, Fifty]"]
)


def whole(name: str, make: Make, says: str) -> Case:
    return Case("YOLO", name, make, says, None)


def line(name: str, make: Make, says: str, left: tuple[int, int] = (5, 5)) -> Case:
    return Case("YOLO", name, make, says, left)


def taken(name: str, make: Make, left: tuple[int, int] = (6, 6), told: str = "") -> Case:
    return Case("YOLO", name, make, "", left, told)


CASES = [
    whole(
        "a YAML tag that runs a program", names("!!python/object/apply:os.system [id]"), "data.yaml"
    ),
    whole("a YAML of a billion laughs", data(LAUGHS), "data.yaml"),
    whole("a YAML nested 20,000 deep", names("[" * 20_000 + "]" * 20_000), "data.yaml"),
    whole("a YAML that holds itself", names("&a [*a, Fifty]"), "data.yaml"),
    whole("a YAML that is cut short", names("[Ten, Fif"), "data.yaml"),
    whole("an empty YAML", data(""), "data.yaml"),
    whole("no names", data("train: images/train\n"), "names"),
    whole("names with a gap", names("{0: Ten, 2: Fifty}"), "names"),
    whole("a split that is not there", split("images/gone"), "images/gone"),
    whole("a split that is a number", split("7"), "data.yaml"),
    whole("a split that is a device", split("/dev/zero"), "/dev/zero"),
    whole("a list of itself", listed("train.txt"), "train.txt"),
    line(
        "a list that names a file which is gone",
        listed(*GOOD, "images/train/gone.jpg"),
        "gone.jpg",
        (6, 6),
    ),
    line("a list that names no picture", listed(*GOOD, "data.yaml"), "data.yaml", (6, 6)),
    line("NUL in a list", listed(*GOOD, "images/train/a\0.jpg"), "a", (6, 6)),
    line("text in a label", label("0 a b c d\n"), "a3.txt: line 1"),
    line("a label in UTF-16", label("0 0.5 0.5 0.5 0.5\n".encode("utf-16")), "a3.txt"),
    line("a label of bytes", label(bytes(range(256))), "a3.txt"),
    line("NaN", label("0 nan 0.5 0.5 0.5\n"), "a3.txt: line 1"),
    line("1e999", label("0 1e999 0.5 0.5 0.5\n"), "a3.txt: line 1"),
    line("1e308", label("0 1e308 0.5 1e308 0.5\n"), "a3.txt: line 1"),
    line("a class that is not there", label("2 0.5 0.5 0.5 0.5\n"), "class 2"),
    line("a class of -1", label("-1 0.5 0.5 0.5 0.5\n"), "class -1"),
    line("a class of 1e30", label("1e30 0.5 0.5 0.5 0.5\n"), "class 1e+30"),
    line("three numbers", label("0 0.5 0.5\n"), "a3.txt: line 1"),
    line("pixels, not shares", label("0 20 20 10 10\n"), "a3.txt: line 1"),
    line("a negative width", label("0 0.5 0.5 -0.5 0.5\n"), "a3.txt: line 1"),
    line("a folder for a label", folder_for_label, "a3.txt"),
    line("a pipe for a label", pipe_for_label, "a3.txt"),
    taken("a byte-order mark in a label", label("\ufeff0 0.5 0.5 0.5 0.5\n")),
    taken(
        "line ends of Windows and old Macs",
        label("0 0.5 0.5 0.5 0.5\r\n1 0.5 0.5 0.2 0.2\r"),
        (6, 7),
    ),
    taken("colons and quotes in a name", names("""["a: b # c", "d'\\"e"]""")),
    taken(
        "a million boxes in one picture", label("0 0.5 0.5 0.5 0.5\n" * 1_000_000), (6, 1_000_005)
    ),
]
