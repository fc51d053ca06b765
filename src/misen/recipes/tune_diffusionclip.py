"""DiffusionCLIP: a model is tuned until pictures walked back and made again have moved as two sentences differ.

``misen edit face.png --method diffusionclip:adapter=runs/elder/adapter`` changes a picture by what was learned, and
``misen evaluate editing`` with that method and ``--change age=old`` measures it on pictures it has not seen.

Source: Kim et al. 2021 (arXiv:2110.02711), section 3.1; deviations: our own joint embedding and identity; by default
only changes of low rank to the attention are learned.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from misen.assembly import USUAL_MODEL
from misen.core.estimate import Estimate
from misen.core.generator import Level, Sampler, State
from misen.core.image import from_bytes
from misen.core.seeding import Streams
from misen.core.shapes import Images, Scalar
from misen.data.pictures import PictureData
from misen.generators.diffusion import lora
from misen.inversion.way import Way
from misen.metrics.identity import identity_likeness
from misen.nn.description import write_card
from misen.perception import coach
from misen.perception.senses import JointEmbedding, Look
from misen.recipes.subjects import ADAPTER, Base, card_of_tuned, open_base
from misen.synthesis.schedule import truncate
from misen.training import Console, JsonLines, Outcome, Trainer, TrainingConfig
from misen.training.tuning import Learner, draw, learning

SAMPLER = "ddim"
"""Deterministic, and goes backwards too."""
REFINEMENTS = 2
"""Of each step back."""


@dataclass(frozen=True)
class Settings:
    """What is learned.

    Attributes:
        base: name or folder of the model that is tuned.
        source: what the pictures show.
        target: what they are to show.
        strength: how far pictures are walked back, as a share of the whole walk.
        back: steps on the way back, which are exact if they are many.
        forth: steps on the way forth, through which is learned.
        identity: weight of the identity that observer A sees.
        keep: weight of the mean absolute change.
        rank: of the changes to the attention.
    """

    base: str = USUAL_MODEL
    source: str = "a person"
    target: str = "an old person"
    strength: float = 0.5
    back: int = 40
    forth: int = 6
    identity: float = 0.3
    keep: float = 0.3
    rank: int = 8


def train(config: TrainingConfig, folder: Path, *, resume: bool = False, allow: Collection[str] = ()) -> Outcome:
    """Learn the change; ``folder / "adapter"`` gets it as diffusers reads it, with its card."""
    settings, data = config.section("model", Settings), config.section("data", PictureData)
    base = open_base(settings.base)
    samples = data.read(base.generator.size, folder)
    images, trip = from_bytes(samples.pixels), Trip.of(base, settings)
    states = [trip.away(image[None]) for image in images]
    torch.manual_seed(config.seed)
    free = lora.attach(base.generator.network, settings.rank)
    goal = Goal.of(coach.joint(), coach.observer(), settings)
    player = DirectionPlayer(trip, goal, free, images, states)
    with learning(player.module):
        batches = ItemBatches(samples.fingerprint, len(images), config)
        callbacks = [Console(), JsonLines(folder / "log.jsonl")]
        trainer = Trainer([player], batches, config, folder=folder, callbacks=callbacks)
        outcome = trainer.run(resume=resume, allow=allow)
        with trainer.averaged():
            digest = lora.save(folder / ADAPTER, lora.detach(base.generator.network))
    facts = {"kind": "diffusionclip", "source": settings.source, "target": settings.target, "sha256": digest}
    write_card(folder / ADAPTER, card_of_tuned(base, player.module, config, outcome, facts))
    return outcome


@dataclass(frozen=True)
class Trip:
    """The last part of a walk, taken backwards in many steps and forwards in few, under no condition.

    Attributes:
        generator: foresees.
        back: sampler of the way back.
        forth: sampler of the way forth.
        strength: how much of the walk.
    """

    generator: Learner
    back: Sampler
    forth: Sampler
    strength: float

    @classmethod
    def of(cls, base: Base, settings: Settings) -> Trip:
        """The trip of a model."""
        make, strength = base.opened.samplers[SAMPLER], settings.strength
        back, forth = (make(round(steps / strength)) for steps in (settings.back, settings.forth))
        return cls(base.generator, back, forth, strength)

    @torch.no_grad()
    def away(self, image: Images) -> State:
        """The noisy state of one picture (1, 3, H, W)."""
        levels = truncate(self.back.levels(guided=False), self.strength)
        way = Way(self.generator, self.back, self._foresee, levels, Streams([0]))
        return way.back(way.encode(image), REFINEMENTS)[0]

    def home(self, state: State) -> Images:
        """The picture (1, 3, H, W) a noisy state leads to, as the decoder of estimates shows it; differentiable."""
        last: list[Estimate] = []

        def watched(state: State, level: Level) -> Estimate:
            last.append(self._foresee(state, level))
            return last[-1]

        for level in truncate(self.forth.levels(guided=False), self.strength):
            state = self.forth.step(state, level, watched, Streams([0]))
        return last[-1].view(last[-1].point).image

    def _foresee(self, state: State, level: Level) -> Estimate:
        return self.generator.predict(state, level, {})


@dataclass(frozen=True)
class Goal:
    """What is wanted of a picture made again.

    Attributes:
        joint: embeds pictures.
        look: sees identities.
        direction: (128,) unit vector from the source's sentence to the target's.
        identity: weight of the identity.
        keep: weight of the mean absolute change.
    """

    joint: JointEmbedding
    look: Look
    direction: Tensor
    identity: float
    keep: float

    @classmethod
    @torch.no_grad()
    def of(cls, joint: JointEmbedding, look: Look, settings: Settings) -> Goal:
        """The goal of two sentences."""
        source, target = joint.text([settings.source, settings.target])
        return cls(joint, look, functional.normalize(target - source, dim=0), settings.identity, settings.keep)

    def __call__(self, made: Images, given: Images) -> tuple[Scalar, Mapping[str, float]]:
        """How far from it pictures are that were made again of given ones."""
        moved = functional.normalize(self.joint.image(made) - self.joint.image(given), dim=1)
        parts = {
            "direction": (1 - moved @ self.direction).mean(),
            "identity": (1 - identity_likeness(self.look(made), self.look(given))).mean(),
            "change": (made - given).abs().mean(),
        }
        total = parts["direction"] + self.identity * parts["identity"] + self.keep * parts["change"]
        return total, {name: part.item() for name, part in parts.items()}


class DirectionPlayer:
    """Batches hold "items" (B,), the numbers of pictures whose states are known."""

    name = "direction"

    def __init__(
        self, trip: Trip, goal: Goal, free: Iterable[nn.Parameter], images: Images, states: Sequence[State]
    ) -> None:
        self.trip, self.goal, self.images, self.states = trip, goal, images, states
        self.module: nn.Module = nn.ParameterList(free)

    def loss(self, batch: Mapping[str, Any], step: int) -> tuple[Scalar, Mapping[str, float]]:
        """How far the pictures made again are from the goal."""
        items: Tensor = batch["items"]
        made = torch.cat([self.trip.home(self.states[item]) for item in items.tolist()])
        return self.goal(made, self.images[items])


class ItemBatches:
    """The numbers of pictures, drawn anew at each step."""

    def __init__(self, fingerprint: str, count: int, config: TrainingConfig) -> None:
        self.fingerprint, self.count, self.size, self.seed = fingerprint, count, config.batch_size, config.seed

    def __call__(self, step: int) -> Mapping[str, Any]:
        """The batch of ``step``: "items"."""
        return {"items": draw(self.count, self.size, self.seed, f"{step}/picture")}
