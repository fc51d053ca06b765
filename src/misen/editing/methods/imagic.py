"""Imagic: find what the model would be told to make the picture, tune it to obey, and tell it something in between.

Source: Kawar et al. 2022, Imagic (arXiv:2210.09276), section 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar

from misen.core.condition import Condition
from misen.core.errors import InputError
from misen.core.generator import Generator, answering
from misen.core.shapes import Images
from misen.editing.methods.method import Beginning, Edit, Method, Need
from misen.editing.methods.options import Between, Fraction, Whole
from misen.editing.methods.twins import BATCH, Interpolated, encoded, learner, taught
from misen.inversion.condition import invert_condition
from misen.synthesis import Decision, Plan
from misen.training.tuning import Conditions, Learner


@dataclass(frozen=True)
class Imagic(Method):
    """Changes pose and shape too, as far as what is told says so.

    Attributes:
        eta: 0 makes the picture again, 1 what is wished.
        search: updates of the condition that is to make the picture.
        pace: rate of that search's learning.
        steps: updates of the copy of the model that learns to make it under that condition.
        rate: of the copy's learning.
    """

    name: ClassVar[str] = "imagic"
    needs: ClassVar[frozenset[Need]] = frozenset({"picture", "words"})

    eta: Annotated[float, Between(0, 1)] = 0.7
    search: Annotated[int, Whole(0, 10_000)] = 150
    pace: Annotated[float, Fraction()] = 1e-2
    steps: Annotated[int, Whole(0, 10_000)] = 200
    rate: Annotated[float, Fraction()] = 1e-4

    def besides(self, edit: Edit) -> Mapping[str, int]:
        """The predictions that the condition and the copy are learned from."""
        return {"learning": (self.search + self.steps) * BATCH}

    def begin(self, edit: Edit) -> Beginning:
        """From noise at strength 1, as in the paper; else from the picture."""
        generator, target = learner(edit.generator), wished(edit.plan, edit.generator)
        lesson = partial(self._learn, generator, target, edit.canvas.image)
        best, twin = edit.learned(lesson, self.name, self.search, self.pace, self.steps, self.rate)
        between = Interpolated(twin, best, target, self.eta)
        return Beginning(answering(twin, between.predict, contrast=False), edit.canvas.start(edit.strength))

    def _learn(self, generator: Learner, target: Conditions, image: Images) -> tuple[Conditions, Learner]:
        """The condition that makes a picture best, and a copy of the generator that obeys it."""
        point = encoded(generator, image)
        best = invert_condition(generator, point, target, steps=self.search, rate=self.pace, batch_size=BATCH)
        return best, taught(generator, point, best, steps=self.steps, rate=self.rate)


def wished(plan: Plan, generator: Generator) -> Conditions:
    """What a plan tells the generator, by port; raises ``InputError`` unless that is one thing at each port."""
    natives = [decision for decision in plan.decisions if decision.encoder is not None]
    if not natives or len({decision.port for decision in natives}) < len(natives):
        hint = "give the words of one prompt"
        raise InputError("method imagic needs one guidance at each port", field="method", hint=hint)
    return {decision.port: _condition(decision, generator) for decision in natives}


def _condition(decision: Decision, generator: Generator) -> Condition:
    signal = decision.guidance.signal
    if len(signal) != 1:
        hint = "edit once for each"
        raise InputError(f"method imagic learns one wish, got {len(signal)}", field=signal.modality, hint=hint)
    assert decision.encoder is not None, "only native decisions are asked"
    return decision.encoder.encode(signal, generator.ports[decision.port].layout)
