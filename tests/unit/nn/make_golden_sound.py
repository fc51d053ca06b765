"""Writes golden_sound.json: what librosa makes of a sound.

``PYTHONPATH=tests python -m unit.nn.make_golden_sound`` in an environment of its own, last run with librosa 0.11.0 and
numpy 2.4.6.
"""

from __future__ import annotations

import json
from pathlib import Path

import librosa
import numpy as np

from unit.nn.given_sound import RATE, kept, waveform

FRAMES = {"n_fft": 512, "hop_length": 160, "win_length": 400, "window": "hann", "center": True, "pad_mode": "constant"}
FLOOR = 1e-10


def decibels(sound: np.ndarray, bands: int) -> np.ndarray:
    power = librosa.feature.melspectrogram(y=sound, sr=RATE, n_mels=bands, fmin=0, fmax=RATE / 2, **FRAMES)
    return librosa.power_to_db(power, ref=1.0, amin=FLOOR, top_db=None)


def fbank(sound: np.ndarray) -> np.ndarray:
    raised = librosa.effects.preemphasis(sound, coef=0.97, zi=[0.0])
    power = librosa.feature.melspectrogram(y=raised, sr=RATE, n_mels=40, htk=True, norm=None, **FRAMES)
    return np.log(np.maximum(power, FLOOR))


def mfcc(sound: np.ndarray) -> np.ndarray:
    cepstra = librosa.feature.mfcc(S=decibels(sound, 40), n_mfcc=13)
    return np.concatenate([cepstra, librosa.feature.delta(cepstra, width=9, mode="nearest")])


def main() -> None:
    sound = waveform()
    golden = {
        "spectrogram": kept(np.abs(librosa.stft(sound, **FRAMES)) ** 2),
        "log_mel": kept(decibels(sound, 80)),
        "fbank": kept(fbank(sound)),
        "mfcc": kept(mfcc(sound)),
    }
    Path(__file__).with_name("golden_sound.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
