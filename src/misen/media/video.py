"""Films: frames with the sound that belongs to them, as an MP4 file that players and browsers show."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from misen.core.errors import FormatError, InputError
from misen.core.sound import FRAME_RATE, RATE
from misen.media.picture import guess, read
from misen.media.sound import Sound, open_sound

CODECS = ("libx264", "mpeg4")
"""Video codecs, the first that is built in is used: H.264, else MPEG-4 part 2."""
QUALITY = "18"
"""Constant rate factor of H.264; differences can hardly be seen."""
SAME = "cpu-independent=1"
"""Of H.264: without it, the same frames do not always become the same bytes."""
BITRATE = 4_000_000
"""Bits per second of the other codec, enough for pictures of 256 pixels."""
NOTHING: Mapping[str, str] = MappingProxyType({})

Frame = NDArray[np.uint8]
"""(H, W, 3), red, green and blue."""
Frames = NDArray[np.uint8]
"""(F, H, W, 3)."""


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


def encode(pictures: Iterable[Frame], sound: Sound, rate: int = FRAME_RATE, text: Mapping[str, str] = NOTHING) -> bytes:
    """An MP4 film with AAC sound; color is halved in resolution, as players want it.

    Args:
        pictures: (H, W, 3) uint8 each, at least one, with even sides; taken one by one, and not kept.
        sound: (T,) in [-1, 1] at 16 kHz.
        rate: frames per second.
        text: by key, for ``texts`` to find.

    Raises:
        InputError: there is no frame, or a side is odd.
    """
    (first, every), stream = _begun(pictures), BytesIO()
    with av.open(stream, "w", format="mp4", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata.update(text)
        screen, voice = _video_stream(container, first, rate), container.add_stream("aac", rate=RATE, layout="mono")
        heard = deque((*voice.encode(_audio_frame(sound)), *voice.encode(None)))
        for shown, picture in enumerate(every, 1):
            container.mux(screen.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
            while heard and _seconds(heard[0]) < shown / rate:
                container.mux(heard.popleft())
        container.mux([*screen.encode(None), *heard])
    return stream.getvalue()


def _begun(pictures: Iterable[Frame]) -> tuple[Frame, Iterator[Frame]]:
    """The first of some frames, and all of them."""
    rest = iter(pictures)
    first = next(rest, None)
    if first is None or first.ndim != 3 or first.dtype != np.uint8 or first.shape[-1] != 3 or 0 in first.shape:
        found = "none" if first is None else f"{first.dtype} of {first.shape}"
        raise InputError(f"a film needs uint8 frames (H, W, 3), got {found}", field="frames")
    height, width, _ = first.shape
    if height % 2 or width % 2:
        hint = "crop or enlarge the pictures by a pixel"
        raise InputError(f"a film needs even sides, got {width} x {height}", field="frames", hint=hint)
    return first, chain([first], rest)


def _video_stream(container: Any, first: Frame, rate: int) -> Any:
    codec = next(name for name in CODECS if name in av.codecs_available)
    stream = container.add_stream(codec, rate=rate)
    stream.height, stream.width = first.shape[:2]
    stream.pix_fmt, stream.thread_count = "yuv420p", 1  # what threads share decides the last bits
    if codec == CODECS[0]:
        stream.options = {"crf": QUALITY, "x264-params": SAME}
    else:
        stream.bit_rate = BITRATE
    return stream


def _audio_frame(sound: Sound) -> Any:
    """The whole sound as one frame; the encoder cuts it."""
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound, np.float32)[None], format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
    return frame


def _seconds(packet: Any) -> float:
    """When it is heard."""
    return float(packet.pts * packet.time_base)


def read_film(source: str | Path | bytes, name: str = "film") -> Film:
    """The film in an MP4 file.

    Raises:
        FormatError: it is no MP4 film with sound, or corrupt.
        LimitError: its sound is too long.
        NotFoundError: there is no such file.
        StorageError: it cannot be read.
    """
    data, name = content(source, name)
    sound = open_sound(data, name)
    with _opened(data, name) as (container, stream):
        return Film(np.stack([*_decoded(container, stream)]), float(stream.average_rate or FRAME_RATE), sound)


def frames(source: str | Path | bytes, name: str = "film") -> Iterator[Frame]:
    """The frames of an MP4 file, one by one; raises as ``read_film`` does."""
    with _opened(*content(source, name)) as (container, stream):
        yield from _decoded(container, stream)


def texts(source: str | Path | bytes, name: str = "film") -> dict[str, str]:
    """What is written in an MP4 file, by key; raises as ``read_film`` does."""
    with _opened(*content(source, name)) as (container, _):
        return {str(key): str(value) for key, value in container.metadata.items()}


def content(source: str | Path | bytes, name: str = "film") -> tuple[bytes, str]:
    """The bytes of an MP4 file, and what to call it in messages; raises as ``read_film`` does."""
    data, name = (source, name) if isinstance(source, bytes) else (read(source), Path(source).name)
    if not is_film(data):
        raise FormatError(f"{name} is no MP4 film: it looks like {guess(data)}", field=name)
    return data, name


def is_film(data: bytes) -> bool:
    """Whether a file begins as MP4 films do."""
    return data[4:8] == b"ftyp"


@contextmanager
def _opened(data: bytes, name: str) -> Iterator[tuple[Any, Any]]:
    """A film and its stream of pictures."""
    try:
        with av.open(BytesIO(data), "r", format="mp4") as container:
            yield container, container.streams.video[0]
    except Exception as error:  # decoders raise nearly anything on malformed data
        raise FormatError(f"{name} is truncated or corrupt: its pictures cannot be decoded", field=name) from error


def _decoded(container: Any, stream: Any) -> Iterator[Frame]:
    for frame in container.decode(stream):
        yield frame.to_ndarray(format="rgb24")
