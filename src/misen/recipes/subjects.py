"""What the recipes that tune a model on a few pictures share: the base they open and the card of what they leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from misen.assembly import WORDS, Opened, open_model
from misen.core.condition import Condition
from misen.core.errors import InputError, ModelFileError
from misen.core.execution import Execution
from misen.core.generator import Executable
from misen.core.guidance import Guidance
from misen.core.registry import modalities
from misen.generators.diffusion import lora
from misen.modalities.text.encoder import TextEncoder
from misen.modalities.text.pseudo_word import read_word, taught
from misen.nn.description import CARD, read_card
from misen.recipes.shipping import card_of
from misen.synthesis import plan, synthesize
from misen.training import Outcome, TrainingConfig
from misen.training.tuning import Learner

ADAPTER = "adapter"
"""Folder, inside that of a run, of what was learned."""
CHUNK = 16
"""Pictures made or encoded together."""


@dataclass(frozen=True)
class Base:
    """A model that follows words and can be tuned.

    Attributes:
        opened: the model.
        generator: its generator.
        port: where words enter.
        encoder: makes words into conditions.
    """

    opened: Opened
    generator: Learner
    port: str
    encoder: TextEncoder

    def read(self, prompt: str) -> Condition:
        """The condition of one prompt."""
        with torch.no_grad():
            return self.encoder.read([prompt])

    @torch.no_grad()
    def points(self, images: Tensor) -> Tensor:
        """Pictures (N, 3, H, W) as points (N, ...) of the generator's space."""
        return torch.cat([self.generator.encode(some) for some in images.split(CHUNK)])

    def running(self, config: TrainingConfig) -> Base:
        """The same, making pictures in the precision of a configuration as far as its networks can be run so."""
        if config.precision == "fp32" or not isinstance(self.generator, Executable):
            return self
        faster: Any = self.generator.executed(Execution("bfloat16"))
        return replace(self, generator=faster)

    def make(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """(N, 3, H, W) pictures by the model's defaults, one for each prompt and seed."""
        parts = [slice(first, first + CHUNK) for first in range(0, len(seeds), CHUNK)]
        return torch.cat([self._make(prompts[part], seeds[part]) for part in parts])

    def _make(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        usual = self.opened.defaults
        sampler, wish = self.opened.samplers[usual.sampler](usual.steps), modalities()[WORDS].signal(list(prompts))
        whole = plan(
            self.generator,
            [Guidance(signal=wish)],
            sampler=sampler,
            encoders={WORDS: self.encoder},  # type: ignore[dict-item]  # it takes the signals of one modality
            energies={},
            scale=usual.scale,
        )
        return synthesize(self.generator, sampler, whole, seeds=seeds).images


def open_base(name: str) -> Base:
    """Open a model to tune it.

    Raises:
        InputError: it cannot be tuned, or does not follow words.
        MisenError: whatever ``open_model`` raises.
    """
    opened = open_model(name)
    generator = opened.generator
    if not isinstance(generator, Learner):
        raise InputError(f"{name} cannot be tuned", field="model.base", hint="take a diffusion model")
    named = generator.ports.items()
    ports = [port for port, entrance in named if WORDS in entrance.trained_on and entrance.layout == "tokens"]
    if not ports:
        raise InputError(f"{name} does not follow words", field="model.base", hint="take a model with a port for them")
    encoder: Any = opened.encoders[WORDS]
    return Base(opened, generator, ports[0], encoder)


def open_tuned(folder: Path) -> Base:
    """Open what a recipe left in its folder: a model of its own, or a base with what it learned.

    Raises:
        ModelFileError: the base has other weights now.
        MisenError: whatever opening the parts raises.
    """
    card = read_card(folder) if (folder / CARD).exists() else {}
    if "base" not in card or "family" in card:
        return open_base(str(folder))
    base = open_base(card["base"]["name"])
    if base.opened.sha256 != card["base"]["sha256"]:
        raise ModelFileError(
            f"{folder} was tuned on other weights of {base.opened.name}", field=str(folder), hint="tune it again"
        )
    if (folder / lora.FILE).exists():
        lora.merge(base.generator.network, lora.read(folder))
        return base
    return replace(base, encoder=taught(base.encoder, *read_word(folder)))


def card_of_tuned(
    base: Base, free: nn.Module, config: TrainingConfig, outcome: Outcome, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """The card of what was learned: the base it belongs to, and how it came about."""
    origin = {"base": {"name": base.opened.name, "sha256": base.opened.sha256}}
    return {**card_of(free, config.name, config, outcome, facts), **origin}
