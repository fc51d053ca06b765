"""SINE: a twin that has learned the picture answers beside the generator, early in the walk, when structure is decided.

Source: Zhang et al. 2022, SINE (arXiv:2212.04489), section 3.2; deviations: the twin learns the picture under no
condition in place of a rare word, so that anything may guide; it learns the whole picture, not patches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar

from misen.core.generator import answering
from misen.core.shapes import Images
from misen.editing.methods.method import Beginning, Edit, Method, Need
from misen.editing.methods.options import Between, Fraction, Whole
from misen.editing.methods.twins import BATCH, Beside, encoded, learner, taught
from misen.synthesis.plan import stages
from misen.training.tuning import Learner


@dataclass(frozen=True)
class SINE(Method):
    """Keeps the structure of the picture, as a copy of the model that is tuned on it remembers it.

    Attributes:
        share: of the tuned copy in what guides; 0 is the model alone.
        until: how long in the walk the copy answers too.
        since: from when on it does; late in the walk it is no help with the structure.
        steps: updates by which the copy learns the picture.
        rate: of its learning.
    """

    name: ClassVar[str] = "sine"
    needs: ClassVar[frozenset[Need]] = frozenset({"picture", "words"})

    share: Annotated[float, Between(0, 1)] = 0.7
    until: Annotated[float, Fraction()] = 0.6
    since: Annotated[float, Between(0, 1)] = 0.0
    steps: Annotated[int, Whole(0, 10_000)] = 300
    rate: Annotated[float, Fraction()] = 1e-4

    def besides(self, edit: Edit) -> Mapping[str, int]:
        """The predictions that the copy learns from, and its answers beside the model's."""
        levels = edit.sampler.levels(guided=edit.plan.guided)
        answered = sum(self.since <= level.progress < self.until for level in levels)
        return {"learning": self.steps * BATCH, "the copy": stages(edit.sampler) * answered}

    def begin(self, edit: Edit) -> Beginning:
        """From noise at strength 1, as in the paper; else from the picture."""
        generator = learner(edit.generator)
        twin = edit.learned(partial(self._learn, generator, edit.canvas.image), self.name, self.steps, self.rate)
        mixed = Beside(generator, twin, self.share, (self.since, self.until))
        return Beginning(answering(generator, mixed.predict), edit.canvas.start(edit.strength))

    def _learn(self, generator: Learner, image: Images) -> Learner:
        """A copy of the generator that knows a picture."""
        return taught(generator, encoded(generator, image), {}, steps=self.steps, rate=self.rate)
