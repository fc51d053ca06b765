"""Distances of samples as wholes."""

from __future__ import annotations

import pytest
import torch

from misen.nn.transport import sliced_distance


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def test_order_does_not_matter_and_shifts_are_measured():
    sample = torch.randn(64, 5)
    assert sliced_distance(sample, sample.flip(0)).item() == pytest.approx(0, abs=1e-9)
    shift = torch.tensor([3.0, 0, 0, 0, 0])
    assert sliced_distance(sample, sample + shift).item() == pytest.approx(9 / 5, rel=0.3)


def test_following_its_gradient_leads_to_the_other_sample():
    goal, moved = 2 * torch.randn(64, 3) + 1, torch.randn(64, 3).requires_grad_()
    optimizer = torch.optim.Adam([moved], lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        sliced_distance(moved, goal).backward()
        optimizer.step()
    assert torch.allclose(moved.mean(0), goal.mean(0), atol=0.1)
    assert torch.allclose(moved.std(0), goal.std(0), rtol=0.1)
