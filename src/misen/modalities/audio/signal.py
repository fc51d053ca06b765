"""Speech that a face should speak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from misen.core.errors import FormatError, InputError
from misen.core.signal import Batched
from misen.core.sound import FRAME_RATE, RATE, SAMPLES, frames_of
from misen.media import sound
from misen.scene.speech import MOUTH_AXES, Utterance

MOMENT = 17
"""Frames that are heard of a sound where one picture shows the middle of it: 0.68 s."""
JAW = MOUTH_AXES.index("jaw open")


class Spoken(Protocol):
    """Truth of B clips of F frames each in which something is said."""

    @property
    def utterances(self) -> Sequence[Utterance]:
        """What is said in each of the B clips."""
        ...

    @property
    def frames(self) -> int:
        """F."""
        ...


@dataclass(frozen=True, eq=False, init=False)
class Audio(Batched):
    """Sounds, one for each clip. A clip shows all of its sound; a single picture shows the middle of it.

    Attributes:
        waveform: (B, T) float32 in [-1, 1] at ``rate``, in steps of 1/32768; T is of whole video frames.
        frames: (B,) how many video frames each sound lasts; silence follows it.
        openness: (B, F) how far the jaw is truly open in each frame, NaN where nobody knows; F = T / 640.
    """

    modality: ClassVar[str] = "audio"
    rate: ClassVar[int] = RATE
    waveform: Tensor
    frames: Tensor
    openness: Tensor

    def __init__(self, sounds: Tensor | sound.Source, rate: int = RATE) -> None:
        """A file's sound, or sounds of equal length as a float tensor (T,) or (B, T) in [-1, 1].

        Args:
            sounds: the file's path or its content, or the tensor.
            rate: of the tensor in Hz, 4,000 to 192,000; others than 16,000 are resampled.

        Raises:
            InputError: a tensor of another shape or range.
            FormatError: a file that is no sound, a rate that is not accepted, or samples that are no numbers.
            LimitError: more than 10 minutes.
        """
        if isinstance(sounds, Tensor):
            rows = [torch.from_numpy(row) for row in _at_rate(_checked(sounds), rate)]
        else:
            rows = [torch.from_numpy(sound.open_sound(sounds, self.modality))]
        self._keep(**_collated(rows, [_unknown(row) for row in rows]))

    @classmethod
    def observe(cls, truth: Spoken, seeds: Tensor) -> Self:
        """What is said in the clips, as far as they show it, and what the mouth does meanwhile."""
        heard = [utterance.waveform[: truth.frames * SAMPLES] for utterance in truth.utterances]
        padded = [functional.pad(row, (0, truth.frames * SAMPLES - len(row))) for row in heard]
        return cls.of(**_collated(padded, [_openness(utterance, truth.frames) for utterance in truth.utterances]))

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """The sound in a file."""
        return cls(path)

    parse = open

    def to_json(self) -> list[dict[str, Any]]:
        """``{"wav": ..., "openness": [...]}``, the latter null where nobody knows, and left out if nobody ever does."""
        rows = zip(self.waveform.cpu(), self.frames.tolist(), self.openness.tolist(), strict=True)
        return [_described(row[: frames * SAMPLES], openness[:frames]) for row, frames, openness in rows]

    @classmethod
    def from_json(cls, items: list[dict[str, Any]]) -> Self:
        """Inverse of ``to_json``; raises ``FormatError`` or ``LimitError``."""
        rows = [torch.from_numpy(sound.from_text(_mapping(item), cls.modality)) for item in items]
        return cls.of(**_collated(rows, [_given(item, row) for item, row in zip(items, rows, strict=True)]))

    def describe(self) -> list[str]:
        """How long each lasts."""
        return [f"{frames / FRAME_RATE:.2f} s of sound" for frames in self.frames.tolist()]

    def preview(self, size: int) -> Tensor:
        """The waveform, white on black: each column from the lowest to the highest sample of its stretch of time."""
        least = 1.5 / size
        loud = functional.adaptive_max_pool1d(self.waveform, size).clamp(min=least)
        deep = functional.adaptive_max_pool1d(-self.waveform, size).clamp(min=least)
        height = 1 - 2 * (torch.arange(size, device=loud.device) + 0.5) / size
        drawn = (height[:, None] <= loud[:, None]) & (height[:, None] >= -deep[:, None])
        return (drawn.float() * 2 - 1)[:, None].expand(-1, 3, -1, -1)

    @property
    def seconds(self) -> Tensor:
        """(B,) how long each lasts, in whole video frames."""
        return self.frames / FRAME_RATE

    def around(self, seconds: Tensor) -> Self:
        """What is heard around N moments (N,) of the one sound there is, none behind its end: N sounds of 0.68 s."""
        samples = (seconds.to(self.waveform.device, torch.float64) * RATE).round().long()
        middle = samples.clamp(max=self.waveform.shape[1] - 1)
        padded = functional.pad(self.waveform[0], (MOMENT * SAMPLES // 2, MOMENT * SAMPLES // 2))
        known = functional.pad(self.openness[0], (MOMENT // 2, MOMENT // 2), value=torch.nan)
        return self.of(
            waveform=padded.unfold(0, MOMENT * SAMPLES, 1)[middle],
            frames=torch.full((len(seconds),), MOMENT, device=self.frames.device),
            openness=known.unfold(0, MOMENT, 1)[middle // SAMPLES],
        )

    def moments(self) -> Self:
        """One sound for every frame, clip-major: what is heard around it, for pictures that are frames of clips."""
        reach = MOMENT // 2
        padded = functional.pad(self.waveform, (reach * SAMPLES, reach * SAMPLES))
        known = functional.pad(self.openness, (reach, reach), value=torch.nan)
        lasting = torch.arange(self.openness.shape[1], device=self.frames.device) < self.frames[:, None]
        return self.of(
            waveform=padded.unfold(1, MOMENT * SAMPLES, SAMPLES)[lasting],
            frames=torch.full((int(self.frames.sum()),), MOMENT, device=self.frames.device),
            openness=known.unfold(1, MOMENT, 1)[lasting],
        )


def shown(track: Tensor, frames: Tensor, pictures: int) -> Tensor:
    """What a track says of each picture of a batch of clips.

    Args:
        track: (B, F, ...) something of every frame.
        frames: (B,) how many frames there are of each.
        pictures: of each clip: 1 shows the middle one, all F show themselves.

    Returns:
        (B * pictures, ...), clip-major.
    """
    if pictures == 1:
        return track[torch.arange(len(track), device=track.device), frames // 2]
    return track[:, :pictures].flatten(0, 1)


def _collated(rows: Sequence[Tensor], openness: Sequence[Tensor]) -> dict[str, Tensor]:
    """The fields of sounds (T_b,) and of what is known of their frames (F_b,): silence follows the shorter ones."""
    frames = torch.tensor([frames_of(len(row)) for row in rows])
    longest = int(frames.max())
    return {
        "waveform": torch.stack([functional.pad(_exact(row), (0, longest * SAMPLES - len(row))) for row in rows]),
        "frames": frames,
        "openness": torch.stack([functional.pad(row, (0, longest - len(row)), value=torch.nan) for row in openness]),
    }


def _exact(row: Tensor) -> Tensor:
    """To the nearest step, as 16-bit files hold it."""
    return (row * sound.STEPS).round().clamp(-sound.STEPS, sound.STEPS - 1) / sound.STEPS


def _checked(sounds: Tensor) -> Tensor:
    """(B, T) float32 in [-1, 1]."""
    if not sounds.is_floating_point() or sounds.ndim not in (1, 2) or 0 in sounds.shape:
        given = f"{sounds.dtype} of {tuple(sounds.shape)}"
        raise InputError(f"audio must be a float tensor (T,) or (B, T) that is not empty, got {given}", field="audio")
    rows = sounds.detach().cpu().float().reshape(-1, sounds.shape[-1])
    for row in rows.numpy():
        sound.checked(row, "audio")
    if rows.abs().max() > 1:
        raise InputError(f"audio must be in [-1, 1], got {rows.abs().max():g}", field="audio", hint="scale it down")
    return rows


def _at_rate(rows: Tensor, rate: int) -> list[np.ndarray]:
    """Each row at our rate, scaled down if that overshoots."""
    checked = sound.check_rate(rate, "audio")
    return [np.clip(sound.resampled(row, checked, "audio"), -1, 1) for row in rows.numpy()]


def _unknown(row: Tensor) -> Tensor:
    return torch.full((frames_of(len(row)),), torch.nan)


def _openness(utterance: Utterance, frames: int) -> Tensor:
    """(F,) how far the jaw is open; closed after the last word."""
    track = utterance.mouth[:frames, JAW]
    return functional.pad(track, (0, frames - len(track)))


def _described(row: Tensor, openness: list[float]) -> dict[str, Any]:
    known = [None if value != value else value for value in openness]
    return {"wav": sound.to_text(row.numpy())} | ({"openness": known} if any(v is not None for v in known) else {})


def _mapping(item: Any) -> Mapping[str, Any]:
    if not isinstance(item, Mapping):
        raise FormatError('each item must be {"wav": "<base64 of a sound>"}', field="audio")
    return item


def _given(item: Mapping[str, Any], row: Tensor) -> Tensor:
    """The openness of each frame of a JSON object."""
    if "openness" not in item:
        return _unknown(row)
    try:
        known = torch.tensor([torch.nan if value is None else float(value) for value in item["openness"]])
    except (TypeError, ValueError, OverflowError):
        raise FormatError("openness must be a list of numbers or null", field="audio") from None
    if len(known) != frames_of(len(row)):
        message = f"openness must be of {frames_of(len(row))} frames, got {len(known)}"
        raise FormatError(message, field="audio", hint="there are 25 of them in a second")
    return known
