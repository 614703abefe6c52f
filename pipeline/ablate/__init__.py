"""One training for each augmentation preset and seed, and what their scores allow to say."""
