from __future__ import annotations

import torch

from misen.core.image import stretch


def test_both_sides_shrink_alike():
    picture = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(stretch(picture, 4, 16).mT, stretch(picture.mT.contiguous(), 16, 4), atol=1e-6)
    stripes = torch.tensor([0.0, 1.0]).repeat(8)[:, None].expand(1, 3, 16, 16)
    assert (stretch(stripes, 4, 16) - 0.5).abs().max() < 0.15


def test_a_single_column_keeps_its_rows():
    ramp = torch.arange(16.0)[:, None].expand(1, 3, 16, 16)
    assert torch.allclose(stretch(ramp, 4, 1), stretch(ramp, 4, 4)[..., :1], atol=1e-5)
    assert torch.allclose(stretch(ramp, 1, 1), torch.full((1, 3, 1, 1), 7.5), atol=1e-5)
