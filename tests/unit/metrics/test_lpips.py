"""LPIPS: the published linear combination on given features, its file format, and pairs of a set."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from misen.core.errors import FormatError
from misen.metrics.lpips import Lpips, pairwise_diversity, read_linear


def maps(images: Tensor) -> list[Tensor]:
    """Two maps with four and six channels."""
    draws = torch.Generator().manual_seed(0)
    kernels = [torch.randn(4, 3, 3, 3, generator=draws), torch.randn(6, 3, 5, 5, generator=draws)]
    return [functional.conv2d(images, kernel, stride=k + 1).relu() for k, kernel in enumerate(kernels)]


def published(first: list[Tensor], second: list[Tensor], weights: list[Tensor]) -> Tensor:
    """The formula step by step, with weights as 1 x 1 convolutions."""
    total = torch.zeros(len(first[0]))
    for a, b, weight in zip(first, second, weights, strict=True):
        a, b = (x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10) for x in (a, b))
        total += functional.conv2d((a - b).square(), weight).mean((2, 3))[:, 0]
    return total


@pytest.fixture
def pair() -> Tensor:
    return torch.rand(2, 3, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_is_the_published_combination(pair: Tensor) -> None:
    weights = [torch.rand(1, count, 1, 1, generator=torch.Generator().manual_seed(2)) for count in (4, 6)]
    measured = Lpips(maps, [weight.flatten() for weight in weights])(*pair)
    assert torch.allclose(measured, published(maps(pair[0]), maps(pair[1]), weights), rtol=1e-5)


def test_without_weights_all_channels_count_equally(pair: Tensor) -> None:
    ones = [torch.ones(1, count, 1, 1) for count in (4, 6)]
    assert torch.allclose(Lpips(maps)(*pair), published(maps(pair[0]), maps(pair[1]), ones), rtol=1e-5)
    assert Lpips(maps)(pair[0], pair[0]).tolist() == [0, 0, 0]


def test_orders_a_ladder_of_noise(pair: Tensor) -> None:
    noise = torch.randn(pair[0].shape, generator=torch.Generator().manual_seed(3))
    distances = [float(Lpips(maps)(pair[0], pair[0] + level * noise).mean()) for level in (0.0, 0.1, 0.3, 0.6, 1.0)]
    assert distances == sorted(distances)


def test_diversity_is_the_mean_over_pairs(pair: Tensor) -> None:
    lpips, samples = Lpips(maps), pair.flatten(0, 1)
    distances = [float(lpips(samples[i : i + 1], samples[j : j + 1])) for i, j in combinations(range(6), 2)]
    assert float(pairwise_diversity(lpips.embed(samples))) == pytest.approx(np.mean(distances), rel=1e-5)


@pytest.mark.parametrize(("name", "count"), [("alex", 5), ("vgg", 5), ("squeeze", 7)])
@pytest.mark.parametrize("version", ["v0.0", "v0.1"])
def test_published_weights_on_given_features(shared_data: Path, version: str, name: str, count: int) -> None:
    path = shared_data / "lpips_linear" / version / f"{name}.npz"
    weights = read_linear(path)
    assert len(weights) == count
    draws = torch.Generator().manual_seed(0)
    given = [torch.randn(2, 2, len(weight), 4, 4, generator=draws) for weight in weights]
    with np.load(path) as stored:
        convolutions = [torch.from_numpy(stored[f"lin{index}.model.1.weight"]) for index in range(count)]
    first, second = ([features[side] for features in given] for side in (0, 1))
    lpips = Lpips(lambda images: first if images.sum() == 0 else second, weights)
    measured = lpips(torch.zeros(2, 3, 8, 8), torch.ones(2, 3, 8, 8))
    assert torch.allclose(measured, published(first, second, convolutions), rtol=1e-5)


def test_other_arrays_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", weight=np.ones(3))
    with pytest.raises(FormatError, match=r"other.npz holds weight. expected lin0.model.1.weight"):
        read_linear(tmp_path / "other.npz")
