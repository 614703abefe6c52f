"""Which picture an annotation file speaks of."""

from __future__ import annotations

import ntpath
import os
import posixpath
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cached_property

from pipeline.errors import DataError
from pipeline.formats.reading import Tree
from pipeline.images import SUFFIXES


class Pairing:
    """Finds pictures by what a file says of them, else by the file's own name.

    A path that leaves the source is never followed. Names are compared with the case folded and
    in Unicode's composed form: macOS writes Korean file names decomposed, JSON holds them composed.

    Args:
        tree: The annotation files and the pictures.
        images_root: The folder that the pictures' names are below.
        by_name: Never believe what a file says of its picture, only its own name; of a file that
            speaks of many, only the names of the files that it says.
        field: Where files name their picture, for messages.
    """

    def __init__(
        self, tree: Tree, images_root: str, *, by_name: bool, field: str = "imagePath"
    ) -> None:
        self.by_name = by_name
        self.field = field
        self.stale = 0
        self._pictures = tree.pictures
        self._same_root = images_root == str(tree.root)
        self._roots = tuple(os.path.join(_full(root), "") for root in (tree.root, images_root))

    @cached_property
    def _by_path(self) -> dict[str, str]:
        return {_full(path): name for name, path in self._pictures.items()}

    @cached_property
    def _by_base(self) -> defaultdict[str, list[str]]:
        return _index(self._pictures, posixpath.basename)

    @cached_property
    def _by_stem(self) -> defaultdict[str, list[str]]:
        return _index(self._pictures, _stem)

    def find(self, name: str, path: str, said: str, *, alone: bool = True) -> str:
        """The name of the picture of one record.

        Args:
            name: Of the annotation file, below its root.
            path: Of the annotation file.
            said: What the record calls its picture; "" where it says nothing.
            alone: Whether the file speaks of one picture only, which may then have its name.

        Raises:
            DataError: There is none, or more than one, or it lies outside the source.
        """
        if said and not self.by_name:
            beside = name[: name.rfind("/") + 1] + said
            if self._same_root and beside in self._pictures:  # nearly always
                return beside
            found = self._as_said(name, path, said.replace("\\", "/"))
            if found:
                return found
        found = (
            self._by_file(name, path) if alone or not said else self._said_file(name, path, said)
        )
        if not found:
            what = f"names the picture {said!r}, which" if said else "has a picture that"
            raise DataError(path, "", f"{what} is not there", "add the picture or remove the file")
        if said and not self.by_name:
            self.stale += 1
        return found

    def _by_file(self, name: str, path: str) -> str | None:
        return self._nearest((name,), path, self._by_stem[_key(_stem(name))])

    def _said_file(self, name: str, path: str, said: str) -> str | None:
        if not self.by_name:  # looked for already
            return None
        said = said.replace("\\", "/")
        return self._nearest((said, name), path, self._called(said))

    def _as_said(self, name: str, path: str, said: str) -> str | None:
        full = _full(os.path.join(os.path.dirname(path), said))
        if full in self._by_path:
            return self._by_path[full]
        if ntpath.splitdrive(said)[0] or not full.startswith(self._roots):
            raise DataError(
                path,
                self.field,
                f"{said!r} points outside the source folder; it is not followed",
                "--pair name goes by the names of files instead",
            )
        if said in self._pictures:
            return said
        return self._nearest((said, name), path, self._called(said))

    def _called(self, said: str) -> list[str]:
        """Pictures of a file name; some formats say it without its ending."""
        base = _key(posixpath.basename(said))
        if base not in self._by_base and not base.endswith(tuple(SUFFIXES)):
            return self._by_stem.get(base, [])
        return self._by_base.get(base, [])

    def _nearest(self, like: tuple[str, ...], path: str, pictures: list[str]) -> str | None:
        """Of several pictures of one name, the one in folders most like those of `like`."""
        if len(pictures) < 2:
            return pictures[0] if pictures else None
        alike = [tuple(_common_folders(name, picture) for name in like) for picture in pictures]
        best = [p for p, score in zip(pictures, alike, strict=True) if score == max(alike)]
        if len(best) > 1:
            raise DataError(
                path,
                "",
                f"could speak of any of {', '.join(best[:3])}",
                "keep the file beside its picture, or name the picture in it",
            )
        return best[0]


def _full(path: str | os.PathLike[str]) -> str:
    return os.path.abspath(path)


def _index(names: Iterable[str], part: Callable[[str], str]) -> defaultdict[str, list[str]]:
    index: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        index[_key(part(name))].append(name)
    return index


def _stem(name: str) -> str:
    return posixpath.splitext(posixpath.basename(name))[0]


def _key(name: str) -> str:
    return (name if name.isascii() else unicodedata.normalize("NFC", name)).casefold()


def _common_folders(a: str, b: str) -> int:
    """How many folders the two names end in alike, before their last parts."""
    count = 0
    pairs = zip(reversed(a.split("/")[:-1]), reversed(b.split("/")[:-1]), strict=False)
    for x, y in pairs:
        if x != y:
            break
        count += 1
    return count
