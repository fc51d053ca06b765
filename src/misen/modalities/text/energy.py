"""How far a picture is from a sentence in the coach's joint embedding.

Source: Patashnik et al. 2021 (arXiv:2103.17249), section 4, the CLIP loss of latent optimisation; deviation: our own
joint embedding.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from misen.core.energy import Disagreement, Energy
from misen.core.view import View
from misen.modalities.text.signal import Text
from misen.perception.senses import JointEmbedding, Senses


class TextEnergy:
    """1 - cosine of picture and prompt, half the squared distance of their unit vectors; 0 for an empty prompt."""

    placeless = True

    def __init__(self, joint: JointEmbedding, measures: Mapping[str, Energy] = MappingProxyType({})) -> None:
        """Measure in a joint embedding; ``measures`` do so in others."""
        self.joint, self.measures = joint, measures

    def begin(self, signal: Text, first: View) -> Disagreement:
        """Embed the prompts once."""
        with torch.no_grad():
            wanted = self.joint.text(list(signal.prompts))
        asks = torch.tensor([bool(prompt.strip()) for prompt in signal.prompts], device=wanted.device)

        def disagreement(view: View) -> Tensor:
            cosine = (self.joint.image(view.image) * wanted).sum(1)
            return (1 - cosine).clamp_min(0) * asks

        return disagreement


def build(coach: Senses) -> TextEnergy:
    """The energy in the coach's embedding."""
    return TextEnergy(coach.joint())
