"""StyleCLIP by global directions: channels of S that move any picture as words do are moved together.

Source: Patashnik et al. 2021 (arXiv:2103.17249), section 6; :mod:`misen.recipes.build_directions` measures.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from misen.core.errors import InputError
from misen.editing.directions import Directions
from misen.editing.methods.latents import FromLatents, pivot
from misen.editing.methods.method import Beginning, Edit, Need
from misen.editing.methods.options import Between
from misen.editing.methods.prompt_to_prompt import Words
from misen.editing.styleclip import direction, having_styles, movable, wording
from misen.synthesis import Resume


@dataclass(frozen=True)
class StyleCLIPDirection(FromLatents):
    """Changes what words say at once, by as much as one likes.

    Attributes:
        adapter: the folder that the recipe ``build_directions`` left.
        alpha: how far, in standard deviations of the channel that moves most; below 0 the opposite is made.
        beta: channels whose effect is less like the words stay; the larger, the less else changes.
        source: what the pictures show as a rule, in words.
    """

    name: ClassVar[str] = "styleclip-direction"
    needs: ClassVar[frozenset[Need]] = frozenset({"picture", "words"})

    adapter: Annotated[str, Words()] = ""
    alpha: Annotated[float, Between(-20, 20)] = 4.0
    beta: Annotated[float, Between(0, 1)] = 0.1
    source: Annotated[str, Words()] = "a person"

    def check(self, given: Set[Need]) -> None:
        """Refuse to look for channels where none are known."""
        super().check(given)
        if not self.adapter:
            hint = "name the folder that misen.recipes.build_directions left, as in adapter=runs/directions"
            raise InputError("method styleclip-direction needs an adapter", field="method", hint=hint)

    def begin(self, edit: Edit) -> Beginning:
        """The styles of the latents of the picture with what the words add to them; nothing is left to walk.

        Raises:
            InputError: there is not one prompt alone, or no channel is like it.
            Unreachable: the model has no styles.
            NotFoundError: there is no adapter.
            ModelFileError: the adapter is malformed, or belongs to other styles.
        """
        having_styles(edit.generator)
        words, directions = wording(edit.plan), Directions.read(Path(self.adapter))
        added = self.alpha * edit.strength * directions.towards(direction(words, self.source), self.beta)
        generator, state = pivot(edit, self.search, self.tune)
        shown = having_styles(generator)
        moved = movable(shown.styled(state))
        return Beginning(shown.in_styles(), Resume(moved.at(moved.value + added.to(moved.value)), 0.0))
