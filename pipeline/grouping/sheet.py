"""A contact sheet of groups: a block each, the largest first, then some of the smallest."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from pipeline import draw
from pipeline.dataset import Dataset
from pipeline.errors import DataError
from pipeline.grouping.names import unique
from pipeline.grouping.ways import Grouped
from pipeline.images import decode
from pipeline.progress import Track, silent
from pipeline.similar.chain import Pairs

log = logging.getLogger(__name__)
COLUMNS = 8
_SIDE, _TITLE, _TOLD, _GAP = 200, 20, 15, 24  # pixels: a picture, letters, between blocks
_WIDEST = 1800  # pixels: four blocks of two pictures, or one of eight
_LARGE = 2 / 3  # of the blocks go to the largest groups


class Block(NamedTuple):
    """One group on the sheet.

    Attributes:
        title: Its name.
        told: What is known of it.
        pictures: Rows of its pictures in the data set.
        captions: One a picture.
    """

    title: str
    told: str
    pictures: list[int]
    captions: list[str]


class _Link(NamedTuple):
    """Two pictures, and how much they are alike."""

    a: int
    b: int
    similarity: float


def draw_sheet(
    dataset: Dataset, blocks: Sequence[Block], font: Path | None = None, track: Track = silent
) -> draw.Picture:
    """Draw groups, side by side where there is room for several.

    A picture that cannot be decoded is a grey field, and a warning is logged.

    Returns:
        (H, W, 3) BGR.
    """
    drawn = [_drawn(dataset, block, font) for block in track(blocks, "drawing", len(blocks))]
    lines: list[list[draw.Picture]] = [[]]
    for picture in drawn:
        if sum(other.shape[1] for other in lines[-1]) + picture.shape[1] > _WIDEST:
            lines.append([])
        lines[-1].append(picture)
    rows = [_beside(line) for line in lines if line]
    wide = max(row.shape[1] for row in rows)
    return np.vstack([_padded(row, row.shape[0], wide) for row in rows])


def choose(dataset: Dataset, grouped: Grouped, count: int, seed: int = 0) -> list[Block]:
    """The groups to show, and some pictures of each.

    Args:
        dataset: The pictures.
        grouped: Their groups.
        count: At most so many groups of two pictures or more; a last block shows pictures that
            are alone.
        seed: Another seed shows other small groups and other pictures.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret
    members: dict[str, list[int]] = {}
    for row, key in enumerate(grouped.key):
        members.setdefault(key, []).append(row)
    by_size = sorted(members.items(), key=lambda item: (-len(item[1]), item[0]))
    several = [item for item in by_size if len(item[1]) > 1]
    first = several if len(several) <= count else several[: max(1, round(count * _LARGE))]
    least = several[len(first) :][-4 * count :]
    small = chance.sample(least, min(len(least), count - len(first)))
    shown = [*first, *sorted(small, key=lambda item: (-len(item[1]), item[0]))]
    names = unique(dataset.images)
    blocks = [_block(key, rows, grouped.pairs, names, chance) for key, rows in shown]
    alone = [rows[0] for _, rows in by_size if len(rows) == 1]
    return [*blocks, _alone(alone, names, chance)] if alone else blocks


def _alone(pictures: list[int], names: Sequence[str], chance: random.Random) -> Block:
    shown = sorted(chance.sample(pictures, min(COLUMNS, len(pictures))))
    told = f"pictures, each a group of its own: {len(pictures)}{_part(shown, pictures)}"
    return Block("alone", told, shown, [names[row] for row in shown])


def _part(shown: Sequence[int], of: Sequence[int]) -> str:
    return f" ({len(shown)} shown)" if len(shown) < len(of) else ""


def _block(
    key: str, pictures: list[int], pairs: Pairs | None, names: Sequence[str], chance: random.Random
) -> Block:
    """A group: where it was found, the two pictures that hold it together by the least first."""
    links = _links(pairs, pictures) if pairs is not None else []
    weakest = _weakest(links)
    rest = [row for row in pictures if weakest is None or row not in weakest[:2]]
    ends = [] if weakest is None else [weakest.a, weakest.b]
    room = COLUMNS - len(ends)
    shown = [*ends, *sorted(chance.sample(rest, min(room, len(rest))))]
    told = f"{len(pictures)} pictures{_part(shown, pictures)}"
    if weakest is not None:
        told += f", weakest link {weakest.similarity:.2f} (the first two)"
    best = {row: max(link.similarity for link in links if row in link[:2]) for row in _in(links)}
    return Block(key, told, shown, [_caption(names[row], best.get(row)) for row in shown])


def _caption(name: str, similarity: float | None) -> str:
    return name if similarity is None else f"{name}  {similarity:.2f}"


def _in(links: Sequence[_Link]) -> set[int]:
    return {end for link in links for end in link[:2]}


def _links(pairs: Pairs, pictures: list[int]) -> list[_Link]:
    """The pairs inside a group, the most alike first."""
    inside = np.flatnonzero(np.isin(pairs.a, pictures) & np.isin(pairs.b, pictures))
    columns = (pairs.a[inside], pairs.b[inside], pairs.similarity[inside])
    found = [_Link(*link) for link in zip(*(column.tolist() for column in columns), strict=True)]
    return sorted(found, key=lambda link: (-link.similarity, link.a, link.b))


def _weakest(links: Sequence[_Link]) -> _Link | None:
    """The link that holds a group together: the last that Kruskal's spanning tree needs.

    Without it, and all that are weaker, the group falls apart.
    """
    head: dict[int, int] = {}

    def find(row: int) -> int:
        while head.setdefault(row, row) != row:
            row = head[row]
        return row

    last = None
    for link in links:
        a, b = find(link.a), find(link.b)
        if a != b:
            head[a] = b
            last = link
    return last


def _drawn(dataset: Dataset, block: Block, font: Path | None) -> draw.Picture:
    cells = [_thumbnail(str(dataset.images.path[picture])) for picture in block.pictures]
    grid = draw.contact_sheet(cells, block.captions, columns=COLUMNS, side=_SIDE, font=font)
    wide = max(grid.shape[1], 2 * _SIDE)
    lines = [
        draw.caption(block.title, _TITLE, wide, font),
        draw.caption(block.told, _TOLD, wide, font),
        _padded(grid, grid.shape[0], wide),
    ]
    whole = np.vstack(lines)
    return _padded(whole, whole.shape[0] + _GAP, wide + _GAP)


def _beside(pictures: Sequence[draw.Picture]) -> draw.Picture:
    tall = max(picture.shape[0] for picture in pictures)
    return np.hstack([_padded(picture, tall, picture.shape[1]) for picture in pictures])


def _padded(picture: draw.Picture, height: int, width: int) -> draw.Picture:
    """A picture with white below and beside it."""
    more = ((0, height - picture.shape[0]), (0, width - picture.shape[1]), (0, 0))
    return np.pad(picture, more, constant_values=255)


def _thumbnail(path: str) -> draw.Picture:
    try:
        picture = decode(path)
    except DataError as error:
        log.warning("%s", error)
        return np.full((_SIDE, _SIDE, 3), 192, dtype=np.uint8)
    scale = _SIDE / max(picture.shape[:2])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small: draw.Picture = cv2.resize(picture, size, interpolation=how)
    return small
