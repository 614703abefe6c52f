"""What a check gives back."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What: "OpenCV", "free disk".
        level: "ok", "warning" (works, but not all or not well) or "problem" (will fail).
        found: What was found, in words.
        fix: The command that mends it; "" where all is well.
    """

    name: str
    level: str
    found: str
    fix: str = ""


def pip() -> str:
    """The pip of this Python, as a command."""
    return f"{shlex.quote(sys.executable)} -m pip"
