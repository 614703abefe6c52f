"""The page on which a person goes through what the checker found, and what is decided there."""

from pipeline.check.review.page import FILE, write

__all__ = ["FILE", "write"]
