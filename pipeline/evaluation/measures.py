"""What can be measured of each picture by itself: light, colour, sharpness, noise, file, objects.

Pictures are compared at a longer side of `SIDE` pixels, about what a detector is shown; JPEGs are
decoded at a half, a quarter or an eighth where that leaves enough. They are decoded in threads:
OpenCV lets go of the interpreter meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pipeline import boxes as geometry
from pipeline.dataset import Dataset, Floats, Ints
from pipeline.errors import DataError
from pipeline.images import decode_reduced, load
from pipeline.progress import Track, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 512
_SMALL = 64  # side of the square that the descriptor is of
_BLOCKS = ((8, 6, 6), 32, 8)  # sizes of its parts: histograms of L, a, b; gradients; frequencies


class Measure(NamedTuple):
    """One measure of a picture.

    Attributes:
        name: In the field's words.
        less: What a source is whose pictures have less of it.
        more: What a source is whose pictures have more of it.
        unit: Of the value.
    """

    name: str
    less: str
    more: str
    unit: str = ""


PIXELS = (
    Measure("brightness", "darker", "brighter"),
    Measure("contrast", "flatter", "richer in contrast"),
    Measure("saturation", "paler", "more colourful"),
    Measure("green to red", "greener", "redder"),
    Measure("blue to yellow", "bluer", "yellower"),
    Measure("sharpness", "blurrier", "sharper"),
    Measure("noise", "less noisy", "noisier"),
)
FILES = (
    Measure("JPEG quality", "compressed more", "compressed less"),
    Measure("picture size", "of smaller pictures", "of larger pictures", "megapixels"),
    Measure("width by height", "of narrower pictures", "of wider pictures"),
)
OBJECTS = (
    Measure("objects", "with fewer objects a picture", "with more objects a picture"),
    Measure("object size", "with smaller objects", "with larger objects", "of the picture's side"),
    Measure("object shape", "with narrower objects", "with wider objects", "width by height"),
)
ALL = (*PIXELS, *FILES, *OBJECTS)


class Measured(NamedTuple):
    """What was measured of the pictures that can be decoded.

    Attributes:
        row: (K,) their rows in the data set.
        values: (K, M) a column for each of `ALL`; NaN where there is nothing to measure.
        descriptor: (K, 60) what a picture looks like, see `describe`.
        problems: Pictures that cannot be decoded.
    """

    row: Ints
    values: Floats
    descriptor: Floats
    problems: list[DataError]


def measure(dataset: Dataset, track: Track = silent) -> Measured:
    """Measure the pictures of a data set.

    Args:
        dataset: Pictures with their boxes.
        track: Shows progress.
    """
    paths = dataset.images.path.tolist()
    sides = dataset.images.size.max(axis=1, initial=0).tolist()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(track(pool.map(_measured, paths, sides), "reading pixels", len(paths)))
    good = np.array([not isinstance(one, DataError) for one in found], dtype=bool)
    seen = [one for one in found if not isinstance(one, DataError)]
    pixels = np.array([values for values, _ in seen]).reshape(len(seen), len(PIXELS) + 1)
    size = dataset.images.size[good].astype(np.float64)
    shape = np.column_stack([size.prod(axis=1) / 1e6, size[:, 0] / size[:, 1]])
    return Measured(
        row=np.flatnonzero(good),
        values=np.column_stack([pixels, shape, objects(dataset)[good]]),
        descriptor=np.array([picture for _, picture in seen]).reshape(len(seen), -1),
        problems=[one for one in found if isinstance(one, DataError)],
    )


def objects(dataset: Dataset) -> Floats:
    """(N, 3) `OBJECTS` of every picture: boxes, and medians of their relative side and shape."""
    boxes = dataset.boxes
    count = np.bincount(boxes.image, minlength=len(dataset.images)).astype(np.float64)
    whole = dataset.images.size.prod(axis=1)[boxes.image]
    side = np.sqrt(geometry.area(boxes.xyxy) / whole)
    width, height = (boxes.xyxy[:, 2:] - boxes.xyxy[:, :2]).T
    shape = width / np.maximum(height, 1e-9)
    middle = np.full((len(count), 2), np.nan)
    for row, own in enumerate(dataset.per_image()):
        if own.stop > own.start:
            middle[row] = np.median(side[own]), np.median(shape[own])
    return np.column_stack([count, middle])


def _measured(path: str, side: int) -> tuple[list[float], Floats] | DataError:
    """The values of `PIXELS` and the JPEG quality of one picture, and its descriptor."""
    import cv2

    data = load(path)
    if isinstance(data, DataError):
        return data
    picture = decode_reduced(path, data, (side, SIDE))
    if isinstance(picture, DataError):
        return picture
    scale = SIDE / max(picture.shape[:2])
    size = [max(4, round(length * scale)) for length in picture.shape[1::-1]]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    exact = picture.astype(np.float32) / 255  # rounding after the resize would look like noise
    fixed = cv2.resize(exact, size, interpolation=how)
    return [*_pixels(fixed), jpeg_quality(data.tobytes())], describe(fixed)


def _pixels(picture: NDArray[np.float32]) -> list[float]:
    """`PIXELS` of a BGR picture of 0 to 1.

    Lightness, chroma, a and b are CIE Lab's (0 to 100; about -100 to 100). Sharpness is the
    variance of the Laplacian (Pertuz et al. 2013) after a Gaussian of one pixel, so that noise is
    not sharp, by that of the lightness, so that dark is not blurred; in powers of two. Noise is
    Immerkær's (1996) estimate of its standard deviation; fine texture adds to it.
    """
    import cv2

    lab = cv2.cvtColor(picture, cv2.COLOR_BGR2LAB)
    light = np.ascontiguousarray(lab[..., 0])
    _, red, yellow = (float(v) for v in cv2.mean(lab)[:3])
    chroma = float(np.hypot(lab[..., 1], lab[..., 2]).mean())
    spread = float(light.std())
    edges = float(cv2.Laplacian(cv2.GaussianBlur(light, (0, 0), 1), cv2.CV_32F).var())
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
    rough = float(np.abs(cv2.filter2D(light, cv2.CV_32F, kernel)).mean())
    noise = rough * float(np.sqrt(np.pi / 2)) / 6
    sharp = float(np.log2((edges + 1e-4) / (spread**2 + 1e-4)))
    return [float(light.mean()), spread, chroma, red, yellow, sharp, noise]


def describe(picture: NDArray[np.float32]) -> Floats:
    """(60,) what a BGR picture of 0 to 1 looks like, without a trained network.

    Square roots of the histograms of L, a and b (distances are then Hellinger's), of the gradients'
    directions in four quarters (as HOG has them), and of the energy in eight bands of the discrete
    cosine transform; each part has length 1.
    """
    import cv2

    small = cv2.resize(picture, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_BGR2LAB)
    light = np.ascontiguousarray(lab[..., 0])
    ranges = ((0, 100), (-60, 60), (-60, 60))
    colours = [
        np.histogram(np.clip(lab[..., i], *ranges[i]), bins, ranges[i])[0]
        for i, bins in enumerate(_BLOCKS[0])
    ]
    return np.concatenate([_root(part) for part in (*colours, _gradients(light), _bands(light))])


def _root(part: Any) -> Floats:
    values = np.asarray(part, dtype=np.float64)
    return np.asarray(np.sqrt(values / max(values.sum(), 1e-9)))


def _gradients(light: NDArray[np.float32]) -> Floats:
    """(32,) strength of the edges by direction (8) in each quarter of the picture."""
    import cv2

    across, down = cv2.Sobel(light, cv2.CV_32F, 1, 0), cv2.Sobel(light, cv2.CV_32F, 0, 1)
    bins = np.floor((np.arctan2(down, across) % np.pi) / np.pi * 8).astype(int).clip(0, 7)
    half = np.arange(_SMALL) // (_SMALL // 2)
    place = (half[:, None] * 2 + half) * 8 + bins
    strength = np.hypot(across, down).astype(np.float64)
    return np.asarray(np.bincount(place.ravel(), strength.ravel(), minlength=32), np.float64)


def _bands(light: NDArray[np.float32]) -> Floats:
    """(8,) energy in bands of rising frequency, an octave or half of one each; no mean."""
    import cv2

    power = cv2.dct(light) ** 2
    power[0, 0] = 0
    rows = np.arange(_SMALL)
    radius = np.hypot(rows[:, None], rows)
    band = np.digitize(radius, [2, 4, 6, 10, 16, 24, 36])
    return np.asarray(np.bincount(band.ravel(), power.ravel(), minlength=8), np.float64)


# The luminance table of ITU-T T.81, annex K, whose mean the IJG library scales by quality.
_STANDARD_MEAN = 57.625


def jpeg_quality(data: bytes) -> float:
    """The quality from 1 to 100 that a JPEG was saved at, after the IJG library's scale.

    From the mean of its first quantisation table; NaN for what is no JPEG. Below 25, where entries
    are cut at 255, it is a few points too high.
    """
    at = 2 if data[:2] == b"\xff\xd8" else len(data)
    while at + 5 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] == 0xDB:
            return _quality(data[at + 4 : at + 2 + length])
        at += 2 + length
    return float("nan")


def _quality(table: Sequence[int] | bytes) -> float:
    wide = table[0] >> 4  # 16-bit entries
    kind = ">u2" if wide else "u1"
    steps = np.frombuffer(bytes(table[1 : 129 if wide else 65]), dtype=kind)
    if not len(steps):
        return float("nan")
    percent = 100 * float(steps.mean()) / _STANDARD_MEAN
    return (200 - percent) / 2 if percent <= 100 else 5000 / percent
