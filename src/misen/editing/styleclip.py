"""What StyleCLIP wants of a picture: that a sentence is true of it, and that it still shows the same person.

Source: Patashnik et al. 2021 (arXiv:2103.17249), section 4, equations 1 and 2; deviations: our own joint embedding and
identity, both of the side that may steer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from misen.core.errors import InputError, Unreachable
from misen.core.generator import Generator, Level, Movable, State
from misen.core.shapes import Images, PerItem, Points, Vectors
from misen.editing.methods.prompt_to_prompt import Worded
from misen.metrics.identity import identity_likeness
from misen.perception import coach
from misen.perception.reading import Reading
from misen.synthesis import Plan

Show = Callable[[Points], Images]
"""Latents (B, ...) to pictures; differentiable."""
TEMPLATES = ("{}", "a picture of {}", "a portrait of {}", "an image of {}")
"""Ways to say the same, over which embeddings of a sentence are averaged."""


@dataclass(frozen=True)
class Goal:
    """The sentence, and the people of some pictures.

    Attributes:
        target: (1, D) the sentence in the joint embedding.
        people: what observer A saw in the pictures.
        identity: weight of the identity.
    """

    target: Vectors
    people: Reading = field(repr=False)
    identity: float

    @classmethod
    @torch.no_grad()
    def of(cls, words: str, image: Images, identity: float) -> Goal:
        """The goal for pictures (B, 3, H, W)."""
        return cls(coach.joint().text([words]).to(image.device), coach.observer()(image), identity)

    def __call__(self, made: Images) -> PerItem:
        """(B,) distance of the sentence, and weighted that of the identities; differentiable in the pictures."""
        apart = 1 - (coach.joint().image(made) * self.target).sum(1)
        if not self.identity:
            return apart
        return apart + self.identity * (1 - identity_likeness(coach.observer()(made), self.people))


def shower(generator: Generator, state: State) -> Show:
    """Shows latents as the generator shows those of ``state``."""

    def show(point: Points) -> Images:
        return generator.predict(state, Level(0.0), {}).view(point).image

    return show


def wording(plan: Plan) -> str:
    """The one prompt of a plan; raises ``InputError`` unless there is exactly one."""
    signals = [one.guidance.signal for one in plan.decisions]
    prompts = [prompt for signal in signals if isinstance(signal, Worded) for prompt in signal.prompts]
    if len(prompts) != 1 or len(signals) != 1:
        raise InputError("this method follows one prompt and nothing else", field="method", hint="give words alone")
    return prompts[0]


def movable(state: State) -> Movable:
    """A state as one whose latents can be replaced; raises ``Unreachable`` for others."""
    if not isinstance(state, Movable):
        raise Unreachable("latents of this model cannot be reached", field="method", hint="use another model")
    return state


@torch.no_grad()
def direction(words: str, neutral: str) -> Tensor:
    """(D,) unit vector in the joint embedding from what is usual to what is wished, over several ways to say both."""
    told, usual = (coach.joint().text([form.format(said) for form in TEMPLATES]).mean(0) for said in (words, neutral))
    return torch.nn.functional.normalize(told - usual, dim=0)


@runtime_checkable
class Styled(Protocol):
    """Capability of a generator: its points can lie in S instead, one number per channel of every layer."""

    def in_styles(self) -> Generator:
        """The same generator, whose points are (B, channels)."""
        ...

    def styled(self, state: State) -> State:
        """A state of its own as one of ``in_styles`` that shows the same."""
        ...


def having_styles(generator: Generator) -> Styled:
    """The generator as one whose points can lie in S; raises ``Unreachable`` for others."""
    if not isinstance(generator, Styled):
        raise Unreachable("this model has no styles", field="method", hint="use another method")
    return generator
