"""Decisions about findings, applied to the annotations that they are of."""
