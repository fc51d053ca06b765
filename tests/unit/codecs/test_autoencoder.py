from __future__ import annotations

import pytest
import torch
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from torch.utils.flop_counter import FlopCounterMode

from misen.codecs import shipped
from misen.codecs.autoencoder import KLAutoencoder
from misen.codecs.tiny import TinyDecoder
from misen.core.errors import InputError
from misen.nn.weights import save


def small() -> KLAutoencoder:
    torch.manual_seed(0)
    return KLAutoencoder(block_out_channels=(3, 16, 32), encoder_units=(1, 1), decoder_units=(1, 1), scaling_factor=0.5)


def gflops(call) -> float:
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops() / 1e9


@pytest.mark.parametrize(("height", "width"), [(64, 64), (32, 48), (4, 128)])
def test_any_multiple_of_the_stride_goes_in_and_comes_out(height, width):
    model, image = small(), torch.rand(2, 3, height, width)
    posterior = model.encode(image).latent_dist
    assert isinstance(posterior, DiagonalGaussianDistribution)
    assert posterior.mode().shape == (2, 4, height // 4, width // 4)
    assert model.decode(posterior.sample()).sample.shape == image.shape
    assert torch.equal(model(image), model.decode(posterior.mode(), return_dict=False)[0])


def test_other_sizes_are_refused():
    with pytest.raises(InputError, match="multiples of 4, got 30x32"):
        small().encode(torch.zeros(1, 3, 32, 30))


def test_latents_depend_on_their_surroundings_only():
    model, image = small(), torch.rand(1, 3, 64, 64)
    other = image.clone()
    other[..., 60:, 60:] = 0
    gap = (model.encode(image).latent_dist.mode() - model.encode(other).latent_dist.mode()).abs()
    assert gap[..., :8, :8].max() == 0
    assert gap[..., 15, 15].max() > 0


def test_diffusers_round_trip(tmp_path):
    model, image = small(), torch.rand(1, 3, 64, 64)
    model.save_pretrained(tmp_path)
    again = KLAutoencoder.from_pretrained(tmp_path)
    assert again.config.scaling_factor == 0.5
    assert torch.equal(again(image), model(image))


def test_shipped_models_are_rebuilt_from_their_card(tmp_path):
    model, image = small().half().float(), torch.rand(1, 3, 64, 64)
    save(model, tmp_path, {"architecture": shipped.architecture(model)})
    again = shipped.autoencoder(tmp_path)
    assert torch.equal(again(image), model(image))
    assert not any(parameter.requires_grad for parameter in again.parameters())


def test_the_tiny_decoder_costs_at_most_a_fifth(tmp_path):
    large, tiny, latents = KLAutoencoder(), TinyDecoder(), torch.randn(1, 4, 16, 16)
    assert tiny(latents).shape == (1, 3, 64, 64)
    assert gflops(lambda: tiny(latents)) <= gflops(lambda: large.decode(latents)) / 5
    tiny = tiny.half().float()
    save(tiny, tmp_path, {"architecture": shipped.architecture(tiny)})
    assert torch.equal(shipped.tiny_decoder(tmp_path)(latents), tiny(latents))
