"""R-precision: does a picture find its own caption among false ones?

Source: Xu et al. 2018 (arXiv:1711.10485), section 4. Deviation: the other captions are drawn from those that are false
of the wished avatar, so that no right answer counts as wrong.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

DISTRACTORS = 99


def r_precision(likeness: Tensor, false: Tensor, distractors: int = DISTRACTORS, seed: int = 0) -> Tensor:
    """Whether each picture likes its own caption best.

    Args:
        likeness: (N, N) of picture i with caption j.
        false: (N, N) bool, whether caption j is false of what picture i was asked to show.
        distractors: false captions drawn for each picture, fewer where there are fewer.
        seed: decides which.

    Returns:
        (N,) 1 where the own caption ranks first, 0 elsewhere; chance is 1 / (distractors + 1).
    """
    draw = torch.rand(likeness.shape, generator=torch.Generator().manual_seed(seed)).masked_fill(~false, math.inf)
    chosen = draw.topk(min(distractors, len(draw)), dim=1, largest=False).indices
    rivals = likeness.masked_fill(~false, -math.inf).gather(1, chosen)
    return (likeness.diagonal()[:, None] > rivals).all(dim=1).double()
