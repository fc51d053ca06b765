"""Content: a frame hears half a moment to either side, in a clip as in a moment by itself."""

from __future__ import annotations

import torch

from misen.core.condition import Condition
from misen.generators.gan.talking.content import REACH, Content, surroundings
from misen.modalities.audio.signal import MOMENT
from talkers import HEARD, network, some_tokens


def content() -> Content:
    return network().content.eval()


def test_a_moment_is_what_counts() -> None:
    assert MOMENT == 2 * REACH + 1


def test_every_frame_but_those_around_has_a_content() -> None:
    said = content()(some_tokens(frames=30).value)
    assert said.shape == (2, 30 - 2 * REACH, 4)


def test_a_frame_of_a_clip_is_the_middle_of_its_moment() -> None:
    network, tokens = content(), some_tokens(frames=30).value
    whole = network(tokens)
    for frame in (0, 5, 13):
        alone = network(tokens[:, frame : frame + MOMENT])
        torch.testing.assert_close(alone[:, 0], whole[:, frame])


def test_a_frame_hears_as_far_as_it_says() -> None:
    tokens = some_tokens(frames=40).value.requires_grad_()
    [slope] = torch.autograd.grad(content()(tokens)[:, 10].square().sum(), tokens)
    assert slope.any(dim=2).any(dim=0).nonzero().flatten().tolist() == list(range(10, 10 + MOMENT))


def test_the_middle_of_a_sound_is_found() -> None:
    moment = some_tokens()
    assert torch.equal(surroundings(moment), moment.value)
    long = some_tokens(frames=31)
    assert torch.equal(surroundings(long), long.value[:, 15 - REACH : 15 + REACH + 1])


def test_the_end_of_a_sound_is_where_its_mask_says() -> None:
    tokens = some_tokens(frames=30).value
    lasting = torch.arange(30) < torch.tensor([[30], [21]])
    middles = surroundings(Condition.full("tokens", tokens, lasting))
    assert torch.equal(middles[0], tokens[0, 15 - REACH : 15 + REACH + 1])
    assert torch.equal(middles[1], tokens[1, 10 - REACH : 10 + REACH + 1])


def test_beyond_a_short_sound_is_nothing() -> None:
    short = some_tokens(frames=3)
    middle = surroundings(short)
    assert middle.shape == (2, MOMENT, HEARD)
    assert torch.equal(middle[:, REACH - 1 : REACH + 2], short.value)
    assert not middle[:, : REACH - 1].any()
    assert not middle[:, REACH + 2 :].any()
