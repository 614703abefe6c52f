"""What is known of a picture from one quick look: runs in workers, free of NumPy at import."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from pipeline.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]
    Array = NDArray[np.float32]

SCALE = 256  # a vector of length 1 in the integers of `Fingerprint.vector`
_SIDE, _CELLS, _TURNS = 32, 4, 8
LENGTH = _CELLS**2 * (_TURNS + 2)  # of a vector: edges, then two colours
_CHROMA = 3.0  # weight of the colours beside the edges
_FLAT = 2.0  # grey levels: standard deviation of a picture that shows nothing


class File(NamedTuple):
    """A picture to look at: where it is, and its size in pixels."""

    path: str
    width: int
    height: int


class Fingerprint(NamedTuple):
    """What is known of a picture.

    Attributes:
        file: (16,) bytes; equal for equal files.
        look: (16,) bytes; equal for pictures of equal pixels, hardly ever for others.
        vector: `LENGTH` int8 as bytes; near for pictures of one layout. See `_vector`.
        flat: Whether it shows nothing: a vector says nothing of it.
    """

    file: bytes
    look: bytes
    vector: bytes
    flat: bool


def fingerprints(files: Sequence[File]) -> list[Fingerprint | DataError]:
    """Look at many pictures; an error stands in the place of one that cannot be decoded."""
    found: list[Fingerprint | DataError] = []
    with one_thread():
        for file in files:
            try:
                found.append(_fingerprint(file))
            except DataError as error:
                found.append(error)
    return found


@contextmanager
def one_thread() -> Iterator[None]:
    """OpenCV in one thread: the workers share the cores already."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def load(file: File) -> bytes:
    """The bytes of a file; a DataError where it cannot be read."""
    try:
        with open(file.path, "rb") as opened:  # noqa: PTH123 - a million files
            return opened.read()
    except OSError as error:
        raise DataError(file.path, "", f"cannot be read: {error.strerror}") from error


def decode_small(file: File, data: bytes, side: int) -> Picture:
    """A picture as shown, shrunk while it is decoded: (h, w, 3) BGR.

    JPEG decodes at an eighth of its size four times as fast as in full; the long side is at least
    `side`, where the picture's is. EXIF turns are applied.
    """
    import cv2
    import numpy as np

    times = min(max(file.width, file.height) // side, file.width, file.height)
    flag = (
        cv2.IMREAD_REDUCED_COLOR_8
        if times >= 8
        else cv2.IMREAD_REDUCED_COLOR_4
        if times >= 4
        else cv2.IMREAD_REDUCED_COLOR_2
        if times >= 2
        else cv2.IMREAD_COLOR
    )
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), flag) if data else None
    except cv2.error as error:  # more pixels than OpenCV takes
        raise DataError(file.path, "", f"cannot be decoded: {error.err}") from error
    if picture is None:
        raise DataError(file.path, "", "is empty or no picture that can be decoded")
    return picture


def _fingerprint(file: File) -> Fingerprint:
    import cv2

    data = load(file)
    small = cv2.resize(
        decode_small(file, data, 2 * _SIDE), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA
    )
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    return Fingerprint(
        file=_digest(data),
        look=_digest(small.tobytes() + f"{file.width} {file.height}".encode()),
        vector=_vector(small, grey).tobytes(),
        flat=float(grey.std()) < _FLAT,
    )


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()


def _vector(small: Picture, grey: Picture) -> NDArray[np.int8]:
    """Edges by place and direction, as SIFT has them (Lowe, 2004), of the whole picture; colours.

    A moved camera, a crop or a turn of some degrees changes little: each edge counts in several of
    the 4 x 4 places and in two of the 8 directions. 128 values for the edges: square roots of
    shares (RootSIFT, Arandjelović and Zisserman, 2012), of length 1 together; 32 for the colours.
    """
    import numpy as np

    vector = np.concatenate([_edges(grey.astype(np.float32)), _colours(small.astype(np.float32))])
    return np.clip(np.rint(vector * SCALE), -127, 127).astype(np.int8)


def _edges(grey: Array) -> Array:
    import cv2
    import numpy as np

    x, y = cv2.spatialGradient(grey.astype(np.uint8))
    strength, angle = cv2.cartToPolar(x.astype(np.float32), y.astype(np.float32))
    turn = angle * (_TURNS / (2 * np.pi))
    away = np.abs(turn[..., None] - np.arange(_TURNS, dtype=np.float32))
    share = np.clip(1 - np.minimum(away, _TURNS - away), 0, None) * strength[..., None]
    places = _places()
    edges = np.einsum("py,yxt,qx->pqt", places, share, places, optimize=True)
    edges = np.sqrt(edges.ravel() / max(float(edges.sum()), 1e-6))
    return np.asarray(edges, dtype=np.float32)


def _colours(small: Array) -> Array:
    import numpy as np

    total = small.sum(axis=2, keepdims=True) + 30
    share = (small[..., ::2] / total - 1 / 3).astype(np.float32)
    places = _places() / (_SIDE / _CELLS)
    found = np.einsum("py,yxt,qx->pqt", places, share, places, optimize=True)
    return np.asarray(found.ravel() * _CHROMA, dtype=np.float32)


def _places() -> Array:
    """(4, 32): how much each row or column of pixels counts in each of the 4 places."""
    import numpy as np

    centre = (np.arange(_CELLS) + 0.5) * (_SIDE / _CELLS)
    away = np.abs(np.arange(_SIDE) + 0.5 - centre[:, None]) / (_SIDE / _CELLS)
    weight = np.clip(1.25 - away, 0, 1)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True) * 8, dtype=np.float32)
