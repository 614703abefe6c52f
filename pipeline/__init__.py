"""Boxwright: from photos and JSON corner boxes to a detector that can be trusted."""

__version__ = "0.1.0"
