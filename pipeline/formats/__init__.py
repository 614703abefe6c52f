"""Annotation formats: one file each, with `read` and, where it makes sense, `write`."""
