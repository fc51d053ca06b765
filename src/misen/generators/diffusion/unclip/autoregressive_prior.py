"""The autoregressive prior: a place is spelled component by component, each after those before it.

Source: Ramesh et al. 2022 (arXiv:2204.06125), section 2.2; deviation: how like the prompt the place shall be stands
after the prompt, and is drawn from the upper half of what was seen, in place of several samples.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from misen.core.seeding import Streams
from misen.core.shapes import PerItem, Scalar, Vectors
from misen.generators.diffusion.unclip.codes import Codes, Levels, Spelled
from misen.generators.diffusion.unclip.places import Many, Some, likeness
from misen.generators.diffusion.unclip.prior import PriorSettings, PromptReader
from misen.generators.diffusion.unclip.prompts import Prompts
from misen.generators.diffusion.unclip.transformer import Past
from misen.perception.joint import Places

DEGREES = 16
"""Levels of how like the prompt a place is."""


class AutoregressivePrior(nn.Module):
    """After a prompt, the sequence holds how like it the place is, and then the codes."""

    form = "autoregressive"

    def __init__(self, settings: PriorSettings) -> None:
        super().__init__()
        self.settings = settings
        self.codes, self.degrees = Codes(settings.components, settings.levels), Levels(1, DEGREES)
        self.reader = PromptReader(settings)
        self.degree = nn.Embedding(DEGREES, settings.width)
        self.code = nn.Embedding(settings.levels, settings.width)
        self.component = nn.Parameter(0.02 * torch.randn(settings.components, settings.width))
        self.answer = nn.Linear(settings.width, settings.levels)
        for table in (self.degree, self.code):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, tokens: Float[Tensor, "batch length width"], past: Past) -> tuple[Tensor, Past]:
        """Tokens (B, T, width) that follow -> logits (B, T, levels) of the codes after each, and what they leave."""
        seen, past = self.reader.go_on(tokens, past)
        return self.answer(seen).float(), past

    def fit(self, places: Many, wholes: Some) -> None:
        """Find codes for places (N, 128), and levels of how like the wholes (M, 128) of their prompts the first are."""
        self.codes.fit(places)
        self.degrees.fit(likeness(places[: len(wholes)], wholes)[:, None])

    def loss(self, prompts: Prompts, places: Places) -> tuple[Scalar, dict[str, float]]:
        """The mean cross-entropy of the codes."""
        spelled = self.codes.spell(places)
        degree = self.degree(self.degrees(likeness(places, prompts.wholes)[:, None]))
        before = self.code(spelled[:, :-1]) + self.component[:-1]
        logits, _ = self(torch.cat([degree, before], 1), self.reader(prompts))
        losses = functional.cross_entropy(logits.transpose(1, 2), spelled, reduction="none")
        return losses.mean(), {"first": losses[:, 0].mean().item(), "last": losses[:, -1].mean().item()}

    def draw(self, rng: Streams) -> Vectors:
        """(B, 1 + components) in [0, 1): of the likeness, and of each code."""
        return rng.uniform(1 + self.settings.components)

    @torch.no_grad()
    def imagine(self, prompts: Prompts, draws: Vectors) -> Places:
        """(B, 128): spelled after the prompt, and after a likeness that is above the usual."""
        degree = (DEGREES / 2 * (1 + draws[:, 0])).long().clamp(max=DEGREES - 1)
        return self.codes.show(self._spell(self.degree(degree), self.reader(prompts), draws[:, 1:]))

    def _spell(self, token: Float[Tensor, "batch width"], past: Past, draws: Vectors) -> Spelled:
        spelled = []
        for component, chance in zip(self.component, draws.T, strict=True):
            logits, past = self(token[:, None], past)
            spelled.append(drawn(logits[:, 0], chance))
            token = self.code(spelled[-1]) + component
        return torch.stack(spelled, 1)


def drawn(logits: Vectors, chance: PerItem) -> Tensor:
    """(B,) the level at which the sum of the probabilities (B, levels) passes ``chance`` (B,) in [0, 1)."""
    passed = logits.softmax(1).cumsum(1)
    return (passed <= chance[:, None] * passed[:, -1:]).sum(1).clamp(max=logits.shape[1] - 1)
