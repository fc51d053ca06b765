"""Sounds: any format, rate and number of channels has one meaning, and each fault is one line that says what it is."""

from __future__ import annotations

import struct
import wave
from contextlib import suppress
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from misen.core.errors import FormatError, InputError, LimitError, MisenError, NotFoundError
from misen.media import sound
from misen.media.sound import RATE, SECONDS_LIMIT, decode, encode, from_text, open_sound, to_text


def tone(seconds: float = 0.5, rate: int = RATE, hertz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def pcm(channels: list[np.ndarray], rate: int = RATE) -> bytes:
    """A 16-bit WAV file of several channels."""
    stream = BytesIO()
    whole = (np.stack(channels, axis=1) * 32767).astype("<i2")
    with wave.open(stream, "wb") as file:
        file.setparams((len(channels), 2, rate, len(whole), "NONE", ""))
        file.writeframes(whole.tobytes())
    return stream.getvalue()


def floats(samples: np.ndarray, rate: int = RATE) -> bytes:
    """A WAV file of 32-bit floats, which can hold anything."""
    data = samples.astype("<f4").tobytes()
    header = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, rate, 4 * rate, 4, 32)
    body = b"WAVE" + header + struct.pack("<4sI", b"data", len(data)) + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def coded(samples: np.ndarray, container: str, codec: str, rate: int = RATE) -> bytes:
    stream = BytesIO()
    with av.open(stream, "w", format=container) as file:
        voice = file.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray((samples * 32767).astype("<i2")[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        for packet in (*voice.encode(frame), *voice.encode(None)):
            file.mux(packet)
    return stream.getvalue()


def alike(first: np.ndarray, second: np.ndarray) -> float:
    """Correlation at the best of a few shifts, since coders are late."""
    length = min(len(first), len(second)) - 4000
    fixed = first[2000 : 2000 + length]
    return max(np.corrcoef(fixed, second[at : at + length])[0, 1] for at in range(0, 4000, 5))


def test_what_is_written_is_read_exactly(tmp_path: Path) -> None:
    samples = np.round(tone() * 32768) / np.float32(32768)
    path = tmp_path / "tone.xyz"
    path.write_bytes(encode(samples))
    assert np.array_equal(open_sound(path), samples)
    assert np.array_equal(from_text({"wav": to_text(samples)}, "audio"), samples)
    assert open_sound(path).dtype == np.float32


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [("flac", "flac", RATE), ("mp3", "libmp3lame", RATE), ("ogg", "libopus", 48_000), ("mp4", "aac", 44_100)],
)
def test_formats_are_known_by_their_content(container: str, codec: str, rate: int) -> None:
    chirp = 0.5 * np.sin(2 * np.pi * (200 + 300 * np.arange(rate) / rate) * np.arange(rate) / rate)
    samples = decode(coded(chirp.astype(np.float32), container, codec, rate))
    expected = 0.5 * np.sin(2 * np.pi * (200 + 300 * np.arange(RATE) / RATE) * np.arange(RATE) / RATE)
    assert abs(len(samples) - RATE) < 3000
    assert alike(samples, np.pad(expected, (0, 4000))) > 0.95


def test_channels_are_averaged() -> None:
    mixed = decode(pcm([tone(hertz=300), np.zeros(8000, np.float32)]))
    assert np.abs(mixed - tone(hertz=300) / 2).max() < 1e-3
    assert np.abs(decode(pcm([tone(), -tone()]))).max() < 1e-3


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000])
def test_other_rates_are_resampled(rate: int) -> None:
    samples = decode(pcm([tone(0.5, rate)], rate))
    assert abs(len(samples) - 8000) <= 1
    assert np.abs(samples[500:7500] - tone()[500:7500]).max() < 0.01


