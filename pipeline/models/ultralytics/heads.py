"""What a head says of a box besides its place and its best class.

YOLO's head from v8 on gives, for each side of a box, a distribution over its distance from the
box's anchor, in `reg_max` steps of the anchor's stride; the box is where the means are (Li et al.,
"Generalized Focal Loss", NeurIPS 2020). Heads without it (YOLO26, RT-DETR) tell no spread.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.models.details import Details

_PLACES = 4  # rows before those of the classes


def tells(given: Any, classes: int) -> bool:
    """Whether a head gave a probability for each class, not its best boxes and classes alone."""
    decoded = given[0] if isinstance(given, list | tuple) else given
    return bool(decoded.shape[1] == _PLACES + classes)


def details(given: Any, picture: int, rows: Any, strides: Any) -> Details:
    """The details of the boxes kept of one picture.

    Args:
        given: What the model gave for a batch: decoded boxes and, where it has them, its raw ones.
        picture: Row of the picture in the batch.
        rows: (K,) tensor: the rows of the boxes in what was given.
        strides: The head's, one a level of the pyramid.

    Returns:
        Probabilities of all classes; spreads in pixels of the picture as prepared.
    """
    decoded, raw = given
    raw, rows = raw.get("one2many", raw), rows.long()
    probability = decoded[picture, _PLACES:, rows].T.cpu().numpy().astype(np.float64)
    sides = raw["boxes"][picture, :, rows]
    if len(sides) == _PLACES:  # a distance each, no distribution
        return Details(probability, np.full((len(rows), 4), np.nan))
    steps = _strides(raw["feats"], strides)[rows]
    return Details(probability, _spread(sides, steps).cpu().numpy().astype(np.float64))


def _strides(levels: Any, strides: Any) -> Any:
    """(A,) the stride of every anchor, from the feature maps (B, C, h, w) of each level."""
    import torch

    of_levels = [
        level.new_full((level.shape[-2] * level.shape[-1],), float(stride))
        for level, stride in zip(levels, strides, strict=True)
    ]
    return torch.cat(of_levels)


def _spread(sides: Any, stride: Any) -> Any:
    """(K, 4) standard deviations of left, top, right, bottom; `sides` (4 x steps, K): logits."""
    import torch

    share = sides.view(_PLACES, len(sides) // _PLACES, sides.shape[-1]).softmax(dim=1)
    place = torch.arange(share.shape[1], dtype=share.dtype, device=share.device)[None, :, None]
    mean = (share * place).sum(dim=1, keepdim=True)
    return ((share * (place - mean) ** 2).sum(dim=1).sqrt() * stride).T
