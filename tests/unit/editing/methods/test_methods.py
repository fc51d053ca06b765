"""Methods at work on a family that steps, as a model would put them to work."""

from __future__ import annotations

import pytest
import torch

from families import small_diffusion
from misen.editing.canvas import Canvas
from misen.editing.methods.ilvr import ILVR
from misen.editing.methods.inpaint import Inpaint
from misen.editing.methods.method import Edit
from misen.editing.methods.sdedit import SDEdit
from misen.generators.diffusion.samplers import DpmSolver
from misen.synthesis import plan, synthesize
from misen.synthesis.project import low_pass
from toys import ENCODERS, Euler, ToyDiffusion, energies


def canvas(size: int, mask: torch.Tensor | None = None) -> Canvas:
    return Canvas(torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(1)), mask)


def edited(method, canvas, generator, sampler, strength=1.0, seeds=(1, 2, 3, 4)) -> torch.Tensor:
    made = plan(generator, [], method.known(canvas), sampler=sampler, encoders=ENCODERS, energies=energies())
    edit = Edit(generator=generator, sampler=sampler, plan=made, canvas=canvas, strength=strength)
    beginning = method.begin(edit)
    return synthesize(beginning.generator, sampler, made, seeds=seeds, start=beginning.start).images


@pytest.mark.parametrize("method", [SDEdit(), Inpaint(), ILVR(factor=4), ILVR(factor=2, until=0.5)])
def test_strength_zero_keeps_the_picture_exactly(method):
    given = canvas(8, torch.ones(1, 1, 8, 8) if method.needs > {"picture"} else None)
    images = edited(method, given, ToyDiffusion(), Euler(), strength=0)
    assert torch.equal(images, given.image.expand(4, -1, -1, -1))


def test_inpainting_holds_what_is_black():
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 4:] = 1
    given = canvas(8, mask)
    images = edited(Inpaint(), given, ToyDiffusion(), Euler())
    assert torch.equal(images[..., :4], given.image[..., :4].expand(4, -1, -1, -1))
    assert (images[..., 4:] != given.image[..., 4:]).all()


@pytest.mark.parametrize("factor", [8, 16])
def test_ilvr_keeps_what_is_coarse_and_makes_the_details_anew(factor):
    generator, given = small_diffusion(), canvas(16)
    miss = lambda images: float(low_pass(images - given.image, factor).square().mean().sqrt())  # noqa: E731
    free = edited(SDEdit(), given, generator, DpmSolver(4))
    forced = edited(ILVR(factor), given, generator, DpmSolver(4))
    assert miss(forced) <= 0.03 < 0.1 < miss(free)
    details = forced - low_pass(forced, factor)
    assert details.std(0).mean() > 0.02
