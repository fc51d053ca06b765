"""DiffusionCLIP: walk the picture back by the model, and forth by one that was tuned to make another picture of it.

Source: Kim et al. 2021 (arXiv:2110.02711), section 3.1; :mod:`misen.recipes.tune_diffusionclip` tunes.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar

import torch

from misen.core.errors import InputError, Unreachable
from misen.core.generator import Retunable, State
from misen.editing.methods.invert import way_back
from misen.editing.methods.method import Beginning, Edit, Method, Need
from misen.editing.methods.options import Between, Whole
from misen.editing.methods.prompt_to_prompt import Words
from misen.inversion.reverse import REFINEMENTS
from misen.inversion.way import Way
from misen.synthesis import Resume
from misen.synthesis.schedule import truncate


@dataclass(frozen=True)
class DiffusionCLIP(Method):
    """Makes of any picture what the model was tuned to make of some, and keeps the rest.

    Attributes:
        adapter: the folder that a run of the recipe ``diffusionclip`` left.
        share: of what was learned; 0 makes the picture again.
        refinements: of each step back.
    """

    name: ClassVar[str] = "diffusionclip"
    usual_strength: ClassVar[float] = 0.5

    adapter: Annotated[str, Words()] = ""
    share: Annotated[float, Between(0, 1)] = 1.0
    refinements: Annotated[int, Whole(0, 64)] = REFINEMENTS

    @property
    def way_back(self) -> int:
        """As many as the recipe learns through, by its default: 6 on the half of the walk."""
        return 12

    def check(self, given: Set[Need]) -> None:
        """Refuse to change a picture by nothing."""
        super().check(given)
        if not self.adapter:
            hint = "name the folder that `misen train` left, as in diffusionclip:adapter=runs/elder/adapter"
            raise InputError("method diffusionclip needs an adapter", field="method", hint=hint)

    def besides(self, edit: Edit) -> Mapping[str, int]:
        """The way back."""
        levels = truncate(edit.sampler.levels(guided=edit.plan.guided), edit.strength)
        return {"the way back": (1 + self.refinements) * len(levels)}

    def begin(self, edit: Edit) -> Beginning:
        """The state on the way back under no condition, and the tuned generator.

        Raises:
            Unreachable: there is no way back from the picture, or the generator cannot be changed.
            NotFoundError: there is no adapter.
            ModelFileError: the adapter is another network's.
        """
        if not isinstance(edit.generator, Retunable):
            raise Unreachable("this generator cannot be tuned", field="method", hint="use a diffusion model")
        tuned = edit.generator.retuned(Path(self.adapter), self.share)
        state = edit.learned(partial(self._away, edit), self.name, self.refinements, edit.strength)
        return Beginning(tuned, Resume(state, edit.strength))

    @torch.no_grad()
    def _away(self, edit: Edit) -> State:
        """The noisy state that the picture comes from."""
        way = Way.of(edit.generator, edit.sampler, way_back(edit.plan, ""), 1, edit.device)
        last = replace(way, levels=truncate(way.levels, edit.strength))
        return last.back(way.encode(edit.canvas.image), self.refinements)[0]
