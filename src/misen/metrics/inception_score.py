"""Inception score: how sure a classifier is of each picture, and how varied its answers are over all of them.

Source: Salimans et al. 2016 (arXiv:1606.03498), section 4. IS-A asks the judge instead of Inception, and needs one
exclusive label: the *avatar type*, a pair of hair style and glasses (8 x 4 = 32 types), whose probability is the
product of the two attributes'. Both are salient, independent of each other, and visible in most pictures.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from misen.core.shapes import Scalar, Vectors
from misen.perception.reading import Reading
from misen.scene.attributes import COLUMN

SPLITS = 10
TYPE = ("hair_style", "glasses")


def avatar_type(reading: Reading) -> Float[Tensor, "batch 32"]:
    """(B, 32) log-probabilities of the avatar types."""
    first, second = (reading.log_probability(COLUMN[key]) for key in TYPE)
    return (first[:, :, None] + second[:, None]).flatten(1)


def inception_score(log_probability: Vectors, splits: int = SPLITS) -> tuple[float, float]:
    """Mean and standard deviation over ``splits`` equal parts of (N, C) log-probabilities, N >= splits.

    The score lies between 1 (all pictures answered alike) and C (sure answers, all equally frequent).
    """
    scores = torch.stack([_score(part) for part in log_probability.double().tensor_split(splits)])
    return float(scores.mean()), float(scores.std(unbiased=False))


def _score(log_probability: Vectors) -> Scalar:
    average = log_probability.exp().mean(dim=0)
    divergence = log_probability.exp() * (log_probability - average.clamp(min=1e-300).log())
    return divergence.nan_to_num(0).sum(dim=1).mean().exp()
