"""The corpus of bad input: every case of every format.

`python tests/bad/make.py DIR` makes all of it below a folder, to look at; the tests make each case
in a folder of their own.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from bad import archived, coco, corner, files, pictures, tools, yolo
from bad.case import Case

CASES: list[Case] = [
    case for part in (corner, coco, yolo, tools, pictures, files, archived) for case in part.CASES
]


def main() -> None:
    out = Path(sys.argv[1])
    for number, case in enumerate(CASES):
        folder = out / f"{number:03}"
        folder.mkdir(parents=True)
        print(f"{case.make(folder / 'made')}\t{case.id}")  # noqa: T201


if __name__ == "__main__":
    main()
