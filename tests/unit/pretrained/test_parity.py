"""The same pictures as diffusers' own pipelines, from the same folder and the same noise."""

from __future__ import annotations

from functools import cache

import diffusers
import pytest
import torch
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

from misen.core.guidance import Guidance
from misen.core.seeding import derive
from misen.modalities.text.signal import Text
from misen.pretrained.stable_diffusion import folder as files
from misen.pretrained.stable_diffusion.scheduler import SAMPLER_OF
from misen.synthesis import Known, Start, plan, synthesize

SCHEDULERS = {sampler: scheduler for scheduler, sampler in SAMPLER_OF.items()}
PROMPT, AVOIDED = "a red circle on grass", "a blue square"
STEPS, SCALE, SEED, CLOSE = 5, 7.5, 3, 1e-4
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning:diffusers"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def pipeline(folder_of):
    """diffusers' pipeline of a folder for some use of it, with one of its schedulers."""
    parts = cache(lambda name: diffusers.DiffusionPipeline.from_pretrained(folder_of(name), local_files_only=True))

    def made(name, sampler, use=""):
        kind = "StableDiffusionXL" if name == "paired" else "StableDiffusion"
        pipe = getattr(diffusers, f"{kind}{use}Pipeline").from_pipe(parts(name))
        pipe.scheduler = getattr(diffusers, SCHEDULERS[sampler]).from_config(pipe.scheduler.config)
        pipe.set_progress_bar_config(disable=True)
        return pipe

    return made


@pytest.fixture
def nothing_random(monkeypatch):
    """diffusers' encoder takes the mode of what it encodes, as ours does."""
    monkeypatch.setattr(DiagonalGaussianDistribution, "sample", lambda self, generator=None: self.mode())


def noise():
    """The stream our noise comes from."""
    return torch.Generator().manual_seed(derive(SEED, "noise"))


def ours(checkpoint, sampler, *, generator=None, start=None, known=None, avoided=()):
    generator, mover = generator or checkpoint.generator, checkpoint.samplers[sampler](STEPS)
    wish = Guidance(signal=Text(PROMPT))
    decided = plan(
        generator, [wish], known, sampler=mover, encoders=checkpoint.encoders, energies={}, scale=SCALE,
        negatives=[Text(words) for words in avoided],
    )  # fmt: skip
    return synthesize(generator, mover, decided, seeds=[SEED], start=start)


def theirs(pipe, output="latent", **settings):
    common = {"prompt": PROMPT, "guidance_scale": SCALE, "num_inference_steps": STEPS, "generator": noise()}
    images = pipe(**common, **settings, output_type=output).images
    return images if output == "latent" else images * 2 - 1


def gap(found, expected):
    """The largest difference, relative where the network's random weights led far out."""
    return ((found - expected).abs().max() / expected.abs().max().clamp(min=1)).item()


@pytest.mark.parametrize("sampler", SCHEDULERS)
@pytest.mark.parametrize("name", ["noise", "velocity", "paired"])
def test_text_to_image(opened, pipeline, name, sampler):
    made, pipe = ours(opened(name), sampler), pipeline(name, sampler)
    assert gap(made.state.value, theirs(pipe, height=32, width=32)) <= CLOSE
    assert (made.images - theirs(pipe, "pt", height=32, width=32)).abs().max() <= CLOSE


@pytest.mark.parametrize("name", ["noise", "paired"])
def test_negative_prompts_and_sizes(opened, pipeline, name):
    generator = opened(name).generator.sized(24, 40)
    made = ours(opened(name), "euler", generator=generator, avoided=[AVOIDED])
    expected = theirs(pipeline(name, "euler"), "pt", height=24, width=40, negative_prompt=AVOIDED)
    assert made.images.shape == (1, 3, 24, 40)
    assert (made.images - expected).abs().max() <= CLOSE
    assert (made.images - ours(opened(name), "euler", generator=generator).images).abs().max() > CLOSE


@pytest.mark.parametrize("sampler", ["euler", "dpm++2m", "unipc"])
def test_schedules_that_end_without_signal(opened, pipeline, sampler):
    made = ours(opened("no signal left"), sampler)
    expected = theirs(pipeline("no signal left", sampler), height=32, width=32)
    assert gap(made.state.value, expected) <= CLOSE


