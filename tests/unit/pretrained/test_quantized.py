"""Models whose autoencoder rounds to codes: the same pictures as diffusers' own pipelines."""

from __future__ import annotations

import diffusers
import pytest
import torch
from diffusers import VQModel
from diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion import LDMBertModel

from misen.core.guidance import Guidance
from misen.core.seeding import derive
from misen.modalities.text.signal import Text
from misen.nn.rehearsal import stage
from misen.pretrained.stable_diffusion import folder as files
from misen.synthesis import Start, plan, synthesize

PROMPT, STEPS, SCALE, SEED, CLOSE = "a red circle on grass", 5, 5.0, 3, 1e-4
NAMES = ("codes", "early", "early with CLIP")
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning:diffusers"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


def ours(checkpoint, start=None):
    generator, mover = checkpoint.generator, checkpoint.samplers["ddim"](STEPS)
    wish = Guidance(signal=Text(PROMPT))
    decided = plan(generator, [wish], sampler=mover, encoders=checkpoint.encoders, energies={}, scale=SCALE)
    return synthesize(generator, mover, decided, seeds=[SEED], start=start)


def theirs(folder):
    """Diffusers' picture in [-1, 1]; its pipeline asks no autoencoder with codes to decode, so that is done here."""
    pipe = diffusers.DiffusionPipeline.from_pretrained(folder, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    noise = torch.Generator().manual_seed(derive(SEED, "noise"))
    settings = {"guidance_scale": SCALE, "num_inference_steps": STEPS, "generator": noise}
    if isinstance(pipe, diffusers.LDMTextToImagePipeline):
        return pipe(PROMPT, height=128, width=128, output_type="pt", **settings).images * 2 - 1
    latents = pipe(PROMPT, output_type="latent", **settings).images
    with torch.no_grad():
        return pipe.vae.decode(latents / pipe.vae.config.scaling_factor).sample.clamp(-1, 1)


def test_the_same_picture_as_diffusers(opened, folder_of, name):
    made = ours(opened(name)).images
    assert made.shape == (1, 3, 32, 32)
    assert made.std() > 0.01
    assert (made - theirs(folder_of(name))).abs().max() <= CLOSE


def test_what_is_saved_opens_here_and_there(opened, tmp_path, name):
    opened(name).save(tmp_path)
    made = ours(files.load(tmp_path)).images
    assert torch.equal(made, ours(opened(name)).images)
    assert (made - theirs(tmp_path)).abs().max() <= CLOSE


def test_the_state_is_what_is_not_rounded(opened, name):
    generator = opened(name).generator
    assert isinstance(generator.autoencoder, VQModel)
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    latents = generator.encode(image)
    with torch.no_grad():
        expected = generator.autoencoder.encode(image).latents * generator.autoencoder.config.scaling_factor
    assert torch.equal(latents, expected)
    assert torch.isfinite(ours(opened(name), Start(image, 0.6)).images).all()


def test_networks_are_those_that_the_folder_names(opened):
    assert isinstance(opened("early").parts["bert"], LDMBertModel)
    assert opened("early").encoders["text"].width("tokens") == 32
    assert type(opened("early with CLIP").parts["bert"]).__name__ == "CLIPTextModel"


def test_an_outline_plans_without_weights(folder_of, opened, name):
    outlined, whole = files.outline(folder_of(name), stage()).generator, opened(name).generator
    assert (outlined.ports, outlined.shape, outlined.side_step) == (whole.ports, whole.shape, whole.side_step)
    networks = [part for part in opened(name).parts.values() if isinstance(part, torch.nn.Module)]
    numbers = sum(parameter.numel() for network in networks for parameter in network.parameters())
    assert files.weigh(folder_of(name)).opened == 4 * numbers