def test_nothing_is_invented_above_four_kilohertz() -> None:
    noise = np.random.RandomState(0).uniform(-0.5, 0.5, 8000).astype(np.float32)
    power = np.abs(np.fft.rfft(decode(pcm([noise], 8_000)))) ** 2
    assert power[len(power) * 9 // 16 :].sum() < 1e-3 * power.sum()


def test_silence_and_clicks_are_sounds() -> None:
    assert not decode(pcm([np.zeros(RATE, np.float32)])).any()
    assert len(decode(pcm([np.full(1, 0.5, np.float32)]))) == 1


def test_what_is_too_loud_is_scaled_down_as_a_whole() -> None:
    assert np.abs(decode(floats(3 * tone())) - 2 * tone()).max() < 1e-3


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "an empty file"),
        (b"no sound", "plain text"),
        (b"\x89PNG\r\n\x1a\n....", "PNG"),
        (b"#EXTM3U\nhttp://localhost/a.wav", "plain text"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "truncated or corrupt"),
        (b"RIFF\xff\x00\x00\x00WAVEfmt ", "it says 263 bytes and has 16"),
        (b"fLaC" + bytes(100), "truncated or corrupt"),
        (pcm([np.zeros(0, np.float32)]), "it has 0 samples"),
        (floats(np.array([0.1, np.nan, np.inf])), "holds 2 samples that are no numbers, the first at 1"),
        (pcm([tone()], rate=1), "must have 4,000 to 192,000 samples per second, got 1"),
    ],
)
def test_faults_are_one_line(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(data)
    with pytest.raises(FormatError) as caught:
        open_sound(path)
    assert words in str(caught.value)
    assert "speech.wav" in str(caught.value)
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_ten_minutes_are_opened_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    assert SECONDS_LIMIT == 600
    monkeypatch.setattr(sound, "SECONDS_LIMIT", 1)
    assert len(decode(pcm([tone(1.0)]))) == RATE
    assert len(decode(pcm([tone(1.1)]))) == 1.1 * RATE
    with pytest.raises(LimitError, match=r"lasts 2 s or more; the limit is 1 s"):
        decode(pcm([tone(2.1)]))
    with pytest.raises(LimitError):
        sound.resampled(tone(2.1, 8000), 8000)


def test_hours_are_refused_before_they_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound, "SECONDS_LIMIT", 1)
    monkeypatch.setattr(sound, "_pieces", lambda *opened: pytest.fail("decoded"))
    with pytest.raises(LimitError, match="lasts 3 s or more"):
        decode(coded(tone(3.0), "flac", "flac"))


def test_a_file_that_was_cut_off_says_so_and_one_from_a_pipe_is_read() -> None:
    data = pcm([tone()])
    with pytest.raises(FormatError, match=r"is truncated: it says 16,044 bytes and has 8,000"):
        decode(data[:8000])
    assert len(decode(data[:4] + b"\xff" * 4 + data[8:])) == 8000


def test_what_a_program_speaks_into_a_pipe_is_read() -> None:
    """espeak-ng --stdout fills in 2 GB, since it cannot go back to tell the size."""
    data = pcm([tone()])
    spoken = data[:4] + b"\x24\xf0\xff\x7f" + data[8:40] + b"\x00\xf0\xff\x7f" + data[44:]
    assert np.array_equal(decode(spoken), decode(data))
    with pytest.raises(FormatError, match=r"cannot be decoded|no sound"):
        decode(spoken[:36])


def test_a_film_without_sound_says_so() -> None:
    stream = BytesIO()
    with av.open(stream, "w", format="mp4") as file:
        pictures = file.add_stream("mpeg4", rate=25)
        pictures.width = pictures.height = 16
        pictures.pix_fmt = "yuv420p"
        for packet in (*pictures.encode(av.VideoFrame(16, 16, "yuv420p")), *pictures.encode(None)):
            file.mux(packet)
    with pytest.raises(FormatError, match="has no sound track"):
        decode(stream.getvalue())


def test_missing_files_and_other_things() -> None:
    with pytest.raises(NotFoundError):
        open_sound("nowhere.wav")
    with pytest.raises(InputError, match="audio must be a sound, got int"):
        open_sound(3, "audio")
    with pytest.raises(FormatError, match="audio must be"):
        from_text({"wav": "?"}, "audio")


STARTS = [b"RIFF....WAVE", b"fLaC", b"OggS", b"\x00\x00\x00\x18ftypmp42", b"\x1aE\xdf\xa3", b"ID3", b"\xff\xfb", b""]


@given(st.sampled_from(STARTS), st.binary(max_size=300))
def test_no_bytes_do_worse_than_an_error_of_ours(start: bytes, tail: bytes) -> None:
    with suppress(MisenError):
        assert np.abs(decode(start + tail)).max() <= 1


def test_recorded_digits_are_opened(shared_data: Path) -> None:
    path = min((shared_data / "fsdd" / "wav").glob("*.wav"))
    samples = open_sound(path)
    assert 0.1 * RATE < len(samples) < 3 * RATE
    assert np.abs(samples).max() <= 1
