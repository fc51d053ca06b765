"""Prompt-to-prompt: some words of what a picture shows are changed, and the rest of it stays where it is.

Source: Hertz et al. 2022 (arXiv:2208.01626), sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Protocol, runtime_checkable

import torch
from torch import nn

from misen.core.condition import Condition
from misen.core.errors import InputError, Unreachable, brief
from misen.core.estimate import Estimate
from misen.core.generator import Generator, Joint, Level, State, answering
from misen.core.shapes import Points
from misen.core.signal import Signal
from misen.editing.attention_control import AttentionControl, Networked, Past, Sharing
from misen.editing.methods.method import WAY_BACK, Beginning, Edit, Method, Need
from misen.editing.methods.options import Between, OneOf
from misen.editing.words import Spelled, compare, factors, spell
from misen.inversion import invert
from misen.inversion.reverse import REFINEMENTS
from misen.metrics.fidelity import psnr
from misen.synthesis import Decision, Moment, Plan, Resume, synthesize
from misen.synthesis.plan import cost, stages
from misen.synthesis.schedule import truncate

ALIKE = 40.0
"""PSNR in dB from which on a picture made again is the same picture."""
LARGEST = 100.0
"""Factor of a word, and its opposite, up to which there may be sense in it."""


@runtime_checkable
class Worded(Protocol):
    """Capability of a signal: one prompt per item."""

    prompts: tuple[str, ...]


@runtime_checkable
class Spelling(Protocol):
    """Capability of an encoder: reads prompts by a tokenizer of transformers."""

    tokenizer: Any


@dataclass(frozen=True)
class Words:
    """Any words."""

    def read(self, given: object) -> str:
        """The words, without a pair of quotation marks around them."""
        if not isinstance(given, str):
            raise ValueError(f"words, got {brief(given)}")
        words = given.strip()
        return words[1:-1] if len(words) > 1 and words[0] == words[-1] and words[0] in "\"'" else words


@dataclass(frozen=True)
class Weights:
    """Words with a factor each, ``hat=2;red hair=0.5``."""

    def read(self, given: object) -> str:
        """The same text, checked."""
        text = Words().read(given)
        try:
            weights(text)
        except ValueError:
            raise ValueError(f"words with a factor each, such as hat=2;hair=0.5, got {brief(given)}") from None
        return text


@dataclass(frozen=True)
class Seed:
    """A whole number, or nothing."""

    def read(self, given: object) -> int | str:
        """The number, from a number or its digits; "" for nothing."""
        text = str(given)
        if isinstance(given, bool) or not (text == "" or (text.isdecimal() and len(text) < 20)):
            raise ValueError(f"a whole number, got {brief(given)}")
        return int(text) if text else text


@dataclass(frozen=True)
class PromptToPrompt(Method):
    """Changes the words that differ between what the picture shows and what is asked for, and keeps the layout.

    Attributes:
        source: what the picture shows, as far as possible in the words of the target; by default what it was made
            from, if it holds a recipe that says so.
        cross: the first share of the walk in which places look at words as in the picture.
        self: the first share of the walk in which places look at one another as in the picture.
        blend: whether places that look at no changed word stay as they are.
        weights: how much words of the target count, such as ``hat=2;hair=0.5``.
        seed: from which the same sampler, steps and scale made the picture of the source; if left out the picture is
            inverted, for which the sampler must have a way back.
    """

    name: ClassVar[str] = "prompt-to-prompt"
    needs: ClassVar[frozenset[Need]] = frozenset({"picture", "words"})

    source: Annotated[str, Words()] = ""
    cross: Annotated[float, Between(0, 1)] = 0.8
    self: Annotated[float, Between(0, 1)] = 0.4
    blend: Annotated[str, OneOf(("off", "on"))] = "off"
    weights: Annotated[str, Weights()] = ""
    seed: Annotated[int | str, Seed()] = ""

    @property
    def way_back(self) -> int | None:
        """Many steps, unless a seed says where the picture came from."""
        return WAY_BACK if self.seed == "" else None

    def recall(self, prompt: str, seed: int) -> PromptToPrompt:
        """The method with the words and the seed that a picture was made from, unless a source was given."""
        return self if self.source else replace(self, source=prompt, seed=seed)

    def besides(self, edit: Edit) -> Mapping[str, int]:
        """The walk of the source, or the picture's way back and forth, and the source again beside what it controls."""
        told = replace(edit.plan, decisions=tuple(one for one in edit.plan.decisions if one.port))
        (walk, _), (plain, _) = (cost(plan, edit.sampler) for plan in (told, replace(told, scale=1.0)))
        controlled = sum(map(self._concerns, edit.sampler.levels(guided=edit.plan.guided)))
        source = (2 + REFINEMENTS) * plain if self.seed == "" else walk
        return {"the source": source + stages(edit.sampler) * controlled}

    def _concerns(self, level: Level) -> bool:
        """Whether the source is asked at a level."""
        return self.blend == "on" or bool(self.weights) or level.progress < max(self.cross, self.self)

    def begin(self, edit: Edit) -> Beginning:
        """Where the picture began, under control of how it came about.

        Raises:
            InputError: there is no source, the prompts share no word, one is too long, a weighed word is missing, or
                the seed makes another picture.
            Unreachable: the generator's attention cannot be reached, or there is no way back from the picture.
        """
        levels = truncate(edit.sampler.levels(guided=edit.plan.guided), edit.strength)
        if not levels:
            return Beginning(edit.generator, edit.canvas.start(0.0))
        told = _Told.of(edit, self.source)
        sharing = self._sharing(told)
        past = told.inverted() if self.seed == "" else told.walked(int(self.seed))
        control = AttentionControl(edit.generator, told.decision.port, told.encode(told.target), past, sharing)
        return Beginning(answering(edit.generator, control.predict), Resume(past.states[levels[0]], edit.strength))

    def _sharing(self, told: _Told) -> Sharing:
        source, target = told.spelled()
        weighed = factors(target, weights(self.weights))
        return Sharing(compare(source, target), weighed, self.cross, self.self, self.blend == "on")


