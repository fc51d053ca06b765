"""Project: force what is known of a picture, in the family's own space at every step and exactly in the end.

Source: Choi et al. 2021, ILVR (arXiv:2108.02938), and Lugmayr et al. 2022, RePaint (arXiv:2201.09865), section 4.1;
deviation: the known part replaces the clean estimate, not the noisy state, so it serves families without noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from misen.core.estimate import Estimate
from misen.core.generator import Level, Predict, State
from misen.core.shapes import Images, Points


@dataclass(frozen=True)
class Known:
    """The part of a picture that must stay.

    Attributes:
        image: (B, 3, H, W) or (1, 3, H, W) in [-1, 1].
        mask: (B, 1, H, W) or (1, 1, H, W) in [0, 1]; 1 = repaint, 0 = keep.
    """

    image: Float[Tensor, "pictures 3 height width"]
    mask: Float[Tensor, "masks 1 height width"]


def project(predict: Predict, point: Points, free: Float[Tensor, "batch ..."]) -> Predict:
    """``predict`` with ``point`` wherever ``free`` is 0: ``free * estimate + (1 - free) * point``.

    Args:
        predict: what to wrap.
        point: the known picture as a point of the estimate's space.
        free: weight of the estimate's space in [0, 1], broadcastable to ``point``.
    """

    def projected(state: State, level: Level) -> Estimate:
        estimate = predict(state, level)
        return estimate.at(free * estimate.point + (1 - free) * point)

    return projected


def composite(image: Images, known: Known) -> Images:
    """The repainted picture over the known one; where the mask is 0 the known pixels come back bit for bit."""
    blended = known.mask * image + (1 - known.mask) * known.image
    return torch.where(known.mask == 0, known.image, blended)
