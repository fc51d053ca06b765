"""The recipe of talking faces, from the caches to the card, and what is measured of them."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from misen.assembly import open_model
from misen.core.errors import ConfigError, NotFoundError
from misen.core.sound import SAMPLES
from misen.data.cache import build
from misen.data.clips import AROUND, CLIPS, FRAMES, CachedClips
from misen.data.speech import SPEECH, CachedSpeech
from misen.data.talking import points_of
from misen.generators.gan.talking.content import REACH
from misen.generators.gan.talking.face import POINTS, Face, width
from misen.generators.gan.talking.network import TalkingNetwork
from misen.media import sound
from misen.nn import weights
from misen.nn.weights import read_card
from misen.perception import coach
from misen.perception.hearing import hearing_a, hearing_b
from misen.perception.sync import sync_a, sync_b
from misen.recipes import evaluate_talking, train_talking
from misen.scene.splits import TEST, TRAIN_A
from misen.training import load_config
from misen.training.config import parse_config
from talkers import some_faces

NAME = "avatars/talking"
CONFIG = f"""
name = "{NAME}"
recipe = "talking"
batch_size = 2
steps = 4
warmup = 1
weight_decay = 0.0
ema = 0.5
[model]
frames = 2
critic = {{ field = 2, width = 4, scales = 1 }}
beginning = {{ steps = 2, batch_size = 4 }}
[model.network]
trunk = 8
heads = 2
content = 4
speaker = 6
widths = [8, 6, 4, 4]
hidden = 4
field = 4
"""
RECORDS = 8
CONFIGS = ("talking", "talking_landmarks", "talking_3dmm")


@pytest.fixture(scope="module")
def caches(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("cache")
    for name, contents in {"speech": SPEECH, "clips": CLIPS}.items():
        list(build(root / name, TRAIN_A.name, TRAIN_A.seeds(0, RECORDS), contents=contents, workers=1))
    return {"speech": root / "speech", "clips": root / "clips"}


@pytest.fixture
def config(caches):
    """``config("lr=1")``: the configuration above on these caches, with changes."""
    where = [f'data.{name}="{folder}"' for name, folder in caches.items()]
    return lambda *changes: parse_config(CONFIG, overrides=[*where, *changes])


@pytest.fixture
def models(models, tiny_weights, monkeypatch):
    """The folder of all models, with everything that looks, listens and tells; few are looked at, for a short time."""
    models.mkdir()
    for name in ("observer-a", "observer-b"):
        (models / name).symlink_to(tiny_weights / name)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        ears = {"hearing-a": hearing_a, "hearing-b": hearing_b, "sync-a": sync_a, "sync-b": sync_b}
        for name, network in ears.items():
            weights.save(network(), models / name, {"name": name})
    monkeypatch.setattr(evaluate_talking, "FRAMES", 12)
    monkeypatch.setattr(train_talking, "MEASURED", 2)
    monkeypatch.setattr(train_talking, "WATCHED", 1)
    return models


@pytest.mark.parametrize("motion", ["points", "coefficients", "code"])
def test_a_run_ships_a_model_and_the_truth_about_it(models, config, caches, tmp_path, motion):
    outcome = train_talking.train(config(f'model.network.motion="{motion}"'), tmp_path / "run")
    card, opened = read_card(models / NAME), open_model(NAME)
    generator = opened.generator
    assert (outcome.step, card["name"], card["family"], card["kind"]) == (4, NAME, "gan", "talking")
    assert (opened.defaults.sampler, opened.defaults.steps, opened.defaults.scale) == ("walk", 40, 1.0)
    assert card["data"] == {"speech": CachedSpeech(caches["speech"]).fingerprint,
                            "clips": CachedClips(caches["clips"]).fingerprint}  # fmt: skip
    assert card["parameters"] == sum(parameter.numel() for parameter in generator.networks.parameters())
    assert card["beginning"]["samples"] == 8
    assert generator.networks.settings.motion == motion
    assert {name: (port.layout, port.width) for name, port in generator.ports.items()} == {
        "audio": ("tokens", 160), "exemplar": ("vector", width(64))
    }  # fmt: skip
    assert '"evaluation.openness_coach"' in (tmp_path / "run" / "log.jsonl").read_text()
    if motion == "code":
        figures = evaluate_talking.evaluate(generator, 2)
        assert set(card["figures"]) == set(figures)
        for name in ("identity", "lips", "true_lips", "sync_distance"):
            assert card["figures"][name]["value"] == pytest.approx(figures[name].value, abs=0.05)


def test_a_run_in_two_parts_is_one_run(models, config, tmp_path, in_two_parts):
    changes = ["model.frames=5", "model.weights.sync=0.5", "log_every=1"]
    train_talking.train(config(*changes), tmp_path / "whole")
    whole = read_card(models / NAME)["sha256"]
    in_two_parts(train_talking, config(*changes), tmp_path / "parts")
    assert read_card(models / NAME)["sha256"] == whole
    log = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log if "painter.sync" in entry] == [1, 2, 3, 4]


@pytest.mark.parametrize(("changes", "least"), [(["model.frames=6"], 1), (["model.weights.sync=0.1"], 5)])
def test_clips_that_are_not_there_are_refused(config, tmp_path, changes, least):
    with pytest.raises(ConfigError, match=f"model.frames must be from {least} to 5"):
        train_talking.train(config(*changes), tmp_path)


# --- what is learned from --------------------------------------------------------------------------------------------


@pytest.fixture
def cast(models, caches):
    return train_talking.Cast.read(CachedClips(caches["clips"]), "points")


def test_lessons_say_where_the_points_that_were_found_go(cast):
    chosen, still = torch.tensor([3, 0]), torch.zeros(2, 1, 3)
    record = cast.clips.record(chosen)
    still[:, 0] = record.expression[:, :3]
    found = Face.of(cast.faces(chosen), 64).points.flatten(1)
    torch.testing.assert_close(cast.lessons(chosen, still)[:, 0], found)
    wide = torch.tensor([[1.0, 0.0, 0.0]]).expand(2, 1, 3)
    moved = cast.lessons(chosen, wide)[:, 0] - found
    there = points_of(train_talking.mouthing(record, wide)) - points_of(record)
    torch.testing.assert_close(moved, there.flatten(1), atol=1e-6, rtol=1e-4)


def test_utterances_are_said_by_anybody(cast, config, caches):
    batches = train_talking.SpeechBatches(CachedSpeech(caches["speech"]), cast, config())
    first, again, other = batches(0), batches(0), batches(5)
    assert first["sound"].shape == (2, (48 + 2 * REACH) * SAMPLES)
    assert first["lesson"].shape == (2, 48, 2 * POINTS)
    for name, values in first.items():
        assert torch.equal(values, again[name])
        assert not torch.equal(values, other[name])


def test_as_much_is_kept_as_is_heard():
    assert AROUND == REACH


def test_frames_and_what_surrounds_them_belong_together(cast, config):
    batches = train_talking.ClipBatches(cast, 2, config())
    seen = {batches(step)["pictures"].shape for step in range(3)}
    assert seen == {(2, 2, 3, 64, 64)}
    batch, indices = batches(0), batches.order(0)[0]
    clips = cast.clips.clips(indices)
    firsts = [start for start in range(FRAMES - 1) if torch.equal(clips.frames[:, start:][:, :2], batch["pictures"])]
    assert len(firsts) == 1
    heard = clips.waveform[:, firsts[0] * SAMPLES :][:, : (2 + 2 * REACH) * SAMPLES]
    assert torch.equal(batch["sound"], heard)
    assert torch.equal(batch["face"], cast.faces(indices))


# --- what it costs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONFIGS)
def test_a_frame_costs_less_than_the_budget(root, name):
    settings = load_config(root / "configs" / "gan" / f"{name}.toml").section("model", train_talking.Settings)
    network, face = TalkingNetwork(settings.network, 160).eval(), some_faces(1, size=64)
    with torch.no_grad(), FlopCounterMode(display=False) as painting:
        assert network.paint(network.motion.rest(face), face).shape == (1, 3, 64, 64)
    with torch.no_grad(), FlopCounterMode(display=False) as hearing:
        network.hear(torch.zeros(1, 48 + 2 * REACH, 160), face)
    assert painting.get_total_flops() <= 0.5e9
    assert hearing.get_total_flops() <= 0.1e9


# --- what is measured ------------------------------------------------------------------------------------------------


def test_the_truth_passes(models, monkeypatch):
    """Whatever an untrained judge sees, it sees the same in the truth."""
    some = next(evaluate_talking.speakers(TEST, 2))
    monkeypatch.setattr(evaluate_talking, "animated", lambda generator, picture, audio: some.shown(64))
    figures = evaluate_talking.evaluate(SimpleNamespace(size=64), 2)
    for name in ("openness", "in_sync", "sync_distance", "lips"):
        assert figures[name].value == pytest.approx(figures[f"true_{name}"].value), name
    assert figures["sync_ratio"].value == pytest.approx(1.0)
    assert all(figure.n == 2 for name, figure in figures.items() if name in ("identity", "lips", "in_sync"))


def test_what_is_heard_is_told_from_what_is_not(models):
    audio = next(evaluate_talking.speakers(TEST, 3)).audio()
    seen = torch.zeros(3, audio.openness.shape[1], 12)
    seen[..., 0] = audio.openness
    reading = SimpleNamespace(expression=seen.flatten(0, 1))
    lasting = audio.frames
    own = evaluate_talking._openness(reading, audio, lasting)
    others = evaluate_talking._openness(reading, audio[torch.tensor([1, 2, 0])], lasting)
    torch.testing.assert_close(own, torch.ones(3), atol=1e-4, rtol=0)
    assert (others < 0.9).all()


def test_recordings_are_said_by_avatars(models, config, tmp_path, capsys):
    train_talking.train(config(), tmp_path / "run")
    some, folder = next(evaluate_talking.speakers(TEST, 2)).audio(), tmp_path / "spoken"
    folder.mkdir()
    for row in range(2):
        (folder / f"{row}.wav").write_bytes(sound.encode(some.waveform[row].numpy()))
    capsys.readouterr()
    evaluate_talking.main(["2", NAME, "--recordings", str(folder)])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[:2] for line in lines] == [
        [NAME, "openness_loudness"], [NAME, "openness_heard"], [NAME, "identity"]
    ]  # fmt: skip
    assert all(line[-1] == "n=2" for line in lines)


def test_what_cannot_be_judged_does_not_count():
    figure = evaluate_talking.averaged(torch.tensor([1.0, torch.nan, 3.0]).double())
    assert (figure.value, figure.n) == (2.0, 3)
    assert 1 <= figure.low <= figure.high <= 3


def test_loudness_is_that_of_each_frame():
    audio = next(evaluate_talking.speakers(TEST, 2)).audio()
    loud = evaluate_talking.loudness(audio)
    assert loud.shape == audio.openness.shape
    second = audio.waveform[:, SAMPLES : 2 * SAMPLES]
    torch.testing.assert_close(loud[:, 1], second.square().mean(dim=1).sqrt())


def test_recordings_are_spread_over_a_folder(tmp_path):
    with pytest.raises(NotFoundError, match="no WAV files"):
        evaluate_talking.recordings(tmp_path, 2)
    for name in range(6):
        (tmp_path / f"{name}.wav").touch()
    assert [path.stem for path in evaluate_talking.recordings(tmp_path, 2)] == ["0", "3"]
    assert len(evaluate_talking.recordings(tmp_path, 9)) == 6


def test_nobody_looks_at_the_judge_while_learning(models, caches):
    game = train_talking.prepare(train_talking.Settings(), 0)
    assert game.listen is coach.hearing()
    assert game.expert is None
