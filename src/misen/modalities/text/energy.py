"""How far a picture is from a sentence: in what the coach sees of its claims, or in a joint embedding.

Source: Patashnik et al. 2021 (arXiv:2103.17249), section 4, the CLIP loss of latent optimisation; deviation: our own
joint embedding, and only where nothing is heard that could be looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from misen.core.energy import Disagreement, Energy
from misen.core.view import View
from misen.modalities.text.claims import hear
from misen.modalities.text.signal import Text
from misen.perception.reading import Reading
from misen.perception.senses import JointEmbedding, Look, Senses
from misen.scene.attributes import ATTRIBUTES, BY_KEY, COLUMN, OFFSETS, ONE_HOT_WIDTH
from misen.scene.language.caption import Mention

LEAST = 1e-6
"""A probability below which nothing is told apart."""
Values = Bool[Tensor, "prompts values"]
"""Some of the values of all attributes."""


class JointEnergy:
    """1 - cosine of picture and prompt, half the squared distance of their unit vectors; 0 for an empty prompt."""

    placeless = True

    def __init__(self, joint: JointEmbedding) -> None:
        """Measure in a joint embedding."""
        self.joint = joint

    def begin(self, signal: Text, first: View) -> Disagreement:
        """Embed the prompts once, for where the pictures are."""
        with torch.no_grad():
            wanted = self.joint.text(list(signal.prompts)).to(first.image.device)
        asks = torch.tensor([bool(prompt.strip()) for prompt in signal.prompts], device=wanted.device)

        def disagreement(view: View) -> Tensor:
            cosine = (self.joint.image(view.image) * wanted).sum(1)
            return (1 - cosine).clamp_min(0) * asks

        return disagreement


class ClaimsEnergy:
    """Mean over what is heard in a prompt of its negative log-likelihood; 0 where nothing is heard."""

    placeless = True

    def __init__(self, look: Look) -> None:
        """Look with an observer."""
        self.look = look

    def begin(self, signal: Text, first: View) -> Disagreement:
        """Hear the prompts, whatever else is known of what they claim."""
        claims = self.claimed(signal)
        told, denied = (_values(claims, negated, first.image.device) for negated in (False, True))
        count = (told.sum(1) + denied.sum(1)).clamp_min(1)

        def disagreement(view: View) -> Tensor:
            seen = _chances(self.look(view.image))
            unlikely = -(told * seen + denied * (1 - seen.exp()).clamp_min(LEAST).log())
            return unlikely.sum(1) / count

        return disagreement

    def claimed(self, signal: Text) -> Sequence[Sequence[Mention]]:
        """What each prompt claims."""
        return [hear(prompt) for prompt in signal.prompts]


class TextEnergy:
    """By its claims for a prompt in which some are heard, else in the joint embedding.

    Attributes:
        measures: "claims" and "joint", each for every prompt, and whatever else measures words.
    """

    placeless = True

    def __init__(
        self, look: Look, joint: JointEmbedding, more: Callable[[dict[str, Any]], Mapping[str, Energy]] = dict
    ) -> None:
        """Look with an observer, place in an embedding; ``more`` adds to the measures."""
        self.claims, self.joint = ClaimsEnergy(look), JointEnergy(joint)
        self.measures = more({"claims": self.claims, "joint": self.joint})

    def begin(self, signal: Text, first: View) -> Disagreement:
        """Tell the two kinds of prompts apart."""
        heard = torch.tensor([bool(hear(prompt)) for prompt in signal.prompts], device=first.image.device)
        claims, joint = self.claims.begin(signal, first), self.joint.begin(signal, first)

        def disagreement(view: View) -> Tensor:
            return torch.where(heard, claims(view), joint(view))

        return disagreement


def _values(claims: Sequence[Sequence[Mention]], negated: bool, device: torch.device) -> Values:
    """(B, ONE_HOT_WIDTH) what is claimed, or what is denied."""
    values = torch.zeros(len(claims), ONE_HOT_WIDTH, dtype=torch.bool, device=device)
    for row, mentions in zip(values, claims, strict=True):
        row[[_index(mention) for mention in mentions if mention.negated == negated]] = True
    return values


def _index(mention: Mention) -> int:
    """The place of a claim among the values of all attributes."""
    return OFFSETS[COLUMN[mention.key]] + BY_KEY[mention.key].index(mention.value)


def _chances(reading: Reading) -> Tensor:
    """(B, ONE_HOT_WIDTH) log-probability of every value of every attribute."""
    return torch.cat([reading.log_probability(column) for column in range(len(ATTRIBUTES))], dim=1)


def build(coach: Senses) -> TextEnergy:
    """The energy of what the coach sees, and of its embedding."""
    return TextEnergy(coach.observer(), coach.joint())
