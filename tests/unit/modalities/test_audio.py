"""Sounds of clips: files, moments, what is known of the mouth, and what is made of it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from misen.core.condition import Encoder
from misen.core.energy import Energy
from misen.core.errors import FormatError, InputError, LimitError
from misen.core.judge import Judge
from misen.core.signal import Moving, Signal
from misen.core.sound import RATE, SAMPLES
from misen.core.view import View
from misen.media import sound
from misen.modalities.audio import encoder, energy, judge
from misen.modalities.audio.encoder import AudioEncoder
from misen.modalities.audio.energy import AudioEnergy
from misen.modalities.audio.features import FEATURES, hidden
from misen.modalities.audio.judge import AudioJudge
from misen.modalities.audio.signal import MOMENT, Audio
from misen.perception.heard import Heard
from misen.perception.hearing import hearing_a, hearing_b
from misen.scene.anatomy import EXPRESSION_AXES
from misen.scene.speech import VISEMES, sample_utterance

CLIPS, FRAMES = 3, 12
JAW = EXPRESSION_AXES.index("jaw open")


@pytest.fixture(scope="module")
def spoken() -> SimpleNamespace:
    """What the signal needs to know of three clips."""
    said = sorted((sample_utterance(seed) for seed in range(8)), key=lambda one: -len(one.mouth))
    return SimpleNamespace(utterances=tuple(said[:CLIPS]), frames=FRAMES)


@pytest.fixture(scope="module")
def audio(spoken: SimpleNamespace) -> Audio:
    return Audio.observe(spoken, torch.arange(CLIPS))


def listening(openness: torch.Tensor):
    """Ears that hear a known mouth, however long the sound."""
    mouth = torch.stack([openness, openness, openness], dim=2)
    return lambda waveform: Heard(torch.zeros(*openness.shape, len(VISEMES)), mouth, mouth)


def looking(openness: torch.Tensor):
    """An observer of a known mouth, of whatever pictures."""
    expression = torch.zeros(openness.numel(), len(EXPRESSION_AXES))
    expression[:, JAW] = openness.flatten()
    return lambda images: SimpleNamespace(expression=expression[: len(images)])


# --- signal ----------------------------------------------------------------------------------------------------------


def test_what_is_observed_is_what_is_said(audio: Audio, spoken: SimpleNamespace) -> None:
    assert isinstance(audio, Signal)
    assert audio.waveform.shape == (CLIPS, FRAMES * SAMPLES)
    assert audio.frames.tolist() == [FRAMES] * CLIPS
    for row, openness, utterance in zip(audio.waveform, audio.openness, spoken.utterances, strict=True):
        assert (row - utterance.waveform[: FRAMES * SAMPLES]).abs().max() <= 0.5 / 32768
        assert torch.equal(openness, utterance.mouth[:FRAMES, 0])


def test_clips_that_are_longer_than_what_is_said_end_in_silence(spoken: SimpleNamespace) -> None:
    long = Audio.observe(SimpleNamespace(utterances=spoken.utterances, frames=200), torch.arange(CLIPS))
    assert long.frames.tolist() == [200] * CLIPS
    assert not long.waveform[:, -SAMPLES:].any()
    assert not long.openness[:, -1].any()


def test_json_round_trip_is_exact_also_of_unequal_lengths(audio: Audio) -> None:
    written = [*audio[0].to_json(), *Audio(torch.linspace(-1, 1, 5 * SAMPLES)).to_json()]
    again = Audio.from_json(json.loads(json.dumps(written, allow_nan=False)))
    assert again.to_json() == written
    assert again.frames.tolist() == [FRAMES, 5]
    assert torch.equal(again.waveform[0], audio.waveform[0])
    assert torch.equal(again.openness[0], audio.openness[0])
    assert again.openness[1].isnan().all()
    assert "openness" not in written[1]


def test_files_tensors_and_bytes_say_the_same(audio: Audio, tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(sound.encode(audio.waveform[0].numpy()))
    for same in (Audio.parse(str(path)), Audio.open(path), Audio(path.read_bytes()), Audio(audio.waveform[0])):
        assert torch.equal(same.waveform[0], audio.waveform[0])
        assert same.openness.isnan().all()
    assert Audio.parse(str(path)).describe() == ["0.48 s of sound"]


def test_tensors_of_other_rates_are_resampled() -> None:
    tone = 0.5 * torch.sin(2 * torch.pi * 200 * torch.arange(8000) / 8000)
    assert Audio(tone, rate=8000).waveform.shape == (1, RATE)
    assert Audio(torch.zeros(2, 641)).frames.tolist() == [2, 2]


@pytest.mark.parametrize(
    ("wrong", "rate", "words"),
    [
        (torch.zeros(0), RATE, "not empty"),
        (torch.zeros(1, 2, 3), RATE, "float tensor"),
        (torch.zeros(9, dtype=torch.int16), RATE, "float tensor"),
        (torch.full((9,), 2.0), RATE, "audio must be in [-1, 1], got 2"),
        (torch.tensor([0.0, torch.nan]), RATE, "audio holds 1 samples that are no numbers, the first at 1"),
        (torch.zeros(9), 1, "audio must have 4,000 to 192,000 samples per second, got 1"),
        (torch.zeros(9), 16e3, "samples per second, got 16000.0"),
        (3, RATE, "audio must be a sound, got int"),
    ],
)
def test_mistakes_are_named(wrong: object, rate: int, words: str) -> None:
    with pytest.raises(InputError) as caught:
        Audio(wrong, rate)
    assert words in str(caught.value)


def test_ten_minutes_are_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound, "SECONDS_LIMIT", 1)
    with pytest.raises(LimitError, match="limit is 1 s"):
        Audio(torch.zeros(2 * RATE))


@pytest.mark.parametrize("item", [{}, [], {"wav": "bm8="}, {"openness": [0.0]}, {"wav": 3}], ids=repr)
def test_json_must_hold_a_sound(item: object) -> None:
    with pytest.raises(FormatError, match=r"audio|each item"):
        Audio.from_json([item])


@pytest.mark.parametrize("openness", [[0.0], ["x"] * FRAMES, 3])
def test_what_is_known_must_be_of_every_frame(audio: Audio, openness: object) -> None:
    with pytest.raises(FormatError, match="openness must be"):
        Audio.from_json([{**audio[0].to_json()[0], "openness": openness}])


def test_indexing_keeps_the_batch_axis(audio: Audio) -> None:
    items = audio.to_json()
    assert audio[-1].to_json() == [items[-1]]
    assert audio[torch.tensor([2, 0, 0])].to_json() == [items[2], items[0], items[0]]


@pytest.mark.parametrize("size", [16, 48, 300])
def test_a_preview_shows_when_it_is_loud(size: int) -> None:
    wave = torch.zeros(1, 8 * SAMPLES)
    wave[:, 4 * SAMPLES :] = 0.8 * torch.sin(torch.arange(4 * SAMPLES) * 0.3)
    preview = Audio(wave).preview(size)
    assert preview.shape == (1, 3, size, size)
    drawn = (preview[0, 0] > 0).float().mean(0)
    assert (drawn > 0).all()
    assert drawn[size // 2 + 1 :].min() > 4 * drawn[: size // 2 - 1].max()


def test_moments_are_what_is_heard_around_each_frame(audio: Audio) -> None:
    moments = audio.moments()
    assert len(moments) == CLIPS * FRAMES
    assert set(moments.frames.tolist()) == {MOMENT}
    middle = slice(MOMENT // 2 * SAMPLES, (MOMENT // 2 + 1) * SAMPLES)
    assert torch.equal(moments.waveform[:, middle].reshape(CLIPS, -1), audio.waveform)
    assert torch.equal(moments.openness[:, MOMENT // 2].view(CLIPS, FRAMES), audio.openness)
    assert moments.openness[0, 0].isnan()


def test_around_each_middle_of_a_frame_is_its_moment(audio: Audio) -> None:
    one, expected = audio[1], audio[1].moments()
    around = one.around((torch.arange(FRAMES) + 0.5) / 25)
    assert isinstance(one, Moving)
    assert one.seconds.tolist() == pytest.approx([FRAMES / 25])
    for name in ("waveform", "frames"):
        assert torch.equal(getattr(around, name), getattr(expected, name))
    assert torch.equal(around.openness.nan_to_num(-1), expected.openness.nan_to_num(-1))


def test_around_any_moment_is_what_is_heard_there() -> None:
    sound = Audio(torch.linspace(-1, 1, 5 * RATE))
    early, middle, late = sound.around(torch.tensor([0.0, 2.5, 99.0])).waveform
    assert not early[: MOMENT * SAMPLES // 2].any()
    assert float(middle[MOMENT * SAMPLES // 2]) == pytest.approx(0, abs=1e-4)
    assert float(late[MOMENT * SAMPLES // 2]) == pytest.approx(1, abs=1e-4)
    assert not late[MOMENT * SAMPLES // 2 + 1 :].any()


def test_moments_of_unequal_lengths_are_of_real_frames() -> None:
    both = Audio.from_json([*Audio(torch.zeros(3 * SAMPLES)).to_json(), *Audio(torch.zeros(5 * SAMPLES)).to_json()])
    assert len(both.moments()) == 8


# --- encoder ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FEATURES)
def test_every_feature_is_a_token_per_frame(name: str, audio: Audio) -> None:
    made = AudioEncoder(FEATURES[name])
    assert isinstance(made, Encoder)
    tokens, vector = made.encode(audio, "tokens"), made.encode(audio, "vector")
    assert tokens.value.shape == (CLIPS, FRAMES, made.width("tokens"))
    assert vector.value.shape == (CLIPS, made.width("vector"))
    assert tokens.mask.all()
    assert torch.allclose(vector.value, tokens.value.mean(1), atol=1e-5)
    assert 0.01 < tokens.value.abs().mean() < 20


@pytest.mark.parametrize("make", [hearing_a, hearing_b])
def test_the_hidden_layer_of_moments_is_that_of_the_whole(make, audio: Audio) -> None:
    torch.manual_seed(0)
    made = AudioEncoder(hidden(make().eval()))
    whole, parts = made.encode(audio, "tokens").value, made.encode(audio.moments(), "tokens").value
    assert torch.allclose(parts[:, MOMENT // 2].view_as(whole), whole, atol=1e-4)


def test_frames_behind_the_end_do_not_count() -> None:
    noise = torch.rand(3 * SAMPLES, generator=torch.Generator().manual_seed(0)) - 0.5
    short, long = Audio(noise), Audio(torch.zeros(5 * SAMPLES))
    both = Audio.from_json([*short.to_json(), *long.to_json()])
    made = AudioEncoder(FEATURES["fbank"])
    tokens = made.encode(both, "tokens")
    assert tokens.mask.tolist() == [[True] * 3 + [False] * 2, [True] * 5]
    assert not tokens.value[0, 3:].any()
    assert torch.allclose(tokens.value[0, :3], made.encode(short, "tokens").value[0], atol=1e-4)
    assert torch.allclose(made.encode(both, "vector").value[0], made.encode(short, "vector").value[0], atol=1e-4)


def test_there_is_no_map(audio: Audio) -> None:
    with pytest.raises(InputError, match="accepted: tokens, vector"):
        AudioEncoder(FEATURES["mfcc"]).encode(audio, "map")


# --- energy and judge ------------------------------------------------------------------------------------------------


def test_the_parts_are_what_they_should_be() -> None:
    senses = SimpleNamespace(observer=lambda: looking(torch.zeros(1)), hearing=lambda: hearing_a().eval())
    assert isinstance(encoder.build(senses), Encoder)
    assert isinstance(energy.build(senses), Energy)
    assert isinstance(judge.build(senses), Judge)


def test_energy_compares_every_frame_of_a_clip_with_its_own_moment(audio: Audio) -> None:
    heard = audio.openness
    seen = heard.clone()
    seen[1, 4] += 0.2
    view = View(torch.zeros(CLIPS * FRAMES, 3, 8, 8), frames=FRAMES)
    values = AudioEnergy(looking(seen), listening(heard)).begin(audio, view)(view)
    assert values.shape == (CLIPS * FRAMES,)
    assert values.nonzero().flatten().tolist() == [FRAMES + 4]
    assert values.max().item() == pytest.approx(4, rel=1e-4)


def test_energy_of_one_picture_is_that_of_the_middle(audio: Audio) -> None:
    view = View(torch.zeros(CLIPS, 3, 8, 8))
    values = AudioEnergy(looking(audio.openness[:, FRAMES // 2]), listening(audio.openness)).begin(audio, view)(view)
    assert not values.any()


def test_energy_is_differentiable_in_the_pictures(audio: Audio) -> None:
    def look(images: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(expression=images.mean(dim=(1, 2, 3))[:, None].expand(-1, len(EXPRESSION_AXES)))

    images = torch.rand(CLIPS, 3, 8, 8).requires_grad_()
    values = AudioEnergy(look, hearing_a().eval()).begin(audio, View(images.detach()))(View(images))
    [gradient] = torch.autograd.grad(values.sum(), images)
    assert (gradient.flatten(1).abs().amax(1) > 0).all()


def test_judge_gives_the_correlation_with_the_truth(audio: Audio) -> None:
    deaf = listening(torch.full((CLIPS, FRAMES), 0.5))
    noise = torch.rand(CLIPS, FRAMES, generator=torch.Generator().manual_seed(0))
    images = torch.zeros(CLIPS * FRAMES, 3, 8, 8)
    assert AudioJudge(looking(0.3 + 0.5 * audio.openness), deaf).score(images, audio).tolist() == pytest.approx([1] * 3)
    assert AudioJudge(looking(1 - audio.openness), deaf).score(images, audio).tolist() == pytest.approx([-1] * 3)
    expected = [np.corrcoef(a, b)[0, 1] for a, b in zip(noise.numpy(), audio.openness.numpy(), strict=True)]
    assert AudioJudge(looking(noise), deaf).score(images, audio).tolist() == pytest.approx(expected, abs=1e-4)


def test_judge_listens_where_nobody_knows(audio: Audio) -> None:
    images = torch.zeros(CLIPS * FRAMES, 3, 8, 8)
    found = AudioJudge(looking(audio.openness), listening(audio.openness)).score(images, Audio(audio.waveform))
    assert found.tolist() == pytest.approx([1] * CLIPS)


def test_still_mouths_score_nothing_and_silence_and_single_pictures_cannot_be_judged(audio: Audio) -> None:
    images = torch.zeros(CLIPS * FRAMES, 3, 8, 8)
    still = looking(torch.full((CLIPS, FRAMES), 0.4))
    assert AudioJudge(still, listening(audio.openness)).score(images, audio).tolist() == [0] * CLIPS
    silence = Audio(torch.zeros(CLIPS, FRAMES * SAMPLES))
    heard = listening(torch.zeros(CLIPS, FRAMES))
    assert AudioJudge(looking(audio.openness), heard).score(images, silence).isnan().all()
    assert AudioJudge(still, heard).score(images[:CLIPS], audio).isnan().all()


def test_scores_do_not_depend_on_the_batch(audio: Audio) -> None:
    seen = torch.rand(CLIPS, FRAMES, generator=torch.Generator().manual_seed(0))
    images = torch.zeros(CLIPS * FRAMES, 3, 8, 8)
    together = AudioJudge(looking(seen), hearing_b().eval()).score(images, audio)
    alone = AudioJudge(looking(seen[1:2]), hearing_b().eval()).score(images[:FRAMES], audio[1])
    assert torch.allclose(together[1:2], alone, atol=1e-5)
