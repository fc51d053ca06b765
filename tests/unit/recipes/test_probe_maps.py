"""Probes of maps: SPADE keeps what concatenation loses, and a layer that is no SPADE strays."""

from __future__ import annotations

import pytest
import torch

from misen.generators.gan import folder as files
from misen.generators.gan.translation.generator import TranslationGenerator
from misen.generators.gan.translation.network import NetworkSettings, Table, TranslationNetwork
from misen.nn.fusion.spade import Spade
from misen.recipes import probe_maps
from misen.scene.anatomy import CLASSES

TABLE = Table({"segmentation": len(CLASSES)}, {})


def network(fusion: str) -> TranslationNetwork:
    torch.manual_seed(0)
    made = TranslationNetwork(NetworkSettings(fusion, (16, 12), hidden=8, field=8, style=6), TABLE)
    return made.requires_grad_(False).eval()


def test_constant_maps_are_constant_factors():
    errors = probe_maps.strayed(network("spade"))
    assert len(errors) == 6  # of three blocks with two layers
    assert errors.max() <= 1e-5
    assert len(probe_maps.strayed(network("concat"))) == 0


def test_layers_that_look_beyond_the_edge_are_caught():
    painter = network("spade")
    for layer in painter.modules():
        if isinstance(layer, Spade):
            layer.gather.padding_mode = "zeros"
    assert probe_maps.strayed(painter).max() > 1e-3


def test_each_model_is_told_of(models, capsys):
    for fusion in ("spade", "concat"):
        card = {"name": f"avatars/{fusion}", "sampler": "walk", "steps": 2, "guidance_scale": 1.0}
        files.save(TranslationGenerator(network(fusion), card), models / "avatars" / fusion)
    probe_maps.main()
    constant, flat, other = capsys.readouterr().out.splitlines()
    assert constant.startswith("avatars/spade    constant maps, largest difference of 6 layers")
    assert flat.startswith("avatars/spade    flat maps told apart  ")
    assert other.startswith("avatars/concat   flat maps told apart  ")
    assert flat.endswith("n=272")


def test_a_model_that_is_not_there_is_named(models):
    with pytest.raises(Exception, match="avatars/spade"):
        probe_maps.main("avatars/spade")
