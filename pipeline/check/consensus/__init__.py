"""Labels against out-of-fold predictions: wrong class, badly placed, spurious, duplicate, missing.

Pure functions of labels and predictions. `find` gives findings; `judge.judge` the numbers behind
them, learned from planted errors; `evidence.evidence` plain scores where labels are few.
"""

from pipeline.check.consensus.find import KINDS, ConsensusOptions, find

__all__ = ["KINDS", "ConsensusOptions", "find"]
