"""The whole program, with all of its commands."""

from __future__ import annotations

from pipeline.cli.commands import program

app = program()
