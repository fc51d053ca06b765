"""English phonemes as articulation: what each sounds like and what the mouth does meanwhile.

Source: vowel formants of adult men from Peterson and Barney 1952; consonant loci, frication and durations after Klatt
1980 (software for a cascade/parallel formant synthesizer), rounded. Deviation: one frication resonance per consonant,
and UW further forward, as speakers of today say it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

Formants = tuple[float, float, float]
Mouth = tuple[float, float, float]

VISEMES: tuple[str, ...] = (
    "silence", "closed", "lip-teeth", "tongue-teeth", "tongue", "narrow", "back", "open", "spread", "round", "pout",
)  # fmt: skip
"""Classes of mouth shapes that look alike."""


@dataclass(frozen=True)
class Segment:
    """A stretch of steady articulation.

    Attributes:
        share: Part of the phoneme's duration, in (0, 1].
        formants: F1, F2, F3 in Hz for a vocal tract of 17.5 cm.
        voicing: Amplitude of the glottal pulses, 0 to 1.
        aspiration: Amplitude of breath noise through the vocal tract, 0 to 1.
        frication: Amplitude of turbulence at a constriction, 0 to 1.
        center: Resonance of that turbulence in Hz.
        width: Its bandwidth in Hz.
    """

    share: float
    formants: Formants
    voicing: float = 0.0
    aspiration: float = 0.0
    frication: float = 0.0
    center: float = 4000.0
    width: float = 1500.0


@dataclass(frozen=True)
class Phoneme:
    """One speech sound.

    Attributes:
        seconds: Usual duration.
        segments: Its articulation in time.
        mouth: Jaw open, lip stretch and lip round at its middle, in [0, 1].
        viseme: One of ``VISEMES``.
        grip: How strongly it imposes its mouth shape on its neighbours, 1 for vowels.
        release: The mouth shape at its end if another (diphthongs).
    """

    seconds: float
    segments: tuple[Segment, ...]
    mouth: Mouth
    viseme: str
    grip: float = 1.0
    release: Mouth | None = None

    @property
    def is_vowel(self) -> bool:
        """Whether it can carry a syllable."""
        return self.viseme in ("open", "spread", "round", "pout") and self.segments[0].voicing > 0.7


def _vowel(formants: Formants, mouth: Mouth, viseme: str, seconds: float = 0.16) -> Phoneme:
    return Phoneme(seconds, (Segment(1.0, formants, voicing=1.0),), mouth, viseme)


def _glide(first: Phoneme, last: Phoneme, seconds: float = 0.23) -> Phoneme:
    """A diphthong: from one vowel most of the way to another."""
    start, end = first.segments[0], last.segments[0]
    segments = (replace(start, share=0.5), replace(end, share=0.5))
    return Phoneme(seconds, segments, first.mouth, first.viseme, release=last.mouth)


def _sonorant(formants: Formants, mouth: Mouth, viseme: str, voicing: float, seconds: float, grip: float) -> Phoneme:
    return Phoneme(seconds, (Segment(1.0, formants, voicing=voicing),), mouth, viseme, grip)


def _fricative(
    formants: Formants, noise: tuple[float, float, float], mouth: Mouth, viseme: str, *, voiced: bool, grip: float = 1.0
) -> Phoneme:
    amplitude, center, width = noise
    voicing, seconds = (0.45, 0.085) if voiced else (0.0, 0.125)
    loud = amplitude * (0.6 if voiced else 1.0)
    segment = Segment(1.0, formants, voicing=voicing, frication=loud, center=center, width=width)
    return Phoneme(seconds, (segment,), mouth, viseme, grip)


def _stop(
    formants: Formants, burst: tuple[float, float, float], mouth: Mouth, viseme: str, *, voiced: bool, grip: float
) -> Phoneme:
    amplitude, center, width = burst
    closure = Segment(0.55, formants, voicing=0.12 if voiced else 0.0)
    noise = Segment(0.15, formants, voicing=0.1 * voiced, frication=amplitude, center=center, width=width)
    after = Segment(0.3, formants, voicing=0.6) if voiced else Segment(0.3, formants, aspiration=0.35)
    return Phoneme(0.085 if voiced else 0.115, (closure, noise, after), mouth, viseme, grip)


_VOWELS = {
    "IY": _vowel((270, 2290, 3010), (0.18, 0.75, 0.0), "spread"),
    "IH": _vowel((390, 1990, 2550), (0.30, 0.50, 0.0), "spread", 0.12),
    "EH": _vowel((530, 1840, 2480), (0.48, 0.45, 0.0), "spread"),
    "AE": _vowel((660, 1720, 2410), (0.65, 0.50, 0.0), "open", 0.18),
    "AA": _vowel((730, 1090, 2440), (0.85, 0.10, 0.05), "open", 0.19),
    "AO": _vowel((570, 840, 2410), (0.65, 0.0, 0.55), "round", 0.19),
    "AH": _vowel((640, 1190, 2390), (0.55, 0.15, 0.05), "open", 0.13),
    "UH": _vowel((440, 1020, 2240), (0.32, 0.0, 0.60), "round", 0.12),
    "UW": _vowel((310, 1250, 2280), (0.20, 0.0, 0.95), "pout", 0.17),
    "AX": Phoneme(0.075, (Segment(1.0, (480, 1450, 2450), voicing=0.75),), (0.3, 0.2, 0.05), "open", 0.7),
    "ER": _vowel((490, 1350, 1690), (0.35, 0.0, 0.45), "round", 0.17),
    "OH": _vowel((500, 900, 2400), (0.50, 0.0, 0.75), "round", 0.16),
    "EE": _vowel((420, 2080, 2600), (0.38, 0.60, 0.0), "spread", 0.15),
}

_DIPHTHONGS = {
    "AY": _glide(_VOWELS["AA"], _VOWELS["IH"]),
    "AW": _glide(_VOWELS["AA"], _VOWELS["UH"]),
    "EY": _glide(_VOWELS["EH"], _VOWELS["IY"], 0.20),
    "OW": _glide(_VOWELS["OH"], _VOWELS["UW"], 0.20),
    "OY": _glide(_VOWELS["AO"], _VOWELS["IH"]),
}

_SONORANTS = {
    "W": _sonorant((300, 650, 2200), (0.12, 0.0, 0.95), "pout", 0.6, 0.075, 1.6),
    "Y": _sonorant((270, 2200, 3000), (0.15, 0.65, 0.0), "spread", 0.6, 0.065, 0.8),
    "R": _sonorant((330, 1150, 1600), (0.22, 0.0, 0.45), "narrow", 0.65, 0.075, 0.9),
    "L": _sonorant((360, 1100, 2700), (0.28, 0.15, 0.0), "tongue", 0.65, 0.075, 0.5),
    "M": _sonorant((250, 1000, 2200), (0.0, 0.10, 0.05), "closed", 0.35, 0.085, 4.0),
    "N": _sonorant((250, 1500, 2500), (0.15, 0.20, 0.0), "tongue", 0.35, 0.080, 0.6),
    "NG": _sonorant((250, 2000, 2600), (0.20, 0.20, 0.0), "back", 0.35, 0.085, 0.5),
}

_TEETH, _LIPS, _HISS, _HUSH = (0.18, 6000, 4000), (0.16, 4500, 5000), (0.70, 5800, 1500), (0.60, 3000, 1300)
_FRICATIVES = {
    "S": _fricative((320, 1600, 2600), _HISS, (0.06, 0.45, 0.0), "narrow", voiced=False, grip=1.4),
    "Z": _fricative((280, 1600, 2600), _HISS, (0.06, 0.45, 0.0), "narrow", voiced=True, grip=1.4),
    "SH": _fricative((320, 1800, 2600), _HUSH, (0.10, 0.0, 0.60), "narrow", voiced=False, grip=1.5),
    "ZH": _fricative((280, 1800, 2600), _HUSH, (0.10, 0.0, 0.60), "narrow", voiced=True, grip=1.5),
    "F": _fricative((320, 1100, 2300), _LIPS, (0.05, 0.25, 0.0), "lip-teeth", voiced=False, grip=2.5),
    "V": _fricative((280, 1100, 2300), _LIPS, (0.05, 0.25, 0.0), "lip-teeth", voiced=True, grip=2.5),
    "TH": _fricative((320, 1400, 2500), _TEETH, (0.12, 0.25, 0.0), "tongue-teeth", voiced=False),
    "DH": _fricative((280, 1400, 2500), _TEETH, (0.12, 0.25, 0.0), "tongue-teeth", voiced=True),
}

_STOPS = {
    "P": _stop((250, 800, 2200), (0.35, 1200, 2500), (0.0, 0.05, 0.05), "closed", voiced=False, grip=4.0),
    "B": _stop((250, 800, 2200), (0.20, 1000, 2500), (0.0, 0.05, 0.05), "closed", voiced=True, grip=4.0),
    "T": _stop((250, 1750, 2650), (0.65, 4500, 2500), (0.10, 0.25, 0.0), "tongue", voiced=False, grip=0.7),
    "D": _stop((250, 1750, 2650), (0.40, 4200, 2500), (0.10, 0.25, 0.0), "tongue", voiced=True, grip=0.7),
    "K": _stop((250, 1900, 2300), (0.50, 2000, 1200), (0.20, 0.15, 0.0), "back", voiced=False, grip=0.5),
    "G": _stop((250, 1900, 2300), (0.30, 1900, 1200), (0.20, 0.15, 0.0), "back", voiced=True, grip=0.5),
}


def _affricate(stop: Phoneme, fricative: Phoneme) -> Phoneme:
    segments = (replace(stop.segments[0], share=0.4), replace(fricative.segments[0], share=0.6))
    return Phoneme(0.14, segments, fricative.mouth, fricative.viseme, fricative.grip)


_OTHERS = {
    "CH": _affricate(_STOPS["T"], _FRICATIVES["SH"]),
    "JH": _affricate(_STOPS["D"], _FRICATIVES["ZH"]),
    "HH": Phoneme(0.07, (Segment(1.0, (500, 1500, 2500), aspiration=0.3),), (0.35, 0.1, 0.0), "back", 0.2),
    "_": Phoneme(0.12, (Segment(1.0, (500, 1500, 2500)),), (0.0, 0.0, 0.0), "silence", 0.8),
}

PHONEMES: Mapping[str, Phoneme] = MappingProxyType(_VOWELS | _DIPHTHONGS | _SONORANTS | _FRICATIVES | _STOPS | _OTHERS)
"""By symbol: ARPAbet, with "_" for a pause, and the monophthongs "OH" and "EE" of other accents."""
