"""What is in a data set: numbers, plots, and what they mean for a training."""

from pipeline.stats.numbers import QUANTILES, quantiles, size_counts, stats, summarise

__all__ = ["QUANTILES", "quantiles", "size_counts", "stats", "summarise"]
