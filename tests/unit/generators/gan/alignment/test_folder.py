"""Alignments in the folders of their generators."""

from __future__ import annotations

import pytest
import torch

from aligned import ENCODERS, aligned_gan
from misen.core.errors import ModelFileError
from misen.core.generator import Level
from misen.core.seeding import Streams
from misen.generators.gan.folder import load, load_bare, save
from misen.nn.description import read_card, write_card
from toys import tint

RED = ENCODERS["tint"].encode(tint([0.8, -0.6, -0.6]), "map")


@pytest.fixture
def aligned(generator):
    return aligned_gan(generator)


@pytest.fixture
def saved(aligned, tmp_path):
    save(aligned, tmp_path / "model")
    return tmp_path / "model"


def told(generator):
    return generator.predict(generator.start(1, Streams((1,))), Level(0.0), {"tint": RED}).point


def test_round_trip(aligned, saved, tmp_path):
    again = load(saved)
    assert torch.allclose(told(again), told(aligned), atol=1e-2)
    assert not any(parameter.requires_grad for parameter in again.alignment.parameters())
    card = read_card(saved / "alignment")
    assert (card["kind"], card["name"], "family" in card) == ("alignment", "aligned", False)
    assert card["base"]["sha256"] == read_card(saved)["sha256"]
    assert card["architecture"]["ports"]["shade"] == {"layout": "tokens", "width": 3}
    save(again, tmp_path / "twice")
    files = [path for path in saved.rglob("*") if path.is_file()]
    assert len(files) == 4
    assert all((tmp_path / "twice" / path.relative_to(saved)).read_bytes() == path.read_bytes() for path in files)


def test_a_generator_has_ports_only_where_an_alignment_lies_beside_it(generator, saved, tmp_path):
    assert load(saved).ports.keys() == {"tint", "shade"}
    assert not load_bare(saved).ports
    save(generator, tmp_path / "bare")
    assert not load(tmp_path / "bare").ports


def test_an_alignment_with_other_weights_is_refused(generator, saved):
    generator.networks.synthesis.exit.bias.fill_(0.25)
    save(generator, saved)
    assert not load_bare(saved).ports
    with pytest.raises(ModelFileError, match="other weights") as refused:
        load(saved)
    assert "train it again" in str(refused.value.hint)


@pytest.mark.parametrize(
    "change",
    [{"architecture": {}}, {"architecture": 3}, {"architecture": {"settings": {}, "ports": {"tint": {"width": 3}}}}],
)
def test_cards_that_make_no_sense_are_refused(saved, change):
    write_card(saved / "alignment", {**read_card(saved / "alignment"), **change})
    with pytest.raises(ModelFileError, match="describes no alignment"):
        load(saved)


def test_a_flipped_bit_is_refused(saved):
    path = saved / "alignment" / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="altered"):
        load(saved)
