"""How long a rerun takes: nothing changed, and one label changed.

    python benchmarks/rerun.py --out benchmarks/results/rerun.md

Pictures with labelme JSON beside them, twice as many files as pictures; `boxwright convert` each
time in a process of its own: the first time, with nothing changed, and after one label was moved.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from convert import draw


def main() -> None:
    """Draw a source, convert it once and again, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--work", default=".", help="a folder on the disk to write to")
    parser.add_argument("--out", type=Path, help="a Markdown file to write as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        os.environ |= {"PYTHONPYCACHEPREFIX": f"{folder}/bytecode", "PYTHONDONTWRITEBYTECODE": ""}
        source = Path(folder).absolute() / "source"
        draw(source, options.images)
        convert(source, Path(folder) / "out-warm")
        times = [
            measure(source, Path(folder) / f"out-{turn}", turn) for turn in range(options.runs)
        ]
    text = report(times, options.images)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")


def measure(source: Path, out: Path, turn: int) -> tuple[float, float, float]:
    """Seconds of the first run, of one with nothing changed, and after one label has moved."""
    first, unchanged = convert(source, out), convert(source, out)
    file = sorted(source.glob("*.json"))[turn]
    label = json.loads(file.read_text(encoding="utf-8"))
    label["shapes"][0]["points"][1][0] += 1.5
    file.write_text(json.dumps(label), encoding="utf-8")
    return first, unchanged, convert(source, out)


def convert(source: Path, out: Path) -> float:
    """Wall-clock seconds of one run."""
    command = [sys.executable, "-m", "pipeline", "convert", str(source), str(out), "-q", "--json"]
    start = time.perf_counter()
    # without a search for pictures that show the same, which is remembered between runs
    subprocess.run([*command, "--group", "none"], check=True, capture_output=True)
    return time.perf_counter() - start


def report(times: list[tuple[float, float, float]], images: int) -> str:
    """A Markdown table of medians."""
    first, unchanged, changed = (statistics.median(column) for column in zip(*times, strict=True))
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    files = f"{images:,} pictures with their JSON ({2 * images:,} files)"
    lines = [
        f"{files}; {machine}; medians of {len(times)} runs.",
        "",
        "| run | wall s |",
        "| --- | ---: |",
        f"| first | {first:.1f} |",
        f"| again, nothing changed | {unchanged:.1f} |",
        f"| again, one label changed | {changed:.1f} |",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
