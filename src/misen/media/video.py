"""Films: frames with the sound that belongs to them, as an MP4 file that players and browsers show."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from misen.core.errors import FormatError, InputError
from misen.core.files import replace_file
from misen.core.sound import FRAME_RATE, RATE
from misen.media.picture import guess, read
from misen.media.sound import Sound, open_sound

CODECS = ("libx264", "mpeg4")
"""Video codecs, the first that is built in is used: H.264, else MPEG-4 part 2."""
QUALITY = "18"
"""Constant rate factor of H.264; differences can hardly be seen."""
BITRATE = 4_000_000
"""Bits per second of the other codec, enough for pictures of 256 pixels."""

Frames = NDArray[np.uint8]
"""(F, H, W, 3), red, green and blue."""


@dataclass(frozen=True)
class Film:
    """Frames and their sound.

    Attributes:
        frames: (F, H, W, 3) uint8.
        rate: frames per second.
        sound: (T,) in [-1, 1] at 16 kHz.
    """

    frames: Frames
    rate: float
    sound: Sound


def save(path: str | Path, frames: Frames, sound: Sound) -> None:
    """Write a film atomically; raises what ``encode`` raises, and ``StorageError``."""
    replace_file(path, encode(frames, sound))


def encode(frames: Frames, sound: Sound) -> bytes:
    """An MP4 film at 25 frames per second with AAC sound; color is halved in resolution, as players want it.

    Args:
        frames: (F, H, W, 3) uint8, at least one, with even sides.
        sound: (T,) in [-1, 1] at 16 kHz.

    Raises:
        InputError: there is no frame, or a side is odd.
    """
    _check(frames)
    stream = BytesIO()
    with av.open(stream, "w", format="mp4") as container:
        pictures, voice = _video_stream(container, frames), container.add_stream("aac", rate=RATE, layout="mono")
        for picture in frames:
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
        container.mux(pictures.encode(None))
        for packet in (*voice.encode(_audio_frame(sound)), *voice.encode(None)):
            container.mux(packet)
    return stream.getvalue()


def _check(frames: Frames) -> None:
    if frames.ndim != 4 or frames.dtype != np.uint8 or frames.shape[-1] != 3 or 0 in frames.shape:
        message = f"a film needs uint8 frames (F, H, W, 3), got {frames.dtype} of {frames.shape}"
        raise InputError(message, field="frames")
    if frames.shape[1] % 2 or frames.shape[2] % 2:
        message = f"a film needs even sides, got {frames.shape[2]} x {frames.shape[1]}"
        raise InputError(message, field="frames", hint="crop or enlarge the pictures by a pixel")


def _video_stream(container: Any, frames: Frames) -> Any:
    codec = next(name for name in CODECS if name in av.codecs_available)
    stream = container.add_stream(codec, rate=FRAME_RATE)
    stream.height, stream.width = frames.shape[1:3]
    stream.pix_fmt = "yuv420p"
    if codec == CODECS[0]:
        stream.options = {"crf": QUALITY}
    else:
        stream.bit_rate = BITRATE
    return stream


def _audio_frame(sound: Sound) -> Any:
    """The whole sound as one frame; the encoder cuts it."""
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound, np.float32)[None], format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
    return frame


def read_film(source: str | Path) -> Film:
    """The film in an MP4 file.

    Raises:
        FormatError: it is no MP4 film with sound, or corrupt.
        LimitError: its sound is too long.
        NotFoundError: there is no such file.
        StorageError: it cannot be read.
    """
    data, name = read(source), Path(source).name
    if data[4:8] != b"ftyp":
        raise FormatError(f"{name} is no MP4 film: it looks like {guess(data)}", field=name)
    sound = open_sound(data, name)
    try:
        frames, rate = _pictures(data)
    except Exception as error:  # decoders raise nearly anything on malformed data
        raise FormatError(f"{name} is truncated or corrupt: its pictures cannot be decoded", field=name) from error
    return Film(frames, rate, sound)


def _pictures(data: bytes) -> tuple[Frames, float]:
    with av.open(BytesIO(data), "r", format="mp4") as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        return np.stack(frames), float(stream.average_rate or FRAME_RATE)
