"""Blocks along time keep shapes, begin as the identity, and norm each frame for itself."""

from __future__ import annotations

import pytest
import torch

from misen.nn.temporal import DepthwiseTrack, FrameNorm, ResidualTrack, WindowAttention, convolution


@pytest.fixture
def track() -> torch.Tensor:
    return torch.randn(2, 8, 11, generator=torch.Generator().manual_seed(0)).abs()


def test_a_residual_block_begins_as_the_identity(track: torch.Tensor) -> None:
    assert torch.allclose(ResidualTrack(8)(track), track)


def test_a_depthwise_block_adds_little_at_first(track: torch.Tensor) -> None:
    out = DepthwiseTrack(8)(track)
    assert out.shape == track.shape
    assert 0 < (out - track).abs().mean() < 0.2


def test_a_block_sees_one_neighbour_to_either_side_per_convolution(track: torch.Tensor) -> None:
    block, changed = DepthwiseTrack(8), track.clone()
    changed[:, :, 5] += 1
    moved = (block(changed) - block(track)).abs().amax(dim=(0, 1)) > 1e-6
    assert moved.nonzero().flatten().tolist() == [4, 5, 6]


def test_frames_are_normed_apart(track: torch.Tensor) -> None:
    normed = FrameNorm(8)(track)
    assert torch.allclose(normed.mean(1), torch.zeros(2, 11), atol=1e-5)


def test_four_steps_make_a_frame() -> None:
    assert convolution(3, 5, 5, 4)(torch.zeros(1, 3, 4 * 7 + 1)).shape == (1, 5, 7)
    assert convolution(3, 5, 5)(torch.zeros(1, 3, 9)).shape == (1, 5, 9)


def test_attention_sees_a_window(track: torch.Tensor) -> None:
    torch.manual_seed(0)
    attend, changed = WindowAttention(8, heads=2, reach=3), track.clone()
    changed[:, 0, 5] += 1
    moved = (attend(changed) - attend(track)).abs().amax(dim=(0, 1)) > 1e-6
    assert moved.nonzero().flatten().tolist() == [2, 3, 4, 5, 6, 7, 8]


def test_attention_goes_where_a_place_counts(track: torch.Tensor) -> None:
    attend = WindowAttention(8, heads=2, reach=3)
    with torch.no_grad():
        attend.places[:, 0, 1] = 100.0  # two frames before
        attend.answer.weight.copy_(torch.eye(8)[:, :, None])
        attend.answer.bias.zero_()
        values = attend.ask(attend.norm(track))[:, 16:]
        looked = attend(track) - track
    assert torch.allclose(looked[:, :, 2:], values[:, :, :-2], atol=1e-5)
    assert torch.allclose(looked[:, :, :2], torch.zeros(2, 8, 2), atol=1e-5)
