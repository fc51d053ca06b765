"""Walking back: resampling rebuilds the picture, thanks to refinement, and what has no way back says so."""

from __future__ import annotations

import pytest
import torch

from misen.core.errors import NotFinite, Unreachable
from misen.core.seeding import Streams
from misen.generators.diffusion.samplers import DpmSolver
from misen.inversion import invert
from misen.inversion.reverse import finite
from misen.metrics.fidelity import psnr
from misen.synthesis import Resume, plan, synthesize
from toys import ToyWalker, Walk


def test_resampling_rebuilds_the_picture_and_plain_reversal_does_not(generator, sampler, tinted, pictures) -> None:
    refined = invert(generator, sampler, tinted(), pictures)
    plain = invert(generator, sampler, tinted(), pictures, refinements=0)
    assert refined.fidelity.codec.min() > 40
    assert (refined.fidelity.codec - plain.fidelity.codec).min() > 10
    again = synthesize(generator, sampler, tinted(), seeds=(5, 6), start=Resume(refined.state)).images
    assert torch.allclose(again, refined.images, atol=1e-5)


def test_figures_say_what_they_compare(generator, sampler, tinted, pictures) -> None:
    found = invert(generator, sampler, tinted(), pictures, refinements=1)
    with torch.no_grad():
        repeated = generator.finish(generator.restart(generator.encode(pictures), None, Streams((0, 0))))
    assert torch.allclose(found.fidelity.picture, psnr(found.images, pictures))
    assert torch.allclose(found.fidelity.codec, psnr(found.images, repeated))
    assert torch.allclose(found.fidelity.ceiling, psnr(repeated, pictures))


def test_the_trajectory_is_what_sampling_visits(generator, sampler, tinted, pictures) -> None:
    heard: list[float] = []
    found = invert(generator, sampler, tinted(1.0), pictures, refinements=8, watch=heard.append)
    levels = sampler.levels(guided=False)
    assert len(found.trajectory) == len(levels) + 1
    assert found.trajectory[0] is found.state
    assert heard == [0.25, 0.5, 0.75, 1.0]
    unguided = invert(generator, sampler, tinted(), pictures, refinements=8)
    assert not torch.allclose(found.state.value, unguided.state.value, atol=1e-3)


def test_what_has_no_way_back_says_so(generator, sampler, tinted, pictures) -> None:
    walker = ToyWalker()
    nothing = plan(walker, [], sampler=Walk(), encoders={}, energies={})
    with pytest.raises(Unreachable, match="cannot begin from a picture"):
        invert(walker, sampler, nothing, pictures)
    with pytest.raises(Unreachable, match=r"dpm\+\+2m has no way back"):
        invert(generator, DpmSolver(4), tinted(), pictures)
    with pytest.raises(Unreachable, match=r"by consistency \(tint\)"):
        invert(generator, sampler, tinted(1.0, "consistency"), pictures)


def test_what_is_not_finite_is_no_picture() -> None:
    with pytest.raises(NotFinite):
        finite(torch.full((1, 3, 2, 2), torch.nan))
    assert finite(torch.zeros(1, 3, 2, 2)).shape == (1, 3, 2, 2)
