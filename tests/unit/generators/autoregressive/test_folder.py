"""Folders: what is saved is what is opened, and nothing else is opened."""

from __future__ import annotations

import pytest
import torch

from misen.core.errors import ModelFileError, NotFoundError
from misen.core.generator import Level
from misen.core.seeding import Streams
from misen.generators.autoregressive.folder import load, save
from misen.nn import weights
from misen.nn.description import read_card, write_card
from sequences import SETTINGS, some_tokens

CARD = {"name": "avatars/toy", "sampler": "raster", "steps": 4, "guidance_scale": 1.0, "training": {"samples": 3}}
CODEC = "tokenizer_vq/diffusion_pytorch_model.safetensors"


@pytest.fixture
def saved(generator, tmp_path):
    generator.card = dict(CARD)
    save(generator, tmp_path / "model")
    return tmp_path / "model"


def test_round_trip(generator, saved, tmp_path):
    again, image = load(saved), torch.rand(1, 3, 16, 16)
    assert type(again) is type(generator)
    assert torch.equal(again.encode(image), generator.encode(image))
    answers = [one.predict(one.start(2, Streams((1, 2))), Level(0.0), {}).point for one in (again, generator)]
    assert torch.equal(*answers)
    assert not any(parameter.requires_grad for parameter in again.network.parameters())
    card = read_card(saved)
    assert (card["family"], card["kind"]) == ("autoregressive", generator.kind)
    assert card["architecture"]["network"]["width"] == SETTINGS.width
    assert CARD.items() <= card.items()
    save(again, tmp_path / "twice")
    for path in ("card.toml", "model.safetensors", CODEC):
        assert (tmp_path / "twice" / path).read_bytes() == (saved / path).read_bytes()


def test_the_tokenizer_is_stored_as_the_codec_it_is(generator, saved, tmp_path):
    weights.save(generator.tokenizer.autoencoder, tmp_path / "tokens", {"name": "tokens"})
    assert (tmp_path / "tokens" / "model.safetensors").read_bytes() == (saved / CODEC).read_bytes()


@pytest.mark.parametrize("name", ["model.safetensors", CODEC])
def test_a_flipped_bit_is_refused(saved, name):
    content = bytearray((saved / name).read_bytes())
    content[-1] ^= 1
    (saved / name).write_bytes(content)
    with pytest.raises(ModelFileError, match="altered"):
        load(saved)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "rooster"}, "did you mean 'raster'"),
        ({"kind": 3}, "names no kind"),
        ({"architecture": {"network": {"width": 12}, "ports": {}}}, "describes no"),
        ({"architecture": {"network": {"color": 3}, "ports": {}}}, "describes no"),
        ({"architecture": 5}, "describes no"),
        ({"format": 9}, "format >= 9"),
    ],
)
def test_cards_that_make_no_sense_are_refused(saved, change, message):
    write_card(saved, {**read_card(saved), **change})
    with pytest.raises(ModelFileError, match=message):
        load(saved)


def test_tokens_of_another_codec_are_refused(saved):
    card = read_card(saved)
    card["architecture"]["network"]["codes"] = 7
    write_card(saved, card)
    with pytest.raises(ModelFileError, match="trained on other tokens"):
        load(saved)


def test_a_missing_part_is_named(saved, tmp_path):
    (saved / CODEC).unlink()
    with pytest.raises(NotFoundError):
        load(saved)
    with pytest.raises(NotFoundError):
        load(tmp_path / "nowhere")


def test_what_is_opened_reads_tokens(generator, saved, conditions):
    again, tokens = load(saved), some_tokens()
    asked = conditions if generator.kind == "raster" else [conditions]
    assert torch.equal(again.network(tokens, asked), generator.network(tokens, asked))
