"""Mapping, synthesis and encoder: what goes in, what comes out, and what lies between."""

from __future__ import annotations

import pytest
import torch

from misen.generators.gan.mapping import MappingNetwork
from misen.generators.gan.synthesis import SynthesisNetwork


def test_directions_alone_decide_where_a_draw_is_mapped():
    torch.manual_seed(0)
    mapping, draws = MappingNetwork(6, 8, 3), torch.randn(4, 6)
    latents = mapping(draws)
    assert latents.shape == (4, 8)
    assert torch.allclose(mapping(5 * draws), latents, atol=1e-5)


def test_the_typical_latent_is_the_mean_of_many():
    torch.manual_seed(0)
    mapping = MappingNetwork(6, 8, 3)
    assert mapping.mean.abs().max() == 0
    mapping.settle(torch.randn(5000, 6))
    assert torch.allclose(mapping.mean, mapping(torch.randn(5000, 6)).mean(0), atol=0.1)
    assert "mean" in mapping.state_dict()


@pytest.mark.parametrize("channels", [(8, 4), (4, 4, 4)])
def test_each_block_doubles_the_picture(channels):
    network = SynthesisNetwork(channels, 8)
    assert network.size == 4 * 2 ** len(channels)
    assert network.layers == 2 * len(channels) + 1
    image = network(torch.randn(2, network.layers, 8), torch.randn(2, network.inputs))
    assert image.shape == (2, 3, network.size, network.size)


def test_styles_can_be_taken_out_changed_and_put_in(networks):
    synthesis, noise = networks.synthesis, torch.randn(2, networks.synthesis.inputs)
    point = torch.randn(2, synthesis.layers, 8)
    styles = synthesis.styles(point).detach()
    assert styles.shape == (2, sum(synthesis.style_widths))
    assert torch.equal(synthesis.show(styles, noise).image, synthesis(point, noise))
    for layer, part in enumerate(styles.split(synthesis.style_widths, dim=1)):
        part += 0.5 * (layer + 1)
    assert not torch.allclose(synthesis.show(styles, noise).image, synthesis(point, noise), atol=1e-3)


def test_the_latent_of_a_layer_moves_its_own_style_alone(networks):
    synthesis, point = networks.synthesis, torch.randn(1, networks.synthesis.layers, 8)
    for layer in range(synthesis.layers):
        other = point.clone()
        other[:, layer] += 1
        gaps = (synthesis.styles(point) - synthesis.styles(other)).abs().split(synthesis.style_widths, dim=1)
        assert [gap.max() > 0 for gap in gaps] == [own == layer for own in range(synthesis.layers)]


def test_features_have_names_and_lead_to_the_picture(networks):
    synthesis, styles = networks.synthesis, torch.randn(2, sum(networks.synthesis.style_widths))
    noise = networks.silence(2)
    shown = synthesis.show(styles, noise)
    assert {name: tuple(maps.shape) for name, maps in shown.features.items()} == {"4": (2, 12, 4, 4), "8": (2, 8, 8, 8)}
    last = styles.split(synthesis.style_widths, dim=1)[-1]
    assert torch.equal(synthesis.exit(shown.features["8"], last), shown.image)


def test_noise_changes_pictures_as_its_strengths_say(networks):
    point, synthesis = torch.randn(1, networks.synthesis.layers, 8), networks.synthesis
    loud, silent = torch.randn(1, synthesis.inputs), networks.silence(1)
    assert not torch.allclose(synthesis(point, loud), synthesis(point, silent), atol=1e-3)
    for block in synthesis.blocks:
        for layer in (block.first, block.second):
            layer.strength.data.zero_()
    assert torch.equal(synthesis(point, loud), synthesis(point, silent))


def test_features_keep_their_size_in_the_beginning():
    torch.manual_seed(0)
    network = SynthesisNetwork((32, 32, 32, 32), 32)
    shown = network.show(torch.randn(8, sum(network.style_widths)), torch.zeros(8, network.inputs))
    assert all(0.5 < maps.square().mean().sqrt() < 2 for maps in shown.features.values())


def test_the_encoder_begins_in_w(networks):
    torch.manual_seed(0)
    encoder = type(networks)(networks.settings).encoder
    base, offsets = encoder(torch.rand(2, 3, 16, 16))
    assert base.shape == (2, 8)
    assert offsets.shape == (2, networks.synthesis.layers, 8)
    assert offsets.abs().max() == 0
    assert base.abs().min() > 0


def test_items_do_not_see_each_other(networks):
    point, noise = torch.randn(3, networks.synthesis.layers, 8), torch.randn(3, networks.synthesis.inputs)
    together = networks.synthesis(point, noise)
    alone = torch.cat([networks.synthesis(point[k : k + 1], noise[k : k + 1]) for k in range(3)])
    assert torch.allclose(together, alone, atol=1e-5)
    images = torch.rand(3, 3, 16, 16)
    assert torch.allclose(networks.encode(images)[1:2], networks.encode(images[1:2]), atol=1e-5)
