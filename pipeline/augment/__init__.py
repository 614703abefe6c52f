"""Augmentation that keeps labels tight: shapes that turn with their boxes, presets, previews."""
