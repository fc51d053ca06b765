from __future__ import annotations

import pytest
import torch

from misen.nn.contrastive import info_nce, similarities
from misen.nn.convnext import ConvNeXtPyramid
from misen.nn.pooling import AttentionPool, TopDown, soft_argmax
from misen.nn.pyramid import Pyramid
from misen.nn.residual import ResidualPyramid


def test_soft_argmax_finds_a_peak_between_pixels():
    logits = torch.full((1, 1, 8, 4), -100.0)
    logits[0, 0, 2, 1] = logits[0, 0, 3, 1] = 0.0
    torch.testing.assert_close(soft_argmax(logits), torch.tensor([[[1.5 / 4, 3.0 / 8]]]))


def test_attention_can_pick_out_one_pixel():
    pool = AttentionPool(2, 1)
    with torch.no_grad():
        pool.attend.weight.copy_(torch.tensor([50.0, 0.0]).reshape(1, 2, 1, 1))
    x = torch.rand(1, 2, 4, 4)
    x[0, :, 1, 2] = torch.tensor([9.0, 7.0])
    torch.testing.assert_close(pool(x), torch.tensor([[9.0, 7.0]]))


@pytest.mark.parametrize("pyramid", [ResidualPyramid((4, 8, 12), (1, 1, 1)), ConvNeXtPyramid((4, 8, 12), (0, 1, 1))])
def test_pyramids_halve_from_level_to_level_and_fuse_to_the_finest(pyramid: Pyramid):
    maps = pyramid(torch.rand(2, 3, 32, 32))
    assert [tuple(level.shape[1:]) for level in maps] == [(4, 16, 16), (8, 8, 8), (12, 4, 4)]
    assert TopDown(pyramid.widths, 6)(maps).shape == (2, 6, 16, 16)


def test_info_nce_is_the_log_of_the_candidates_when_nothing_is_known():
    assert info_nce(torch.zeros(8, 8)).item() == pytest.approx(torch.tensor(8.0).log().item())


def test_what_is_also_true_is_no_negative():
    logits = torch.zeros(3, 3)
    logits[0, 1] = 50.0
    also = torch.zeros(3, 3, dtype=torch.bool)
    also[0, 1] = True
    assert info_nce(logits).item() > 5
    assert info_nce(logits, also).item() < 1.2


def test_similarities_stay_precise_under_autocast():
    first, second = torch.randn(4, 64), torch.randn(5, 64)
    with torch.autocast("cpu", torch.bfloat16):
        found = similarities(first, second, 10.0)
    torch.testing.assert_close(found, 10 * first @ second.T)
