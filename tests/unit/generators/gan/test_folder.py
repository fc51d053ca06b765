"""Folders: what is saved is what is opened, and nothing else is opened."""

from __future__ import annotations

import pytest
import torch

from misen.core.errors import ModelFileError, NotFoundError
from misen.core.seeding import Streams
from misen.generators.gan.folder import load, save
from misen.nn.description import read_card, write_card

CARD = {"name": "avatars/toy", "sampler": "walk", "steps": 4, "guidance_scale": 1.0, "training": {"samples": 3}}


@pytest.fixture
def saved(generator, tmp_path):
    generator.card = dict(CARD)
    save(generator, tmp_path / "model")
    return tmp_path / "model"


def picture(generator):
    return generator.finish(generator.start(2, Streams((1, 2))))


def test_round_trip(generator, saved, tmp_path):
    again, image = load(saved), torch.rand(1, 3, 16, 16)
    assert torch.equal(picture(again), picture(generator))
    assert torch.equal(again.encode(image), generator.encode(image))
    assert torch.equal(again.networks.mapping.mean, generator.networks.mapping.mean)
    assert not any(parameter.requires_grad for parameter in again.networks.parameters())
    card = read_card(saved)
    assert (card["family"], card["kind"], card["architecture"]["channels"]) == ("gan", "style", [12, 8])
    assert CARD.items() <= card.items()
    save(again, tmp_path / "twice")
    assert all((tmp_path / "twice" / path.name).read_bytes() == path.read_bytes() for path in saved.iterdir())


def test_what_was_changed_can_be_saved_again(saved):
    again = load(saved)
    again.networks.synthesis.exit.bias.fill_(0.25)
    save(again, saved)
    assert torch.equal(picture(load(saved)), picture(again))


def test_a_flipped_bit_is_refused(saved):
    path = saved / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="altered"):
        load(saved)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "stylish"}, "did you mean 'style'"),
        ({"kind": 3}, "names no kind"),
        ({"architecture": {"channels": []}}, "describes no style"),
        ({"architecture": {"colors": 3}}, "describes no style"),
        ({"architecture": 5}, "describes no style"),
        ({"format": 9}, "format >= 9"),
    ],
)
def test_cards_that_make_no_sense_are_refused(saved, change, message):
    write_card(saved, {**read_card(saved), **change})
    with pytest.raises(ModelFileError, match=message):
        load(saved)


def test_no_folder_is_no_model(tmp_path):
    with pytest.raises(NotFoundError):
        load(tmp_path / "nowhere")
