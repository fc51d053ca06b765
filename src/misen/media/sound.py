"""Opening sounds safely: the content decides the format, limits hold before all is decoded, errors say what was found.

What unusual files become: several channels are averaged; other rates, from 4,000 to 192,000 Hz, are resampled by a
polyphase filter, so that a sound of 8 kHz has nothing above 4 kHz; what exceeds [-1, 1] is scaled down as a whole;
silence and the shortest click are sounds like others. Of a film the first sound track counts.
"""

from __future__ import annotations

import base64
import binascii
import wave
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from misen.core.errors import FormatError, InputError, LimitError, MisenError
from misen.core.sound import RATE
from misen.media.picture import guess, read

SECONDS_LIMIT = 600
"""Longest sound that is opened, in whole seconds; coders add a fraction of one."""
RATES = (4_000, 192_000)
"""Lowest and highest rate in Hz that is opened."""
STEPS = 2**15
"""Sounds are kept in this many steps from 0 to 1, as 16-bit files hold them."""

UNSAID = 2**32 - 1
"""The size in the header of a WAV file that was written before its size was known."""
SPOKEN = 2**31 - 2**12
"""The least size that programs which speak write in such a header instead; no file that is read is as large."""

Sound = NDArray[np.float32]
"""(T,) in [-1, 1] at ``RATE``."""
Source = bytes | str | Path
"""An encoded sound, or the path of its file."""

