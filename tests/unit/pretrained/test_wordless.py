"""Latent diffusion that is told nothing: diffusers' own picture, and all that consistency and pictures can do."""

from __future__ import annotations

import json

import diffusers
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensor

import foreign
import misen
from misen.core.adapter import Adapter
from misen.core.errors import InputError, ModelFileError, Unreachable
from misen.core.guidance import Guidance
from misen.core.seeding import derive
from misen.modalities.text.signal import Text
from misen.nn.rehearsal import stage
from misen.pretrained.stable_diffusion import adapters
from misen.pretrained.stable_diffusion import folder as files
from misen.pretrained.stable_diffusion.scheduler import SAMPLER_OF
from misen.synthesis import Known, Start, plan, synthesize

SCHEDULERS = {sampler: scheduler for scheduler, sampler in SAMPLER_OF.items()}
STEPS, SEED, CLOSE = 5, 3, 1e-4
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning:diffusers"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture
def wordless(opened):
    return opened("wordless")


def ours(checkpoint, sampler="ddim", wishes=(), energies=None, **how):
    generator, mover = checkpoint.generator, checkpoint.samplers[sampler](STEPS)
    tools = {"encoders": checkpoint.encoders, "energies": energies or {}}
    decided = plan(generator, wishes, how.get("known"), sampler=mover, **tools)
    return synthesize(generator, mover, decided, seeds=[SEED], start=how.get("start")).images


def theirs(folder, sampler="ddim"):
    """Diffusers' picture in [-1, 1]; its pipeline asks how much noise there is before it says how many steps."""
    pipe = diffusers.LDMPipeline.from_pretrained(folder, local_files_only=True)
    pipe.scheduler = getattr(diffusers, SCHEDULERS[sampler]).from_config(pipe.scheduler.config)
    pipe.scheduler.set_timesteps(STEPS)
    pipe.set_progress_bar_config(disable=True)
    noise = torch.Generator().manual_seed(derive(SEED, "noise"))
    made = pipe(generator=noise, num_inference_steps=STEPS, output_type="np").images
    return torch.from_numpy(made).movedim(-1, 1) * 2 - 1


@pytest.mark.parametrize("sampler", SCHEDULERS)
def test_the_same_picture_as_diffusers(wordless, folder_of, sampler):
    made = ours(wordless, sampler)
    assert made.shape == (1, 3, 32, 32)
    assert made.std() > 0.01
    assert (made - theirs(folder_of("wordless"), sampler)).abs().max() <= CLOSE


def test_what_is_saved_opens_here_and_there(wordless, tmp_path):
    wordless.save(tmp_path)
    made = ours(files.load(tmp_path))
    assert torch.equal(made, ours(wordless))
    assert (made - theirs(tmp_path)).abs().max() <= CLOSE


def test_it_opens_like_any_model(folder_of):
    model = misen.load(folder_of("wordless"))
    [picture] = model.synthesize(seed=SEED, num_inference_steps=STEPS).images
    assert (picture.tensor[None] - theirs(folder_of("wordless"))).abs().max() <= CLOSE
    assert not model.opened.generator.ports
    assert not model.opened.own_encoders
    assert (model.opened.defaults.sampler, model.opened.defaults.scale) == ("ddim", 1.0)


def test_an_outline_plans_without_weights(wordless, folder_of):
    outlined, whole = files.outline(folder_of("wordless"), stage()).generator, wordless.generator
    assert (outlined.ports, outlined.shape, outlined.side_step) == ({}, whole.shape, whole.side_step)
    assert all(isinstance(parameter, FakeTensor) for parameter in outlined.network.parameters())
    networks = [part for part in wordless.parts.values() if isinstance(part, torch.nn.Module)]
    numbers = sum(parameter.numel() for network in networks for parameter in network.parameters())
    assert files.weigh(folder_of("wordless")).opened == 4 * numbers


def test_words_have_no_port_and_pictures_and_sizes_have_a_use(wordless):
    with pytest.raises(Unreachable, match="text cannot be followed"):
        ours(wordless, wishes=[Guidance(signal=Text("a"), route="native")])
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    mask = (torch.arange(32) < 16).float().expand(1, 1, 32, -1)
    kept = ours(wordless, known=Known(image, mask))
    assert torch.equal(kept[..., 16:], image[..., 16:])
    assert (ours(wordless, start=Start(image, 0.4)) - ours(wordless)).abs().max() > CLOSE
    assert wordless.generator.sized(24, 40).shape == (4, 12, 20)
    assert wordless.generator.null(2) == {}
    with pytest.raises(InputError, match="without words"):
        wordless.generator.reusing(2)


def test_energies_steer_it(wordless):
    class Darkness:
        def begin(self, signal, first):
            return lambda view: (view.image + 1).square().mean((1, 2, 3))

    wish = Guidance(signal=Text("night"), route="consistency")
    assert ours(wordless, wishes=[wish], energies={"text": Darkness()}).mean() < ours(wordless).mean()


def test_networks_of_another_kind_are_refused(tmp_path):
    foreign.plain(tmp_path / "words")
    index = tmp_path / "words" / "model_index.json"
    index.write_text(json.dumps({**json.loads(index.read_text()), "_class_name": "LDMPipeline"}))
    (tmp_path / "words" / "vae").rename(tmp_path / "words" / "vqvae")
    with pytest.raises(ModelFileError, match="UNet2DModel"):
        files.load(tmp_path / "words")
    with pytest.raises(ModelFileError, match=r"num_class_embeds is 3 and not None"):
        files.load(foreign.wordless(tmp_path / "classes", num_class_embeds=3))


def test_what_is_made_for_words_does_not_fit(wordless, tmp_path):
    control = Adapter(str(foreign.control(tmp_path / "control")), modality="sketch")
    with pytest.raises(ModelFileError, match="cross_attention_dim is 32 and not None"):
        adapters.add(wordless, control)
    assert not wordless.generator.ports
