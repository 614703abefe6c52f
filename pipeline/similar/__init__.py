"""Find pictures that show the same thing: copies, edits, the next frame, another shot of a scene.

Three steps: a fingerprint of each picture (`fingerprint`), the nearest fingerprints of each
without comparing all with all (`search`), and for each such pair a look at the pictures laid on
one another (`verify`), so that another item on the same desk is told from the same item. Where
items are boxed, they and their background are laid on one another apart (`apart`), so that an item
that moved between two shots is known again.
"""

from pipeline.similar.chain import Pairs, chain
from pipeline.similar.find import Found, SimilarOptions, find

__all__ = ["Found", "Pairs", "SimilarOptions", "chain", "find"]
