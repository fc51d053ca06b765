"""StyleCLIP by optimization: the latents of the picture are moved until words are true of what they make.

Source: Patashnik et al. 2021 (arXiv:2103.17249), section 4; deviation: Adam's rate falls along a cosine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from misen.core.generator import Generator, Movable
from misen.core.shapes import PerItem, Points
from misen.editing.methods.latents import FromLatents, pivot
from misen.editing.methods.method import Beginning, Edit, Need
from misen.editing.methods.options import Between, Fraction, Whole
from misen.editing.styleclip import Goal, movable, shower, wording
from misen.inversion.optimize import seek
from misen.synthesis import Resume


@dataclass(frozen=True)
class StyleCLIP(FromLatents):
    """Changes what words say, and keeps the person as far as two weights ask.

    Attributes:
        steps: updates of the latents towards the words.
        near: weight of the squared distance from the latents of the picture.
        identity: weight of the identity.
        rate: of the updates, in the beginning.
    """

    name: ClassVar[str] = "styleclip"
    needs: ClassVar[frozenset[Need]] = frozenset({"picture", "words"})

    steps: Annotated[int, Whole(1, 10_000)] = 200
    near: Annotated[float, Between(0, 100)] = 0.008
    identity: Annotated[float, Between(0, 100)] = 0.005
    rate: Annotated[float, Fraction()] = 0.1

    def besides(self, edit: Edit) -> Mapping[str, int]:
        """The search, the tuning, and the updates."""
        return {**super().besides(edit), "the words": self.steps}

    def begin(self, edit: Edit) -> Beginning:
        """The latents that were found, as far from those of the picture as the strength says; nothing is left to walk.

        Raises:
            InputError: there is not one prompt alone.
            Unreachable: the model has no latents, or no encoder of pictures.
        """
        how = (self.name, bool(edit.kept), *self.options().items())
        generator, state, found = edit.learned(lambda: self._learn(edit), *how)
        return Beginning(generator, Resume(state.at(state.value.lerp(found, edit.strength)), 0.0))

    def _learn(self, edit: Edit) -> tuple[Generator, Movable, Points]:
        """Who shows latents, the state of the picture, and the latents (1, ...) of which the words are true."""
        words, (generator, begun) = wording(edit.plan), pivot(edit, self.search, self.tune)
        state, show = movable(begun), shower(generator, begun)
        goal = Goal.of(words, show(state.value).detach(), self.identity)

        def errors(point: Points) -> PerItem:
            return goal(show(point)) + self.near * (point - state.value).square().flatten(1).sum(1)

        return generator, state, seek(errors, state.value, steps=self.steps, rate=self.rate)
