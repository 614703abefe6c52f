"""Code tried in a process of its own: a library that crashes is a finding, not the end."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

_SLOWEST = 180  # seconds that a library may take to be imported


@dataclass
class Probe:
    """What a process of its own said.

    Attributes:
        said: What it printed, by stage: each line is a JSON list of a name and a value.
        error: Why it ended early; "" where it did not.
    """

    said: dict[str, Any] = field(default_factory=dict)
    error: str = ""


def probe(code: str) -> Probe:
    """Run code in a process of its own, with this one's import path.

    The code calls ``say(stage, value)`` for what it finds.
    """
    start = (
        f"import sys, json; sys.path[:] = {sys.path!r}\n"
        "def say(stage, value): print('\\n' + json.dumps([stage, value]), flush=True)\n"
    )
    try:
        done = subprocess.run(  # noqa: S603 - our own code
            [sys.executable, "-c", start + code],
            capture_output=True, text=True, errors="replace", timeout=_SLOWEST, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Probe(error=f"gave no answer in {_SLOWEST} s")
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('["')]
    return Probe(dict(lines), _why(done) if done.returncode else "")


def _why(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode < 0:
        return f"crashed ({signal.Signals(-done.returncode).name})"
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"[\w.]+(Error|Exception)\b", line)]
    return (errors or lines or [f"ended with exit code {done.returncode}"])[-1]
