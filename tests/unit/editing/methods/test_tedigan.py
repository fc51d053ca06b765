"""Pictures that are told by words or maps what to become, by way of their latents."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from aligned import ENCODERS, aligned_gan
from misen.core.errors import InputError, Unreachable
from misen.core.guidance import Guidance
from misen.core.seeding import Streams
from misen.editing.canvas import Canvas
from misen.editing.methods.method import Edit
from misen.editing.methods.sdedit import SDEdit
from misen.editing.methods.tedigan import TediGAN
from misen.generators.gan.samplers import SAMPLERS
from misen.synthesis import plan, synthesize
from toys import Shade, TintEnergy, tint

RED = Guidance(signal=tint([0.8, -0.6, -0.6]))
BLUE = Guidance(signal=Shade(torch.tensor([[-0.6, -0.6, 0.8]])), window=(0.5, 1.0))
METHOD = TediGAN(search=0)


@pytest.fixture
def picture():
    return torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(4)) * 2 - 1


def ordered(picture, *wishes, sampler="walk", strength=1.0) -> Edit:
    generator, mover = aligned_gan(), SAMPLERS[sampler](6)
    made = plan(generator, wishes, sampler=mover, encoders=ENCODERS, energies={"tint": TintEnergy()})
    return Edit(generator=generator, sampler=mover, plan=made, canvas=Canvas(picture), strength=strength)


def edited(method, edit):
    begun = method.begin(edit)
    return synthesize(begun.generator, edit.sampler, edit.plan, seeds=(1,), start=begun.start).state.value


def test_what_is_told_changes_and_strength_is_that_of_the_wish(picture):
    own = aligned_gan().encode(picture)
    whole = edited(METHOD, ordered(picture, RED))
    half = edited(METHOD, ordered(picture, replace(RED, strength=0.5)))
    assert not torch.allclose(whole, own, atol=1e-2)
    assert torch.allclose(half, (own + whole) / 2, atol=1e-4)
    assert torch.equal(edited(METHOD, ordered(picture, RED, strength=0.0)), own)


def test_coarse_layers_stay_where_only_fine_ones_are_told(picture):
    own, changed = aligned_gan().encode(picture), edited(METHOD, ordered(picture, BLUE, sampler="layers"))
    assert torch.equal(changed[:, :2], own[:, :2])
    assert not torch.allclose(changed[:, 2:], own[:, 2:], atol=1e-2)


def test_the_search_stays_where_the_encoder_would_look(picture, monkeypatch):
    asked = []
    monkeypatch.setattr("misen.editing.methods.tedigan.pivot", lambda edit, *how: asked.append(how) or _begun(edit))
    TediGAN(search=7, domain=3.0).begin(ordered(picture, RED))
    [(search, tune, weights)] = asked
    assert (search, tune, weights.domain, weights.squared) == (7, 0, 3.0, 1.0)


def _begun(edit):
    return edit.generator, edit.generator.restart(edit.generator.encode(edit.canvas.image), None, Streams([0]))


def test_wishes_without_a_place_in_latents_are_refused(picture):
    with pytest.raises(Unreachable, match="nothing that is wished"):
        METHOD.begin(ordered(picture, replace(RED, route="consistency")))
    with pytest.raises(Unreachable, match="nothing that is wished"):
        METHOD.begin(ordered(picture))


def test_sdedit_says_so_where_a_walk_of_one_step_would_ignore_the_wish(picture):
    with pytest.raises(InputError, match=r"no part that a strength of 0\.6 would leave"):
        SDEdit().begin(ordered(picture, RED, strength=0.6))
    assert SDEdit().begin(ordered(picture, strength=0.6)).start is not None
    assert SDEdit().begin(ordered(picture, replace(RED, route="consistency"), strength=0.6)).start is not None
