"""Null-text: walk the picture back, learn the null with which a large scale rebuilds it, and change the words.

Source: Mokady et al. 2022 (arXiv:2211.09794), section 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, ClassVar

from misen.core.errors import InputError
from misen.editing.methods.invert import beginning, goes_on, way_back
from misen.editing.methods.method import WAY_BACK, Beginning, Edit, Method, Need
from misen.editing.methods.options import Whole
from misen.editing.methods.prompt_to_prompt import Words
from misen.inversion import invert_null_text
from misen.inversion.null_text import ITERATIONS
from misen.inversion.reverse import REFINEMENTS
from misen.synthesis.plan import cost


@dataclass(frozen=True)
class NullText(Method):
    """Keeps the picture under a guidance scale that lets words change it.

    Attributes:
        source: what the picture shows, in words.
        iterations: updates of the null at each level, at most.
    """

    name: ClassVar[str] = "null-text"
    needs: ClassVar[frozenset[Need]] = frozenset({"picture", "words"})

    source: Annotated[str, Words()] = ""
    iterations: Annotated[int, Whole(0, 1000)] = ITERATIONS

    @property
    def way_back(self) -> int:
        """Many steps."""
        return WAY_BACK

    def besides(self, edit: Edit) -> Mapping[str, int]:
        """The way back without extrapolation, and at most as many answers as the null is learned from."""
        way = way_back(edit.plan, self.source)
        (back, _), (forth, _) = (cost(plan, edit.sampler) for plan in (replace(way, scale=1.0), way))
        learned = (1 + self.iterations) * forth
        return {} if goes_on(edit) else {"the way back": (1 + REFINEMENTS) * back, "the null": learned}

    def begin(self, edit: Edit) -> Beginning:
        """The state on the way back, and a generator with the null that was learned.

        Raises:
            InputError: there is no source, or not one prompt that it could take the place of.
            Unreachable: there is no way back from the picture, or no null to learn.
        """
        if not self.source:
            hint = "say what the picture shows, as in null-text:source=a man with a hat"
            raise InputError("method null-text needs a source", field="method", hint=hint)
        way = way_back(edit.plan, self.source)
        return beginning(edit, partial(invert_null_text, plan=way, iterations=self.iterations))
