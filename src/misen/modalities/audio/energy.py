"""How far the mouth is from what the sound lets expect of it, as the coach sees and hears them."""

from __future__ import annotations

import torch
from torch import Tensor

from misen.core.energy import Disagreement
from misen.core.view import View
from misen.modalities.audio.signal import Audio, shown
from misen.perception.heard import Listen
from misen.perception.senses import Ears, Look
from misen.scene.anatomy import EXPRESSION_AXES

JAW = EXPRESSION_AXES.index("jaw open")
UNIT = 0.1
"""Differences are squared in this unit: a tenth of the way that a jaw opens."""


class AudioEnergy:
    """Squared difference of the opening seen and heard, for each picture by itself.

    Of clips every frame is compared with its own moment of the sound; a picture by itself with the sound's middle.
    """

    def __init__(self, look: Look, listen: Listen) -> None:
        """Look with an observer, and listen with a network of hearing."""
        self.look, self.listen = look, listen

    def begin(self, signal: Audio, first: View) -> Disagreement:
        """Listen once."""
        with torch.no_grad():
            wanted = shown(self.listen(signal.waveform).openness, signal.frames, first.frames)

        def disagreement(view: View) -> Tensor:
            return ((self.look(view.image).expression[:, JAW] - wanted) / UNIT).square()

        return disagreement


def build(coach: Ears) -> AudioEnergy:
    """The energy of what the coach's networks see and hear."""
    return AudioEnergy(coach.observer(), coach.hearing())
