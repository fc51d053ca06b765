"""Cached speech is what the avatars say, cut to a length; talking avatars move nothing but the mouth."""

from __future__ import annotations

import pytest
import torch

from misen.core.sound import FRAME_RATE, RATE, SAMPLES
from misen.data.cache import build
from misen.data.speech import FRAMES, SPEECH, CachedSpeech, collate, first_speech
from misen.data.talking import facing, mouthing, points_of, speaking, talk
from misen.scene import speech as world
from misen.scene.anatomy import EXPRESSION_AXES, LANDMARKS
from misen.scene.observe import observe
from misen.scene.sampling import sample
from misen.scene.speech import MOUTH_AXES, sample_utterance, speak
from misen.scene.splits import TEST

SEEDS = torch.arange(40, 43)


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> CachedSpeech:
    folder = tmp_path_factory.mktemp("cache") / "speech"
    assert list(build(folder, "toy", SEEDS, contents=SPEECH, workers=1, chunk=2)) == [2, 3]
    return CachedSpeech(folder)


def test_what_is_stored_is_what_is_said(cache) -> None:
    stored = cache.speech(torch.tensor([2, 0]))
    fresh = collate([sample_utterance(seed) for seed in (42, 40)])
    assert (stored.waveform - fresh.waveform).abs().max() < 1e-4
    for name in ("mouth", "visemes", "spoken"):
        assert torch.equal(getattr(stored, name), getattr(fresh, name)), name
    assert stored.waveform.shape == (2, FRAMES * SAMPLES)


def test_batches_are_of_the_step_alone(cache) -> None:
    batches = cache.batches(2, seed=1)
    assert torch.equal(batches(5)["speech"].waveform, batches(5)["speech"].waveform)
    assert len(batches(0)["speech"][:1]) == 1
    assert batches.fingerprint == cache.fingerprint


def test_what_is_short_is_followed_by_silence_and_what_is_long_is_cut() -> None:
    said = speak("six")
    short, long = collate([said], frames=60), collate([said], frames=5)
    lasts = len(said.mouth)
    assert short.spoken.sum() == lasts
    assert not short.waveform[0, lasts * SAMPLES :].any()
    assert not short.mouth[0, lasts:].any()
    assert (short.visemes[0, lasts:] == world.VISEMES.index("silence")).all()
    assert torch.equal(long.waveform[0], said.waveform[: 5 * SAMPLES])
    assert torch.equal(long.mouth[0], said.mouth[:5])


def test_the_first_of_a_split_say_what_their_seeds_say() -> None:
    [first, second] = first_speech(TEST, 3, chunk=2)
    assert (len(first), len(second)) == (2, 1)
    assert torch.equal(second.waveform, collate([sample_utterance(int(TEST.seeds(2, 1)))]).waveform)


def test_the_world_and_the_package_agree_on_time() -> None:
    assert (world.RATE, world.FRAME_RATE) == (RATE, FRAME_RATE)


def test_talking_heads_move_nothing_but_the_mouth() -> None:
    record, said = sample(SEEDS[:2]), [speak("six"), speak("zero one two")]
    frames = speaking(record, said, 20)
    assert len(frames) == 40
    mouth = [EXPRESSION_AXES.index(axis) for axis in MOUTH_AXES]
    rest = [column for column in range(len(EXPRESSION_AXES)) if column not in mouth]
    shown = frames.expression.unflatten(0, (2, 20))
    assert torch.equal(shown[1, :, mouth], said[1].mouth[:20])
    assert not shown[0, len(said[0].mouth) :, mouth].any()
    assert torch.equal(shown[:, :, rest], record.expression[:, None, rest].expand(-1, 20, -1))
    assert torch.equal(frames.identity[20:], record.identity[1:].expand(20, -1))


def test_a_clip_is_rendered_with_its_words() -> None:
    talking = talk(sample(SEEDS[:1]), 3, size=64)
    assert talking.truth.observation.image.shape == (3, 3, 64, 64)
    assert (len(talking), talking.frames) == (1, 3)
    assert torch.equal(talking.utterances[0].waveform, sample_utterance(40).waveform)


def test_points_are_told_without_a_render() -> None:
    record = sample(SEEDS)
    assert torch.allclose(points_of(record), observe(record, 32).landmarks, atol=1e-6)


def test_a_jaw_that_opens_takes_the_chin_along() -> None:
    shut, wide = torch.zeros(3, 1, 3), torch.tensor([1.0, 0.0, 0.0]).expand(3, 1, 3)
    record = facing(sample(SEEDS))
    moved = points_of(mouthing(record, wide)) - points_of(mouthing(record, shut))
    assert (moved[:, LANDMARKS.index("lower lip inner"), 1] > 0.01).all()
    assert moved[:, LANDMARKS.index("left pupil")].abs().max() < 1e-3


def test_nobody_turns_away() -> None:
    record = sample(torch.arange(300))
    front = facing(record)
    assert record.camera[:, 0].abs().max() > 1.5
    assert front.camera[:, 0].abs().max() <= torch.pi / 4 + 1e-6
    kept = record.camera[:, 0].abs() < torch.pi / 4
    assert (front.camera[kept] == record.camera[kept]).all(dim=1).float().mean() > 0.9
