"""What a person decided on the review page; or all surest findings, accepted unseen."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from pipeline.check.findings import Finding, Fix, of_json, ordered
from pipeline.errors import BoxwrightError, DataError

KIND = "decisions"
Word = Literal["accept", "reject", "skip", "open"]


class _Box(msgspec.Struct):
    xyxy: tuple[float, float, float, float]


class _Fix(msgspec.Struct, forbid_unknown_fields=True):
    action: Literal["remove", "change", "add"]
    xyxy: tuple[float, float, float, float] | None = None
    label: str | None = None


class _Decision(msgspec.Struct, forbid_unknown_fields=True):
    decision: Literal["accept", "reject", "skip"]
    finding: dict[str, Any]
    fix: _Fix | None = None


@dataclass(frozen=True)
class Decision:
    """What becomes of a finding.

    Attributes:
        finding: What was found.
        word: "accept", "reject" (it is right as it is), "skip" (not now), or "open".
        fix: How to mend it: the person's own way, else the suggested one; None where none is known.
    """

    finding: Finding
    word: Word
    fix: Fix | None

    @property
    def applies(self) -> bool:
        return self.word == "accept" and self.fix is not None


def read(file: Path, above: float | None = None) -> list[Decision]:
    """Read decisions.json as the page saves it, or findings as `boxwright check` gives them.

    Args:
        file: The JSON.
        above: For findings: accept those with a fix and at least this sureness; certain ones
            (errors without a sureness) always.

    Raises:
        BoxwrightError: Findings without `above`, or decisions with it.
        DataError: It is neither, or an entry of it is spoilt.
    """
    content = _content(file)
    if isinstance(content, dict) and content.get("kind") == KIND:
        if above is not None:
            raise BoxwrightError(f"{file}: holds decisions: --above is for findings.")
        rows = _rows(file, content, KIND)
        return [_decision(file, place, row) for place, row in enumerate(rows)]
    rows = _rows(file, content, "findings")
    found = ordered([_finding(file, f"findings[{k}]", row) for k, row in enumerate(rows)])
    return [_unseen(one, above) for one in found]


def accept(findings: Sequence[Finding], above: float) -> list[Decision]:
    """Accept every fix that is at least so sure, unseen; the others stay open."""
    return [_unseen(one, above) for one in ordered(findings)]


def _unseen(found: Finding, above: float | None) -> Decision:
    certain = found.sureness is None and found.severity == "error"
    sure = certain or (found.sureness is not None and above is not None and found.sureness >= above)
    taken = above is not None and sure and found.fix is not None
    return Decision(found, "accept" if taken else "open", found.fix)


def _content(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BoxwrightError(f"{file}: cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise DataError(file, "", f"is no JSON: {error}", _MEND) from error


def _rows(file: Path, content: Any, key: str) -> list[Any]:
    rows = content.get(key) if isinstance(content, dict) else content
    if not isinstance(rows, list):
        raise DataError(file, "", "holds neither decisions nor findings", _MEND)
    return rows


def _decision(file: Path, place: int, row: Any) -> Decision:
    where = f"decisions[{place}]"
    try:
        read_ = msgspec.convert(row, _Decision)
    except msgspec.ValidationError as error:
        raise DataError(file, where, str(error), _MEND) from error
    found = _finding(file, where, read_.finding)
    own = read_.fix
    return Decision(
        found, read_.decision, Fix(own.action, own.xyxy, own.label) if own else found.fix
    )


def _finding(file: Path, where: str, row: Any) -> Finding:
    try:
        if not isinstance(row, Mapping):
            raise TypeError("it is no object")  # noqa: TRY301
        found = of_json(row)
        if found.fix:
            msgspec.convert(vars(found.fix), _Fix)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(file, where, f"is no finding: {error}", _MEND) from error
    return found


_MEND = "save the decisions again on the page that `boxwright check` makes"
