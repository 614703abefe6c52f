"""What a user can mend. Raised near the cause, shown in one place (`pipeline.__main__`), exit 1."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class BoxwrightError(Exception):
    """Something the user can mend; the message says what is wrong and what to do."""


class DataError(BoxwrightError):
    """One thing wrong in one input file.

    Args:
        path: The file.
        place: Where in the file: "shapes[3]", "line 7"; "" for the whole file.
        problem: What is wrong, with the value found.
        fix: What to do about it.
    """

    def __init__(self, path: Path | str, place: str, problem: str, fix: str = "") -> None:
        super().__init__(path, place, problem, fix)
        self.path = str(path)
        self.place = place
        self.problem = problem
        self.fix = fix

    def __str__(self) -> str:
        where = f"{self.path}: {self.place}" if self.place else self.path
        return f"{where}: {self.problem}" + (f"\n    -> {self.fix}" if self.fix else "")


class DataErrors(BoxwrightError):  # noqa: N818 - many DataError in one
    """Everything wrong in the input, in full, so that it can be mended in one go."""

    def __init__(self, errors: Sequence[DataError], advice: str = "") -> None:
        super().__init__(errors, advice)
        self.errors = list(errors)
        self.advice = advice

    def __str__(self) -> str:
        count = len(self.errors)
        lines = [f"{count} problem{'s' if count > 1 else ''} found; nothing was written."]
        lines += [f"  {error}" for error in self.errors]
        return "\n".join([*lines, self.advice] if self.advice else lines)
