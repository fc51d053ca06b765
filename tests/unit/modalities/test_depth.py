"""Depth maps: both bit depths, and the correlation inside the head."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from misen.core.errors import InputError
from misen.modalities.depth.judge import DepthJudge
from misen.modalities.depth.signal import Depth


def test_eight_and_sixteen_bits_say_the_same(truth) -> None:
    nearness = truth.observation.depth[0, 0].numpy()
    eight = Depth(Image.fromarray((nearness * 255).round().astype(np.uint8)))
    sixteen = Depth(Image.fromarray((nearness * 65535).round().astype(np.uint16)))
    assert torch.allclose(eight.nearness, sixteen.nearness, atol=0.6 / 255)
    assert torch.allclose(sixteen.nearness[0, 0], truth.observation.depth[0, 0], atol=1 / 65535)


def test_sizes_change_smoothly() -> None:
    assert Depth(torch.full((1, 1, 256, 256), 0.5)).nearness.eq(Depth(torch.full((64, 64), 0.5)).nearness).all()
    assert Depth(np.full((10, 20), 255, np.uint8)).nearness[0, 0, 0].eq(0).all()


@pytest.mark.parametrize("wrong", [torch.full((8, 8), 1.5), torch.full((8, 8), float("nan")), torch.ones(8, 8).int()])
def test_tensors_that_are_no_depth_are_refused(wrong: torch.Tensor) -> None:
    with pytest.raises(InputError, match="depth must be"):
        Depth(wrong)


def test_judge_ignores_scale_offset_and_the_background(truth) -> None:
    signal = Depth(truth.observation.depth)
    inside = signal.nearness > 0
    seen = torch.where(inside, signal.nearness * 0.3 + 0.1, torch.rand_like(signal.nearness))
    score = DepthJudge(lambda images: SimpleNamespace(depth=seen)).score(truth.observation.image, signal)
    assert torch.allclose(score, torch.ones(len(truth)), atol=1e-4)
    turned = DepthJudge(lambda images: SimpleNamespace(depth=1 - seen)).score(truth.observation.image, signal)
    assert torch.allclose(turned, -torch.ones(len(truth)), atol=1e-4)


def test_judge_equals_numpy(truth) -> None:
    signal, seen = Depth(truth.observation.depth), truth.observation.depth.roll(1, 0)
    score = DepthJudge(lambda images: SimpleNamespace(depth=seen)).score(truth.observation.image, signal)
    inside = signal.nearness[3] > 0
    expected = np.corrcoef(seen[3][inside].numpy(), signal.nearness[3][inside].numpy())[0, 1]
    assert score[3].item() == pytest.approx(expected, abs=1e-4)