_DEMUXERS: tuple[tuple[int, tuple[bytes, ...], str], ...] = (
    (8, (b"WAVE",), "wav"), (0, (b"fLaC",), "flac"), (0, (b"OggS",), "ogg"), (4, (b"ftyp",), "mp4"),
    (0, (b"\x1aE\xdf\xa3",), "matroska"), (8, (b"AIFF", b"AIFC"), "aiff"), (0, (b".snd",), "au"),
    (0, (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xfa"), "mp3"),
)  # fmt: skip
"""Where which bytes stand in a file, and what then takes it apart; what reads further files is not among them."""
FORMATS = ("WAV", "FLAC", "Ogg", "MP3", "MP4", "WebM", "AIFF", "AU")
"""Names of the formats that can be opened."""


def open_sound(source: Source, name: str = "sound") -> Sound:
    """The sound of a file; raises what ``decode`` and ``picture.read`` raise, and ``InputError`` for other things."""
    if isinstance(source, str | Path):
        return decode(read(source), Path(source).name)
    if isinstance(source, bytes):
        return decode(source, name)
    hint = "give a path, encoded bytes or a float tensor (B, T)"  # type: ignore[unreachable]  # callers are not checked
    raise InputError(f"{name} must be a sound, got {type(source).__name__}", field=name, hint=hint)


def decode(data: bytes, name: str = "sound") -> Sound:
    """A sound from its encoded bytes.

    Args:
        data: the content of a file of one of ``FORMATS``.
        name: what to call it in messages, usually the file's name.

    Raises:
        FormatError: it is something else, corrupt or empty, its rate is outside ``RATES``, or a sample is no number.
        LimitError: it is longer than ``SECONDS_LIMIT``.
    """
    demuxer = _demuxer(data)
    if demuxer is None:
        hint = f"accepted: {', '.join(FORMATS)}"
        raise FormatError(f"{name} is no sound that can be opened: it looks like {guess(data)}", field=name, hint=hint)
    if demuxer == "wav":
        data = _sized(data, name)
    try:
        samples, rate = _decoded(data, demuxer, name)
    except MisenError:
        raise
    except MemoryError:
        raise LimitError(f"{name} needs more memory than there is", field=name) from None
    except Exception as error:  # decoders raise nearly anything on malformed data
        what = f"{name} is truncated or corrupt: its {len(data):,} bytes cannot be decoded as {demuxer}"
        raise FormatError(what, field=name, hint="export it again, or convert it to WAV") from error
    if not len(samples):
        raise FormatError(f"{name} holds no sound: it has 0 samples", field=name, hint="record it again")
    return _fitted(resampled(checked(samples, name), rate, name))


def _demuxer(data: bytes) -> str | None:
    """What takes a file apart that begins like this."""
    return next((name for at, marks, name in _DEMUXERS if data.startswith(marks, at)), None)


def _sized(data: bytes, name: str) -> bytes:
    """A WAV file that says how large it is, or that nobody knows, as who writes into a pipe does not.

    Raises:
        FormatError: less of it is there than it says.
    """
    said = int.from_bytes(data[4:8], "little")
    if SPOKEN <= said < UNSAID:
        head, mark, tail = data.partition(b"data")
        return head + mark + len(tail[4:]).to_bytes(4, "little") + tail[4:]
    if said != UNSAID and said + 8 > len(data):
        message = f"{name} is truncated: it says {said + 8:,} bytes and has {len(data):,}"
        raise FormatError(message, field=name, hint="copy it again")
    return data


def _decoded(data: bytes, demuxer: str, name: str) -> tuple[Sound, int]:
    """The mean of the channels as they are recorded, and their rate in Hz."""
    with av.open(BytesIO(data), "r", format=demuxer) as container:
        if not container.streams.audio:
            raise FormatError(f"{name} has no sound track", field=name, hint="choose a file with sound")
        stream = container.streams.audio[0]
        rate = check_rate(stream.rate, name)
        _check_seconds((container.duration or 0) / av.time_base, name)
        pieces, count = [np.zeros(0, np.float32)], 0
        for piece in _pieces(container, stream):
            pieces.append(piece)
            count += len(piece)
            _check_seconds(count / rate, name)
    return np.concatenate(pieces), rate


def _pieces(container: Any, stream: Any) -> Iterator[Sound]:
    """The mean of the channels, frame by frame."""
    planes = av.AudioResampler(format="fltp")
    for frame in container.decode(stream):
        for part in planes.resample(frame):
            yield part.to_ndarray().mean(axis=0, dtype=np.float32)


def check_rate(rate: object, name: str) -> int:
    """``rate`` as a whole number of Hz within ``RATES``; raises ``FormatError`` otherwise."""
    low, high = RATES
    if isinstance(rate, bool) or not isinstance(rate, int) or not low <= rate <= high:
        message = f"{name} must have {low:,} to {high:,} samples per second, got {rate!r:.20}"
        raise FormatError(message, field=name, hint="export it at 16,000 Hz")
    return rate


def _check_seconds(seconds: float, name: str) -> None:
    if int(seconds) > SECONDS_LIMIT:
        message = f"{name} lasts {int(seconds):,} s or more; the limit is {SECONDS_LIMIT} s"
        raise LimitError(message, field=name, hint="cut it into parts")


def checked(samples: Sound, name: str) -> Sound:
    """``samples`` (T,) if all are numbers; raises ``FormatError`` with the place of the first that is none."""
    if not (sound := np.isfinite(samples)).all():
        first = int(sound.argmin())
        message = f"{name} holds {len(sound) - sound.sum():,} samples that are no numbers, the first at {first:,}"
        raise FormatError(message, field=name, hint="export it again")
    return samples


def resampled(samples: Sound, rate: int, name: str = "sound") -> Sound:
    """(T,) at ``rate`` -> (ceil(T * RATE / rate),) at ``RATE``; raises ``LimitError`` beyond ``SECONDS_LIMIT``."""
    _check_seconds(len(samples) / rate, name)
    if rate == RATE:
        return samples
    found: Sound = resample_poly(samples, *_ratio(rate)).astype(np.float32)
    return found


def _ratio(rate: int) -> tuple[int, int]:
    shared = int(np.gcd(RATE, rate))
    return RATE // shared, rate // shared


def _fitted(samples: Sound) -> Sound:
    """Scaled down as a whole where it exceeds [-1, 1]."""
    return samples / max(1.0, float(np.abs(samples).max()))


def encode(samples: Sound, rate: int = RATE) -> bytes:
    """A 16-bit WAV file of (T,) in [-1, 1]; ``decode`` inverts it exactly for sounds in ``STEPS`` at ``RATE``."""
    stream = BytesIO()
    whole = np.clip(np.rint(samples.astype(np.float64) * STEPS), -STEPS, STEPS - 1).astype("<i2")
    with wave.open(stream, "wb") as file:
        file.setparams((1, 2, rate, len(whole), "NONE", "not compressed"))
        file.writeframes(whole.tobytes())
    return stream.getvalue()


def to_text(samples: Sound) -> str:
    """A sound as base64 of its WAV file."""
    return base64.b64encode(encode(samples)).decode("ascii")


def from_text(item: Mapping[str, Any], name: str) -> Sound:
    """The sound under ``"wav"`` of a JSON object.

    Raises:
        FormatError: it is missing, or not base64 of a sound.
    """
    try:
        data = base64.b64decode(item["wav"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise FormatError(f'{name} must be {{"wav": "<base64 of a sound>"}}', field=name) from None
    return decode(data, name)
