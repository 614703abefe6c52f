"""What the checker finds: one finding a defect, with where it is and how to mend it.

Finding is apart from showing: checks return findings; tables, files and pages are made of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "hint"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "hint")  # the worst first


@dataclass(frozen=True)
class Fix:
    """How a label is mended.

    Attributes:
        action: "remove" the label, "change" its box or class, or "add" one.
        xyxy: The right box in pixels as shown, half-open; None where the box stays.
        label: The right class; None where the class stays.
    """

    action: Literal["remove", "change", "add"]
    xyxy: tuple[float, float, float, float] | None = None
    label: str | None = None


@dataclass(frozen=True)
class Finding:
    """One defect.

    Attributes:
        kind: A short name: "class out of range", "missing", "wrong class", ...
        severity: "error": certainly wrong, training suffers or stops. "warning": probably wrong.
            "hint": worth a look.
        message: What is wrong, with the values found.
        split: The picture's split; "" where there is none, or the finding is of the whole set.
        image: The picture's name; "" for a finding of the whole set.
        box: Row of the box in the data set that was checked; -1 for none.
        file: The file that holds the label.
        place: Where in the file: "line 7", "shapes[3]"; "" for the whole file.
        label: The class as written; "" for none.
        xyxy: The box as written, in pixels as shown; None for none.
        sureness: Calibrated probability that it is a defect, 0 to 1; None where none is known.
        fix: How to mend it; None where nobody can tell.
        advice: The same in words.
    """

    kind: str
    severity: Severity
    message: str
    split: str = ""
    image: str = ""
    box: int = -1
    file: str = ""
    place: str = ""
    label: str = ""
    xyxy: tuple[float, float, float, float] | None = None
    sureness: float | None = None
    fix: Fix | None = None
    advice: str = ""


def ordered(findings: Sequence[Finding]) -> list[Finding]:
    """The worst and surest first; then by picture and place, so that the order is always one."""
    return sorted(
        findings,
        key=lambda found: (
            SEVERITIES.index(found.severity),
            -(1.0 if found.sureness is None else found.sureness),
            found.kind,
            found.split,
            found.image,
            found.box,
            found.place,
        ),
    )


def counts(findings: Sequence[Finding]) -> dict[str, dict[str, int]]:
    """How many of each severity, by kind; the worst kinds first."""
    found = Counter((SEVERITIES.index(one.severity), one.kind) for one in findings)
    table: dict[str, dict[str, int]] = {}
    for (severity, kind), count in sorted(found.items()):
        table.setdefault(kind, dict.fromkeys(SEVERITIES, 0))[SEVERITIES[severity]] = count
    return table


def as_json(found: Finding) -> dict[str, Any]:
    """Plain data, without what is not known."""
    return {key: value for key, value in asdict(found).items() if value not in (None, "", -1)}


def of_json(values: Mapping[str, Any]) -> Finding:
    """The finding that `as_json` wrote."""
    plain = dict(values)
    fix = plain.pop("fix", None)
    if fix is not None:
        plain["fix"] = Fix(fix["action"], _box(fix.get("xyxy")), fix.get("label"))
    if "xyxy" in plain:
        plain["xyxy"] = _box(plain["xyxy"])
    return Finding(**plain)


def _box(values: Sequence[float] | None) -> tuple[float, float, float, float] | None:
    if values is None:
        return None
    x1, y1, x2, y2 = (float(value) for value in values)
    return x1, y1, x2, y2
