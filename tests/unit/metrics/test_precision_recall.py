"""Neighbourhoods: equal to their definitions, and two-sided."""

from __future__ import annotations

import pytest
import torch

from misen.metrics.precision_recall import in_deviations, neighbourhoods


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


def test_more_reals_make_precision_sharper(real, fake) -> None:
    few, many = (neighbourhoods(real[:count], fake).precision.mean() for count in (50, 200))
    assert few >= many


def test_in_deviations_every_feature_counts_alike(real, fake) -> None:
    units = torch.linspace(0.01, 100, 24)
    first, second = in_deviations(real, fake), in_deviations(real * units, fake * units)
    assert first[0].std(dim=0) == pytest.approx(torch.ones(24))
    assert all(torch.allclose(one, other) for one, other in zip(first, second, strict=True))
