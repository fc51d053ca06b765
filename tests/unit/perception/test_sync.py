"""Sync experts: lags are found where two tracks agree most, and what nobody can tell apart does not count."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch.nn import functional

from misen.core.sound import SAMPLES
from misen.data.speech import Speech, collate
from misen.perception.sync import COLUMNS, as_seen, mouth_track, offsets, sync_a, sync_b, sync_loss
from misen.scene.anatomy import EXPRESSION_AXES
from misen.scene.speech import MOUTH_AXES, sample_utterance

SIDES = [sync_a, sync_b]


@pytest.fixture(scope="module")
def speech() -> Speech:
    return collate([sample_utterance(seed) for seed in range(4)], frames=24)


@pytest.fixture
def moments() -> torch.Tensor:
    return functional.normalize(torch.randn(3, 30, 16, generator=torch.Generator().manual_seed(0)), dim=2)


@pytest.mark.parametrize("lag", [-7, -1, 0, 3, 10])
def test_a_lag_is_found(moments: torch.Tensor, lag: int) -> None:
    assert offsets(moments, moments.roll(lag, dims=1)).tolist() == [lag] * 3


@pytest.mark.parametrize("make", SIDES)
def test_both_are_embedded_frame_by_frame(make, speech: Speech) -> None:
    torch.manual_seed(0)
    expert = make().eval()
    sound, mouth = expert.sound(speech.waveform), expert.mouth(speech.mouth)
    assert sound.shape == mouth.shape == (4, 24, 64)
    for embedded in (sound, mouth):
        torch.testing.assert_close(embedded.norm(dim=2), torch.ones(4, 24))
    torch.testing.assert_close(expert.agreement(speech.waveform, speech.mouth), (sound * mouth).sum(2))


@pytest.mark.parametrize("make", SIDES)
def test_five_frames_are_compared_at_a_time(make, speech: Speech) -> None:
    torch.manual_seed(0)
    expert = make().eval()
    track, waveform = speech.mouth.clone(), speech.waveform.clone()
    track[:, 12] += 0.5
    waveform[:, 12 * SAMPLES : 13 * SAMPLES] += 0.2
    seen = (expert.mouth(track) - expert.mouth(speech.mouth)).abs().amax(dim=(0, 2)) > 1e-6
    heard = (expert.sound(waveform) - expert.sound(speech.waveform)).abs().amax(dim=(0, 2)) > 1e-6
    assert seen.nonzero().flatten().tolist() == [10, 11, 12, 13, 14]
    assert heard.nonzero().min() >= 9
    assert heard.nonzero().max() <= 15


@pytest.mark.parametrize("make", SIDES)
def test_no_sound_depends_on_what_it_is_heard_with(make, speech: Speech) -> None:
    expert, short = make().eval(), speech.waveform[:1, : 8 * SAMPLES]
    longer = functional.pad(short, (0, 16 * SAMPLES))
    torch.testing.assert_close(expert.sound(longer)[:, :8], expert.sound(short), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("make", SIDES)
def test_it_learns_from_one_batch(make, speech: Speech) -> None:
    torch.manual_seed(0)
    expert, losses = make(), []
    optimizer = torch.optim.AdamW(expert.parameters(), lr=3e-3)
    for _ in range(12):
        loss = sync_loss(expert.sound(speech.waveform), expert.mouth(speech.mouth), speech.mouth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


def test_moments_that_look_alike_are_not_told_apart(moments: torch.Tensor) -> None:
    still, moving = torch.zeros(3, 30, 3), torch.rand(3, 30, 3, generator=torch.Generator().manual_seed(1))
    assert sync_loss(moments, moments.flip(1), still) == 0
    assert sync_loss(moments, moments.flip(1), moving) > 1
    assert sync_loss(moments, moments, moving) < 0.1


def test_the_mouth_is_read_from_clips() -> None:
    expression = torch.rand(6, len(EXPRESSION_AXES))
    track = mouth_track(lambda images: SimpleNamespace(expression=expression), torch.zeros(6, 3, 8, 8), 3)
    assert track.shape == (2, 3, 3)
    assert torch.equal(track[1, 2], expression[5, COLUMNS])
    assert [EXPRESSION_AXES[column] for column in COLUMNS] == list(MOUTH_AXES)


def test_observers_misread_tracks_a_little(speech: Speech) -> None:
    torch.manual_seed(0)
    seen = as_seen(speech.mouth)
    assert 0.02 < (seen - speech.mouth).abs().mean() < 0.2
    assert torch.corrcoef(torch.stack([seen[..., 0].flatten(), speech.mouth[..., 0].flatten()]))[0, 1] > 0.8
