"""Learning beside a network that already sees."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from misen.generators.diffusion.alignment import AlignedPlayer, alignment, standard


def test_features_that_agree_have_cosine_one_whatever_their_offset_and_scale():
    taught = torch.randn(3, 5, 4, 4)
    assert alignment(standard(taught), 7 * taught + 2).item() == pytest.approx(1, abs=1e-5)
    assert alignment(-standard(taught), taught).item() == pytest.approx(-1, abs=1e-5)


def test_a_channel_that_never_changes_teaches_nothing():
    taught = torch.randn(2, 3, 4, 4)
    taught[:, 1] = 5.0
    assert standard(taught)[:, 1].abs().max() == 0


def test_the_middle_of_the_denoiser_comes_to_see_what_the_teacher_sees(generator, conditions):
    def teacher(pictures: Tensor) -> Tensor:
        return functional.avg_pool2d(pictures, 4)

    torch.manual_seed(0)
    pictures = functional.interpolate(torch.rand(4, 3, 4, 4) * 2 - 1, (32, 32))
    batch = {"latents": torch.randn(4, 4, 8, 8), "conditions": conditions(4), "pictures": pictures}
    player = AlignedPlayer(generator.denoiser, generator.schedule, teacher, weight=0.5)
    player.module.requires_grad_(True).train()
    optimizer = torch.optim.AdamW(player.module.parameters(), lr=3e-3)
    told = []
    for step in range(25):
        torch.manual_seed(0)
        loss, figures = player.loss(batch, step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        told.append(figures)
    assert told[-1]["strangeness"] < 0.7 * told[0]["strangeness"]
    assert set(told[0]) == {"clear", "noisy", "strangeness"}
