"""Inverting a picture with a model: the state is kept with everything that rebuilds the picture."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from families import small_diffusion
from misen import assembly
from misen.app import Inverted, Model, Recipe, replay, run
from misen.app.inversion import destination, fitting, reversible
from misen.assembly import Defaults, Opened
from misen.core.errors import InputError, ModelFileError, NotFoundError, StorageError, Unreachable
from misen.core.generator import answering
from misen.core.registry import modalities
from misen.core.seeding import Streams
from misen.editing.memory import Memory
from misen.editing.methods.diffusionclip import DiffusionCLIP
from misen.editing.methods.invert import Invert
from misen.editing.methods.method import WAY_BACK
from misen.editing.methods.null_text import NullText
from misen.editing.methods.prompt_to_prompt import PromptToPrompt
from misen.editing.methods.sdedit import SDEdit
from misen.generators.diffusion import lora
from misen.generators.diffusion.samplers import SAMPLERS
from misen.inversion import NullText as Nulls
from misen.inversion import StateFile
from misen.inversion.way import Way
from misen.metrics.fidelity import psnr
from misen.nn.description import write_card
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


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        (SDEdit(), ("euler", 20)),
        (Invert(), ("ddim", WAY_BACK)),
        (NullText(), ("ddim", WAY_BACK)),
        (DiffusionCLIP(), ("ddim", 12)),
        (PromptToPrompt(), ("ddim", WAY_BACK)),
        (PromptToPrompt(seed=3), ("euler", 20)),
    ],
)
def test_methods_that_walk_back_get_a_sampler_that_can(small: Model, method, settings) -> None:
    found = fitting(method, Defaults("euler", 20, 3.0), small.opened)
    assert (found.sampler, found.steps, found.scale) == (*settings, 3.0)


@pytest.fixture
def adapter(small: Model, tmp_path: Path) -> Path:
    """A folder of changes as if they had been learned."""
    network = small.opened.generator.network
    learning = lora.attach(network, 2)
    for parameter in learning:
        parameter.data = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(len(parameter)))
    lora.save(tmp_path / "adapter", lora.detach(network))
    write_card(tmp_path / "adapter", {"base": {"name": "small", "sha256": small.opened.sha256}})
    return tmp_path / "adapter"


def test_what_was_tuned_changes_a_picture_and_nothing_of_it_makes_it_again(small: Model, face, adapter: Path) -> None:
    before = {name: tensor.clone() for name, tensor in small.opened.generator.network.state_dict().items()}
    codec, still, moved = (
        small.edit(face, method=f"diffusionclip:adapter={adapter},share={share}", seed=0, **settings).images[0].tensor
        for share, settings in ((1, {"strength": 0}), (0, {}), (1, {}))
    )
    assert psnr(still[None], codec[None]) > 40
    assert psnr(moved[None], codec[None]) < 35
    assert all(torch.equal(t, before[name]) for name, t in small.opened.generator.network.state_dict().items())
    with pytest.raises(ModelFileError, match="tuned on other weights"):
        Model(replace(small.opened, sha256="ef" * 32)).edit(face, method=f"diffusionclip:adapter={adapter}")


def test_what_was_tuned_is_in_the_recipe_and_told_from_another(small, face, adapter, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(assembly, "open_model", lambda name, device, adapters: small.opened)
    [made] = small.edit(face, method=f"diffusionclip:adapter={adapter}", seed=0, num_inference_steps=2).images
    [file] = made.recipe.files
    assert file == f"{adapter}/{lora.FILE}"
    path = made.save(tmp_path / "made.png")
    assert replay(path).status == "identical"
    lora.save(adapter, {name: -3 * tensor for name, tensor in lora.read(adapter).items()})
    with pytest.raises(InputError, match=f"{lora.FILE} is not as it was"):
        run(made.recipe)
    assert replay(path).field == f"files.{file}"


def test_the_way_back_is_walked_once_for_many_edits(small: Model, face, adapter: Path, monkeypatch) -> None:
    walked, memory = [], Memory()
    back = Way.back
    monkeypatch.setattr(Way, "back", lambda *given: walked.append(len(given[0].levels)) or back(*given))
    for share in (0, 0.5):
        small.edit(face, method=f"diffusionclip:adapter={adapter},share={share}", num_images=2, memory=memory)
    assert walked == [6]


def test_nothing_to_change_by_is_refused(small: Model, face) -> None:
    with pytest.raises(InputError, match="method diffusionclip needs an adapter"):
        small.edit(face, method="diffusionclip")
    with pytest.raises(NotFoundError, match="there is no model at"):
        small.edit(face, method="diffusionclip:adapter=nowhere")


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


def test_nulls_of_one_picture_serve_several(small: Model) -> None:
    generator: Any = small.opened.generator
    first, *_ = SAMPLERS["ddim"](2).levels(guided=False)
    null = {"stock": replace(generator.null(1)["stock"], value=torch.ones(1, 64, 8))}
    follower = answering(generator, Nulls(generator, [null, null]).predict)
    state = generator.start(3, Streams([1, 2, 3]))
    with torch.no_grad():
        together = follower.predict(state, first, {}).point
        alone = follower.predict(state.at(state.value[1:2]), first, {}).point
    assert torch.allclose(together[1:2], alone, atol=1e-5)


def _narrow(given):
    """The camera's eight numbers as the three that the miniature's port takes."""
    return {name: replace(one, value=5 * one.value[:, :3]) if name == "vector" else one for name, one in given.items()}


def test_several_edits_at_once_are_as_one_by_one(small: Model, inverted: Inverted, face, tmp_path: Path) -> None:
    path = inverted.save(tmp_path / "state.safetensors")
    for image, settings in ((path, {}), (face, {"method": "invert", "sampler": "ddim", "strength": 0.5})):
        settings = {"seed": 3, "num_images": 3, "num_inference_steps": STEPS, **settings}
        together, alone = (small.synthesize(image=image, batch_size=size, **settings) for size in (2, 1))
        for one, other in zip(together.images, alone.images, strict=True):
            assert torch.allclose(one.tensor, other.tensor, atol=1e-4)


def test_the_plan_counts_the_way_back(small: Model, inverted: Inverted, face, tmp_path: Path) -> None:
    settings = {"method": "invert:refinements=2", "sampler": "ddim", "num_inference_steps": STEPS, "seed": 1}
    plan = small.plan(image=face, **settings)
    assert plan.besides == {"the way back": 4 * STEPS}
    assert plan.evaluations == 5 * STEPS
    assert small.plan(image=inverted.save(tmp_path / "state.safetensors"), seed=1).besides == {}
