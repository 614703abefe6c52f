"""What turns with the boxes of new pictures: as in the tree that they are made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline import manifest
from pipeline.augment.shapes import shaped
from pipeline.dataset import Dataset
from pipeline.engine import Map


def shapes_of(tree: Path) -> dict[str, Any]:
    """What `augment.shapes.shaped` told when a tree was made; {} where nothing turns but boxes."""
    told: dict[str, Any] = (manifest.read(tree) or {}).get("shapes", {})
    return told


def with_shapes(news: Dataset, mapped: Map) -> tuple[Dataset, dict[str, Any]]:
    """New pictures with the outlines that their labels are to have.

    Args:
        news: Their boxes, with drawn outlines; `root` is the tree that they are made from.
        mapped: Maps over pictures.

    Returns:
        The same boxes; and what turns with those of the tree and of the new pictures together.
    """
    told = shapes_of(news.root)
    turning, more = shaped(news, {name: told[name]["shape"] for name in told}, mapped)
    kinds = ("drawn", "guessed", "box", "apart")
    return turning, {
        name: of_class | {kind: of_class[kind] + more[name][kind] for kind in kinds}
        for name, of_class in told.items()
    }
