from __future__ import annotations

import torch

from misen.scene.observe import observe
from misen.scene.sampling import sample
from misen.scene.sketching import lines, sketch

SEEN = observe(sample(torch.arange(6), full_circle=0.0))


def test_clean_lines_follow_the_boundaries() -> None:
    drawn = lines(SEEN.segmentation, SEEN.depth)
    assert drawn.shape == (6, 1, 64, 64)
    assert 0.03 < drawn.mean() < 0.35
    assert lines(torch.zeros(1, 64, 64, dtype=torch.uint8), torch.zeros(1, 1, 64, 64)).sum() == 0


def test_one_boundary_is_one_line() -> None:
    segmentation = torch.zeros(1, 8, 8, dtype=torch.uint8)
    segmentation[:, :, 4:] = 1
    drawn = lines(segmentation, torch.zeros(1, 1, 8, 8))
    assert drawn[0, 0, :, 3].all()
    assert drawn.sum() == 8


def test_a_hand_draws_its_own_way_every_time_the_same() -> None:
    first, again, other = (sketch(SEEN, torch.full((6,), seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert (first - other).abs().mean() > 0.01
    assert first.min() >= 0
    assert first.max() <= 1
    assert (first > 0.5).float().mean(dim=(1, 2, 3)).min() > 0.01


def test_a_sketch_stays_near_the_clean_lines() -> None:
    drawn = sketch(SEEN, torch.arange(6)) > 0.5
    near = torch.nn.functional.max_pool2d(lines(SEEN.segmentation, SEEN.depth), 7, stride=1, padding=3) > 0
    assert near[drawn].float().mean() > 0.85
