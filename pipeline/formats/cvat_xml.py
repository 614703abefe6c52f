"""CVAT's XML to plain records. No NumPy here: this runs in workers."""

from __future__ import annotations

import posixpath
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.errors import DataError
from pipeline.formats import figures, markup, masks, values
from pipeline.formats.batch import NO_SIZE, Batch, Corners, Point, hull
from pipeline.formats.values import Place
from pipeline.images import SUFFIXES

_CORNERS = ("xtl", "ytl", "xbr", "ybr")
_CUBOID = [(f"x{at}{face}", f"y{at}{face}") for face in "12" for at in ("tl", "bl", "tr", "br")]
_BOXLESS = {"points", "polyline", "skeleton"}
_SHAPES = {"box", "polygon", "ellipse", "mask", "cuboid", *_BOXLESS}
_CROWD = {"is_crowd", "iscrowd"}
_FRAMES = 1_000_000  # of one video: nine hours at 30 a second


class Rules(NamedTuple):
    """How to read a source's files.

    Attributes:
        endings: The endings of the pictures there are, by their names without folder and ending.
        group: Attribute of <image> that holds the picture's group; "" for none.
        origin: The same for the origin.
    """

    endings: dict[str, set[str]]
    group: str = ""
    origin: str = ""


class _Shape(NamedTuple):
    label: str
    corners: Corners
    outline: Sequence[Point]
    crowd: bool
    line: int


def key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def parse(files: Sequence[str], rules: Rules) -> Batch:
    """Read a shard of files; what is wrong in them is in the batch's `problems`."""
    batch = Batch()

    def one(number: int, path: str, data: bytes) -> None:
        file = _File(batch, number, path, rules)
        try:
            markup.parse(path, data, file, batch.note)
        except DataError:
            if "image" in file.open and batch.failed:
                batch.failed[-1] = True  # its boxes may have stood where the file was cut short
            raise

    values.each(batch, files, one)
    return batch


