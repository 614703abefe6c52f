"""How good a model is: COCO metrics, curves, confusion, mistakes."""
