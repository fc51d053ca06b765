"""The shapes in signatures are enforced wherever tests run, so that they stay true."""

from __future__ import annotations

from dataclasses import fields

import pytest
import torch
from jaxtyping import TypeCheckError

from misen.codecs.layers import Encoder
from misen.core.condition import Condition
from misen.core.estimate import Estimate
from misen.core.image import from_bytes, resize, to_bytes
from misen.core.view import View
from misen.generators.diffusion.denoiser import Denoiser, DenoiserSettings
from misen.generators.diffusion.ports import PortSettings
from misen.generators.diffusion.schedule import velocity
from misen.generators.diffusion.state import Latents
from misen.inversion.reverse import finite
from misen.metrics.fid import Moments
from misen.metrics.kid import kernel_distance
from misen.metrics.lpips import Lpips
from misen.metrics.precision_recall import neighbourhoods
from misen.nn.contrastive import similarities
from misen.nn.fusion.cross_attention import TokensEntrance
from misen.nn.pooling import soft_argmax
from misen.nn.residual import ResidualPyramid
from misen.perception.objective import facing_of
from misen.perception.reading import Reading
from misen.synthesis.project import Known, composite

IMAGES = torch.zeros(2, 3, 8, 8)
SHAPES = {
    "attributes": (2, 77), "segmentation": (2, 17, 64, 64), "landmarks": (2, 32, 2), "landmarks_visible": (2, 32),
    "camera": (2, 3), "facing": (2, 3), "depth": (2, 1, 64, 64), "identity": (2, 64), "expression": (2, 12),
    "features": (2, 256),
}  # fmt: skip


def reading(**changed: tuple[int, ...]) -> Reading:
    tensors = {name: torch.zeros(shape) for name, shape in {**SHAPES, **changed}.items()}
    return Reading(**tensors, pyramid=(torch.zeros(2, 8, 32, 32), torch.zeros(2, 16, 16, 16)))


def test_a_reading_of_the_documented_shapes_is_accepted():
    assert {field.name for field in fields(reading())} == {*SHAPES, "pyramid"}


@pytest.mark.parametrize("name", SHAPES)
def test_a_reading_is_of_one_batch(name):
    with pytest.raises(TypeCheckError, match=name):
        reading(**{name: (3, *SHAPES[name][1:])})


@pytest.mark.parametrize(
    ("name", "shape"),
    [("segmentation", (2, 16, 64, 64)), ("depth", (2, 1, 32, 32)), ("landmarks", (2, 32, 3)), ("camera", (2, 5))],
)
def test_a_reading_has_the_axes_of_the_world(name, shape):
    with pytest.raises(TypeCheckError):
        reading(**{name: shape})


REFUSED = {
    "pictures have three channels": lambda: to_bytes(torch.zeros(2, 4, 8, 8)),
    "pictures are floats": lambda: to_bytes(IMAGES.byte()),
    "bytes have their channels last": lambda: from_bytes(IMAGES.byte()),
    "a picture alone is no batch": lambda: View(IMAGES[0]),
    "a picture alone is not resized": lambda: resize(IMAGES[0], 4),
    "a condition is of one batch": lambda: Condition("vector", torch.zeros(2, 5), torch.ones(3, dtype=torch.bool)),
    "a mask has the tokens' length": lambda: Condition.full(
        "tokens", torch.zeros(2, 5, 7), torch.ones(2, 6, dtype=torch.bool)
    ),
    "presence is yes or no": lambda: Condition("vector", torch.zeros(2, 5), torch.ones(2)),
    "conditions have a layout": lambda: Condition.full("map", torch.zeros(2, 5, 7, 7, 7)),
    "points are floats": lambda: Estimate(torch.zeros(2, 4, dtype=torch.int64), View),
    "spaces agree": lambda: similarities(torch.zeros(2, 5), torch.zeros(3, 6), 1.0),
    "heat maps have four axes": lambda: soft_argmax(torch.zeros(2, 32, 8)),
    "backbones read pictures": lambda: ResidualPyramid((8, 8), (0, 0))(torch.zeros(2, 12, 8, 8)),
    "encoders read maps": lambda: Encoder((8, 8), (1, 1), 8)(torch.zeros(2, 8, 8)),
    "tokens have three axes": lambda: TokensEntrance(5, 8)(torch.zeros(2, 5)),
    "yaws are one per item": lambda: facing_of(torch.zeros(2, 3)),
    "latents have four axes": lambda: Latents(torch.zeros(4, 8, 8)),
    "noise has the shape of latents": lambda: velocity(torch.zeros(2, 4, 8, 8), torch.zeros(1, 4, 8, 8), 0.6, 0.8),
    "masks have one channel": lambda: Known(IMAGES, IMAGES),
    "a mask is as large as its picture": lambda: composite(IMAGES, Known(IMAGES, torch.zeros(2, 1, 4, 4))),
    "moments are square": lambda: Moments(torch.zeros(4).double(), torch.zeros(4, 5).double()),
    "moments are of one width": lambda: Moments(torch.zeros(4).double(), torch.zeros(5, 5).double()),
    "moments are in double precision": lambda: Moments(torch.zeros(4), torch.zeros(4, 4)),
    "reals and fakes share a space": lambda: kernel_distance(torch.zeros(9, 4), torch.zeros(9, 5)),
    "neighbourhoods lie in one space": lambda: neighbourhoods(torch.zeros(9, 4), torch.zeros(9, 5)),
    "a rebuilt picture alone is no batch": lambda: finite(IMAGES[0]),
    "pairs of pictures are of one size": lambda: Lpips(lambda images: [images])(IMAGES, IMAGES[..., :4]),
}


@pytest.mark.parametrize("broken", REFUSED.values(), ids=[name.replace(" ", "-") for name in REFUSED])
def test_other_shapes_are_refused(broken):
    with pytest.raises(TypeCheckError):
        broken()


def test_a_denoiser_takes_latents_and_one_time_per_item():
    settings = DenoiserSettings(channels=(16, 32), heads=2, tokens=16, latent_size=8)
    denoiser = Denoiser(settings.unet(), [PortSettings("words", "tokens", 16, 8)], stride=4)
    times = torch.tensor([3, 4])
    assert denoiser(torch.zeros(2, 4, 8, 8), times, {}).shape == (2, 4, 8, 8)
    for latents, given in ((torch.zeros(2, 4, 64), times), (torch.zeros(3, 4, 8, 8), times)):
        with pytest.raises(TypeCheckError, match="Denoiser"):
            denoiser(latents, given, {})


def test_half_precision_is_a_float_too():
    assert Condition.full("vector", torch.zeros(2, 5, dtype=torch.bfloat16)).value.dtype == torch.bfloat16
    assert View(IMAGES.half()).image.dtype == torch.float16
