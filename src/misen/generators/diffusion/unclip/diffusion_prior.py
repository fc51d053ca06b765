"""The diffusion prior: noise becomes a place, by a causal transformer that foresees the place without noise.

Source: Ramesh et al. 2022 (arXiv:2204.06125), section 2.2; deviations: words are always given, since its own guidance
is not used; several noisy places are learned from after one reading of a prompt; sampling is DDIM's.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from jaxtyping import Int
from torch import Tensor, nn

from misen.core.seeding import Streams
from misen.core.shapes import Scalar, Vectors
from misen.generators.diffusion.schedule import OURS, TIMESTEPS, alpha_scale
from misen.generators.diffusion.unclip.places import Many, Some, Standard, likeliest
from misen.generators.diffusion.unclip.prior import CANDIDATES, PriorSettings, PromptReader
from misen.generators.diffusion.unclip.prompts import Prompts
from misen.generators.diffusion.unclip.transformer import Past
from misen.perception.joint import WIDTH, Places

STEPS = 16
"""Of the walk from noise to a place."""
LESSONS = 4
"""Noisy places that are learned from after one reading of a prompt."""


class DiffusionPrior(nn.Module):
    """After a prompt, the sequence holds the time, the noisy place and a query, whose answer is the clean place."""

    form = "diffusion"

    def __init__(self, settings: PriorSettings) -> None:
        super().__init__()
        self.settings = settings
        self.standard, self.reader = Standard(), PromptReader(settings)
        self.time = nn.Embedding(TIMESTEPS, settings.width)
        self.noisy = nn.Linear(WIDTH, settings.width)
        self.query = nn.Parameter(0.02 * torch.randn(settings.width))
        self.answer = nn.Linear(settings.width, WIDTH)
        nn.init.normal_(self.time.weight, std=0.02)

    def forward(self, noisy: Vectors, timesteps: Int[Tensor, " batch"], past: Past) -> Vectors:
        """(B, 128) noisy places at timesteps (B,), after prompts -> (B, 128) places without noise, both standard."""
        query = self.query.expand(len(noisy), -1)
        tokens, _ = self.reader.go_on(torch.stack([self.time(timesteps), self.noisy(noisy), query], 1), past)
        answer: Tensor = self.answer(tokens[:, -1])
        return answer.float()

    def fit(self, places: Many, wholes: Some) -> None:
        """Take the scale of places (N, 128)."""
        self.standard.fit(places)

    def loss(self, prompts: Prompts, places: Places) -> tuple[Scalar, dict[str, float]]:
        """The mean squared error of the place without noise."""
        clean = self.standard(places).repeat_interleave(LESSONS, 0)
        timesteps, noise = torch.randint(TIMESTEPS, (len(clean),)), torch.randn_like(clean)
        alpha, scale = (part[:, :, 0, 0] for part in OURS.mixture(timesteps))
        foreseen = self(alpha * clean + scale * noise, timesteps, self.reader(prompts).repeat(LESSONS))
        errors = (foreseen - clean).square().mean(1)
        noisy = timesteps >= TIMESTEPS // 2
        return errors.mean(), {"clear": errors[~noisy].mean().item(), "noisy": errors[noisy].mean().item()}

    def draw(self, rng: Streams) -> Vectors:
        """(B, CANDIDATES * 128) noise."""
        return rng.normal(CANDIDATES * WIDTH)

    @torch.no_grad()
    def imagine(self, prompts: Prompts, draws: Vectors) -> Places:
        """(B, 128): of several places that noise leads to, the one most like the prompt."""
        past = self.reader(prompts).repeat(CANDIDATES)
        places = self.standard.invert(self._walk(draws.reshape(-1, WIDTH), past))
        return likeliest(places.unflatten(0, (-1, CANDIDATES)), prompts.wholes)

    def _walk(self, noisy: Vectors, past: Past) -> Vectors:
        """Standard places that noise (B, 128) leads to, without any more of it.

        Source: Song et al. 2020 (arXiv:2010.02502), equation 12, with sigma = 0.
        """
        times = [int(time) for time in OURS.times(STEPS, "trailing")]
        for time, following in pairwise(times):
            (alpha, scale), (next_alpha, next_scale) = (alpha_scale(OURS.sigma(at)) for at in (time, following))
            clean = self._foresee(noisy, time, past)
            noisy = next_alpha * clean + next_scale * (noisy - alpha * clean) / scale
        return self._foresee(noisy, times[-1], past)

    def _foresee(self, noisy: Vectors, time: int, past: Past) -> Vectors:
        answer: Tensor = self(noisy, torch.full((len(noisy),), time, device=noisy.device), past)
        return answer
