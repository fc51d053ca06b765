"""Text difference: a picture moves in the joint embedding as its description does, and keeps the noise it came from.

Source: Ramesh et al. 2022 (arXiv:2204.06125), section 3.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, ClassVar

import torch
from torch.nn import functional

from misen.core.errors import InputError
from misen.core.shapes import Vectors
from misen.editing.methods.invert import beginning, goes_on, way_back
from misen.editing.methods.method import Beginning, Edit, Method, Need
from misen.editing.methods.options import Between, OneOf
from misen.editing.methods.prompt_to_prompt import Worded, Words
from misen.editing.places import extrapolations, placing, show, slerp
from misen.inversion import invert
from misen.synthesis import Plan
from misen.synthesis.plan import cost

REFINEMENTS = 1
"""Of each step back: the picture is not to be rebuilt, but changed."""


@dataclass(frozen=True)
class TextDifference(Method):
    """Goes where the words go, from what the picture shows to what is wished; the words act in no other way.

    Attributes:
        source: what the picture shows, in words.
        share: of the way from the picture to the pure difference of the words.
        noise: whether that is kept which the picture would be made from, for which the sampler must have a way back.
    """

    name: ClassVar[str] = "text-difference"
    needs: ClassVar[frozenset[Need]] = frozenset({"picture", "words"})

    source: Annotated[str, Words()] = "a person"
    share: Annotated[float, Between(0, 1)] = 0.4
    noise: Annotated[str, OneOf(("kept", "new"))] = "kept"

    @property
    def way_back(self) -> int | None:
        """Some steps: the picture is not to be rebuilt, but changed."""
        return 25 if self.noise == "kept" else None

    def besides(self, edit: Edit) -> Mapping[str, int]:
        """The way back, and forth again to see where it leads; and guidance to the place."""
        guided = extrapolations(edit.plan, edit.sampler)
        if self.noise == "new" or goes_on(edit):
            return guided
        asked, _ = cost(_bare(edit.plan), edit.sampler)
        return {**guided, "the way back": (2 + REFINEMENTS) * asked}

    def begin(self, edit: Edit) -> Beginning:
        """From the noise of the picture, or from new noise.

        Raises:
            InputError: there is not one prompt, or it says what the source says.
            Unreachable: the generator cannot be told places, or there is no way back from the picture.
        """
        place = placing(edit.generator).place(edit.canvas.image.to(edit.device))
        goal = slerp(place, self._difference(edit), self.share)
        shown = show(edit.generator, goal, edit.plan, alone=True)
        if self.noise == "new":
            return Beginning(shown, edit.canvas.start(edit.strength))
        bare = _bare(edit.plan)
        there = replace(edit, generator=show(edit.generator, place, bare))
        return replace(beginning(there, partial(invert, plan=bare, refinements=REFINEMENTS)), generator=shown)

    def _difference(self, edit: Edit) -> Vectors:
        """(1, D) unit vector from the source to the target."""
        source, target = placing(edit.generator).read([self.source, _target(edit.plan)])
        if torch.equal(source, target):
            hint = "say what the picture shows, and what it shall show"
            raise InputError("source and target say the same", field="method", hint=hint)
        return functional.normalize((target - source)[None], dim=1)


def _bare(plan: Plan) -> Plan:
    """A plan without its words and without extrapolation."""
    return replace(way_back(plan, ""), scale=1.0)


def _target(plan: Plan) -> str:
    """The one prompt of a plan; raises ``InputError``."""
    signals = [decision.guidance.signal for decision in plan.decisions]
    prompts = [prompt for signal in signals if isinstance(signal, Worded) for prompt in signal.prompts]
    if len(prompts) != 1:
        hint = "edit once for each"
        raise InputError(f"method text-difference needs one prompt, got {len(prompts)}", field="method", hint=hint)
    return prompts[0]
