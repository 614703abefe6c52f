"""One training run: from a prepared folder to a run folder."""
