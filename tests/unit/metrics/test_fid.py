"""Fréchet distance: equal to the matrix root, closed forms, and steady where the root is not."""

from __future__ import annotations

import pytest
import torch

from misen.metrics.fid import Moments, fid, frechet_distance


def test_equals_the_matrix_root_and_torchmetrics(real, fake, golden) -> None:
    assert frechet_distance(Moments.of(real), Moments.of(fake)) == pytest.approx(golden["fid"], rel=1e-9)
    assert frechet_distance(Moments.of(real[:180]), Moments.of(fake)) == pytest.approx(golden["fid_180"], rel=1e-6)


def test_does_not_depend_on_the_order(real, fake) -> None:
    first, second = Moments.of(real), Moments.of(fake)
    assert frechet_distance(first, second) == pytest.approx(frechet_distance(second, first), rel=1e-10)


def test_diagonal_gaussians_have_a_closed_form() -> None:
    a, b, shift = torch.tensor([[1.0, 4.0], [9.0, 0.25], [0.5, -2.0]], dtype=torch.float64)
    measured = frechet_distance(Moments(shift * 0, a.diag()), Moments(shift, b.diag()))
    expected = float(shift.square().sum() + (a.sqrt() - b.sqrt()).square().sum())
    assert measured == pytest.approx(expected, rel=1e-12)


def test_equal_sets_are_no_distance_apart_even_when_singular(real) -> None:
    assert abs(frechet_distance(Moments.of(real), Moments.of(real))) < 1e-9
    few = Moments.of(real[:10])
    assert abs(frechet_distance(few, few)) < 1e-5
    assert (few.factor @ few.factor.T - few.covariance).abs().max() < 1e-9


def test_singular_covariances_agree_with_nearly_singular_ones(real, fake) -> None:
    few, other = Moments.of(real[:10]), Moments.of(fake)
    lifted = Moments(few.mean, few.covariance + 1e-9 * torch.eye(24))
    assert frechet_distance(few, other) == pytest.approx(frechet_distance(lifted, other), rel=1e-4)


def test_the_interval_holds_the_value_and_narrows_with_n(real, fake) -> None:
    reference = Moments.of(real)
    few, many = fid(reference, fake[:60]), fid(reference, fake)
    assert many.low < many.value < many.high
    assert many.n == 180
    assert many.high - many.low < few.high - few.low
