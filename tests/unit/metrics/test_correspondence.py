from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from misen.data.world import companion
from misen.metrics.correspondence import end_point_errors, partners
from misen.nn.fusion.correspondence import centres
from misen.scene.observe import observe
from misen.scene.splits import TEST

SIZE, ROWS = 64, 16


@pytest.fixture(scope="module")
def record():
    return TEST.records(0, 3)


@pytest.fixture(scope="module")
def seen(record):
    return observe(record, SIZE)


def test_every_place_of_a_head_is_its_own_partner_in_the_same_view(seen):
    own = partners(seen, seen, ROWS)
    assert torch.equal(own.known, seen.part[:, 2::4, 2::4].flatten(1) > 0)
    assert own.shifts[own.known].abs().max() * SIZE <= 2  # neighbours may share a point of the surface
    assert end_point_errors(centres(ROWS, ROWS).expand(3, -1, -1), own).max() < 0.5


def test_a_guess_is_measured_in_pixels(seen):
    own = partners(seen, seen, ROWS)
    guess = centres(ROWS, ROWS).expand(3, -1, -1) + own.shifts + torch.tensor([3.0, 4.0]) / 64
    torch.testing.assert_close(end_point_errors(guess, own), torch.full((3,), 5.0))


def test_landmarks_of_two_views_are_partners(record):
    """Where both views show a landmark on the same surface, the world's own projection says the same."""
    turned = replace(record, camera=record.camera + torch.tensor([0.3, 0.0, 0.0, 0.0, 0.0]))
    first, second = observe(record, SIZE), observe(turned, SIZE)
    true = partners(first, second, SIZE)
    head, mark = (first.landmarks_visible & second.landmarks_visible).nonzero().unbind(1)
    column, row = (first.landmarks[head, mark] * SIZE).long().unbind(1)
    place = row * SIZE + column
    gaps = true.shifts[head, place] - (second.landmarks - first.landmarks)[head, mark]
    gaps = SIZE * gaps.norm(dim=1)[true.known[head, place]]
    assert len(gaps) >= 8
    assert gaps.median() <= 1.5


def test_a_stranger_place_at_random_is_far_away(record, seen):
    true = partners(seen, observe(companion(record), SIZE), ROWS)
    assert true.known.any(1).all()
    chance = torch.rand(3, ROWS**2, 2, generator=torch.Generator().manual_seed(0))
    assert 12 < end_point_errors(chance, true).mean() < 45


def test_nothing_is_known_of_the_background(seen):
    nobody = torch.zeros_like(seen.part)
    other = type(seen)(**{**vars(seen), "part": nobody})
    true = partners(other, seen, ROWS)
    assert not true.known.any()
    assert end_point_errors(true.shifts, true).isnan().all()
