"""Films hold their frames in order and their sound in time."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest

from misen.core.errors import FormatError, InputError, NotFoundError
from misen.core.sound import RATE
from misen.media import video
from misen.media.video import Film, encode, read_film, texts

FRAMES = 50


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    """A picture that grows brighter, with a red half."""
    brightness = np.linspace(40, 200, FRAMES).astype(np.uint8)
    pixels = np.broadcast_to(brightness[:, None, None, None], (FRAMES, 32, 48, 3)).copy()
    pixels[:, :, 24:, 1:] = 20
    return pixels


@pytest.fixture(scope="module")
def clicks() -> np.ndarray:
    """Two seconds, a burst of a tone every half of one."""
    time = np.arange(2 * RATE) / RATE
    return (0.6 * np.sin(2 * np.pi * 440 * time) * (time % 0.5 < 0.1)).astype(np.float32)


@pytest.fixture(scope="module")
def film(frames: np.ndarray, clicks: np.ndarray) -> Film:
    return read_film(encode(frames, clicks))


def test_frames_come_back_in_order(film: Film, frames: np.ndarray) -> None:
    assert film.frames.shape == frames.shape
    assert film.rate == 25
    assert np.abs(film.frames[:, 4:-4, 4:20].astype(int) - frames[:, 4:-4, 4:20]).mean() < 4
    assert np.abs(film.frames[:, 4:-4, 28:44, 0].astype(int) - frames[:, 4:-4, 28:44, 0]).mean() < 12


def test_the_sound_is_in_time(film: Film, clicks: np.ndarray) -> None:
    envelopes = [np.abs(sound[: 31 * 1000]).reshape(-1, 100).mean(1) for sound in (film.sound, clicks)]
    lags = range(-20, 21)
    likeness = [np.corrcoef(np.roll(envelopes[0], lag), envelopes[1])[0, 1] for lag in lags]
    assert max(likeness) > 0.95
    assert abs(lags[int(np.argmax(likeness))]) * 100 / RATE <= 0.02


def test_the_same_film_is_written_twice(frames: np.ndarray, clicks: np.ndarray) -> None:
    assert encode(frames, clicks) == encode(frames, clicks)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (np.zeros((2, 32, 33, 3), np.uint8), "even sides, got 33 x 32"),
        (np.zeros((0, 32, 32, 3), np.uint8), "uint8 frames .*, got none"),
        (np.zeros((2, 32, 32, 3), np.float32), "uint8 frames .*, got float32"),
        (np.zeros((2, 32, 32), np.uint8), "uint8 frames .*, got uint8 of"),
    ],
)
def test_what_is_no_film_is_refused(wrong: np.ndarray, words: str, clicks: np.ndarray) -> None:
    with pytest.raises(InputError, match=words):
        encode(wrong, clicks)


def test_what_is_no_film_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "talk.mp4"
    with pytest.raises(NotFoundError):
        read_film(path)
    path.write_bytes(b"text")
    with pytest.raises(FormatError, match=r"talk\.mp4 is no MP4 film: it looks like plain text"):
        read_film(path)
    path.write_bytes(b"\x00\x00\x00\x18ftypmp42" + bytes(64))
    with pytest.raises(FormatError, match=r"talk\.mp4"):
        read_film(path)
    with pytest.raises(FormatError, match=r"talk\.mp4 is truncated or corrupt"):
        texts(path)


@pytest.mark.parametrize("rate", [10, 24, 25, 60])
def test_frames_come_as_fast_as_is_asked(frames: np.ndarray, clicks: np.ndarray, rate: int) -> None:
    again = read_film(encode(frames[:20], clicks[: RATE * 20 // rate], rate))
    assert (len(again.frames), again.rate) == (20, rate)


def test_what_is_written_in_a_film_is_found_again(frames: np.ndarray, clicks: np.ndarray) -> None:
    text = {"misen_recipe": '{"a": "é, 頭, \\"quoted\\""}' + "x" * 3_000_000, "parameters": "two\nlines: yes, = ; #"}
    data = encode(frames[:3], clicks[:1000], text=text)
    assert text.items() <= texts(data).items()
    assert len(read_film(data).frames) == 3


def test_frames_are_taken_one_by_one(frames: np.ndarray, clicks: np.ndarray) -> None:
    def failing():
        yield from frames[:30]
        raise KeyError("no more")

    with pytest.raises(KeyError, match="no more"):
        encode(failing(), clicks)
    given = encode(iter(frames), clicks)
    assert given == encode(frames, clicks)
    assert [frame.shape for frame in video.frames(given)] == [(32, 48, 3)] * FRAMES


def test_sound_and_pictures_lie_beside_each_other(frames: np.ndarray, clicks: np.ndarray) -> None:
    """Who plays a film from a slow disk finds what is heard near what is seen."""
    long = encode(np.tile(frames, (6, 1, 1, 1)), np.tile(clicks, 6))
    with av.open(BytesIO(long)) as container:
        kinds = [(packet.pos, packet.stream.type) for packet in container.demux() if packet.size]
    order = [kind for _, kind in sorted(kinds)]
    assert {"audio", "video"} == set(order[: len(order) // 2]) == set(order[len(order) // 2 :])


def test_a_moment_of_sound_makes_a_film(frames: np.ndarray) -> None:
    assert len(read_film(encode(frames[:1], np.zeros(1, np.float32))).frames) == 1
