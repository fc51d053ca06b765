"""Experts: what they read, what they say, and what comes of several of them."""

from __future__ import annotations

import pytest
import torch

from aligned import PORTS, SETTINGS, aligned_gan
from misen.core.condition import Condition
from misen.generators.gan.alignment.folder import built
from misen.generators.gan.alignment.network import Opinion, agreed
from toys import TintEncoder, tint


@pytest.fixture
def alignment():
    return aligned_gan().alignment


@pytest.fixture
def points():
    """Two, among those of pictures."""
    return aligned_gan().encode(torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(3)) * 2 - 1)


def said(layout="map", colors=((0.5, -0.5, 0.0), (0.9, 0.3, -0.7))):
    return TintEncoder().encode(tint(*colors), layout)


def test_nothing_said_changes_nothing(alignment, points):
    assert torch.equal(alignment({}, points), points)
    null = said().where(torch.tensor([False, False]))
    assert torch.equal(alignment({"tint": null}, points), points)


def test_each_item_hears_its_own_condition(alignment, points):
    for name, line in PORTS.items():
        condition = said(line["layout"])
        both = alignment({name: condition}, points)
        first = alignment({name: condition.where(torch.tensor([True, False]))}, points)
        assert torch.allclose(first[0], both[0], atol=1e-5)
        assert torch.equal(first[1], points[1])
        assert torch.allclose(alignment({name: condition[1:]}, points[1:]), both[1:], atol=1e-5)
        assert not torch.allclose(both[1], points[1], atol=1e-2)


def test_maps_of_any_size_are_read(alignment, points):
    value = torch.rand(2, 3, 40, 40)
    assert torch.isfinite(alignment({"tint": Condition.full("map", value)}, points)).all()


def test_tokens_that_do_not_count_weigh_nothing(alignment):
    value = torch.randn(2, 4, 3)
    counted = torch.tensor([[True, True, False, False]] * 2)
    condition = Condition.full("tokens", value, counted)
    other = Condition.full("tokens", value + (~counted)[..., None], counted)
    short = Condition.full("tokens", value[:, :2])
    opinions = [alignment.listen({"shade": one})["shade"].mean for one in (condition, other, short)]
    assert torch.equal(opinions[0], opinions[1])
    assert torch.allclose(opinions[0], opinions[2], atol=1e-5)
    nothing = Condition.full("tokens", value, torch.zeros_like(counted))
    assert torch.isfinite(alignment.listen({"shade": nothing})["shade"].mean).all()


def test_opinions_are_multiplied_with_what_holds_of_any_picture():
    first = Opinion(torch.tensor([[2.0, 2.0, 5.0]]), torch.tensor([[1.0, 1e6, 0.0]]))
    second = Opinion(torch.tensor([[4.0, -1.0, 3.0]]), torch.tensor([[2.0, 0.0, 0.0]]))
    belief = agreed([first, second], torch.zeros(1, 3))
    assert torch.allclose(belief.mean, torch.tensor([[10 / 4, 2.0, 0.0]]), atol=1e-4)
    assert torch.allclose(belief.precision, torch.tensor([[4.0, 1e6 + 1, 1.0]]))
    assert torch.allclose(agreed([second, first], torch.zeros(1, 3)).mean, belief.mean)


def test_who_is_sure_decides_and_who_is_not_leaves_things_as_they_are(alignment, points):
    own = alignment.coordinates(points)
    sure = agreed([Opinion(torch.ones_like(own), torch.full_like(own, 1e8))], own).at(own)
    unsure = agreed([Opinion(torch.ones_like(own), torch.zeros_like(own))], own).at(own)
    assert torch.allclose(sure, torch.ones_like(own), atol=1e-3)
    assert torch.equal(unsure, own)


def test_what_is_told_of_one_layer_leaves_the_others(alignment, points):
    for name, expert in alignment.experts.items():
        expert.usual.fill_(-1e4)
        expert.usual[2] = 1e4
        for part in (expert.of_layer, expert.of_axis):
            part.weight.zero_()
            part.bias.zero_()
        told = alignment({name: said(PORTS[name]["layout"])}, points)
        moved = (told - points).abs().amax(dim=(0, 2)) > 1e-3
        assert moved.tolist() == [layer == 2 for layer in range(points.shape[1])]


def test_experts_begin_with_one_latent_for_all_layers():
    torch.manual_seed(0)
    opinion = built(aligned_gan(), SETTINGS, PORTS).listen({"tint": said()})["tint"]
    layers = opinion.mean.unflatten(1, (5, 8))
    assert torch.equal(layers, layers[:, :1].expand_as(layers))
    assert not torch.allclose(layers[0], layers[1])
    assert opinion.sureness.std() < 1e-6


def test_an_architecture_rebuilds_itself(alignment):
    again = built(aligned_gan(), type(SETTINGS)(**alignment.architecture["settings"]), alignment.architecture["ports"])
    assert {n: p.shape for n, p in again.state_dict().items()} == {
        n: p.shape for n, p in alignment.state_dict().items()
    }
