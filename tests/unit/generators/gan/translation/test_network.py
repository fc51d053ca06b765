"""What the parts of a translating network say of a picture."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from misen.core.image import resize
from misen.generators.gan.translation.correspondence import Match
from misen.generators.gan.translation.field import MapField
from misen.generators.gan.translation.network import NetworkSettings, Table, as_large, parameters
from misen.generators.gan.translation.style import Belief, StyleExperts
from misen.nn.fusion.correspondence import directions
from translators import MATCHED, SIZE, SMALL, TOLD, network, some_map, some_vector

FULL = Table(maps={"parts": 17, "lines": 1, "points": 32, "near": 1}, vectors={"seen": 320}, exemplar="")
NOISE = torch.zeros(2, 3)


@pytest.fixture(autouse=True)
def drawn():
    torch.manual_seed(0)


# --- the field -------------------------------------------------------------------------------------------------------


def test_the_field_is_the_sum_of_what_each_map_adds():
    field = MapField({"a": 3, "b": 1}, channels=4, side=8)
    a, b = some_map(3), some_map(1, seed=1)
    both, placed = field({"a": a, "b": b}, 2)
    torch.testing.assert_close(both, field({"a": a}, 2)[0] + field({"b": b}, 2)[0])
    assert both.shape == (2, 4, 8, 8)
    assert placed.tolist() == [True, True]


def test_absent_maps_add_nothing():
    field = MapField({"a": 3}, channels=4, side=8)
    some, placed = field({"a": some_map(3).where(torch.tensor([True, False]))}, 2)
    assert placed.tolist() == [True, False]
    assert some[1].abs().max() == 0
    assert torch.equal(field({}, 2)[0], torch.zeros(2, 4, 8, 8))


def test_a_cell_sees_its_own_four_pixels():
    field, one = MapField({"a": 3}, channels=4, side=8), some_map(3)
    other = replace(one, value=one.value.clone())
    other.value[..., 6:8, 2:4] += 1
    changed = (field({"a": one}, 2)[0] - field({"a": other}, 2)[0]).abs().sum((0, 1)) > 0
    assert changed.nonzero().tolist() == [[3, 1]]


def test_maps_of_another_size_are_resized():
    field, large = MapField({"a": 3}, channels=4, side=8), some_map(3, size=64)
    small = replace(large, value=resize(large.value, 16))
    torch.testing.assert_close(field({"a": large}, 2)[0], field({"a": small}, 2)[0])


# --- the style -------------------------------------------------------------------------------------------------------


def test_who_is_told_nothing_believes_in_the_prior():
    experts, noise = StyleExperts({"shade": 3}, style=4), torch.randn(2, 4)
    for conditions in ({}, {"shade": some_vector().where(torch.tensor([False, False]))}):
        belief = experts(conditions, noise)
        assert torch.equal(belief.at(noise), noise)
        assert belief.divergence().tolist() == [0, 0]


def test_experts_are_multiplied_with_the_prior():
    experts = StyleExperts({"shade": 3, "other": 3}, style=1)
    for name, mean, sureness in (("shade", 2.0, 3.0), ("other", -1.0, 1.0)):
        last = experts.experts[name][-1]
        last.weight.data.zero_()
        last.bias.data = torch.tensor([mean, torch.tensor(sureness).expm1().log()])
    belief = experts({"shade": some_vector(), "other": some_vector()}, torch.zeros(2, 1))
    torch.testing.assert_close(belief.precision, torch.full((2, 1), 1.0 + 3.0 + 1.0))
    torch.testing.assert_close(belief.mean, torch.full((2, 1), (3 * 2.0 - 1.0) / 5))


def test_the_divergence_is_that_of_normal_distributions():
    mean, precision = torch.randn(2, 3), torch.rand(2, 3) + 0.5
    ours = Belief(mean, precision).divergence()
    theirs = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, precision.rsqrt()), torch.distributions.Normal(0.0, 1.0)
    )
    torch.testing.assert_close(ours, theirs.sum(1))


# --- painting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fusion", ["spade", "concat"])
def test_pictures_follow_maps_vectors_and_noise(fusion):
    made = network(TOLD, replace(SMALL, fusion=fusion))
    image = made({"tint": some_map(3)}, NOISE)
    assert image.shape == (2, 3, SIZE, SIZE)
    assert image.abs().max() <= 1
    for other in (
        made({"tint": some_map(3, seed=1)}, NOISE),
        made({"tint": some_map(3), "lines": some_map(1)}, NOISE),
        made({"tint": some_map(3), "shade": some_vector()}, NOISE),
        made({"tint": some_map(3)}, NOISE + 1),
        made({}, NOISE),
    ):
        assert (other - image).abs().max() > 1e-4


@pytest.mark.parametrize("fusion", ["spade", "concat"])
def test_stages_grow_from_four_cells_to_half_the_picture(fusion):
    made = network(TOLD, replace(SMALL, fusion=fusion))
    sides = [features.shape[-1] for features in made.decoder.stages(NOISE, torch.zeros(2, 4, 8, 8))]
    assert sides == {"spade": [4, 8, 8], "concat": [4, 8]}[fusion]


def test_both_fusions_are_as_large():
    sizes = [parameters(as_large(NetworkSettings(), fusion, FULL), FULL) for fusion in ("spade", "concat")]
    assert sizes[0] == parameters(NetworkSettings(), FULL)
    assert abs(sizes[1] / sizes[0] - 1) < 0.02


# --- matching --------------------------------------------------------------------------------------------------------


def equal_match(batch: int = 2, side: int = 4) -> Match:
    """Maps and an exemplar that look the same in their shared domain, at every place."""
    features = directions(torch.randn(batch, 12, side, side))
    return Match(features, features)


def test_where_both_are_equal_pixels_stay_where_they_are():
    matcher, picture = network(MATCHED).matcher, torch.rand(2, 3, SIZE, SIZE) * 2 - 1
    brought = matcher.bring(equal_match(), picture, torch.tensor([True, True]))
    unmoved = matcher.bring(equal_match(), picture, torch.tensor([False, False]))
    torch.testing.assert_close(brought, unmoved, atol=1e-3, rtol=0)


def test_places_of_a_shifted_exemplar_are_brought_back():
    matcher, picture = network(MATCHED).matcher, torch.rand(2, 3, SIZE, SIZE) * 2 - 1
    match = equal_match()
    shifted = Match(match.sought, match.found.roll(1, dims=3))
    brought = matcher.bring(shifted, picture.roll(4, dims=3), torch.tensor([True, True]))
    torch.testing.assert_close(brought, matcher.bring(match, picture, torch.tensor([False, False])), atol=1e-3, rtol=0)


def test_both_ways_of_a_match_add_up_to_one():
    match = network(MATCHED).compose({"tint": some_map(3), "face": some_map(3, seed=2)}, NOISE).match
    for shares in (match.shares(), match.back()):
        torch.testing.assert_close(shares.sum(2), torch.ones(2, 16))


def test_only_who_has_an_exemplar_is_matched():
    made = network(MATCHED)
    plain = made.compose({"tint": some_map(3)}, NOISE)
    face = some_map(3, seed=2).where(torch.tensor([True, False]))
    composed = made.compose({"tint": some_map(3), "face": face}, NOISE)
    assert plain.match is None
    assert (composed.field - plain.field)[0].abs().max() > 1e-4
    assert torch.equal(composed.field[1], plain.field[1])


def test_an_exemplar_without_maps_is_something_given():
    composed = network(MATCHED).compose({"face": some_map(3)}, NOISE)
    assert composed.given.all()
    assert not composed.placed.any()
    assert composed.field.abs().max() > 0