@dataclass(frozen=True)
class _Told:
    """An edit with the words of its target and of its source."""

    edit: Edit
    network: nn.Module
    decision: Decision
    source: Any
    target: Any

    @classmethod
    def of(cls, edit: Edit, prompt: str) -> _Told:
        """The words of an edit; raises ``InputError`` and ``Unreachable``."""
        if not isinstance(edit.generator, Networked):
            raise Unreachable("the attention of this generator cannot be reached", field="model")
        if not prompt:
            hint = "say what the picture shows, as in prompt-to-prompt:source=a man with a hat"
            raise InputError("method prompt-to-prompt needs a source", field="method", hint=hint)
        decision = _words(edit.plan)
        target = decision.guidance.signal
        return cls(edit, edit.generator.network, decision, type(target).parse(prompt), target)

    def encode(self, signal: Signal) -> Condition:
        """(1, L, D) what the network looks at."""
        assert self.decision.encoder is not None, "it spells"
        layout = self.edit.generator.ports[self.decision.port].layout
        return self.decision.encoder.encode(signal, layout).to(self.device)

    def spelled(self) -> tuple[Spelled, Spelled]:
        """The prompts of source and target as the encoder reads them; raises ``InputError`` for too long ones."""
        encoder: Any = self.decision.encoder
        return spell(encoder.tokenizer, self.source.prompts[0]), spell(encoder.tokenizer, self.target.prompts[0])

    @property
    def device(self) -> torch.device:
        """Where the generator is."""
        return next(self.network.parameters()).device

    def plan(self) -> Plan:
        """The plan of the source: its words in place of the target's, and no energies."""
        plan = self.edit.plan
        natives = [decision for decision in plan.decisions if decision.port]
        told = replace(self.decision, guidance=replace(self.decision.guidance, signal=self.source))
        return replace(plan, decisions=tuple(told if one is self.decision else one for one in natives), known=None)

    def inverted(self) -> Past:
        """The way of the picture backwards, without extrapolation; raises ``Unreachable``."""
        edit, plan = self.edit, replace(self.plan(), scale=1.0)
        generator: Any = edit.generator
        found = invert(generator, edit.sampler, plan, edit.canvas.image, device=self.device)
        states = dict(zip(edit.sampler.levels(guided=False), found.trajectory[:-1], strict=True))
        return Past(self.encode(self.source), states, generator.encode(edit.canvas.image.to(self.device)))

    def walked(self, seed: int) -> Past:
        """The way of the picture from a seed; raises ``InputError`` when it leads to another picture."""
        edit = self.edit
        recorder = _Recorder(edit.generator)
        made = synthesize(
            recorder.recorded(),
            edit.sampler,
            self.plan(),
            seeds=(seed,),
            watch=recorder,
            device=self.device,
        )
        if not psnr(made.images.cpu(), edit.canvas.image) >= ALIKE:
            hint = "give the sampler, steps and guidance scale it was made with, or leave the seed out"
            raise InputError(f"seed {seed} makes another picture of the source", field="method", hint=hint)
        return Past(self.encode(self.source), recorder.states, recorder.point)


class _Recorder:
    """The answers of a generator, remembering the states of one walk, and where it led."""

    point: Points

    def __init__(self, generator: Generator) -> None:
        self.generator, self.states = generator, dict[Level, State]()

    def recorded(self) -> Generator:
        """The generator, asked in the way it would be asked by itself: the same to the last bit."""
        other: Any = answering(self.generator, self.predict)
        if isinstance(self.generator, Joint):
            other.predict_jointly = self.predict_jointly
        return other  # type: ignore[no-any-return]

    def predict(self, state: State, level: Level, conditions: Mapping[str, Condition]) -> Estimate:
        """The generator's estimate."""
        self.states[level] = state
        return self.generator.predict(state, level, conditions)

    def predict_jointly(
        self, state: State, level: Level, asked: Sequence[Mapping[str, Condition]]
    ) -> Sequence[Estimate]:
        """The generator's estimates under several sets of conditions."""
        self.states[level] = state
        joint: Any = self.generator
        estimates: Sequence[Estimate] = joint.predict_jointly(state, level, asked)
        return estimates

    def __call__(self, moment: Moment) -> None:
        """Sees each step; the walk leads to what is foreseen in the last."""
        self.point = moment.estimate.point


def weights(text: str) -> dict[str, float]:
    """``"hat=2;red hair=0.5"`` as a dictionary; raises ``ValueError`` for anything else."""
    pairs = [pair.rpartition("=") for pair in text.split(";") if pair.strip()]
    found = {word.strip(): float(factor) for word, _, factor in pairs}
    if not all(word and abs(factor) <= LARGEST for word, factor in found.items()):
        raise ValueError(text)
    return found


def _words(plan: Plan) -> Decision:
    """The one decision of a plan that tells words to attention; raises ``InputError``."""
    told = [one for one in plan.decisions if isinstance(one.encoder, Spelling)]
    if len(told) != 1 or not isinstance(signal := told[0].guidance.signal, Worded) or len(signal) != 1:
        hint = "give the words of one prompt, by the native route"
        raise InputError("method prompt-to-prompt needs one prompt", field="method", hint=hint)
    return told[0]
