"""A detector over sources: the run of `boxwright predict`."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from pipeline import fonts, manifest
from pipeline.errors import BoxwrightError
from pipeline.inference import frames, results
from pipeline.inference.frames import Frame, Item, Unread
from pipeline.inference.sources import Source, find, shown
from pipeline.models import Detector
from pipeline.progress import Track, silent

log = logging.getLogger(__name__)
_SHOWN = 20  # of what could not be read, in an error


@dataclass(frozen=True)
class PredictOptions:
    """How to look, and what to write.

    Attributes:
        weights: The weights file; none: the run's own best.
        source: What to look at where the command names nothing; none: the validation pictures.
        conf: Boxes below this score are left out.
        iou: Of two boxes of a class that overlap more than this, the less sure is left out.
        max_det: At most this many boxes a picture.
        classes: Only these classes; none: all.
        imgsz: Side in pixels that pictures are resized to; none: what the model was trained at.
        device: "auto", "cpu", "0", "mps".
        batch: Pictures looked at together.
        vid_stride: Look at every n-th frame of a video only.
        max_frames: At most this many frames of each video or stream.
        pictures: Write annotated pictures and videos.
        save_json: Write predictions.json (COCO, with scores).
        save_csv: Write predictions.csv.
        save_txt: Write labels/ (YOLO, with scores).
        save_crops: Write crops/, each box cut out.
        font: A font file to prefer for the names.
    """

    weights: Path | None = None
    source: tuple[str, ...] = ()
    conf: Annotated[float, Meta(ge=0, le=1)] = 0.25
    iou: Annotated[float, Meta(ge=0, le=1)] = 0.7
    max_det: Annotated[int, Meta(ge=1)] = 300
    classes: tuple[str, ...] = ()
    imgsz: Annotated[int, Meta(ge=32)] | None = None
    device: str = "auto"
    batch: Annotated[int, Meta(ge=1)] = 8
    vid_stride: Annotated[int, Meta(ge=1)] = 1
    max_frames: Annotated[int, Meta(ge=1)] | None = None
    pictures: bool = True
    save_json: bool = False
    save_csv: bool = False
    save_txt: bool = False
    save_crops: bool = False
    font: Path | None = None


@dataclass
class _Tally:
    """What was seen so far."""

    counts: NDArray[np.int64]
    photos: int = 0
    frames: int = 0
    videos: set[str] = field(default_factory=set)
    unread: list[Unread] = field(default_factory=list)
    stopped: bool = False

    def add(self, frame: Frame, labels: NDArray[np.int64]) -> None:
        self.counts += np.bincount(labels, minlength=len(self.counts))
        if frame.index is None:
            self.photos += 1
        else:
            self.frames += 1
            self.videos.add(frame.source.where)


def predict(
    detector: Detector,
    sources: Sequence[str],
    options: PredictOptions,
    out: Path,
    track: Track = silent,
    *,
    force: bool = False,
) -> dict[str, Any]:
    """Look at every source and write what was found into a new folder.

    A picture or frame that cannot be read is passed over and named in the result; the rest goes
    on. Ctrl-C ends a camera or stream, and what was recorded is kept; it ends everything else with
    nothing written.

    Args:
        detector: The model.
        sources: Photos, folders, globs, videos, one camera number or stream URL.
        options: How to look, and what to write.
        out: The folder to make; one of earlier predictions is replaced.
        track: Shows progress.
        force: Replace whatever `out` holds.

    Returns:
        photos, videos, frames, boxes: counts; classes: boxes of each class; passed_over: a
        `source` and a `problem` for each thing that could not be read; stopped: whether Ctrl-C
        ended it; seconds and per_second: of looking and writing.

    Raises:
        BoxwrightError: Wrong options or sources, or nothing at all could be read.
    """
    _check_outputs(options)
    keep = _kept(detector.classes, options.classes)
    found = find(sources)
    fonts.warn_of_missing(tuple(detector.classes), options.font)
    tally = _Tally(np.zeros(len(detector.classes), dtype=np.int64))
    start = time.perf_counter()
    with manifest.new_folder(out, "predictions", force=force) as folder:
        with _sinks(folder, detector.classes, options) as sinks:
            _Run(detector, options, keep, sinks, tally).look(found, track)
        if not tally.photos and not tally.frames:
            raise _nothing(tally)
        counts = _counts(tally, detector.classes)
        manifest.write(folder, "predictions", {**counts, "options": _plain(options, sources)})
    seconds = time.perf_counter() - start
    per_second = (tally.photos + tally.frames) / seconds
    return {**counts, "seconds": round(seconds, 2), "per_second": round(per_second, 1)}


@dataclass(frozen=True)
class _Run:
    """What stays the same from the first picture to the last."""

    detector: Detector
    options: PredictOptions
    keep: NDArray[np.bool_]
    sinks: list[results.Sink]
    tally: _Tally

    def look(self, found: list[Source], track: Track) -> None:
        """Go through the photos, then each video, then the camera or stream."""
        photos = [source for source in found if source.kind == "photo"]
        if photos:
            items = track(frames.photos(photos), "photos", len(photos))
            self._in_batches(items, self.options.batch)
        for source in found[len(photos) :]:
            limits = (self.options.vid_stride, self.options.max_frames)
            with contextlib.closing(frames.video(source, *limits)) as read:
                items = track(read, source.shown, frames.count(source, *limits))
                if source.kind == "stream":
                    self._until_stopped(items)
                else:
                    self._in_batches(items, self.options.batch)

    def _until_stopped(self, items: Iterable[Item]) -> None:
        """Frame by frame, as each is new only once; Ctrl-C ends it in good order."""
        try:
            self._in_batches(items, 1)
        except KeyboardInterrupt:
            self.tally.stopped = True

    def _in_batches(self, items: Iterable[Item], size: int) -> None:
        batch: list[Frame] = []
        for item in items:
            if isinstance(item, Unread):
                self.tally.unread.append(item)
                continue
            batch.append(item)
            if len(batch) == size:
                self._see(batch)
                batch = []
        if batch:
            self._see(batch)

    def _see(self, batch: list[Frame]) -> None:
        """Find the boxes of some frames and hand them to every sink."""
        asked = self.options
        found = self.detector.detect(
            [frame.picture for frame in batch],
            conf=asked.conf,
            iou=asked.iou,
            max_det=asked.max_det,
        )
        found = found.take(self.keep[found.label])
        for row, frame in enumerate(batch):
            boxes = found.take(found.image == row)
            for sink in self.sinks:
                sink.add(frame, boxes)
            self.tally.add(frame, boxes.label)


@contextlib.contextmanager
def _sinks(
    folder: Path, classes: Sequence[str], options: PredictOptions
) -> Iterator[list[results.Sink]]:
    """The outputs that were asked for; closed in any case."""
    makers: list[tuple[bool, Callable[[], results.Sink]]] = [
        (options.pictures, lambda: results.Annotated(folder, classes, options.font)),
        (options.save_json, lambda: results.Json(folder, classes)),
        (options.save_csv, lambda: results.Csv(folder, classes)),
        (options.save_txt, lambda: results.Txt(folder)),
        (options.save_crops, lambda: results.Crops(folder, classes)),
    ]
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(contextlib.closing(make())) for wanted, make in makers if wanted]


def _check_outputs(options: PredictOptions) -> None:
    lists = (options.save_json, options.save_csv, options.save_txt, options.save_crops)
    if not options.pictures and not any(lists):
        raise BoxwrightError(
            "without pictures there is nothing to write."
            "\n    -> add --save-json, --save-csv, --save-txt or --save-crops."
        )


def _kept(classes: Sequence[str], wanted: Sequence[str]) -> NDArray[np.bool_]:
    """For each class whether its boxes are wanted; all where none is named."""
    unknown = [name for name in wanted if name not in classes]
    if unknown:
        raise BoxwrightError(
            f"the model has no class {', '.join(map(repr, unknown))}.\n    -> it has: "
            + ", ".join(classes)
        )
    return np.array([not wanted or name in wanted for name in classes], dtype=bool)


def _counts(tally: _Tally, classes: Sequence[str]) -> dict[str, Any]:
    return {
        "photos": tally.photos,
        "videos": len(tally.videos),
        "frames": tally.frames,
        "boxes": int(tally.counts.sum()),
        "classes": dict(zip(classes, tally.counts.tolist(), strict=True)),
        "passed_over": [{"source": u.source.shown, "problem": u.problem} for u in tally.unread],
        "stopped": tally.stopped,
    }


def _nothing(tally: _Tally) -> BoxwrightError:
    lines = [f"  {unread.source.shown}: {unread.problem}" for unread in tally.unread]
    more = [f"  and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    what = "stopped before the first picture" if tally.stopped else "nothing could be read"
    return BoxwrightError("\n".join([f"{what}; nothing was written.", *lines[:_SHOWN], *more]))


def _plain(options: PredictOptions, sources: Sequence[str]) -> dict[str, Any]:
    """Options for the manifest, without the secrets that a source may hold."""
    values = {**dataclasses.asdict(options), "source": [shown(name) for name in sources]}
    return {k: str(v) if isinstance(v, Path) else v for k, v in values.items()}
