"""What is in a data set: numbers, plots, and what they mean for a training."""

from pipeline.stats.numbers import size_counts, stats, summarise
from pipeline.stats.spread import QUANTILES, quantiles

__all__ = ["QUANTILES", "quantiles", "size_counts", "stats", "summarise"]
