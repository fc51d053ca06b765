"""ControlNets: the same pictures as diffusers' own pipelines, and refusals of those that fit no model."""

from __future__ import annotations

import json
import shutil
from functools import cache

import diffusers
import pytest
import torch
from diffusers import ControlNetModel
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from PIL import Image

import foreign
from misen.core.adapter import Adapter
from misen.core.errors import InputError, ModelFileError, NotFoundError, Unreachable
from misen.core.guidance import Guidance
from misen.core.image import middle
from misen.core.seeding import derive
from misen.modalities.layout.signal import Layout
from misen.modalities.sketch.signal import Sketch
from misen.modalities.text.signal import Text
from misen.pretrained.raw import raw
from misen.pretrained.stable_diffusion import adapters
from misen.pretrained.stable_diffusion import folder as files
from misen.pretrained.stable_diffusion.scheduler import SAMPLER_OF
from misen.synthesis import Known, Start, plan, synthesize

SCHEDULERS = {sampler: scheduler for scheduler, sampler in SAMPLER_OF.items()}
PROMPT, STEPS, SCALE, SEED, CLOSE = "a red circle on grass", 5, 7.5, 3, 1e-4
XL = {
    "cross_attention_dim": 2 * foreign.WIDTH, "addition_embed_type": "text_time", "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 6 * 8 + 24, "transformer_layers_per_block": (1, 2),
    "use_linear_projection": True,
}  # fmt: skip
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning:diffusers"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture(scope="session")
def control_of(tmp_path_factory):
    """Where a ControlNet for the kind of a folder lies, written once; not to be changed."""
    changes = {"paired": XL}
    return cache(lambda name: foreign.control(tmp_path_factory.mktemp("control") / name, **changes.get(name, {})))


@pytest.fixture(scope="module")
def controlled(folder_of, control_of):
    """A folder opened with a ControlNet for sketches, and one for depth that adds less."""

    @cache
    def made(name):
        checkpoint = files.load(folder_of(name))
        checkpoint = adapters.add(checkpoint, Adapter(str(control_of(name)), modality="sketch"))
        return adapters.add(checkpoint, Adapter(str(control_of(name)), modality="layout", strength=0.5))

    return made


@pytest.fixture(scope="module")
def pipeline(folder_of, control_of):
    """diffusers' pipeline of a folder with its ControlNet, for some use of it."""
    parts = cache(lambda name: diffusers.DiffusionPipeline.from_pretrained(folder_of(name), local_files_only=True))

    def made(name, sampler, use="", count=1):
        kind = "StableDiffusionXL" if name == "paired" else "StableDiffusion"
        beside = [ControlNetModel.from_pretrained(control_of(name)) for _ in range(count)]
        controlnet = beside[0] if count == 1 else beside
        pipe = getattr(diffusers, f"{kind}ControlNet{use}Pipeline").from_pipe(parts(name), controlnet=controlnet)
        pipe.scheduler = getattr(diffusers, SCHEDULERS[sampler]).from_config(pipe.scheduler.config)
        pipe.set_progress_bar_config(disable=True)
        return pipe

    return made


@pytest.fixture
def nothing_random(monkeypatch):
    """diffusers' encoder takes the mode of what it encodes, as ours does."""
    monkeypatch.setattr(DiagonalGaussianDistribution, "sample", lambda self, generator=None: self.mode())


SKETCH = Sketch((torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0)) > 0.7).float())
SHOWN = (SKETCH.preview(32) + 1) / 2


def ours(checkpoint, sampler, *wishes, generator=None, start=None, known=None):
    generator, mover = generator or checkpoint.generator, checkpoint.samplers[sampler](STEPS)
    guidances = [wish if isinstance(wish, Guidance) else Guidance(signal=wish) for wish in (Text(PROMPT), *wishes)]
    decided = plan(
        generator, guidances, known, sampler=mover, encoders=checkpoint.encoders, energies={}, scale=SCALE
    )  # fmt: skip
    return synthesize(generator, mover, decided, seeds=[SEED], start=start)


def theirs(pipe, **settings):
    noise = torch.Generator().manual_seed(derive(SEED, "noise"))
    common = {"prompt": PROMPT, "guidance_scale": SCALE, "num_inference_steps": STEPS, "generator": noise}
    return pipe(**common, **settings, output_type="latent").images


def gap(found, expected):
    """The largest difference, relative where the network's random weights led far out."""
    return ((found - expected).abs().max() / expected.abs().max().clamp(min=1)).item()


