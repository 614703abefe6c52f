"""Steps from reading to writing: pure functions, each gives a new data set."""
