"""Codes that move together."""

from __future__ import annotations

import torch

from misen.nn.quantizer.interface import Counting, Quantizer
from misen.nn.quantizer.kinds import build
from misen.nn.quantizer.linear import LinearQuantizer


def quantizer(groups=1):
    torch.manual_seed(0)
    made = build({"kind": "simvq", "codes": 32, "groups": groups}, 4)
    with torch.no_grad():
        made.basis.add_(0.3 * torch.randn_like(made.basis))
        made.origin.add_(0.3)
    return made


def test_it_is_a_quantizer_that_learns_by_gradients():
    assert isinstance(quantizer(), Quantizer)
    assert not isinstance(quantizer(), Counting)
    assert {name for name, _ in quantizer().named_parameters()} == {"basis", "origin"}


def test_the_nearest_code_is_chosen_in_every_group():
    for groups in (1, 2):
        made, latents = quantizer(groups), torch.randn(2, 4, 3, 5)
        rounded = made(latents)
        apart = latents.unflatten(1, (groups, -1)).permute(0, 1, 3, 4, 2)
        distances = (apart[..., None, :] - made.codebook[None, :, None, None]).square().sum(-1)
        assert torch.equal(rounded.indices, distances.argmin(-1))
        assert torch.equal(rounded.value, made.look_up(rounded.indices))


def test_gradients_pass_what_was_rounded_and_move_all_codes():
    made, latents = quantizer(), torch.randn(2, 4, 3, 3, requires_grad=True)
    rounded = made(latents)
    [through] = torch.autograd.grad(rounded.value.square().sum(), latents, retain_graph=True)
    assert torch.allclose(through, 2 * rounded.value)
    before = made.codebook.detach().clone()
    optimizer = torch.optim.SGD(made.parameters(), lr=1.0)
    rounded.commitment.backward()
    assert latents.grad.abs().max() > 0
    optimizer.step()
    assert (made.codebook - before).abs().sum(-1).min() > 0


def test_commitment_brings_codes_and_latents_together():
    made, latents = LinearQuantizer(2, 64), 2 + 0.7 * torch.randn(4, 2, 8, 8)
    optimizer = torch.optim.Adam(made.parameters(), lr=0.1)
    first = made(latents).commitment.item()
    for _ in range(200):
        optimizer.zero_grad()
        made(latents).commitment.backward()
        optimizer.step()
    rounded = made(latents)
    assert rounded.commitment < 0.2 * first
    assert rounded.indices.unique().numel() > 32
