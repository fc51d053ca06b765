"""Motions: what they are at rest, what moves them, and how they are shown."""

from __future__ import annotations

import pytest
import torch

from misen.generators.gan.talking.face import MOUTH, POINTS
from talkers import KINDS, SIZE, network, some_faces

CONTENT, FRAMES = 4, 3


@pytest.fixture(params=KINDS)
def motion(request):
    return network(request.param).motion


def contents(seed: int = 0) -> torch.Tensor:
    return torch.randn(2, FRAMES, CONTENT, generator=torch.Generator().manual_seed(seed))


def test_a_motion_has_as_many_numbers_and_maps_as_it_says(motion) -> None:
    face = some_faces()
    moved = motion(contents(), face)
    assert moved.shape == (2, FRAMES, motion.numbers)
    assert motion.rest(face).shape == (2, motion.numbers)
    assert motion.maps(moved[:, 0], face).shape == (2, motion.channels, SIZE, SIZE)


def test_lessons_are_of_the_shape_that_the_world_tells(motion) -> None:
    wanted = {"points": 2 * POINTS, "mouth": MOUTH}[motion.lesson]
    assert motion.told(contents(), some_faces()).shape == (2, FRAMES, wanted)


@pytest.mark.parametrize("kind", ["points", "coefficients"])
def test_what_has_a_name_is_what_is_taught(kind) -> None:
    motion, face = network(kind).motion, some_faces()
    assert motion.named
    assert torch.equal(motion.told(contents(), face), motion(contents(), face))


def test_frames_move_apart(motion) -> None:
    together = motion(contents(), some_faces())
    apart = motion(contents()[:, 1:2], some_faces())
    torch.testing.assert_close(together[:, 1:2], apart)


def test_points_move_as_the_face_lets_them() -> None:
    motion = network("points").motion
    moves = [motion(contents(), face) - motion.rest(face)[:, None] for face in (some_faces(), some_faces(seed=1))]
    assert (moves[0] - moves[1]).abs().max() > 1e-4
    assert moves[0].abs().max() < 0.5


def test_coefficients_are_the_same_on_every_face() -> None:
    motion = network("coefficients").motion
    moved = motion(contents(), some_faces())
    assert torch.equal(moved, motion(contents(), some_faces(seed=1)))
    assert ((moved >= 0) & (moved <= 1)).all()
    assert torch.equal(motion.rest(some_faces()), some_faces().mouth)


def test_points_at_rest_are_where_they_are_seen() -> None:
    motion, face = network("points").motion, some_faces()
    assert torch.equal(motion.maps(motion.rest(face), face), face.maps()[:, 3:])


def test_a_code_is_taught_to_tell_the_mouth_and_is_something_else() -> None:
    motion, said = network("code").motion, contents()
    assert not motion.named
    assert torch.equal(motion(said, some_faces()), said)
    told = motion.told(said, some_faces())
    assert ((told > 0) & (told < 1)).all()


def test_a_code_that_says_nothing_shows_nothing() -> None:
    motion, face = network("code").motion, some_faces()
    assert not motion.maps(motion.rest(face), face).any()
