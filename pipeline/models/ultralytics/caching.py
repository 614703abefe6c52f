"""Where a data set of ultralytics keeps the pictures that it has decoded: the option `cache`.

Import this file only after `library.load()`, which it does itself.
"""

from __future__ import annotations

import io
import math
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pipeline import images
from pipeline.models.ultralytics import kept, library

ultralytics = library.load()

from ultralytics.utils.patches import imread  # noqa: E402


class Cached:
    """What comes before a data set of ultralytics, to keep its pictures elsewhere than it does.

    Args:
        args: Ultralytics' own.
        cache: None, "ram" (resized, in memory), "small" (the same, on disk) or "disk" (decoded).
        shelf: Where on disk.
        options: Ultralytics' own.
    """

    imgsz: int
    im_files: list[str]
    ims: Any
    im_hw0: list[Any]
    im_hw: list[Any]
    load_image: Callable[[int], tuple[Any, Any, Any]]
    stretched = False  # to a square, else the longer side is `imgsz`

    def __init__(
        self,
        *args: Any,
        cache: str | None = None,
        shelf: kept.Shelf | None = None,
        **options: Any,
    ) -> None:
        self._cached, self._shelf = cache, shelf
        # As with "ram", "small" makes mosaics of any pictures, not of those that came last.
        theirs = "ram" if cache == "small" else cache
        super().__init__(*args, cache=theirs, **options)  # type: ignore[call-arg]
        self._shelf = None  # its progress bar cannot go along to other processes

    @property
    def npy_files(self) -> list[Path]:
        """Where ultralytics looks for decoded pictures: never beside them, whatever lies there."""
        return self._decoded

    @npy_files.setter
    def npy_files(self, _beside: list[Path]) -> None:
        self._decoded = [Path(file, "nothing-lies-below-a-file") for file in self.im_files]

    def check_cache_ram(self, safety_margin: float = 1.0) -> bool:
        """Whether the pictures fit into memory; it loads random ones, and no draw is lost to it."""
        if self._cached == "small":
            return True
        before = random.getstate()
        try:
            fits: bool = super().check_cache_ram(safety_margin)  # type: ignore[misc]
        finally:
            random.setstate(before)
        return fits

    def check_cache_disk(self, safety_margin: float = 0.1) -> bool:  # noqa: ARG002
        """True: room is looked for where the pictures will lie, see `kept.keep`."""
        return True

    def cache_images(self) -> None:
        """Keep the pictures as `cache` says; its own draws a bar on stdout, come what may."""
        ways = {"ram": self._in_memory, "small": self._small, "disk": self._decoded_whole}
        ways[str(self._cached)]()

    def _in_memory(self) -> None:
        """A picture that is shown several times is kept once."""
        rows = {path: row for row, path in enumerate(self.im_files)}
        with ThreadPoolExecutor() as pool:
            loaded = dict(zip(rows, pool.map(self.load_image, rows.values()), strict=True))
        for row, path in enumerate(self.im_files):
            self.ims[row], self.im_hw0[row], self.im_hw[row] = loaded[path]

    def _small(self) -> None:
        how = "stretched" if self.stretched else "along the longer side"
        places = self._keep(
            words=f"of {self.imgsz} pixels {how}",
            suffix=".bgr",
            make=lambda row: kept.packed(*self.load_image(row)),
            whole=kept.is_small,
            needs=lambda row: 3 * math.prod(self._small_size(row)),
        )
        found = {place: kept.sizes(place) for place in set(places)}
        self.im_hw0 = [found[place][0] for place in places]
        self.im_hw = [found[place][1] for place in places]
        self.ims = kept.Small(places)

    def _decoded_whole(self) -> None:
        self._decoded = self._keep(
            words="of their full size",
            suffix=".npy",
            make=self._array,
            whole=kept.is_npy,
            needs=lambda row: 3 * math.prod(images.read_header(self.im_files[row])[:2]),
        )

    def _keep(self, words: str, **how: Any) -> list[Path]:
        recipe = f"{words}, OpenCV {cv2.__version__}, ultralytics {ultralytics.__version__}"
        shelf = self._shelf or kept.Shelf(Path(kept.FOLDER))
        return kept.keep(self.im_files, kept.Kind(words=words, recipe=recipe, **how), shelf)

    def _small_size(self, row: int) -> tuple[int, int]:
        """Width and height that a picture is about to have."""
        if self.stretched:
            return self.imgsz, self.imgsz
        width, height = images.read_header(self.im_files[row])[:2]
        ratio = self.imgsz / max(width, height)
        return math.ceil(width * ratio), math.ceil(height * ratio)

    def _array(self, row: int) -> bytes:
        """A decoded picture as a .npy file."""
        pixels = imread(self.im_files[row])
        if pixels is None:
            raise FileNotFoundError(f"Image Not Found {self.im_files[row]}")
        file = io.BytesIO()
        np.save(file, pixels)
        return file.getvalue()
