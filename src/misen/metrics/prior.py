"""Priors measured: do places that are imagined of captions lie where the pictures of these captions lie?

Source: Ramesh et al. 2022 (arXiv:2204.06125), section 2.2, for priors; deviation: places are measured, and not pictures
of them, to which a decoder adds.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from jaxtyping import Bool
from torch import Tensor

from misen.core.shapes import PerItem
from misen.metrics.r_precision import r_precision
from misen.perception.figures import Figure, mean
from misen.perception.joint import Places

OTHER = 1 << 40
"""First seed of a second draw of chance."""
Imagine = Callable[[int], Places]
"""Places (N, 128) imagined of N captions, by seeds that count from a first one."""


def judge_prior(
    imagine: Imagine, seen: Places, wholes: Places, false: Bool[Tensor, "captions pictures"]
) -> dict[str, Figure]:
    """Figures of a prior by name, all of them in the joint embedding that it imagines places in.

    ``r@1``: an imagined place is nearer to its own picture than to 99 of which the caption is false; ``r@1.words``: the
    same of the place of the caption itself; ``cosine`` and ``cosine.words``: to the picture's place; ``spread``: one
    minus the cosine of two places imagined of one caption; ``seconds``: of imagining one.

    Args:
        imagine: the prior with the captions.
        seen: (N, 128) where the pictures lie.
        wholes: (N, 128) where the captions lie.
        false: (N, N) which captions are false of which pictures.
    """
    began = time.perf_counter()
    places, others = imagine(0), imagine(OTHER)
    seconds = (time.perf_counter() - began) / (2 * len(seen))
    return {
        "r@1": mean(r_precision(places @ seen.T, false)),
        "r@1.words": mean(r_precision(wholes @ seen.T, false)),
        "cosine": mean(_likeness(places, seen)),
        "cosine.words": mean(_likeness(wholes, seen)),
        "spread": mean(1 - _likeness(places, others)),
        "seconds": mean(torch.full((len(seen),), seconds)),
    }


def _likeness(first: Places, second: Places) -> PerItem:
    """(N,) cosines of unit vectors."""
    return (first * second).sum(1)
