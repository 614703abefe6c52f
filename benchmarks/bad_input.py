"""The table of bad input: each case of tests/bad/, and what `boxwright convert` does about it.

python benchmarks/bad_input.py [--only WORD] > table.md      (a few minutes; needs Linux)
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from bad.case import Case, Verdict, judge
from bad.make import CASES


def row(case: Case, verdict: Verdict, folder: Path) -> str:
    """A line of the table."""
    if verdict.faults:
        done = "FAULT: " + verdict.faults[0]
    elif verdict.stopped:
        done = _first_problem(verdict.stopped)
    else:
        done = f"taken{'; told: ' + case.told if case.told else ''}"
    done = done.replace(f"{folder}/made/", "").replace(str(folder), "…").replace("|", "\\|")
    left = "-" if verdict.left is None else "{} pictures, {:,} boxes".format(*verdict.left)
    return f"| {case.format} | {case.name} | {_short(done)} | {left} |"


def _first_problem(text: str) -> str:
    """The line that names what is wrong."""
    lines = [line.strip() for line in text.splitlines()]
    start = next(i for i, line in enumerate(lines) if line.startswith("error: "))
    several = "found; nothing was written" in lines[start]
    return lines[start + 1] if several else lines[start].removeprefix("error: ")


def _short(text: str, most: int = 150) -> str:
    shown = "".join(c if c.isprintable() else "�" for c in text)
    shown = shown.replace("<", "&lt;")
    return shown if len(shown) <= most else f"{shown[:most]}…"


def as_expected(case: Case, verdict: Verdict) -> bool:
    said = case.says in verdict.stopped and case.told in verdict.told
    same = bool(verdict.stopped) == bool(case.says) and verdict.left == case.left
    return not verdict.faults and said and same


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="Cases whose name holds this.")
    cases = [case for case in CASES if parser.parse_args().only in case.id]
    print("| format | what is bad | what is said | left with --skip-bad |")
    print("| --- | --- | --- | --- |", flush=True)
    ends: Counter[str] = Counter()
    for case in cases:
        with tempfile.TemporaryDirectory(prefix="bad-") as name:
            folder = Path(name)
            verdict = judge(case, folder)
            print(row(case, verdict, folder), flush=True)
        if not as_expected(case, verdict):
            print(f"UNEXPECTED {case.id}: {verdict}", file=sys.stderr, flush=True)
            ends["unexpected"] += 1
        ends["faults"] += bool(verdict.faults)
        ends["told to be wrong"] += bool(verdict.stopped)
        ends["taken"] += not verdict.stopped
    print(f"\n{len(cases)} cases: " + ", ".join(f"{n} {what}" for what, n in ends.items() if n))
    sys.exit(bool(ends["unexpected"]))


if __name__ == "__main__":
    main()
