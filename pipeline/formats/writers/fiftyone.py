"""COCO where FiftyOne looks for it: data/ and labels.json, in a folder for each split.

``fo.Dataset.from_dir("OUT/train", dataset_type=fo.types.COCODetectionDataset)``; see
https://docs.voxel51.com/user_guide/import_datasets.html#cocodetectiondataset. The tree that
`convert` writes for YOLO loads too: ``dataset_type=fo.types.YOLOv5Dataset, yaml_path="data.yaml"``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline.formats.writers import coco
from pipeline.formats.writers.pictures import Picture


def write(folder: Path, pictures: Iterable[Picture], classes: Sequence[str]) -> None:
    """Write [<split>/]labels.json; pictures lie in data beside it.

    Raises:
        OSError: The disk refuses.
    """
    for split, sheet in coco.sheets(pictures, classes).items():
        (folder / split).mkdir(exist_ok=True)
        sheet.write(folder / split / "labels.json")
