"""Talking faces on the command line, by a puppet in place of the model that talks."""

from __future__ import annotations

import errno
import os
import struct
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

import talkers
from misen import assembly
from misen.app import Recipe, walker
from misen.core import files
from misen.generators.gan import folder as gan
from misen.generators.gan.talking.generator import Entrances
from misen.media import video
from misen.nn import weights
from puppets import Puppet, brightness, puppet
from tiny import forget

pytestmark = pytest.mark.usefixtures("talking")


@pytest.fixture
def talking(installed, monkeypatch) -> None:
    """A puppet talks; the other models are those of the installation."""
    opened = assembly.open_model

    def open_model(name: str, device: str = "cpu", adapters=()):
        return puppet(name) if name == "avatars/talking" else opened(name, device, adapters)

    monkeypatch.setattr(assembly, "open_model", open_model)


@pytest.fixture
def idle(monkeypatch) -> None:
    """Neither a face nor a film may be made."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was made")

    monkeypatch.setattr(walker, "synthesize", refuse)


@pytest.fixture
def face(tmp_path: Path) -> Path:
    path = tmp_path / "face.png"
    Image.new("RGB", (40, 30), (200, 80, 40)).save(path)
    return path


def tone(seconds: float, rate: int = 16_000) -> np.ndarray:
    """A second of it is quiet, loud and quiet."""
    time = np.arange(round(seconds * rate)) / rate
    return (0.8 * np.sin(2 * np.pi * 200 * time) * np.sin(np.pi * time) ** 2).astype(np.float32)


def saved(path: Path, samples: np.ndarray, rate: int = 16_000, channels: int = 1) -> Path:
    """A WAV file of 16 bits."""
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, 2, rate, 0, "NONE", "not compressed"))
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    return saved(tmp_path / "speech.wav", tone(1.0))


def test_a_face_talks_and_comes_again(misen, face, speech, tmp_path):
    out = tmp_path / "talk.mp4"
    outcome = misen("animate", face, "--audio", speech, "--seed", 3, "-o", out)
    assert (outcome.code, outcome.out) == (0, f"{out}  25 frames, seed 3\n"), outcome.err
    film = video.read_film(out)
    assert (film.frames.shape, film.rate) == ((25, 16, 16, 3), 25)
    loud = brightness(film.frames)
    assert loud[12] > 2 * max(loud[0], loud[24])
    assert np.abs(film.sound).max() > 0.5
    assert misen("replay", out).out == "identical\n"
    assert misen("animate", "--recipe", out, "-o", tmp_path / "again.mp4").code == 0
    assert (tmp_path / "again.mp4").read_bytes() == out.read_bytes()
    assert misen("replay", out, "--json").json["status"] == "identical"


def test_json_is_one_object(misen, face, speech, tmp_path):
    told = misen("animate", face, "--audio", speech, "--fps", 10, "--json", "-o", tmp_path).json
    assert told["film"] == str(tmp_path / f"misen-{told['seed']}.mp4")
    assert (told["model"], told["frames"], told["fps"]) == ("avatars/talking", 10, 10)
    assert "face" not in told
    assert Path(told["film"]).is_file()


def test_without_a_picture_a_face_is_made_of_the_other_guidance(misen, speech, tmp_path):
    out = tmp_path / "talk.mp4"
    told = misen("animate", "--audio", speech, "--text", "a man", "--seed", 2, "--fps", 5, "--json", "-o", out).json
    assert (told["face"], told["frames"]) == ("avatars/diffusion", 5)
    recipe = Recipe.read(out)
    assert [entry.modality for entry in recipe.guidances] == ["audio", "exemplar"]
    assert misen("generate", "--text", "a man", "--seed", 2, "-o", tmp_path / "face.png").code == 0
    given = ("--audio", speech, "--seed", 2, "--fps", 5, "-o", tmp_path / "b.mp4")
    assert misen("animate", tmp_path / "face.png", *given).code == 0
    assert (tmp_path / "b.mp4").read_bytes() == out.read_bytes()


def test_the_plan_and_the_cost_are_told_and_nothing_is_made(misen, idle, face, speech, tmp_path):
    told = misen("animate", face, "--audio", speech, "--explain", "-o", tmp_path)
    assert told.code == 0, told.err
    assert "native: port 'audio' was trained on audio" in told.out
    assert "25 frames, 25 a second: " in told.out
    both = misen("animate", "--audio", speech, "--text", "a man", "--explain")
    assert both.out.startswith("first a face, by avatars/diffusion\n+ text: a man\n")
    assert "then the film\n+ audio: 1.00 s of sound\n" in both.out
    told = misen("animate", "--audio", speech, "--explain", "--json").json
    assert (told["frames"], told["model"], told["face"]["model"]) == (25, "avatars/talking", "avatars/diffusion")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["face.png", "speech.wav"]


# --- sounds of every kind --------------------------------------------------------------------------------------------


def floats(samples: np.ndarray) -> bytes:
    """A WAV file of 32-bit floats."""
    data = samples.astype("<f4").tobytes()
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, 16_000, 64_000, 4, 32)
    body = b"WAVE" + head + struct.pack("<4sI", b"data", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


REFUSED = [
    (b"These are words, and no sound.", 2, "talk.wav is no sound that can be opened: it looks like plain text"),
    (b"", 2, "talk.wav is no sound that can be opened: it looks like an empty file"),
    (floats(np.zeros(0)), 2, "talk.wav holds no sound: it has 0 samples"),
    (floats(tone(1.0))[:9000], 2, "talk.wav is truncated: it says 64,044 bytes and has 9,000"),
    (floats(np.where(np.arange(16_000) == 5, np.nan, tone(1.0))), 2, "samples that are no numbers, the first at 5"),
]


@pytest.mark.parametrize(("content", "code", "complaint"), REFUSED, ids=["text", "empty", "no samples", "cut", "NaN"])
def test_what_is_no_sound_is_refused_in_a_line(misen, idle, face, tmp_path, content, code, complaint):
    (tmp_path / "talk.wav").write_bytes(content)
    outcome = misen("animate", face, "--audio", tmp_path / "talk.wav", "-o", tmp_path / "talk.mp4")
    assert (outcome.code, outcome.out) == (code, "")
    assert complaint in outcome.err
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "talk.mp4").exists()


def test_ten_minutes_can_be_shown_and_no_more(misen, idle, face, tmp_path):
    for seconds, code in ((600, 0), (601, 5)):
        long = saved(tmp_path / f"{seconds}.wav", np.zeros(seconds * 4000), 4000)
        outcome = misen("animate", face, "--audio", long, "--explain")
        assert outcome.code == code
    assert "lasts 601 s or more; the limit is 600 s" in outcome.err
    outcome = misen("animate", face, "--audio", tmp_path / "600.wav", "--explain")
    assert "15000 frames, 25 a second: " in outcome.out


@pytest.mark.parametrize(
    ("samples", "rate", "channels", "frames"),
    [
        (np.zeros(8000), 16_000, 1, 13),
        (np.zeros(1), 16_000, 1, 1),
        (tone(1.0, 8000), 8000, 1, 25),
        (np.repeat(tone(1.0, 44_100), 2), 44_100, 2, 25),
    ],
    ids=["silence", "one sample", "8 kHz", "stereo"],
)
def test_sounds_of_other_kinds_are_converted(misen, face, tmp_path, samples, rate, channels, frames):
    out = tmp_path / "talk.mp4"
    saved(tmp_path / "talk.wav", samples, rate, channels)
    outcome = misen("animate", face, "--audio", tmp_path / "talk.wav", "-o", out)
    assert outcome.code == 0, outcome.err
    loud = brightness(video.read_film(out).frames)
    assert len(loud) == frames
    assert (loud.max() > 0.4) == (frames == 25)
    assert float(loud[0]) < 0.1


@pytest.mark.parametrize("container", ["flac", "mp3"])
def test_coded_sounds_are_opened(misen, face, tmp_path, container):
    path = tmp_path / f"talk.{container}"
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(container, rate=16_000, layout="mono")
        whole = (tone(1.0) * 32767).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(whole, format="s16", layout="mono")
        frame.sample_rate = 16_000
        for packet in (*stream.encode(frame), *stream.encode(None)):
            file.mux(packet)
    outcome = misen("animate", face, "--audio", path, "--json", "-o", tmp_path / "talk.mp4")
    assert outcome.code == 0, outcome.err
    assert 25 <= outcome.json["frames"] <= 28  # MP3 is padded to whole blocks


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        ([], 2, "a film needs one signal that moves, got 0. accepted: audio"),
        (["--audio", "speech.wav", "--audio", "speech.wav"], 2, "--audio is given 2 times"),
        (["--audio", "missing.wav"], 2, "there is no file 'missing.wav'"),
        (["--audio", "speech.wav", "--fps", "61"], 2, "fps must be a whole number from 1 to 60, got 61"),
        (["--audio", "speech.wav", "--size", "17"], 2, "width must be 16, got 17"),
        (["--audio", "speech.wav:route=adapted"], 4, "audio cannot be followed (adapted: no adapter is loaded)"),
        (["--audio", "speech.wav:strength=2,route=native"], 4, "port 'audio' has no null condition"),
        (["--audio", "speech.wav", "--model", "avatars/nobody"], 2, "there is no model 'avatars/nobody'"),
        (["--audio", "speech.wav", "-o", "talk.avi"], 2, "films are written as MP4, got 'talk.avi'"),
        (["--audio", "speech.wav", "-o", "nowhere/talk.mp4"], 5, "there is no folder 'nowhere'"),
        (["--audio", "speech.wav", "-o", "here.mp4"], 5, "'here.mp4' exists"),
        (["--audio", "speech.wav", "--recipe", "r.json"], 2, "--recipe cannot be combined with --image, --audio"),
    ],
)
def test_what_cannot_be_shown_is_refused_before_anything_is_made(
    misen, idle, face, speech, tmp_path, monkeypatch, arguments, code, complaint
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here.mp4").write_bytes(b"mine")
    out = [] if "-o" in arguments else ["-o", "talk.mp4"]
    outcome = misen("animate", face, *arguments, *out)
    assert (outcome.code, outcome.out) == (code, "")
    assert complaint in outcome.err
    assert outcome.err.count("\n") == 1
    assert (tmp_path / "here.mp4").read_bytes() == b"mine"


def test_a_picture_that_is_none_is_refused(misen, idle, speech, tmp_path):
    (tmp_path / "face.png").write_bytes(b"words")
    outcome = misen("animate", tmp_path / "face.png", "--audio", speech, "-o", tmp_path / "talk.mp4")
    assert outcome.code == 2
    assert "face.png is not a picture that can be opened: it looks like plain text" in outcome.err


def test_without_ears_sound_cannot_steer_and_it_is_said_what_is_missing(
    misen, idle, speech, installed, tmp_path, monkeypatch
):
    for network in ("observer-a", "joint-a"):
        (tmp_path / network).symlink_to(installed / network)
    monkeypatch.setattr(weights, "SHIPPED", tmp_path)
    forget()
    outcome = misen("generate", "--audio", speech, "-o", tmp_path / "a.png")
    assert outcome.code == 2
    assert "this installation has no weights called 'hearing-a'. train them with `make zoo`" in outcome.err


def test_a_single_picture_shows_the_middle(misen, speech, tmp_path):
    outcome = misen("generate", "--audio", speech, "--steps", 2, "--seed", 1, "-o", tmp_path / "a.png")
    assert outcome.code == 0, outcome.err
    assert [entry.route for entry in Recipe.read(tmp_path / "a.png").guidances] == ["consistency"]
    assert misen("replay", tmp_path / "a.png").out == "identical\n"


def test_a_film_of_a_model_that_energies_steer(misen, speech, tmp_path):
    """No port, no native route: any model that gradients can pass lets its faces talk."""
    out = tmp_path / "talk.mp4"
    options = ("--model", "avatars/diffusion", "--steps", 2, "--fps", 3, "--seed", 1)
    outcome = misen("animate", "--audio", speech, *options, "-o", out)
    assert outcome.code == 0, outcome.err
    assert [entry.route for entry in Recipe.read(out).guidances] == ["consistency"]
    assert len(video.read_film(out).frames) == 3


def test_a_talking_model_in_a_folder(misen, face, speech, tmp_path):
    """It hears with the ears of the installation, and knows faces by its observer."""
    gan.save(talkers.generator("code", Entrances("audio", 160, "exemplar")), tmp_path / "model")
    out = tmp_path / "talk.mp4"
    outcome = misen("animate", face, "--audio", speech, "--model", tmp_path / "model", "--fps", 5, "-o", out)
    assert outcome.code == 0, outcome.err
    assert video.read_film(out).frames.shape == (5, 16, 16, 3)
    assert misen("replay", out).out == "identical\n"
    assert misen("animate", face, "--audio", speech, "--model", tmp_path / "model", "--explain").code == 0


def test_a_run_that_is_stopped_leaves_no_film(misen, face, speech, tmp_path, monkeypatch):
    predict, asked = Puppet.predict, []

    def interrupted(*question):
        asked.append(question)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return predict(*question)

    monkeypatch.setattr(Puppet, "predict", interrupted)
    before = sorted(tmp_path.iterdir())
    outcome = misen("animate", face, "--audio", speech, "-o", tmp_path / "talk.mp4")
    assert outcome.code == 130
    assert sorted(tmp_path.iterdir()) == before


def test_a_full_disk_leaves_no_film(misen, face, speech, tmp_path, monkeypatch):
    def fill(path: Path, data: bytes) -> None:
        path.write_bytes(data[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "_flush", fill)
    before = sorted(tmp_path.iterdir())
    outcome = misen("animate", face, "--audio", speech, "-o", tmp_path / "talk.mp4")
    assert outcome.code == 5
    assert "No space left" in outcome.err
    assert sorted(tmp_path.iterdir()) == before
