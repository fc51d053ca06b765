"""Hearing: a frame for every 40 ms, no sound depends on its batch, and it learns what a mouth does."""

from __future__ import annotations

import pytest
import torch

from misen.core.sound import SAMPLES
from misen.data.speech import Speech, collate
from misen.perception.heard import Heard
from misen.perception.hearing import as_recorded, hearing_a, hearing_b, hearing_losses
from misen.scene.speech import MOUTH_AXES, VISEMES, sample_utterance

SIDES = [hearing_a, hearing_b]


@pytest.fixture(scope="module")
def speech() -> Speech:
    return collate([sample_utterance(seed) for seed in range(4)], frames=24)


@pytest.fixture(params=SIDES)
def network(request: pytest.FixtureRequest):
    torch.manual_seed(0)
    network = request.param()
    for name, buffer in network.named_buffers():  # as after some training: what is heard moves everything
        if name.endswith("running_var"):
            buffer.fill_(0.5)
    for parameter in network.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    return network.eval()


def test_every_frame_is_heard(network, speech: Speech) -> None:
    heard = network(speech.waveform)
    assert heard.visemes.shape == (4, 24, len(VISEMES))
    assert heard.mouth.shape == (4, 24, len(MOUTH_AXES))
    assert heard.hidden.shape == (4, 24, network.width)
    assert torch.equal(heard.openness, heard.mouth[..., MOUTH_AXES.index("jaw open")])
    assert 0 <= heard.mouth.min() < heard.mouth.max() <= 1


def test_no_sound_depends_on_what_it_is_heard_with(network, speech: Speech) -> None:
    short = speech.waveform[:1, : 8 * SAMPLES]
    longer = torch.cat([short, torch.zeros(1, 16 * SAMPLES)], dim=1)
    together = network(torch.cat([longer, speech.waveform]))
    torch.testing.assert_close(together.hidden[:1, :8], network(short).hidden, atol=1e-4, rtol=1e-4)


def test_a_frame_hears_less_than_nine_frames_around_it(network, speech: Speech) -> None:
    changed = speech.waveform[:1].clone()
    changed[:, 12 * SAMPLES : 13 * SAMPLES] += 0.1
    moved = (network(changed).hidden - network(speech.waveform[:1]).hidden).abs().amax(dim=2)[0] > 1e-5
    assert moved[12]
    assert moved.nonzero().min() > 3
    assert moved.nonzero().max() < 21


def test_it_is_differentiable_in_the_sound(network, speech: Speech) -> None:
    waveform = speech.waveform.clone().requires_grad_()
    [gradient] = torch.autograd.grad(network(waveform).openness.sum(), waveform)
    assert gradient.isfinite().all()
    assert (gradient.abs().amax(1) > 0).all()


def test_what_is_right_costs_little(speech: Speech) -> None:
    perfect = Heard(100.0 * torch.nn.functional.one_hot(speech.visemes, len(VISEMES)), speech.mouth, speech.mouth)
    other = Heard(perfect.visemes.roll(1, 2), 1 - speech.mouth, speech.mouth)
    assert sum(hearing_losses(perfect, speech.visemes, speech.mouth).values()) < 1e-4
    assert min(hearing_losses(other, speech.visemes, speech.mouth).values()) > 1


@pytest.mark.parametrize("make", SIDES)
def test_it_learns_from_one_batch(make, speech: Speech) -> None:
    torch.manual_seed(0)
    network, losses = make(), []
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(8):
        loss = sum(hearing_losses(network(speech.waveform), speech.visemes, speech.mouth).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_microphones_change_level_color_and_noise_and_nothing_else(speech: Speech) -> None:
    torch.manual_seed(0)
    heard = as_recorded(speech.waveform)
    assert heard.shape == speech.waveform.shape
    assert heard.abs().max() <= 1
    levels = heard.square().mean(1).sqrt() / speech.waveform.square().mean(1).sqrt()
    assert levels.max() / levels.min() > 1.2
    alike = torch.nn.functional.cosine_similarity(heard, speech.waveform)
    assert (alike > 0.4).all()
    assert (alike < 0.9999).all()
