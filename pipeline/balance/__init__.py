"""`boxwright balance`: a prepared tree in which training shows rare classes more."""