class _File:
    """What has been read of one file so far."""

    def __init__(self, batch: Batch, number: int, path: str, rules: Rules) -> None:
        self.batch, self.number, self.path, self.rules = batch, number, path, rules
        self.open: list[str] = []  # the tags around where we are
        self.task: dict[str, str] = {}
        self.size: dict[str, str] = {}
        self.said: set[str] = set()
        self.lost = False  # whether the picture that we are in cannot be known
        self.track: str | None = None
        self.frames: defaultdict[int, list[_Shape | DataError]] = defaultdict(list)
        self.shape: tuple[str, dict[str, str], int] | None = None
        self.attribute = ""
        self.crowd = False

    def start(self, tag: str, attributes: dict[str, str], line: int) -> None:
        self.open.append(tag)
        depth = len(self.open)
        if depth == 1 and tag != "annotations":
            what = f"is no CVAT file: it begins with <{tag[:60]}>, not <annotations>"
            raise DataError(*self._line(line), what, "--exclude leaves other files out")
        if depth == 2 and tag == "image":
            self._image(attributes, line)
        elif depth == 2 and tag == "track":
            self.track, self.lost = attributes.get("label", ""), False
        elif depth == 3 and self.open[1] in {"image", "track"} and not self.lost:
            self._drawn(tag, attributes, line)
        elif tag == "attribute" and self.shape is not None:
            self.attribute = attributes.get("name", "")

    def _line(self, line: int) -> Place:
        return Place(self.path, f"line {line}")

    def _drawn(self, tag: str, attributes: dict[str, str], line: int) -> None:
        if tag in _SHAPES:
            self.shape, self.crowd = (tag, attributes, line), False
        elif tag == "tag":
            self.batch.note("tags of whole pictures; left out")

    def end(self, tag: str, text: str) -> None:
        self.open.pop()
        depth = len(self.open)
        if depth == 2 and self.shape is not None:
            self._add(*self.shape)
            self.shape = None
        elif tag == "attribute" and self.attribute in _CROWD:
            self.crowd = text.strip().lower() in {"true", "1"}
        elif depth == 3 and self.open[1] == "meta":
            self.task[tag] = text.strip()
        elif depth == 4 and self.open[3] == "original_size":
            self.size[tag] = text.strip()
        elif depth == 0 and self.track is not None:
            self._video()

    def _image(self, attributes: dict[str, str], line: int) -> None:
        """Begin the record of a picture."""
        try:
            self._begin(attributes, self._line(line))
        except DataError as problem:
            self.batch.problems.append(problem)
            self.lost = True
        else:
            self.lost = False

    def _begin(self, attributes: dict[str, str], place: Place) -> None:
        name, subset = attributes.get("name"), attributes.get("subset")
        if not name:
            raise DataError(*place, "<image> has no name")
        said = f"{subset}/{name}" if subset else name
        if said in self.said:
            raise DataError(*place, f"speaks of {said!r}, as an <image> before does")
        self.said.add(said)
        kin = values.kin(attributes, (self.rules.group, self.rules.origin), place)
        if self.task.get("mode") == "interpolation" and not self.rules.group:
            kin = (self._of_video(), kin[1])
        size = self._size(attributes.get("width"), attributes.get("height"), place)
        self.batch.record(self.number, self._with_ending(said), size, kin)

    def _of_video(self) -> str:
        """The group of the frames of a video."""
        name = self.task.get("name") or posixpath.basename(self.path)
        return " ".join([name, *(f"#{self.task[key]}" for key in ("id",) if self.task.get(key))])

    def _size(self, width: str | None, height: str | None, place: Place) -> Point:
        if width is None or height is None:
            return NO_SIZE
        numbers = (values.written(width, place), values.written(height, place))
        return values.size(*numbers, place)

    def _with_ending(self, said: str) -> str:
        """A picture's name: CVAT names the frames of videos without one."""
        folder, base = posixpath.split(said)
        if posixpath.splitext(base)[1].lower() in SUFFIXES:
            return said
        endings = self.rules.endings.get(key(base), set())
        return posixpath.join(folder, base + min(endings)) if endings else said

    def _add(self, tag: str, attributes: dict[str, str], line: int) -> None:
        """A shape of a picture, or of a track in one frame."""
        shape: _Shape | DataError
        try:
            label = attributes.get("label", "") if self.open[1] == "image" else self.track or ""
            shape = self._shape(tag, attributes, label, line)
        except DataError as problem:
            shape = problem
        if self.open[1] == "image":
            self._tell(shape)
        elif attributes.get("outside") != "1":
            self._in_frame(attributes.get("frame", ""), shape, line)

    def _in_frame(self, frame: str, shape: _Shape | DataError, line: int) -> None:
        if _whole(frame):
            self.frames[int(frame)].append(shape)
        else:
            what = f"is of the frame {values.kind(frame)}"
            self.batch.problems.append(DataError(*self._line(line), what))

    def _tell(self, shape: _Shape | DataError) -> None:
        if isinstance(shape, DataError):
            self.batch.fail(shape)
        else:
            label, corners, outline, crowd, line = shape
            self.batch.box(line, label, corners, outline, crowd=crowd)

    def _shape(self, tag: str, attributes: dict[str, str], label: str, line: int) -> _Shape:
        place = self._line(line)
        if tag in _BOXLESS:
            fix = "draw it as a rectangle or a polygon"
            raise DataError(*place, f"is a <{tag}>, which has no box", fix)
        outline: Sequence[Point] = ()
        if tag == "box":
            corners, outline = self._box(attributes, place)
        elif tag == "mask":
            corners = self._mask(attributes, place)
        elif tag == "cuboid":
            points = [self._point(attributes, *names, place) for names in _CUBOID]
            corners = hull(points)
            self.batch.note("cuboids; the box around their corners is taken")
        else:
            outline = self._outline(tag, attributes, place)
            corners = hull(outline)
        return _Shape(label, corners, outline, self.crowd, line)

    def _box(self, attributes: dict[str, str], place: Place) -> tuple[Corners, Sequence[Point]]:
        x1, y1, x2, y2 = (self._number(attributes, name, place) for name in _CORNERS)
        turn = self._number(attributes, "rotation", place, "0")
        if not turn % 360:
            return (x1, y1, x2, y2), ()
        self.batch.note("turned boxes; their outline is kept, and the box around it")
        middle = ((x1 + x2) / 2, (y1 + y2) / 2)
        outline = figures.turned(figures.rectangle((x1, y1, x2, y2)), turn, middle)
        return hull(outline), outline

    def _mask(self, attributes: dict[str, str], place: Place) -> Corners:
        names = ("left", "top", "width", "height")
        left, top, width, height = (self._number(attributes, name, place) for name in names)
        try:
            counts = [int(count) for count in attributes.get("rle", "").split(",")]
        except ValueError as error:
            raise DataError(*place.below("rle"), "is no list of numbers") from error
        size = (int(width), int(height))
        x1, y1, x2, y2 = masks.counted(counts, size, place.below("rle"))
        self.batch.note("masks; the box around each is kept")
        return left + x1, top + y1, left + x2, top + y2

    def _outline(self, tag: str, attributes: dict[str, str], place: Place) -> list[Point]:
        if tag == "ellipse":
            centre = self._point(attributes, "cx", "cy", place)
            radii = self._point(attributes, "rx", "ry", place)
            turn = self._number(attributes, "rotation", place, "0")
            return figures.ellipse(centre, radii, turn)
        pairs = [pair.split(",") for pair in attributes.get("points", "").split(";")]
        if len(pairs) < 3 or any(len(pair) != 2 for pair in pairs):
            what = f"is a polygon of {attributes.get('points', '')[:60]!r}, not of x,y;x,y;x,y…"
            raise DataError(*place, what)
        return [(values.written(x, place), values.written(y, place)) for x, y in pairs]

    def _point(self, attributes: dict[str, str], x: str, y: str, place: Place) -> Point:
        return self._number(attributes, x, place), self._number(attributes, y, place)

    def _number(
        self, attributes: dict[str, str], name: str, place: Place, missing: str | None = None
    ) -> float:
        written = attributes.get(name, missing)
        if written is None:
            raise DataError(*place, f"has no {name}")
        return values.written(written, place.below(name))

    def _video(self) -> None:
        """A record for each frame of the tracks whose picture is there."""
        size = self._size(
            self.size.get("width"), self.size.get("height"), Place(self.path, "original_size")
        )
        frames = sorted({*self.frames, *self._all_frames()})
        here = [frame for frame in frames if key(_frame(frame)) in self.rules.endings]
        for frame in here:
            said = self._with_ending(_frame(frame))
            self.batch.record(self.number, said, size, (self._of_video(), ""))
            for shape in self.frames[frame]:
                self._tell(shape)
        if frames and not here:
            what = "is a video's, and none of its frames is here"
            fix = f"extract them as {_frame(frames[0])}.png and so on"
            raise DataError(self.path, "", what, fix)
        if len(frames) > len(here):
            what = "frames of videos whose pictures are not here; left out"
            self.batch.note(what, len(frames) - len(here))

    def _all_frames(self) -> Sequence[int]:
        """The frames that the file says its video has, also those without a box."""
        step = self.task.get("frame_filter", "").rpartition("step=")[2] or "1"
        first, last = self.task.get("start_frame", ""), self.task.get("stop_frame", "")
        if not all(map(_whole, (first, last, step))):
            return ()
        frames = range(int(first), int(last) + 1, max(int(step), 1))
        if len(frames) > _FRAMES:
            raise DataError(self.path, "meta", f"tells of {len(frames)} frames")
        return frames


def _frame(number: int) -> str:
    """A frame's name, as CVAT writes it."""
    return f"frame_{number:06d}"


def _whole(written: str) -> bool:
    return written.isascii() and written.isdecimal() and len(written) < 10