@pytest.mark.parametrize("sampler", SCHEDULERS)
@pytest.mark.parametrize("name", ["noise", "paired"])
def test_text_and_sketch_to_image(controlled, pipeline, name, sampler):
    made = ours(controlled(name), sampler, SKETCH)
    pipe = pipeline(name, sampler)
    assert gap(made.state.value, theirs(pipe, image=SHOWN, height=32, width=32)) <= CLOSE
    assert gap(made.state.value, ours(controlled(name), sampler).state.value) > 100 * CLOSE


@pytest.mark.parametrize("sampler", [sampler for sampler in SCHEDULERS if sampler != "heun"])
def test_strength_and_window(controlled, pipeline, sampler):
    wish = Guidance(signal=SKETCH, strength=0.6, window=(0.2, 0.6))
    made = ours(controlled("noise"), sampler, wish)
    acting = {"controlnet_conditioning_scale": 0.6, "control_guidance_start": 0.2, "control_guidance_end": 0.6}
    expected = theirs(pipeline("noise", sampler), image=SHOWN, height=32, width=32, **acting)
    assert gap(made.state.value, expected) <= CLOSE
    assert gap(made.state.value, ours(controlled("noise"), sampler, SKETCH).state.value) > CLOSE


def test_two_control_nets_add_up(controlled, pipeline):
    boxes = Layout([{"label": "head", "box": [0.2, 0.2, 0.7, 0.8]}])
    made = ours(controlled("noise"), "euler", SKETCH, boxes)
    pictures = [SHOWN, (boxes.preview(32) + 1) / 2]
    pipe = pipeline("noise", "euler", count=2)
    expected = theirs(pipe, image=pictures, controlnet_conditioning_scale=[1.0, 0.5], height=32, width=32)
    assert gap(made.state.value, expected) <= CLOSE


def test_raw_pictures_are_shown_as_they_are(folder_of, control_of, pipeline):
    checkpoint = adapters.add(files.load(folder_of("noise")), Adapter(str(control_of("noise")), "sketch", raw=True))
    picture = Image.effect_noise((32, 32), 90).convert("RGB")
    made = ours(checkpoint, "euler", raw("sketch")(picture))
    expected = theirs(pipeline("noise", "euler"), image=picture, height=32, width=32)
    assert gap(made.state.value, expected) <= CLOSE
    with pytest.raises(Unreachable, match=r"sketch cannot be followed .*adapted: no adapter is loaded.*raw-sketch"):
        ours(checkpoint, "euler", SKETCH)


def stretched(picture, height, width):
    return torch.nn.functional.interpolate(picture, (height, width), mode="bilinear", antialias=True)


@pytest.mark.parametrize(
    ("height", "width", "part"), [(24, 40, SHOWN[..., 6:25, :]), (40, 24, SHOWN[..., :, 6:25])], ids=["wide", "tall"]
)
def test_pictures_of_other_shapes_see_the_middle_undistorted(controlled, pipeline, height, width, part):
    made = ours(controlled("noise"), "euler", SKETCH, generator=controlled("noise").generator.sized(height, width))
    expected = theirs(
        pipeline("noise", "euler"), image=stretched(part, height, width), height=height, width=width
    )  # fmt: skip
    assert gap(made.state.value, expected) <= CLOSE


def test_places_span_pictures_of_any_shape(controlled, pipeline):
    boxes = Guidance(signal=Layout([{"label": "head", "box": [0.2, 0.1, 0.7, 0.9]}]), strength=2)
    made = ours(controlled("noise"), "euler", boxes, generator=controlled("noise").generator.sized(24, 40))
    shown = stretched((boxes.signal.preview(32) + 1) / 2, 24, 40)
    expected = theirs(pipeline("noise", "euler"), image=shown, height=24, width=40)
    assert gap(made.state.value, expected) <= CLOSE


def test_a_drawing_of_the_shape_of_the_picture_is_shown_whole():
    ink = torch.zeros(1, 1, 48, 80)
    ink[..., 4:8, 10:70] = 1
    shown = middle((Sketch(ink).preview(80) + 1) / 2, 48, 80)
    assert shown.shape == (1, 3, 48, 80)
    dark = (shown[0, 0] < 0.5).nonzero()
    assert (dark.amin(0) - torch.tensor([4, 10])).abs().max() <= 2
    assert (dark.amax(0) - torch.tensor([7, 69])).abs().max() <= 2


def test_raw_pictures_of_the_shape_of_the_picture_are_shown_whole(folder_of, control_of, pipeline):
    checkpoint = adapters.add(files.load(folder_of("noise")), Adapter(str(control_of("noise")), "layout", raw=True))
    picture = torch.rand(48, 80, 3, generator=torch.Generator().manual_seed(0)).mul(255).byte().numpy()
    made = ours(checkpoint, "euler", raw("layout")(picture), generator=checkpoint.generator.sized(24, 40))
    shown = stretched(torch.from_numpy(picture).movedim(-1, 0)[None] / 255, 24, 40)
    assert gap(made.state.value, theirs(pipeline("noise", "euler"), image=shown, height=24, width=40)) <= CLOSE


