from __future__ import annotations

import torch

from misen.core.guidance import Guidance
from misen.synthesis.rank import best, places
from toys import TintEnergy, shade, tint

RED, GREEN, GRAY = [0.9, -0.9, -0.9], [-0.9, 0.9, -0.9], [0.0, 0.0, 0.0]


def pictures(*colors):
    return torch.tensor(colors)[:, :, None, None].expand(-1, 3, 8, 8)


def wish(color, **settings):
    return Guidance(signal=tint(color), **settings)


class Brightness:
    """Far larger than the energy of tints, and smallest for the darkest picture."""

    def begin(self, signal, first):
        return lambda view: 1e6 * (1 + view.image.mean((1, 2, 3)))


def test_the_picture_that_agrees_most_is_best():
    energies = {"tint": TintEnergy()}
    assert best(pictures(GRAY, GREEN, RED), [wish(RED)], energies) == 2
    assert best(pictures(GRAY, GREEN, RED), [wish(GREEN)], energies) == 1


def test_the_first_is_best_where_nothing_tells_them_apart():
    assert best(pictures(GRAY, RED), [], {}) == 0
    assert best(pictures(GRAY, RED), [wish(RED)], {}) == 0
    assert best(pictures(GRAY, RED), [wish(RED, strength=0.0)], {"tint": TintEnergy()}) == 0
    assert best(pictures(RED, RED), [wish(RED)], {"tint": TintEnergy()}) == 0


def test_places_count_the_smaller_and_half_of_the_equal():
    assert places(torch.tensor([3.0, 1.0, 3.0, 7.0])).tolist() == [1.5, 0.0, 1.5, 3.0]


def test_strengths_weigh_energies_whatever_their_units():
    images, energies = pictures(RED, [-0.9, -0.9, -0.9]), {"tint": TintEnergy(), "shade": Brightness()}
    dark = Guidance(signal=shade([-0.9, -0.9, -0.9]))
    assert best(images, [wish(RED, strength=2.0), dark], energies) == 0
    assert best(images, [wish(RED, strength=0.5), dark], energies) == 1
