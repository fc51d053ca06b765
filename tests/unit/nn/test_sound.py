"""Features of sounds: those of librosa, differentiable, and the same whatever the batch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from misen.core.sound import RATE, SAMPLES, frames_of
from misen.nn import sound
from misen.nn.sound import at_frames
from unit.nn.given_sound import kept, waveform

GOLDEN = json.loads(Path(__file__).with_name("golden_sound.json").read_text())
CHANNELS = {"spectrogram": 257, "log_mel": 80, "fbank": 40, "mfcc": 26}


@pytest.mark.parametrize("name", GOLDEN)
def test_features_are_those_of_librosa(name: str) -> None:
    own = np.array(kept(getattr(sound, name)(torch.from_numpy(waveform())[None])[0].numpy()))
    golden = np.array(GOLDEN[name])
    assert own.shape == golden.shape
    assert np.abs(own - golden).max() <= 1e-3 * np.abs(golden).max()
    assert np.median(np.abs(own - golden) / (np.abs(golden) + 1e-6)) <= 1e-3


@pytest.mark.parametrize(("name", "channels"), CHANNELS.items())
def test_features_have_a_step_every_ten_milliseconds_and_a_gradient(name: str, channels: int) -> None:
    heard = torch.from_numpy(waveform())[None, :3200].requires_grad_()
    feature = getattr(sound, name)(heard)
    assert feature.shape == (1, channels, 21)
    [gradient] = torch.autograd.grad(feature.square().mean(), heard)
    assert gradient.isfinite().all()
    assert gradient.abs().max() > 0


@pytest.mark.parametrize("name", CHANNELS)
def test_silence_has_finite_features_and_gradients(name: str) -> None:
    heard = torch.zeros(1, 1600).requires_grad_()
    feature = getattr(sound, name)(heard)
    [gradient] = torch.autograd.grad(feature.sum(), heard)
    assert feature.isfinite().all()
    assert gradient.isfinite().all()


def test_a_tone_is_found_at_its_frequency() -> None:
    time = torch.arange(RATE) / RATE
    spectrum = sound.spectrogram(torch.sin(2 * torch.pi * 1000 * time)[None])[0, :, 50]
    assert spectrum.argmax() == 1000 * 512 // RATE


def test_slopes_of_a_line_are_its_slope() -> None:
    line = 0.5 * torch.arange(30.0)[None, None]
    assert torch.allclose(sound.slopes(line)[0, 0, 4:-4], torch.full((22,), 0.5))


@pytest.mark.parametrize("name", CHANNELS)
def test_what_a_frame_hears_does_not_depend_on_what_follows_the_silence(name: str) -> None:
    heard = torch.from_numpy(waveform())[None, : 5 * SAMPLES]
    longer = torch.cat([heard, torch.zeros(1, 4 * SAMPLES)], dim=1)
    alone, together = (at_frames(getattr(sound, name), given, 8) for given in (heard, longer))
    assert alone.shape == (1, 5, 17 * CHANNELS[name])
    assert torch.allclose(together[:, :5], alone, atol=1e-4)


def test_a_frame_is_centred_at_its_middle() -> None:
    click = torch.zeros(1, 10 * SAMPLES)
    click[0, 4 * SAMPLES + SAMPLES // 2] = 1
    power = at_frames(sound.spectrogram, click, 1).unflatten(2, (257, 3)).sum(2)
    assert power[0, :, 1].argmax() == 4
    assert power[0, 4].argmax() == 1


def test_frames_last_forty_milliseconds() -> None:
    assert [frames_of(samples) for samples in (1, 640, 641)] == [1, 1, 2]