@pytest.mark.parametrize("name", ["noise", "paired"])
def test_image_to_image(controlled, pipeline, nothing_random, name):
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    made = ours(controlled(name), "euler", SKETCH, start=Start(image * 2 - 1, 0.6))
    expected = theirs(
        pipeline(name, "euler", "Img2Img"), image=image, control_image=SHOWN, strength=0.6,
        controlnet_conditioning_scale=1.0,
    )  # fmt: skip
    assert gap(made.state.value, expected) <= CLOSE


def test_beside_a_network_trained_to_repaint(folder_of, control_of, pipeline, nothing_random):
    checkpoint = adapters.add(files.load(folder_of("repainter")), Adapter(str(control_of("noise")), modality="sketch"))
    image, mask = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)), torch.zeros(1, 1, 32, 32)
    mask[..., 8:24, 4:20] = 1
    known = Known(image * 2 - 1, mask)
    generator = checkpoint.generator.around(known.image, mask)
    made = ours(checkpoint, "euler", SKETCH, generator=generator, known=known)
    expected = theirs(
        pipeline("repainter", "euler", "Inpaint"), image=image, mask_image=mask, control_image=SHOWN, strength=1.0,
        controlnet_conditioning_scale=1.0, height=32, width=32,
    )  # fmt: skip
    assert gap(made.state.value, expected) <= CLOSE


def test_strength_zero_adds_nothing(controlled, opened):
    made = ours(controlled("noise"), "ddim", Guidance(signal=SKETCH, strength=0))
    assert torch.equal(made.images, ours(opened("noise"), "ddim").images)


def test_its_route_is_adapted(controlled):
    checkpoint = controlled("noise")
    wishes = [Guidance(signal=SKETCH), Guidance(signal=Text(PROMPT))]
    how = {"sampler": checkpoint.samplers["ddim"](STEPS), "encoders": checkpoint.encoders, "energies": {}}
    decided = plan(checkpoint.generator, wishes, **how)
    assert [decision.route for decision in decided.decisions] == ["adapted", "native"]
    assert "adapter 'controlnet-1' was trained on sketch" in decided.explain()
    with pytest.raises(Unreachable, match="adapted: adapter 'controlnet-1' takes one map at a time"):
        plan(checkpoint.generator, [wishes[0], wishes[0]], **how)


def refused(error, checkpoint, path, **options):
    with pytest.raises(error) as caught:
        adapters.add(checkpoint, Adapter(str(path), **{"modality": "sketch", **options}))
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"cross_attention_dim": 16}, "cross_attention_dim is 16 and not 32"),
        ({"block_out_channels": (16, 16)}, "block_out_channels is [16, 16] and not [16, 32]"),
        (XL, "addition_embed_type is 'text_time' and not None"),
        ({"conditioning_embedding_out_channels": (8, 16, 32)}, "scale of pictures is 4 and not 2"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_one_for_another_model_is_refused(opened, tmp_path, changes, complaint):
    message = refused(ModelFileError, opened("noise"), foreign.control(tmp_path, **changes))
    assert complaint in message
    assert "trained for this version" in message
    assert not opened("noise").generator.denoiser.controls


def test_other_folders_are_refused(opened, control_of, folder_of, tmp_path):
    assert "is a UNet2DConditionModel" in refused(ModelFileError, opened("noise"), folder_of("noise") / "unet")
    assert "there is no adapter" in refused(NotFoundError, opened("noise"), tmp_path / "nothing")
    copied = shutil.copytree(control_of("noise"), tmp_path / "control")
    weights = copied / "diffusion_pytorch_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-4])
    assert "cut off" in refused(ModelFileError, opened("noise"), copied)
    weights.write_bytes(b"\x80\x02 pickled")
    assert "pickle refused" in refused(ModelFileError, opened("noise"), copied)
    weights.write_bytes(whole)
    config = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps({**config, "global_pool_conditions": True}))
    assert "global_pool_conditions is True" in refused(ModelFileError, opened("noise"), copied)


def test_a_control_net_needs_a_modality_with_pictures(opened, control_of):
    message = refused(InputError, opened("noise"), control_of("noise"), modality="")
    assert "needs the modality that guides through it" in message
    assert "accepted: depth, exemplar, landmarks, layout, segmentation, sketch" in message
    assert "did you mean 'sketch'" in refused(InputError, opened("noise"), control_of("noise"), modality="sketsch")
