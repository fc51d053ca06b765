"""Drags at work: a blob is pulled across the picture, and a mask is heard."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from families import small_diffusion
from misen.core.estimate import Estimate
from misen.core.guidance import Guidance
from misen.core.view import View
from misen.editing.canvas import Canvas
from misen.editing.methods.choice import choose
from misen.editing.methods.drag import Drag
from misen.editing.methods.method import Edit
from misen.generators.diffusion.samplers import Ddim, DpmSolver
from misen.modalities.camera.signal import Camera
from misen.modalities.drag.energy import DragEnergy
from misen.modalities.drag.judge import DragJudge
from misen.modalities.drag.signal import Drag as Ways
from misen.synthesis import plan, synthesize
from walkers import Place, Stroll

SIZE = 64
WAY = ((0.3, 0.4), (0.6, 0.5))


def blob(places: Tensor) -> Tensor:
    """(B, 3, 64, 64) of a coloured blob at places (B, 2)."""
    axis = (torch.arange(SIZE) + 0.5) / SIZE
    squares = (axis - places[:, :1]).square()[:, None, :] + (axis - places[:, 1:]).square()[:, :, None]
    height = torch.exp(-squares / (2 * 0.06**2))
    return torch.stack((height, -height, 2 * height.square()), dim=1) - 0.5


def look(images: Tensor) -> SimpleNamespace:
    """Sees pixels as features."""
    return SimpleNamespace(landmarks=torch.full((len(images), 32, 2), 0.5), pyramid=(2 + images,))


class Blobs:
    """Latents are where the blob is; the encoder is a little wrong."""

    size = SIZE

    def __init__(self) -> None:
        self.ports = {}

    def start(self, batch, rng):
        return Place(0.5 + 0.1 * rng.normal(2))

    def predict(self, state, level, conditions):
        return Estimate(state.value, lambda point: View(blob(point), level=level.progress))

    def finish(self, state):
        return blob(state.value)

    def encode(self, image):
        height = (image[:, 0] + 0.5).clamp_min(0)
        axis = (torch.arange(SIZE) + 0.5) / SIZE
        return torch.stack([(height.sum(d) * axis).sum(1) / height.sum((1, 2)) for d in (1, 2)], dim=1) + 0.02

    def restart(self, point, level, rng):
        return Place(point)


def edit(generator, sampler, image: Tensor, strength: float = 1.0, mask: Tensor | None = None) -> tuple[Drag, Edit]:
    method, canvas = Drag(search=20), Canvas(image, mask)
    wishes = method.heard([Guidance(signal=Ways([WAY]))], canvas)
    made = plan(generator, wishes, sampler=sampler, encoders={}, energies={"drag": DragEnergy(look)})
    return method, Edit(generator=generator, sampler=sampler, plan=made, canvas=canvas, strength=strength)


def dragged(generator, sampler, image: Tensor, **rest):
    method, whole = edit(generator, sampler, image, **rest)
    beginning = method.begin(whole)
    return synthesize(beginning.generator, sampler, whole.plan, seeds=(1,), start=beginning.start)


@pytest.fixture
def picture() -> Tensor:
    return blob(torch.tensor([WAY[0]]))


def test_at_least_seven_tenths_of_the_way_are_covered(picture) -> None:
    found = dragged(Blobs(), Stroll(60), picture)
    covered = DragJudge(look).compare(picture, found.images, Ways([WAY]))
    assert covered.item() > 0.7
    assert found.trace[-1].energies["drag"] < found.trace[0].energies["drag"]


def test_strength_zero_stays(picture) -> None:
    found = dragged(Blobs(), Stroll(20), picture, strength=0.0)
    assert DragJudge(look).compare(picture, found.images, Ways([WAY])).item() < 0.1
    assert found.trace == ()


def test_what_is_locked_holds_the_blob(picture) -> None:
    nothing = torch.zeros(1, 1, SIZE, SIZE)
    free, held = (dragged(Blobs(), Stroll(30), picture, mask=mask) for mask in (None, nothing))
    ends = [found.state.value[0, 0] for found in (free, held)]
    assert ends[1] < ends[0] - 0.1


def test_a_mask_is_told_to_wishes_that_have_a_use_for_it() -> None:
    half = torch.zeros(1, 1, SIZE, SIZE)
    half[..., SIZE // 2 :] = 1
    wishes = [Guidance(signal=Ways([WAY]), strength=0.5), Guidance(signal=Camera(yaw=5))]
    heard = Drag().heard(wishes, Canvas(torch.zeros(1, 3, SIZE, SIZE), half))
    assert torch.equal(heard[0].signal.mask, half)
    assert heard[0].strength == 0.5
    assert heard[1] is wishes[1]
    assert Drag().heard(wishes, Canvas(torch.zeros(1, 3, SIZE, SIZE))) is wishes
    assert choose("drag:search=5", {"picture", "mask"}).options() == {"search": 5, "tune": 0}


@pytest.mark.parametrize("sampler", [Ddim(4), DpmSolver(4)])
def test_the_same_energy_guides_a_model_that_steps(sampler) -> None:
    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    generator = small_diffusion()
    found = dragged(generator, sampler, image, strength=0.5)
    method, whole = edit(generator, sampler, image, strength=0.5)
    assert found.images.isfinite().all()
    assert len(found.trace) == 2
    assert found.trace[0].energies["drag"] > 0
    assert bool(method.besides(whole)) == (sampler.name == "ddim")
