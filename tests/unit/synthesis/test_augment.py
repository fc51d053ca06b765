from __future__ import annotations

import pytest
import torch

from misen.core.seeding import Streams
from misen.core.view import View
from misen.synthesis.augment import HOLE, Augmented, augmented, looks, moved, with_hole
from toys import TintEnergy, tint

PICTURES = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("moves", [True, False])
def test_the_first_look_is_at_the_picture_as_it_is_and_the_others_differ(moves):
    seen = looks(PICTURES, Streams([1, 2, 3]), 4, moves=moves).unflatten(0, (3, 4))
    assert torch.equal(seen[:, 0], PICTURES)
    gaps = (seen[:, 1:] - PICTURES[:, None]).abs().mean((2, 3, 4))
    assert (gaps > 0.01).all()
    assert len(gaps.flatten().unique()) == gaps.numel()


@pytest.mark.parametrize("moves", [True, False])
def test_the_looks_at_a_picture_depend_on_its_seed_alone(moves):
    together = looks(PICTURES, Streams([1, 2, 3]), 4, moves=moves)
    alone = looks(PICTURES[1:2], Streams([2]), 4, moves=moves)
    assert torch.allclose(together[4:8], alone, atol=1e-6)
    assert not torch.allclose(together[4:8], looks(PICTURES[1:2], Streams([7]), 4, moves=moves))


def test_a_whole_crop_in_the_middle_is_the_picture():
    size, middle = torch.ones(3), torch.full((3,), 0.5)
    assert torch.allclose(moved(PICTURES, size, middle, middle), PICTURES, atol=1e-5)


def test_a_hole_is_a_grey_square_inside_the_picture():
    holed = with_hole(torch.ones(2, 3, 16, 16), torch.tensor([0.0, 0.99]), torch.tensor([0.5, 0.0]))
    assert (holed == 0).float().mean((1, 2, 3)).tolist() == pytest.approx([HOLE**2] * 2)
    assert holed[0, 0, 8, 0] == 0
    assert holed[1, 0, 0, 15] == 0


def test_gradients_reach_the_picture_through_every_copy():
    picture = PICTURES.clone().requires_grad_()
    seen = looks(picture, Streams([1, 2, 3]), 3, moves=True).unflatten(0, (3, 3))
    for look in range(3):
        [gradient] = torch.autograd.grad(seen[:, look].sum(), picture, retain_graph=True)
        assert (gradient.flatten(1).abs().sum(1) > 0).all()


class Seen(TintEnergy):
    """Remembers what it was begun with and what it was shown."""

    def begin(self, signal, first):
        self.signal, disagreement = signal, super().begin(signal, first)
        return lambda view: self.shown.append(view) or disagreement(view)

    def __init__(self) -> None:
        super().__init__()
        self.shown = []


class Placeless(Seen):
    placeless = True


@pytest.mark.parametrize("kind", [Seen, Placeless])
def test_an_energy_sees_each_picture_with_its_own_wish_and_answers_with_the_mean(kind):
    wishes, energy = tint([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]), kind()
    view = View(PICTURES, camera=torch.arange(15.0).reshape(3, 5), rng=Streams([1, 2, 3]))
    answer = Augmented(energy, 4).begin(wishes, view)(view)
    assert torch.equal(energy.signal.color, wishes.color.repeat_interleave(4, 0))
    [seen] = energy.shown
    assert torch.equal(seen.camera, view.camera.repeat_interleave(4, 0))
    each = (seen.image.mean((2, 3)) - energy.signal.color).square().sum(1)
    assert torch.allclose(answer, each.reshape(3, 4).mean(1))


def test_only_energies_without_places_see_moved_copies():
    def corner(kind):
        energy, view = kind(), View(torch.zeros(1, 3, 16, 16), rng=Streams([1]))
        view.image[..., :8, :8] = 1.0
        Augmented(energy, 6).begin(tint([0.0, 0.0, 0.0]), view)(view)
        return (energy.shown[0].image > 0.5).float().mean((1, 2, 3))

    assert torch.equal(corner(Seen), torch.full((6,), 0.25))
    assert len(corner(Placeless).unique()) > 3


def test_altered_copies_have_no_features_of_the_unaltered_picture():
    energy, view = Seen(), View(PICTURES, rng=Streams([1, 2, 3]), features=lambda name: PICTURES)
    Augmented(energy, 2).begin(tint([0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]), view)(view)
    assert (energy.begun[0].features, energy.shown[0].features) == (None, None)


def test_one_copy_is_the_energy_itself():
    energy = TintEnergy()
    assert augmented(energy, 1) is energy