@pytest.mark.parametrize("sampler", ["dpm++2m", "euler", "unipc", "heun"])
def test_levels_that_do_not_go_by_time(opened, pipeline, nothing_random, sampler):
    made, pipe = ours(opened("karras"), sampler), pipeline("karras", sampler)
    assert pipe.scheduler.config.use_karras_sigmas
    assert gap(made.state.value, theirs(pipe, height=32, width=32)) <= CLOSE
    assert (made.images - theirs(pipe, "pt", height=32, width=32)).abs().max() <= CLOSE
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    made = ours(opened("karras"), sampler, start=Start(image * 2 - 1, 0.6))
    assert gap(made.state.value, theirs(pipeline("karras", sampler, "Img2Img"), image=image, strength=0.6)) <= CLOSE


@pytest.mark.parametrize(
    ("name", "samplers"),
    [("exponential", ["heun"]), ("beta", ["euler"]), ("noisy end", ["dpm++2m", "unipc"]),
     ("noisy end of karras", ["dpm++2m", "unipc"])],
)  # fmt: skip
def test_levels_and_ends_of_other_kinds(opened, pipeline, name, samplers):
    for sampler in samplers:
        made, pipe = ours(opened(name), sampler), pipeline(name, sampler)
        assert gap(made.state.value, theirs(pipe, height=32, width=32)) <= CLOSE, sampler
        assert gap(made.state.value, ours(opened("noise"), sampler).state.value) > CLOSE, sampler


def test_a_long_walk_ends_on_noise_with_its_second_order(opened, pipeline, monkeypatch):
    monkeypatch.setitem(globals(), "STEPS", 15)
    made = ours(opened("noisy end"), "dpm++2m")
    assert gap(made.state.value, theirs(pipeline("noisy end", "dpm++2m"), height=32, width=32)) <= CLOSE


@pytest.mark.parametrize("sampler", SCHEDULERS)
@pytest.mark.parametrize("name", ["noise", "paired"])
def test_image_to_image(opened, pipeline, nothing_random, name, sampler):
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    made = ours(opened(name), sampler, start=Start(image * 2 - 1, 0.6))
    pipe = pipeline(name, sampler, "Img2Img")
    assert gap(made.state.value, theirs(pipe, image=image, strength=0.6)) <= CLOSE


@pytest.mark.parametrize("sampler", SCHEDULERS)
def test_inpainting_by_holding_what_is_known(opened, pipeline, nothing_random, sampler):
    image, mask = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)), torch.zeros(1, 1, 32, 32)
    mask[..., 8:24, 4:20] = 1
    known = Known(image * 2 - 1, mask)
    made = ours(opened("noise"), sampler, start=Start(known.image, 0.8), known=known)
    pipe = pipeline("noise", sampler, "Inpaint")
    expected = theirs(pipe, image=image, mask_image=mask, strength=0.8, height=32, width=32)
    free = opened("noise").generator.known(mask).bool().expand_as(expected)
    assert gap(made.state.value[free], expected[free]) <= CLOSE
    assert torch.equal(made.images[mask.expand_as(image) == 0], known.image[mask.expand_as(image) == 0])


@pytest.mark.parametrize("sampler", SCHEDULERS)
def test_inpainting_by_a_network_trained_to(opened, pipeline, nothing_random, sampler):
    image, mask = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)), torch.zeros(1, 1, 32, 32)
    mask[..., 8:24, 4:20] = 1
    known = Known(image * 2 - 1, mask)
    generator = opened("repainter").generator.around(known.image, mask)
    made = ours(opened("repainter"), sampler, generator=generator, known=known)
    pipe = pipeline("repainter", sampler, "Inpaint")
    assert gap(made.state.value, theirs(pipe, image=image, mask_image=mask, height=32, width=32)) <= CLOSE


@pytest.mark.parametrize("name", ["noise", "paired", "repainter"])
def test_what_is_saved_opens_here_and_there(opened, tmp_path, name):
    opened(name).save(tmp_path)
    again = files.load(tmp_path)
    assert torch.equal(ours(again, "ddim").images, ours(opened(name), "ddim").images)
    pipe = diffusers.DiffusionPipeline.from_pretrained(tmp_path, local_files_only=True)
    for part, tensors in pipe.unet.state_dict().items():
        assert torch.equal(tensors, opened(name).parts["unet"].state_dict()[part])
    if name != "repainter":
        pipe.set_progress_bar_config(disable=True)
        assert (ours(again, "ddim").images - theirs(pipe, "pt", height=32, width=32)).abs().max() <= CLOSE
