"""Numbers too small to be normal count as zero inside a training, and nowhere else."""

import torch

from misen.training import flushed_denormals

HALF = torch.tensor(0.5)


def smallest() -> torch.Tensor:
    return torch.finfo(torch.float32).tiny * HALF


def test_they_count_as_zero_meanwhile():
    with flushed_denormals():
        assert smallest() == 0
    assert smallest() > 0


def test_a_failure_leaves_nothing_behind():
    @flushed_denormals()
    def fail() -> None:
        raise RuntimeError

    try:
        fail()
    except RuntimeError:
        assert smallest() > 0
