"""Inverting a picture with a model: the state is kept with everything that rebuilds the picture."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from families import small_diffusion
from misen.app import Inverted, Model, Recipe
from misen.app.inversion import destination, reversible
from misen.assembly import Defaults, Opened
from misen.core.errors import InputError, ModelFileError, StorageError, Unreachable
from misen.core.registry import modalities
from misen.generators.diffusion.samplers import SAMPLERS
from misen.inversion import StateFile
from toys import port

STEPS = 4


@pytest.fixture
def small() -> Model:
    """Latent diffusion in miniature, at 16 pixels."""
    opened = Opened(
        name="small",
        generator=small_diffusion(),
        samplers=SAMPLERS,
        defaults=Defaults("dpm++2m", 3, 2.0),
        sha256="cd" * 32,
        save=lambda folder: None,
    )
    return Model(opened)


@pytest.fixture
def face() -> torch.Tensor:
    return torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(2)) * 2 - 1


@pytest.fixture
def inverted(small: Model, face: torch.Tensor) -> Inverted:
    return small.invert(face, num_inference_steps=STEPS)


def test_a_picture_is_inverted_and_kept(small: Model, inverted: Inverted, tmp_path: Path) -> None:
    read = StateFile.read(inverted.save(tmp_path / "state.safetensors"))
    read.require(small.name, small.opened.sha256)
    assert read.method == "ddim"
    assert torch.equal(small.opened.generator.unpack(read.tensors).value, inverted.state.value)
    assert read.fidelity == inverted.fidelity()
    assert read.fidelity["psnr_codec"] > 40
    report = inverted.report()
    assert (report["steps"], report["guidance_scale"], report["method"]) == (STEPS, 1.0, "ddim")
    recipe = Recipe.model_validate(read.recipe)
    assert (recipe.sampler, recipe.num_inference_steps, recipe.model.sha256) == ("ddim", STEPS, "cd" * 32)
    assert recipe.canvas is not None


def test_an_edit_goes_on_from_a_state(small: Model, inverted: Inverted, tmp_path: Path, monkeypatch) -> None:
    path = inverted.save(tmp_path / "state.safetensors")
    rebuilt = inverted.inversion.images[0]
    with monkeypatch.context() as patch:
        patch.setattr("misen.editing.methods.invert.invert", lambda *_, **__: pytest.fail("it is inverted again"))
        result = small.edit(path, seed=3)
    assert torch.allclose(result.images[0].tensor, rebuilt, atol=1e-4)
    assert (result.recipe.canvas.method, result.recipe.sampler) == ("invert", "ddim")
    [replayed] = small.fulfil(small.order(result.recipe)).images  # a recipe holds the picture, which is inverted again
    assert torch.allclose(replayed.tensor, rebuilt, atol=1e-4)
    [late] = small.edit(path, strength=0.5, seed=3).images
    assert torch.allclose(late.tensor, rebuilt, atol=1e-2)


def test_an_edit_from_a_state_is_as_the_inversion_was(small: Model, inverted: Inverted, tmp_path: Path) -> None:
    path = inverted.save(tmp_path / "state.safetensors")
    for setting in ({"num_inference_steps": 7}, {"sampler": "euler"}, {"method": "ilvr"}):
        with pytest.raises(InputError, match=f"another {next(iter(setting))}"):
            small.edit(path, **setting)
    with pytest.raises(ModelFileError, match="other weights"):
        Model(replace(small.opened, sha256="ef" * 32)).edit(path)
    with pytest.raises(InputError, match="cannot be combined with a mask"):
        small.edit(path, mask=torch.ones(1, 16, 16))


def test_what_cannot_be_inverted_is_said_before_anything_is_computed(small: Model, face, monkeypatch) -> None:
    monkeypatch.setattr(type(small.opened.generator), "predict", lambda *_: pytest.fail("it computes"))
    with pytest.raises(InputError, match=r"no method of inversion 'dim'.*did you mean 'ddim'"):
        small.invert(face, method="dim")
    with pytest.raises(InputError, match="null-text needs guidance"):
        small.invert(face, method="null-text")
    with pytest.raises(InputError, match="num_inference_steps"):
        small.invert(face, num_inference_steps=0)


def test_a_family_without_a_way_back_says_so(model: Model) -> None:
    with pytest.raises(Unreachable, match="no sampler of toy has a way back"):
        reversible(model.opened)


def test_where_a_state_goes_is_settled_first(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="written as safetensors"):
        destination(tmp_path / "state.png")
    (taken := tmp_path / "state.safetensors").touch()
    with pytest.raises(StorageError, match="exists"):
        destination(taken)
    assert destination(taken, overwrite=True) == taken
    with pytest.raises(StorageError, match="there is no folder"):
        destination(tmp_path / "none" / "state.safetensors")


def test_null_text_keeps_its_nulls(small: Model, face, tmp_path: Path) -> None:
    generator: Any = copy.copy(small.opened.generator)
    signal = modalities()["camera"].signal.parse("yaw=20")
    generator.ports = {"vector": port("camera")}
    generator.predict = lambda state, level, given: small.opened.generator.predict(state, level, _narrow(given))
    model = Model(Opened(**{**vars(small.opened), "generator": generator}))
    inverted = model.invert(face, signal, method="null-text", num_inference_steps=2, guidance_scale=5.0)
    path = inverted.save(tmp_path / "state.safetensors")
    tensors = StateFile.read(path).tensors
    assert set(tensors) == {"latents", "null.0.stock", "null.1.stock"}
    assert not torch.equal(tensors["null.0.stock"], generator.null(1)["stock"].value)
    assert inverted.report()["guidance_scale"] == 5.0
    with pytest.raises(InputError, match="words or nothing"):
        model.edit(path, signal)


def _narrow(given):
    """The camera's eight numbers as the three that the miniature's port takes."""
    return {name: replace(one, value=5 * one.value[:, :3]) if name == "vector" else one for name, one in given.items()}
