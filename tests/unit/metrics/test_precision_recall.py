"""Neighbourhoods: equal to their definitions, and two-sided."""

from __future__ import annotations

import pytest
import torch

from misen.metrics.precision_recall import neighbourhoods


@pytest.mark.parametrize("name", ["precision", "recall", "density", "coverage"])
def test_equals_the_definition(real, fake, golden, name: str) -> None:
    assert float(getattr(neighbourhoods(real, fake), name).mean()) == pytest.approx(golden[name], rel=1e-12)


def test_a_copy_has_everything_and_a_stranger_nothing(real) -> None:
    copy, stranger = neighbourhoods(real, real), neighbourhoods(real, real + 1000)
    assert all(float(getattr(copy, name).mean()) == 1 for name in ("precision", "recall", "coverage"))
    names = ("precision", "recall", "density", "coverage")
    assert all(float(getattr(stranger, name).mean()) == 0 for name in names)


def test_collapse_lowers_recall_and_coverage_alone(real) -> None:
    near = neighbourhoods(real, real[:1] + 1e-3 * torch.randn(180, 24, generator=torch.Generator().manual_seed(0)))
    assert near.precision.mean() == 1
    assert near.recall.mean() < 0.05
    assert near.coverage.mean() < 0.2
