"""The built-in data set: Korean coins and notes, drawn; see `make_sample`."""

from pipeline.sample.make import make_sample
from pipeline.sample.options import SampleOptions

__all__ = ["SampleOptions", "make_sample"]
