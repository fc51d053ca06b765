"""Clips of avatars that talk: what is kept is what is rendered, said and heard around it."""

from __future__ import annotations

import pytest
import torch

from misen.core.image import from_bytes, to_bytes
from misen.core.sound import SAMPLES
from misen.data.cache import build
from misen.data.clips import AROUND, CLIPS, FRAMES, HEARD, CachedClips, excerpt
from misen.data.talking import facing, mouthing
from misen.recipes import build_cache
from misen.scene.renderer import render
from misen.scene.sampling import sample
from misen.scene.speech import MOUTH_AXES, sample_utterance

SEEDS, SIZE = torch.arange(40, 43), 32


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> CachedClips:
    folder = tmp_path_factory.mktemp("cache") / "clips"
    assert list(build(folder, "toy", SEEDS, contents=CLIPS, size=SIZE, workers=1, chunk=2)) == [2, 3]
    return CachedClips(folder)


def test_what_is_stored_is_what_is_rendered(clips) -> None:
    chosen = torch.tensor([2, 0])
    record, stored = facing(sample(SEEDS[chosen])), clips.clips(chosen)
    assert torch.equal(clips.faces(chosen), from_bytes(to_bytes(render(record, SIZE))))
    spoken = render(mouthing(record, stored.mouth), SIZE)
    assert torch.equal(stored.frames.flatten(0, 1), from_bytes(to_bytes(spoken)))
    assert stored.frames.shape == (2, FRAMES, 3, SIZE, SIZE)


def test_the_avatars_are_kept_as_they_were(clips) -> None:
    record, again = facing(sample(SEEDS)), clips.record(slice(0, 3))
    assert torch.equal(again.seed, SEEDS)
    for name in ("identity", "expression", "attributes", "camera", "light", "detail"):
        assert torch.equal(getattr(again, name), getattr(record, name)), name


@pytest.mark.parametrize("seed", SEEDS.tolist())
def test_an_excerpt_is_a_part_with_its_surroundings(seed) -> None:
    waveform, mouth = excerpt(seed)
    utterance = sample_utterance(seed)
    assert (waveform.shape, mouth.shape) == ((HEARD * SAMPLES,), (FRAMES, len(MOUTH_AXES)))
    starts = [start for start in range(len(utterance.mouth)) if torch.equal(utterance.mouth[start:][:FRAMES], mouth)]
    assert len(starts) == 1
    inside = waveform[AROUND * SAMPLES :][: FRAMES * SAMPLES]
    said = utterance.waveform[starts[0] * SAMPLES :][: FRAMES * SAMPLES]
    assert torch.equal(inside[: len(said)], said)


def test_sound_is_kept_to_the_step(clips) -> None:
    stored = clips.clips(torch.tensor([1]))
    waveform, mouth = excerpt(int(SEEDS[1]))
    assert (stored.waveform[0] - waveform).abs().max() < 1e-4
    assert torch.equal(stored.mouth[0], mouth)


def test_the_command_says_what_is_kept(monkeypatch, tmp_path) -> None:
    asked = []
    monkeypatch.setattr(build_cache, "build", lambda *given, **options: asked.append(options) or iter(()))
    build_cache.main([str(tmp_path), "--split", "train-a", "--count", "1", "--contents", "clips"])
    assert [options["contents"] for options in asked] == [CLIPS]
