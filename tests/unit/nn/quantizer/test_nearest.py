from __future__ import annotations

import pytest
import torch

from misen.core.errors import NotFoundError
from misen.nn.quantizer.census import occurrences, perplexity, usage
from misen.nn.quantizer.interface import Counting
from misen.nn.quantizer.kinds import build
from misen.nn.quantizer.nearest import EmaQuantizer, nearest


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def follow(quantizer, latents, batches):
    for _ in range(batches):
        quantizer.learn(quantizer.gather(latents, quantizer(latents).indices))


def test_the_nearest_code_is_that_of_a_search_through_all():
    vectors, codebook = torch.randn(2, 50, 3), torch.randn(2, 20, 3)
    for group in range(2):
        distances = (vectors[group][:, None] - codebook[group][None]).square().sum(-1)
        assert torch.equal(nearest(vectors, codebook)[group], distances.argmin(1))


def test_each_group_of_channels_is_rounded_by_its_own_codebook():
    quantizer, latents = EmaQuantizer(6, codes=16, groups=2), torch.randn(2, 6, 3, 5)
    quantized = quantizer(latents)
    assert (quantized.value.shape, quantized.indices.shape) == (latents.shape, (2, 2, 3, 5))
    halves = zip(latents.chunk(2, 1), quantizer.codebook, quantized.value.chunk(2, 1), strict=True)
    for half, codes, value in halves:
        chosen = (half[:, :, None] - codes.T[None, :, :, None, None]).square().sum(1).argmin(1)
        torch.testing.assert_close(value, codes[chosen].movedim(-1, 1), atol=0, rtol=0)
    assert torch.equal(quantizer.look_up(quantized.indices), quantized.value)
    assert quantized.commitment.item() == pytest.approx((latents - quantized.value).square().mean().item())


def test_gradients_pass_as_if_nothing_had_been_rounded():
    quantizer, latents, weight = (
        EmaQuantizer(4, codes=8),
        torch.randn(1, 4, 2, 2).requires_grad_(),
        torch.randn(4, 2, 2),
    )
    (quantizer(latents).value * weight).sum().backward()
    assert torch.equal(latents.grad[0], weight)
    assert not list(quantizer.parameters())


def test_the_value_is_a_code_in_low_precision_too():
    quantizer, latents = EmaQuantizer(4, codes=8).bfloat16(), torch.randn(1, 4, 3, 3).bfloat16()
    quantized = quantizer(latents)
    assert quantized.value.dtype == torch.bfloat16
    assert torch.equal(quantized.value, quantizer.look_up(quantized.indices))


def test_codes_follow_the_mean_of_what_chooses_them():
    """The moving averages of counts and sums, as the paper has them, lead to the same place."""
    quantizer, decay = EmaQuantizer(2, codes=3, decay=0.9), 0.9
    quantizer.codebook.copy_(torch.tensor([[[0.0, 0.0], [4.0, 4.0], [-4.0, 4.0]]]))
    quantizer.shares.fill_(1 / 3)
    counts, sums = torch.full((3,), 20 / 3), quantizer.codebook[0] * 20 / 3
    for _ in range(5):
        latents = quantizer.codebook[0][torch.arange(20) % 3].T.reshape(1, 2, 4, 5) + 0.5 * torch.randn(1, 2, 4, 5)
        indices, vectors = quantizer(latents).indices, latents[0].flatten(1).T
        told = torch.nn.functional.one_hot(indices.flatten(), 3).float()
        counts = decay * counts + (1 - decay) * told.sum(0)
        sums = decay * sums + (1 - decay) * told.T @ vectors
        quantizer.learn(quantizer.gather(latents, indices))
        torch.testing.assert_close(quantizer.codebook[0], sums / counts[:, None])


def test_a_codebook_finds_clusters_and_nobody_stays_idle():
    centres = 5 * torch.randn(12, 4)
    latents = (centres[torch.arange(600) % 12] + 0.01 * torch.randn(600, 4)).T.reshape(1, 4, 20, 30)
    quantizer = EmaQuantizer(4, codes=24, decay=0.8)
    assert quantizer(latents).commitment > 0.1
    follow(quantizer, latents, 100)
    assert quantizer(latents).commitment < 1e-3
    assert usage(occurrences(quantizer(latents).indices, 24)) >= 0.75


def test_usage_and_perplexity_of_known_choices():
    indices = torch.tensor([[[[0, 1], [2, 3]], [[0, 0], [0, 1]]]])
    counts = occurrences(indices, 8)
    assert counts.tolist() == [[1, 1, 1, 1, 0, 0, 0, 0], [3, 1, 0, 0, 0, 0, 0, 0]]
    assert usage(counts) == pytest.approx((4 / 8 + 2 / 8) / 2)
    entropy = -(0.75 * torch.tensor(0.75).log() + 0.25 * torch.tensor(0.25).log())
    assert perplexity(counts) == pytest.approx((4 + entropy.exp().item()) / 2)


def test_kinds_are_built_by_name():
    quantizer = build({"kind": "ema", "codes": 16, "groups": 2}, channels=4)
    assert isinstance(quantizer, Counting)
    assert quantizer.codebook.shape == (2, 16, 2)
    with pytest.raises(NotFoundError, match="no quantizer called 'emma'"):
        build({"kind": "emma"}, channels=4)
