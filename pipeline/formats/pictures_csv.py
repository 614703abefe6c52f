"""pictures.csv in a folder that is written: what no label format can say of a picture.

Columns ``picture`` (``<split>/<name>``, or the name alone), ``group`` (what a split must not part)
and ``origin`` (the source that it comes from; empty where there is one). UTF-8.
"""

from __future__ import annotations

import csv
from pathlib import Path

from pipeline.dataset import Images
from pipeline.errors import DataError

FILE = "pictures.csv"
COLUMNS = ("picture", "group", "origin")


def write(folder: Path, images: Images) -> None:
    """Write the groups and origins of pictures.

    Raises:
        OSError: The disk refuses.
    """
    columns = zip(images.split, images.name, strict=True)
    pictures = (f"{split}/{name}" if split else name for split, name in columns)
    with (folder / FILE).open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(COLUMNS)
        rows.writerows(zip(pictures, images.group, images.origin, strict=True))


def read(folder: Path) -> dict[str, tuple[str, str]]:
    """Group and origin by picture; nothing where the tree has no such file.

    Raises:
        DataError: The file is not as `write` leaves it.
    """
    path = folder / FILE
    if not path.exists():
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream)
            if tuple(next(rows, ())) != COLUMNS:
                raise DataError(path, "line 1", f"is not {','.join(COLUMNS)}", _MEND)
            return {picture: (group, origin) for picture, group, origin in rows}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(path, "", f"cannot be read: {error}", _MEND) from error
    except ValueError as error:
        raise DataError(path, "", "has a line of not three columns", _MEND) from error


_MEND = "run `boxwright convert` again, or remove the file: then no groups are known"
