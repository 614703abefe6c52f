"""Which format a source is in, and by what it was told.

A few files of each ending are looked at, their first characters only. What a file begins with
tells most formats; YOLO, KITTI and Supervisely are told by the names of files and folders too.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from pipeline import manifest
from pipeline.errors import BoxwrightError
from pipeline.formats.reading import aside, walk

_LOOKED_AT = 12  # files of an ending
_WALKED = 20_000  # files of a folder, at most
_HEAD = 4096  # characters of a file
_YAML = (".yaml", ".yml")
_DARKNET = ("obj.data", "obj.names", "classes.txt", "_darknet.labels", "names.txt")
_NUMBER = r"-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
_LINE = re.compile(rf"\s*\d+(?:\s+{_NUMBER}){{4,}}\s*(?:\n|$)")


class Seen(NamedTuple):
    """What a source is.

    Attributes:
        format: As in `formats.FORMATS`.
        why: What it was told by.
    """

    format: str
    why: str


class _Sign(NamedTuple):
    """How the files of a format begin."""

    format: str
    suffixes: tuple[str, ...]
    pattern: re.Pattern[str]
    told: str


def _sign(name: str, suffixes: str, pattern: str, told: str) -> _Sign:
    return _Sign(name, tuple(suffixes.split()), re.compile(pattern, re.DOTALL), told)


_XML = r"\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*)*"
_SIGNS = (
    _sign("voc", ".xml", _XML + r"<annotation[\s>]", "begin with <annotation>"),
    _sign("cvat", ".xml", _XML + r"<annotations[\s>]", "begin with <annotations>"),
    _sign(
        "via",
        ".json",
        r'\s*\{.*?"(?:_via_\w+|file_attributes|regions|project"\s*:\s*\{\s*"pid)"\s*:',
        "hold VIA's keys",
    ),
    _sign(
        "labelstudio",
        ".json",
        r'\s*\[?\s*\{(?:(?=.*"data"\s*:\s*\{)(?=.*"(?:annotations|completions|predictions)"\s*:)'
        r'|(?=.*"(?:completed_by|from_name|original_width|annotation_id)"\s*:))',
        "hold tasks of Label Studio",
    ),
    _sign(
        "supervisely",
        ".json",
        r'\s*\{(?=.*"size"\s*:\s*\{\s*"(?:height|width)")(?=.*"objects"\s*:)',
        "hold `size` and `objects`, as Supervisely's do",
    ),
    _sign("corners", ".json", r'\s*[\[{].*?"shapes"\s*:', "hold `shapes`, as labelme's do"),
    _sign(
        "coco",
        ".json",
        r'\s*\{(?:.*?[,\s])?"(?:images|annotations|categories|licenses|info)"\s*:\s*[\[{]',
        "begin as COCO does",
    ),
    _sign("via", ".csv", r"\ufeff?[^\n]*region_shape_attributes", "have VIA's columns"),
    _sign(
        "csv",
        ".csv .tsv",
        r"(?i)\ufeff?(?=[^\n]*\b(?:x_?min|x1|left)\b)(?=[^\n]*\b(?:y_?max|y2|bottom)\b)",
        "name columns of corners",
    ),
    _sign(
        "csv",
        ".csv",
        rf"\ufeff?[^\n,]+\.\w+,(?:(?:{_NUMBER},){{4}}[^,\n]+|,,,,)\s*(?:\n|$)",
        "have lines of path,x1,y1,x2,y2,class",
    ),
    _sign(
        "kitti",
        ".txt",
        rf"[A-Za-z_]\w*\s+{_NUMBER}\s+-?\d+(?:\s+{_NUMBER}){{12,13}}\s*(?:\n|$)",
        "have KITTI's 15 columns",
    ),
    _sign("parquet", ".parquet", "PAR1", "are Parquet"),
    _sign("corners", ".json .jsonl .ndjson", r"\s*[\[{]", "are JSON"),
)
_WEAK = _SIGNS[-1]  # any JSON: only where nothing else is told


@dataclass(frozen=True)
class _Files:
    """A few files of a folder by their endings, and how many there are of each."""

    by_suffix: dict[str, list[str]]
    count: Counter[str]

    @staticmethod
    def of(root: Path) -> _Files:
        by_suffix: dict[str, list[str]] = {}
        count: Counter[str] = Counter()
        leave = aside(root)
        for name, path in _names(root):
            if any(fnmatch.fnmatchcase(name, one) for one in leave):
                continue
            suffix = os.path.splitext(path)[1].lower()
            count[suffix] += 1
            if count[suffix] <= _LOOKED_AT:
                by_suffix.setdefault(suffix, []).append(path)
        return _Files(by_suffix, count)


def recognise(root: Path) -> Seen:
    """The format of a source, a folder or a file.

    Raises:
        BoxwrightError: None that is read here, or more than one.
    """
    if root.is_file():
        return _of_file(root)
    if not root.is_dir():
        raise BoxwrightError(f"{root}: no such folder.")
    yolo = _yolo(root)
    if yolo:
        return yolo
    files = _Files.of(root)
    found = _told(files) or _darknet(files)
    if not found:
        raise BoxwrightError(_nothing(root, files))
    if len({seen.format for seen in found}) > 1:
        every = "".join(f"\n    {seen.format}: {seen.why}" for seen in found)
        first = found[0].format
        raise BoxwrightError(
            f"{root}: could be read in more than one format:{every}"
            f"\n    -> say which one: --from {first}."
        )
    return found[0]


def begins_as(name: str, file: Path) -> bool:
    """Whether a file has a sign of a format."""
    head, suffix = _head(str(file)), file.suffix.lower()
    signs = (sign for sign in _SIGNS if suffix in sign.suffixes)
    first = next((sign for sign in signs if sign.pattern.match(head)), None)
    return first is not None and first.format == name


def _of_file(file: Path) -> Seen:
    suffix = file.suffix.lower()
    if suffix in _YAML:
        return Seen("yolo", f"{file.name} is a data.yaml")
    if file.name == "obj.data":
        return Seen("yolo", "obj.data is Darknet's")
    head = _head(str(file))
    for sign in _SIGNS:
        if suffix in sign.suffixes and sign.pattern.match(head):
            return Seen(sign.format, f"the files of this format {sign.told}")
    raise BoxwrightError(f"{file}: no annotations that are read here.{_KNOWN}")


def _yolo(root: Path) -> Seen | None:
    from pipeline.formats.yolo_source import data_yaml

    file = data_yaml(root)
    inside = next(iter(sorted(root.glob("*/data.yaml"))), None)
    if inside and not file:
        raise BoxwrightError(
            f"{root}: holds YOLO trees of their own.\n    -> name one of them, such as"
            f" {inside.parent}."
        )
    return Seen("yolo", f"there is a {file.name}") if file else None


def _told(files: _Files) -> list[Seen]:
    """The formats whose signs are seen, each by the sign that most files have."""
    found = []
    for suffix, paths in files.by_suffix.items():
        heads = [_head(path) for path in paths if os.path.basename(path) != manifest.FILE]
        looked = f"{len(heads)} {suffix} files"
        if files.count[suffix] > len(paths):
            looked += f" looked at, of {files.count[suffix]},"
        for sign, count in _counted(suffix, heads).items():
            found.append((count, sign, f"{count} of {looked} {sign.told}"))
    if any(sign is not _WEAK for _, sign, _ in found):
        found = [one for one in found if one[1] is not _WEAK]
    best = {sign.format: why for _, sign, why in sorted(found, key=lambda one: one[0])}
    return [Seen(name, why) for name, why in best.items()]


def _counted(suffix: str, heads: list[str]) -> Counter[_Sign]:
    """How many files have each sign; a file has the first one that fits."""
    signs = [sign for sign in _SIGNS if suffix in sign.suffixes]
    found = (next((s for s in signs if s.pattern.match(head)), None) for head in heads)
    return Counter(sign for sign in found if sign)


def _darknet(files: _Files) -> list[Seen]:
    """YOLO without a data.yaml: a list of names, or label files of lines of numbers."""
    texts = files.by_suffix.get(".txt", [])
    lines = [path for path in texts if _LINE.match(_head(path))]
    named = [path for path in _any(files) if os.path.basename(path).lower() in _DARKNET]
    if lines and named:
        name = os.path.basename(named[0])
        return [Seen("yolo", f"there is a {name}, and {len(lines)} .txt files hold label lines")]
    if lines:
        return [Seen("yolo", f"{len(lines)} of {len(texts)} .txt files hold lines of YOLO")]
    return []


def _any(files: _Files) -> Iterator[str]:
    for paths in files.by_suffix.values():
        yield from paths


def _names(root: Path) -> list[tuple[str, str]]:
    """Names and paths of files below a folder, its own first."""
    found = islice(walk(str(root), "", set()), _WALKED)
    return sorted(found, key=lambda one: (one[0].count("/"), one[0]))


def _head(path: str) -> str:
    try:
        with open(path, "rb") as stream:
            data = stream.read(_HEAD)
    except OSError:
        return ""  # reading will tell
    encoding = "utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    return data.decode(encoding, errors="replace")


_KNOWN = (
    "\n    -> labelme and other corner JSON, COCO, YOLO, Pascal VOC, CVAT, Label Studio, VIA, CSV,"
    "\n       KITTI and Supervisely are read; for pictures without annotations use"
    "\n       `boxwright predict`."
)


def _nothing(root: Path, files: _Files) -> str:
    if not files.count:
        return f"{root}: the folder is empty."
    endings = Counter({suffix or "no ending": n for suffix, n in files.count.items()})
    held = ", ".join(f"{count} {ending}" for ending, count in endings.most_common(4))
    return f"{root}: no annotations that are read here (it holds {held}).{_KNOWN}"
