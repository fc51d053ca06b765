from __future__ import annotations

import pytest
import torch

from misen.codecs import shipped
from misen.codecs.autoencoder import KLAutoencoder
from misen.codecs.kinds import latents_of
from misen.codecs.quantized import VQAutoencoder
from misen.core.errors import InputError
from misen.nn.weights import save

SIZES = {"block_out_channels": (3, 16, 32), "encoder_units": (1, 1), "decoder_units": (1, 1)}
CODES = {"kind": "ema", "codes": 32, "groups": 2}


def small() -> VQAutoencoder:
    torch.manual_seed(0)
    return VQAutoencoder(CODES, **SIZES, scaling_factor=0.5)


def test_latents_are_not_rounded_and_what_is_decoded_is():
    model, image = small(), torch.rand(2, 3, 32, 48)
    latents = model.encode(image).latents
    assert latents.shape == (2, 4, 8, 12)
    assert torch.equal(latents_of(model.encode(image)), latents)
    codes = model.quantize.look_up(model.quantize(latents).indices)
    assert not torch.equal(codes, latents)
    made = model.decode(latents).sample
    assert made.shape == image.shape
    assert torch.equal(made, model.decoder(codes))
    assert torch.equal(made, model.decode(codes, return_dict=False)[0])
    assert torch.equal(made, model(image))


def test_other_sizes_are_refused():
    with pytest.raises(InputError, match="multiples of 4, got 30x32"):
        small().encode(torch.zeros(1, 3, 32, 30))


def test_it_begins_with_the_latents_and_the_decoder_of_another():
    torch.manual_seed(0)
    older, image = KLAutoencoder(**SIZES, scaling_factor=0.7), torch.rand(1, 3, 32, 32)
    model = VQAutoencoder.beginning_as(older, CODES)
    latents = latents_of(older.encode(image))
    torch.testing.assert_close(model.encode(image).latents, latents, atol=1e-6, rtol=1e-6)
    assert torch.equal(model.decoder(latents), older.decode(latents).sample)
    assert model.config.scaling_factor == 0.7
    assert model.config.quantizer == CODES


def test_diffusers_round_trip(tmp_path):
    model, image = small(), torch.rand(1, 3, 64, 64)
    model.save_pretrained(tmp_path)
    again = VQAutoencoder.from_pretrained(tmp_path)
    assert torch.equal(again(image), model(image))


def test_shipped_models_are_rebuilt_from_their_card(tmp_path):
    model, image = small().half().float(), torch.rand(1, 3, 64, 64)
    save(model, tmp_path, {"architecture": shipped.architecture(model)})
    again = shipped.quantized(tmp_path)
    assert torch.equal(again(image), model(image))
    assert not any(parameter.requires_grad for parameter in again.parameters())
