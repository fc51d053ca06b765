from __future__ import annotations

import torch

from misen.metrics.linear_probe import foreseen, told_apart


def test_a_linear_truth_is_found_whatever_its_offsets():
    draws = torch.Generator().manual_seed(0)
    known, new = (torch.randn(200, 5, generator=draws) for _ in range(2))
    linear = torch.randn(5, 2, generator=draws)
    found = foreseen(known + 3, known @ linear + 1, new + 3)
    assert torch.allclose(found, (new @ linear + 1).double(), atol=0.02)


def test_the_ridge_is_that_of_its_formula():
    known, targets = torch.randn(50, 3), torch.randn(50, 2)
    known, targets = known - known.mean(0), targets - targets.mean(0)
    expected = torch.linalg.solve(known.T @ known + 50 * 0.5 * torch.eye(3), known.T @ targets)
    assert torch.allclose(foreseen(known, targets, torch.eye(3), ridge=0.5), expected.double(), atol=1e-4)


def labelled(noise: float) -> tuple[torch.Tensor, torch.Tensor]:
    draws = torch.Generator().manual_seed(0)
    labels = torch.arange(5).repeat(40)
    middles = torch.randn(5, 8, generator=draws)
    return middles[labels] + noise * torch.randn(200, 8, generator=draws), labels


def test_classes_that_lie_apart_are_told_apart():
    features, labels = labelled(0.1)
    right = told_apart(features[:100], labels[:100], features[100:], labels[100:])
    assert right.shape == (100,)
    assert right.double().mean() > 0.95


def test_what_is_not_there_is_told_by_chance():
    features, labels = labelled(100.0)
    assert told_apart(features[:100], labels[:100], features[100:], labels[100:]).double().mean() < 0.4


def test_rounding_cannot_be_read():
    features, labels = labelled(0.0)
    hidden = torch.randn(200, 8, generator=torch.Generator().manual_seed(1)) + 1e-6 * features
    assert told_apart(hidden[:100], labels[:100], hidden[100:], labels[100:]).double().mean() < 0.4


def test_an_offset_does_no_harm():
    features, labels = labelled(0.1)
    assert told_apart(features[:100] + 9, labels[:100], features[100:] + 9, labels[100:]).double().mean() > 0.95
