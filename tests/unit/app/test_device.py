"""A model on another device: what wishes, inversions and edits make there is what they make here."""

from __future__ import annotations

import pytest
import torch

import misen
from elsewhere import FAR, elsewhere
from families import small_gan
from misen.app import Model
from misen.assembly import Defaults, Opened
from misen.generators.gan.generator import StyleGenerator
from misen.generators.gan.samplers import SAMPLERS
from misen.perception.frozen import placed
from tiny import installed, tiny_weights

__all__ = ["installed", "tiny_weights"]

WISHES = ("a woman with a red hat", misen.Camera(yaw=20), misen.Attributes.parse("hair_color=red"))
CLOSE = 1e-3
pytestmark = pytest.mark.usefixtures("installed")


def modelled(generator: StyleGenerator, device: str) -> Model:
    opened = Opened("small", generator, SAMPLERS, Defaults("walk", 4, 1.0), "ab" * 32, lambda folder: None)
    return Model(opened, device)


@pytest.fixture
def near() -> Model:
    return modelled(small_gan(), "cpu")


@pytest.fixture
def distant() -> Model:
    """To be used where there is such a device."""
    with elsewhere():
        return modelled(StyleGenerator(placed(small_gan().networks, FAR)), str(FAR))


@pytest.fixture
def face(near: Model) -> torch.Tensor:
    return near.synthesize(seed=3).images[0].tensor


def test_wishes_lead_by_consistency(near: Model, distant: Model) -> None:
    here, plain = near.synthesize(*WISHES, seed=1), near.synthesize(seed=1)
    with elsewhere():
        there = distant.synthesize(*WISHES, seed=1)
        made = there.images[0].tensor.to("cpu")
    assert [decision.route for decision in there.plan.decisions] == ["consistency"] * 3
    assert torch.allclose(made, here.images[0].tensor, atol=CLOSE)
    assert not torch.allclose(here.images[0].tensor, plain.images[0].tensor, atol=0.01)
    for one, other in zip(there.traces[0], here.traces[0], strict=True):
        assert one.energies == pytest.approx(other.energies, abs=CLOSE)


def test_pictures_are_inverted(near: Model, distant: Model, face: torch.Tensor) -> None:
    here = near.invert(face, num_inference_steps=3, tune=2)
    with elsewhere():
        there = distant.invert(face, num_inference_steps=3, tune=2)
    assert there.fidelity() == pytest.approx(here.fidelity(), abs=0.05)


def test_words_change_pictures(near: Model, distant: Model, face: torch.Tensor) -> None:
    how = {"method": "styleclip:search=2,steps=3,identity=0.5", "seed": 1}
    here = near.edit(face, "a red hat", **how)
    with elsewhere():
        made = distant.edit(face, "a red hat", **how).images[0].tensor.to("cpu")
    assert torch.allclose(made, here.images[0].tensor, atol=CLOSE)
