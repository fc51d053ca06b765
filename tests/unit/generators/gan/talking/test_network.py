"""The network: one clip is as its frames, and what is not painted anew stays."""

from __future__ import annotations

import pytest
import torch

from talkers import KINDS, SIZE, network, settings, some_faces, some_tokens


@pytest.fixture(params=KINDS)
def talking(request):
    return network(request.param).eval()


def test_a_clip_is_painted_frame_by_frame(talking) -> None:
    face, tokens = some_faces(), some_tokens(frames=19).value
    images = talking(tokens, face)
    assert images.shape == (2 * 3, 3, SIZE, SIZE)
    assert images.abs().max() <= 1
    alone = talking.paint(talking.hear(tokens, face)[:, 1], face)
    torch.testing.assert_close(images[1::3], alone)


def test_every_part_learns_of_the_picture(talking) -> None:
    talking(some_tokens().value, some_faces()).square().sum().backward()
    silent = {name for name, parameter in talking.named_parameters() if parameter.grad is None}
    assert silent == ({"motion.read.weight", "motion.read.bias"} if talking.settings.motion == "code" else set())


def test_motion_and_face_both_decide(talking) -> None:
    face, motion = some_faces(), talking.hear(some_tokens().value, some_faces())[:, 0]
    image = talking.paint(motion, face)
    assert (talking.paint(talking.motion.rest(face) + 0.2, face) - image).abs().max() > 1e-4
    assert (talking.paint(motion, some_faces(seed=3)) - image).abs().max() > 1e-4


def test_a_picture_of_which_no_share_is_painted_stays_as_it_is(talking) -> None:
    with torch.no_grad():
        talking.decoder.exit.weight.zero_()
        talking.decoder.exit.bias.fill_(-20.0)
    face = some_faces()
    torch.testing.assert_close(talking.paint(talking.motion.rest(face), face), face.picture)


def test_pictures_are_twice_as_large_as_the_last_cells() -> None:
    assert settings("code").size == SIZE
