"""Speech whose mouth is known: words or phonemes to a waveform and the trajectory of the mouth that speaks them."""

from misen.scene.speech.mouth import FRAME_RATE, MOUTH_AXES
from misen.scene.speech.phonemes import PHONEMES, VISEMES
from misen.scene.speech.spelling import DIGITS, babble, spell
from misen.scene.speech.synthesizer import RATE
from misen.scene.speech.timing import TimedPhoneme
from misen.scene.speech.utterance import Utterance, sample_utterance, speak
from misen.scene.speech.voice import Voice, sample_voice

__all__ = [
    "DIGITS", "FRAME_RATE", "MOUTH_AXES", "PHONEMES", "RATE", "VISEMES", "TimedPhoneme", "Utterance", "Voice", "babble",
    "sample_utterance", "sample_voice", "speak", "spell",
]  # fmt: skip
