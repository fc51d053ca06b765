"""Models that make pictures of latents: inverted in their own ways, and edited from what was found."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from misen.app import Model, Recipe
from misen.app.inversion import fitting
from misen.assembly import Defaults, Opened
from misen.core.errors import InputError, Unreachable
from misen.core.seeding import Streams
from misen.editing.methods.drag import Drag
from misen.inversion import StateFile
from misen.metrics.fidelity import psnr
from walkers import Blind, Stroll, ToyLayers


def modelled(generator) -> Model:
    """A model of the toy family, whose guided walks are short."""
    opened = Opened(
        name="layers",
        generator=generator,
        samplers={"stroll": lambda steps: Stroll(steps)},
        defaults=Defaults("stroll", 6, 1.0),
        sha256="ab" * 32,
        save=lambda folder: None,
    )
    return Model(opened)


@pytest.fixture
def model() -> Model:
    return modelled(ToyLayers())


@pytest.fixture
def face() -> torch.Tensor:
    generator = ToyLayers()
    return generator.finish(generator.start(1, Streams((4,))))[0]


def test_the_method_goes_by_the_model(model: Model, face) -> None:
    found = model.invert(face, num_inference_steps=3)
    assert (found.method, found.steps, found.report()["steps"]) == ("hybrid", 3, 3)
    assert modelled(Blind()).invert(face, num_inference_steps=2).method == "optimize"
    told = model.invert(face, method="encoder")
    assert (told.steps, told.recipe.sampler) == (0, "stroll")
    assert {"psnr", "psnr_ceiling"} <= told.fidelity().keys()


def test_searching_comes_closer_and_one_latent_less(model: Model, face) -> None:
    figures = {
        name: model.invert(face, **how).fidelity()["psnr"]
        for name, how in {
            "encoder": {"method": "encoder"},
            "hybrid": {"method": "hybrid", "num_inference_steps": 20},
            "w": {"method": "hybrid", "num_inference_steps": 20, "space": "w"},
            "tuned": {"method": "encoder", "tune": 10},
        }.items()
    }
    assert figures["hybrid"] > figures["encoder"]
    assert figures["tuned"] > figures["encoder"]
    assert figures["w"] != figures["hybrid"]


def test_the_work_is_told_from_nothing_to_all(model: Model, face) -> None:
    heard: list[float] = []
    model.invert(face, method="hybrid", num_inference_steps=4, tune=4, callback=heard.append)
    assert heard == sorted(heard)
    assert heard[0] == 0
    assert heard[-1] == 1
    assert 0.5 in heard


def test_an_edit_goes_on_from_latents_and_a_tuned_network(model: Model, face, tmp_path: Path) -> None:
    found = model.invert(face, method="encoder", tune=10)
    path = found.save(tmp_path / "state.safetensors")
    read = StateFile.read(path)
    assert (read.method, sorted(read.tensors)) == ("encoder", ["latents", "network.affine", "network.paint"])
    [again] = model.edit(path, seed=1).images
    assert psnr(again.tensor[None], found.inversion.images).item() > 60
    assert again.recipe.canvas.method == "invert"
    assert Recipe.parse(again.recipe.canonical()) == again.recipe
    [other] = model.edit(path, method="sdedit", strength=0.0, seed=1).images  # the picture itself, by the encoder
    assert torch.allclose(other.tensor, model.invert(face, method="encoder").inversion.images[0], atol=0.1)


def test_an_edit_finds_the_latents_itself(model: Model, face) -> None:
    [made] = model.edit(face, method="invert:search=30", seed=1).images
    assert psnr(made.tensor[None], face[None]).item() > 25
    plan = model.plan(image=face, method="invert:search=30,tune=2", seed=1)
    assert plan.besides == {"the latents": 30, "the network": 2}
    assert fitting(Drag(), model.opened.defaults, model.opened) == model.opened.defaults


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"method": "ddin"}, "did you mean 'ddim'"),
        ({"method": "encoder", "num_inference_steps": 5}, "encoder has no use for num_inference_steps"),
        ({"method": "hybrid", "space": "v"}, "space must be one of w, w+, got 'v'"),
        ({"method": "hybrid", "num_inference_steps": -1}, "num_inference_steps must be a whole number from 0"),
        ({"method": "hybrid", "tune": 1.5}, "tune must be a whole number"),
    ],
)
def test_what_makes_no_sense_is_refused(model: Model, face, settings, complaint) -> None:
    with pytest.raises(InputError) as caught:
        model.invert(face, **settings)
    assert complaint in str(caught.value)


def test_ways_that_a_model_does_not_have_are_refused(model: Model, face) -> None:
    with pytest.raises(Unreachable, match="no sampler of layers has a way back"):
        model.invert(face, method="ddim")
    with pytest.raises(Unreachable, match="no encoder"):
        modelled(Blind()).invert(face, method="encoder")
