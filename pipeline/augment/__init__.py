"""Augmentation: label shapes that stay tight when turned, and what augmentation does to labels."""
