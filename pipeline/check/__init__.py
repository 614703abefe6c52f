"""What is wrong with a data set: found here, shown elsewhere."""
